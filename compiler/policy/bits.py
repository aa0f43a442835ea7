"""Sets of small integers as Python integers: bit `i` is set if `i` belongs to the set.

Union, intersection and subset are then single operations over whole words.  -1 has every bit set: the set of
everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

EVERYTHING = -1


def bits_of(members: Iterable[int]) -> int:
    """The set of the given members.  Linear, where `|= 1 << i` in a loop would copy the whole set each time.

    >>> bits_of([0, 3])
    9
    """
    members = list(members)
    if not members:
        return 0
    cells = bytearray((max(members) >> 3) + 1)
    for member in members:
        cells[member >> 3] |= 1 << (member & 7)
    return int.from_bytes(cells, "little")


def members_of(bits: int) -> Iterator[int]:
    """The members of a finite set, ascending.

    >>> list(members_of(9))
    [0, 3]

    Raises ValueError for an infinite set.
    """
    if bits < 0:
        raise ValueError("the set is infinite")
    digits = bin(bits)[:1:-1]
    position = digits.find("1")
    while position >= 0:
        yield position
        position = digits.find("1", position + 1)
