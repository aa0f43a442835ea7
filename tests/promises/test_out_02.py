"""OUT-02: one pod, policy or project more or less changes only lines about it, counted on a cluster of 1,000 pods.

Each addition is compiled into the cluster, and every line of every node that changed is held against what concerns the
addition (`tests/promises/concern.py`).  The bounds are those of what a single pod needs on a node:

- its own node: five flows and, in four tables, its name as a comment: 9 lines;
- any node: its address once as the source and once as the destination of policies.

Of the other files, only the `ports.json` of a new pod's node changes, by the pod's entry.  What egress firewalls,
egress IPs and multicast change is in `test_out_02_leaving.py`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache

import pytest
from attrs import evolve

from compiler.declarations import Declaration, NetworkPolicy, NodeDeclaration, Pod
from compiler.diagnostics import Diagnostics
from compiler.model.model import Model
from compiler.sources import read_texts
from compiler.values.labels import Labels
from compiler.values.prefix import format_address
from tests.compiling import compiled, declare_objects, node_files
from tests.paths import ROOT
from tests.promises.concern import Change, Concern

ARGUMENTS = "--nodes 5 --namespaces 50 --pods 1000 --policies 150 --seed 1"
OWN_LINES = 9
PEER_LINES = 2

APPS = (("web", "frontend"), ("api", "backend"), ("worker", "backend"), ("cache", "data"), ("db", "data"))
"""The generator's kinds of pods: labels `app` and `tier`."""

NODES = 5

NOBODY: Mapping[str, str] = {}


@cache
def base() -> tuple[Declaration, ...]:
    generator = ROOT / "benchmarks" / "gen_cluster.py"
    made = subprocess.run([sys.executable, generator, *ARGUMENTS.split()], capture_output=True, text=True, check=True)
    declarations = read_texts({"cluster.json": made.stdout}, Diagnostics())
    assert sum(isinstance(one, Pod) and not one.host_network for one in declarations) >= 1000
    return declarations


Files = dict[str, dict[str, str]]
"""Each node's files by their names."""


def compile_files(declarations: Sequence[Declaration]) -> tuple[Model, Files]:
    compilation = compiled(declarations)
    return compilation.model, node_files(compilation)


@cache
def compiled_base() -> tuple[Model, Files]:
    return compile_files(base())


def base_files() -> Files:
    return compiled_base()[1]


def changes(old: Files, new: Files, pods: Mapping[str, str] = NOBODY) -> dict[str, Change]:
    """What changed in each node's flows, if `new` adds these pods, by their names with their nodes: in the other files,
    their entries have come and all else is as it was.
    """
    assert new.keys() == old.keys()
    for node, files in new.items():
        assert files.keys() == old[node].keys() >= {"bridge.sh", "iptables.rules", "iptables.sh", "addresses.sh"}
        others = files.keys() - {"flows.txt", "ports.json"}
        assert [name for name in others if files[name] != old[node][name]] == []
        before, after = json.loads(old[node]["ports.json"]), json.loads(files["ports.json"])
        added = {pod for pod, home in pods.items() if home == node}
        assert after.keys() - before.keys() == added
        assert [entry for entry in after.items() if entry[0] not in added] == list(before.items())
    return {node: Change.between(old[node]["flows.txt"], new[node]["flows.txt"]) for node in old}


def check_pods(model: Model, found: dict[str, Change], names: set[str]) -> None:
    """Every changed line is about the pods `names`, which are new."""
    new = [endpoint for endpoint in model.endpoints if endpoint.name in names]
    assert len(new) == len(names)
    for node, change in found.items():
        concern = Concern.of(model, [pod for pod in new if pod.node == node], new)
        assert concern.strangers(change) == [], node


def pod_object(project: str, labels: dict[str, str], node: int) -> dict[str, object]:
    """A pod with an address that is free: the generator gives out the low ones."""
    (subnet,) = (
        one.subnet for one in base() if isinstance(one, NodeDeclaration) and one.name == f"node-{node}" and one.subnet
    )
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "one-more", "namespace": project, "labels": labels},
        "spec": {"nodeName": f"node-{node}"},
        "status": {"podIP": format_address(subnet.last - 5)},
    }


def project_object(labels: dict[str, str]) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "one-more", "labels": labels}}


