"""What two service sets have in common, and what one has more than the other."""

from __future__ import annotations

from functools import lru_cache

from compiler.values.ports import ALL_PORTS, MAX_PORT, NO_PORTS, PortSet
from compiler.values.services import EVERYTHING, NOTHING, ServiceSet


def complement(services: ServiceSet) -> ServiceSet:
    """All services that are not in a set."""
    return ServiceSet(_rest(services.tcp), _rest(services.udp), _rest(services.sctp), not services.other)


@lru_cache(1 << 14)
def common(one: ServiceSet, other: ServiceSet) -> ServiceSet:
    """The services in both sets."""
    if one == EVERYTHING:
        return other
    if other == EVERYTHING:
        return one
    if NOTHING in (one, other):
        return NOTHING
    return complement(complement(one) | complement(other))


@lru_cache(1 << 14)
def without(one: ServiceSet, other: ServiceSet) -> ServiceSet:
    """The services of the first set that are not in the second."""
    return common(one, complement(other))


def _rest(ports: PortSet) -> PortSet:
    if not ports:
        return ALL_PORTS
    if ports == ALL_PORTS:
        return NO_PORTS
    gaps = []
    begin = 0
    for first, last in ports.ranges:
        if begin < first:
            gaps.append((begin, first - 1))
        begin = last + 1
    if begin <= MAX_PORT:
        gaps.append((begin, MAX_PORT))
    return PortSet(gaps)
