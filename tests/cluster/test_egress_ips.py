"""Static egress IPs with real packets: from which address a packet arrives outside, if it does."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack

import pytest

from tests.cluster.bundle import Cluster
from tests.cluster.connections import connection
from tests.cluster.egress import (
    ADDRESSES,
    ELSEWHERE,
    HOSTS,
    LISTED,
    NEIGHBOUR,
    NODE_OF,
    arrivals,
    attempts,
    cluster,
)
from tests.lab import packets
from tests.lab.packets import PROTOCOLS
from tests.lab.probes import Protocol

SHOP = ("shop/web-1", "shop/web-2", "shop/web-3")
OTHERS = ("blog/blog-1", "blog/blog-2", "default/router-1")
FIRST, SECOND, THIRD = "192.168.100.50", "192.168.100.51", "192.168.100.52"
MANY = 40
"""So many connections that all of them take the same one of two ways once in 2 ** 39 times."""


def with_egress_ips(nodes: dict[str, str], shop: str, rest: str = "", *, mode: str = "networkpolicy") -> dict[str, str]:
    """The sources of a cluster whose nodes host addresses, and whose project shop asks for some."""
    in_node = {node: f"egress-ip {addresses}" for node, addresses in nodes.items()}
    return {"cluster.sdn": cluster(rest, mode=mode, nodes=in_node, projects={"shop": f"egress-ip {shop}"})}


def by_node(pods: Iterable[str]) -> dict[str, str | None]:
    """Pods, and the address of the node of each."""
    return {pod: HOSTS[NODE_OF[pod]] for pod in pods}


def sources_of_many(running: Cluster, pod: str) -> Counter[str | None]:
    """Let a pod open many connections of each protocol, each answered; count the addresses that they arrive from."""
    protocols: tuple[Protocol, ...] = ("tcp", "udp")
    return Counter(
        running.lab.sources(
            (pod, ELSEWHERE, protocol, port) for protocol in protocols for port in range(8000, 8000 + MANY // 2)
        )
    )


@pytest.mark.behaviour("EI-01")
@pytest.mark.parametrize("mode", ["multitenant", "networkpolicy"])
def test_a_project_leaves_with_its_address_from_all_nodes(egress_cluster: Cluster, mode: str) -> None:
    egress_cluster.install(with_egress_ips({"node-1": FIRST}, FIRST, mode=mode))

    expected = arrivals(dict.fromkeys(SHOP, FIRST) | by_node(OTHERS), [ELSEWHERE, NEIGHBOUR])
    expected |= {(pod, ELSEWHERE, "sctp", 80): FIRST for pod in SHOP}
    assert egress_cluster.lab.mismatched_sources(expected) == {}


@pytest.mark.behaviour("EI-01")
def test_what_stays_in_the_cluster_is_as_ever(egress_cluster: Cluster) -> None:
    egress_cluster.install(with_egress_ips({"node-1": FIRST}, FIRST))
    service = "172.30.0.10"
    rule = f"-d {service} -p tcp --dport 80 -j DNAT --to {ADDRESSES['blog/blog-1']}:8080"
    egress_cluster.lab.run("node-2", ["iptables", "-t", "nat", "-A", "PREROUTING", *rule.split()])
    egress_cluster.lab.listen("blog/blog-1", "tcp", 8080)

    expected = attempts(SHOP, dict.fromkeys((ADDRESSES["blog/blog-1"], ADDRESSES["blog/blog-2"]), True))
    # Connections from outside come in by the pod's own node, and the answers go back by it.
    expected |= attempts(["outside"], {ADDRESSES[pod]: True for pod in SHOP})
    expected["shop/web-2", service, "tcp", 80] = True
    expected |= {(pod, HOSTS[NODE_OF[pod]], "udp", 53): True for pod in SHOP}
    assert egress_cluster.mismatches(expected) == {}


@pytest.mark.behaviour("EF-06", "EI-01")
def test_a_node_that_forgot_its_neighbours_answers_pods_from_its_own_address(egress_cluster: Cluster) -> None:
    # It asks for the pod by ARP then, also for one of another node whose way out it is.
    lab = egress_cluster.lab
    egress_cluster.install(with_egress_ips({"node-1": FIRST}, FIRST))

    answered = []
    for pod, port in (("shop/web-1", 53), ("shop/web-2", 80), ("blog/blog-1", 53)):
        lab.listen("node-1", "udp", port)
        lab.run("node-1", ["ip", "neighbour", "flush", "dev", "tun0"])
        answered.append(lab.probe(pod, HOSTS["node-1"], "udp", port, wait=2.0))

    assert answered == [True, True, True]


@pytest.mark.behaviour("EI-02")
def test_an_address_that_no_node_hosts_is_no_way_out(egress_cluster: Cluster) -> None:
    # Another project's address is hosted all the same.
    text = cluster(
        nodes={"node-1": f"egress-ip {SECOND}"}, projects={"shop": f"egress-ip {FIRST}", "blog": f"egress-ip {SECOND}"}
    )
    lab = egress_cluster.lab

    bundle = egress_cluster.install({"cluster.sdn": text})
    with lab.capture("outside") as capture:
        wrong = lab.mismatched_sources(arrivals(dict.fromkeys(SHOP), [ELSEWHERE]))
        frame = capture.wait_for(lambda frame: frame.destination == ELSEWHERE, timeout=0.1)

    assert "SDN230" in bundle.messages
    assert (wrong, frame) == ({}, None)
    assert lab.mismatched_sources(arrivals(dict.fromkeys(OTHERS[:2], SECOND), [ELSEWHERE])) == {}
    assert egress_cluster.mismatches(attempts(SHOP, {ADDRESSES["blog/blog-1"]: True})) == {}


@pytest.mark.behaviour("EI-03")
def test_a_local_address_is_preferred_and_others_share_the_load(egress_cluster: Cluster) -> None:
    egress_cluster.install(with_egress_ips({"node-1": FIRST, "node-2": SECOND}, f"{FIRST}, {SECOND}, {THIRD}"))

    counts = {pod: sources_of_many(egress_cluster, pod) for pod in SHOP}

    assert counts["shop/web-1"] == {FIRST: MANY}
    assert counts["shop/web-2"] == {SECOND: MANY}
    assert counts["shop/web-3"].keys() == {FIRST, SECOND}
    assert counts["shop/web-3"].total() == MANY


@pytest.mark.behaviour("EI-03")
def test_several_addresses_of_one_node_share_the_load(egress_cluster: Cluster) -> None:
    egress_cluster.install(with_egress_ips({"node-1": f"{FIRST}, {THIRD}"}, f"{FIRST}, {THIRD}"))

    for pod in ("shop/web-1", "shop/web-2"):
        counts = sources_of_many(egress_cluster, pod)
        assert counts.keys() == {FIRST, THIRD}
        assert counts.total() == MANY


@pytest.mark.behaviour("EI-03")
def test_connections_keep_their_address(egress_cluster: Cluster) -> None:
    bundle = egress_cluster.install(with_egress_ips({"node-1": FIRST, "node-2": SECOND}, f"{FIRST}, {SECOND}"))

    with ExitStack() as stack:
        running = [
            stack.enter_context(connection(egress_cluster.lab, "shop/web-3", "outside", ELSEWHERE)) for _ in range(16)
        ]
        for node in egress_cluster.nodes:
            egress_cluster.run_scripts(bundle, node)
        exchanged = [each.carries_forward(bytes(20_000)) and each.carries_back(bytes(20_000)) for each in running]
        sources = {each.source() for each in running}

    assert sources == {FIRST, SECOND}
    assert exchanged == [True] * len(running)


@pytest.mark.behaviour("EI-06")
def test_the_firewall_applies_before(egress_cluster: Cluster) -> None:
    rules = "firewall shop { allow any to 1.2.3.0/24  deny any to anyone }"
    egress_cluster.install(with_egress_ips({"node-1": FIRST}, FIRST, rules))

    allowed = arrivals(dict.fromkeys(SHOP, FIRST), [LISTED])
    denied = arrivals(dict.fromkeys(SHOP), [ELSEWHERE, NEIGHBOUR])
    assert egress_cluster.lab.mismatched_sources(allowed | denied) == {}


@pytest.mark.behaviour("EI-07")
def test_nobody_outside_opens_connections_to_the_address(egress_cluster: Cluster) -> None:
    egress_cluster.install(with_egress_ips({"node-1": FIRST}, FIRST))

    inwards = attempts(["outside", "node-2"], {FIRST: False, HOSTS["node-1"]: True})
    for protocol in ("tcp", "udp"):
        egress_cluster.lab.listen("node-1", protocol, 80)
    assert egress_cluster.mismatches(inwards) == {}
    assert egress_cluster.lab.mismatched_sources(arrivals(dict.fromkeys(SHOP, FIRST), [ELSEWHERE])) == {}


@pytest.mark.behaviour("EI-01")
def test_a_second_run_of_the_scripts_changes_nothing(egress_cluster: Cluster) -> None:
    bundle = egress_cluster.install(
        with_egress_ips({"node-1": f"{FIRST}, {THIRD}", "node-2": SECOND}, f"{FIRST}, {SECOND}, {THIRD}")
    )

    def state() -> dict[tuple[str, str], str]:
        commands = ("ip address show dev br-phy", "iptables-save", "ovs-ofctl -O OpenFlow13 dump-groups br0")
        return {
            (node, command): "\n".join(
                re.sub(r"\[\d+:\d+\]", "", line)
                for line in egress_cluster.lab.run(node, command.split()).splitlines()
                if not line.startswith("#")
            )
            for node in egress_cluster.nodes
            for command in commands
        }

    before = state()
    for node in egress_cluster.nodes:
        egress_cluster.run_scripts(bundle, node)

    assert state() == before
    shown = before["node-1", "ip address show dev br-phy"]
    assert [address in shown for address in (FIRST, SECOND, THIRD)] == [True, False, True]


@pytest.mark.behaviour("EI-01")
def test_traffic_follows_an_address_to_another_node(egress_cluster: Cluster) -> None:
    lab = egress_cluster.lab
    expected = arrivals(dict.fromkeys(SHOP, FIRST), [ELSEWHERE, NEIGHBOUR])

    egress_cluster.install(with_egress_ips({"node-1": FIRST}, FIRST))
    before = lab.mismatched_sources(expected)
    egress_cluster.install(with_egress_ips({"node-2": FIRST}, FIRST))
    known = lab.run("outside", ["ip", "neighbour", "show", FIRST]).split()
    after = lab.mismatched_sources(expected | arrivals(by_node(OTHERS), [ELSEWHERE]))
    hosts = [
        node for node in egress_cluster.nodes if FIRST in lab.run(node, ["ip", "address", "show", "dev", "br-phy"])
    ]
    egress_cluster.install({"cluster.sdn": cluster()})
    without = lab.mismatched_sources(arrivals(by_node(SHOP), [ELSEWHERE]))

    assert (before, after, hosts, without) == ({}, {}, ["node-2"], {})
    # Neighbours know of the move before the first packet.
    assert known[known.index("lladdr") + 1] == lab.mac_address("node-2", "br-phy")


@pytest.mark.behaviour("EI-01")
def test_a_pod_cannot_take_the_address_of_another_project(egress_cluster: Cluster) -> None:
    # The host knows by the source's hardware address which egress IP is meant; a pod can send from any.
    lab, pod = egress_cluster.lab, "blog/blog-1"
    egress_cluster.install(with_egress_ips({"node-1": FIRST}, FIRST))
    of_first = "0a:58:" + bytes(int(octet) for octet in FIRST.split(".")).hex(":")

    def source_of(origin: str, port: int) -> str | None:
        """The address with which a datagram of a new connection arrives outside that the pod sends from `origin`."""
        token = os.urandom(16)
        packet = packets.ipv4(ADDRESSES[pod], ELSEWHERE, PROTOCOLS["udp"], packets.udp(port, 9000, token))
        with lab.capture("outside") as capture:
            lab.send_frame(pod, packets.ethernet(packet, to=lab.mac_address("node-1"), origin=origin))
            frame = capture.wait_for(lambda frame: frame.payload.endswith(token), timeout=0.5)
        return None if frame is None else frame.source

    assert source_of(lab.mac_address(pod), 9001) == HOSTS["node-1"]
    assert source_of(of_first, 9002) in (None, HOSTS["node-1"])
