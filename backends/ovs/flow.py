"""Flows and their text, exactly as `ovs-ofctl dump-flows --no-stats` prints them.

Two ways to write one match are one flow to Open vSwitch, and the second silently replaces the first.  So there is one
way to write a match here: fields in the order of the dump, numbers as the dump writes them, no `/32`.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import field, frozen

from backends.ovs.fields import CT_ZONE, TUN_PORT, VXLAN_PORT, Register, Table
from compiler.origin import Origin
from compiler.values.prefix import Prefix, format_address

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
    "dl_src",
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
PLAIN_REPLY = "-rel+rpl+trk"
"""A reply, but no ICMP error: older kernels do not look where an error goes, so it may be sent to anybody."""
NEW = "+new+trk"

COMMIT = f"ct(commit,zone={CT_ZONE},exec(move:{Register.MARK.nxm}->NXM_NX_CT_MARK[]))"
"""Remembers the connection, and with it the way that it came.  The packet is not tracked any more in later tables."""

NETID_FROM_TUNNEL = f"move:NXM_NX_TUN_ID[0..31]->{Register.SOURCE_NETID.nxm}"
NETID_TO_TUNNEL = f"move:{Register.SOURCE_NETID.nxm}->NXM_NX_TUN_ID[0..31]"
OUTPUT_TUN = f"output:{TUN_PORT}"
OUTPUT_VXLAN = f"output:{VXLAN_PORT}"
OUTPUT_POD = f"output:{Register.OUTPUT.nxm}"

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

        A comment is one line whatever it quotes (OUT-05), and is cut where it is too long for a reader.
        """
        comment = " ".join(comment.split())
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


def output(port: int) -> str:
    """The action that sends the packet out of an OpenFlow port, unless it came in by it."""
    return f"output:{port}"


def marked(bit: int) -> str:
    """The match of a connection's mark that has a bit, whatever the others are."""
    return f"{number(bit)}/{number(bit)}"


def to_node(address: int) -> str:
    """The actions that send the packet to another node by VXLAN; `NETID_TO_TUNNEL` comes before them."""
    return actions(f"set_field:{format_address(address)}->tun_dst", OUTPUT_VXLAN)


def actions(*parts: str) -> str:
    """Actions, one behind the other."""
    return ",".join(parts)
