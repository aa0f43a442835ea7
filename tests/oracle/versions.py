"""Random small clusters, of which `edits` and `rewrites` make other versions: what `compare` is tried on.

Up to three nodes, three projects and six pods, in all three modes; policies, egress firewalls, egress IPs, multicast,
administrator's rules.  Everything is drawn by a `Random`, so that a seed gives the same clusters in every run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import TypeVar

from attrs import evolve, frozen

from compiler.declarations import (
    AdminLimit,
    AdminLog,
    AdminRule,
    AdminRules,
    AdminVerdict,
    BlockPeer,
    ClusterDeclaration,
    Declaration,
    EgressAddress,
    EgressFirewall,
    FirewallRule,
    Mode,
    NamedPort,
    NamePeer,
    NetworkPolicy,
    NodeDeclaration,
    Pod,
    PodNetwork,
    PodPeer,
    PortName,
    PortRange,
    ProjectDeclaration,
    ProjectSource,
    Rate,
    Rule,
)
from compiler.dns_lock import DnsLock, LockedName
from compiler.options import BrokenEgress, Options
from compiler.values.labels import SELECT_ALL, Labels, Operator, Requirement, Selector
from compiler.values.prefix import Prefix, parse_address
from compiler.values.services import Protocol
from tests.oracle.objects import ORIGIN

T = TypeVar("T")

Names = Mapping[str, tuple[int, ...]]
"""The addresses of DNS names."""


@frozen
class Version:
    """A cluster's declarations, and the addresses that its DNS names have."""

    declarations: tuple[Declaration, ...]
    names: Names

    def every(self, kind: type[T]) -> list[T]:
        """The declarations of one kind."""
        return [declaration for declaration in self.declarations if isinstance(declaration, kind)]

    def replaced(self, old: Declaration, *new: Declaration) -> Version:
        """The version with others in the place of a declaration."""
        where = next(index for index, one in enumerate(self.declarations) if one is old)
        return evolve(self, declarations=(*self.declarations[:where], *new, *self.declarations[where + 1 :]))

    def with_more(self, *new: Declaration) -> Version:
        """The version with more declarations."""
        return evolve(self, declarations=(*self.declarations, *new))

    def options(self) -> Options:
        """Its names are locked; broken firewalls drop (EF-05)."""
        locked = {
            name: LockedName(name, tuple(sorted(addresses)), (), 300, "2026-01-01T00:00:00Z", "192.0.2.53")
            for name, addresses in self.names.items()
        }
        return Options(DnsLock("dns.lock", locked), BrokenEgress.DROP)


def _prefix(text: str) -> Prefix:
    return Prefix.parse(text)[0]


def _addresses(*texts: str) -> tuple[int, ...]:
    return tuple(map(parse_address, texts))


_INSIDE = ("10.128.0.0/14", "10.128.0.0/23", "10.128.0.0/30", "10.128.2.4/30", "172.30.0.0/16")
_OUTSIDE = ("192.168.100.0/24", "192.168.100.11/32", "203.0.113.0/24", "203.0.113.128/25", "203.0.113.5/32")
PREFIXES = tuple(map(_prefix, ("0.0.0.0/0", *_INSIDE, *_OUTSIDE)))
"""Blocks that hold everything, cover the pod network, cut it, hold nodes, lie outside in each other."""

RESOLVED = (
    _addresses("203.0.113.5"),
    _addresses("203.0.113.6", "198.51.100.7"),
    _addresses("192.168.100.12", "10.128.0.2"),
    _addresses("203.0.113.200"),
)
"""What names may resolve to: addresses outside, in blocks and not, a node's, a pod's."""

NAMES = ("one.example.com", "two.example.com")
PROJECTS = ("p0", "p1", "p2")
EGRESS_IPS = _addresses("192.168.100.50", "192.168.100.51", "192.168.100.52")
PUBLISHED = "http"
"""The name that pods have for a port."""

POD_LABELS = tuple(map(Labels, ({}, {"app": "a"}, {"app": "b"}, {"app": "a", "tier": ""})))
OTHER_LABELS = tuple(map(Labels, ({}, {"team": "a"}, {"team": "b"})))
"""Of projects and nodes."""


