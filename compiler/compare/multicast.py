"""Whose multicast reaches whom (MC-01 to MC-04)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

from compiler.compare.comparison import MulticastChange, Party
from compiler.compare.rectangles import Rectangle, merge_rectangles
from compiler.compare.sides import Side, Sides
from compiler.model.model import MulticastDomain
from compiler.policy.bits import bits_of
from compiler.values.services import EVERYTHING


def multicast_changes(sides: Sides, party: Callable[[int], Party]) -> Iterator[MulticastChange]:
    """The pods that multicast newly reaches, or reaches no longer."""
    old, new = (_domains(side) for side in sides.both)
    groups: dict[tuple[int | None, int | None], list[int]] = defaultdict(list)
    for pod in sorted({*old, *new}):
        groups[_netid(old, pod), _netid(new, pod)].append(pod)
    pods = {key: bits_of(members) for key, members in groups.items()}
    found = []
    for (was, now), sources in pods.items():
        for (other_was, other_now), destinations in pods.items():
            before, after = was is not None and was == other_was, now is not None and now == other_now
            if before is after or (sources == destinations and sources.bit_count() == 1):
                continue
            origins = tuple(
                side.origins if side is not None else ()
                for side in (
                    next((d for d in domains.values() if d.netid == netid), None)
                    for domains, netid in ((old, was), (new, now))
                )
            )
            granting, denying = origins[::-1] if after else origins
            found.append(Rectangle(after, EVERYTHING, sources, destinations, granting=granting, denying=denying))
    for one in merge_rectangles(found):
        old_origins, new_origins = (one.denying, one.granting) if one.allowed else (one.granting, one.denying)
        yield MulticastChange(one.allowed, party(one.sources), party(one.destinations), old_origins, new_origins)


def _domains(side: Side) -> Mapping[int, MulticastDomain]:
    """The domain of each pod that is in one."""
    domains = {domain.netid: domain for domain in side.model.multicast}
    return {
        pod: domains[netid]
        for pod, endpoint in side.endpoints.items()
        if (netid := side.netids[endpoint.pod.project]) in domains
    }


def _netid(domains: Mapping[int, MulticastDomain], pod: int) -> int | None:
    return domains[pod].netid if pod in domains else None
