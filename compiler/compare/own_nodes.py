"""What a pod sends to its own node, or to a node by which it leaves, is not judged as what it sends elsewhere.

DNS to a pod's own node passes whatever firewall and way out (EF-06), and administrator's rules see nothing that is for
the node itself by which it leaves.  So pods that are judged alike do differ at those addresses.  Where the difference
is of one kind it is an exception of a change (`but`, `but_local`); else the addresses are taken out of it, and what
changes there is told apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from attrs import evolve, frozen

from compiler.compare.judges import Verdict, handled_differently
from compiler.compare.rectangles import Rectangle
from compiler.compare.services import without
from compiler.model.model import AddressRanges
from compiler.origin import Origin
from compiler.policy.ranges import complement, intersection
from compiler.values.ranges import merge_ranges
from compiler.values.services import NOTHING, ServiceSet


@frozen
class Handled:
    """Packets whose verdict stays and that administrator's rules treat differently; `but_local`: but for those to
    addresses of the pods' own nodes and of nodes by which they leave."""

    sources: int
    ranges: AddressRanges
    services: ServiceSet
    old: tuple[str, ...]
    new: tuple[str, ...]
    old_origins: tuple[Origin, ...]
    new_origins: tuple[Origin, ...]
    but_local: bool = False


@frozen
class OwnNode:
    """Some pods and an address of their own node (`is_own`, on each side on which they are there), or of one by which
    they leave: what changes there in general, and what exactly.  Each is the verdict on the old and the new side;
    `rectangles` are the exact changes."""

    pods: int
    address: int
    is_own: bool
    general: tuple[Verdict, Verdict]
    exact: tuple[Verdict, Verdict]
    rectangles: tuple[Rectangle, ...]

    @property
    def changes(self) -> tuple[ServiceSet, ServiceSet]:
        """What becomes allowed, and denied."""
        return _change(*self.exact)

    @property
    def differs(self) -> bool:
        """Whether something else becomes allowed or denied than in general."""
        return _change(*self.general) != self.changes

    @property
    def is_less(self) -> bool:
        """Whether no more becomes allowed or denied than in general."""
        return all(exact <= general for exact, general in zip(self.changes, _change(*self.general), strict=True))

    @property
    def is_handled(self) -> bool:
        """Whether something is handled differently here, but not denied or allowed."""
        return bool(handled_differently(*self.exact))

    @property
    def is_handled_apart(self) -> bool:
        """Whether something else is handled differently than in general."""
        return handled_differently(*self.exact) != handled_differently(*self.general)

    def missing(self, rectangle: Rectangle) -> ServiceSet:
        """The services of a rectangle that do not change here."""
        return without(rectangle.services, self.changes[0 if rectangle.allowed else 1])


def _change(old: Verdict, new: Verdict) -> tuple[ServiceSet, ServiceSet]:
    return without(new.allowed, old.allowed), without(old.allowed, new.allowed)


def except_rectangles(general: Sequence[Rectangle], own_nodes: Sequence[OwnNode]) -> Iterator[Rectangle]:
    """What becomes allowed and denied exactly, from what does in general."""
    if not any(one.differs for one in own_nodes):
        yield from general
        return
    own = [one for one in own_nodes if one.is_own and one.is_less]
    excepted = [_excepted(rectangle, own) for rectangle in general]
    if None in excepted:
        own, excepted = [], [NOTHING] * len(general)
    apart = [one for one in own_nodes if one.differs and one not in own]
    addresses = {one.address for one in apart}
    apart += [one for one in own if one.address in addresses]
    pods_at = _pods_at(apart)
    at_own = _pods_at(one for one in own if one not in apart)
    for rectangle, but in zip(general, excepted, strict=True):
        for piece in _carved(rectangle.sources, rectangle.ranges, pods_at):
            yield from _with_but(evolve(rectangle, sources=piece.pods, ranges=piece.ranges), but or NOTHING, at_own)
    for one in apart:
        yield from one.rectangles