def _selectors(key: str) -> tuple[Selector, ...]:
    return (
        SELECT_ALL,
        Selector.equal({key: "a"}),
        Selector([Requirement(key, Operator.IN, ("a", "b"))]),
        Selector([Requirement(key, Operator.NOT_IN, ("a",))]),
        Selector([Requirement(key, Operator.DOES_NOT_EXIST)]),
    )


POD_SELECTORS = (*_selectors("app"), Selector([Requirement("tier", Operator.EXISTS)]))
PROJECT_SELECTORS = (*_selectors("team"), Selector.equal({"kubernetes.io/metadata.name": "p1"}))
NODE_SELECTORS = _selectors("team")[1:4]

TCP, UDP, SCTP = Protocol
NUMBERS = (
    (PortRange(TCP, 80, 80),),
    (PortRange(TCP, 80, 90),),
    (PortRange(TCP, 0, 65534),),
    (PortRange(TCP, 81, 65535), PortRange(UDP, 53, 53)),
    (PortRange(TCP, 0, 65535),),
    (PortRange(UDP, 0, 65535), PortRange(SCTP, 0, 65535)),
    (PortRange(UDP, 53, 53), PortRange(TCP, 53, 53)),
    (PortRange(SCTP, 7, 80),),
)
NAMED = ((PortName(TCP, PUBLISHED),), (PortName(TCP, PUBLISHED), PortRange(UDP, 53, 53)))


