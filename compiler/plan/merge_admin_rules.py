"""One pass: the administrator's rules of a node, with as few rules as their neighbours allow (AR-02).

Rules of one block that stand side by side and have the same verdict may be read in any order: a packet that any of them
matches has the verdict.  So two that differ only in their ports, only in their sources or only in their destinations
are one rule of what both have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain, groupby

from attrs import evolve, field, frozen

from compiler.declarations import AdminLimit, AdminLog, AdminVerdict, BlockPeer, PortRange
from compiler.model.firewalls import EVERYWHERE, addresses_of
from compiler.model.model import AddressRanges
from compiler.origin import Origin
from compiler.plan.admin_rules import AdminRulePlan
from compiler.values.ports import PortSet
from compiler.values.ranges import merge_ranges
from compiler.values.services import EVERYTHING, ServiceSet, union


@frozen
class AdminMatch:
    """A rule in canonical form: what it does with packets of `services` from `sources` to `destinations`.

    `block` is the name of the block that its statements stand in.
    """

    block: str
    action: AdminVerdict | AdminLog | AdminLimit
    sources: AddressRanges
    destinations: AddressRanges
    services: ServiceSet
    origins: tuple[Origin, ...] = field(default=(), eq=False, repr=False)


def merge_admin_rules(rules: Iterable[AdminRulePlan]) -> tuple[AdminMatch, ...]:
    """The rules of a node in canonical form, neighbours merged.

    Before: rules in order, their addresses and ports as they were written.  After: each packet has the verdict, the
    logs and the limits that it had before, in the same order; no rule matches nothing; rules that log or limit are as
    many and stand where they stood, between the same verdicts; of the rules of one block with one verdict that nothing
    else stands between, no two are equal in two of sources, destinations and services.

    A rule that drops tcp/80 to an address and one that drops tcp/443 to it become one that drops tcp/80,443.
    """
    matches = [match for rule in rules if (match := _canonical(rule)) is not None]
    return tuple(
        chain.from_iterable(
            _merge_run(list(run)) if isinstance(action, AdminVerdict) else run
            for (_, action), run in groupby(matches, key=lambda match: (match.block, match.action))
        )
    )


def _canonical(rule: AdminRulePlan) -> AdminMatch | None:
    """The rule in canonical form; None if it matches nothing."""
    sources, destinations, services = _addresses(rule.sources), _addresses(rule.destinations), _services(rule.ports)
    if not (sources and destinations and services):
        return None
    return AdminMatch(rule.block, rule.action, sources, destinations, services, (rule.origin,))


def _addresses(blocks: Iterable[BlockPeer] | None) -> AddressRanges:
    if blocks is None:
        return EVERYWHERE
    return merge_ranges(chain.from_iterable(addresses_of(block) for block in blocks))


def _services(ports: Iterable[PortRange] | None) -> ServiceSet:
    if ports is None:
        return EVERYTHING
    return union(ServiceSet.of(port.protocol, PortSet([(port.first, port.last)])) for port in ports)


def _merge_run(run: list[AdminMatch]) -> list[AdminMatch]:
    """Rules of one verdict, merged until no two can be."""
    while True:
        count = len(run)
        run = _merge_by(run, lambda match: (match.sources, match.destinations))
        run = _merge_by(run, lambda match: (match.destinations, match.services))
        run = _merge_by(run, lambda match: (match.sources, match.services))
        if len(run) == count:
            return run


def _merge_by(run: Iterable[AdminMatch], key: Callable[[AdminMatch], object]) -> list[AdminMatch]:
    """Those of which two parts (`key`) are equal as one each, which stands where the first of them stood."""
    alike: dict[object, list[AdminMatch]] = {}
    for match in run:
        alike.setdefault(key(match), []).append(match)
    return [_union(matches) for matches in alike.values()]


def _union(matches: Sequence[AdminMatch]) -> AdminMatch:
    """What any of them matches; they are equal in all parts but one."""
    if len(matches) == 1:
        return matches[0]
    return evolve(
        matches[0],
        sources=merge_ranges(chain.from_iterable(match.sources for match in matches)),
        destinations=merge_ranges(chain.from_iterable(match.destinations for match in matches)),
        services=union(match.services for match in matches),
        origins=tuple(dict.fromkeys(origin for match in matches for origin in match.origins)),
    )
