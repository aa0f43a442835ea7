"""A change of one rule of a cluster of a thousand pods is one or two changes."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import generate
from benchmarks.openshift_sdn import REFERENCES
from compiler.compare.compare import compare
from compiler.compare.comparison import Comparison
from tests.compare.versions import lines
from tests.compiling import compiled, declare_objects


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """The objects of the cluster."""
    path: Path = tmp_path_factory.mktemp("cluster") / "cluster.json"
    (reference,) = (each for each in REFERENCES if each.pods == 1000 and each.cross is None)
    generate(reference, path)
    items: list[Any] = json.loads(path.read_text())["items"]
    return items


def changed(objects: list[Any], name: str, **spec: object) -> Comparison:
    """What it means to give a policy (`PROJECT/NAME`) another spec."""
    new = deepcopy(objects)
    project, _, own = name.partition("/")
    (policy,) = (
        each
        for each in new
        if each["kind"] == "NetworkPolicy"
        and (each["metadata"]["namespace"], each["metadata"]["name"]) == (project, own)
    )
    policy["spec"] |= spec
    return compare(compiled(declare_objects(*objects)), compiled(declare_objects(*new)))


def test_nothing_has_changed(objects: list[Any]) -> None:
    assert changed(objects, "app-21/tier-to-tier-0").same


def test_one_port_of_one_rule(objects: list[Any]) -> None:
    peer = {"podSelector": {"matchExpressions": [{"key": "tier", "operator": "In", "values": ["frontend", "backend"]}]}}

    comparison = changed(
        objects,
        "app-21/tier-to-tier-0",
        ingress=[{"from": [peer], "ports": [{"protocol": "TCP", "port": port} for port in (6621, 6622, 6623, 9999)]}],
    )

    assert lines(comparison) == [
        "+ tcp/9999: pods app=web in project app-21 -> pods tier=data in project app-21",
        "- tcp/6624: pods app=web in project app-21 -> pods tier=data in project app-21",
    ]
    assert not (comparison.sources or comparison.handling or comparison.multicast or comparison.settings)
