"""The flows of a small cluster in the three modes: golden files to look at, and packets that tell what they mean."""

from __future__ import annotations

import pytest
from attrs import evolve
from syrupy.assertion import SnapshotAssertion

from backends.ovs.walk import FlowTable
from compiler.values.prefix import parse_address
from tests.backends.ovs.reading import read_flows
from tests.backends.ovs.small import MODES, PORTS, small_cluster, tables
from tests.oracle.hops import NEW, NOWHERE, REPLY, TUN, VXLAN, Hop
from tests.oracle.network import parse_service

NODE_ADDRESS = {"node-1": "192.168.100.11", "node-2": "192.168.100.12"}
GATEWAY = {"node-1": "10.128.0.1", "node-2": "10.128.2.1"}
NETIDS = {"web": 100, "db": 100, "api": 100, "client": 200, "batch": 200, "router": 0}


def packet(in_port: int, service: str, source: str, destination: str, state: str = NEW) -> Hop:
    """A packet that comes to some node; the test says what has to become of it."""
    ends = parse_address(source), parse_address(destination)
    return Hop("", in_port, *ends, parse_service(service), NOWHERE, ct_state=state)


def tunnelled(inner: Hop, netid: int, sender: str, receiver: str) -> Hop:
    """The same packet as it comes from a node by VXLAN."""
    return evolve(inner, in_port=VXLAN, tunnel=(netid, parse_address(sender)), tunnel_to=parse_address(receiver))


def ports(node: FlowTable, hop: Hop) -> tuple[int, ...]:
    """Where a node sends a packet."""
    return tuple(output.port for output in sorted(hop.through(node).outputs))


def arrives(nodes: dict[str, FlowTable], source: str, service: str, target: str, state: str = NEW) -> bool:
    """Whether a pod's packet reaches another pod, over the tunnel if need be."""
    node, port, address = PORTS[source]
    there, target_port, target_address = PORTS[target]
    sent = packet(port, service, address, target_address, state)
    if there == node:
        return ports(nodes[node], sent) == (target_port,)
    if ports(nodes[node], sent) != (VXLAN,):
        return False
    (output,) = sent.through(nodes[node]).outputs
    assert output.tunnel_destination == parse_address(NODE_ADDRESS[there])
    carried = tunnelled(sent, output.tunnel_id, NODE_ADDRESS[node], NODE_ADDRESS[there])
    return ports(nodes[there], carried) == (target_port,)


def reachable(mode: str, service: str) -> set[tuple[str, str]]:
    nodes = tables(mode)
    return {(a, b) for a in PORTS for b in PORTS if a != b and arrives(nodes, a, service, b)}


EVERY_PAIR = {(a, b) for a in PORTS for b in PORTS if a != b}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("node", ["node-1", "node-2"])
def test_flow_files(mode: str, node: str, golden: SnapshotAssertion) -> None:
    assert small_cluster(mode)[node]["flows.txt"] == golden


@pytest.mark.behaviour("PN-01")
def test_in_subnet_mode_everybody_reaches_everybody() -> None:
    assert reachable("subnet", "tcp/80") == EVERY_PAIR


@pytest.mark.behaviour("PN-03")
def test_in_multitenant_mode_equal_netids_and_global_ones_reach_each_other() -> None:
    allowed = {(a, b) for a, b in EVERY_PAIR if NETIDS[a] == NETIDS[b] or 0 in (NETIDS[a], NETIDS[b])}

    assert reachable("multitenant", "tcp/80") == allowed


@pytest.mark.behaviour("NP-02", "NP-08", "NP-09", "NP-10")
@pytest.mark.parametrize(
    ("service", "to_web", "to_db", "from_api"),
    [
        ("tcp/8080", {"router"}, set[str](), set[str]()),
        ("tcp/8081", set[str](), set[str](), set[str]()),
        ("udp/53", {"router", "client", "batch"}, set[str](), set[str]()),
        ("tcp/5432", set[str](), {"api"}, {"db"}),
        ("sctp/5000", set[str](), set[str](), set[str]()),
        ("icmp/8", set[str](), set[str](), set[str]()),
    ],
)
def test_in_networkpolicy_mode_policies_decide(
    service: str, to_web: set[str], to_db: set[str], from_api: set[str]
) -> None:
    free = {"router", "client", "batch"}
    expected = {(a, b) for a in (*free, "web") for b in (*free, "api") if a != b}
    expected |= {(a, "web") for a in to_web} | {(a, "db") for a in to_db} | {("api", b) for b in from_api}

    assert reachable("networkpolicy", service) == expected


@pytest.mark.behaviour("NP-07", "NP-09")
@pytest.mark.parametrize(
    ("source", "port", "passes"),
    [
        ("203.0.113.5", 8000, True),
        ("203.0.113.5", 8999, True),
        ("203.0.113.5", 9000, False),
        ("203.0.113.5", 7999, False),
        ("203.0.113.200", 8500, False),
        ("203.0.114.5", 8500, False),
    ],
)
def test_blocks_of_addresses_outside(source: str, port: int, passes: bool) -> None:
    node = tables("networkpolicy")["node-1"]

    sent = ports(node, packet(TUN, f"tcp/{port}", source, PORTS["web"][2]))

    assert sent == ((PORTS["web"][1],) if passes else ())


