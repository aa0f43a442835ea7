"""Addresses and prefixes."""

from __future__ import annotations

import ipaddress
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.values.prefix import ALL_ONES, WIDTH, Prefix, format_address, netmask, parse_address

ADDRESSES = st.integers(0, ALL_ONES)
PREFIXES = st.builds(Prefix.covering, ADDRESSES, st.integers(0, WIDTH))


def network(prefix: Prefix) -> ipaddress.IPv4Network:
    """The standard library's idea of it, as oracle."""
    return ipaddress.IPv4Network((prefix.network, prefix.length))


@given(ADDRESSES)
def test_addresses_survive_text(address: int) -> None:
    assert parse_address(format_address(address)) == address
    assert format_address(address) == str(ipaddress.IPv4Address(address))


@pytest.mark.behaviour("NP-16")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.256",
        "01.2.3.4",
        "1.2.3.-4",
        "+1.2.3.4",
        "1.2.3.4 ",
        " 1.2.3.4",
        "1.2.3.0x4",
        "1.2..4",
        "1.2.3.",
        "1.2.3.4\n",
        "1.2.3.1000",
        "1.2.3.٤",
        "1.2.3.4/32",
        "::1",
        "1.2.3.²",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_address(text)


@given(st.text(max_size=16))
def test_only_canonical_text_is_an_address(text: str) -> None:
    try:
        address = parse_address(text)
    except ValueError:
        return
    assert format_address(address) == text


@given(PREFIXES)
def test_prefixes_survive_text(prefix: Prefix) -> None:
    assert Prefix.parse(str(prefix)) == (prefix, False)
    assert str(prefix) == str(network(prefix))


@pytest.mark.behaviour("NP-19")
@given(ADDRESSES, st.integers(0, WIDTH))
def test_host_bits_are_cleared_and_told(address: int, length: int) -> None:
    prefix, had_host_bits = Prefix.parse(f"{format_address(address)}/{length}")

    assert prefix == Prefix.covering(address, length)
    assert had_host_bits == (prefix.network != address)
    assert address in prefix


@pytest.mark.parametrize(
    "text",
    [
        "10.0.0.0",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/08",
        "10.0.0.0/-1",
        "10.0.0.0/8/8",
        "10.0.0/8",
        "/8",
        "",
        "10.0.0.0/255.0.0.0",
        "10.0.0.0/ 8",
        "10.0.0.0/٨",
        "10.0.0.0/100",
        "::/0",
    ],
)
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Prefix.parse(text)


@pytest.mark.parametrize(("address", "length"), [(1, 31), (1, 0), (0, 33), (0, -1), (ALL_ONES + 1, 32), (-1, 32)])
def test_no_prefix_has_host_bits_or_an_impossible_length(address: int, length: int) -> None:
    with pytest.raises(ValueError):
        Prefix(address, length)


@given(PREFIXES, ADDRESSES)
def test_membership(prefix: Prefix, address: int) -> None:
    assert (address in prefix) == (ipaddress.IPv4Address(address) in network(prefix))
    assert prefix.network in prefix
    assert prefix.last in prefix


@given(PREFIXES, PREFIXES)
def test_covers_and_overlaps(one: Prefix, other: Prefix) -> None:
    assert one.covers(other) == network(other).subnet_of(network(one))
    assert one.overlaps(other) == network(one).overlaps(network(other))


@given(PREFIXES, st.integers(0, WIDTH))
def test_a_shorter_prefix_covers(prefix: Prefix, length: int) -> None:
    wide = Prefix.covering(prefix.network, min(length, prefix.length))

    assert wide.covers(prefix)
    assert wide.overlaps(prefix)
    assert prefix.overlaps(wide)


@given(st.lists(PREFIXES, max_size=8))
def test_a_covering_network_sorts_before_what_it_covers(prefixes: list[Prefix]) -> None:
    ordered = sorted(prefixes)

    assert all(not later.covers(earlier) or later == earlier for earlier, later in itertools.pairwise(ordered))


@pytest.mark.parametrize("length", range(WIDTH + 1))
def test_netmask(length: int) -> None:
    assert format_address(netmask(length)) == str(ipaddress.IPv4Network((0, length)).netmask)
