"""Egress firewalls: whose they are, whether they can be in force (EF-04, EF-05), and what addresses their rules mean.

A firewall is in force for a NetID.  So a project that shares its NetID cannot have one of its own, and a project has
one only.  Where that is broken, OpenShift drops all that leaves; here it is an error unless the user wants the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from compiler import codes
from compiler.declarations import BlockPeer, EgressFirewall, FirewallRule, Mode, NamePeer, PortRange
from compiler.diagnostics import Diagnostics, Related
from compiler.dns_lock import DnsLock
from compiler.model.model import GLOBAL_NETID, AddressRanges, AddressRule, Cluster, Firewall, Project
from compiler.model.sharing import Sharing, listed
from compiler.options import BrokenEgress, Options
from compiler.values.prefix import ALL_ONES
from compiler.values.ranges import merge_ranges

EVERYWHERE: AddressRanges = ((0, ALL_ONES),)


def build_firewalls(
    declared: Iterable[EgressFirewall],
    projects: Iterable[Project],
    cluster: Cluster | None,
    options: Options,
    diagnostics: Diagnostics,
) -> tuple[Firewall, ...]:
    """The firewalls, sorted by NetID; none in subnet mode, or if nothing tells the mode.

    Firewalls of projects that do not exist are left out; `check_references` reports them.  Reports IGNORED_IN_SUBNET,
    FIREWALL_GLOBAL (EF-04); FIREWALL_SHARED and FIREWALL_TWICE, or FIREWALL_DROPS instead (EF-05); NAME_NOT_LOCKED,
    DENIED_NAME_EMPTY and ALLOWED_NAME_EMPTY (EF-08, EF-10).
    """
    parts = sorted(declared, key=lambda part: part.origin.sort_key())
    if cluster is None or not parts:
        return ()
    if cluster.mode is Mode.SUBNET:
        diagnostics.report(codes.IGNORED_IN_SUBNET, None, count=len(parts), what="egress firewalls")
        return ()
    sharing = Sharing.of(projects)
    by_netid: dict[int, list[EgressFirewall]] = defaultdict(list)
    for part in parts:
        if part.project in sharing.netids:
            by_netid[sharing.netids[part.project]].append(part)
    firewalls = []
    for netid, own in sorted(by_netid.items()):
        rules: tuple[AddressRule, ...] | None = None
        if not _is_dropped(netid, own, sharing, options, diagnostics):
            # There is one, or there was an error: then this run still tells what is wrong with the rules of all.
            rules = tuple(_resolve(rule, options.dns_lock, diagnostics) for part in own for rule in part.rules)
        project = min(part.project for part in own)
        firewalls.append(Firewall(project, netid, rules, tuple(part.origin for part in own)))
    return tuple(firewalls)


def _is_dropped(
    netid: int, parts: Sequence[EgressFirewall], sharing: Sharing, options: Options, diagnostics: Diagnostics
) -> bool:
    """Whether all is dropped because the firewalls of a NetID are broken; reports if they are."""
    if netid == GLOBAL_NETID:
        for part in parts:
            diagnostics.report(codes.FIREWALL_GLOBAL, part.origin, project=part.project)
        return False
    of_project: dict[str, list[EgressFirewall]] = defaultdict(list)
    for part in parts:
        of_project[part.project].append(part)
    for project, own in sorted(of_project.items()):
        others = sharing.others(project)
        if options.broken_egress is BrokenEgress.DROP:
            _report_drop(project, own, netid, others, diagnostics)
            continue
        if others:
            diagnostics.report(
                codes.FIREWALL_SHARED, own[0].origin, project=project, netid=netid, others=listed(others)
            )
        for again in own[1:]:
            related = (Related("the other egress firewall", own[0].origin),)
            diagnostics.report(codes.FIREWALL_TWICE, again.origin, related=related, project=project)
    broken = len(parts) > 1 or bool(sharing.others(parts[0].project))
    return broken and options.broken_egress is BrokenEgress.DROP


def _report_drop(
    project: str, own: Sequence[EgressFirewall], netid: int, others: Sequence[str], diagnostics: Diagnostics
) -> None:
    reasons = []
    if others:
        reasons.append(f"the project shares NetID {netid} with {listed(others)}")
    if len(own) > 1:
        reasons.append(f"the project has {len(own)} of them")
    if reasons:
        related = tuple(Related("another egress firewall", other.origin) for other in own[1:])
        reason = " and ".join(reasons)
        diagnostics.report(codes.FIREWALL_DROPS, own[0].origin, related=related, project=project, reason=reason)


def _resolve(rule: FirewallRule, lock: DnsLock | None, diagnostics: Diagnostics) -> AddressRule:
    """The rule with its peers as one set of addresses."""
    if rule.peers is None:
        return AddressRule(rule.origin, rule.allow, EVERYWHERE, _sorted(rule.ports))
    named: list[tuple[int, int]] = []
    lasting: list[tuple[int, int]] = []
    has_names = False
    for peer in rule.peers:
        if isinstance(peer, NamePeer):
            has_names = True
            named.extend((address, address) for address in _locked(peer, rule.allow, lock, diagnostics))
        else:
            lasting.extend(addresses_of(peer))
    return AddressRule(
        rule.origin,
        rule.allow,
        merge_ranges([*named, *lasting]),
        _sorted(rule.ports),
        merge_ranges(lasting) if has_names else None,
    )


def _sorted(ports: tuple[PortRange, ...] | None) -> tuple[PortRange, ...] | None:
    """Ports in one order, so that the model does not depend on how they are listed."""
    if ports is None:
        return None
    return tuple(sorted(set(ports), key=lambda one: (one.protocol.value, one.first, one.last)))


def _locked(peer: NamePeer, allow: bool, lock: DnsLock | None, diagnostics: Diagnostics) -> tuple[int, ...]:
    """The addresses that the lock file has for a name (EF-08, EF-10)."""
    locked = lock.names.get(peer.name) if lock else None
    if locked is None:
        if lock is not None and not lock.complete:
            return ()
        reason = f"{lock.path} does not have the name" if lock else "no lock file is given"
        diagnostics.report(codes.NAME_NOT_LOCKED, peer.origin, name=peer.name, reason=reason)
        return ()
    if not locked.addresses:
        related = (Related("its entry in the lock file", locked.origin),) if locked.origin else ()
        if allow:
            diagnostics.report(codes.ALLOWED_NAME_EMPTY, peer.origin, related=related, name=peer.name)
        else:
            diagnostics.report(codes.DENIED_NAME_EMPTY, peer.origin, related=related, name=peer.name)
    return locked.addresses


def addresses_of(block: BlockPeer) -> Iterator[tuple[int, int]]:
    """The addresses of a block less its exceptions, which are sorted and inside it, but may lie in each other."""
    if block.prefix is None:
        return
    here = block.prefix.network
    for exception in block.excepts:
        if here < exception.network:
            yield here, exception.network - 1
        here = max(here, exception.last + 1)
    if here <= block.prefix.last:
        yield here, block.prefix.last
