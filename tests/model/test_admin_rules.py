"""Blocks of administrator's rules: their order, and what they speak of."""

from __future__ import annotations

import pytest

from compiler.declarations import AdminRule, AdminRules, AdminVerdict, BlockPeer, ProjectSource
from compiler.diagnostics import Diagnostic, Diagnostics
from compiler.model.build import build_model
from compiler.model.model import Model
from compiler.origin import Origin, Source, Span
from compiler.values.labels import Selector
from tests.compiling import CLUSTER, declare

TEXT = Source("rules.sdn", "rule\n" * 9, lambda path: Span(1, 1, 2))


def origin(line: int) -> Origin:
    return Origin(TEXT, Span(line, 1, 5))


def block(name: str, line: int = 1, *, project: str = "shop", nodes: Selector | None = None) -> AdminRules:
    sources = (BlockPeer(origin(line), None), ProjectSource(origin(line), project))
    return AdminRules(name, origin(line), nodes, (AdminRule(origin(line), AdminVerdict.DROP, sources),))


def built(*blocks: AdminRules) -> tuple[Model | None, tuple[Diagnostic, ...]]:
    diagnostics = Diagnostics()
    model = build_model([*declare(CLUSTER, "project shop"), *blocks], diagnostics)
    return model, diagnostics.sorted()


@pytest.mark.behaviour("AR-02")
def test_blocks_are_in_force_in_the_order_of_their_names() -> None:
    model, found = built(block("20-web", 1), block("10-mail", 2))

    assert model is not None
    assert [each.name for each in model.admin_rules] == ["10-mail", "20-web"]
    assert found == ()


@pytest.mark.behaviour("AR-02")
def test_two_blocks_of_one_name_are_an_error() -> None:
    model, (found,) = built(block("10-mail", 4), block("10-mail", 2))

    assert model is None
    assert found.message == "admin-rules 10-mail is defined twice"
    assert (found.origin, found.related[0].origin) == (origin(4), origin(2))


@pytest.mark.behaviour("AR-02")
def test_rules_on_a_project_that_does_not_exist_are_an_error() -> None:
    model, found = built(block("10-mail", project="shoop"))

    assert model is None
    assert [one.message for one in found] == ["there is no project 'shoop'; did you mean 'shop'?"]


@pytest.mark.behaviour("AR-02")
def test_a_selector_that_selects_no_node_is_a_warning() -> None:
    model, found = built(block("10-mail", nodes=Selector.equal({"zone": "edge"})))

    assert model is not None
    assert [one.message for one in found] == ["the selector zone=edge selects no node"]
