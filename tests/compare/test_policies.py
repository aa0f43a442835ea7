"""What policies and NetIDs change between pods, and from nodes and the outside to pods."""

from __future__ import annotations

import pytest

from tests.compare.versions import CLUSTER, MULTITENANT, PODS, SUBNET, added, compared, lines, told

FRONT = "policy shop/front {{ select tier=front  ingress {{ {} }} }}"


def test_a_port_more_is_one_change() -> None:
    old = FRONT.format("allow tcp/8080 from project blog")
    new = FRONT.format("allow tcp/8080, tcp/9090 from project blog")

    comparison = added(old, new)

    assert lines(comparison) == ["+ tcp/9090: pod blog/web-1 -> pods tier=front in project shop"]
    (change,) = comparison.connections
    assert [pod.name for pod in change.sources.pods] == ["blog/web-1"]
    assert [pod.name for pod in change.destinations.pods] == ["shop/web-1", "shop/web-2"]
    assert change.pairs == 2


def test_another_port_is_two_changes() -> None:
    old = FRONT.format("allow tcp/80 from project blog")
    new = FRONT.format("allow tcp/81 from project blog")

    assert lines(added(old, new)) == [
        "+ tcp/81: pod blog/web-1 -> pods tier=front in project shop",
        "- tcp/80: pod blog/web-1 -> pods tier=front in project shop",
    ]


@pytest.mark.behaviour("NP-02")
def test_the_first_policy_denies_what_was_open() -> None:
    comparison = added("", "policy lab/deny { ingress {} }")

    assert lines(comparison) == ["- any: anyone -> pod lab/tool-1"]


@pytest.mark.behaviour("NP-02")
def test_what_the_sender_may_not_send_does_not_change() -> None:
    closed = "policy blog/closed { egress {} }\n"
    old = closed + FRONT.format("allow tcp/8080 from project blog")
    new = closed + FRONT.format("allow tcp/9090 from project blog")

    comparison = added(old, new)

    assert comparison.same


@pytest.mark.behaviour("NP-02")
def test_only_what_both_ends_allow_changes() -> None:
    sending = "policy blog/sending { egress { allow tcp/80-90 to project shop } }\n"
    old = sending + FRONT.format("")
    new = sending + FRONT.format("allow tcp/85-100 from projects team=web")

    assert lines(added(old, new)) == [
        "+ tcp/85-100: project shop -> pods tier=front in project shop",
        "+ tcp/85-90: pod blog/web-1 -> pods tier=front in project shop",
    ]


@pytest.mark.behaviour("NP-04")
def test_every_protocol_is_more_than_all_ports() -> None:
    old = FRONT.format("allow tcp, udp, sctp from project blog")
    new = FRONT.format("allow any from project blog")

    assert lines(added(old, new)) == ["+ other: pod blog/web-1 -> pods tier=front in project shop"]


@pytest.mark.behaviour("NP-12")
def test_a_node_reaches_its_pods_and_a_pod_itself_whatever_changes() -> None:
    old = "policy lab/tool { ingress { allow any from 192.168.100.12, 10.128.2.1, 10.128.2.14 } }"
    new = "policy lab/tool { ingress {} }"

    assert added(old, new).same
    assert lines(added(old, new.replace("{}", "{ allow any from 192.168.100.11 }"))) == [
        "+ any: address of node node-1 -> pod lab/tool-1",
    ]


@pytest.mark.behaviour("NT-01")
def test_nodes_come_from_the_project_default() -> None:
    old = "policy lab/tool { ingress {} }"
    new = "policy lab/tool { ingress { allow tcp/80 from project default } }"

    comparison = added(old, new)

    assert lines(comparison) == ["+ tcp/80: all nodes -> pod lab/tool-1"]
    assert [(node.name, node.gateway) for node in comparison.connections[0].sources.nodes] == [
        ("node-1", True),
        ("node-1", False),
        ("node-2", True),
        ("node-2", False),
    ]


