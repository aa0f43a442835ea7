"""Sets of addresses as ranges."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.model.model import AddressRanges
from compiler.policy.ranges import complement, cut, intersection, ranges_text
from compiler.values.prefix import ALL_ONES
from tests.policy.lists import ADDRESSES, CELLS, cell_ranges, network

cells = st.sets(st.integers(0, len(CELLS) - 1))
EVERYWHERE: AddressRanges = ((0, ALL_ONES),)


@given(cells)
def test_complement(some: set[int]) -> None:
    assert complement(cell_ranges(some)) == cell_ranges(set(range(len(CELLS))) - some)


def test_the_complement_of_ranges_that_overlap_or_touch() -> None:
    assert complement([(0, 9), (5, 7), (10, 19), (30, ALL_ONES)]) == ((20, 29),)


@given(cells, cells)
def test_intersection(one: set[int], other: set[int]) -> None:
    common = intersection(cell_ranges(one), cell_ranges(other))

    inside = {address for address in ADDRESSES if any(first <= address <= last for first, last in common)}
    assert inside == {address for cell in one & other for address in CELLS[cell]}


@pytest.mark.parametrize(
    ("ranges", "text"),
    [
        (network("192.0.2.7"), "192.0.2.7"),
        (EVERYWHERE, "0.0.0.0/0"),
        (((1, 2),), "0.0.0.1 to 0.0.0.2"),
        (network("10.0.0.0/8, 10.0.0.0/9, 10.0.0.0/10, 10.0.0.0/11, 10.0.0.0/12"), None),
    ],
)
def test_texts(ranges: AddressRanges, text: str | None) -> None:
    assert ranges_text(ranges) == (text or "10.0.0.0/8, 10.0.0.0/9, 10.0.0.0/10, 2 more")


def test_few_words_are_told_all() -> None:
    assert cut(["a", "b", "c"], between=" and ") == "a and b and c"
    assert cut([]) == ""
