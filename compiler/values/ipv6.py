"""IPv6 at the border: known, so that it can be told from a typo, and then left out of an IPv4 pod network (NP-19).

netaddr is loaded when the first such text comes: most inputs have none, and loading it costs a tenth of a small
compilation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netaddr import IPNetwork

MAX_TEXT = 45 + len("/128")
"""The longest an IPv6 network can be in text (RFC 4291, with an IPv4 tail)."""


def parse_ipv6(text: str) -> IPNetwork | None:
    """The IPv6 address, or network with `/` and a length, in `text`, host bits cleared; None if there is none."""
    if ":" not in text or len(text) > MAX_TEXT:
        return None
    from netaddr import AddrFormatError, IPNetwork

    try:
        return IPNetwork(text, version=6).cidr
    except (AddrFormatError, ValueError):
        return None


def parse_ipv6_network(text: str) -> IPNetwork | None:
    """As `parse_ipv6`, but the length is required."""
    return parse_ipv6(text) if "/" in text else None


def is_ipv6_address(text: str) -> bool:
    """Whether `text` is a single IPv6 address."""
    return "/" not in text and parse_ipv6(text) is not None
