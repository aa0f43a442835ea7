"""The smallest longest-prefix-match table, held against look-ups and against a search that tries every table."""

from __future__ import annotations

from functools import cache
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.plan.lpm import minimal_table

Table = tuple[tuple[int, int, int], ...]


def to_ranges(values: tuple[int, ...]) -> list[tuple[int, int, int]]:
    """A function, given as its values, as ranges."""
    ranges: list[tuple[int, int, int]] = []
    for number, value in enumerate(values):
        if ranges and ranges[-1][2] == value:
            ranges[-1] = (ranges[-1][0], number, value)
        else:
            ranges.append((number, number, value))
    return ranges


def look_up(table: Table, number: int, width: int, default: int) -> int:
    """What a longest-prefix-match table says about a number."""
    fitting = [(length, value) for first, length, value in table if number >> width - length == first >> width - length]
    return max(fitting)[1] if fitting else default


@cache
def smallest(values: tuple[int, ...], inherited: int, labels: tuple[int, ...]) -> int:
    """The least number of entries at and below a prefix that inherits a value: tries every choice."""
    if len(values) == 1:
        return int(values[0] != inherited)
    middle = len(values) // 2
    return min(
        int(label != inherited) + smallest(values[:middle], label, labels) + smallest(values[middle:], label, labels)
        for label in labels
    )


def check(values: tuple[int, ...], labels: tuple[int, ...], default: int) -> None:
    width = len(values).bit_length() - 1
    table = minimal_table(to_ranges(values), width, default)

    assert tuple(look_up(table, number, width, default) for number in range(len(values))) == values
    assert len(table) == smallest(values, default, labels)
    assert list(table) == sorted(table)
    assert all(first % (1 << width - length) == 0 for first, length, _ in table)


@pytest.mark.parametrize(("width", "labels"), [(0, 3), (1, 3), (2, 4), (3, 3), (4, 2)])
def test_no_table_of_any_small_function_is_smaller(width: int, labels: int) -> None:
    functions = list(product(range(labels), repeat=1 << width))

    for values in functions:
        check(values, tuple(range(labels)), default=0)

    assert len(functions) == labels ** (1 << width)


@pytest.mark.parametrize("values", list(product((0, 1), repeat=4)))
def test_the_search_agrees_with_trying_all_tables(values: tuple[int, ...]) -> None:
    """The oracle of the test above, held against an enumeration of all tables by their size."""
    prefixes = [(first << 2 - length, length) for length in range(3) for first in range(1 << length)]
    sizes = [
        sum(entry is not None for entry in choice)
        for choice in product((None, 0, 1), repeat=len(prefixes))
        if all(
            look_up(
                tuple((*prefix, entry) for prefix, entry in zip(prefixes, choice, strict=True) if entry is not None),
                number,
                2,
                0,
            )
            == values[number]
            for number in range(4)
        )
    ]

    assert smallest(values, 0, (0, 1)) == min(sizes)


@given(
    st.integers(0, 6).flatmap(lambda width: st.lists(st.integers(0, 3), min_size=1 << width, max_size=1 << width)),
    st.integers(0, 3),
)
def test_random_functions(values: list[int], default: int) -> None:
    check(tuple(values), (0, 1, 2, 3), default)


@pytest.mark.behaviour("NP-09")
@given(st.lists(st.integers(0, 65535), min_size=2, max_size=8, unique=True).map(sorted), st.booleans())
def test_port_ranges_are_exact(bounds: list[int], default: bool) -> None:
    pairs = list(zip(bounds[::2], bounds[1::2], strict=False))
    ranges = [(first, last, not default) for first, last in pairs]

    table = minimal_table(ranges, 16, default)

    for port in {edge + step for pair in pairs for edge in pair for step in (-1, 0, 1)} & set(range(65536)):
        inside = any(first <= port <= last for first, last in pairs)
        assert look_up(table, port, 16, default) == (inside != default)


def test_gaps_have_the_default() -> None:
    assert minimal_table([(4, 7, 1)], 4, 0) == ((4, 2, 1),)
    assert minimal_table([], 16, 0) == ()
    assert minimal_table([(0, 65535, 1)], 16, 0) == ((0, 0, 1),)
    assert minimal_table([(0, 65535, 1)], 16, 1) == ()


@pytest.mark.parametrize("ranges", [[(0, 3, 1), (3, 5, 1)], [(4, 5, 1), (0, 1, 1)]])
def test_ranges_have_to_be_sorted_and_disjoint(ranges: list[tuple[int, int, int]]) -> None:
    with pytest.raises(ValueError, match="overlap or are not sorted"):
        minimal_table(ranges, 4, 0)
