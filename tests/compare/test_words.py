"""Who the ends of a change are, in words."""

from __future__ import annotations

import pytest

from compiler.compare.sides import build_sides
from compiler.compare.words import Words
from compiler.values.prefix import Prefix
from tests.compare.versions import CLUSTER, compared
from tests.compiling import compiled, declare

MORE = """
project ops { netid 103 }
pod ops/a-1 { node node-1  address 10.128.0.31  labels app=a }
pod ops/a-2 { node node-1  address 10.128.0.32  labels app=a, tier=front }
pod ops/b-1 { node node-1  address 10.128.0.33  labels app=b, tier=front }
pod ops/b-2 { node node-1  address 10.128.0.34  labels app=b }
pod ops/c-1 { node node-1  address 10.128.0.35  labels app=c }
"""


@pytest.mark.parametrize(
    ("selector", "words"),
    [
        ("app=a", "pods app=a in project ops"),
        ("app in (a, c)", "pods app in (a,c) in project ops"),
        ("app=a, tier=front", "pod ops/a-2"),
        ("all", "project ops"),
    ],
)
def test_the_words_of_a_policy(selector: str, words: str) -> None:
    old, new = CLUSTER + MORE, CLUSTER + MORE + f"policy ops/closed {{ select {selector}  ingress {{}} }}"

    (change,) = compared(old, new).connections

    assert change.destinations.text == words


def test_pods_that_no_selector_of_a_policy_selects() -> None:
    sides = build_sides(*[compiled(declare(CLUSTER + MORE))] * 2)
    atoms = {pod.name: 1 << number for number, pod in enumerate(sides.atoms.pods)}

    def words(*names: str) -> str:
        return Words.of(sides).party(sum(atoms[name] for name in names)).text

    assert words("ops/b-1", "ops/b-2") == "pods app=b in project ops"
    assert words("ops/a-1", "ops/b-2") == "pods ops/a-1, ops/b-2"
    assert words("ops/a-1", "ops/a-2", "ops/b-1", "ops/c-1") == "4 pods of project ops"
    assert words("ops/a-1", "lab/tool-1", "blog/web-1") == "projects blog, lab and pod ops/a-1"
    assert words("blog/web-1", "shop/db-1", "shop/web-1", "shop/web-2") == "projects team=web"
    assert words(*atoms) == "all pods"


def test_addresses() -> None:
    sides = build_sides(*[compiled(declare(CLUSTER))] * 2)
    words = Words.of(sides)
    (whole,) = {words.party(sides.old.outside).ranges}
    first, last = whole[0]
    hole = Prefix.parse("192.0.2.0/24")[0]
    without = tuple(
        piece
        for low, high in sides.atoms.addresses(sides.old.outside)
        for piece in (((low, hole.network - 1), (hole.last + 1, high)) if low < hole.network < high else ((low, high),))
    )

    assert words.party(sides.old.outside).text == "outside the cluster"
    assert words.party(sides.old.senders).text == "outside the cluster and all nodes"
    assert words.party(sides.old.senders | sides.old.pods).text == "anyone"
    assert words.party(sides.old.gateways).text == "all nodes' gateways"
    assert words.party(0, ((first, last),)).text == "0.0.0.0 to 10.127.255.255"
    assert words.party(0, without).text == "outside the cluster except 192.0.2.0/24"


def test_one_of_two_gateways_and_an_address() -> None:
    sides = build_sides(*[compiled(declare(CLUSTER))] * 2)
    singles = sides.atoms.singles
    words = Words.of(sides)
    node_1 = sides.old.nodes["node-1"]
    node_2 = sides.old.nodes["node-2"]

    assert words.party(1 << singles[node_1.gateway]).text == "gateway of node node-1"
    assert words.party(1 << singles[node_1.gateway] | 1 << singles[node_1.address]).text == "node node-1"
    assert words.party(1 << singles[node_1.gateway] | 1 << singles[node_2.address]).text == (
        "gateway of node node-1 and address of node node-2"
    )
