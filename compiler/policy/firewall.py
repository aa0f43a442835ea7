"""The egress firewall as a function on addresses: a list of which the first match decides, folded.

A rule speaks of addresses and of ports; nothing else of a packet matters.  Ports that no rule tells apart are one
class, and for each class the list is a function on addresses, allowed or denied.  The result is canonical: two lists
that decide alike have equal `FirewallFunction`s.

Example: `allow tcp/443 to 192.0.2.0/24`, `deny any to 192.0.2.0/25`, `allow tcp/80 to 192.0.2.0/24` denies
192.0.2.0/25 but at tcp/443, where it denies nothing.  Of tcp/80 it says what it says of everything else, so that
tcp/80 is no class.

How: the rules without ports are swept once (`compiler/policy/first_match.py`).  The rules with ports divide the ports;
ports for which the same of them are in force are one *group*, and those few rules are swept and laid over the others.
So the work is one sweep of all rules, and for each group a walk over the pieces that the rules without ports make and
a sweep of its own rules.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

from attrs import field, frozen

from compiler.declarations import PortRange
from compiler.model.model import AddressRanges, AddressRule, Firewall, Model
from compiler.origin import Origin
from compiler.policy.bits import members_of
from compiler.policy.first_match import Steps, first_match
from compiler.values.ports import MAX_PORT, PortSet
from compiler.values.prefix import ALL_ONES
from compiler.values.services import Protocol


@frozen
class PortClass:
    """Ports `first` to `last` of a protocol, for which the addresses `denied` are denied."""

    protocol: Protocol
    first: int
    last: int
    denied: AddressRanges


@frozen
class FirewallFunction:
    """What leaves: denied to the addresses `otherwise`, but at ports of `ports` as those say.

    `ports` are sorted by protocol number and port, and disjoint; neighbours differ, and none denies the same as
    `otherwise`.
    """

    otherwise: AddressRanges = ()
    ports: tuple[PortClass, ...] = ()

    def denied_at(self, protocol: Protocol | None, port: int = 0) -> AddressRanges:
        """The addresses that are denied at a port; `protocol` None is one without ports."""
        if protocol is not None:
            found = bisect_right(self.ports, (protocol.value, port), key=lambda one: (one.protocol.value, one.first))
            if found and self.ports[found - 1].protocol is protocol and port <= self.ports[found - 1].last:
                return self.ports[found - 1].denied
        return self.otherwise

    def allows(self, address: int, protocol: Protocol | None, port: int = 0) -> bool:
        """Whether a packet may leave; `protocol` None is one without ports."""
        denied = self.denied_at(protocol, port)
        found = bisect_right(denied, (address, ALL_ONES))
        return not found or denied[found - 1][1] < address


@frozen
class PortGroup:
    """Packets for which the same rules with ports are in force: those at `ports`; None: those for which none is.

    `in_force` are the positions of those rules, one bit each.  `deciders` are the positions of the rules that decide,
    by address, those without ports included; where none decides it is the number of rules.
    """

    ports: tuple[PortRange, ...] | None
    in_force: int
    deciders: Steps
    denied: AddressRanges


@frozen
class FoldedFirewall:
    """The firewall of a NetID.  `function` None: it is broken, and everything is dropped (EF-05).

    `rules` are the rules as they are written, `groups` which of them decides where (OUT-03); the group of the packets
    for which no rule with ports is in force comes first.  A broken firewall has neither.
    """

    project: str
    netid: int
    function: FirewallFunction | None
    origins: tuple[Origin, ...] = field(eq=False, repr=False)
    rules: tuple[AddressRule, ...] = field(default=(), eq=False, repr=False)
    groups: tuple[PortGroup, ...] = field(default=(), eq=False, repr=False)

    def decider(self, address: int, protocol: Protocol | None, port: int = 0) -> AddressRule | None:
        """The rule that decides for a packet; None if no rule does, or if the firewall is broken."""
        for rule in self.rules:
            if (rule.ports is None or any(_matches(ports, protocol, port) for ports in rule.ports)) and any(
                first <= address <= last for first, last in rule.addresses
            ):
                return rule
        return None


def fold_firewalls(model: Model) -> tuple[FoldedFirewall, ...]:
    """The folded firewalls of all projects, sorted by NetID."""
    return tuple(_fold(firewall) for firewall in sorted(model.firewalls, key=lambda firewall: firewall.netid))


def _fold(firewall: Firewall) -> FoldedFirewall:
    if firewall.rules is None:
        return FoldedFirewall(firewall.project, firewall.netid, None, firewall.origins)
    groups = fold_rules(firewall.rules)
    function = FirewallFunction(groups[0].denied, _classes(groups))
    return FoldedFirewall(firewall.project, firewall.netid, function, firewall.origins, firewall.rules, groups)


def fold_rules(rules: Sequence[AddressRule]) -> tuple[PortGroup, ...]:
    """Who decides where, for each group of ports; the packets for which no rule with ports is in force come first."""
    nobody = len(rules)
    denies = [not rule.allow for rule in rules] + [False]
    seen: dict[AddressRanges, AddressRanges] = {}

    def group(ports: Sequence[PortRange] | None, in_force: int, deciders: Steps) -> PortGroup:
        denied = _denied(deciders, denies)
        # Equal sets are one object, so that comparing them costs nothing.
        denied = seen.setdefault(denied, denied)
        return PortGroup(None if ports is None else tuple(ports), in_force, deciders, denied)

    base = first_match(_entries(rules, (i for i, rule in enumerate(rules) if rule.ports is None)), nobody)
    groups = [group(None, 0, base)]
    for in_force, ports in _port_groups(rules).items():
        over = first_match(_entries(rules, members_of(in_force)), nobody)
        groups.append(group(ports, in_force, base.overlaid(over, nobody)))
    return tuple(groups)


def _matches(ports: PortRange, protocol: Protocol | None, port: int) -> bool:
    return ports.protocol is protocol and ports.first <= port <= ports.last


def _entries(rules: Sequence[AddressRule], positions: Iterable[int]) -> list[tuple[int, int, int]]:
    return [(first, last, position) for position in positions for first, last in rules[position].addresses]


def _port_groups(rules: Sequence[AddressRule]) -> dict[int, list[PortRange]]:
    """The ports of which rules speak, by the set (one bit each) of the rules with ports that speak of them."""
    bounds: dict[Protocol, dict[int, int]] = {protocol: defaultdict(int) for protocol in Protocol}
    for position, rule in enumerate(rules):
        if rule.ports is None or not rule.addresses:
            continue
        for protocol in {ports.protocol for ports in rule.ports}:
            whole = PortSet((ports.first, ports.last) for ports in rule.ports if ports.protocol is protocol)
            for first, last in whole.ranges:
                bounds[protocol][first] ^= 1 << position
                bounds[protocol][last + 1] ^= 1 << position
    groups: dict[int, list[PortRange]] = defaultdict(list)
    for protocol, changes in bounds.items():
        in_force = 0
        for first, end in pairwise([*sorted(changes), MAX_PORT + 1]):
            in_force ^= changes[first]
            if in_force:
                groups[in_force].append(PortRange(protocol, first, end - 1))
    return groups


def _denied(deciders: Steps, denies: Sequence[bool]) -> AddressRanges:
    """The addresses that a rule which denies decides."""
    ranges = []
    begin: int | None = None
    for start, rule in zip(deciders.starts, deciders.rules, strict=True):
        if denies[rule]:
            if begin is None:
                begin = start
        elif begin is not None:
            ranges.append((begin, start - 1))
            begin = None
    if begin is not None:
        ranges.append((begin, ALL_ONES))
    return tuple(ranges)


def _classes(groups: Sequence[PortGroup]) -> tuple[PortClass, ...]:
    """The ports that differ from the first group, neighbours that agree as one."""
    pieces = sorted(
        (
            PortClass(ports.protocol, ports.first, ports.last, group.denied)
            for group in groups
            for ports in group.ports or ()
            if group.denied is not groups[0].denied
        ),
        key=lambda piece: (piece.protocol.value, piece.first),
    )
    classes: list[PortClass] = []
    for piece in pieces:
        last = classes[-1] if classes else None
        if last and last.protocol is piece.protocol and last.last + 1 == piece.first and last.denied is piece.denied:
            classes[-1] = PortClass(piece.protocol, last.first, piece.last, piece.denied)
        else:
            classes.append(piece)
    return tuple(classes)
