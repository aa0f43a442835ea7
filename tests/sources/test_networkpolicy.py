"""compiler.sources.networkpolicy: what a NetworkPolicy object means."""

from __future__ import annotations

import json
from textwrap import indent

import pytest

from compiler.declarations import BlockPeer, NetworkPolicy, PodPeer, PortName, PortRange, Rule
from compiler.diagnostics import Diagnostics
from compiler.sources import read_texts
from compiler.values.labels import SELECT_ALL, Operator, Requirement, Selector
from compiler.values.prefix import Prefix
from compiler.values.services import Protocol

from .reading import read, read_one

HEAD = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: shop}\nspec:\n"
EVERYBODY = ((None, None),)


def policy(spec: str) -> NetworkPolicy:
    return read_one(NetworkPolicy, HEAD + indent(spec, "  "))


def rules(found: tuple[Rule, ...] | None) -> tuple[tuple[object, object], ...] | None:
    return None if found is None else tuple((rule.peers, rule.ports) for rule in found)


def ingress_rule(rule: str) -> Rule:
    found = policy(f"podSelector: {{}}\ningress:\n- {rule}\n").ingress
    assert found is not None
    return found[0]


def peer(text: str) -> PodPeer | BlockPeer:
    peers = ingress_rule(f"from: [{text}]").peers
    assert peers is not None
    return peers[0]


def port(text: str) -> PortRange | PortName:
    ports = ingress_rule(f"ports: [{text}]").ports
    assert ports is not None
    return ports[0]


@pytest.mark.behaviour("NP-03")
@pytest.mark.parametrize(
    ("spec", "ingress", "egress"),
    [
        ("{}", (), None),
        ("ingress: [{}]", EVERYBODY, None),
        ("egress: [{}]", (), EVERYBODY),
        ("policyTypes: []\negress: [{}]", (), EVERYBODY),
        ("policyTypes: [Ingress]\negress: [{}]", (), None),
        ("policyTypes: [Egress]\ningress: [{}]", None, ()),
        ("policyTypes: [Egress]\ningress: [{}]\negress: [{}]", None, EVERYBODY),
        ("policyTypes: [Ingress, Egress]", (), ()),
    ],
)
def test_policy_types(spec: str, ingress: object, egress: object) -> None:
    found = policy("podSelector: {}\n" + spec if spec != "{}" else "podSelector: {}")

    assert rules(found.ingress) == ingress
    assert rules(found.egress) == egress


@pytest.mark.behaviour("NP-18")
@pytest.mark.parametrize("spec", ["egress: []", "egress: null"])
def test_an_egress_section_without_a_rule_does_not_isolate(spec: str) -> None:
    assert policy("podSelector: {}\n" + spec).egress is None


@pytest.mark.behaviour("NP-04")
@pytest.mark.parametrize(
    "rule", ["{}", "{from: []}", "{from: null}", "{ports: []}", "{ports: null}", "{from: [], ports: []}"]
)
def test_absent_and_empty_match_everything(rule: str) -> None:
    found = ingress_rule(rule)

    assert (found.peers, found.ports) == (None, None)


@pytest.mark.behaviour("NP-04")
@pytest.mark.parametrize("section", ["ingress: []", "ingress: null", "policyTypes: [Ingress]"])
def test_no_rule_denies_all(section: str) -> None:
    assert policy("podSelector: {}\n" + section).ingress == ()


@pytest.mark.behaviour("NP-05")
@pytest.mark.parametrize(
    ("text", "projects", "pods"),
    [
        ("{podSelector: {}}", None, SELECT_ALL),
        ("{podSelector: {matchLabels: {a: b}}}", None, Selector.equal({"a": "b"})),
        ("{namespaceSelector: {}}", SELECT_ALL, SELECT_ALL),
        ("{namespaceSelector: {matchLabels: {a: b}}}", Selector.equal({"a": "b"}), SELECT_ALL),
        (
            "{namespaceSelector: {matchLabels: {a: b}}, podSelector: {matchLabels: {c: d}}}",
            Selector.equal({"a": "b"}),
            Selector.equal({"c": "d"}),
        ),
    ],
)
def test_selectors_of_peers(text: str, projects: Selector | None, pods: Selector) -> None:
    found = peer(text)

    assert isinstance(found, PodPeer)
    assert (found.projects, found.pods) == (projects, pods)


