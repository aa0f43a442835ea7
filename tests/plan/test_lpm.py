"""The smallest longest-prefix-match table, held against look-ups and against a search that tries every table."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import combinations, product
from math import comb
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.plan.lpm import minimal_table
from compiler.policy.first_match import first_match

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


def test_the_search_agrees_with_listing_tables_by_size() -> None:
    """The same oracle for eight numbers: each function first comes with a table of its least size."""
    prefixes = [(first << 3 - length, length) for length in range(4) for first in range(1 << length)]
    least: dict[tuple[int, ...], int] = {}
    tables = 0
    for size in range(5):
        for chosen in combinations(prefixes, size):
            for labels in product((0, 1), repeat=size):
                table = tuple((*prefix, label) for prefix, label in zip(chosen, labels, strict=True))
                least.setdefault(tuple(look_up(table, number, 3, 0) for number in range(8)), size)
                tables += 1

    assert tables == sum(comb(15, size) << size for size in range(5))
    assert len(least) == 256
    assert all(smallest(values, 0, (0, 1)) == size for values, size in least.items())


def least_entries(ranges: Sequence[tuple[int, int, int]], width: int, default: int) -> int:
    """`smallest` for numbers of any width: a prefix with one value only costs one entry if it inherits another."""
    starts, values = [0], [default]
    for first, last, value in ranges:
        starts += [first, last + 1]
        values += [value, default]
    labels = {*values, default}

    def search(first: int, bits: int) -> dict[int, int]:
        """The least number of entries, by the value that the prefix inherits."""
        inside = values[bisect_right(starts, first) - 1 : bisect_left(starts, first + (1 << bits))]
        alike = set(inside)
        if len(alike) == 1:
            return {inherited: int(inherited not in alike) for inherited in labels}
        low, high = search(first, bits - 1), search(first + (1 << bits - 1), bits - 1)
        return {
            inherited: min(int(label != inherited) + low[label] + high[label] for label in labels)
            for inherited in labels
        }

    return search(0, width)[default]


def random_prefixes(random: Random, count: int, width: int, values: int) -> list[tuple[int, int, int]]:
    """The ranges of a list of random prefixes of which the first that matches decides; 0 in none."""
    prefixes = []
    for _ in range(count):
        length = random.randint(0 if count < 10 else 8, width)
        network = random.getrandbits(width)
        if count < 10:
            # Few distinct networks, so that many lie in each other or side by side.
            network = random.choice([network, random.getrandbits(5) << width - 5, random.getrandbits(5)])
        first = network >> width - length << width - length
        prefixes.append((first, first + (1 << width - length) - 1, random.randrange(values)))
    steps = first_match([(first, last, at) for at, (first, last, _) in enumerate(prefixes)], count)
    ends = [*(start - 1 for start in steps.starts[1:]), (1 << width) - 1]
    return [
        (first, last, prefixes[rule][2])
        for first, last, rule in zip(steps.starts, ends, steps.rules, strict=True)
        if rule < count and first < 1 << width
    ]


@pytest.mark.parametrize(("width", "values"), [(32, 2), (16, 4)])
def test_no_table_of_a_short_list_of_prefixes_is_smaller(width: int, values: int) -> None:
    random = Random(width)
    sizes = Counter[int]()
    for _ in range(2_000):
        ranges = random_prefixes(random, random.randint(1, 7), width, values)

        table = minimal_table(ranges, width, 0)

        assert len(table) == least_entries(ranges, width, 0)
        sizes[len(table)] += 1
    assert sizes.total() == 2_000
    assert len(sizes) > 5


@pytest.mark.parametrize("count", [1_000, 10_000])
def test_no_table_of_a_long_list_of_prefixes_is_smaller(count: int) -> None:
    ranges = random_prefixes(Random(count), count, 32, 2)

    table = minimal_table(ranges, 32, 0)

    assert len(table) == least_entries(ranges, 32, 0) > count / 10


def test_the_numbers_of_a_short_list_of_ranges_keep_their_values() -> None:
    """Ranges that are no prefixes, over the whole width: at the bounds of all ranges and all entries."""
    random = Random(5)
    for _ in range(500):
        bounds = sorted(random.sample(range(1 << random.choice([4, 12, 32])), 8))
        bounds = [bound << random.choice([0, 32 - bounds[-1].bit_length()]) for bound in bounds]
        pairs = zip(sorted(bounds)[::2], sorted(bounds)[1::2], strict=True)
        ranges = [(first, last - 1, random.randrange(3)) for first, last in pairs if first < last]

        table = minimal_table(ranges, 32, 0)

        assert len(table) == least_entries(ranges, 32, 0)
        edges = {edge for first, length, _ in table for edge in (first, first + (1 << 32 - length))}
        edges |= {edge for first, last, _ in ranges for edge in (first, last + 1)}
        for number in {edge + step for edge in edges for step in (-1, 0)}:
            if not 0 <= number < 1 << 32:
                continue
            value = next((value for first, last, value in ranges if first <= number <= last), 0)
            assert look_up(table, number, 32, 0) == value


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
