"""Distinct masks of a table.

Open vSwitch's classifier looks a packet up once for each distinct mask in a table (tuple space search; Srinivasan,
Suri, Varghese, SIGCOMM 1999), so their number, not that of the flows, is what a look-up costs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from backends.ovs.flow import Flow

_PROTOCOLS = frozenset({"ip", "arp", "tcp", "udp", "sctp", "icmp"})


def mask_of(flow: Flow) -> frozenset[str]:
    """The fields that a flow matches, each with its mask: what is left of a match without its values."""
    fields = set()
    for part in filter(None, flow.match.split(",")):
        name, _, value = part.partition("=")
        if name in _PROTOCOLS:
            # A transport protocol is a match on the Ethernet type and on the IP protocol.
            fields |= {"dl_type"} if name in ("ip", "arp") else {"dl_type", "nw_proto"}
        elif name == "ct_state":
            fields.add(f"ct_state/{value.translate(str.maketrans('', '', '+-'))}")
        else:
            fields.add(f"{name}/{value.partition('/')[2]}")
    return frozenset(fields)


def masks_by_table(flows: Iterable[Flow]) -> dict[int, int]:
    """The number of distinct masks of each table."""
    masks: dict[int, set[frozenset[str]]] = defaultdict(set)
    for flow in flows:
        masks[flow.table].add(mask_of(flow))
    return {table: len(found) for table, found in sorted(masks.items())}
