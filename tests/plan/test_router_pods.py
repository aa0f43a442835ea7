"""Which pods are egress routers, by the names that Kubernetes gives to pods."""

from __future__ import annotations

import pytest
from attrs import evolve

from compiler.declarations import RouterDeployment
from compiler.plan.router_pods import router_pods
from tests.backends.macvlan.plans import egress_router, node_plan
from tests.compiling import CLUSTER


def found(pods: list[str], *routers: str, deployment: RouterDeployment | None = None) -> dict[str, list[str]]:
    """The pods of each router; all names are in the project `shop`, unless they have a project before a slash."""
    text = CLUSTER + "project shop\nproject lab\n"
    for number, pod in enumerate(pods, 10):
        name = pod if "/" in pod else f"shop/{pod}"
        text += f"pod {name} {{ node node-1  address 10.128.0.{number} }}\n"
    made = [
        evolve(egress_router(name=f"shop/{name}", source=f"192.168.12.{number}/32"), deployment=deployment)
        for number, name in enumerate(routers, 99)
    ]
    plan = node_plan(made, text=text)
    return {name: [pod.endpoint.name for pod in pods] for name, pods in router_pods(plan).items()}


@pytest.mark.parametrize(
    "pod",
    ["db", "db-x2z4q", "db-3-x2z4q", "db-12-bbbbb", "db-6b8f4d7c9-x2z4q", "db-6b8f4d7c99-x2z4q"],
    ids=["pod", "controller", "rollout", "twelfth-rollout", "deployment", "long-hash"],
)
def test_a_pod_of_the_router(pod: str) -> None:
    assert found([pod, "web-1"], "db") == {"shop_db": [f"shop/{pod}"]}


@pytest.mark.parametrize(
    "pod", ["db-1", "db-test", "db-x2z4", "db-x2z4qq", "db-x2a4q", "dbx2z4q", "db-x2z4q-1", "db-3-4-x2z4q", "lab/db"]
)
def test_a_pod_of_somebody_else(pod: str) -> None:
    """A macvlan interface in a wrong pod would have the router's address outside."""
    assert found([pod], "db") == {"shop_db": []}


def test_the_longest_name_decides() -> None:
    assert found(["db-x2z4q", "db-bcdfg-x2z4q"], "db", "db-bcdfg") == {
        "shop_db": ["shop/db-x2z4q"],
        "shop_db-bcdfg": ["shop/db-bcdfg-x2z4q"],
    }


def test_a_router_that_is_deployed_as_a_pod_has_no_other_name() -> None:
    pods = ["db", "db-x2z4q"]

    assert found(pods, "db", deployment=RouterDeployment(controller=False)) == {"shop_db": ["shop/db"]}
    assert found(pods, "db", deployment=RouterDeployment()) == {"shop_db": ["shop/db", "shop/db-x2z4q"]}


def test_a_long_name_is_cut_before_the_suffix() -> None:
    name = "a" * 63

    assert found([f"{'a' * 58}x2z4q"], name) == {f"shop_{name}": [f"shop/{'a' * 58}x2z4q"]}
