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
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Generic, TypeVar

from attrs import frozen

V = TypeVar("V", bound=int)


@frozen(slots=True)
class _Tree(Generic[V]):
    """A prefix: the values that cost least, and its halves (none: the whole part has one value)."""

    best: frozenset[V]
    halves: tuple[_Tree[V], _Tree[V]] | None = None


def minimal_table(ranges: Sequence[tuple[int, int, V]], width: int, default: V) -> tuple[tuple[int, int, V], ...]:
    """The entries (first number, prefix length, value) of the smallest table, sorted.

    `ranges` (first, last, value) are sorted and disjoint; numbers in none have the value `default`.  The table's
    result on a miss is `default`, too.  Raises ValueError for ranges that are not sorted or overlap.
    """
    if any(one[1] >= other[0] for one, other in pairwise(ranges)):
        raise ValueError("ranges overlap or are not sorted")
    entries: list[tuple[int, int, V]] = []
    _assign(_build(ranges, 0, width, default), 0, 0, width, default, entries)
    return tuple(entries)


def _build(ranges: Sequence[tuple[int, int, V]], first: int, bits: int, default: V) -> _Tree[V]:
    """The tree of the 2**bits numbers from `first`; `ranges` are those that overlap it."""
    last = first + (1 << bits) - 1
    if not ranges:
        return _Tree(frozenset((default,)))
    if len(ranges) == 1 and ranges[0][0] <= first and last <= ranges[0][1]:
        return _Tree(frozenset((ranges[0][2],)))
    middle = first + (1 << bits - 1)
    low = _build([r for r in ranges if r[0] < middle], first, bits - 1, default)
    high = _build([r for r in ranges if r[1] >= middle], middle, bits - 1, default)
    return _Tree(low.best & high.best or low.best | high.best, (low, high))


def _assign(
    tree: _Tree[V], first: int, length: int, width: int, inherited: V, entries: list[tuple[int, int, V]]
) -> None:
    """Appends the entries of a prefix that inherits a value from above, in the order of first numbers."""
    value = inherited
    if inherited not in tree.best:
        value = min(tree.best)
        entries.append((first, length, value))
    if tree.halves is not None:
        low, high = tree.halves
        _assign(low, first, length + 1, width, value, entries)
        _assign(high, first + (1 << width - length - 1), length + 1, width, value, entries)
