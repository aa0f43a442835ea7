"""Sets of IPv4 addresses as sorted ranges: what is between them, what two have in common, how a person reads them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from compiler.model.model import AddressRanges
from compiler.values.prefix import ALL_ONES, WIDTH, Prefix, format_address

TOLD = 3
"""Things that a text names; of more it tells how many."""


def complement(ranges: Iterable[tuple[int, int]]) -> AddressRanges:
    """The addresses in none of the ranges, which are sorted and may overlap.

    >>> complement([(0, 9), (20, 0xFFFFFFFF)])
    ((10, 19),)
    """
    gaps = []
    begin = 0
    for first, last in ranges:
        if begin < first:
            gaps.append((begin, first - 1))
        begin = max(begin, last + 1)
    if begin <= ALL_ONES:
        gaps.append((begin, ALL_ONES))
    return tuple(gaps)


def intersection(one: AddressRanges, other: AddressRanges) -> AddressRanges:
    """The addresses in both.

    >>> intersection(((0, 9), (20, 29)), ((5, 24),))
    ((5, 9), (20, 24))
    """
    common = []
    i = j = 0
    while i < len(one) and j < len(other):
        first, last = max(one[i][0], other[j][0]), min(one[i][1], other[j][1])
        if first <= last:
            common.append((first, last))
        if one[i][1] < other[j][1]:
            i += 1
        else:
            j += 1
    return tuple(common)


def ranges_text(ranges: AddressRanges) -> str:
    """The ranges in a few words, as networks where they are.

    >>> ranges_text(((0x0A000000, 0x0AFFFFFF), (0xC0000207, 0xC0000207), (0xC0000210, 0xC0000214)))
    '10.0.0.0/8, 192.0.2.7, 192.0.2.16 to 192.0.2.20'
    """
    return cut([_range_text(first, last) for first, last in ranges[:TOLD]], len(ranges))


def cut(words: Sequence[str], count: int | None = None, between: str = ", ") -> str:
    """The first words, and how many more there are of `count` (None: as many as are given)."""
    more = (len(words) if count is None else count) - TOLD
    return between.join([*words[:TOLD], *([f"{more} more"] if more > 0 else [])])


def _range_text(first: int, last: int) -> str:
    size = last - first + 1
    if size & (size - 1) == 0 and first % size == 0:
        return Prefix(first, WIDTH + 1 - size.bit_length()).short()
    return f"{format_address(first)} to {format_address(last)}"
