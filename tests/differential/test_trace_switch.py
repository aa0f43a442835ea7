"""`sdnc trace` on random clusters, against Open vSwitch: `ofproto/trace` on the loaded bundle gives the same verdict,
by the same flows.

Each node's flows are loaded into a switch of its own.  A packet starts where the trace says that it comes in; where a
switch sends it by VXLAN, it goes on at that node's.  The flows that the switches say they use, in their order, have to
be those that the trace tells.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import pytest
from hypothesis import given

from backends.ovs.fields import Table
from backends.ovs.walk import Output
from compiler.trace import Cluster, Path, trace
from compiler.trace.question import ICMP as ICMP_NUMBER
from compiler.trace.question import End, Traffic
from sdnc.trace.walking import Line, Switches
from tests.compiling import compiled, node_files
from tests.lab import DummySwitch
from tests.oracle.asked import questions, with_services
from tests.oracle.clusters import OUTSIDE, PORTS, Drawn, clusters, repeatable
from tests.oracle.compiled import NAMES, OPTIONS, NodeFlows
from tests.oracle.evaluator import Oracle, Service
from tests.oracle.hops import NOWHERE, TUN, VXLAN, Hop
from tests.oracle.real import load, traced

CLUSTERS = 60
QUESTIONS = 60

NODES = ("node-1", "node-2", "node-3")
ECHO = 8

_USED = re.compile(r"^ *(\d+)\. (?:(\S+), )?priority (\d+)", re.MULTILINE)
"""A flow that `ofproto/trace` uses: table, match, priority."""


@pytest.fixture(scope="module")
def nodes() -> Iterator[dict[str, DummySwitch]]:
    """A switch for each node."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(DummySwitch(PORTS)) for name in NODES}


def service_of(traffic: Traffic) -> Service:
    return Service(traffic.protocol, ECHO if traffic.protocol == ICMP_NUMBER else traffic.port)


def follow(
    cluster: Cluster, nodes: dict[str, DummySwitch], hop: Hop, met: list[list[str]]
) -> list[frozenset[tuple[str, Output]]]:
    """Where switches deliver a packet, for each way that it may take; adds the flows that they use, hop by hop."""
    outcome, text = traced(nodes[hop.node], hop)
    met.append([key(table, priority, match) for table, match, priority in _USED.findall(text)])
    deliveries = []
    for outputs in sorted(outcome.choices, key=sorted):
        ways = [frozenset((hop.node, output) for output in outputs if output.port != VXLAN)]
        for output in sorted(output for output in outputs if output.port == VXLAN):
            other = cluster.end(output.tunnel_destination).node
            assert other is not None
            tunnel = (output.tunnel_id, cluster.nodes[hop.node].address)
            came = Hop(other.name, VXLAN, hop.source, hop.destination, hop.service, NOWHERE, tunnel, other.address)
            ways = [one | another for one in ways for another in follow(cluster, nodes, came, met)]
        deliveries += ways
    return deliveries


def ask(cluster: Cluster, nodes: dict[str, DummySwitch], path: Path) -> tuple[bool, list[list[str]]]:
    """Whether the switches carry out a path: the packet to the service, then the packet that comes back."""
    met: list[list[str]] = []
    pod = path.source.endpoint

    def start(node: str, port: int, receiver: End, traffic: Traffic) -> Hop:
        return Hop(node, port, path.source.address, receiver.address, service_of(traffic), NOWHERE)

    if pod is not None:
        ports = {endpoint.name: endpoint.of_port or 0 for endpoint in cluster.model.endpoints}
        if path.asked is None:
            delivered = follow(cluster, nodes, start(pod.node, ports[pod.name], path.destination, path.traffic), met)
            return all(delivered), met
        delivered = follow(cluster, nodes, start(pod.node, ports[pod.name], *path.asked), met)
        if delivered != [frozenset({(pod.node, Output(TUN))})] or any(
            one.denies and not one.by_flows for one in path.met
        ):
            return False, met
        delivered = follow(cluster, nodes, start(pod.node, TUN, path.destination, path.traffic), met)
        return all(delivered), met
    receiver = path.destination.endpoint
    assert receiver is not None
    node = path.source.node.name if path.source.node else receiver.node
    delivered = follow(cluster, nodes, start(node, TUN, path.destination, path.traffic), met)
    return all(delivered), met


def key(table: str, priority: str, match: str) -> str:
    """A flow.  Two addresses may differ in several bits, and a switch is free to use the flow of any of them."""
    return f"{table} {priority}" if int(table) == Table.HAIRPIN else f"{table} {priority} {match}"


def keys(lines: Sequence[Line]) -> list[str]:
    """The flows of a hop as `ofproto/trace` writes them."""
    found = []
    for line in lines:
        if line.table is not None:
            match = re.fullmatch(r"table=\d+, priority=(\d+),?(\S*) actions=.*", line.text)
            assert match is not None
            found.append(key(str(line.table), match[1], match[2]))
    return found


@pytest.mark.behaviour("PN-14", "NP-02", "NP-12", "EF-01", "EI-01", "EI-03", "MC-04", "OUT-03")
def test_a_switch_gives_the_same_verdict_by_the_same_flows(nodes: dict[str, DummySwitch]) -> None:
    tally: Counter[str] = Counter()

    @repeatable(CLUSTERS)
    @given(clusters())
    def check(drawn: Drawn) -> None:
        declarations = with_services(drawn.declarations)
        oracle = Oracle(declarations, NAMES)
        compilation = compiled(declarations, OPTIONS)
        for name, files in node_files(compilation).items():
            load(nodes[name], NodeFlows(files["flows.txt"], files.get("groups.txt", "")))
        cluster = Cluster(compilation, declarations)
        switches = Switches(cluster)
        for asked in questions(declarations, oracle, OUTSIDE, QUESTIONS) if oracle.pods else ():
            found = trace(cluster, asked.sender, asked.receiver, asked.port)
            for path in found.paths:
                if not path.is_switched or (path.denials and not path.met[-1].by_flows):
                    continue
                passes, met = ask(cluster, nodes, path)
                assert passes == path.allowed, f"{asked}\n{path.met}\n{met}"
                told = [keys(hop.lines) for hop in switches.hops(path)]
                assert told == met, f"{asked}\n{told}\n{met}"
                tally["allowed" if passes else "denied"] += 1
                tally["flows"] += sum(map(len, met))

    check()
    assert tally["allowed"] >= 1_200
    assert tally["denied"] >= 700
    assert tally["flows"] >= 15_000
