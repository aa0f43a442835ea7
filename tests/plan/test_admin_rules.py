"""The administrator's rules of a node: the blocks that are for it, and projects as the addresses of their pods."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from attrs import evolve

from compiler.declarations import AdminRule, AdminRules, AdminVerdict, BlockPeer, ProjectSource
from compiler.model.model import Model
from compiler.origin import Origin, Source, Span
from compiler.plan.admin_rules import AdminRulePlan, plan_admin_rules
from compiler.values.labels import Selector
from compiler.values.prefix import Prefix
from tests.compiling import NETWORK, good_model

HERE = Origin(Source("rules.sdn", "rule\n", lambda path: Span(1, 1, 2)), Span(1, 1, 5))

CLUSTER = f"""
cluster {{ mode multitenant {NETWORK} }}
node node-1 {{ address 192.168.100.11/24  subnet 10.128.0.0/23  labels zone=edge  egress-ip 192.168.100.50 }}
node node-2 {{ address 192.168.100.12/24  subnet 10.128.2.0/23 }}
project shop
project mail {{ egress-ip 192.168.100.50 }}
pod shop/a {{ node node-1  address 10.128.0.9 }}
pod shop/b {{ node node-1  address 10.128.0.5 }}
pod shop/c {{ node node-2  address 10.128.2.5 }}
pod mail/a {{ node node-1  address 10.128.0.6 }}
pod mail/b {{ node node-2  address 10.128.2.6 }}
"""

SHOP, MAIL = ProjectSource(HERE, "shop"), ProjectSource(HERE, "mail")
OFFICE = BlockPeer(HERE, Prefix.parse("198.51.100.0/24")[0])
IPV6 = BlockPeer(HERE, None)


def block(name: str, *rules: AdminRule, nodes: Selector | None = None) -> AdminRules:
    return AdminRules(name, HERE, nodes, rules)


def drop(
    sources: Sequence[BlockPeer | ProjectSource] | None, destinations: Sequence[BlockPeer] | None = None
) -> AdminRule:
    return AdminRule(
        HERE,
        AdminVerdict.DROP,
        None if sources is None else tuple(sources),
        None if destinations is None else tuple(destinations),
    )


def planned(number: int, *blocks: AdminRules) -> tuple[AdminRulePlan, ...]:
    model = cluster(*blocks)
    node = model.nodes[number - 1]
    return plan_admin_rules(model, node, [pod for pod in model.endpoints if pod.node == node.name])


def cluster(*blocks: AdminRules) -> Model:
    return evolve(good_model(CLUSTER), admin_rules=blocks)


def shown(blocks: Sequence[BlockPeer] | None) -> list[str] | None:
    return None if blocks is None else [block.prefix.short() if block.prefix else "-" for block in blocks]


@pytest.mark.behaviour("AR-02")
def test_a_project_is_the_addresses_of_its_pods_on_the_node() -> None:
    (one,), (two,) = (planned(number, block("10-a", drop([SHOP, OFFICE]))) for number in (1, 2))

    assert shown(one.sources) == ["10.128.0.5", "10.128.0.9", "198.51.100.0/24"]
    assert shown(two.sources) == ["10.128.2.5", "198.51.100.0/24"]


@pytest.mark.behaviour("AR-02", "EI-01")
def test_a_project_that_leaves_the_cluster_here_is_all_of_its_pods() -> None:
    """Its egress IP is on node-1, so that what its pods on node-2 send leaves by node-1."""
    (one,), (two,) = (planned(number, block("10-a", drop([MAIL]))) for number in (1, 2))

    assert shown(one.sources) == ["10.128.0.6", "10.128.2.6"]
    assert shown(two.sources) == ["10.128.2.6"]


@pytest.mark.behaviour("AR-02")
def test_everybody_is_not_nobody() -> None:
    """A project without a pod here matches nothing, a rule without sources everything."""
    nobody, everybody = planned(2, block("10-a", drop([]), drop(None)))

    assert (nobody.sources, nobody.destinations) == ((), None)
    assert (everybody.sources, everybody.destinations) == (None, None)


@pytest.mark.behaviour("AR-02", "NP-19")
def test_an_ipv6_block_matches_nothing() -> None:
    (rule,) = planned(1, block("10-a", drop([IPV6], [IPV6, OFFICE])))

    assert shown(rule.sources) == []
    assert shown(rule.destinations) == ["198.51.100.0/24"]


@pytest.mark.behaviour("AR-02")
def test_a_node_has_the_blocks_that_select_it_in_order() -> None:
    blocks = (
        block("10-a", drop(None)),
        block("20-b", drop(None), drop([OFFICE]), nodes=Selector.equal({"zone": "edge"})),
        block("30-c", drop(None), nodes=Selector.equal({"zone": "core"})),
    )

    assert [rule.block for rule in planned(1, *blocks)] == ["10-a", "20-b", "20-b"]
    assert [rule.block for rule in planned(2, *blocks)] == ["10-a"]
    assert [shown(rule.sources) for rule in planned(1, *blocks)] == [None, None, ["198.51.100.0/24"]]
