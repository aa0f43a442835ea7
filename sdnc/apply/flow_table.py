"""The flows and groups of the bridge: what is there, whose it is, and how they become others in one OpenFlow bundle.

sdnc's are the flows with its cookie, and those without any (0), such as what `ovs-ofctl` loaded from `flows.txt` by
hand.  Flows with another cookie are other people's, as are the groups that those refer to; they stay.

A flow is a line as in `flows.txt`: "table=30, priority=100,ip,nw_dst=10.0.0.1 actions=…".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sdnc.apply.state import BRIDGE, State
from sdnc.apply.system import Command, System

COOKIE = 0x73646E63
"""The cookie of the flows that the applier adds: "sdnc" in ASCII."""

OFCTL = ("ovs-ofctl", "--timeout=60", "-O", "OpenFlow13")

_DUMPED = re.compile(r" ?(?:cookie=(0x[0-9a-f]+), )?(?:table=([0-9]+), )?(.*actions=.*)")
_GROUP = re.compile(r" ?(group_id=([0-9]+),.*)")
_GROUP_ACTION = re.compile(r"\bgroup:([0-9]+)")
_COOKIE = re.compile(r"^cookie=0x[0-9a-f]+, ")
_COMPARED = re.compile(r"-(.*?) ?cookie=(0x[0-9a-f]+) (.*)")
_FLAGS = frozenset({"send_flow_rem", "check_overlap", "reset_counts", "no_packet_counts", "no_byte_counts"})
_DIFFER = 2
"""The exit status of `ovs-ofctl diff-flows` where flows differ (ovs-ofctl(8))."""


@dataclass(frozen=True, slots=True)
class FlowTable:
    """What is on the bridge.  `foreign` are other people's flows, with cookie; groups are texts by number."""

    own: frozenset[str] = frozenset()
    foreign: frozenset[str] = frozenset()
    groups: Mapping[int, str] = field(default_factory=dict)
    foreign_groups: Mapping[int, str] = field(default_factory=dict)


def read_flow_table(system: System) -> FlowTable:
    """What is on the bridge, which has to exist.  Raises `CommandFailed`."""
    own, foreign = read_flows(system.run([*OFCTL, "--no-stats", "--no-names", "dump-flows", BRIDGE]))
    groups = system.run([*OFCTL, "--no-names", "dump-groups", BRIDGE])
    others = {int(number) for flow in foreign for number in _GROUP_ACTION.findall(flow)}
    found = {int(match[2]): match[1] for line in groups.splitlines() if (match := _GROUP.fullmatch(line))}
    return FlowTable(
        own,
        foreign,
        {number: group for number, group in found.items() if number not in others},
        {number: group for number, group in found.items() if number in others},
    )


def read_flows(dump: str) -> tuple[frozenset[str], frozenset[str]]:
    """sdnc's flows and other people's, of what `ovs-ofctl --no-stats dump-flows` printed."""
    own, foreign = set(), set()
    for line in dump.splitlines():
        if found := _DUMPED.fullmatch(line):
            flow = f"table={found[2] or 0}, {found[3]}"
            if int(found[1] or "0", 16) in (0, COOKIE):
                own.add(flow)
            else:
                foreign.add(f"cookie={found[1]}, {flow}")
    return frozenset(own), frozenset(foreign)


def key_of(flow: str) -> str:
    """Table, priority and match of a flow, for `delete_strict`: what makes it another flow than others.

    >>> key_of("table=30, priority=100,ip actions=drop"), key_of("table=30, idle_timeout=9, send_flow_rem actions=drop")
    ('table=30,priority=100,ip', 'table=30')
    """
    table, *words = flow.partition(" actions=")[0].split()
    match = [word for word in words[-1:] if not word.endswith(",") and word not in _FLAGS]
    return ",".join([table.rstrip(","), *match])


