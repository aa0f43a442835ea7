"""Port numbers and sets of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.values.ports import ALL_PORTS, MAX_PORT, NO_PORTS, PortSet

SMALL = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 12)).map(lambda pair: (pair[0], sum(pair))), max_size=6)
"""Ranges close together, so that they touch and overlap."""


def members(ranges: list[tuple[int, int]]) -> set[int]:
    return {port for first, last in ranges for port in range(first, last + 1)}


@pytest.mark.behaviour("NP-09")
@given(SMALL)
def test_ranges_are_exact_sorted_disjoint_and_apart(ranges: list[tuple[int, int]]) -> None:
    ports = PortSet(ranges)

    assert members(list(ports.ranges)) == members(ranges)
    assert all(a[1] + 1 < b[0] for a, b in zip(ports.ranges, ports.ranges[1:], strict=False))


@given(SMALL, SMALL)
def test_equal_sets_are_equal_values(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    same = members(one) == members(other)

    assert (PortSet(one) == PortSet(other)) == same
    assert (str(PortSet(one)) == str(PortSet(other))) == same
    assert PortSet(one) == PortSet(list(reversed(one))) == PortSet([(port, port) for port in members(one)])


@given(SMALL, SMALL)
def test_union_and_subset(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    union = PortSet(one) | PortSet(other)

    assert union == PortSet([*one, *other])
    assert (PortSet(one) <= PortSet(other)) == (members(one) <= members(other))
    assert PortSet(one) <= union
    assert NO_PORTS <= PortSet(one) <= ALL_PORTS


@given(SMALL, st.integers(0, 60))
def test_membership(ranges: list[tuple[int, int]], port: int) -> None:
    assert (port in PortSet(ranges)) == (port in members(ranges))


@pytest.mark.parametrize("bad", [(-1, 1), (1, 0), (0, MAX_PORT + 1), (MAX_PORT + 1, MAX_PORT + 1)])
def test_what_is_no_range_is_refused(bad: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="not a port range"):
        PortSet([bad])


def test_text_and_truth() -> None:
    assert str(PortSet([(443, 443), (80, 81), (82, 90)])) == "80-90,443"
    assert not NO_PORTS
    assert ALL_PORTS
    assert PortSet([(0, 30000), (30001, MAX_PORT)]) == ALL_PORTS
