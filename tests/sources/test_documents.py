"""compiler.sources.documents: lists, streams, kinds, versions."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from compiler import codes
from compiler.declarations import Declaration, NetworkPolicy
from compiler.diagnostics import Diagnostics, Severity
from compiler.sources import read_texts

from .reading import read


def namespace(name: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def names(declarations: tuple[Declaration, ...]) -> list[str]:
    return [getattr(one, "name", "") for one in declarations]


def notes(texts: Mapping[str, str]) -> list[str]:
    diagnostics = Diagnostics()
    read_texts(texts, diagnostics)
    return [found.message for found in diagnostics.sorted() if found.severity is Severity.NOTE]


@pytest.mark.behaviour("NP-01")
@pytest.mark.parametrize("name", ["a.json", "a.yaml"])
@pytest.mark.parametrize(
    "document",
    [
        {"apiVersion": "v1", "kind": "List", "items": [namespace("a"), namespace("b")]},
        {"apiVersion": "v1", "kind": "NamespaceList", "items": [namespace("a"), namespace("b")]},
        {
            "apiVersion": "v1",
            "kind": "NamespaceList",
            "metadata": {"resourceVersion": "1"},
            "items": [{"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}],
        },
        {
            "kind": "List",
            "apiVersion": "v1",
            "items": [{"apiVersion": "v1", "kind": "List", "items": [namespace("a")]}, namespace("b")],
        },
    ],
)
def test_lists(document: object, name: str) -> None:
    declarations, told = read(json.dumps(document, indent=2), name)

    assert told == []
    assert names(declarations) == ["a", "b"]


@pytest.mark.parametrize("name", ["a.json", "a.yaml"])
def test_empty_lists(name: str) -> None:
    assert read('{"apiVersion": "v1", "kind": "List", "items": []}', name) == ((), [])
    assert read('{"apiVersion": "v1", "kind": "PodList", "items": null, "x": 1}', name)[0] == ()


@pytest.mark.behaviour("NP-01")
def test_streams_of_documents() -> None:
    yaml = "---\n".join(json.dumps(namespace(name)) + "\n" for name in "abc") + "---\n# nothing\n---\n"
    concatenated = "\n".join(json.dumps(namespace(name), indent=1) for name in "abc")

    assert names(read(yaml)[0]) == ["a", "b", "c"]
    declarations, told = read(concatenated + "\n", "a.json")
    assert names(declarations) == ["a", "b", "c"]
    assert told == []
    assert [one.origin.span().line for one in declarations] == [1, 8, 15]


def test_documents_before_a_broken_one_are_read() -> None:
    declarations, told = read("apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n---\n[\n")

    assert names(declarations) == ["a"]
    assert [one.split(":")[0] for one in told] == ["BAD_YAML"]


def test_kinds_that_are_not_used_are_counted_in_one_note() -> None:
    items = [{"apiVersion": "v1", "kind": kind} for kind in ("Secret", "ConfigMap", "Secret")]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})

    assert notes({"a.json": text, "b.yaml": "apiVersion: v1\nkind: Secret\n"}) == [
        "skipped objects of kinds that sdnc does not use: 3 Secret, 1 ConfigMap"
    ]


def test_a_note_of_many_kinds_stays_short() -> None:
    items = [{"apiVersion": "v1", "kind": f"Kind{number:03}"} for number in range(50)]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})

    assert notes({"a.json": text}) == [
        "skipped objects of kinds that sdnc does not use: "
        + ", ".join(f"1 Kind{number:03}" for number in range(16))
        + " and 34 more kinds"
    ]


@pytest.mark.parametrize("name", ["a.json", "a.yaml"])
@pytest.mark.parametrize(
    ("kind", "version", "counted"),
    [
        ("Service", "serving.knative.dev/v1", "Service.serving.knative.dev"),
        ("Node", "config.openshift.io/v1", "Node.config.openshift.io"),
        ("PriorityList", "example.com/v1", "PriorityList"),
        ("Route", "serving.knative.dev/v1", "Route.serving.knative.dev"),
    ],
)
def test_kinds_of_others_with_the_same_name_are_not_used(kind: str, version: str, counted: str, name: str) -> None:
    text = json.dumps({"apiVersion": version, "kind": kind, "metadata": {"name": "a"}})

    assert read(text, name) == ((), [])
    assert notes({name: text}) == [f"skipped objects of kinds that sdnc does not use: 1 {counted}"]


@pytest.mark.parametrize("name", ["a.json", "a.yaml"])
@pytest.mark.parametrize(
    ("kind", "version", "told"),
    [
        ("NetworkPolicy", "crd.projectcalico.org/v1", "1 NetworkPolicy.crd.projectcalico.org objects"),
        ("AdminNetworkPolicy", "policy.networking.k8s.io/v1alpha1", "1 AdminNetworkPolicy objects"),
        ("IngressNodeFirewall", "ingressnodefirewall.openshift.io/v1alpha1", "1 IngressNodeFirewall objects"),
        ("EgressFirewall", "firewall.example.com/v1", "1 EgressFirewall.firewall.example.com objects"),
        ("NetworkPolicys", "networking.k8s.io/v1", "did you mean 'NetworkPolicy'?"),
    ],
)
def test_a_policy_that_is_not_read_is_warned_of(kind: str, version: str, told: str, name: str) -> None:
    diagnostics = Diagnostics()
    read_texts({name: json.dumps({"apiVersion": version, "kind": kind, "metadata": {"name": "a"}})}, diagnostics)

    (warning,) = [found for found in diagnostics.sorted() if found.code is codes.NOT_ENFORCED]
    assert told in warning.message
    assert not diagnostics.failed


@pytest.mark.parametrize("name", ["a.json", "a.yaml"])
def test_a_policy_without_a_namespace_is_warned_of(name: str) -> None:
    policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "spec": {"podSelector": {}}}
    bare, placed = ({**policy, "metadata": metadata} for metadata in ({"name": "a"}, {"name": "a", "namespace": "b"}))

    assert read(json.dumps(placed), name)[1] == []
    (declared,), found = read(json.dumps(bare), name)
    assert isinstance(declared, NetworkPolicy)
    assert declared.project == "default"
    assert [place.partition(":")[0] for place in found] == ["NO_NAMESPACE"]


@pytest.mark.parametrize("name", ["a.json", "a.yaml"])
@pytest.mark.parametrize(
    ("kind", "version"),
    [
        ("NetworkPolicy", "networking.k8s.io/v1beta1"),
        ("NetworkPolicy", "v1"),
        ("NetworkPolicy", "policy.networking.k8s.io/v1"),
        ("Pod", "v2"),
        ("HostSubnet", "network.openshift.io/v2"),
    ],
)
def test_versions_that_are_not_supported(kind: str, version: str, name: str) -> None:
    text = f'{{"kind": "{kind}",\n "apiVersion": "{version}",\n "metadata": {{"name": "a"}}}}'

    assert read(text, name) == ((), ["UNSUPPORTED_VERSION:2:16"])


def test_columns_count_characters() -> None:
    _, told = read('{"apiVersion": "v1", "x": "äöü→🙂", "kind": 7}', "a.json")

    assert told == ["WRONG_TYPE:1:44"]