def compared(system: System, table: FlowTable, wanted: frozenset[str]) -> tuple[frozenset[str], tuple[str, ...]]:
    """sdnc's flows on the bridge, each that is wanted written as it is wanted; and other people's flows whose table,
    priority and match a wanted one has.

    Versions of Open vSwitch print one flow differently.  `ovs-ofctl diff-flows` prints all in one way, so it is asked
    about those whose texts differ.  Raises `CommandFailed`.
    """
    strange, lacking = table.own - wanted, wanted - table.own
    if not lacking or not (strange or table.foreign):
        return table.own, ()
    there = _in_one_way(system, [*strange, *table.foreign])
    asked = _in_one_way(system, lacking)
    by_text = {text: flow for flow, text in asked.items()}
    keys = {key for key, _ in asked.values()}
    own = (table.own - strange) | {by_text.get(there[flow], flow) for flow in strange}
    return own, tuple(sorted(flow for flow in table.foreign if there[flow][0] in keys))


def _in_one_way(system: System, flows: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Each flow's table with its match, and its timeouts with its actions, as `ovs-ofctl diff-flows` prints them.

    The order of what it prints is its own; the cookie tells which flow a line is, since each gets its number for one.
    """
    numbered = dict(enumerate(flows, 1))
    text = "".join(f"cookie={number},{_COOKIE.sub('', flow)}\n" for number, flow in numbered.items())
    printed = system.run([*OFCTL, "diff-flows", "/dev/stdin", "/dev/null"], stdin=text, statuses=(0, _DIFFER))
    found = (match for line in printed.splitlines() if (match := _COMPARED.fullmatch(line)))
    return {numbered[int(match[2], 16)]: (match[1], match[3]) for match in found}


def flow_commands(actual: State, wanted: State, *, forgotten: bool = False) -> tuple[Command, ...]:
    """The commands that make flows and groups those that are wanted; none if they are.

    All changes are in one OpenFlow bundle, which the switch takes as a whole or not at all.  Groups come before flows
    that refer to them; one that goes, goes last, since it would take flows that refer to it along.  `forgotten`: the
    switch has forgotten everything by now, other people's flows included, which then come back, too.
    """
    flows, foreign, groups = actual.flows, actual.foreign, {**actual.groups, **actual.foreign_groups}
    if forgotten:
        flows, foreign, groups = frozenset(), frozenset(), {}
    all_groups = sorted({**wanted.foreign_groups, **wanted.groups}.items())
    keys = {key_of(flow) for flow in wanted.flows - flows}
    gone = (key_of(flow) for flow in actual.flows - wanted.flows)
    lines = [f"group add_or_mod {text}" for number, text in all_groups if groups.get(number) != text]
    lines += sorted(f"flow delete_strict {key}" for key in gone if key not in keys)
    lines += [f"flow add cookie={COOKIE:#x},{flow}" for flow in sorted(wanted.flows - flows)]
    lines += [f"flow add {flow}" for flow in sorted(wanted.foreign - foreign)]
    lines += [f"group delete group_id={number}" for number in sorted(actual.groups.keys() - wanted.groups.keys())]
    if not lines:
        return ()
    text = "".join(f"{line}\n" for line in lines)
    # The switch goes through its datapath's cache a moment later; until then packets go by the old flows.  It may be
    # going through it already, so only the second time that it is through tells.
    wait = Command(("ovs-appctl", "--timeout=30", "revalidator/wait"), is_optional=True)
    purge = Command(("ovs-appctl", "--timeout=30", "revalidator/purge"))
    # The userspace datapath (seen with Open vSwitch 3.1) may keep an entry of the cache with old actions for as long as
    # packets use it, where it overlaps with another; so there the cache is emptied.
    is_userspace = wanted.bridge is not None and wanted.bridge.datapath_type == "netdev"
    return (Command((*OFCTL, "bundle", BRIDGE, "-"), text), wait, wait, *((purge,) if is_userspace else ()))
