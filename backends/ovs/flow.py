"""Flows and their text, exactly as `ovs-ofctl dump-flows --no-stats` prints them.

Two ways to write one match are one flow to Open vSwitch, and the second silently replaces the first.  So there is one
way to write a match here: fields in the order of the dump, numbers as the dump writes them, no `/32`.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import field, frozen

from backends.ovs.fields import Register, Table
from compiler.origin import Origin
from compiler.values.prefix import Prefix

FIELD_ORDER = (
    "ct_state",
    "ct_zone",
    "ct_mark",
    "ct_nw_src",
    "ct_nw_dst",
    "protocol",
    *(register.match for register in Register),
    "tun_src",
    "in_port",
    "nw_src",
    "nw_dst",
    "arp_spa",
    "arp_tpa",
    "nw_frag",
    "icmp_type",
    "tp_dst",
)
"""The order of fields in a dump."""

_POSITION = {name: position for position, name in enumerate(FIELD_ORDER)}

ESTABLISHED_REPLY = "+rpl+trk"
RELATED = "+rel+trk"
RELATED_FORWARD = "+rel-rpl+trk"
RELATED_REPLY = "+rel+rpl+trk"
NEW = "+new+trk"


MAX_COMMENT = 500


@frozen(slots=True)
class Flow:
    """One flow.  `match` is canonical text (see `match`), `origins` the statements that ask for the flow (OUT-03)."""

    table: Table
    priority: int
    match: str
    actions: str
    origins: tuple[Origin, ...] = field(default=(), eq=False)

    @property
    def key(self) -> tuple[int, int, str]:
        """What makes it another flow than others: table, priority and match."""
        return (self.table, self.priority, self.match)

    def __str__(self) -> str:
        condition = f"{self.priority},{self.match}" if self.match else str(self.priority)
        return f"table={self.table:d}, priority={condition} actions={self.actions}"


@frozen(slots=True)
class FlowGroup:
    """Flows of one table that belong together, with what they are for."""

    comment: str
    flows: tuple[Flow, ...]

    @classmethod
    def of(cls, comment: str, flows: Iterable[Flow]) -> FlowGroup:
        """A group with its flows in a fixed order: by priority, the highest first, then by match.

        A comment that is too long for a reader is cut.
        """
        if len(comment) > MAX_COMMENT:
            comment = f"{comment[:MAX_COMMENT]} …"
        return cls(comment, tuple(sorted(flows, key=lambda flow: (-flow.priority, flow.match))))


def match(protocol: str = "", /, **fields: str | int | Prefix) -> str:
    """The canonical text of a match: `match("ip", nw_dst=Prefix(...), in_port=2)`.

    A prefix of length 0 matches everything and is left out.  Raises KeyError for a field that `FIELD_ORDER` lacks.
    """
    parts = [(_POSITION["protocol"], protocol)] if protocol else []
    for name, value in fields.items():
        position = _POSITION[name]
        if isinstance(value, Prefix):
            if value.length:
                parts.append((position, f"{name}={value.short()}"))
        elif name.startswith("reg"):
            parts.append((position, f"{name}={number(int(value))}"))
        else:
            parts.append((position, f"{name}={value}"))
    return ",".join(text for _, text in sorted(parts))


def number(value: int) -> str:
    """A number as the dump writes it: hexadecimal, but a bare 0."""
    return f"0x{value:x}" if value else "0"


def masked_port(first: int, length: int) -> str:
    """A block of ports, as first port and prefix length of 16, as the dump writes it."""
    if length == 16:
        return str(first)
    return f"0x{first:x}/0x{0xFFFF ^ (0xFFFF >> length):x}"


def load(register: Register, value: int) -> str:
    """The action that sets a register."""
    return f"load:{number(value)}->{register.nxm}"


def goto(table: Table) -> str:
    """The action that goes on with a table."""
    return f"goto_table:{table:d}"


def actions(*parts: str) -> str:
    """Actions, one behind the other."""
    return ",".join(parts)


def mac_of(address: int) -> str:
    """The Ethernet address of a pod-network address: `0a:58` (locally administered) and the four bytes of the
    address."""
    return "0a:58:" + ":".join(f"{address >> shift & 255:02x}" for shift in (24, 16, 8, 0))
