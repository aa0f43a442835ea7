"""What names something that is not there."""

from __future__ import annotations

import pytest

from compiler.diagnostics import Diagnostics, Severity
from compiler.model.build import build_model
from tests.compiling import CLUSTER, build, declare_objects, names, refused

SHOP = CLUSTER + "project shop\nproject monitoring\n"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("pod shpo/a { node node-1 address 10.128.0.5 }", "UNKNOWN_PROJECT"),
        ("policy shpo/p { ingress {} }", "UNKNOWN_PROJECT"),
        ("service shpo/s { address 172.30.0.9 port tcp/80 }", "UNKNOWN_PROJECT"),
        ("pod shop/a { node node-7 address 10.128.0.5 }", "UNKNOWN_NODE"),
    ],
)
def test_who_does_not_exist(text: str, code: str) -> None:
    assert refused(SHOP, text) == [code]


@pytest.mark.behaviour("PN-15", "NP-17")
def test_pods_that_take_no_part_may_be_anywhere() -> None:
    model, found = build(SHOP, "pod shop/a { node node-7 host-network }\npod shop/b { node node-7 finished }")

    assert model is not None
    assert names(found) == []


@pytest.mark.behaviour("NP-18")
@pytest.mark.parametrize("rule", ["ingress { allow any from %s }", "egress { allow any to %s }"])
def test_a_peer_that_asks_for_a_project_by_name_is_warned_of(rule: str) -> None:
    model, found = build(SHOP, f"policy shop/p {{ {rule % 'project monitorng, project monitoring'} }}")

    assert model is not None
    (warning,) = found
    assert names(found) == ["UNKNOWN_PEER"]
    assert warning.severity is Severity.WARNING
    assert "did you mean 'monitoring'?" in warning.message
    assert warning.origin is not None
    assert warning.origin.span().column == len(f"policy shop/p {{ {rule[: rule.index('%')]}") + 1


@pytest.mark.behaviour("NP-18")
def test_a_peer_that_selects_by_other_labels_is_not() -> None:
    model, found = build(SHOP, "policy shop/p { ingress { allow any from projects team=none, pods app=none } }")

    assert model is not None
    assert names(found) == []


def test_the_place_in_an_object() -> None:
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "p", "namespace": "elsewhere"},
        "spec": {"podSelector": {}},
    }
    diagnostics = Diagnostics()

    build_model(declare_objects(policy), diagnostics)

    (found,) = [each for each in diagnostics.sorted() if each.origin is not None]
    origin = found.origin
    assert origin is not None
    line = origin.source.line(origin.span().line)
    assert line[origin.span().column - 1 : origin.span().end_column - 1] == '"elsewhere"'
