"""Peer classes, verdicts and classifiers of a node, by examples."""

from __future__ import annotations

import pytest
from attrs import evolve

from compiler.model.model import EgressIp, Firewall, MulticastDomain
from compiler.pipeline import Compilation
from compiler.plan.node import DirectionPlan, NodePlan, plan_node
from compiler.plan.verdicts import NO_CLASS
from compiler.policy.firewall import fold_firewalls
from compiler.values.prefix import parse_address
from tests.compiling import CLUSTER, MULTITENANT, SUBNET, compiled, declare
from tests.policy.lists import network, rule

PODS = """
project shop { netid 100 }
project other { netid 200 }
pod shop/web { node node-1 address 10.128.0.2 labels app=web }
pod shop/db { node node-1 address 10.128.0.3 labels app=db }
pod shop/api { node node-2 address 10.128.2.2 labels app=api }
pod shop/cron { node node-2 address 10.128.2.3 labels app=cron }
pod other/a { node node-2 address 10.128.2.4 labels app=api }
"""

EXAMPLE = """
policy shop/web { select app=web  ingress { allow tcp/80 from project shop } }
policy shop/db { select app=db  ingress { allow tcp/5432 from pods app=api } }
"""
"""The example of the docstring of compiler/plan/verdicts.py."""


def plans(text: str, cluster: str = CLUSTER) -> dict[str, NodePlan]:
    compilation: Compilation = compiled(declare(cluster + PODS + text))
    return {
        node.name: plan_node(compilation.model, compilation.policy, compilation.firewalls, node)
        for node in compilation.model.nodes
    }


def subjects(plan: NodePlan) -> dict[str, int]:
    return {pod.endpoint.name: pod.ingress for pod in plan.pods}


def verdicts(direction: DirectionPlan) -> dict[tuple[int, int | None], str]:
    return {(one.subject, one.peers): str(one.services) for one in direction.decided.verdicts}


def class_of(direction: DirectionPlan, address: str, netid: int = 0) -> int:
    """The class of a packet, as the classifier's docstring says: address, NetID, longest prefix."""
    value = parse_address(address)
    by_address = [entry.peers for entry in direction.classifier.addresses if value in entry.prefix]
    by_netid = [entry.peers for entry in direction.classifier.netids if entry.netid == netid != 0]
    by_prefix = sorted(
        (entry.prefix.length, entry.peers) for entry in direction.classifier.prefixes if value in entry.prefix
    )
    return next(iter([*by_address, *by_netid, *(peers for _, peers in reversed(by_prefix))]), NO_CLASS)


@pytest.mark.behaviour("NP-02", "NP-05")
def test_the_example_of_the_docstring() -> None:
    plan = plans(EXAMPLE)["node-1"]
    ingress = plan.ingress
    web, db = subjects(plan)["shop/web"], subjects(plan)["shop/db"]
    api = class_of(ingress, "10.128.2.2", netid=100)
    rest = class_of(ingress, "10.128.2.3", netid=100)

    assert len({NO_CLASS, web, db}) == len({NO_CLASS, api, rest}) == 3
    assert {peers.number for peers in ingress.decided.classes} == {api, rest}
    assert verdicts(ingress) == {(web, api): "tcp/80", (db, api): "tcp/5432", (web, rest): "tcp/80"}
    assert class_of(ingress, "10.128.2.4", netid=200) == NO_CLASS
    assert class_of(ingress, "8.8.8.8") == NO_CLASS


@pytest.mark.behaviour("NP-05")
def test_a_pod_of_which_only_the_project_is_known_is_in_its_class() -> None:
    ingress = plans(EXAMPLE)["node-1"].ingress

    assert class_of(ingress, "10.128.3.200", netid=100) == class_of(ingress, "10.128.2.3", netid=100) != NO_CLASS


def test_a_node_knows_only_the_subjects_of_its_own_pods() -> None:
    plan = plans(EXAMPLE)["node-2"]

    assert plan.ingress == plan.egress == DirectionPlan()
    assert set(subjects(plan).values()) == {NO_CLASS}


