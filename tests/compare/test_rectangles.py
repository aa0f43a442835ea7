"""Few big changes instead of many small ones."""

from __future__ import annotations

from itertools import product

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from compiler.compare.rectangles import Rectangle, merge_rectangles
from compiler.policy.bits import members_of
from compiler.values.ports import PortSet
from compiler.values.services import ServiceSet

WEB, MAIL = ServiceSet(tcp=PortSet([(80, 80)])), ServiceSet(tcp=PortSet([(25, 25)]))


def test_equal_destinations_and_then_equal_sources() -> None:
    pieces = [
        Rectangle(True, WEB, sources, destinations) for sources, destinations in product((0b01, 0b10), (0b100, 0b1000))
    ]

    assert merge_rectangles(pieces) == [Rectangle(True, WEB, 0b11, 0b1100)]


def test_what_is_not_alike_stays_apart() -> None:
    one = Rectangle(True, WEB, 0b01, 0b100)
    others = [evolve(one, sources=0b10, allowed=False), evolve(one, sources=0b10, services=MAIL)]

    assert merge_rectangles([one, *others]) == [one, *others]


def test_addresses_outside_are_destinations_too() -> None:
    inside = Rectangle(False, WEB, 0b01, 0b100)
    outside = Rectangle(False, WEB, 0b01, 0, ((10, 19),))
    beside = Rectangle(False, WEB, 0b01, 0, ((20, 29),))

    assert merge_rectangles([inside, outside, beside]) == [Rectangle(False, WEB, 0b01, 0b100, ((10, 29),))]


@given(st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5))))
def test_the_same_pairs_each_once(pairs: set[tuple[int, int]]) -> None:
    merged = merge_rectangles(Rectangle(True, WEB, 1 << source, 1 << other) for source, other in sorted(pairs))

    told = [pair for one in merged for pair in product(members_of(one.sources), members_of(one.destinations))]
    assert sorted(told) == sorted(pairs)
