"""What leaves the cluster: the egress firewall's verdicts, and what it does not judge."""

from __future__ import annotations

import pytest
from attrs import evolve

from compiler.plan.firewall import ALLOW_ALL, DENY_ALL, PortEntry, PortPolicy, ProjectFirewall
from compiler.values.services import Protocol
from tests.backends.ovs.asking import (
    ERROR,
    KNOWN,
    NEW,
    OUTSIDE,
    REPLY,
    TUN,
    Node,
    by_vxlan,
    from_pod,
    from_tun,
    load,
    pods,
    to,
)
from tests.backends.ovs.leaving import FIREWALL, NETIDS, NODES, leaving_plans, plain_plans
from tests.lab import DummySwitch

FAR = "198.51.100.7"


@pytest.mark.behaviour("EF-01")
@pytest.mark.parametrize(
    ("pod", "service", "destination", "passes"),
    [
        ("shop", "tcp/80", "1.2.3.4", True),
        ("shop", "icmp/8", "1.2.3.127", True),
        ("shop", "udp/9", "1.2.3.128", False),
        ("shop", "tcp/80", "1.2.4.0", False),
        ("shop", "icmp/8", FAR, False),
        ("pair", "tcp/80", "1.2.3.4", True),
        ("pair", "tcp/80", FAR, False),
        ("bank", "tcp/80", "1.2.3.4", False),
        ("bank", "icmp/8", FAR, False),
        ("own", "tcp/80", FAR, True),
        ("free", "tcp/80", FAR, True),
        ("global", "tcp/80", FAR, True),
        ("other", "tcp/443", "8.8.8.8", True),
        ("other", "tcp/443", "8.8.8.9", False),
        ("other", "tcp/442", "8.8.8.9", True),
        ("other", "tcp/8000", FAR, True),
        ("other", "udp/443", "8.8.8.8", False),
        ("other", "udp/1", FAR, False),
        ("other", "icmp/8", FAR, True),
        ("other", "sctp/443", FAR, True),
    ],
)
def test_the_firewall_of_the_project_decides(
    node_1: Node, pod: str, service: str, destination: str, passes: bool
) -> None:
    for state in (NEW, KNOWN):
        packet = from_pod(pod, service, destination)
        assert bool(node_1.ways(packet, state)) == passes
        # Who is refused is not remembered: nobody may answer.
        assert node_1.ask(packet, state).committed == (passes and state == NEW)


@pytest.mark.behaviour("EF-01")
@pytest.mark.parametrize("pod", ["shop", "bank", "other"])
def test_the_cluster_is_not_outside(node_1: Node, pod: str) -> None:
    assert node_1.ways(from_pod(pod, "tcp/443", "10.128.0.19")) == pods("free")
    assert {way[0] for way in node_1.ways(from_pod(pod, "tcp/443", "10.128.2.11"))} == {"vxlan0"}
    assert node_1.ways(from_pod(pod, "tcp/443", "172.30.0.1")) == {TUN}
    assert node_1.ways(from_pod(pod, "tcp/443", "10.128.0.1")) == {TUN}
    assert node_1.ask(from_pod(pod, "tcp/443", "10.128.2.11")).committed
    assert node_1.ask(from_pod(pod, "tcp/443", "172.30.0.1")).committed


@pytest.mark.behaviour("EF-06")
@pytest.mark.parametrize("pod", ["shop", "bank", "other", "lost", "own", "pair"])
@pytest.mark.parametrize("service", ["tcp/53", "udp/53"])
def test_dns_of_the_own_node_passes_before_the_rules(node_1: Node, pod: str, service: str) -> None:
    packet = from_pod(pod, service, NODES["node-1"])

    assert node_1.ways(packet) == node_1.ways(packet, KNOWN) == {TUN}
    assert node_1.ask(packet).committed
    assert not node_1.ask(packet, KNOWN).committed


@pytest.mark.behaviour("EF-06")
@pytest.mark.parametrize(
    ("service", "destination"),
    [("udp/54", "node-1"), ("sctp/53", "node-1"), ("icmp/8", "node-1"), ("udp/53", "node-2")],
)
def test_nothing_else_passes_before_the_rules(node_1: Node, service: str, destination: str) -> None:
    assert node_1.ways(from_pod("bank", service, NODES[destination])) == set()