@pytest.mark.behaviour("NP-18")
def test_null_selectors() -> None:
    assert policy("podSelector: null").pods == SELECT_ALL
    found = peer("{podSelector: null, namespaceSelector: {}}")
    assert isinstance(found, PodPeer)
    assert (found.projects, found.pods) == (SELECT_ALL, SELECT_ALL)
    found = peer("{ipBlock: null, podSelector: {}}")
    assert isinstance(found, PodPeer)


@pytest.mark.behaviour("NP-06", "NP-18")
def test_selectors() -> None:
    found = policy(
        """podSelector:
  matchLabels: {app: web, empty: ""}
  matchExpressions:
  - {key: tier, operator: In, values: [b, a]}
  - {key: env, operator: NotIn, values: [test]}
  - {key: x, operator: Exists}
  - {key: example.com/y, operator: DoesNotExist, values: []}
"""
    )

    assert found.pods == Selector(
        [
            Requirement("app", Operator.IN, ("web",)),
            Requirement("empty", Operator.IN, ("",)),
            Requirement("tier", Operator.IN, ("a", "b")),
            Requirement("env", Operator.NOT_IN, ("test",)),
            Requirement("x", Operator.EXISTS),
            Requirement("example.com/y", Operator.DOES_NOT_EXIST),
        ]
    )


@pytest.mark.behaviour("NP-07")
def test_blocks() -> None:
    found = peer("{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16, 10.0.1.0/24]}}")

    assert isinstance(found, BlockPeer)
    assert found.prefix == Prefix.parse("10.0.0.0/8")[0]
    assert found.excepts == (Prefix.parse("10.0.1.0/24")[0], Prefix.parse("10.1.0.0/16")[0])


@pytest.mark.behaviour("NP-19")
def test_host_bits_warn() -> None:
    declarations, told = read(HEAD + "  ingress: [{from: [{ipBlock: {cidr: 10.1.2.3/8}}]}]\n")

    assert told == ["HOST_BITS:5:38"]
    (found,) = declarations
    assert isinstance(found, NetworkPolicy)
    assert found.ingress is not None
    (block,) = found.ingress[0].peers or ()
    assert isinstance(block, BlockPeer)
    assert block.prefix == Prefix.parse("10.0.0.0/8")[0]


@pytest.mark.behaviour("NP-19")
def test_an_ipv6_block_warns_and_matches_nothing() -> None:
    block = "{cidr: 'fd00::1/8', except: ['fd01::/16']}"
    declarations, told = read(HEAD + f"  ingress: [{{from: [{{ipBlock: {block}}}]}}]\n")

    assert told == ["IPV6_BLOCK:5:38"]
    (found,) = declarations
    assert isinstance(found, NetworkPolicy)
    assert found.ingress is not None
    (peer,) = found.ingress[0].peers or ()
    assert isinstance(peer, BlockPeer)
    assert peer.prefix is None


@pytest.mark.behaviour("NP-08", "NP-09", "NP-10")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{port: 80}", PortRange(Protocol.TCP, 80, 80)),
        ("{port: 80, protocol: null}", PortRange(Protocol.TCP, 80, 80)),
        ("{port: 53, protocol: UDP}", PortRange(Protocol.UDP, 53, 53)),
        ("{protocol: SCTP}", PortRange(Protocol.SCTP, 0, 65535)),
        ("{}", PortRange(Protocol.TCP, 0, 65535)),
        ("{port: null}", PortRange(Protocol.TCP, 0, 65535)),
        ("{port: 1, endPort: 65535}", PortRange(Protocol.TCP, 1, 65535)),
        ("{port: 80, endPort: 80}", PortRange(Protocol.TCP, 80, 80)),
        ("{port: http}", PortName(Protocol.TCP, "http")),
        ("{port: dns, protocol: UDP}", PortName(Protocol.UDP, "dns")),
    ],
)
def test_ports(text: str, expected: PortRange | PortName) -> None:
    assert port(text) == expected