def twins(project: str, labels: dict[str, str], node: int) -> bool:
    """Whether the node has a pod of the project with the same labels."""
    return any(
        isinstance(one, Pod)
        and one.project == project
        and dict(one.labels.items) == labels
        and one.node == f"node-{node}"
        for one in base()
    )


def with_twins() -> list[tuple[str, dict[str, str], int]]:
    """One pod for each fourth project, on the first node, counted from its number, that has a pod like it."""
    found = []
    for number in range(0, 50, 4):  # of 50 projects
        app, tier = APPS[number % 5]
        labels = {"app": app, "tier": tier, "version": "v1"}
        nodes = [(number + step) % NODES for step in range(NODES)]
        node = next((node for node in nodes if twins(f"app-{number}", labels, node)), None)
        if node is not None:
            found.append((f"app-{number}", labels, node))
    return found


@pytest.mark.behaviour("OUT-02")
def test_a_pod_like_others_of_its_node_adds_its_own_lines_and_no_other_changes() -> None:
    additions = with_twins()
    assert len(additions) >= 10

    for project, labels, node in additions:
        model, files = compile_files([*base(), *declare_objects(pod_object(project, labels, node))])
        found = changes(base_files(), files, {f"{project}/one-more": f"node-{node}"})

        check_pods(model, found, {f"{project}/one-more"})
        for name, change in found.items():
            at_most = PEER_LINES + (OWN_LINES if name == f"node-{node}" else 0)
            # Multicast goes to all pods of the project by one flow, which goes and comes with one output more.
            to_all = [line for line in change.removed if line.startswith("table=120,")]
            assert list(change.removed) == to_all, (project, name)
            assert len(change.added) - len(to_all) <= at_most, (project, name)


@pytest.mark.behaviour("OUT-02")
@pytest.mark.parametrize("number", range(8, 50, 12))
@pytest.mark.parametrize("kind", ["known", "mixed", "unknown"])
def test_a_pod_of_a_kind_that_its_node_may_not_have_yet(number: int, kind: str) -> None:
    """It may bring its policies to its node; on other nodes lines about it may come, but none goes."""
    app, tier = APPS[(number + 3) % 5]
    labels = {
        "known": {"app": app, "tier": tier, "version": "v1"},
        "mixed": {"app": app, "tier": APPS[number % 5][1], "x": "y"},
        "unknown": {"app": "new", "colour": "red"},
    }[kind]
    node = number % NODES

    model, files = compile_files([*base(), *declare_objects(pod_object(f"app-{number}", labels, node))])

    found = changes(base_files(), files, {f"app-{number}/one-more": f"node-{node}"})
    check_pods(model, found, {f"app-{number}/one-more"})
    assert all(change.removed == () for name, change in found.items() if name != f"node-{node}")
    assert len(found[f"node-{node}"].added) >= OWN_LINES


@pytest.mark.behaviour("OUT-02")
@pytest.mark.parametrize("labels", [{}, {"team": "team-1"}, {"team": "team-3", "env": "prod"}])
def test_a_project_without_pods_changes_nothing(labels: dict[str, str]) -> None:
    _, files = compile_files([*base(), *declare_objects(project_object(labels))])

    assert {node: change.lines for node, change in changes(base_files(), files).items() if change.lines} == {}


@pytest.mark.behaviour("OUT-02")
@pytest.mark.parametrize("number", range(4))
def test_a_project_with_a_pod_adds_the_pods_lines(number: int) -> None:
    labels = {"app": "web", "version": "v1"}
    objects = (project_object({"team": f"team-{number}"}), pod_object("one-more", labels, number))

    model, files = compile_files([*base(), *declare_objects(*objects)])

    found = changes(base_files(), files, {"one-more/one-more": f"node-{number}"})
    check_pods(model, found, {"one-more/one-more"})
    for name, change in found.items():
        assert change.removed == ()
        assert len(change.added) <= PEER_LINES + (OWN_LINES if name == f"node-{number}" else 0)


def selector(**labels: str) -> dict[str, object]:
    return {"matchLabels": labels}


