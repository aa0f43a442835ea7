"""The interpreter of flow text (`backends/ovs/walk.py`) says what a real switch says."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given

from backends.ovs.walk import FlowTable, Output, WalkFault
from compiler.declarations import Declaration
from tests.compiling import declare
from tests.lab import DummySwitch
from tests.oracle.clusters import OUTSIDE, UNUSED_PORT, Drawn, clusters, repeatable
from tests.oracle.compiled import NAMES, compile_flows
from tests.oracle.evaluator import Oracle, Service
from tests.oracle.hops import NOWHERE, TCP, Hop, Outcome
from tests.oracle.questions import hops
from tests.oracle.real import load, traced
from tests.oracle.small import clusters_of_one, clusters_of_two


def compare(switch: DummySwitch, declarations: tuple[Declaration, ...], limit: int) -> int:
    """Asserts that switch and interpreter send each packet of a cluster to the same ports; how many there
    were.
    """
    asked = hops(Oracle(declarations, NAMES), OUTSIDE, limit, UNUSED_PORT)
    for node, files in compile_flows(declarations).items():
        load(switch, files)
        table = FlowTable.parse(files.flows, files.groups)
        for hop in asked:
            if hop.node == node:
                outcome, text = traced(switch, hop)
                assert hop.through(table) == outcome, f"{hop}\n{text}"
    return len(asked)


def test_agrees_with_trace_on_random_clusters(switch: DummySwitch) -> None:
    tally: Counter[str] = Counter()

    @repeatable(40)
    @given(clusters())
    def check(drawn: Drawn) -> None:
        tally["hops"] += compare(switch, drawn.declarations, 60)

    check()
    assert tally["hops"] > 2_000


def test_agrees_with_trace_on_small_clusters(switch: DummySwitch) -> None:
    sample = [*islice(clusters_of_one(), 0, None, 131), *islice(clusters_of_two(), 0, None, 131)]
    asked = sum(compare(switch, cluster, 60) for cluster in sample)
    assert len(sample) == 43
    assert asked > 2_000


def test_agrees_with_trace_on_fragments(switch: DummySwitch) -> None:
    declarations = declare((Path(__file__).parent / "clusters" / "leaving.sdn").read_text())
    asked = [
        hop for hop in hops(Oracle(declarations, NAMES), OUTSIDE, 100, UNUSED_PORT) if hop.service and not hop.about
    ]
    tally: Counter[bool] = Counter()
    for node, files in compile_flows(declarations).items():
        load(switch, files)
        table = FlowTable.parse(files.flows, files.groups)
        for hop in (evolve(hop, fragment=True) for hop in asked if hop.node == node):
            outcome, text = traced(switch, hop)
            assert hop.through(table) == outcome, f"{hop}\n{text}"
            tally[outcome.dropped] += 1
    assert min(tally.values()) > 50


@pytest.mark.parametrize(
    "flow",
    [
        "table=0, priority=1,ipv6 actions=drop",
        "table=0, priority=1,dl_vlan=1 actions=drop",
        "table=0, priority=1,dl_src=0a:58:0a:80:00:01/ff:ff:00:00:00:00 actions=drop",
        "table=0, priority=1 actions=NORMAL",
        "table=0, priority=1 actions=ct(table=0,zone=2)",
        "table=0, priority=1 actions=set_field:1->tun_src",
        "table=0, priority=1 actions=set_field:0a:58->eth_src",
        "priority=1 actions=drop",
    ],
)
def test_refuses_what_it_does_not_know(flow: str) -> None:
    with pytest.raises(ValueError):
        FlowTable.parse(flow)


def test_follows_flows() -> None:
    table = FlowTable.parse(
        "# a comment\n"
        "table=0, priority=10,ct_state=-trk,ip actions=ct(table=0,zone=1)\n"
        "table=0, priority=5,tcp,nw_src=10.0.0.0/8,tp_dst=0x50/0xfff0 actions=load:0x7->NXM_NX_REG0[],goto_table:3\n"
        "table=3, priority=2,reg0=0x7 actions="
        "move:NXM_NX_REG0[]->NXM_NX_TUN_ID[0..31],set_field:192.168.0.1->tun_dst,output:1,output:2\n"
    )
    hop = Hop("node-1", 11, 0x0A000001, 0x0A000002, Service(TCP, 81), NOWHERE)
    to_node = Output(1, 7, 0xC0A80001)
    assert hop.through(table) == Outcome.of(to_node, Output(2))
    assert evolve(hop, in_port=2).through(table) == Outcome.of(to_node)
    assert evolve(hop, service=Service(TCP, 96)).through(table) == NOWHERE


@pytest.mark.parametrize(
    "group",
    [
        "group_id=1,type=all,bucket=actions=output:2",
        "group_id=1,type=select",
        "group_id=1,type=select,selection_method=hash,bucket=actions=output:2",
        "group_id=1,type=select,bucket=watch_port:2,actions=output:2",
        "group_id=1,type=select,bucket=actions=output:2,bucket=output:1",
    ],
)
def test_refuses_groups_that_it_does_not_know(group: str) -> None:
    with pytest.raises(ValueError):
        FlowTable.parse("", group)


def test_a_group_gives_a_choice_for_each_bucket() -> None:
    table = FlowTable.parse(
        "table=0, priority=1 actions=load:0x7->NXM_NX_REG0[],group:7\n",
        "# a comment\n"
        "add_or_mod group_id=7,type=select"
        ",bucket=weight:2,actions=move:NXM_NX_REG0[]->NXM_NX_TUN_ID[0..31],set_field:192.168.0.1->tun_dst,output:1"
        ",bucket=actions=set_field:0a:58:c0:a8:00:32->eth_src,output:2\n",
    )
    hop = Hop("node-1", 11, 0x0A000001, 0x0A000002, Service(TCP, 81), NOWHERE)
    choices = (Output(1, 7, 0xC0A80001), Output(2, ethernet_source=0x0A58C0A80032))

    assert hop.through(table) == Outcome.one_of(choices)
    assert len(hop.met(table)) == 2


def test_a_packet_that_leaves_twice_by_one_port_is_a_fault() -> None:
    table = FlowTable.parse("table=0, priority=1 actions=output:2,output:2\n")

    with pytest.raises(WalkFault, match="leaves twice"):
        Hop("node-1", 11, 0x0A000001, 0x0A000002, Service(TCP, 80), NOWHERE).through(table)
