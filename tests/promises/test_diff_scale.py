"""`compare` tells few, big changes where one rule changes in a cluster of 1,000 pods, and always the same (OUT-01)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import pytest

from benchmarks.__main__ import generate
from benchmarks.openshift_sdn import REFERENCES
from compiler.compare.compare import compare
from compiler.compare.comparison import Comparison
from compiler.diagnostics import Diagnostics
from compiler.pipeline import Compilation, compile_declarations
from compiler.sources import read_texts
from tests.paths import ROOT

Object = dict[str, Any]

CHOSEN = 8
"""So many objects of a kind are changed, one at a time."""


def compiled(texts: Mapping[str, str]) -> Compilation:
    """The compilation of sources."""
    diagnostics = Diagnostics()
    compilation = compile_declarations(read_texts(texts, diagnostics), diagnostics)
    assert compilation is not None, diagnostics.sorted()[:3]
    return compilation


def in_one(objects: Sequence[Object]) -> dict[str, str]:
    """The objects as one file."""
    return {"cluster.json": json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})}


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> list[Object]:
    """The benchmark cluster of 1,000 pods and 150 policies."""
    (reference,) = [each for each in REFERENCES if (each.pods, each.cross) == (1_000, None)]
    path = tmp_path_factory.mktemp("benchmark") / "cluster.json"
    generate(reference, path)
    found: list[Object] = json.loads(path.read_text())["items"]
    return found


@pytest.fixture(scope="module")
def cluster(objects: list[Object]) -> Compilation:
    """The same, compiled."""
    return compiled(in_one(objects))


def rules_of(spec: Object) -> list[Object]:
    """The rules of a policy in both directions."""
    return [*spec.get("ingress", []), *spec.get("egress", [])]


def changed(
    cluster: Compilation, objects: list[Object], kind: str, edit: Callable[[Object], bool]
) -> list[tuple[Object, Comparison]]:
    """What `compare` tells of objects of a kind whose spec is edited, one at a time; `edit` tells whether it did."""
    found: list[tuple[Object, Comparison]] = []
    indexes = [index for index, each in enumerate(objects) if each["kind"] == kind]
    for index in Random(1).sample(indexes, len(indexes)):
        edited = deepcopy(objects[index])
        if len(found) < CHOSEN and edit(edited["spec"]):
            new = compiled(in_one([*objects[:index], edited, *objects[index + 1 :]]))
            found.append((edited, compare(cluster, new)))
    assert len(found) >= min(CHOSEN, len(indexes))
    assert not any(each.sources or each.handling or each.multicast or each.settings for _, each in found)
    return found


def test_a_port_more_is_one_change(cluster: Compilation, objects: list[Object]) -> None:
    def edit(spec: Object) -> bool:
        with_ports = [rule for rule in rules_of(spec) if rule.get("ports")]
        for rule in with_ports[:1]:
            rule["ports"].append({"protocol": "TCP", "port": 7777})
        return bool(with_ports)

    sizes = [len(each.connections) for _, each in changed(cluster, objects, "NetworkPolicy", edit)]

    # None where the policy's peers may use all ports by another one.
    assert max(sizes) == 1
    assert sizes.count(1) >= CHOSEN // 2


def test_a_rule_more_is_one_change(cluster: Compilation, objects: list[Object]) -> None:
    block = {"from": [{"ipBlock": {"cidr": "203.0.113.0/24"}}], "ports": [{"port": 7777}]}

    def edit(spec: Object) -> bool:
        spec.get("ingress", []).append(block)
        return bool(spec.get("ingress"))

    for policy, comparison in changed(cluster, objects, "NetworkPolicy", edit):
        (change,) = comparison.connections
        project = policy["metadata"]["namespace"]
        assert (change.allowed, str(change.services)) == (True, "tcp/7777")
        assert change.sources.text == "203.0.113.0/24"
        assert change.destinations.pods
        assert all(pod.name.startswith(f"{project}/") for pod in change.destinations.pods)


def test_a_rule_less_is_few_changes(cluster: Compilation, objects: list[Object]) -> None:
    def edit(spec: Object) -> bool:
        section = spec.get("ingress") or spec.get("egress")
        return bool(section and section.pop())

    sizes = sorted(len(each.connections) for _, each in changed(cluster, objects, "NetworkPolicy", edit))

    # What other policies still allow to some of the pods is cut out of it.
    assert sizes[len(sizes) * 3 // 4] <= 3
    assert sizes[-1] <= 10


def test_a_firewall_rule_less_or_turned_is_few_changes(cluster: Compilation, objects: list[Object]) -> None:
    def leave_out(spec: Object) -> bool:
        return bool(spec["egress"].pop())

    def turn(spec: Object) -> bool:
        rule = spec["egress"][0]
        rule["type"] = "Deny" if rule["type"] == "Allow" else "Allow"
        return True

    for edit in (leave_out, turn):
        for firewall, comparison in changed(cluster, objects, "EgressNetworkPolicy", edit):
            assert len(comparison.connections) <= 3
            project = firewall["metadata"]["namespace"]
            for change in comparison.connections:
                assert {pod.name.partition("/")[0] for pod in change.sources.pods} == {project}


def without_some(objects: list[Object]) -> list[Object]:
    """The objects without the first policies, firewalls and pods."""
    left_out = [each for kind in ("NetworkPolicy", "EgressNetworkPolicy", "Pod") for each in of_kind(objects, kind)[:8]]
    return [each for each in objects if each not in left_out]


def of_kind(objects: list[Object], kind: str) -> list[Object]:
    """The objects of a kind."""
    return [each for each in objects if each["kind"] == kind]


def digest(objects: list[Object], seed: int) -> str:
    """The digest of all that `compare` tells of two versions, the statements and their lines included.

    Each object is in a file of its own; the order of the files is random.
    """
    random = Random(seed)

    def texts(some: list[Object]) -> dict[str, str]:
        files = {f"{sha256(json.dumps(each).encode()).hexdigest()}.json": json.dumps(each) for each in some}
        return dict(random.sample([*files.items()], len(files)))

    told = compare(compiled(texts(objects)), compiled(texts(without_some(objects))))
    return sha256(repr(told).encode()).hexdigest()


@pytest.mark.behaviour("OUT-01")
def test_the_same_in_any_order_of_files_and_in_every_process(objects: list[Object], tmp_path: Path) -> None:
    """Python hashes texts with another seed in every process, which orders its sets."""
    path = tmp_path / "objects.json"
    path.write_text(json.dumps(objects))
    program = (
        "import json, sys; from tests.promises.test_diff_scale import digest; "
        "print(digest(json.load(open(sys.argv[1])), int(sys.argv[2])))"
    )
    expected = digest(objects, 0)
    for seed in (1, 2):
        command = [sys.executable, "-c", program, str(path), str(seed)]
        environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
        told = subprocess.run(command, check=True, capture_output=True, text=True, env=environment, cwd=ROOT)
        assert told.stdout.strip() == expected


@pytest.mark.behaviour("OUT-01")
def test_the_same_in_any_order_of_objects(objects: list[Object]) -> None:
    """Lines differ, but nothing else."""
    random = Random(1)
    versions = objects, without_some(objects)
    one, other = (
        compare(*(compiled(in_one(random.sample(version, len(version)))) for version in versions)) for _ in range(2)
    )

    assert one == other
    assert one.connections
    assert one.pods_removed