@pytest.mark.behaviour("NP-02")
def test_pods_that_no_policy_selects_are_no_subject() -> None:
    plan = plans("policy shop/web { select app=web  ingress {} }")["node-1"]

    assert subjects(plan)["shop/web"] != NO_CLASS
    assert subjects(plan)["shop/db"] == NO_CLASS
    assert plan.ingress.decided.verdicts == ()
    assert {pod.egress for pod in plan.pods} == {NO_CLASS}


def test_policies_with_one_meaning_make_one_subject() -> None:
    plan = plans(
        """
        policy shop/web { select app=web  ingress { allow tcp/80, tcp/443 from pods app=api } }
        policy shop/db { select app=db  ingress {
          allow tcp/443 from pods app=api
          allow tcp/80 from pods app=api in project shop
        } }
        """
    )["node-1"]

    assert len(set(subjects(plan).values())) == 1
    assert [str(one.services) for one in plan.ingress.decided.verdicts] == ["tcp/80,443"]


@pytest.mark.behaviour("NP-04")
def test_what_everybody_may_is_no_class() -> None:
    plan = plans(
        "policy shop/web { select app=web  ingress { allow tcp/80 from anyone  allow tcp/22 from pods app=api } }"
    )["node-1"]
    web = subjects(plan)["shop/web"]
    api = class_of(plan.ingress, "10.128.2.2", netid=100)

    assert verdicts(plan.ingress) == {(web, None): "tcp/80", (web, api): "tcp/22,80"}


@pytest.mark.behaviour("NP-07")
def test_blocks_and_their_exceptions() -> None:
    plan = plans(
        "policy shop/web { select app=web  ingress { allow any from 192.0.2.0/24 except 192.0.2.128/25, 10.128.2.4 } }"
    )["node-1"]
    inside = class_of(plan.ingress, "192.0.2.1")

    assert inside != NO_CLASS
    assert class_of(plan.ingress, "10.128.2.4", netid=200) == inside
    assert class_of(plan.ingress, "192.0.2.129") == class_of(plan.ingress, "10.128.2.2", netid=100) == NO_CLASS


@pytest.mark.behaviour("NT-01")
def test_the_project_default_stands_for_nodes_in_ingress_only() -> None:
    text = """
    policy shop/web { select app=web  ingress { allow tcp/80 from project default } }
    policy shop/db { select app=db  egress { allow tcp/80 to project default } }
    """
    plan = plans(text)["node-1"]

    assert class_of(plan.ingress, "192.168.100.12") != NO_CLASS
    assert class_of(plan.ingress, "10.128.2.1") != NO_CLASS
    assert class_of(plan.egress, "192.168.100.12") == NO_CLASS


@pytest.mark.behaviour("NP-10")
def test_named_ports_are_those_of_the_receiver() -> None:
    text = """
    pod shop/x { node node-1 address 10.128.0.7 labels app=x  port http tcp/8080 }
    pod shop/y { node node-1 address 10.128.0.8 labels app=x  port http tcp/9090 }
    pod shop/z { node node-1 address 10.128.0.9 labels app=x }
    policy shop/x { select app=x  ingress { allow tcp/http from pods app=api } }
    """
    plan = plans(text)["node-1"]
    allowed = {one.subject: str(one.services) for one in plan.ingress.decided.verdicts}

    assert [allowed.get(subjects(plan)[f"shop/{name}"]) for name in "xyz"] == ["tcp/8080", "tcp/9090", None]
    assert subjects(plan)["shop/z"] != NO_CLASS


def test_ports_and_interfaces_are_derived_from_names_unless_told() -> None:
    plan = plans("pod shop/told { node node-1 address 10.128.0.9 of-port 20 }")["node-1"]
    again = plans("pod shop/aaa { node node-1 address 10.128.0.8 }")["node-1"]
    ports = {pod.endpoint.name: (pod.of_port, pod.interface) for pod in plan.pods}
    other = {pod.endpoint.name: (pod.of_port, pod.interface) for pod in again.pods}

    assert ports["shop/told"][0] == 20
    assert all(
        port >= 3 and interface.startswith("veth") and len(interface) == 12 for port, interface in ports.values()
    )
    assert ports["shop/web"] == other["shop/web"]
    assert len({port for port, _ in ports.values()}) == len(ports)


