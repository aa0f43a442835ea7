"""Ethernet addresses that a node makes out of IPv4 addresses: flows write them, the node's iptables recognise them."""

from __future__ import annotations


def mac_of(address: int) -> str:
    """The Ethernet address that stands for an IPv4 address: `0a:58` (locally administered) and the four bytes of the
    address.  tun0 has that of the node's address on the pod network; what leaves with an egress IP has that of the
    egress IP as its source.
    """
    return "0a:58:" + ":".join(f"{address >> shift & 255:02x}" for shift in (24, 16, 8, 0))
