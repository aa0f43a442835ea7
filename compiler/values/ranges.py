"""Ranges of numbers, first and last: a set of ports or of addresses has one way to be written."""

from __future__ import annotations

from collections.abc import Iterable


def merge_ranges(ranges: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """The union of ranges: sorted, with a gap between any two.

    >>> merge_ranges([(5, 9), (0, 2), (3, 3), (7, 12)])
    ((0, 3), (5, 12))
    """
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged)
