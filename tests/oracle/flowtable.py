"""A small interpreter of flow and group files: what a switch with these flows does with one packet.

Written from ovs-fields(7) and ovs-actions(7) for the fields and actions that occur in our files; anything
else raises ValueError, so that nothing is passed over.  A test holds it against ofproto/trace.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from enum import Enum
from functools import lru_cache

from attrs import frozen

from tests.oracle.hops import VXLAN, ZONE, Hop, Outcome, Output

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
_NAMES = {"NXM_NX_TUN_ID[0..31]": "tun_id", "NXM_NX_CT_MARK[]": "ct_mark"}
_MAX_STEPS = 64

Packet = dict[str, int]
"""Fields by name; those that lack are 0."""

Condition = tuple[str, int, int]
"""Field, value, mask."""


class _Verb(Enum):
    """What the interpreter has to do for an action."""

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
class _Action:
    verb: _Verb
    field: str = ""
    value: int = 0
    origin: str = ""


@frozen(slots=True)
class _Flow:
    text: str
    table: int
    priority: int
    conditions: tuple[Condition, ...]
    actions: tuple[_Action, ...]

    def matches(self, packet: Packet) -> bool:
        for name, value, mask in self.conditions:  # noqa: SIM110 - all() over a generator takes three times as long
            if packet.get(name, 0) & mask != value:
                return False
        return True


@frozen(slots=True)
class _Group:
    text: str
    buckets: tuple[tuple[_Action, ...], ...]


def lines_of(text: str) -> list[str]:
    """The lines of a flow or group file without blank ones and comments."""
    return [line for line in text.splitlines() if line and not line.startswith("#")]


@frozen
class FlowTable:
    """The flows of a node, each table's in order of priority, and its groups by their numbers."""

    tables: Mapping[int, tuple[_Flow, ...]]
    groups: Mapping[int, _Group]

    @classmethod
    def parse(cls, flows: str, groups: str = "") -> FlowTable:
        """The flows of a file, and the groups of another.  Raises ValueError for what it does not know."""
        return cls.of(lines_of(flows), lines_of(groups))

    @classmethod
    def of(cls, flows: Iterable[str], groups: Iterable[str] = ()) -> FlowTable:
        """The flows and groups of these lines."""
        tables: dict[int, list[_Flow]] = defaultdict(list)
        for line in flows:
            flow = _parse_flow(line)
            tables[flow.table].append(flow)
        return cls(
            {table: tuple(sorted(flows, key=lambda flow: -flow.priority)) for table, flows in tables.items()},
            dict(map(_parse_group, groups)),
        )

    def run(self, hop: Hop) -> Outcome:
        """What becomes of the packet of a hop: all that may, where groups select one of their buckets."""
        runs = self._runs(hop)
        (mark,) = {run.mark for run in runs}
        return Outcome(frozenset(frozenset(run.outputs) for run in runs), mark)

    def lines_met(self, hop: Hop) -> tuple[str, ...]:
        """The flows and groups that the packet of a hop meets, as they are written."""
        return tuple(dict.fromkeys(line for run in self._runs(hop) for line in run.met))

    def _runs(self, hop: Hop) -> list[_Run]:
        """A run for each sequence of buckets that groups may select."""
        runs: list[_Run] = []
        pending: list[tuple[int, ...]] = [()]
        while pending:
            run = _Run(self, hop, pending.pop())
            run.enter(0)
            runs.append(run)
            pending += run.untried
        return runs


class _Run:
    """One packet on its way through the tables; the first groups select the buckets `picks`, the rest their first."""

    def __init__(self, table: FlowTable, hop: Hop, picks: tuple[int, ...]) -> None:
        self.outputs: set[Output] = set()
        self.mark: int | None = None
        self.met: list[str] = []
        self.untried: list[tuple[int, ...]] = []
        self._table = table
        self._hop = hop
        self._packet = hop.fields()
        self._picks = picks
        self._picked: tuple[int, ...] = ()
        self._steps = 0

    def enter(self, table: int) -> None:
        """Finds the packet's flow in a table and follows its actions."""
        self._steps += 1
        assert self._steps < _MAX_STEPS, "flows that lead in a circle"
        packet = self._packet
        flow = next((flow for flow in self._table.tables.get(table, ()) if flow.matches(packet)), None)
        if flow is None:
            return
        self.met.append(flow.text)
        self._act(flow.actions)

    def _act(self, actions: Iterable[_Action]) -> None:
        packet = self._packet
        for action in actions:
            match action.verb:
                case _Verb.GOTO:
                    self.enter(action.value)
                case _Verb.SET:
                    packet[action.field] = action.value
                case _Verb.MOVE:
                    packet[action.field] = packet.get(action.origin, 0)
                case _Verb.OUTPUT:
                    self._output(action.value)
                case _Verb.OUTPUT_FIELD:
                    self._output(packet.get(action.field, 0))
                case _Verb.TRACK:
                    packet["ct_state"] = _state(self._hop.ct_state)
                    packet["ct_mark"] = self._hop.ct_mark
                    packet["ct_zone"] = ZONE
                    self.enter(0)
                case _Verb.COMMIT:
                    self.mark = packet.get(action.origin, 0)
                    # Without table=, the packet goes on untracked.
                    packet["ct_state"] = packet["ct_mark"] = packet["ct_zone"] = 0
                case _Verb.GROUP:
                    self._select(action.value)

    def _select(self, number: int) -> None:
        group = self._table.groups[number]
        self.met.append(group.text)
        position = len(self._picked)
        if position == len(self._picks):
            self.untried += [(*self._picked, other) for other in range(1, len(group.buckets))]
            self._picks = (*self._picks, 0)
        self._picked = self._picks[: position + 1]
        before = self._packet
        self._packet = dict(before)  # a bucket works on a copy (OpenFlow 1.3, section 5.6.1)
        self._act(group.buckets[self._picked[-1]])
        self._packet = before

    def _output(self, port: int) -> None:
        if port == self._hop.in_port:  # OpenFlow: no packet leaves by the port that it came by
            return
        tunnel = ("tun_id", "tun_dst") if port == VXLAN else ("", "")
        output = Output(port, *(self._packet.get(name, 0) for name in (*tunnel, "eth_src", "eth_dst")))
        assert output not in self.outputs, f"a packet leaves twice: {output}"
        self.outputs.add(output)


