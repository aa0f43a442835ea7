"""Functions on addresses as steps, and several of them laid over each other."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from attrs import frozen

from compiler.compare.services import complement
from compiler.policy.firewall import FirewallFunction
from compiler.values.ports import PortSet
from compiler.values.prefix import ALL_ONES
from compiler.values.services import EVERYTHING, ServiceSet, union

T = TypeVar("T")


@frozen(eq=False)
class Layer(Generic[T]):
    """`values[i]` for the addresses from `starts[i]` to before `starts[i + 1]`; `starts[0]` is 0.

    Equal functions that are made by one cache are one object, so that comparing them costs nothing.
    """

    starts: Sequence[int]
    values: Sequence[T]

    def at(self, address: int) -> T:
        """The value for an address."""
        return self.values[bisect_right(self.starts, address) - 1]


def flat(value: T) -> Layer[T]:
    """The layer that has one value for all addresses."""
    return Layer((0,), (value,))


def overlaid(layers: Sequence[Layer[Any]]) -> Iterator[tuple[int, int, tuple[Any, ...]]]:
    """First and last addresses between which no layer changes, and the layers' values there."""
    bounds = sorted({bound for layer in layers for bound in layer.starts})
    positions = [0] * len(layers)
    for first, behind in zip(bounds, [*bounds[1:], ALL_ONES + 1], strict=True):
        for number, layer in enumerate(layers):
            following = positions[number] + 1
            if following < len(layer.starts) and layer.starts[following] <= first:
                positions[number] = following
        yield (
            first,
            behind - 1,
            tuple(layer.values[position] for layer, position in zip(layers, positions, strict=True)),
        )


def membership(sets: Iterable[Iterable[tuple[int, int]]]) -> Layer[int]:
    """For each address the sets of ranges that it is in, one bit each; ranges of one set have a gap between any two."""
    toggles: dict[int, int] = defaultdict(int)
    for number, ranges in enumerate(sets):
        for first, last in ranges:
            toggles[first] ^= 1 << number
            toggles[last + 1] ^= 1 << number
    toggles.pop(ALL_ONES + 1, None)
    inside = toggles.pop(0, 0)
    starts, values = [0], [inside]
    for bound in sorted(toggles):
        inside ^= toggles[bound]
        starts.append(bound)
        values.append(inside)
    return Layer(starts, values)


def firewall_layer(function: FirewallFunction) -> Layer[ServiceSet]:
    """What an egress firewall lets out, by address."""
    services = [ServiceSet.of(ports.protocol, PortSet([(ports.first, ports.last)])) for ports in function.ports]
    otherwise = complement(union(services))
    denied = membership([function.otherwise, *(ports.denied for ports in function.ports)])
    known: dict[int, ServiceSet] = {0: EVERYTHING}
    for inside in set(denied.values) - {0}:
        parts = [each for number, each in enumerate([otherwise, *services]) if inside >> number & 1]
        known[inside] = complement(union(parts))
    return Layer(denied.starts, [known[inside] for inside in denied.values])
