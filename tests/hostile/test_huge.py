"""Hostile input that is too big for a file of the corpus: each gives its diagnostic in seconds, and a short message."""

from __future__ import annotations

import json
import time

import pytest

from compiler import codes
from compiler.declarations import NetworkPolicy
from compiler.diagnostics import Code, Diagnostics
from compiler.sources import read_texts

SECONDS = 10
"""What reading may take at most; a hostile input that takes the square of its length takes far longer."""

MEGABYTES = 10_000_000


def _json_name(name: str) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, indent=1)


def _alias_levels(count: int, width: int) -> str:
    lines = ["apiVersion: v1", "kind: Namespace", "metadata: {name: a}", "l0: &l0 [x, x, x, x, x, x, x, x]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * width)}]" for n in range(1, count)]
    return "\n".join(lines) + "\n"


OPEN_POLICY = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\nspec: {podSelector: {}, "


def _json_policies(count: int, **fields: object) -> str:
    """Policies in a List of one line, each with `fields` in its spec."""
    policies = [
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": f"p{number}", "namespace": "shop"},
            "spec": {"podSelector": {}, **fields},
        }
        for number in range(count)
    ]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": policies})


def _bad_labels_behind_good_ones(count: int) -> str:
    labels = {f"good{number}": "a" for number in range(count)} | {f"bad{number}": "-" for number in range(count)}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a", "labels": labels}}
    return json.dumps(namespace, indent=1)


