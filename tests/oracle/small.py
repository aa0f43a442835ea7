"""All clusters up to a bound, small enough to try each of them.

Two nodes, two projects, three pods, each of them with one label or none; one policy of every shape that a
small set of selectors, peers and ports makes, or any two policies of a smaller set.  A fault of a compiler
mostly shows in a cluster this small.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations_with_replacement, product

from compiler.declarations import (
    BlockPeer,
    ClusterDeclaration,
    Declaration,
    Mode,
    NamedPort,
    NetworkPolicy,
    NodeDeclaration,
    Pod,
    PodNetwork,
    PodPeer,
    PortName,
    PortRange,
    ProjectDeclaration,
    Rule,
)
from compiler.values.labels import NO_LABELS, SELECT_ALL, Labels, Operator, Requirement, Selector
from compiler.values.prefix import Prefix, parse_address
from compiler.values.services import Protocol
from tests.oracle.objects import ORIGIN

Peers = tuple[PodPeer | BlockPeer, ...] | None
Ports = tuple[PortRange | PortName, ...] | None


def _prefix(text: str) -> Prefix:
    return Prefix.parse(text)[0]


LABELLED = Labels({"app": "1"})
WITH_LABEL = Selector.equal({"app": "1"})
WITHOUT_LABEL = Selector([Requirement("app", Operator.DOES_NOT_EXIST)])
TEAM = Selector.equal({"team": "a"})
NO_TEAM = Selector([Requirement("team", Operator.DOES_NOT_EXIST)])

SUBJECTS = (SELECT_ALL, WITH_LABEL, WITHOUT_LABEL)

PEERS: tuple[Peers, ...] = (
    None,
    *(
        (PodPeer(ORIGIN, projects, pods),)
        for projects, pods in (
            (None, SELECT_ALL),
            (None, WITH_LABEL),
            (None, WITHOUT_LABEL),
            (SELECT_ALL, SELECT_ALL),
            (SELECT_ALL, WITH_LABEL),
            (TEAM, SELECT_ALL),
            (NO_TEAM, SELECT_ALL),
            (NO_TEAM, WITHOUT_LABEL),
        )
    ),
    *(
        (BlockPeer(ORIGIN, _prefix(block), tuple(map(_prefix, excepts))),)
        for block, *excepts in (
            ("0.0.0.0/0",),
            ("10.128.0.0/14", "10.128.0.0/31"),
            ("10.128.0.0/14", "10.128.2.0/23"),
            ("192.168.100.0/24",),
            ("203.0.113.0/24", "203.0.113.128/25"),
        )
    ),
)
"""Everybody, selectors of pods and projects, and blocks that hold all, cut the pod network, hold the nodes,
lie outside.
"""

PORTS: tuple[Ports, ...] = (
    None,
    (PortRange(Protocol.TCP, 80, 80),),
    (PortRange(Protocol.TCP, 81, 65535),),
    (PortRange(Protocol.UDP, 0, 65535),),
    (PortName(Protocol.TCP, "http"),),
)

FEW_PEERS: tuple[Peers, ...] = (PEERS[0], PEERS[2], PEERS[7], PEERS[9], PEERS[11])
FEW_PORTS: tuple[Ports, ...] = (PORTS[0], PORTS[1])
"""What pairs of policies are made of."""

OUTSIDE = (parse_address("203.0.113.5"), parse_address("203.0.113.200"))

NETWORK = (
    ClusterDeclaration(
        ORIGIN,
        Mode.NETWORKPOLICY,
        (PodNetwork(_prefix("10.128.0.0/14"), 9, ORIGIN),),
        _prefix("172.30.0.0/16"),
    ),
    NodeDeclaration("node-1", ORIGIN, parse_address("192.168.100.11"), _prefix("10.128.0.0/23")),
    NodeDeclaration("node-2", ORIGIN, parse_address("192.168.100.12"), _prefix("10.128.2.0/23")),
    ProjectDeclaration("a", ORIGIN, Labels({"team": "a"}), 100),
    ProjectDeclaration("b", ORIGIN, NO_LABELS, 101),
)
"""The cluster network, the nodes and the projects."""


def _pods(labelled: Sequence[bool]) -> tuple[Pod, ...]:
    """Two pods of `a`, on either node, and one of `b`; their ports `http` have other numbers."""
    places = (
        ("a", "x", "node-1", "10.128.0.2", 11, 80),
        ("a", "y", "node-2", "10.128.2.2", 12, 81),
        ("b", "z", "node-1", "10.128.0.3", 13, 80),
    )
    return tuple(
        Pod(
            project,
            name,
            ORIGIN,
            node,
            parse_address(address),
            LABELLED if has_label else NO_LABELS,
            (NamedPort("http", Protocol.TCP, http),),
            of_port=of_port,
        )
        for (project, name, node, address, of_port, http), has_label in zip(places, labelled, strict=True)
    )


def _policies(
    name: str, subjects: Sequence[Selector], peers: Sequence[Peers], ports: Sequence[Ports]
) -> list[NetworkPolicy]:
    """Every policy of project `a` with one rule or none, for one direction."""
    rules = [(), *((Rule(ORIGIN, who, what),) for who, what in product(peers, ports))]
    return [
        NetworkPolicy("a", name, ORIGIN, subject, *((rule, None) if ingress else (None, rule)))
        for subject, ingress, rule in product(subjects, (True, False), rules)
    ]


def clusters_of_one() -> Iterator[tuple[Declaration, ...]]:
    """Every cluster with one policy."""
    policies = _policies("one", SUBJECTS, PEERS, PORTS)
    for labelled in product((False, True), repeat=3):
        pods = _pods(labelled)
        for policy in policies:
            yield (*NETWORK, *pods, policy)


def clusters_of_two() -> Iterator[tuple[Declaration, ...]]:
    """Every cluster with two policies of the smaller set, in which `x` and `z` have the label, or `y`
    alone.
    """
    ones, twos = (_policies(name, SUBJECTS[:2], FEW_PEERS, FEW_PORTS) for name in ("one", "two"))
    pairs = [(ones[i], twos[j]) for i, j in combinations_with_replacement(range(len(ones)), 2)]
    for labelled in ((True, False, True), (False, True, False)):
        pods = _pods(labelled)
        for one, two in pairs:
            yield (*NETWORK, *pods, one, two)
