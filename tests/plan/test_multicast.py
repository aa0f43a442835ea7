"""Where the multicast packets of a project go from each node."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from attrs import evolve

from compiler.declarations import Pod
from compiler.model.model import Endpoint, Model, MulticastDomain, Node, Project
from compiler.origin import Origin
from compiler.plan.multicast import MulticastPlan, plan_multicast
from compiler.values.labels import NO_LABELS
from tests.plan.test_egress_ips import NODES, ONE, THREE, TWO
from tests.policy.lists import SOURCE, model

HERE = Origin(SOURCE, (0, 0))


def cluster(domains: Sequence[int], **pods: tuple[int, Node]) -> Model:
    """Pods by name, each with its NetID and node; a project for each pod, so that some share a NetID."""
    return evolve(
        model(),
        nodes=NODES,
        projects=tuple(Project(f"of-{name}", NO_LABELS, netid, False, None) for name, (netid, _) in pods.items()),
        endpoints=tuple(
            Endpoint(Pod(f"of-{name}", name, HERE), node.name, 0x0A800002 + i)
            for i, (name, (_, node)) in enumerate(pods.items())
        ),
        multicast=tuple(MulticastDomain(netid, (HERE,)) for netid in domains),
    )


def planned(existing: Model, node: Node, *pods: tuple[int, int]) -> list[tuple[int, tuple[int, ...], tuple[Node, ...]]]:
    plans: tuple[MulticastPlan, ...] = plan_multicast(existing, node, pods)
    return [(one.netid, one.of_ports, one.nodes) for one in plans]


@pytest.mark.behaviour("MC-04")
def test_packets_reach_all_pods_of_the_netid_on_all_nodes() -> None:
    existing = cluster([7], a=(7, ONE), b=(7, ONE), c=(7, TWO), d=(8, THREE))

    assert planned(existing, ONE, (7, 20), (7, 10), (8, 15)) == [(7, (10, 20), (TWO,))]
    assert planned(existing, TWO, (7, 30)) == [(7, (30,), (ONE,))]
    assert planned(existing, THREE, (8, 40)) == []


@pytest.mark.behaviour("MC-01")
def test_without_a_domain_nothing_is_planned() -> None:
    assert planned(cluster([], a=(7, ONE), b=(7, TWO)), ONE, (7, 20)) == []


@pytest.mark.behaviour("MC-03")
def test_global_projects_reach_each_other_only() -> None:
    existing = cluster([0, 7], a=(0, ONE), b=(0, THREE), c=(7, TWO), d=(7, ONE))

    assert planned(existing, ONE, (0, 10), (7, 11)) == [(0, (10,), (THREE,)), (7, (11,), (TWO,))]


@pytest.mark.behaviour("OUT-01")
def test_the_order_of_pods_does_not_matter() -> None:
    existing = cluster([7], a=(7, THREE), b=(7, TWO), c=(7, ONE))

    assert planned(existing, ONE, (7, 12), (7, 11)) == planned(existing, ONE, (7, 11), (7, 12))
    assert planned(existing, ONE, (7, 12), (7, 11)) == [(7, (11, 12), (TWO, THREE))]