@pytest.mark.behaviour("NP-07")
def test_blocks_are_told_as_they_are_written() -> None:
    old = "policy lab/tool { ingress { allow tcp/80 from 203.0.113.0/24 } }"
    new = "policy lab/tool { ingress { allow tcp/80 from 203.0.113.0/24 except 203.0.113.64/26 } }"

    assert lines(added(old, new)) == ["- tcp/80: 203.0.113.64/26 -> pod lab/tool-1"]
    assert lines(added("policy lab/tool { ingress {} }", new)) == [
        "+ tcp/80: 203.0.113.0/24 except 203.0.113.64/26 -> pod lab/tool-1"
    ]


@pytest.mark.behaviour("NP-10")
def test_a_named_port_changes_with_the_pod_that_receives() -> None:
    policy = "policy shop/named { ingress { allow tcp/http from project blog } }"
    old = CLUSTER + policy
    new = old.replace("labels app=db  port http tcp/9000", "labels app=db  port http tcp/9001")

    assert lines(compared(old, new)) == [
        "+ tcp/9001: pod blog/web-1 -> pod shop/db-1",
        "- tcp/9000: pod blog/web-1 -> pod shop/db-1",
    ]


@pytest.mark.behaviour("NP-14")
def test_an_isolated_project() -> None:
    new = CLUSTER.replace("project lab { netid 102 }", "project lab { netid 102  isolated }")

    assert lines(compared(CLUSTER, new)) == ["- any: anyone -> pod lab/tool-1"]


def test_a_label_moves_a_pod_into_a_policy() -> None:
    policy = FRONT.format("allow tcp/80 from project shop")
    new = CLUSTER.replace("labels app=db  port", "labels app=db, tier=front  port") + policy

    assert lines(compared(CLUSTER + policy, new)) == [
        "- any: projects blog, lab and outside the cluster and all nodes -> pod shop/db-1",
        "- tcp/0-79,81-65535 udp sctp other: project shop -> pod shop/db-1",
    ]


def test_a_pod_comes() -> None:
    pod = "pod lab/tool-2 { node node-1  address 10.128.0.20  labels app=tool }"
    policies = "policy lab/tool { ingress { allow tcp/80 from project blog }  egress {} }"

    comparison = added(policies, policies + pod)

    assert [(pod.name, pod.address) for pod in comparison.pods_added] == [("lab/tool-2", 0x0A800014)]
    assert comparison.pods_removed == ()
    assert lines(comparison) == ["+ tcp/80: pod blog/web-1 -> pod lab/tool-2"]


def test_a_pod_that_nobody_reaches_comes() -> None:
    pod = "pod lab/tool-2 { node node-1  address 10.128.0.20  labels app=tool }"
    policies = "policy lab/tool { ingress {}  egress {} }"

    comparison = added(policies, policies + pod)

    assert not comparison.connections
    assert not comparison.same


def test_a_pod_that_moves_is_another_pod() -> None:
    policies = "policy lab/tool { ingress { allow tcp/80 from project blog }  egress {} }"
    old = CLUSTER + policies
    new = old.replace("lab/tool-1 { node node-2  address 10.128.2.14", "lab/tool-1 { node node-1  address 10.128.0.14")

    comparison = compared(old, new)

    assert lines(comparison) == [
        "+ tcp/80: pod blog/web-1 -> pod lab/tool-1 at 10.128.0.14",
        "- tcp/80: pod blog/web-1 -> pod lab/tool-1 at 10.128.2.14",
    ]
    assert len(comparison.pods_added) == len(comparison.pods_removed) == 1


