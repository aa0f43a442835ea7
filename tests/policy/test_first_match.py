"""Who decides where in a list of which the first match decides, held against trying one after the other."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from compiler.policy.first_match import Entry, Steps, first_match

SIZE = 16
NOBODY = 12

numbers = st.integers(0, SIZE - 1)
lists = st.lists(
    st.tuples(numbers, numbers, st.integers(0, NOBODY - 1)).map(lambda one: (min(one[:2]), max(one[:2]), one[2])),
    max_size=8,
)


def naive(entries: list[Entry]) -> list[int]:
    return [
        min((rule for first, last, rule in entries if first <= number <= last), default=NOBODY)
        for number in range(SIZE)
    ]


def values(steps: Steps) -> list[int]:
    return [rule for number in range(SIZE) for rule in steps.between(number, number)]


def assert_canonical(steps: Steps) -> None:
    assert len(steps.starts) == len(steps.rules)
    assert steps.starts[0] == 0
    assert all(one < other for one, other in pairwise(steps.starts))
    assert all(one != other for one, other in pairwise(steps.rules))


@given(lists)
def test_the_first_that_matches_decides(entries: list[Entry]) -> None:
    steps = first_match(entries, NOBODY)

    assert_canonical(steps)
    assert values(steps) == naive(entries)


@given(lists, lists)
def test_of_two_the_lower_decides(one: list[Entry], other: list[Entry]) -> None:
    steps = first_match(one, NOBODY).overlaid(first_match(other, NOBODY), NOBODY)

    assert_canonical(steps)
    assert values(steps) == naive(one + other)
    assert steps == first_match(one + other, NOBODY)


@given(lists, numbers, numbers)
def test_who_decides_between_two_numbers(entries: list[Entry], one: int, other: int) -> None:
    first, last = sorted((one, other))

    between = first_match(entries, NOBODY).between(first, last)

    assert set(between) == set(naive(entries)[first : last + 1])
    assert all(one != other for one, other in pairwise(between))
