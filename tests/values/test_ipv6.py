"""IPv6 in text, told from a typo."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.values.ipv6 import is_ipv6_address, parse_ipv6, parse_ipv6_network
from compiler.values.prefix import Prefix, format_address


@pytest.mark.parametrize("text", ["2001:db8::/32", "::/0", "fe80::1/64", "::ffff:c000:201/128"])
def test_networks(text: str) -> None:
    network = parse_ipv6_network(text)

    assert network is not None
    assert ipaddress.IPv6Network(str(network)) == ipaddress.IPv6Network(text, strict=False)
    assert not is_ipv6_address(text)


@pytest.mark.parametrize("text", ["::1", "fd00::1", "2001:DB8::a"])
def test_addresses(text: str) -> None:
    assert is_ipv6_address(text)
    assert parse_ipv6(text) is not None
    assert parse_ipv6_network(text) is None


@pytest.mark.parametrize(
    "text", ["", "10.0.0.1", "10.0.0.0/8", "fe80::/129", "fe80::/-1", "fe80::1%eth0", "a:b", "1::2::3", ":" * 1_000_000]
)
def test_what_is_none(text: str) -> None:
    assert parse_ipv6(text) is None
    assert not is_ipv6_address(text)


@given(st.text(alphabet="0123456789abcdef:./%", max_size=50))
def test_agrees_with_the_standard_library(text: str) -> None:
    try:
        ipaddress.IPv6Address(text)
        expected = "%" not in text
    except ValueError:
        expected = False
    assert is_ipv6_address(text) == expected


@given(st.integers(0, 2**32 - 1), st.integers(0, 32))
def test_ipv4_prefixes_print_as_netaddr_prints_them(address: int, length: int) -> None:
    from netaddr import IPNetwork

    network = IPNetwork(f"{format_address(address)}/{length}").cidr
    assert str(Prefix.covering(address, length)) == str(network)
    assert Prefix.covering(address, length).last == network.last