@pytest.mark.behaviour("NP-12")
def test_the_own_node_of_a_pod_is_another_one() -> None:
    """node-1 and node-2 exchange their subnets: each pod stays where it is, and its node is the other one."""
    old = CLUSTER + "policy lab/tool { ingress {} }"
    new = old.replace("node-1 {", "node-0 {").replace("node-2 {", "node-1 {").replace("node-0 {", "node-2 {")
    new = new.replace("address 192.168.100.11/24", "address A").replace("address 192.168.100.12/24", "address B")
    new = new.replace("address A", "address 192.168.100.12/24").replace("address B", "address 192.168.100.11/24")
    new = new.replace("node node-2  address 10.128.2", "node node-1  address 10.128.2")
    new = new.replace("node node-1  address 10.128.0", "node node-2  address 10.128.0")

    comparison = compared(old, new)

    assert lines(comparison) == [
        "+ any: address of node node-1 -> pod lab/tool-1",
        "- any: address of node node-2 -> pod lab/tool-1",
    ]


@pytest.mark.behaviour("PN-03", "PN-05")
def test_joined_projects_reach_each_other() -> None:
    comparison = compared(MULTITENANT, MULTITENANT + "join blog to shop")

    assert lines(comparison) == [
        "+ any: pod blog/web-1 -> project shop",
        "+ any: project shop -> pod blog/web-1",
    ]


@pytest.mark.behaviour("PN-03", "PN-05")
def test_a_global_project_reaches_everybody() -> None:
    comparison = compared(MULTITENANT, MULTITENANT + "global lab")

    assert lines(comparison) == [
        "+ any: pod lab/tool-1 -> projects team=web",
        "+ any: projects team=web -> pod lab/tool-1",
    ]


@pytest.mark.behaviour("PN-01")
def test_another_mode() -> None:
    assert compared(SUBNET, CLUSTER).same
    assert lines(compared(SUBNET, MULTITENANT)) == [
        "- any: projects blog, lab -> project shop",
        "- any: projects lab, shop -> pod blog/web-1",
        "- any: projects team=web -> pod lab/tool-1",
    ]


@pytest.mark.behaviour("PN-13")
def test_a_node_more_has_a_gateway_that_pods_reach() -> None:
    node = "node node-3 { address 192.168.100.13/24  subnet 10.128.4.0/23 }"
    closed = "policy shop/closed { egress {} }  policy blog/closed { egress {} }"

    comparison = added(closed, closed + node)

    assert lines(comparison) == [
        "+ any: gateway of node node-3 -> all pods",
        "+ any: pod lab/tool-1 -> gateway of node node-3",
    ]


@pytest.mark.behaviour("OUT-03")
def test_the_statements_that_decide() -> None:
    old = CLUSTER + FRONT.format("\nallow tcp/8080 from project blog\n")
    new = CLUSTER + FRONT.format("\nallow tcp/9090 from project blog\n")

    more, less = compared(old, new).connections

    assert (told(more.old, old), told(more.new, new)) == (
        ["policy shop/front { select tier=front  ingress {"],
        ["allow tcp/9090 from project blog"],
    )
    assert (told(less.old, old), told(less.new, new)) == (
        ["allow tcp/8080 from project blog"],
        ["policy shop/front { select tier=front  ingress {"],
    )


@pytest.mark.behaviour("OUT-03")
def test_what_nothing_speaks_of_has_no_statement() -> None:
    old, new = CLUSTER, CLUSTER + "policy lab/deny { ingress {} }"

    (change,) = compared(old, new).connections

    assert told(change.old, old) == []
    assert told(change.new, new) == ["policy lab/deny { ingress {} }"]


@pytest.mark.behaviour("OUT-01")
def test_the_order_of_statements_does_not_matter() -> None:
    policies = [
        FRONT.format("allow tcp/80 from project blog"),
        "policy lab/tool { ingress { allow any from 192.0.2.1 } }",
    ]
    backwards = "\n".join(reversed([*PODS.strip().splitlines(), *policies]))
    network = CLUSTER.removesuffix(PODS)

    one = compared(CLUSTER, CLUSTER + "\n".join(policies))
    other = compared(CLUSTER, network + backwards)

    assert one == other