@pytest.mark.behaviour("PN-01")
@pytest.mark.parametrize(("cluster", "netids"), [(MULTITENANT, {100, 0}), (SUBNET, {0}), (CLUSTER, {100, 0})])
def test_netids_count_in_the_modes_that_have_them(cluster: str, netids: set[int]) -> None:
    plan = plans("pod default/d { node node-1 address 10.128.0.9 }", cluster)["node-1"]

    assert {pod.netid for pod in plan.pods} == netids


@pytest.mark.behaviour("OUT-02")
def test_an_interface_that_is_told_is_no_other_pods() -> None:
    (derived,) = [pod.interface for pod in plans("")["node-1"].pods if pod.endpoint.name == "shop/web"]

    told = f"pod other/b {{ node node-1 address 10.128.0.9 interface {derived} }}"
    interfaces = {pod.endpoint.name: pod.interface for pod in plans(told)["node-1"].pods}

    assert interfaces["other/b"] == derived
    assert len(set(interfaces.values())) == len(interfaces)


@pytest.mark.behaviour("NP-07", "NP-13")
def test_all_but_one_address_for_many_subjects_is_a_sum_and_no_product() -> None:
    """Each pod may call everybody but an address of its own: as many subjects as classes."""
    count = 100
    pods = [f"pod shop/p{i} {{ node node-1 address 10.128.1.{i} labels n=p{i} }}" for i in range(1, count + 1)]
    policies = [
        f"policy shop/p{i} {{ select n=p{i}  egress {{ allow any to 0.0.0.0/0 except 203.0.113.{i} }} }}"
        for i in range(1, count + 1)
    ]
    egress = plans("\n".join([*pods, *policies]))["node-1"].egress
    decided = egress.decided

    assert len(decided.subjects) == len(decided.classes) - 1 == count
    # For each subject: everything to everybody, nothing to one class, and nothing to those who are in no block.
    assert len(decided.verdicts) <= 3 * count
    by_pair = {(one.subject, one.peers): one.services for one in decided.verdicts}
    for subject in decided.subjects:
        (refused,) = [i for i in range(1, count + 1) if f"except 203.0.113.{i};" in f"{subject.text};"]
        for i in range(1, count + 1):
            peers = class_of(egress, f"203.0.113.{i}")
            services = by_pair.get((subject.number, peers), by_pair[subject.number, None])
            assert bool(services) == (i != refused)


@pytest.mark.behaviour("EF-01", "EI-01", "MC-01")
def test_a_node_plans_what_leaves_for_the_projects_of_its_pods() -> None:
    """`shop` has pods on both nodes, `other` on node-2 only; node-2 hosts an egress IP of `shop`."""
    compilation = compiled(declare(CLUSTER + PODS))
    model = evolve(
        compilation.model,
        firewalls=(
            Firewall("shop", 100, (rule(0, False, network("192.0.2.0/24")),), ()),
            Firewall("other", 200, None, ()),
        ),
        egress_ips=(EgressIp(parse_address("192.168.100.50"), "shop", 100, "node-2", ()),),
        multicast=(MulticastDomain(100, ()), MulticastDomain(200, ())),
    )
    firewalls = fold_firewalls(model)

    one, two = (plan_node(model, compilation.policy, firewalls, node) for node in model.nodes)

    assert [firewall.project for firewall in one.firewall.projects] == ["shop"]
    assert [firewall.project for firewall in two.firewall.projects] == ["shop", "other"]
    assert [route.remote for route in one.egress_ips.routes] == [(two.node,)]
    assert [route.local for route in two.egress_ips.routes] == [(parse_address("192.168.100.50"),)]
    assert [(domain.netid, len(domain.of_ports), domain.nodes) for domain in one.multicast] == [(100, 2, (two.node,))]
    assert [(domain.netid, len(domain.of_ports), domain.nodes) for domain in two.multicast] == [
        (100, 2, (one.node,)),
        (200, 1, ()),
    ]
