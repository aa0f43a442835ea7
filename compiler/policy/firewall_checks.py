"""What may be wrong with an egress firewall although it compiles: rules that never decide, and ways around it.

A rule is *hidden* if it is the first match of no packet that leaves the cluster (EF-12).  The folded firewall knows who
decides where, for each group of ports, so the rules that decide something are found in one walk.  A rule that is not
among them is hidden by exactly those who decide where it is in force.  What lies in a pod network, the service network
or the multicast block never leaves, so it is left out of that walk.

A DNS name may have any address tomorrow.  So a rule of a name is hidden only if other rules leave it no address at all,
and its addresses of today hide nothing.

The work is that of the fold, and for each hidden rule a look at the pieces inside its addresses, at each group of ports
at which it is in force: (hidden rules) × (groups) × (pieces inside), which is much only where thousands of wide rules
without ports are hidden among rules for hundreds of port ranges.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import evolve, frozen

from compiler import codes
from compiler.declarations import Endpoints, PortRange
from compiler.diagnostics import Diagnostics, Related
from compiler.model.firewalls import EVERYWHERE
from compiler.model.model import AddressRanges, AddressRule, Cluster, Model
from compiler.origin import Origin
from compiler.policy.firewall import FoldedFirewall, PortGroup, fold_rules
from compiler.policy.ranges import TOLD, complement, cut, intersection, ranges_text
from compiler.values.ports import MAX_PORT, PortSet
from compiler.values.prefix import MULTICAST, format_address
from compiler.values.services import Protocol

MAX_RELATED = 100
"""Rules of which the place is told that hide one; a rule may be hidden by thousands."""


def check_firewalls(model: Model, firewalls: Sequence[FoldedFirewall], diagnostics: Diagnostics) -> None:
    """Reports RULE_HIDDEN and RULE_INSIDE (EF-12), SERVICE_BYPASSES and ROUTE_BYPASSES (EF-11)."""
    outside = _outside(model.cluster)
    for firewall in firewalls:
        _check_rules(firewall, outside, diagnostics)
    if firewalls:
        _check_bypasses(model, firewalls, outside, diagnostics)


def _outside(cluster: Cluster) -> AddressRanges:
    """The addresses to which packets leave the cluster."""
    inside = [*(network.prefix for network in cluster.pod_networks), cluster.service_network, MULTICAST]
    return complement(sorted((prefix.network, prefix.last) for prefix in inside))


def _check_rules(firewall: FoldedFirewall, outside: AddressRanges, diagnostics: Diagnostics) -> None:
    """Reports the rules that never decide."""
    rules, groups = firewall.rules, firewall.groups
    if any(rule.lasting is not None for rule in rules):
        rules = tuple(rule if rule.lasting is None else evolve(rule, addresses=rule.lasting) for rule in rules)
        groups = fold_rules(rules)
    deciding = [_deciding(group, outside) for group in groups]
    decides = set().union(*deciding)
    told = _told_apart(groups)
    hiding: dict[tuple[AddressRanges, tuple[PortRange, ...] | None], tuple[int, ...]] = {}
    for position, rule in enumerate(rules):
        if position in decides or rule.ports == ():
            continue
        if rule.lasting is not None:
            # Where a later rule decides, or none, this one would with the address there.
            first = sorted(set().union(*(deciding[index] for index in _groups_of(rule.ports, groups, told))))
            if first[-1] < position:
                _report_hidden(firewall, position, first, diagnostics)
            continue
        if not rule.addresses:
            continue
        leaving = intersection(rule.addresses, outside)
        if not leaving:
            diagnostics.report(codes.RULE_INSIDE, rule.origin)
            continue
        # Copies of one rule are hidden by the same others.
        hidden_by = hiding.get((leaving, rule.ports))
        if hidden_by is None:
            hidden_by = hiding[leaving, rule.ports] = _hiding(rules, groups, position, leaving)
        _report_hidden(firewall, position, hidden_by, diagnostics)


def _deciding(group: PortGroup, outside: AddressRanges) -> set[int]:
    """The rules that decide about something that leaves; the number of rules stands for no rule."""
    return {position for first, last in outside for position in group.deciders.between(first, last)}


def _told_apart(groups: Iterable[PortGroup]) -> dict[Protocol, PortSet]:
    """The ports that are in any group but the first, which has all others."""
    ranges: dict[Protocol, list[tuple[int, int]]] = {protocol: [] for protocol in Protocol}
    for group in groups:
        for ports in group.ports or ():
            ranges[ports.protocol].append((ports.first, ports.last))
    return {protocol: PortSet(found) for protocol, found in ranges.items()}


def _groups_of(
    ports: tuple[PortRange, ...] | None, groups: Sequence[PortGroup], told: Mapping[Protocol, PortSet]
) -> Iterator[int]:
    """The positions of the groups that have some of the ports; None: all of them."""
    if ports is None:
        yield from range(len(groups))
        return
    for index, group in enumerate(groups):
        if any(_overlap(one, other) for one in ports for other in group.ports or ()):
            yield index
    if not all(PortSet([(one.first, one.last)]) <= told[one.protocol] for one in ports):
        yield 0


def _overlap(one: PortRange, other: PortRange) -> bool:
    return one.protocol is other.protocol and one.first <= other.last and other.first <= one.last


def _hiding(
    rules: Sequence[AddressRule], groups: Iterable[PortGroup], position: int, leaving: AddressRanges
) -> tuple[int, ...]:
    """The rules that decide where a rule is in force that never decides; `leaving` are its addresses outside.

    All of them come before it, or it would decide there.
    """
    everywhere = rules[position].ports is None
    found: set[int] = set()
    for group in groups:
        if everywhere or group.in_force >> position & 1:
            for first, last in leaving:
                found.update(group.deciders.between(first, last))
    return tuple(sorted(found))


def _report_hidden(firewall: FoldedFirewall, position: int, hidden_by: Sequence[int], diagnostics: Diagnostics) -> None:
    rules = firewall.rules
    diagnostics.report(
        codes.RULE_HIDDEN,
        rules[position].origin,
        hidden_by=cut([_rule_text(i, rules[i]) for i in hidden_by[:TOLD]], len(hidden_by), " and "),
        related=tuple(Related("this rule comes first", rules[i].origin) for i in hidden_by[:MAX_RELATED]),
    )


def _rule_text(position: int, rule: AddressRule) -> str:
    """A rule in a few words: `rule 2 (allow tcp/443 to 10.0.0.0/8)`."""
    addresses = "everything" if rule.addresses == EVERYWHERE else ranges_text(rule.addresses)
    ports = "" if rule.ports is None else f"{cut([_ports_text(ports) for ports in rule.ports])} to "
    return f"rule {position + 1} ({'allow' if rule.allow else 'deny'} {ports}{addresses})"


def _ports_text(ports: PortRange) -> str:
    protocol = ports.protocol.name.lower()
    if (ports.first, ports.last) == (0, MAX_PORT):
        return protocol
    return f"{protocol}/{ports.first}" if ports.first == ports.last else f"{protocol}/{ports.first}-{ports.last}"


@frozen
class _Bypass:
    """The lowest address of a service's manual endpoints that the project's firewall denies, and where that is said."""

    service: str
    address: int
    origin: Origin
    related: tuple[Related, ...]


def _check_bypasses(
    model: Model, firewalls: Iterable[FoldedFirewall], outside: AddressRanges, diagnostics: Diagnostics
) -> None:
    """Reports one denied address of each service and of each service of a route; the others are much the same."""
    bypasses = _bypasses(model, firewalls, outside)
    for _, bypass in sorted(bypasses.items()):
        diagnostics.report(
            codes.SERVICE_BYPASSES,
            bypass.origin,
            service=bypass.service,
            address=format_address(bypass.address),
            related=bypass.related,
        )
    for route in model.routes:
        for name in dict.fromkeys(route.services):
            found = bypasses.get((route.project, name))
            if found is not None:
                diagnostics.report(
                    codes.ROUTE_BYPASSES,
                    route.origin,
                    route=f"{route.project}/{route.name}",
                    service=found.service,
                    address=format_address(found.address),
                    related=(Related("the service", found.origin), *found.related),
                )


def _bypasses(
    model: Model, firewalls: Iterable[FoldedFirewall], outside: AddressRanges
) -> dict[tuple[str, str], _Bypass]:
    """By project and name of the service.  One with a selector has none: its endpoints are pods."""
    by_netid = {firewall.netid: firewall for firewall in firewalls}
    of_project = {project.name: by_netid.get(project.netid) for project in model.projects}
    services = {(service.project, service.name): service for service in model.services}
    parts: dict[tuple[str, str], list[Endpoints]] = defaultdict(list)
    for part in model.service_endpoints:
        parts[part.project, part.name].append(part)
    found = {}
    for (project, name), endpoints in parts.items():
        firewall, service = of_project.get(project), services.get((project, name))
        if firewall is None or (service is not None and service.selector is not None):
            continue
        denied = [one for part in endpoints if (one := _first_denied(firewall, part, outside)) is not None]
        if denied:
            address, part, says = min(denied, key=lambda one: one[0])
            endpoint = () if service is None else (Related("the endpoint", part.origin),)
            related = (*endpoint, *(Related("denied here", origin) for origin in says))
            found[project, name] = _Bypass(f"{project}/{name}", address, (service or part).origin, related)
    return found


def _first_denied(
    firewall: FoldedFirewall, endpoints: Endpoints, outside: AddressRanges
) -> tuple[int, Endpoints, tuple[Origin, ...]] | None:
    """The lowest address that is denied at one of the ports (or without one, if none is told), and what denies it."""
    ports: Sequence[tuple[Protocol | None, int]] = endpoints.ports or [(None, 0)]
    for address in sorted(endpoints.addresses):
        if not any(first <= address <= last for first, last in outside):
            continue
        for protocol, port in ports:
            if firewall.function is None:
                return address, endpoints, firewall.origins
            if not firewall.function.allows(address, protocol, port):
                rule = firewall.decider(address, protocol, port)
                return address, endpoints, (rule.origin,) if rule else ()
    return None
