"""Leaving the cluster: all egress firewalls up to a bound, and many random clusters, in the interpreter of flows.

`test_trace.py` asks a real switch; here are more clusters, because the interpreter is some ten times faster
(`test_flowtable.py` holds it against ofproto/trace).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import product

import pytest
from hypothesis import given

from backends.ovs.walk import FlowTable
from compiler.declarations import (
    BlockPeer,
    Declaration,
    EgressFirewall,
    FirewallRule,
    Mode,
    Pod,
    PortRange,
    ProjectDeclaration,
)
from compiler.values.prefix import Prefix, parse_address
from compiler.values.services import Protocol
from tests.oracle.clusters import OUTSIDE, UNUSED_PORT, Drawn, clusters, repeatable
from tests.oracle.compiled import NAMES, compile_flows
from tests.oracle.evaluator import Oracle, Service
from tests.oracle.hops import NOWHERE, TCP, TUN, UDP, Hop, Outcome
from tests.oracle.leaving import first_match
from tests.oracle.objects import ORIGIN
from tests.oracle.questions import PING, hops
from tests.oracle.small import NETWORK

PREFIXES = tuple(
    Prefix.parse(text)[0] for text in ("0.0.0.0/0", "203.0.113.0/24", "203.0.113.0/25", "203.0.113.128/25")
)
PORTS = (None, (PortRange(Protocol.TCP, 443, 443),), (PortRange(Protocol.UDP, 53, 53),))
RULES = tuple(
    FirewallRule(ORIGIN, allow, (BlockPeer(ORIGIN, prefix),), ports)
    for allow, prefix, ports in product((True, False), PREFIXES, PORTS)
)
LONGEST = 3
DESTINATIONS = tuple(map(parse_address, ("203.0.112.255", "203.0.113.0", "203.0.113.127", "203.0.113.128")))
"""One address of every set that the prefixes tell apart, next to those that are in others."""

SERVICES = (Service(TCP, 443), Service(TCP, 442), Service(UDP, 53), PING)


def firewalls() -> Iterator[tuple[FirewallRule, ...]]:
    """Every list of rules up to the bound."""
    for length in range(LONGEST + 1):
        yield from product(RULES, repeat=length)


def batches(lists: Sequence[tuple[FirewallRule, ...]], size: int) -> Iterator[Sequence[tuple[FirewallRule, ...]]]:
    for start in range(0, len(lists), size):
        yield lists[start : start + size]


def cluster(lists: Sequence[tuple[FirewallRule, ...]]) -> Iterator[Declaration]:
    """A project with a pod on the first node for each of the firewalls."""
    yield from NETWORK
    first = parse_address("10.128.0.2")
    for number, rules in enumerate(lists):
        name = f"project-{number}"
        yield ProjectDeclaration(name, ORIGIN, netid=200 + number)
        yield Pod(name, "pod", ORIGIN, "node-1", first + number, of_port=11 + number)
        yield EgressFirewall(name, "firewall", ORIGIN, rules)


@pytest.mark.behaviour("EF-01", "EF-03")
def test_all_firewalls_of_three_rules() -> None:
    asked = 0
    lists = list(firewalls())
    for batch in batches(lists, 100):
        declarations = tuple(cluster(batch))
        oracle = Oracle(declarations)
        table = FlowTable.parse(compile_flows(declarations)["node-1"].flows)
        for (address, pod), rules in zip(oracle.pods.items(), batch, strict=True):
            for destination, service in product(DESTINATIONS, SERVICES):
                passes = first_match(oracle, rules, destination, service)
                hop = Hop("node-1", pod.of_port or 0, address, destination, service, NOWHERE)
                assert hop.through(table) == (Outcome.by(TUN, mark=0) if passes else NOWHERE), (hop, rules)
                asked += 1
    # up to 3 rules of 2 verdicts, 4 prefixes and 3 ways to speak of ports
    assert len(lists) == sum(24**length for length in range(4)) == 14_425
    assert asked == len(lists) * len(DESTINATIONS) * len(SERVICES)


@pytest.mark.behaviour("EF-01", "EF-05", "EF-06", "EF-08", "EI-01", "EI-02", "EI-03", "EI-06")
@pytest.mark.behaviour("MC-01", "MC-02", "MC-03", "MC-04")
def test_random_clusters() -> None:
    tally: Counter[str] = Counter()

    @repeatable(200)
    @given(clusters((Mode.NETWORKPOLICY, Mode.MULTITENANT, Mode.MULTITENANT)))
    def check(drawn: Drawn) -> None:
        tables = {
            node: FlowTable.parse(files.flows, files.groups)
            for node, files in compile_flows(drawn.declarations).items()
        }
        for hop in hops(Oracle(drawn.declarations, NAMES), OUTSIDE, 120, UNUSED_PORT):
            outcome = hop.through(tables[hop.node])
            assert outcome == hop.expected, f"{hop}\n{outcome}\n{hop.met(tables[hop.node])}"
            tally["dropped" if outcome.dropped else "through"] += 1
            tally["shared"] += len(outcome.choices) > 1
            tally["several"] += max(map(len, outcome.choices)) > 1

    check()
    assert min(tally["through"], tally["dropped"]) >= 20_000
    assert min(tally["shared"], tally["several"]) >= 100
