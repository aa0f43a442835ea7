"""The smallest longest-prefix-match table of a function on numbers (ORTC).

R. Draves, C. King, S. Venkatachary, B. Zill: "Constructing Optimal IP Routing Tables", INFOCOM 1999.  A function on
the numbers of `width` bits is given as ranges with a value each.  A table of prefixes, of which the longest that
matches decides, is to have as few entries as possible.

Think of the binary tree of prefixes.  From the leaves up, each prefix gets the set of the values that it can give its
whole part at the least cost: if the sets of its halves share values, those (both halves can inherit them), else all
of both (one half has to differ anyway).  From the root down, a prefix that can inherit what is above it does so; any
other gets an entry.  What is above the root is `default`, which costs nothing: it is what a table does on a miss.

>>> minimal_table([(0, 3, True), (6, 7, True)], width=3, default=False)
((0, 0, True), (4, 2, False))

Ports 0 to 3 and 6 to 7 of 0 to 7: instead of two prefixes, "all, but not 4 to 5" here; with equal counts the default
wins.

A prefix that has one value all around a much shorter part costs least with that value, whatever the part needs:
somewhere on the way down to it a half has the value alone, and the next one shares it.  So the levels between are
skipped, and the work grows with the number of ranges, not with that times the 32 levels of an address.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from typing import Generic, TypeVar

from attrs import frozen

V = TypeVar("V", bound=int)


@frozen(slots=True)
class _Tree(Generic[V]):
    """The prefix of 2**bits numbers from `first`: the values that cost least, and the parts below that differ (none:
    the whole prefix has one value)."""

    first: int
    bits: int
    best: frozenset[V]
    parts: tuple[_Tree[V], ...] = ()


@frozen(slots=True)
class _Pieces(Generic[V]):
    """The whole function: `values[i]` from `starts[i]` to before `starts[i + 1]`."""

    starts: list[int]
    values: list[V]
    alone: dict[V, frozenset[V]]
    """Each value as a set."""

    @classmethod
    def of(cls, ranges: Sequence[tuple[int, int, V]], default: V) -> _Pieces[V]:
        """Ranges as pieces, neighbours of one value joined."""
        starts, values, end = [0], [default], 0
        for first, last, value in ranges:
            for start, one in ((end, default), (first, value)):
                if starts[-1] == start:
                    starts.pop()
                    values.pop()
                if not values or values[-1] != one:
                    starts.append(start)
                    values.append(one)
            end = last + 1
        if values[-1] != default:
            starts.append(end)
            values.append(default)
        return cls(starts, values, {value: frozenset((value,)) for value in {*values, default}})


def minimal_table(ranges: Sequence[tuple[int, int, V]], width: int, default: V) -> tuple[tuple[int, int, V], ...]:
    """The entries (first number, prefix length, value) of the smallest table, sorted.

    `ranges` (first, last, value) are sorted and disjoint; numbers in none have the value `default`.  The table's
    result on a miss is `default`, too.  Raises ValueError for ranges that are not sorted or overlap.
    """
    if any(one[1] >= other[0] for one, other in pairwise(ranges)):
        raise ValueError("ranges overlap or are not sorted")
    pieces = _Pieces.of(ranges, default)
    entries: list[tuple[int, int, V]] = []
    tree = _build(pieces, 0, bisect_left(pieces.starts, 1 << width) - 1, 0, width)
    _assign(tree, width, default, entries)
    return tuple(entries)


def _build(pieces: _Pieces[V], low: int, high: int, first: int, bits: int) -> _Tree[V]:
    """The tree of the 2**bits numbers from `first`; the pieces `low` to `high` are those that overlap it."""
    starts, values = pieces.starts, pieces.values
    around = values[low]
    if low == high:
        return _Tree(first, bits, pieces.alone[around])
    if values[high] == around:
        begin, last = starts[low + 1], starts[high] - 1
        inner = (begin ^ last).bit_length()
        if inner < bits - 1:
            # Two levels or more above the part that differs: see the module's docstring.
            start = begin >> inner << inner
            part = _build(pieces, low + (start == begin), high - (start + (1 << inner) == last + 1), start, inner)
            return _Tree(first, bits, pieces.alone[around], (part,))
    middle = first + (1 << bits - 1)
    split = bisect_left(starts, middle, low + 1, high + 1)
    below = _build(pieces, low, split - 1, first, bits - 1)
    above = _build(pieces, split if split <= high and starts[split] == middle else split - 1, high, middle, bits - 1)
    return _Tree(first, bits, below.best & above.best or below.best | above.best, (below, above))


def _assign(tree: _Tree[V], width: int, inherited: V, entries: list[tuple[int, int, V]]) -> None:
    """Appends the entries of a prefix that inherits a value from above, in the order of first numbers."""
    if inherited not in tree.best:
        inherited = min(tree.best)
        entries.append((tree.first, width - tree.bits, inherited))
    for part in tree.parts:
        _assign(part, width, inherited, entries)
