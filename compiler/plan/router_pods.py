"""Which pods of a node are egress routers.

A router is known by the name of the object that was declared: a Pod, or what makes pods.  Objects that the applier of a
bundle never sees (a ReplicaSet) may stand between, so pods are told by the names that Kubernetes gives them:

    Pod                      NAME
    ReplicationController    NAME-x2z4q
    Deployment               NAME-6b8f4d7c9-x2z4q     (the template's hash)
    DeploymentConfig         NAME-3-x2z4q             (the number of the rollout)

The last part is random, of letters and digits that spell no words (k8s.io/apimachinery, util/rand), so that a pod that
people have named, such as NAME-test, is hardly ever taken for one of these.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from compiler.model.model import Endpoint, Router
from compiler.plan.node import LocalPod, NodePlan

_SAFE = "[bcdfghjklmnpqrstvwxz2456789]"
_GENERATED = re.compile(rf"(?:[0-9]+-|{_SAFE}{{5,10}}-)?{_SAFE}{{5}}")
_LONGEST_PREFIX = 58
"""Of the prefix of a generated name, its dash included, more is cut off (k8s.io/apiserver, storage/names)."""


def router_pods(plan: NodePlan) -> dict[str, tuple[LocalPod, ...]]:
    """The pods of the node that are each router which the node may run, by the router's `name`, in the plan's order."""
    found: dict[str, list[LocalPod]] = {router.name: [] for router in plan.routers}
    for pod in plan.pods:
        router = router_of(pod.endpoint, plan.routers)
        if router is not None:
            found[router.name].append(pod)
    return {name: tuple(pods) for name, pods in found.items()}


def router_of(pod: Endpoint, routers: Iterable[Router]) -> Router | None:
    """The router that a pod is, of those that its node may run; None if it is none.

    A pod is one router: where the names of several fit, the longest decides.
    """
    here = (router for router in routers if pod.node in router.nodes and _is_of(pod, router))
    return max(here, key=lambda router: len(router.router.name), default=None)


def _is_of(pod: Endpoint, router: Router) -> bool:
    declared, name = router.router, pod.pod.name
    if declared.project != pod.pod.project:
        return False
    if name == declared.name:
        return True
    if declared.deployment is not None and not declared.deployment.controller:
        return False
    prefix = f"{declared.name}-"[:_LONGEST_PREFIX]
    return name.startswith(prefix) and _GENERATED.fullmatch(name.removeprefix(prefix)) is not None
