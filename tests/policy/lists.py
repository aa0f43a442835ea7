"""Egress firewalls for tests: built directly, and judged by trying rule after rule."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from random import Random

from compiler.declarations import Mode, PodNetwork, PortRange
from compiler.model.model import AddressRanges, AddressRule, Cluster, Firewall, Model, Project
from compiler.origin import Origin, Source, Span
from compiler.policy.firewall import FoldedFirewall, fold_firewalls
from compiler.values.labels import NO_LABELS
from compiler.values.prefix import ALL_ONES, Prefix, parse_address
from compiler.values.services import Protocol

SOURCE = Source("lists", "", lambda path: Span(int(path[0]) + 1, int(path[1]) + 1, 99999))
"""The source of everything: rule `i` of the firewall of NetID `n` is at the path (n, i)."""

CLUSTER = Cluster(
    Mode.NETWORKPOLICY,
    (PodNetwork(Prefix.parse("10.128.0.0/14")[0], 9, Origin(SOURCE, (0, 0))),),
    Prefix.parse("172.30.0.0/16")[0],
    vxlan_port=4789,
    mtu=1450,
    origins=(),
)

Packet = tuple[Protocol | None, int]
"""What a packet shows besides its address: protocol and port, or None and 0."""

ADDRESS_EDGES = [
    *map(parse_address, ("0.0.0.0", "1.2.3.0", "10.128.0.0", "10.132.0.0", "172.30.0.0", "172.31.0.0", "203.0.113.0")),
    *map(parse_address, ("203.0.113.128", "224.0.0.0", "240.0.0.0")),
    ALL_ONES + 1,
]
"""Where the addresses of rules begin and end; between two of them all addresses are alike: they are one cell."""

INSIDE = {2, 4, 8}
"""The cells from which nothing leaves the cluster: pods, services, multicast."""

PORT_EDGES = [0, 1, 80, 81, 443, 65536]


def cell_ranges(cells: Iterable[int]) -> AddressRanges:
    """The addresses of cells, as one set."""
    ranges: list[tuple[int, int]] = []
    for cell in sorted(set(cells)):
        first, last = ADDRESS_EDGES[cell], ADDRESS_EDGES[cell + 1] - 1
        if ranges and ranges[-1][1] + 1 == first:
            first, _ = ranges.pop()
        ranges.append((first, last))
    return tuple(ranges)


CELLS = [(low, high - 1) for low, high in pairwise(ADDRESS_EDGES)]
ADDRESSES = [address for cell in CELLS for address in cell]
"""The first and the last address of each cell."""

SERVICES: list[Packet] = [(None, 0)] + [
    (protocol, port) for protocol in Protocol for low, high in pairwise(PORT_EDGES) for port in sorted({low, high - 1})
]
"""A packet without ports, and the first and the last of the ports between two edges, of each protocol."""


def rule(position: int, allow: bool, addresses: AddressRanges, ports: Iterable[PortRange] | None = None) -> AddressRule:
    """The rule at a position of the firewall of NetID 1."""
    return AddressRule(Origin(SOURCE, (1, position)), allow, addresses, None if ports is None else tuple(ports))


def network(text: str) -> AddressRanges:
    """The addresses of a network, or of several with commas."""
    prefixes = [Prefix.parse(one if "/" in one else f"{one}/32")[0] for one in text.split(", ")]
    return tuple((prefix.network, prefix.last) for prefix in prefixes)


def tcp(first: int, last: int | None = None) -> tuple[PortRange, ...]:
    """One range of TCP ports."""
    return (PortRange(Protocol.TCP, first, first if last is None else last),)


def random_rules(random: Random, count: int, ports: float = 0.5) -> tuple[AddressRule, ...]:
    """A list whose rules begin and end at the edges; `ports` is the part of the rules that have some."""
    return tuple(_random_rule(random, position, ports) for position in range(count))


def _random_rule(random: Random, position: int, ports: float) -> AddressRule:
    cells = random.sample(range(len(CELLS)), random.choice([0, 1, 1, 2, 3, 6, len(CELLS)]))
    if random.random() >= ports:
        return rule(position, random.random() < 0.5, cell_ranges(cells))
    told = []
    for _ in range(random.choice([1, 1, 2])):
        low, high = sorted(random.sample(PORT_EDGES, 2))
        told.append(PortRange(random.choice(list(Protocol)), low, high - 1))
    return rule(position, random.random() < 0.5, cell_ranges(cells), told)


def model(*lists: Sequence[AddressRule] | None) -> Model:
    """A model with these firewalls, of projects p1, p2, … with NetIDs 1, 2, …; None is a broken one."""
    return Model(
        CLUSTER,
        nodes=(),
        projects=tuple(Project(f"p{i}", NO_LABELS, i, False, None) for i, _ in enumerate(lists, 1)),
        endpoints=(),
        services=(),
        policies=(),
        firewalls=tuple(
            Firewall(f"p{i}", i, None if rules is None else tuple(rules), (Origin(SOURCE, (i, 999)),))
            for i, rules in enumerate(lists, 1)
        ),
    )


def fold(rules: Sequence[AddressRule]) -> FoldedFirewall:
    """One list, folded."""
    (folded,) = fold_firewalls(model(rules))
    return folded


def first_matching(rules: Sequence[AddressRule], address: int, service: Packet) -> int | None:
    """The position of the first rule that matches a packet: what a list means (EF-01)."""
    protocol, port = service
    for position, one in enumerate(rules):
        if any(first <= address <= last for first, last in one.addresses) and (
            one.ports is None
            or any(ports.protocol is protocol and ports.first <= port <= ports.last for ports in one.ports)
        ):
            return position
    return None


def allowed(rules: Sequence[AddressRule], address: int, service: Packet) -> bool:
    """Whether a list lets a packet leave."""
    position = first_matching(rules, address, service)
    return position is None or rules[position].allow
