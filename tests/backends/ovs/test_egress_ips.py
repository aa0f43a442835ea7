"""Static egress IPs: which way each project leaves, and what a node that hosts them takes from others."""

from __future__ import annotations

import re

import pytest

from backends.ethernet import mac_of
from compiler.values.prefix import parse_address
from tests.backends.ovs.asking import (
    KNOWN,
    NEW,
    OUTSIDE,
    REPLY,
    TUN,
    Node,
    Way,
    as_,
    by_vxlan,
    from_pod,
    from_tun,
    load,
    pods,
    to,
)
from tests.backends.ovs.leaving import EGRESS_IPS, NODES, PODS, leaving_plans
from tests.lab import DummySwitch

FAR = "1.2.3.4"
"""Outside, and no firewall denies it."""


@pytest.mark.behaviour("EI-01", "EI-02", "EI-03")
@pytest.mark.parametrize(
    ("pod", "ways"),
    [
        ("shop", {to("node-2", 100)}),
        ("other", {to("node-2", 200), to("node-3", 200)}),
        ("lost", set[Way]()),
        ("own", {as_("192.168.100.55")}),
        ("pair", {as_("192.168.100.56"), as_("192.168.100.57")}),
        ("free", {TUN}),
        ("global", {TUN}),
    ],
)
def test_each_project_has_its_way_out(node_1: Node, pod: str, ways: set[Way]) -> None:
    packet = from_pod(pod, "tcp/80", FAR)

    assert node_1.ways(packet) == ways
    assert node_1.ways(packet, KNOWN) == ways
    assert node_1.ask(packet, NEW).committed == bool(ways)
    assert not node_1.ask(packet, KNOWN).committed


@pytest.mark.behaviour("EI-03")
def test_a_local_egress_ip_is_preferred(dummy: DummySwitch) -> None:
    egress_ips = {"192.168.100.50": ("free", "node-2"), "192.168.100.51": ("free", "node-1")}
    node = load(dummy, leaving_plans(egress_ips=egress_ips)["node-1"])

    assert node.ways(from_pod("free", "tcp/80", FAR)) == {as_("192.168.100.51")}


@pytest.mark.behaviour("EI-03")
def test_connections_are_shared_by_their_ports(node_1: Node) -> None:
    """Real packets, which the datapath hashes itself: each bucket gets some of 256 connections."""
    _, port, address = PODS["pair"]
    for source_port in range(1000, 1256):
        node_1.switch.appctl(
            "netdev-dummy/receive",
            f"p{port}",
            f"in_port({port}),eth(src=0a:58:0a:80:00:12,dst=0a:58:0a:80:00:01),eth_type(0x0800),"
            f"ipv4(src={address},dst={FAR},proto=6,tos=0,ttl=64,frag=no),tcp(src={source_port},dst=80),tcp_flags(0x002)",
        )

    node_1.switch.appctl("revalidator/purge")  # what the datapath counted is told now

    stats = node_1.switch.ofctl("dump-group-stats", "br0")
    (line,) = [line for line in stats.splitlines() if "group_id=600" in line]
    counts = [int(count) for count in re.findall(r"bucket\d+:packet_count=(\d+)", line)]
    assert len(counts) == 2
    assert min(counts) > 64


@pytest.mark.behaviour("EI-01")
def test_replies_go_where_their_connection_came_from(node_1: Node) -> None:
    def reply(pod: str, mark: int) -> set[Way]:
        return node_1.ways(from_pod(pod, "tcp/40000", FAR), REPLY, mark)

    # What came in by tun0 goes back there.
    assert reply("shop", OUTSIDE) == reply("other", OUTSIDE) == reply("lost", OUTSIDE) == {TUN}
    # What came by another node, or was opened by the pod and forgotten here, must not leave with the node's address.
    assert reply("shop", 0) == {to("node-2", 100)}
    assert reply("other", 0) == {to("node-2", 200), to("node-3", 200)}
    assert reply("lost", 0) == set()
    assert reply("own", OUTSIDE) == reply("own", 0) == {as_("192.168.100.55")}
    assert reply("free", OUTSIDE) == reply("free", 0) == {TUN}


def test_connections_from_outside_are_marked(node_1: Node) -> None:
    packet = from_tun("tcp/80", FAR, PODS["shop"][2])

    assert node_1.ways(packet) == pods("shop")
    assert "NXM_NX_CT_MARK[] is now 0x2" in node_1.ask(packet).text


