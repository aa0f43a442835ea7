"""Multicast: whom it reaches, and what it is not affected by."""

from __future__ import annotations

import pytest

from tests.backends.ovs.asking import NEW, REPLY, Node, Way, by_vxlan, from_pod, from_tun, gateway, load, pods, to
from tests.backends.ovs.leaving import NODES, PODS, leaving_plans
from tests.lab import DummySwitch

GROUP = "239.255.0.1"


@pytest.mark.behaviour("MC-01", "MC-03", "MC-04")
@pytest.mark.parametrize(
    ("pod", "ways"),
    [
        ("shop", pods("walled") | {to("node-2", 100)}),
        ("walled", pods("shop") | {to("node-2", 100)}),  # whatever its policies say
        ("own", pods("own-2")),
        ("global", {to("node-2", 0)}),
        ("other", set[Way]()),
        ("bank", set[Way]()),
        ("free", set[Way]()),
    ],
)
@pytest.mark.parametrize("group", [GROUP, "224.0.0.1", "239.255.255.255"])
def test_a_pod_reaches_the_pods_of_its_project(node_1: Node, pod: str, ways: set[Way], group: str) -> None:
    for service in ("udp/5353", "icmp/8"):
        assert node_1.ways(from_pod(pod, service, group)) == ways
        assert not node_1.ask(from_pod(pod, service, group)).committed


@pytest.mark.behaviour("MC-03", "MC-04")
@pytest.mark.parametrize(
    ("netid", "ways"),
    [
        (100, pods("shop", "walled")),
        (0, pods("global")),
        (500, pods("own", "own-2")),
        (200, set[Way]()),
        (700, set[Way]()),
        (9999, set[Way]()),
    ],
)
def test_by_vxlan_it_reaches_pods_of_its_netid_only(node_1: Node, netid: int, ways: set[Way]) -> None:
    assert node_1.ways(by_vxlan(netid, "udp/5353", PODS["shop-2"][2], GROUP, NODES["node-2"])) == ways
    assert node_1.ways(by_vxlan(netid, "udp/5353", PODS["shop-2"][2], GROUP, "192.168.100.99")) == set()


@pytest.mark.behaviour("MC-04")
@pytest.mark.parametrize("mode", ["multitenant", "networkpolicy"])
def test_from_the_outside_and_the_node_it_reaches_nobody(dummy: DummySwitch, mode: str) -> None:
    for plan in leaving_plans(mode).values():
        node = load(dummy, plan)
        for source in ("198.51.100.7", gateway(plan), NODES[plan.node.name], PODS["shop"][2], PODS["shop-2"][2]):
            for state in (NEW, REPLY):
                assert node.ways(from_tun("udp/5353", source, GROUP), state) == set()


@pytest.mark.parametrize("pod", ["shop", "own", "global"])
def test_a_pod_sends_it_with_its_own_address_only(node_1: Node, pod: str) -> None:
    assert node_1.ways(from_pod(pod, "udp/5353", GROUP, source="10.128.0.19")) == set()
    assert node_1.ways(from_pod(pod, "udp/4789", GROUP)) == set()


def test_with_multicast_off_there_is_none(dummy: DummySwitch) -> None:
    for plan in leaving_plans(multicast=()).values():
        node = load(dummy, plan)
        for name, (at, _, address) in PODS.items():
            if at == plan.node.name:
                assert node.ways(from_pod(name, "udp/5353", GROUP)) == set()
            else:
                for netid in (0, 100, 200):
                    assert node.ways(by_vxlan(netid, "udp/5353", address, GROUP, NODES[at])) == set()


def test_a_host_of_egress_ips_lets_none_out(dummy: DummySwitch) -> None:
    """node-3 takes what comes to leave, and has no multicast; node-2 has both."""
    for name in ("node-2", "node-3"):
        node = load(dummy, leaving_plans()[name])
        ways = node.ways(by_vxlan(200, "udp/5353", PODS["other"][2], GROUP))
        assert ways == set()
