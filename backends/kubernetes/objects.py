"""The objects that deploy an egress router, shaped as OpenShift documents them.

A Pod or a ReplicationController with one replica carries the annotation that asks for the macvlan interface, and a
privileged init container that sets it up.  The destinations are a variable of that container in redirect mode, of the
proxy's container otherwise; either takes them from a ConfigMap where the router asks for one.
"""

from __future__ import annotations

from attrs import frozen

from backends.kubernetes.destinations import Variable, variable
from backends.kubernetes.yaml import Value
from compiler.declarations import EgressRouter, RouterDeployment, RouterMode
from compiler.values.labels import Operator, Selector
from compiler.values.prefix import WIDTH, format_address

MACVLAN = "pod.network.openshift.io/assign-macvlan"
"""The annotation that asks for the macvlan interface: "true", or the name of the node's interface."""

CONFIG_KEY = "destination"
"""The key in the ConfigMap."""

_SETUP_IMAGE = "openshift/origin-egress-router"


@frozen
class _Containers:
    """The names of a mode's init container and of the container that stays, and the image of the latter."""

    setup: str
    stays: str
    image: str


_CONTAINERS = {
    RouterMode.INIT: _Containers("egress-router", "egress-router-wait", "openshift/origin-pod"),
    RouterMode.HTTP_PROXY: _Containers(
        "egress-router-setup", "egress-router-proxy", "openshift/origin-egress-http-proxy"
    ),
    RouterMode.DNS_PROXY: _Containers("egress-router-setup", "egress-dns-proxy", "openshift/origin-egress-dns-proxy"),
}


def objects_of(router: EgressRouter, deployment: RouterDeployment) -> list[dict[str, Value]]:
    """The ConfigMap, if there is one, then the Pod or ReplicationController, then the Service."""
    destinations = variable(router.destinations)
    template = {"metadata": _template_metadata(router), "spec": _pod_spec(router, deployment, destinations)}
    objects: list[dict[str, Value]] = []
    if deployment.config_map:
        data = {CONFIG_KEY: destinations.text}
        objects.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": _metadata(router), "data": data})
    if deployment.controller:
        spec: Value = {"replicas": 1, "selector": _labels(router), "template": template}
        objects.append(
            {"apiVersion": "v1", "kind": "ReplicationController", "metadata": _metadata(router), "spec": spec}
        )
    else:
        pod = {"metadata": {**_template_metadata(router), **_metadata(router)}, "spec": template["spec"]}
        objects.append({"apiVersion": "v1", "kind": "Pod", **pod})
    objects.append(_service(router, destinations))
    return objects


def _labels(router: EgressRouter) -> dict[str, Value]:
    return {"name": router.name}


def _metadata(router: EgressRouter) -> dict[str, Value]:
    return {"name": router.name, "namespace": router.project, "labels": _labels(router)}


def _template_metadata(router: EgressRouter) -> dict[str, Value]:
    return {"annotations": {MACVLAN: router.interface or "true"}, "labels": _labels(router)}


def _pod_spec(router: EgressRouter, deployment: RouterDeployment, destinations: Variable) -> dict[str, Value]:
    containers = _CONTAINERS[router.mode]
    source = format_address(router.source)
    if router.source_length != WIDTH:
        source += f"/{router.source_length}"
    setup_env = [
        _variable("EGRESS_SOURCE", source),
        _variable("EGRESS_GATEWAY", format_address(router.gateway)),
        _variable("EGRESS_ROUTER_MODE", router.mode.value),
    ]
    told = _destinations(router, deployment, destinations)
    setup: dict[str, Value] = {"name": containers.setup, "securityContext": {"privileged": True}}
    stays: dict[str, Value] = {"name": containers.stays}
    if router.mode is RouterMode.INIT:
        setup |= {"image": deployment.image or _SETUP_IMAGE, "env": [*setup_env[:2], told, *setup_env[2:]]}
        stays |= {"image": containers.image}
    else:
        setup |= {"image": _SETUP_IMAGE, "env": setup_env}
        stays |= {"image": deployment.image or containers.image, "env": [told]}
    return {"initContainers": [setup], "containers": [stays], **_nodes(router)}


def _variable(name: str, value: str) -> dict[str, Value]:
    return {"name": name, "value": value}


def _destinations(router: EgressRouter, deployment: RouterDeployment, destinations: Variable) -> dict[str, Value]:
    if deployment.config_map:
        reference: Value = {"configMapKeyRef": {"name": router.name, "key": CONFIG_KEY}}
        return {"name": destinations.name, "valueFrom": reference}
    return _variable(destinations.name, destinations.text)


def _nodes(router: EgressRouter) -> dict[str, Value]:
    """On which nodes the pod may run.  A nodeSelector has equalities only; affinity says the rest."""
    if router.node is not None:
        return {"nodeName": router.node}
    if router.nodes is None or not router.nodes.requirements:
        return {}
    if (equalities := _equalities(router.nodes)) is not None:
        return {"nodeSelector": equalities}
    expressions: list[Value] = []
    for requirement in router.nodes.requirements:
        expression: dict[str, Value] = {"key": requirement.key, "operator": requirement.operator.value}
        expressions.append({**expression, "values": requirement.values} if requirement.values else expression)
    required: Value = {"nodeSelectorTerms": [{"matchExpressions": expressions}]}
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}}


def _equalities(selector: Selector) -> dict[str, Value] | None:
    """The labels that a selector asks for, or None if it asks for anything else."""
    labels: dict[str, Value] = {}
    for requirement in selector.requirements:
        if requirement.operator is not Operator.IN or len(requirement.values) != 1 or requirement.key in labels:
            return None
        labels[requirement.key] = requirement.values[0]
    return labels


def _service(router: EgressRouter, destinations: Variable) -> dict[str, Value]:
    """The Service: with the ports that are told; without one it is headless, and its name leads to the pod itself."""
    ports: list[Value] = [
        {
            "name": f"{protocol.name.lower()}-{number}",
            "port": number,
            "protocol": protocol.name,
            "targetPort": number,
        }
        for protocol, number in destinations.ports
    ]
    spec: dict[str, Value] = {"selector": _labels(router)}
    spec |= {"ports": ports, "type": "ClusterIP"} if ports else {"clusterIP": "None"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": _metadata(router), "spec": spec}