@pytest.mark.parametrize("pod", ["shop", "lost", "own", "pair", "free"])
@pytest.mark.parametrize("egress_ip", [address for address, (_, node) in EGRESS_IPS.items() if node == "node-1"])
def test_nobody_takes_an_egress_ip_by_its_ethernet_address(node_1: Node, pod: str, egress_ip: str) -> None:
    forged = f"dl_src={mac_of(parse_address(egress_ip))}"

    for destination in (FAR, NODES["node-1"], "172.30.0.1", "10.128.0.1"):
        assert node_1.ways(f"{from_pod(pod, 'udp/53', destination)},{forged}") == set()
    assert node_1.ways(f"{by_vxlan(700, 'tcp/80', '10.128.4.11', '10.128.0.1', NODES['node-3'])},{forged}") == set()


@pytest.mark.behaviour("EI-01", "EI-03")
@pytest.mark.parametrize(
    ("host", "netid", "ways"),
    [
        ("node-2", 100, {as_("192.168.100.50", "node-2")}),
        ("node-2", 200, {as_("192.168.100.51", "node-2")}),
        ("node-3", 200, {as_("192.168.100.52", "node-3"), as_("192.168.100.53", "node-3")}),
        ("node-3", 100, set[Way]()),
        ("node-2", 600, set[Way]()),
        ("node-2", 400, set[Way]()),
        ("node-2", 700, set[Way]()),
        ("node-2", 0, set[Way]()),
    ],
)
def test_a_host_lets_out_what_other_nodes_send_for_its_egress_ips(
    dummy: DummySwitch, host: str, netid: int, ways: set[Way]
) -> None:
    node = load(dummy, leaving_plans()[host])

    for state in (NEW, KNOWN, REPLY):
        for destination in (FAR, NODES["node-1"], NODES[host], "192.168.100.50"):
            assert node.ways(by_vxlan(netid, "tcp/80", PODS["shop"][2], destination), state) == ways


@pytest.mark.parametrize("netid", [0, 100, 200, 700])
@pytest.mark.parametrize("service", ["tcp/80", "udp/53", "icmp/8"])
def test_what_comes_to_leave_reaches_nothing_inside(dummy: DummySwitch, netid: int, service: str) -> None:
    host = load(dummy, leaving_plans()["node-2"])
    sender = PODS["shop"][2]

    inside = [
        *("172.30.0.1", "10.128.0.11", "10.128.4.11", "10.131.255.1"),
        # Addresses of the node's own subnet that no pod has, and a group with multicast that is off.
        *("10.128.2.99", "10.128.3.255"),
    ]
    for destination in inside:
        for state in (NEW, KNOWN, REPLY):
            assert host.ways(by_vxlan(netid, service, sender, destination), state) == set()
    # Only known nodes, only pods' addresses.
    assert host.ways(by_vxlan(100, service, sender, FAR, "192.168.100.99")) == set()
    for stranger in (FAR, NODES["node-1"], "172.30.0.1", "127.0.0.1"):
        assert host.ways(by_vxlan(100, service, stranger, "198.51.100.7")) == set()


def test_a_host_still_delivers_to_its_pods_by_policy(dummy: DummySwitch) -> None:
    host = load(dummy, leaving_plans()["node-2"])

    packet = by_vxlan(100, "tcp/80", PODS["shop"][2], PODS["shop-2"][2])

    assert host.ways(packet) == pods("shop-2")


@pytest.mark.parametrize("netid", [0, 100, 200, 500, 600])
def test_a_node_that_hosts_nothing_takes_nothing_to_let_out(dummy: DummySwitch, netid: int) -> None:
    egress_ips = {address: at for address, at in EGRESS_IPS.items() if at[1] != "node-1"}
    node = load(dummy, leaving_plans(egress_ips=egress_ips)["node-1"])

    assert node.ways(by_vxlan(netid, "tcp/80", PODS["shop-2"][2], FAR, NODES["node-2"])) == set()


def test_a_packet_never_goes_from_vxlan_to_vxlan(dummy: DummySwitch) -> None:
    for name, plan in leaving_plans().items():
        node = load(dummy, plan)
        sender = next(address for address in NODES.values() if address != NODES[name])
        for netid in (0, 100, 200, 300, 400, 500, 600, 700, 9999):
            for destination in (FAR, "10.128.0.11", "10.128.2.11", "10.128.4.11", "224.1.2.3", "172.30.0.1"):
                ways = node.ways(by_vxlan(netid, "udp/9", "10.128.6.5", destination, sender))
                assert "vxlan0" not in {way[0] for way in ways}