CASES: dict[str, tuple[str, str, Code, int]] = {
    "name of 10 MB in JSON": ("a.json", _json_name("a" * MEGABYTES), codes.BAD_NAME, 5),
    "name of 10 MB in YAML": (
        "a.yaml",
        f"apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {'a' * MEGABYTES}\n",
        codes.BAD_NAME,
        4,
    ),
    "name of 10 MB in the language": ("a.sdn", f"\nproject {'a' * MEGABYTES}\n", codes.BAD_NAME, 2),
    "name of 10 MB of quotes": ("a.json", _json_name('"' * MEGABYTES), codes.BAD_NAME, 5),
    "string without end": ("a.json", '{\n"kind": "' + "a" * MEGABYTES, codes.BAD_JSON, 2),
    "100,000 levels in JSON": ("a.json", "[" * 100_000 + "]" * 100_000, codes.TOO_DEEP, 1),
    "100,000 levels of mappings": ("a.json", '{"a":\n' * 100_000 + "1" + "}" * 100_000, codes.TOO_DEEP, 201),
    "100,000 levels without end": ("a.json", "[" * 100_000, codes.TOO_DEEP, 1),
    "300 levels in JSON": (
        "a.json",
        '{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"},\n"spec":'
        + '{"a":' * 300
        + "1"
        + "}" * 300
        + "}",
        codes.TOO_DEEP,
        2,
    ),
    "300 levels in an item": (
        "a.json",
        '{"apiVersion": "v1", "kind": "List", "items": [{},\n'.replace("{},", "")
        + '{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec":'
        + "[" * 300
        + "]" * 300
        + "}]}",
        codes.TOO_DEEP,
        2,
    ),
    "100,000 levels in YAML": ("a.yaml", "a: " + "[" * 100_000, codes.TOO_DEEP, 1),
    "1,000 levels of YAML blocks": (
        "a.yaml",
        "".join(" " * n + "a:\n" for n in range(1000)),
        codes.TOO_DEEP,
        201,
    ),
    "nine levels of aliases": ("a.yaml", _alias_levels(9, 10), codes.YAML_ALIAS, 8),
    "wide aliases": ("a.yaml", _alias_levels(2, 20_000), codes.YAML_ALIAS, 5),
    "a policy of aliases": (
        "a.yaml",
        OPEN_POLICY + "ingress: [&r {from: [&p {podSelector: {}}" + ", *p" * 1000 + "]}" + ", *r" * 1000 + "]}\n",
        codes.YAML_ALIAS,
        4,
    ),
    "100,000 double keys in JSON": ("a.json", "{" + '"a": 1,\n' * 100_000 + '"a": 1}', codes.DUPLICATE_KEY, 2),
    "100,000 double keys in YAML": ("a.yaml", "a: 1\n" * 100_000, codes.DUPLICATE_KEY, 2),
    "a number of a million digits": (
        "a.json",
        '{"apiVersion": "v1", "kind": "NetNamespace", "metadata": {"name": "a"},\n"netid": ' + "7" * 1_000_000 + "}",
        codes.BAD_JSON,
        2,
    ),
    "a YAML number of a million digits": (
        "a.yaml",
        "apiVersion: v1\nkind: NetNamespace\nmetadata: {name: a}\nnetid: " + "7" * 1_000_000 + "\n",
        codes.WRONG_TYPE,
        4,
    ),
    "a line of 10 MB": (
        "a.json",
        '{"apiVersion": "v1", "kind": "List", "items": ['
        + '{"apiVersion": "v1", "kind": "Secret"}, ' * 250_000
        + "7]}",
        codes.WRONG_TYPE,
        1,
    ),
    "100,000 documents of JSON": (
        "a.json",
        '{"apiVersion": "v1", "kind": "Secret"}\n' * 100_000 + "oops",
        codes.BAD_JSON,
        100_001,
    ),
    "20,000 errors in one line": ("a.json", _json_policies(20_000, ingres=["x" * 100]), codes.UNKNOWN_FIELD, 1),
    "50,000 unknown fields of one object": (
        "a.json",
        _json_policies(1, **{f"f{number}": 1 for number in range(50_000)}),
        codes.UNKNOWN_FIELD,
        1,
    ),
    "10,000 long unknown fields of one object": (
        "a.json",
        _json_policies(1, **{"ingres" * 40 + str(number): 1 for number in range(10_000)}),
        codes.UNKNOWN_FIELD,
        1,
    ),
    "20,000 errors behind 20,000 good members": (
        "a.json",
        _bad_labels_behind_good_ones(20_000),
        codes.BAD_LABEL,
        20_007,
    ),
    "50,000 documents with errors": ("a.json", "{}\n" * 50_000, codes.MISSING_FIELD, 1),
    "5,000 YAML documents with errors": (
        "a.yaml",
        (OPEN_POLICY + "ingres: []}\n---\n") * 5_000,
        codes.UNKNOWN_FIELD,
        4,
    ),
    "a YAML mapping of 50,000 keys": (
        "a.yaml",
        "a:\n" + "".join(f"  k{number}: v\n" for number in range(50_000)),
        codes.MISSING_FIELD,
        1,
    ),
    "5,000 wrong rules of a firewall": (
        "a.yaml",
        "apiVersion: v1\nkind: EgressNetworkPolicy\nmetadata: {name: a, namespace: b}\nspec:\n  egress:\n"
        + "  - {type: Alow, to: {cidrSelector: 10.0.0.0/33}}\n" * 5_000,
        codes.BAD_RULE_TYPE,
        6,
    ),
    "a DNS name of 10 MB": (
        "a.sdn",
        f"firewall a {{\ndeny any to {'a.' * (MEGABYTES // 2)}\n}}\n",
        codes.BAD_DNS_NAME,
        2,
    ),
    "200 deep objects in one line": (
        "a.json",
        _json_policies(200, ingress=json.loads("[" * 300 + "]" * 300)),
        codes.TOO_DEEP,
        1,
    ),
}


@pytest.mark.behaviour("OUT-05")
@pytest.mark.parametrize("case", CASES)
def test_huge(case: str) -> None:
    name, text, code, line = CASES[case]
    diagnostics = Diagnostics()

    start = time.monotonic()
    read_texts({name: text}, diagnostics)
    found = diagnostics.sorted()

    assert time.monotonic() - start < SECONDS
    first = next(one for one in found if one.code is code)
    assert first.origin is not None
    assert first.origin.span().line == line
    assert all(len(one.message) < 1000 for one in found)


@pytest.mark.behaviour("OUT-05")
def test_a_set_that_many_rules_use_is_expanded_once() -> None:
    blocks = ", ".join(f"20.{number // 256}.{number % 256}.0/24" for number in range(2_000))
    rules = "".join(f"policy shop/p{number} {{ ingress {{ allow any from all }} }}\n" for number in range(200))
    diagnostics = Diagnostics()

    read = read_texts({"a.sdn": f"project shop\naddresses all = {blocks}\n{rules}"}, diagnostics)

    assert diagnostics.sorted() == ()
    peers = [rule.peers for one in read if isinstance(one, NetworkPolicy) for rule in one.ingress or ()]
    assert len(peers) == 200
    assert all(each is peers[0] for each in peers)
