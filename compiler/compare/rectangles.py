"""Few big changes instead of many small ones: what becomes allowed or denied alike, as sources times destinations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import chain

from attrs import evolve, field, frozen

from compiler.model.model import AddressRanges
from compiler.origin import Origin
from compiler.values.ranges import merge_ranges
from compiler.values.services import NOTHING, ServiceSet


@frozen
class Rectangle:
    """Sources (atoms) and destinations (atoms, and `ranges` outside) between which `services` become allowed or denied.

    `but` are services of which that is not true between a pod and its own node's address.  `granting` are the rules by
    which it is allowed on the side on which it is; `supporting` are further ones there that do not tell changes apart,
    and `denying` what denies it on the other side.
    """

    allowed: bool
    services: ServiceSet
    sources: int
    destinations: int
    ranges: AddressRanges = ()
    but: ServiceSet = NOTHING
    granting: tuple[Origin, ...] = ()
    denying: tuple[Origin, ...] = field(default=(), eq=False)
    supporting: tuple[Origin, ...] = field(default=(), eq=False)

    @property
    def kind(self) -> tuple[object, ...]:
        """What two have in common that may be merged."""
        return self.allowed, self.services, self.but, frozenset(self.granting)


def merge_rectangles(rectangles: Iterable[Rectangle]) -> list[Rectangle]:
    """The same pairs of ends in fewer rectangles: none overlap before, and none after."""
    kinds: dict[object, list[Rectangle]] = defaultdict(list)
    for rectangle in rectangles:
        kinds[rectangle.kind].append(rectangle)
    return list(chain.from_iterable(_merge(alike) for alike in kinds.values()))


def _merge(alike: list[Rectangle]) -> list[Rectangle]:
    by_destinations = _merge_in_turn(alike, (_by_destinations, _by_sources))
    if len(by_destinations) == 1:
        return by_destinations
    by_sources = _merge_in_turn(alike, (_by_sources, _by_destinations))
    return min(by_destinations, by_sources, key=len)


_Key = Callable[[Rectangle], object]


def _by_destinations(one: Rectangle) -> object:
    return one.destinations, one.ranges


def _by_sources(one: Rectangle) -> object:
    return one.sources


def _merge_in_turn(alike: list[Rectangle], keys: tuple[_Key, _Key]) -> list[Rectangle]:
    while True:
        count = len(alike)
        for key in keys:
            groups: dict[object, list[Rectangle]] = defaultdict(list)
            for one in alike:
                groups[key(one)].append(one)
            alike = [_union(group) for group in groups.values()]
        if len(alike) == count:
            return alike


def _union(group: list[Rectangle]) -> Rectangle:
    """Rectangles of equal sources or of equal destinations as one."""
    if len(group) == 1:
        return group[0]
    sources = destinations = 0
    for one in group:
        sources |= one.sources
        destinations |= one.destinations
    return evolve(
        group[0],
        sources=sources,
        destinations=destinations,
        ranges=merge_ranges(chain.from_iterable(one.ranges for one in group)),
        granting=tuple(dict.fromkeys(chain.from_iterable(one.granting for one in group))),
        denying=tuple(dict.fromkeys(chain.from_iterable(one.denying for one in group))),
        supporting=tuple(dict.fromkeys(chain.from_iterable(one.supporting for one in group))),
    )