SPECS: dict[str, dict[str, object]] = {
    "deny all": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
    "own project": {"podSelector": {}, "ingress": [{"from": [{"podSelector": {}}]}]},
    "a team": {"podSelector": {}, "ingress": [{"from": [{"namespaceSelector": selector(team="team-2")}]}]},
    "everybody, one port": {"podSelector": selector(app="web"), "ingress": [{"ports": [{"port": 8080}]}]},
    "pods, ports": {
        "podSelector": selector(app="db"),
        "ingress": [{"from": [{"podSelector": selector(app="api")}], "ports": [{"port": 5432}, {"port": 5433}]}],
    },
    "pods of projects": {
        "podSelector": selector(tier="backend"),
        "ingress": [
            {
                "from": [{"namespaceSelector": selector(env="prod"), "podSelector": selector(app="web", version="v2")}],
                "ports": [{"port": 9000, "endPort": 9999}],
            }
        ],
    },
    "block": {
        "podSelector": selector(tier="frontend"),
        "ingress": [
            {"from": [{"ipBlock": {"cidr": "34.0.0.0/8", "except": ["34.120.0.0/16"]}}], "ports": [{"port": 443}]}
        ],
    },
    "internet": {
        "podSelector": selector(tier="data"),
        "policyTypes": ["Egress"],
        "egress": [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}], "ports": [{"port": 443}]}],
    },
    "egress to pods": {
        "podSelector": selector(app="worker"),
        "policyTypes": ["Egress"],
        "egress": [
            {"to": [{"podSelector": selector(app="cache")}], "ports": [{"port": 6379}]},
            {"to": [{"namespaceSelector": selector(**{"kubernetes.io/metadata.name": "openshift-dns"})}]},
        ],
    },
    "nobody selected": {"podSelector": selector(app="nobody"), "ingress": []},
}


@pytest.mark.behaviour("OUT-02")
@pytest.mark.parametrize("project", ["app-6", "app-11"])
@pytest.mark.parametrize("spec", SPECS)
def test_a_policy_changes_only_lines_of_pods_that_it_selects(project: str, spec: str) -> None:
    """Nodes without such a pod stay as they are.  On others each such pod may get another subject, which is one line in
    each of tables 20, 25 and 70 that goes and one that comes; the rest are lines of the subject and of its peers."""
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "one-more", "namespace": project},
        "spec": SPECS[spec],
    }

    model, files = compile_files([*base(), *declare_objects(policy)])

    (added,) = (one for one in model.policies if one.name == "one-more")
    for node, change in changes(base_files(), files).items():
        selected = [
            endpoint
            for endpoint in model.endpoints
            if endpoint.node == node and endpoint.pod.project == project and added.pods.matches(endpoint.pod.labels)
        ]
        assert Concern.of(model, selected).strangers(change) == [], node
        moved = [line for line in change.lines if line.startswith(("table=20,", "table=25,", "table=70,"))]
        assert len(moved) <= 2 * 3 * len(selected)
        assert selected or change.lines == ()


@pytest.mark.behaviour("OUT-02")
@pytest.mark.parametrize("position", range(40, 1000, 240))
def test_removing_a_pod_is_adding_it_backwards(position: int) -> None:
    pods = [one for one in base() if isinstance(one, Pod) and not one.host_network]
    gone = pods[position]

    _, files = compile_files([one for one in base() if one is not gone])

    model = compiled_base()[0]
    name, node = f"{gone.project}/{gone.name}", str(gone.node)
    check_pods(model, changes(files, base_files(), {name: node}), {name})


@pytest.mark.behaviour("OUT-02")
@pytest.mark.parametrize("position", range(5, 150, 36))
def test_removing_a_policy_is_adding_it_backwards(position: int) -> None:
    gone = [one for one in base() if isinstance(one, NetworkPolicy)][position]

    _, files = compile_files([one for one in base() if one is not gone])

    model = compiled_base()[0]
    for node, change in changes(files, base_files()).items():
        selected = [
            endpoint
            for endpoint in model.endpoints
            if endpoint.node == node and endpoint.pod.project == gone.project and gone.pods.matches(endpoint.pod.labels)
        ]
        assert Concern.of(model, selected).strangers(change) == [], node


@pytest.mark.behaviour("OUT-02")
def test_a_pod_that_gets_another_label_changes_its_own_lines() -> None:
    pods = [one for one in base() if isinstance(one, Pod) and one.project == "app-3"]
    changed = evolve(pods[0], labels=Labels({**dict(pods[0].labels.items), "extra": "yes"}))

    _, files = compile_files([changed if one is pods[0] else one for one in base()])

    assert {node: change.lines for node, change in changes(base_files(), files).items() if change.lines} == {}
