"""Flows and groups of nodes with firewalls, egress IPs and multicast: to look at, and as the switch has them."""

from __future__ import annotations

import pytest
from attrs import evolve
from syrupy.assertion import SnapshotAssertion

from backends.ovs import build_flows, build_groups
from backends.ovs import render as render_files
from backends.ovs.fields import Table
from compiler.plan.node import NodePlan
from tests.backends.ovs.asking import load
from tests.backends.ovs.leaving import EGRESS_IPS, NODES, leaving_plans, plain_plans
from tests.backends.ovs.reading import read_flows
from tests.lab import DummySwitch

MODES = ("multitenant", "networkpolicy")
LEAVING = set(range(98, 121)) - {98}


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def render(plan: NodePlan) -> dict[str, str]:
    """The texts of a node's files."""
    return {name: file.text for name, file in render_files(plan).items()}


@pytest.mark.parametrize("node", NODES)
@pytest.mark.parametrize("name", ["flows.txt", "groups.txt"])
def test_files(node: str, name: str, golden: SnapshotAssertion) -> None:
    assert render(leaving_plans()[node]).get(name, "none\n") == golden


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("node", NODES)
def test_the_dump_is_the_file(dummy: DummySwitch, mode: str, node: str) -> None:
    plan = leaving_plans(mode)[node]

    load(dummy, plan)

    files = render(plan)
    written = [line.removeprefix("table=0, ") for line in lines(files["flows.txt"])]
    groups = [line.removeprefix("add_or_mod ") for line in lines(files.get("groups.txt", ""))]
    assert sorted(dummy.dump_flows()) == sorted(written)
    assert len(set(written)) == len(written)
    assert [line.strip() for line in dummy.ofctl("dump-groups", "br0").splitlines()[1:] if line] == groups


def test_groups_may_be_loaded_again_and_replaced(dummy: DummySwitch) -> None:
    node = load(dummy, leaving_plans()["node-1"])
    files = render(node.plan)
    before = dummy.ofctl("dump-groups", "br0").splitlines()[1:], dummy.dump_flows()

    dummy.ofctl("--bundle", "add-groups", "br0", "-", stdin=files["groups.txt"])

    assert (dummy.ofctl("dump-groups", "br0").splitlines()[1:], dummy.dump_flows()) == before
    changed = render(leaving_plans(egress_ips={**EGRESS_IPS, "192.168.100.58": ("pair", "node-1")})["node-1"])
    dummy.ofctl("--bundle", "add-groups", "br0", "-", stdin=changed["groups.txt"])
    assert "eth_src" in dummy.ofctl("dump-groups", "br0")
    assert dummy.ofctl("dump-groups", "br0").count("bucket=") == files["groups.txt"].count("bucket=") + 1


def test_flows_have_the_strict_form() -> None:
    for mode in MODES:
        for plan in leaving_plans(mode).values():
            text = render(plan)["flows.txt"]
            keys = {(line.table, line.priority, tuple(line.match.items())) for line in read_flows(text)}

            assert len(keys) == len(lines(text))


@pytest.mark.behaviour("OUT-05")
def test_a_text_with_a_line_break_stays_a_comment() -> None:
    text = render(leaving_plans()["node-1"])["flows.txt"]

    assert "# 0x2001: deny tcp/443 to most\n" in text
    assert all(line.startswith(("#", "table=")) for line in text.splitlines() if line)


def tables(plan: NodePlan) -> dict[int, int]:
    """How many flows each table has."""
    found: dict[int, int] = {}
    for flow in build_flows(plan).flows():
        found[int(flow.table)] = found.get(int(flow.table), 0) + 1
    return found


def test_a_node_without_such_projects_gets_nothing() -> None:
    plans, plain = leaving_plans(), plain_plans()

    assert not LEAVING & set(tables(plain["node-1"]))
    assert tables(plain["node-1"])[98] == 2
    # node-3 has pods of none of them, but hosts two egress IPs of one.
    hosting, same = tables(plans["node-3"]), tables(plain["node-3"])
    differing = {table for table in hosting if hosting[table] != same.get(table)}
    assert differing == {0, 30, 98, 101}
    assert set(tables(plans["node-2"])) & LEAVING == {101, 110, 111, 120}


def test_subnet_mode_has_none_of_it() -> None:
    assert not LEAVING & set(tables(plain_plans("subnet")["node-1"]))


@pytest.mark.behaviour("OUT-02")
def test_another_host_adds_a_bucket_and_changes_none() -> None:
    plan = leaving_plans()["node-1"]
    added = {"192.168.100.49": ("other", "node-2"), "192.168.100.58": ("pair", "node-1")}
    more = leaving_plans(egress_ips=EGRESS_IPS | added)["node-1"]

    old = {group.number: group.buckets for group in build_groups(plan).groups}
    new = {group.number: group.buckets for group in build_groups(more).groups}

    assert [bucket.weight for bucket in old[200]] == [1, 2]
    assert [bucket.weight for bucket in new[200]] == [2, 2]
    assert [bucket.actions for bucket in new[200]] == [bucket.actions for bucket in old[200]]
    assert new[600][:2] == old[600]
    assert len(new[600]) == 3
    changed = set(lines(render(more)["flows.txt"])) ^ set(lines(render(plan)["flows.txt"]))
    # Another address to drop forgeries of, and so another note.
    assert sorted(line.split(",")[0] for line in changed) == ["table=0", "table=253", "table=253"]


@pytest.mark.behaviour("OUT-01")
def test_the_order_of_addresses_and_nodes_does_not_matter() -> None:
    plan = leaving_plans()["node-1"]
    routes = tuple(
        evolve(route, local=route.local[::-1], remote=route.remote[::-1]) for route in plan.egress_ips.routes
    )

    turned = evolve(plan, egress_ips=evolve(plan.egress_ips, routes=routes))

    assert build_groups(turned).text() == build_groups(plan).text()
    assert build_flows(turned).text() == build_flows(plan).text()


@pytest.mark.behaviour("OUT-03")
@pytest.mark.parametrize(
    ("table", "match", "expected"),
    [
        (Table.LEAVE, "ip,reg0=0x64", [100]),
        (Table.LEAVE, "ip,reg0=0x12c", [130]),
        (Table.FIREWALL_PORTS, "tcp,reg10=0x2001,tp_dst=443", [121]),
        (Table.FIREWALL_PORTS, "reg10=0x2001", [120]),
        (Table.FIREWALL, "ip,reg10=0x1001,nw_dst=1.2.3.0/24", [101]),
        (Table.EGRESS_IP, "ip,reg0=0xc8", [251, 252, 253]),
        (Table.DISPATCH, "dl_src=0a:58:c0:a8:64:37", [255]),
        (Table.MULTICAST, "reg0=0x64", [400]),
        (Table.MULTICAST_PODS, "reg0=0", [300]),
    ],
)
def test_flows_come_from_statements(table: Table, match: str, expected: list[int]) -> None:
    flows = build_flows(leaving_plans()["node-1"]).flows()

    (origins,) = {flow.origins for flow in flows if (flow.table, flow.match) == (table, match)}

    assert [origin.span().line for origin in origins] == expected


@pytest.mark.behaviour("OUT-03")
def test_groups_come_from_statements() -> None:
    groups = build_groups(leaving_plans()["node-1"]).groups

    assert {group.number: [origin.span().line for origin in group.origins] for group in groups} == {
        200: [251, 252, 253],
        600: [256, 257],
    }
