"""Which lines say the same: as the bundle has them, and as the programs of a node print them.

`ovs-ofctl dump-flows` adds a cookie and counters and may name ports, `dump-groups` has no command, `iptables-save -c`
counts and quotes as it likes.  So a line is read into a *meaning*, and lines are compared by that.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping

from attrs import frozen

TUN, VXLAN = "tun0", "vxlan0"
BRIDGE_PORTS: Mapping[str, int] = {VXLAN: 1, TUN: 2}
"""The ports of a bridge that are no pod's."""

_COUNTERS = frozenset(
    ["cookie", "duration", "n_packets", "n_bytes", "idle_age", "hard_age", "idle_timeout", "hard_timeout", "importance"]
)
"""What a dump tells of a flow that is neither match nor action (ovs-ofctl(8), dump-flows)."""

_OUTPUT = re.compile(r'\boutput:"?([A-Za-z0-9_.-]+)"?')
_SHORT = re.compile("[0-9]{1,5}")
_DIGITS = "(?:0[xX][0-9a-fA-F]{1,32}|[0-9]{1,39})"
"""No field has more than 128 bits."""
_NUMBER = re.compile(f"{_DIGITS}(?:/{_DIGITS})?")
_GROUP = re.compile(r"(?:add(?:_or_mod)? )?group_id=([0-9]{1,10})(?:,(.*))?")
_BUCKET_ID = re.compile(r"bucket_id:[0-9]+,")
_COUNTS = re.compile(r"^\[[0-9]+:[0-9]+\] *")
_CHAIN = re.compile(r":(\S+) \S+(?: \[[0-9]+:[0-9]+\])?|-N (\S+)")
_CREATE = re.compile(r"create (\S+) hash:net\b.*")
_EGRESS_IP = re.compile(r"inet ([0-9.]+)/32 .*:eip\b.*")


@frozen
class FlowMeaning:
    """A flow: its table, priority and the fields that it matches; `actions` None: whatever it does."""

    table: int
    priority: int
    fields: frozenset[str]
    actions: str | None


@frozen
class GroupMeaning:
    """A group: its number; `buckets` None: whatever is in it."""

    number: int
    buckets: str | None


@frozen
class RuleMeaning:
    """A rule of iptables: the words behind `-A`."""

    words: tuple[str, ...]


@frozen
class ChainMeaning:
    """A chain of iptables, by its name."""

    name: str


@frozen
class PlainMeaning:
    """Any other line: its words."""

    text: str


Meaning = FlowMeaning | GroupMeaning | RuleMeaning | ChainMeaning | PlainMeaning


def meaning(line: str, ports: Mapping[str, int]) -> Meaning:
    """What a line says; `ports` are the OpenFlow ports of the node's interfaces by their names.

    >>> meaning(" cookie=0x0, n_packets=7, table=81, priority=100,tcp,tp_dst=80 actions=goto_table:82", {})
    FlowMeaning(table=81, priority=100, fields=frozenset({'tcp', 'tp_dst=80'}), actions='goto_table:82')
    """
    text = " ".join(line.split()).removesuffix(",")
    if found := _GROUP.fullmatch(text):
        buckets = _BUCKET_ID.sub("", _numbered(found[2], ports)) if found[2] else None
        return GroupMeaning(int(found[1]), buckets)
    if (flow := _flow(text, ports)) is not None:
        return flow
    rule = _COUNTS.sub("", text, count=1).removeprefix("iptables ")
    if re.match(r"(?:-t \S+ )?-[AI] ", rule) and (words := _words(rule)):
        return RuleMeaning(words)
    if found := _CHAIN.fullmatch(rule):
        return ChainMeaning(found[1] or found[2])
    if found := _CREATE.fullmatch(text):
        return PlainMeaning(f"create {found[1]}")
    if found := _EGRESS_IP.fullmatch(text):
        return PlainMeaning(f'"{found[1]}"')
    return PlainMeaning(text)


def says(asked: Meaning, line: Meaning) -> bool:
    """Whether a line of a bundle is the one that is asked for; what the question leaves out does not matter."""
    match asked, line:
        case FlowMeaning(actions=None), FlowMeaning():
            return (asked.table, asked.priority, asked.fields) == (line.table, line.priority, line.fields)
        case GroupMeaning(buckets=None), GroupMeaning():
            return asked.number == line.number
        case _:
            return asked == line


def _flow(text: str, ports: Mapping[str, int]) -> FlowMeaning | None:
    condition, acts, actions = text.partition("actions=")
    fields, table, priority = [], 0, None
    for name, value in _parts(condition):
        number = int(value) if _SHORT.fullmatch(value) else None
        if name == "table" and number is not None:
            table = number
        elif name == "priority" and number is not None:
            priority = number
        elif name not in _COUNTERS:
            fields.append(_field(name, value, ports))
    if priority is None:
        return None
    return FlowMeaning(table, priority, frozenset(fields), _numbered(actions.strip(), ports) if acts else None)


def _numbered(actions: str, ports: Mapping[str, int]) -> str:
    """Actions with the numbers of ports in place of their names."""
    return _OUTPUT.sub(lambda found: f"output:{ports.get(found[1], found[1])}", actions)


def _parts(condition: str) -> Iterator[tuple[str, str]]:
    for part in re.split(r"[, ]+", condition):
        if part:
            name, _, value = part.partition("=")
            yield name, value


def _field(name: str, value: str, ports: Mapping[str, int]) -> str:
    if not value:
        return name
    if name == "in_port":
        bare = value.strip('"')
        return f"{name}={ports.get(bare, bare)}"
    if _NUMBER.fullmatch(value):
        return f"{name}={'/'.join(str(int(each, 16 if each[1:2] in ('x', 'X') else 10)) for each in value.split('/'))}"
    return f"{name}={value.removesuffix('/32')}"


def _words(rule: str) -> tuple[str, ...]:
    """The words behind `-A`, without counters; empty if the quotes do not match."""
    try:
        words = shlex.split(rule)
    except ValueError:
        return ()
    if words[0] == "-t":
        words = words[2:]
    if "-c" in words[:-2]:
        at = words.index("-c")
        words = words[:at] + words[at + 3 :]
    return tuple(words[1:])