def _with_but(rectangle: Rectangle, but: ServiceSet, at_own: dict[int, int]) -> Iterator[Rectangle]:
    """A rectangle with an exception for own nodes; without them where nothing changes there and that is as simple."""
    if but == rectangle.services:
        pieces = list(_carved(rectangle.sources, rectangle.ranges, at_own))
        if len(pieces) <= 1:
            yield from (evolve(rectangle, sources=piece.pods, ranges=piece.ranges) for piece in pieces)
            return
    yield evolve(rectangle, but=but)


def except_handled(general: Sequence[Handled], own_nodes: Sequence[OwnNode]) -> Iterator[Handled]:
    """What is handled differently exactly, from what is in general."""
    apart = [one for one in own_nodes if one.is_handled_apart]
    if not apart:
        yield from general
        return
    pods_at = _pods_at(apart)
    if not any(one.is_handled for one in own_nodes):
        for one in general:
            pieces = list(_carved(one.sources, one.ranges, pods_at))
            if len(pieces) > 1:
                yield evolve(one, but_local=True)
            else:
                yield from (evolve(one, sources=piece.pods, ranges=piece.ranges) for piece in pieces)
        return
    for one in general:
        for piece in _carved(one.sources, one.ranges, pods_at):
            yield evolve(one, sources=piece.pods, ranges=piece.ranges)
    for node in apart:
        yield from handled(node.pods, ((node.address, node.address),), node.exact)


def handled(pods: int, ranges: AddressRanges, verdicts: tuple[Verdict, Verdict]) -> Iterator[Handled]:
    """What is handled differently of what pods send to some addresses."""
    old, new = verdicts
    for (was, now), services in sorted(handled_differently(old, new).items(), key=lambda item: item[0]):
        yield Handled(pods, ranges, services, was, now, old.origins, new.origins)


def merge_handled(treated: Iterable[Handled]) -> list[Handled]:
    """The same in fewer pieces: those of equal pods and treatments, then those of equal addresses, as one."""
    for key in (_but_ranges, _but_sources):
        groups: dict[object, list[Handled]] = defaultdict(list)
        for one in treated:
            groups[key(one)].append(one)
        treated = [_union(group) for group in groups.values()]
    return list(treated)


def _but_ranges(one: Handled) -> object:
    return one.sources, one.services, one.old, one.new, one.but_local


def _but_sources(one: Handled) -> object:
    return one.ranges, one.services, one.old, one.new, one.but_local


def _union(group: Sequence[Handled]) -> Handled:
    sources = 0
    for one in group:
        sources |= one.sources
    return evolve(
        group[0],
        sources=sources,
        ranges=merge_ranges(chain.from_iterable(one.ranges for one in group)),
        old_origins=tuple(dict.fromkeys(chain.from_iterable(one.old_origins for one in group))),
        new_origins=tuple(dict.fromkeys(chain.from_iterable(one.new_origins for one in group))),
    )


class _Piece(NamedTuple):
    pods: int
    ranges: AddressRanges


def _excepted(rectangle: Rectangle, own: Iterable[OwnNode]) -> ServiceSet | None:
    """The services of a rectangle that do not change at own nodes; None if it depends on the pod."""
    missing = {one.missing(rectangle) for one in own if is_in(one.address, rectangle.ranges)}
    return missing.pop() if len(missing) == 1 else None if missing else NOTHING


def is_in(address: int, ranges: AddressRanges) -> bool:
    """Whether an address is in one of the ranges."""
    return bool(intersection(((address, address),), ranges))


def _pods_at(own_nodes: Iterable[OwnNode]) -> dict[int, int]:
    pods: dict[int, int] = defaultdict(int)
    for one in own_nodes:
        pods[one.address] |= one.pods
    return dict(sorted(pods.items()))


def _carved(sources: int, ranges: AddressRanges, pods_at: dict[int, int]) -> Iterator[_Piece]:
    """Sources times ranges without some pods at some addresses."""
    holes = {address: pods for address, pods in pods_at.items() if is_in(address, ranges)}
    if rest := intersection(ranges, complement((address, address) for address in holes)):
        yield _Piece(sources, rest)
    for address, pods in holes.items():
        if others := sources & ~pods:
            yield _Piece(others, ((address, address),))
