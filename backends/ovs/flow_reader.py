"""Lines of flow and group files, read back: what each matches, and what it does.

Written from ovs-fields(7) and ovs-actions(7) for the fields and actions that our own files have.  Anything else is
refused, so that nothing is passed over: `backends/ovs/walk.py` follows packets through what is read here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from functools import lru_cache

from attrs import frozen

from compiler.values.prefix import WIDTH, netmask, parse_address

PROTOCOLS: Mapping[str, Mapping[str, int]] = {
    "ip": {"dl_type": 0x0800},
    "icmp": {"dl_type": 0x0800, "nw_proto": 1},
    "tcp": {"dl_type": 0x0800, "nw_proto": 6},
    "udp": {"dl_type": 0x0800, "nw_proto": 17},
    "sctp": {"dl_type": 0x0800, "nw_proto": 132},
    "arp": {"dl_type": 0x0806},
}
"""Words that stand for an Ethernet type and an IP protocol."""

CT_FLAGS = {"new": 0x01, "est": 0x02, "rel": 0x04, "rpl": 0x08, "inv": 0x10, "trk": 0x20}
"""ovs-fields(7), ct_state."""

_ADDRESSES = ("ct_nw_src", "ct_nw_dst", "nw_src", "nw_dst", "arp_spa", "arp_tpa", "tun_src", "tun_dst")
_NUMBERS = re.compile(r"reg\d+|in_port|tp_dst|icmp_type|ct_mark|ct_zone|tun_id")
_ETHERNET = {"eth_src": "eth_src", "eth_dst": "eth_dst", "dl_src": "eth_src", "dl_dst": "eth_dst"}
_FLOW = re.compile(r"table=(\d+), priority=(\d+)(?:,(\S+))? actions=(.*)")
_GROUP = re.compile(r"(?:add_or_mod )?group_id=(\d+),type=select,(bucket=.+)")
_BUCKET = re.compile(r"bucket=(?:bucket_id:\d+,)?(?:weight:\d+,)?actions=(.*?)(?=,bucket=|$)")
_ACTION = re.compile(r"(?:[^,()]|\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))+")
"""What stands between commas that are not within parentheses."""
_COMMIT = re.compile(r"ct\(commit,zone=1,exec\(move:(\S+)->NXM_NX_CT_MARK\[\]\)\)")
_REGISTER = re.compile(r"NXM_NX_REG(\d+)\[\]")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_NAMES = {"NXM_NX_TUN_ID[0..31]": "tun_id", "NXM_NX_CT_MARK[]": "ct_mark"}

Condition = tuple[str, int, int]
"""Field, value, mask."""


class Verb(Enum):
    """What has to be done for an action."""

    GOTO = "goto_table"
    OUTPUT = "output"
    OUTPUT_FIELD = "output to the port in a field"
    SET = "load, set_field"
    MOVE = "move"
    TRACK = "ct(table=0)"
    COMMIT = "ct(commit)"
    GROUP = "group"
    NOTHING = "what no later match or output depends on"


@frozen(slots=True)
class Action:
    """One action: `field` is what it sets or reads, `value` a number, `origin` the field that a move copies."""

    verb: Verb
    field: str = ""
    value: int = 0
    origin: str = ""


@frozen(slots=True)
class ReadFlow:
    """A flow: `line` is its text."""

    line: str
    table: int
    priority: int
    conditions: tuple[Condition, ...]
    actions: tuple[Action, ...]

    def matches(self, fields: Mapping[str, int]) -> bool:
        """Whether a packet with these fields meets the flow; fields that lack are 0."""
        for name, value, mask in self.conditions:  # noqa: SIM110 - all() over a generator takes three times as long
            if fields.get(name, 0) & mask != value:
                return False
        return True


@frozen(slots=True)
class ReadGroup:
    """A group that selects one of its buckets: `line` is its text."""

    line: str
    number: int
    buckets: tuple[tuple[Action, ...], ...]


def lines_of(text: str) -> list[str]:
    """The lines of a flow or group file without blank ones and comments."""
    return [line for line in text.splitlines() if line and not line.startswith("#")]


# A node's files are much like another's, and a test reads thousands of them.
@lru_cache(maxsize=1 << 16)
def read_flow(line: str) -> ReadFlow:
    """The flow in a line.  Raises ValueError for what it does not know."""
    parts = _FLOW.fullmatch(line)
    if parts is None:
        raise ValueError(f"not a flow: {line!r}")
    conditions = [c for part in (parts[3] or "").split(",") if part for c in _read_condition(part)]
    return ReadFlow(line, int(parts[1]), int(parts[2]), tuple(conditions), _read_actions(parts[4]))


def read_group(line: str) -> ReadGroup:
    """The group in a line.  Raises ValueError for what it does not know."""
    found = _GROUP.fullmatch(line)
    if found is None:
        raise ValueError(f"not a group: {line!r}")
    buckets = _BUCKET.findall(found[2])
    if len(buckets) != found[2].count("bucket="):
        raise ValueError(f"unknown bucket: {line!r}")
    return ReadGroup(line, int(found[1]), tuple(map(_read_actions, buckets)))


def _read_condition(text: str) -> list[Condition]:
    name, equals, value = text.partition("=")
    if not equals and name in PROTOCOLS:
        return [(field, wanted, -1) for field, wanted in PROTOCOLS[name].items()]
    if name == "ct_state":
        flags = re.findall(r"([+-])(\w+)", value)
        wanted = sum(CT_FLAGS[flag] for sign, flag in flags if sign == "+")
        return [(name, wanted, sum(CT_FLAGS[flag] for _, flag in flags))]
    if name == "nw_frag":
        return [(name, 1, 1)]  # "yes": any fragment
    number, slash, mask = value.partition("/")
    if name in _ETHERNET:
        return [(_ETHERNET[name], _read_mac(value), -1)]
    if name in _ADDRESSES:
        if "." in mask:
            return [(name, parse_address(number), parse_address(mask))]
        return [(name, parse_address(number), netmask(int(mask) if slash else WIDTH))]
    if not _NUMBERS.fullmatch(name):
        raise ValueError(f"unknown match {text!r}")
    return [(name, int(number, 0), int(mask, 0) if slash else -1)]


def _read_actions(text: str) -> tuple[Action, ...]:
    return tuple(map(_read_action, _ACTION.findall(text)))


def _read_action(text: str) -> Action:
    name, _, rest = text.partition(":")
    origin, _, target = rest.partition("->")
    match name:
        case "goto_table":
            return Action(Verb.GOTO, value=int(rest))
        case "output" if rest.isdigit():
            return Action(Verb.OUTPUT, value=int(rest))
        case "output":
            return Action(Verb.OUTPUT_FIELD, _read_field(rest))
        case "load":
            return Action(Verb.SET, _read_field(target), int(origin, 0))
        case "group":
            return Action(Verb.GROUP, value=int(rest))
        case "move":
            return Action(Verb.MOVE, _read_field(target), origin=_read_field(origin))
        case "ct(table=0,zone=1)":
            return Action(Verb.TRACK)
        case "drop" | "note":
            return Action(Verb.NOTHING)
    if commit := _COMMIT.fullmatch(text):
        return Action(Verb.COMMIT, origin=_read_field(commit[1]))
    if name == "set_field":
        # An Ethernet address has colons of its own.
        value, _, target = rest.partition("->")
        if target == "tun_dst":
            return Action(Verb.SET, target, parse_address(value))
        if target in _ETHERNET:
            return Action(Verb.SET, _ETHERNET[target], _read_mac(value))
    raise ValueError(f"unknown action {text!r}")


def _read_field(text: str) -> str:
    if found := _REGISTER.fullmatch(text):
        return f"reg{found[1]}"
    if text not in _NAMES:
        raise ValueError(f"unknown field {text!r}")
    return _NAMES[text]


def _read_mac(text: str) -> int:
    if not _MAC.fullmatch(text):
        raise ValueError(f"not an Ethernet address: {text!r}")
    return int(text.replace(":", ""), 16)