@pytest.mark.behaviour("NP-11")
def test_replies_pass_whatever_policy_says() -> None:
    nodes = tables("networkpolicy")

    assert arrives(nodes, "db", "tcp/40000", "api", REPLY)
    assert not arrives(nodes, "db", "tcp/40000", "api")


@pytest.mark.behaviour("PN-11")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("service", ["tcp/53", "udp/53", "icmp/8", "arp"])
def test_a_pod_sends_only_with_its_own_address_from_its_own_port(mode: str, service: str) -> None:
    node = tables(mode)["node-1"]
    target = PORTS["router"][2]

    spoofed = [
        packet(PORTS["web"][1], service, PORTS["db"][2], target),
        packet(99, service, PORTS["web"][2], target),
        packet(PORTS["web"][1], service, "8.8.8.8", target),
    ]

    assert [ports(node, hop) for hop in spoofed] == [(), (), ()]
    assert ports(node, packet(PORTS["web"][1], service, PORTS["web"][2], target)) == (PORTS["router"][1],)


@pytest.mark.behaviour("PN-11")
@pytest.mark.parametrize("mode", MODES)
def test_vxlan_comes_from_known_nodes_and_never_from_a_pod(mode: str) -> None:
    node = tables(mode)["node-1"]
    web, router, client = PORTS["web"], PORTS["router"], PORTS["client"]

    def carried(service: str, sender: str) -> Hop:
        return tunnelled(packet(VXLAN, service, client[2], router[2]), 200, sender, NODE_ADDRESS["node-1"])

    assert ports(node, carried("tcp/80", NODE_ADDRESS["node-2"])) == (router[1],)
    assert ports(node, carried("tcp/80", "192.168.100.99")) == ()
    assert ports(node, carried("arp", NODE_ADDRESS["node-2"])) == (router[1],)
    assert ports(node, carried("arp", "192.168.100.99")) == ()
    assert ports(node, packet(web[1], "udp/4789", web[2], "10.128.2.3")) == ()
    assert ports(node, packet(web[1], "udp/4789", web[2], "192.168.100.12")) == ()


@pytest.mark.behaviour("PN-04", "NP-12")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("pod", ["web", "db", "router"])
def test_the_node_reaches_its_pods(mode: str, pod: str) -> None:
    node = tables(mode)["node-1"]

    for source in (GATEWAY["node-1"], NODE_ADDRESS["node-1"]):
        assert ports(node, packet(TUN, "tcp/22", source, PORTS[pod][2])) == (PORTS[pod][1],)


@pytest.mark.behaviour("PN-14")
@pytest.mark.parametrize("mode", MODES)
def test_services_are_translated_by_the_node(mode: str) -> None:
    node = tables(mode)["node-1"]
    web, router = PORTS["web"], PORTS["router"]

    assert ports(node, packet(web[1], "tcp/80", web[2], "172.30.0.1")) == (TUN,)
    assert ports(node, packet(TUN, "tcp/80", web[2], router[2])) == (router[1],)


@pytest.mark.behaviour("PN-14", "NP-15")
def test_policy_judges_services_by_the_address_behind() -> None:
    node = tables("networkpolicy")["node-2"]
    api = PORTS["api"]

    assert ports(node, packet(api[1], "tcp/80", api[2], "172.30.0.1")) == (TUN,)
    assert ports(node, packet(TUN, "tcp/5432", api[2], PORTS["db"][2])) == (VXLAN,)
    assert ports(node, packet(TUN, "tcp/5432", api[2], PORTS["client"][2])) == ()


@pytest.mark.behaviour("NP-12")
def test_a_pod_reaches_itself_through_a_service() -> None:
    node = tables("networkpolicy")["node-1"]
    db = PORTS["db"]

    assert ports(node, packet(TUN, "tcp/9", db[2], db[2])) == (db[1],)


@pytest.mark.parametrize("mode", MODES)
def test_arp(mode: str) -> None:
    node = tables(mode)["node-1"]
    web = PORTS["web"]

    def asks(address: str) -> tuple[int, ...]:
        return ports(node, packet(web[1], "arp", web[2], address))

    assert asks("10.128.0.1") == (TUN,)
    assert asks("10.128.0.3") == (PORTS["db"][1],)
    assert asks("10.128.2.3") == (VXLAN,)
    assert asks("10.128.0.99") == asks("10.130.0.1") == asks("8.8.8.8") == ()


@pytest.mark.parametrize("mode", MODES)
def test_out_of_the_cluster_by_the_node(mode: str) -> None:
    node = tables(mode)["node-1"]
    web = PORTS["web"]

    assert ports(node, packet(web[1], "tcp/443", web[2], "8.8.8.8")) == (TUN,)
    assert ports(node, packet(web[1], "udp/443", web[2], "224.0.0.5")) == ()


@pytest.mark.behaviour("OUT-01")
@pytest.mark.parametrize("mode", MODES)
def test_no_two_flows_have_one_match(mode: str) -> None:
    for files in small_cluster(mode).values():
        lines = read_flows(files["flows.txt"])
        keys = {(line.table, line.priority, tuple(line.match.items())) for line in lines}

        assert len(keys) == len(lines)
