"""Numbers derived from content (OUT-02): a hash, and a fixed way out of collisions.

A number that is counted shifts when something is added; a number that is hashed stays.  Two names that want one
number are rare; then the one that sorts first has it, and the other gets the next number that nobody has or wants.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256


def digest(text: str) -> int:
    """The first 64 bits of the SHA-256 of `text`."""
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big")


def allocate(names: Iterable[str], low: int, high: int, taken: Iterable[int] = ()) -> dict[str, int]:
    """A number from `low` to `high` (both included) for each name, none twice and none of `taken`.

    >>> allocate(["web", "api"], 10, 99) == allocate(["api", "web"], 10, 99)
    True

    Raises ValueError if there are more names than numbers.
    """
    used = set(taken)
    size = high - low + 1
    wanted = sorted((low + digest(name) % size, name) for name in set(names))
    if len(wanted) + sum(low <= number <= high for number in used) > size:
        raise ValueError(f"{len(wanted)} names do not fit into {low} to {high}")
    numbers: dict[str, int] = {}
    late: list[tuple[int, str]] = []
    for number, name in wanted:
        if number in used:
            late.append((number, name))
        else:
            used.add(number)
            numbers[name] = number
    # Only when everybody has what nobody else wants, so that nobody is pushed aside who is in nobody's way.
    for number, name in late:
        while number in used:
            number = low + (number + 1 - low) % size
        used.add(number)
        numbers[name] = number
    return numbers
