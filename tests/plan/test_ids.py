"""Numbers that are derived from what they stand for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.ids import allocate, digest

NAMES = st.sets(st.text("abcdef", min_size=1, max_size=4), max_size=20)


@pytest.mark.behaviour("OUT-01", "OUT-02")
@given(NAMES, st.sets(st.integers(5, 40), max_size=10))
def test_numbers_are_in_range_distinct_and_free(names: set[str], taken: set[int]) -> None:
    numbers = allocate(names, 10, 50, taken)

    assert set(numbers) == names
    assert len(set(numbers.values())) == len(names)
    assert all(10 <= number <= 50 for number in numbers.values())
    assert not taken & set(numbers.values())


@pytest.mark.behaviour("OUT-01")
@given(NAMES)
def test_order_and_repetition_do_not_matter(names: set[str]) -> None:
    assert allocate(sorted(names), 0, 30) == allocate([*sorted(names, reverse=True), *names], 0, 30)


@pytest.mark.behaviour("OUT-02")
@given(NAMES, st.text("xyz", min_size=1, max_size=4))
def test_with_room_one_more_name_moves_nobody(names: set[str], new: str) -> None:
    before = allocate(names, 1, (1 << 32) - 1)

    after = allocate({*names, new}, 1, (1 << 32) - 1)

    assert {name: after[name] for name in names} == before


@pytest.mark.behaviour("OUT-02")
def test_a_name_gets_the_number_of_its_hash_unless_it_is_taken() -> None:
    wanted = 10 + digest("web") % 90

    assert allocate(["web"], 10, 99) == {"web": wanted}
    assert allocate(["web"], 10, 99, taken=[wanted]) == {"web": 10 + (wanted - 9) % 90}


def test_every_number_is_given_and_then_there_are_no_more() -> None:
    names = [str(i) for i in range(5)]

    assert sorted(allocate(names, 3, 7).values()) == [3, 4, 5, 6, 7]
    assert sorted(allocate(names, 3, 8, taken=[6]).values()) == [3, 4, 5, 7, 8]
    with pytest.raises(ValueError, match="6 names do not fit into 3 to 7"):
        allocate([*names, "5"], 3, 7)
    with pytest.raises(ValueError, match="do not fit"):
        allocate(names, 3, 7, taken=[3])


@pytest.mark.behaviour("OUT-01")
def test_the_hash_is_that_of_the_first_day() -> None:
    """Numbers in the output are derived from it: another hash would renumber every cluster."""
    assert digest("") == 0xE3B0C44298FC1C14
    assert digest("shop/web-1") == digest("shop/web-1") != digest("shop/web-2")


@given(st.sets(st.integers(0, 10_000), min_size=1, max_size=30), st.integers(0, 10_000))
def test_a_new_name_moves_only_those_whose_number_it_wants_or_is_left(numbers: set[int], new: int) -> None:
    names = {f"name-{number}" for number in numbers}
    low, high = 0, 63

    before = allocate(names, low, high)
    after = allocate({*names, f"name-{new}"}, low, high)

    def wanted(name: str) -> int:
        return low + digest(name) % (high - low + 1)

    moved = {name for name in names if before[name] != after[name]}
    # Who has the number that it wants loses it only to one that wants it, too; others had one that was left over.
    settled = {name for name in moved if before[name] == wanted(name)}
    assert settled <= {name for name in names if wanted(name) == wanted(f"name-{new}")}
