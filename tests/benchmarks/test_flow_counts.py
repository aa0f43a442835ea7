"""The benchmark clusters keep to the numbers of flows that sdnc is out for."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from backends.ovs import build_flows
from backends.ovs.fields import Table
from backends.ovs.flow import Flow, match
from benchmarks.__main__ import generate
from benchmarks.masks import mask_of, masks_by_table
from benchmarks.openshift_sdn import REFERENCES
from compiler.diagnostics import Diagnostics
from compiler.model.model import Model
from compiler.pipeline import read
from compiler.plan.node import plan_node
from compiler.values.prefix import Prefix

MOST_FLOWS = 3_000
MOST_FLOWS_OF_THE_CROSS = 1_300


def flows_of_node_0(folder: Path, pods: int, cross: str | None = None) -> tuple[Flow, ...]:
    return compile_node_0(folder, pods, cross)[1]


def compile_node_0(folder: Path, pods: int, cross: str | None = None) -> tuple[Model, tuple[Flow, ...]]:
    (reference,) = [each for each in REFERENCES if (each.pods, each.cross) == (pods, cross)]
    path = folder / f"{pods}{cross}.json"
    generate(reference, path)
    compilation = read([str(path)], None, Diagnostics())
    assert compilation is not None
    node = next(node for node in compilation.model.nodes if node.name == "node-0")
    plan = plan_node(compilation.model, compilation.policy, compilation.firewalls, node)
    return compilation.model, build_flows(plan).flows()


@pytest.mark.behaviour("NP-13")
def test_1000_pods_and_a_product_of_225000(tmp_path: Path) -> None:
    without = flows_of_node_0(tmp_path, 1_000)
    crossed = flows_of_node_0(tmp_path, 1_000, "150x150x10")

    assert len(without) <= MOST_FLOWS
    assert len(crossed) - len(without) < MOST_FLOWS_OF_THE_CROSS

    # The policy is there: its sources are one class, which its targets' one verdict lets use one set of services.
    added = Counter(flow.table for flow in crossed)
    added.subtract(Counter(flow.table for flow in without))
    assert added[Table.INGRESS_PEERS] == 150
    assert added[Table.INGRESS_VERDICT] == 1
    # 8000 to 8009 as two prefixes: 8000/13 and 8008/15.
    assert added[Table.INGRESS_SERVICES] == 2


def test_flows_grow_with_the_node_and_not_with_the_cluster(tmp_path: Path) -> None:
    small, large = (len(flows_of_node_0(tmp_path, pods)) for pods in (1_000, 10_000))

    # Ten times the pods, two and a half times those of the node.
    assert large < 4 * small


@pytest.mark.behaviour("EF-01")
def test_a_node_has_the_firewalls_of_its_own_projects_only(tmp_path: Path) -> None:
    (theirs,) = [each.tables[Table.FIREWALL] for each in REFERENCES if each.pods == 10_000]

    model, flows = compile_node_0(tmp_path, 10_000)

    here = {endpoint.pod.project for endpoint in model.endpoints if endpoint.node == "node-0"}
    rules = {firewall.netid: firewall.rules or () for firewall in model.firewalls if firewall.project in here}
    assert len(rules) < len(model.firewalls)
    judged = [flow for flow in flows if flow.table is Table.LEAVE and "reg0=" in flow.match]
    assert {flow.match for flow in judged} == {f"ip,reg0=0x{netid:x}" for netid in rules}
    # A list of addresses takes no more flows than it has rules; one more is what no list denies.
    lists = [flow for flow in flows if flow.table is Table.FIREWALL]
    assert len(lists) <= sum(map(len, rules.values())) + 1
    assert len(judged) + len(lists) < theirs / 2


def test_a_mask_is_a_match_without_its_values() -> None:
    one = Flow(Table.ROUTE, 1, match("ip", nw_dst=Prefix.covering(1 << 24, 24)), "drop")
    other = Flow(Table.ROUTE, 2, match("ip", nw_dst=Prefix.covering(2 << 24, 24)), "drop")
    longer = Flow(Table.ROUTE, 3, match("ip", nw_dst=Prefix.covering(2 << 24, 32)), "drop")
    port = Flow(Table.ROUTE, 4, match("tcp", tp_dst=80), "drop")

    assert mask_of(one) == mask_of(other)
    assert len({mask_of(one), mask_of(longer), mask_of(port)}) == 3
    assert masks_by_table([one, other, longer, port]) == {Table.ROUTE: 3}