def test_replies_are_not_judged(node_1: Node) -> None:
    for pod in ("bank", "pair", "shop", "other", "lost", "free"):
        assert node_1.ways(from_pod(pod, "tcp/443", FAR), REPLY, OUTSIDE)


def test_an_error_is_judged_whatever_connection_it_quotes(node_1: Node) -> None:
    """It may be about a connection with somebody else than whom it is sent to."""
    error = "ct_state=trk|rel|rpl|est,ct_zone=1,ct_nw_proto=17,ct_nw_src=198.51.100.9,ct_nw_dst={}"

    for pod, passes in (("bank", False), ("shop", False), ("free", True)):
        packet = from_pod(pod, "icmp/3", FAR)
        own = packet.split("nw_src=")[1].split(",")[0]
        assert bool(node_1.ways(f"{packet},{error.format(own)}", ERROR, OUTSIDE)) == passes


@pytest.mark.parametrize("fragment", ["first", "later"])
def test_no_rule_about_ports_is_evaded_by_fragments(node_1: Node, fragment: str) -> None:
    def fragments(pod: str, protocol: str) -> bool:
        return bool(node_1.ways(f"{from_pod(pod, protocol, '8.8.8.9')},nw_frag={fragment}"))

    assert not fragments("other", "tcp")
    assert not fragments("other", "udp")
    assert fragments("other", "sctp")
    assert fragments("other", "icmp")
    assert not fragments("shop", "tcp")
    assert fragments("free", "tcp")
    assert not fragments("free", "udp")


def test_fragments_pass_whatever_another_projects_firewall_tells_apart(dummy: DummySwitch) -> None:
    udp_only = PortPolicy(0x2002, (PortEntry(Protocol.UDP, 53, 16, DENY_ALL, ()),), ALLOW_ALL, "deny udp/53")
    firewall = evolve(
        FIREWALL,
        projects=(*FIREWALL.projects, ProjectFirewall("free", NETIDS["free"], 0x2002, ALLOW_ALL, ())),
        policies=(*FIREWALL.policies, udp_only),
    )
    node = load(dummy, leaving_plans(firewall=firewall)["node-1"])

    passes = {pod: bool(node.ways(f"{from_pod(pod, 'tcp/80', FAR)},nw_frag=later")) for pod in ("free", "other")}

    assert passes == {"free": True, "other": False}


@pytest.mark.parametrize("mode", ["subnet", "multitenant", "networkpolicy"])
def test_a_node_without_firewalls_and_egress_ips_sends_everything_out(dummy: DummySwitch, mode: str) -> None:
    node = load(dummy, plain_plans(mode)["node-1"])

    for pod in ("shop", "bank", "free", "global"):
        packet = from_pod(pod, "tcp/80", FAR)
        assert node.ways(packet) == {TUN}
        assert node.ask(packet).committed
        assert not node.ask(packet, KNOWN).committed
    assert node.ways(f"{from_pod('free', 'udp', FAR)},nw_frag=later") == set()


def test_the_outside_still_reaches_pods(node_1: Node) -> None:
    assert node_1.ways(from_tun("tcp/80", FAR, "10.128.0.19")) == pods("free")
    assert node_1.ways(from_tun("tcp/80", FAR, "10.128.2.12")) == {to("node-2", 0)}
    assert node_1.ways(by_vxlan(0, "tcp/80", FAR, "10.128.0.19", NODES["node-2"])) == pods("free")


@pytest.mark.behaviour("EF-01")
def test_firewalls_hold_in_multitenant_mode(dummy: DummySwitch) -> None:
    node = load(dummy, leaving_plans("multitenant")["node-1"])

    assert node.ways(from_pod("shop", "tcp/80", "1.2.3.4")) == {to("node-2", 100)}
    assert node.ways(from_pod("shop", "tcp/80", FAR)) == set()
    assert node.ways(from_pod("bank", "udp/53", NODES["node-1"])) == {TUN}
