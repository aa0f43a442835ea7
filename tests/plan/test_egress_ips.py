"""Which way out a project has on each node, and how packets tell their egress IP."""

from __future__ import annotations

import pytest
from attrs import evolve

from compiler.model.model import EgressIp, Model, Node
from compiler.origin import Origin
from compiler.plan.egress_ips import MARK_MASK, NO_EGRESS_IPS, EgressIpPlan, EgressRoute, plan_egress_ips
from compiler.values.labels import NO_LABELS
from compiler.values.prefix import Prefix
from tests.policy.lists import SOURCE, model

NODES = tuple(
    Node(f"node-{i}", 0xC0A8640A + i, Prefix(0x0A800000 + (i << 9), 23), NO_LABELS, Origin(SOURCE, (i, 0)))
    for i in (1, 2, 3)
)
ONE, TWO, THREE = NODES
FIRST = 0xC0A86432


def egress_ip(offset: int, netid: int, node: Node | None) -> EgressIp:
    origin = Origin(SOURCE, (netid, offset))
    return EgressIp(FIRST + offset, f"p{netid}", netid, node.name if node else None, (origin,))


def cluster(*egress_ips: EgressIp) -> Model:
    return evolve(model(), nodes=NODES, egress_ips=egress_ips)


def route(planned: EgressIpPlan, netid: int) -> EgressRoute:
    (found,) = [one for one in planned.routes if one.netid == netid]
    return found


def test_no_egress_ips() -> None:
    assert plan_egress_ips(cluster(), ONE, {1, 2}) == NO_EGRESS_IPS


@pytest.mark.behaviour("EI-01")
def test_a_project_leaves_by_the_node_that_hosts_its_address() -> None:
    existing = cluster(egress_ip(0, 7, TWO))

    at_home, here = plan_egress_ips(existing, ONE, {7}), plan_egress_ips(existing, TWO, {7})

    assert (route(at_home, 7).local, route(at_home, 7).remote, at_home.hosted) == ((), (TWO,), ())
    assert (route(here, 7).local, route(here, 7).remote) == ((FIRST,), ())
    assert [(one.address, one.project, one.netid) for one in here.hosted] == [(FIRST, "p7", 7)]


@pytest.mark.behaviour("EI-01")
def test_a_node_knows_the_projects_of_its_pods_and_of_the_addresses_that_it_hosts() -> None:
    existing = cluster(egress_ip(0, 7, TWO), egress_ip(1, 8, TWO), egress_ip(2, 9, THREE))

    assert [one.netid for one in plan_egress_ips(existing, ONE, {8, 50}).routes] == [8]
    assert [one.netid for one in plan_egress_ips(existing, TWO, {9}).routes] == [7, 8, 9]
    assert plan_egress_ips(existing, ONE, ()) == NO_EGRESS_IPS


@pytest.mark.behaviour("EI-02")
def test_a_project_whose_address_nobody_hosts_has_no_way_out() -> None:
    planned = plan_egress_ips(cluster(egress_ip(0, 7, None)), ONE, {7})

    assert (route(planned, 7).local, route(planned, 7).remote) == ((), ())


@pytest.mark.behaviour("EI-03")
def test_hosted_addresses_share_the_load_and_a_local_one_is_preferred() -> None:
    existing = cluster(
        egress_ip(0, 7, None), egress_ip(1, 7, TWO), egress_ip(2, 7, THREE), egress_ip(3, 7, TWO), egress_ip(4, 7, None)
    )

    elsewhere, here, beside = (route(plan_egress_ips(existing, node, {7}), 7) for node in NODES)

    assert (elsewhere.local, elsewhere.remote) == ((), (TWO, THREE, TWO))
    assert (here.local, here.remote) == ((FIRST + 1, FIRST + 3), ())
    assert (beside.local, beside.remote) == ((FIRST + 2,), ())
    assert [origin.at for origin in elsewhere.origins] == [(7, i) for i in range(5)]


@pytest.mark.behaviour("OUT-02")
def test_marks_are_the_address_own_and_stay() -> None:
    some = [egress_ip(3 * i, 7 + i, TWO) for i in range(40)]
    more = sorted([*some, *(egress_ip(3 * i + 1, 107 + i, TWO) for i in range(10))], key=lambda one: one.address)

    before = {one.address: one.mark for one in plan_egress_ips(cluster(*some), TWO, ()).hosted}
    after = {one.address: one.mark for one in plan_egress_ips(cluster(*more), TWO, ()).hosted}

    assert before.items() < after.items()
    assert len(set(after.values())) == len(after) == 50
    assert all(mark and mark & MARK_MASK == mark for mark in after.values())
    # kube-proxy's and OpenShift's own bits stay free.
    assert MARK_MASK & 0xC001 == 0