@pytest.mark.behaviour("NP-16")
@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("ingress: [{from: [{}]}]", "BAD_PEER:5:21"),
        ("ingress: [{from: [{podSelector: null}]}]", "BAD_PEER:5:21"),
        ("ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}]}]", "BAD_PEER:5:21"),
        ("ingress: [{ports: [{port: 0}]}]", "BAD_PORT:5:29"),
        ("ingress: [{ports: [{port: 65536}]}]", "BAD_PORT:5:29"),
        ("ingress: [{ports: [{protocol: tcp}]}]", "BAD_PROTOCOL:5:33"),
        ("podSelector: {matchLabels: {/a: b}}", "BAD_LABEL:5:35"),
        ("podSelectr: {}", "UNKNOWN_FIELD:5:3"),
    ],
)
def test_what_the_api_refuses(spec: str, told: str) -> None:
    assert read(HEAD + f"  {spec}\n")[1] == [told]


@pytest.mark.behaviour("NP-16")
def test_an_unknown_field_gets_a_suggestion() -> None:
    diagnostics = Diagnostics()
    read_texts({"a.yaml": HEAD + "  podSelectr: {}\n"}, diagnostics)

    assert [found.message for found in diagnostics.sorted()] == [
        "unknown field 'podSelectr' in the spec of NetworkPolicy; did you mean 'podSelector'?"
    ]


@pytest.mark.behaviour("NP-01")
@pytest.mark.parametrize("version", ["networking.k8s.io/v1", "extensions/v1beta1"])
@pytest.mark.parametrize("name", ["a.json", "a.yaml"])
def test_versions_and_formats(version: str, name: str) -> None:
    text = json.dumps(
        {
            "apiVersion": version,
            "kind": "NetworkPolicy",
            "metadata": {"name": "allow-http-and-https", "namespace": "shop"},
            "spec": {"podSelector": {}, "ingress": [{"ports": [{"protocol": "TCP", "port": 80}]}]},
        },
        indent=1,
    )

    found = read_one(NetworkPolicy, text, name)

    assert (found.project, found.name) == ("shop", "allow-http-and-https")
    assert rules(found.ingress) == ((None, (PortRange(Protocol.TCP, 80, 80),)),)


@pytest.mark.behaviour("NP-16")
def test_a_part_of_the_spec_at_the_wrong_level_is_told() -> None:
    _, told = read(HEAD.replace("spec:", "podSelector: {}\nSpec: {}\nstatus: {}\nspec:") + "  ingress: [{}]\n")

    assert told == ["UNKNOWN_FIELD:4:1", "UNKNOWN_FIELD:5:1"]


def test_every_error_of_a_policy_is_told_and_the_rest_is_delivered() -> None:
    declarations, told = read(HEAD + "  ingress:\n  - from: [{}]\n  - ports: [{port: 0}, {port: 81}]\n  - {form: []}\n")

    assert told == ["BAD_PEER:6:12", "BAD_PORT:7:20", "UNKNOWN_FIELD:8:6"]
    (found,) = declarations
    assert isinstance(found, NetworkPolicy)
    assert rules(found.ingress)[:2] == (((), None), (None, (PortRange(Protocol.TCP, 81, 81),)))  # type: ignore[index]


def test_rules_know_where_they_were_written() -> None:
    found = policy("podSelector: {}\ningress:\n- from:\n  - podSelector: {}\n- {}\n")

    assert found.ingress is not None
    assert [rule.origin.span().line for rule in found.ingress] == [7, 9]
    (peer,) = found.ingress[0].peers or ()
    assert peer.origin.span().line == 8
    assert str(found.origin) == "a.yaml:1:1"