class Draw:
    """Draws statements."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def one(self, choices: Sequence[T]) -> T:
        """Any of several."""
        return self.random.choice(choices)

    def chance(self, share: float) -> bool:
        """True in this share of all cases."""
        return self.random.random() < share

    def few(self, draw: Callable[[], T], most: int) -> tuple[T, ...]:
        """None to `most`."""
        return tuple(draw() for _ in range(self.random.randint(0, most)))

    def block(self) -> BlockPeer:
        """A network, in a third of all cases with a hole."""
        prefix = self.one(PREFIXES)
        inside = [other for other in PREFIXES if prefix.covers(other) and prefix != other]
        holes = (self.one(inside),) if inside and self.chance(0.3) else ()
        return BlockPeer(ORIGIN, prefix, holes)

    def peer(self) -> PodPeer | BlockPeer:
        """A peer of a policy."""
        if self.chance(0.4):
            return self.block()
        return PodPeer(ORIGIN, self.one((None, *PROJECT_SELECTORS)), self.one(POD_SELECTORS))

    def rule(self) -> Rule:
        """A rule of a policy."""
        peers = None if self.chance(0.2) else (self.peer(), *self.few(self.peer, 1))
        choices: tuple[tuple[PortRange | PortName, ...], ...] = (*NUMBERS, *NAMED)
        ports = None if self.chance(0.3) else self.one(choices)
        return Rule(ORIGIN, peers, ports)

    def policy(self, name: str) -> NetworkPolicy:
        """A policy of either direction or both."""
        ingress, egress = self.one(((True, False), (False, True), (True, True)))
        return NetworkPolicy(
            self.one(PROJECTS[:2]),
            name,
            ORIGIN,
            self.one(POD_SELECTORS),
            self.few(self.rule, 2) if ingress else None,
            self.few(self.rule, 2) if egress else None,
        )

    def firewall_rule(self) -> FirewallRule:
        """A rule of an egress firewall."""
        to = NamePeer(ORIGIN, self.one(NAMES)) if self.chance(0.3) else self.block()
        peers = None if self.chance(0.1) else (to,)
        return FirewallRule(ORIGIN, self.chance(0.5), peers, None if self.chance(0.6) else self.one(NUMBERS))

    def firewall(self, project: str) -> EgressFirewall:
        """An egress firewall."""
        return EgressFirewall(project, "default", ORIGIN, self.few(self.firewall_rule, 4))

    def admin_action(self) -> AdminVerdict | AdminLog | AdminLimit:
        """What an administrator's rule does."""
        if self.chance(0.6):
            return self.one((AdminVerdict.ACCEPT, AdminVerdict.DROP, AdminVerdict.REJECT))
        if self.chance(0.3):
            return AdminLimit(at_once=self.one((8, 9)))
        return AdminLog(self.one(("one ", "two ")), self.one((None, Rate(5, "minute"))))

    def admin_rule(self) -> AdminRule:
        """An administrator's rule."""
        from_project = ProjectSource(ORIGIN, self.one(PROJECTS[:2]))
        sources = self.one((None, (from_project,), (self.block(),)))
        destinations = None if self.chance(0.4) else (self.block(),)
        ports = None if self.chance(0.5) else self.one(NUMBERS)
        return AdminRule(ORIGIN, self.admin_action(), sources, destinations, ports)

    def admin_rules(self, name: str) -> AdminRules:
        """A block of them, for all nodes or some."""
        nodes = self.one(NODE_SELECTORS) if self.chance(0.4) else None
        return AdminRules(name, ORIGIN, nodes, (self.admin_rule(), *self.few(self.admin_rule, 2)))

    def pod(self, project: str, number: int, node: NodeDeclaration) -> Pod:
        """A pod; its address is the node's `number`-th for pods."""
        assert node.subnet is not None
        ports = (NamedPort(PUBLISHED, TCP, self.one((80, 81))),) if self.chance(0.7) else ()
        address = node.subnet.network + 2 + number
        kind = self.random.random()
        if kind < 0.05:
            return Pod(project, f"pod-{number}", ORIGIN, node.name, node.address, host_network=True)
        return Pod(
            project,
            f"pod-{number}",
            ORIGIN,
            node.name,
            address,
            self.one(POD_LABELS),
            ports,
            finished=kind > 0.95,
            of_port=11 + number,
        )

    def names(self) -> dict[str, tuple[int, ...]]:
        """An address or two for each name."""
        return {name: self.one(RESOLVED) for name in NAMES}

    def version(self) -> Version:
        """A cluster.  It may have errors, such as a firewall of a global project."""
        mode = self.one((Mode.NETWORKPOLICY, Mode.NETWORKPOLICY, Mode.MULTITENANT, Mode.MULTITENANT, Mode.SUBNET))
        network = PodNetwork(_prefix("10.128.0.0/14"), 9, ORIGIN)
        cluster = ClusterDeclaration(ORIGIN, mode, (network,), _prefix("172.30.0.0/16"))
        own = {ip: self.one((0, 1, 2, None)) for ip in EGRESS_IPS}
        nodes = [
            NodeDeclaration(
                f"node-{index + 1}",
                ORIGIN,
                parse_address("192.168.100.11") + index,
                _prefix(f"10.128.{2 * index}.0/23"),
                self.one(OTHER_LABELS),
                egress_addresses=tuple(EgressAddress(ip, ORIGIN) for ip, host in own.items() if host == index),
            )
            for index in range(self.one((1, 2, 2, 3)))
        ]
        shared = mode is not Mode.NETWORKPOLICY and self.chance(0.3)
        asked = {ip: self.one((*PROJECTS, None)) for ip in EGRESS_IPS}
        projects = [
            ProjectDeclaration(
                name,
                ORIGIN,
                self.one(OTHER_LABELS),
                100 if shared and index < 2 else 100 + index,
                isolated=self.chance(0.1),
                egress_addresses=tuple(EgressAddress(ip, ORIGIN) for ip, who in asked.items() if who == name)
                if self.chance(0.6)
                else (),
                multicast=self.chance(0.4),
            )
            for index, name in enumerate(PROJECTS)
        ]
        homes = (*PROJECTS[:2], *PROJECTS, "default")
        pods = [self.pod(self.one(homes), number, self.one(nodes)) for number in range(self.random.randint(2, 6))]
        policies = [self.policy(f"policy-{number}") for number in range(self.random.randint(0, 3))]
        firewalls = [self.firewall(name) for name in PROJECTS[:2] if self.chance(0.5)]
        blocks = [self.admin_rules(f"block-{number}") for number in range(self.one((0, 0, 1, 2)))]
        judging: tuple[Declaration, ...] = (*policies, *firewalls, *blocks)
        return Version((cluster, *nodes, *projects, *pods, *judging), self.names())
