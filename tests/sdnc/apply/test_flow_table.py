"""Flows and groups on a real switch without packets: whose they are, what is the same, and changes in one bundle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from sdnc.apply.flow_table import FlowTable, compared, flow_commands, key_of, read_flow_table, read_flows
from sdnc.apply.state import State
from sdnc.apply.system import CommandFailed, System
from tests.lab import DummySwitch
from tests.sdnc.apply.states import whole_state

DROP = "table=0, priority=0 actions=drop"
WEB = "table=30, priority=100,ip,nw_dst=10.128.0.11 actions=goto_table:70"


@pytest.fixture(scope="module")
def switch() -> Iterator[DummySwitch]:
    with DummySwitch() as switch:
        yield switch


@pytest.fixture
def system(switch: DummySwitch) -> System:
    for command in ("del-flows", "del-groups"):
        switch.ofctl(command, "br0")
    return System({"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **switch.environment})


def state(*flows: str, groups: dict[int, str] | None = None) -> State:
    return replace(whole_state(), flows=frozenset(flows), groups=groups or {}, foreign=frozenset())


def there(system: System) -> State:
    table = read_flow_table(system)
    return replace(
        state(), flows=table.own, groups=table.groups, foreign=table.foreign, foreign_groups=table.foreign_groups
    )


def test_flows_become_those_that_are_wanted(system: System) -> None:
    group = {5: "group_id=5,type=select,bucket=weight:2,actions=output:1,bucket=actions=output:2"}
    one, other = state(DROP, WEB, groups=group), state(DROP, WEB.replace("goto_table:70", "drop"))

    for wanted in (one, other, one):
        system.change(flow_commands(there(system), wanted))

        assert there(system) == wanted
        assert flow_commands(there(system), wanted) == ()


def test_a_refused_flow_changes_nothing(system: System) -> None:
    system.change(flow_commands(there(system), state(DROP)))

    with pytest.raises(CommandFailed):
        system.change(flow_commands(there(system), state(WEB, WEB.replace("goto_table:70", "goto_table:3"))))

    assert there(system) == state(DROP)


def test_flows_without_a_cookie_are_ours_and_those_with_another_are_not(switch: DummySwitch, system: System) -> None:
    switch.ofctl("add-flow", "br0", "table=0,priority=0,actions=drop")
    switch.ofctl("add-group", "br0", "group_id=7,type=select,bucket=actions=output:1")
    switch.ofctl("add-flow", "br0", "cookie=0x5,table=1,priority=0,actions=group:7")

    table = read_flow_table(system)

    assert table == FlowTable(
        own=frozenset([DROP]),
        foreign=frozenset(["cookie=0x5, table=1, priority=0 actions=group:7"]),
        foreign_groups={7: "group_id=7,type=select,bucket=actions=output:1"},
    )
    wanted = replace(state(DROP), foreign=table.foreign, foreign_groups=table.foreign_groups)
    assert flow_commands(there(system), wanted) == ()


@pytest.mark.parametrize(
    "written",
    [
        WEB.replace("10.128.0.11", "10.128.0.11/32"),
        WEB.replace("goto_table:70", "resubmit(,70)").replace("resubmit(,70)", "goto_table:70,"),
        WEB.replace("priority=100,ip,", "priority=100,eth_type=0x800,"),
    ],
)
def test_one_flow_written_in_two_ways_is_no_difference(system: System, written: str) -> None:
    own, in_the_way = compared(system, FlowTable(frozenset([WEB])), frozenset([written, DROP]))

    assert (own, in_the_way) == (frozenset([written]), ())


def test_a_flow_of_others_in_the_place_of_a_wanted_one(system: System) -> None:
    foreign = "cookie=0x5, table=30, priority=100,ip,nw_dst=10.128.0.11/32 actions=drop"
    elsewhere = "cookie=0x5, table=30, priority=99,ip,nw_dst=10.128.0.11 actions=drop"

    _, in_the_way = compared(system, FlowTable(frozenset(), frozenset([foreign, elsewhere])), frozenset([WEB]))

    assert in_the_way == (foreign,)


def test_flags_and_timeouts_are_part_of_a_flow_and_not_of_its_key() -> None:
    own, _ = read_flows(
        " table=4, idle_timeout=100, send_flow_rem ip actions=drop\n priority=7 actions=drop\n table=8, actions=drop\n"
    )

    assert own == {
        "table=4, idle_timeout=100, send_flow_rem ip actions=drop",
        "table=0, priority=7 actions=drop",
        "table=8, actions=drop",
    }
    assert {key_of(flow) for flow in own} == {"table=4,ip", "table=0,priority=7", "table=8"}


def test_a_hundred_thousand_flows(system: System) -> None:
    """One process for each thing that is asked or done: it would take hours otherwise."""
    flows = [
        f"table=30, priority=100,ip,nw_dst=10.{number >> 16}.{number >> 8 & 255}.{number & 255} actions=goto_table:70"
        for number in range(100_000)
    ]
    wanted = state(DROP, *flows[1:])

    system.change(flow_commands(there(system), state(*flows)))
    own, _ = compared(system, read_flow_table(system), wanted.flows)
    system.change(flow_commands(replace(state(), flows=own), wanted))

    assert there(system) == wanted
