"""Sets of ports: sorted, disjoint, non-adjacent ranges over 0 to 65535, canonical by construction."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import field, frozen

from compiler.values.ranges import merge_ranges

MAX_PORT = 65535


def _merge(ranges: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    told = tuple(ranges)
    for first, last in told:
        if not 0 <= first <= last <= MAX_PORT:
            raise ValueError(f"not a port range: {first}-{last}")
    return merge_ranges(told)


@frozen(slots=True, cache_hash=True)
class PortSet:
    """A set of ports.  `PortSet([(80, 80), (81, 90)]) == PortSet([(80, 90)])`.

    Raises ValueError for a range that is empty or not within 0 to 65535.
    """

    ranges: tuple[tuple[int, int], ...] = field(default=(), converter=_merge)

    def __or__(self, other: PortSet) -> PortSet:
        return PortSet(self.ranges + other.ranges)

    def __and__(self, other: PortSet) -> PortSet:
        common = ((max(a, c), min(b, d)) for a, b in self.ranges for c, d in other.ranges)
        return PortSet((first, last) for first, last in common if first <= last)

    def __contains__(self, port: int) -> bool:
        return any(first <= port <= last for first, last in self.ranges)

    def __le__(self, other: PortSet) -> bool:
        """Whether this is a subset of `other`."""
        return self | other == other

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def __str__(self) -> str:
        return ",".join(f"{a}" if a == b else f"{a}-{b}" for a, b in self.ranges)


NO_PORTS = PortSet()
ALL_PORTS = PortSet([(0, MAX_PORT)])