@lru_cache
def _state(text: str) -> int:
    return sum(CT_FLAGS[flag] for flag in text.split(","))


@lru_cache(maxsize=1 << 16)
def _parse_flow(line: str) -> _Flow:
    parts = _FLOW.fullmatch(line)
    if parts is None:
        raise ValueError(f"not a flow: {line!r}")
    conditions = [c for part in (parts[3] or "").split(",") if part for c in _parse_condition(part)]
    actions = [_parse_action(action) for action in _ACTION.findall(parts[4])]
    return _Flow(line, int(parts[1]), int(parts[2]), tuple(conditions), tuple(actions))


def _parse_condition(text: str) -> list[Condition]:
    name, equals, value = text.partition("=")
    if not equals and name in PROTOCOLS:
        return [(field, wanted, -1) for field, wanted in PROTOCOLS[name].items()]
    if name == "ct_state":
        flags = re.findall(r"([+-])(\w+)", value)
        wanted = sum(CT_FLAGS[flag] for sign, flag in flags if sign == "+")
        return [(name, wanted, sum(CT_FLAGS[flag] for _, flag in flags))]
    if name == "nw_frag":
        return [(name, 1, 1)]  # "yes"; no hop is a fragment
    number, slash, mask = value.partition("/")
    if name in _ETHERNET:
        return [(_ETHERNET[name], _mac(value), -1)]
    if name in _ADDRESSES:
        if "." in mask:
            return [(name, _address(number), _address(mask))]
        bits = (0xFFFFFFFF << (32 - int(mask))) & 0xFFFFFFFF if slash else 0xFFFFFFFF
        return [(name, _address(number), bits)]
    if not _NUMBERS.fullmatch(name):
        raise ValueError(f"unknown match {text!r}")
    return [(name, int(number, 0), int(mask, 0) if slash else -1)]


def _parse_action(text: str) -> _Action:
    name, _, rest = text.partition(":")
    origin, _, target = rest.partition("->")
    match name:
        case "goto_table":
            return _Action(_Verb.GOTO, value=int(rest))
        case "output" if rest.isdigit():
            return _Action(_Verb.OUTPUT, value=int(rest))
        case "output":
            return _Action(_Verb.OUTPUT_FIELD, _field(rest))
        case "load":
            return _Action(_Verb.SET, _field(target), int(origin, 0))
        case "group":
            return _Action(_Verb.GROUP, value=int(rest))
        case "move":
            return _Action(_Verb.MOVE, _field(target), origin=_field(origin))
        case "ct(table=0,zone=1)":
            return _Action(_Verb.TRACK)
        case "drop" | "note":
            return _Action(_Verb.NOTHING)
    if commit := _COMMIT.fullmatch(text):
        return _Action(_Verb.COMMIT, origin=_field(commit[1]))
    if name == "set_field":
        # An Ethernet address has colons of its own.
        value, _, target = rest.partition("->")
        if target == "tun_dst":
            return _Action(_Verb.SET, target, _address(value))
        if target in _ETHERNET:
            return _Action(_Verb.SET, _ETHERNET[target], _mac(value))
    raise ValueError(f"unknown action {text!r}")


def _parse_group(line: str) -> tuple[int, _Group]:
    found = _GROUP.fullmatch(line)
    if found is None:
        raise ValueError(f"not a group: {line!r}")
    buckets = _BUCKET.findall(found[2])
    if len(buckets) != found[2].count("bucket="):
        raise ValueError(f"unknown bucket: {line!r}")
    return int(found[1]), _Group(line, tuple(tuple(map(_parse_action, _ACTION.findall(one))) for one in buckets))


def _field(text: str) -> str:
    if found := re.fullmatch(r"NXM_NX_REG(\d+)\[\]", text):
        return f"reg{found[1]}"
    return _NAMES[text]


def _mac(text: str) -> int:
    if not re.fullmatch(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", text):
        raise ValueError(f"not an Ethernet address: {text!r}")
    return int(text.replace(":", ""), 16)


def _address(text: str) -> int:
    value = 0
    for part in text.split("."):
        value = value << 8 | int(part)
    return value
