"""compiler.sources.egress: EgressNetworkPolicy and EgressFirewall objects."""

from __future__ import annotations

import json
from textwrap import indent

import pytest

from compiler.declarations import BlockPeer, EgressFirewall, FirewallRule, NamePeer, PortRange
from compiler.diagnostics import Diagnostics
from compiler.sources import read_texts
from compiler.values.prefix import Prefix
from compiler.values.services import Protocol

from .reading import read, read_one

OPENSHIFT = (
    "apiVersion: network.openshift.io/v1\nkind: EgressNetworkPolicy\nmetadata: {name: default, namespace: shop}\n"
)
OVN = "apiVersion: k8s.ovn.org/v1\nkind: EgressFirewall\nmetadata: {name: default, namespace: shop}\n"
BOTH = pytest.mark.parametrize("head", [OPENSHIFT, OVN], ids=["EgressNetworkPolicy", "EgressFirewall"])


def with_rules(head: str, *rules: str) -> str:
    return head + "spec:\n  egress:\n" + "".join(indent(f"- {rule}\n", "  ") for rule in rules)


def rules(text: str) -> tuple[tuple[bool, object, object], ...]:
    """What the rules of the one firewall in a text say."""
    return tuple((rule.allow, rule.peers, rule.ports) for rule in read_one(EgressFirewall, text).rules)


def told(head: str, rule: str) -> list[str]:
    """What is reported of a firewall of one rule, which stands on line 6."""
    return read(with_rules(head, rule))[1]


def message(text: str) -> str:
    """The one message about a text."""
    diagnostics = Diagnostics()
    read_texts({"a.yaml": text}, diagnostics)
    (found,) = diagnostics.sorted()
    return found.message


def prefix(text: str) -> Prefix:
    return Prefix.parse(text)[0]


def block(text: str | None) -> object:
    peer = read_one(EgressFirewall, with_rules(OPENSHIFT, "{type: Deny, to: {cidrSelector: 10.0.0.0/8}}")).rules[0]
    assert peer.peers
    return BlockPeer(peer.origin, None if text is None else prefix(text))


def name(text: str) -> object:
    return NamePeer(read_one(EgressFirewall, with_rules(OPENSHIFT)).origin, text)


@pytest.mark.behaviour("EF-02", "EF-03")
@pytest.mark.parametrize("version", ["v1", "network.openshift.io/v1"])
@pytest.mark.parametrize("file", ["a.json", "a.yaml"])
def test_egress_network_policy(version: str, file: str) -> None:
    rules = [
        {"type": "Allow", "to": {"cidrSelector": "1.2.3.0/24"}},
        {"type": "Allow", "to": {"dnsName": "www.foo.com"}},
        {"type": "Deny", "to": {"cidrSelector": "0.0.0.0/0"}},
    ]
    metadata = {"name": "default", "namespace": "shop"}
    policy = {"kind": "EgressNetworkPolicy", "apiVersion": version, "metadata": metadata, "spec": {"egress": rules}}

    found = read_one(EgressFirewall, json.dumps(policy), file)

    assert found == EgressFirewall(
        "shop",
        "default",
        found.origin,
        (
            FirewallRule(found.origin, True, (BlockPeer(found.origin, prefix("1.2.3.0/24")),)),
            FirewallRule(found.origin, True, (NamePeer(found.origin, "www.foo.com"),)),
            FirewallRule(found.origin, False, (BlockPeer(found.origin, prefix("0.0.0.0/0")),)),
        ),
    )


@pytest.mark.behaviour("EF-03")
def test_egress_firewall_of_ovn() -> None:
    text = with_rules(
        OVN,
        "{type: Allow, to: {cidrSelector: 1.2.3.0/24}, ports: [{protocol: TCP, port: 443}, {protocol: UDP}]}",
        "{type: Allow, to: {dnsName: www.foo.com}, ports: [{protocol: SCTP, port: 65535}]}",
        "{type: Deny, to: {cidrSelector: 0.0.0.0/0}, ports: []}",
        "{type: Deny, to: {cidrSelector: 0.0.0.0/0}, ports: null}",
    )

    assert rules(text) == (
        (True, (block("1.2.3.0/24"),), (PortRange(Protocol.TCP, 443, 443), PortRange(Protocol.UDP, 0, 65535))),
        (True, (name("www.foo.com"),), (PortRange(Protocol.SCTP, 65535, 65535),)),
        (False, (block("0.0.0.0/0"),), None),
        (False, (block("0.0.0.0/0"),), None),
    )


@pytest.mark.behaviour("EF-03")
def test_lists_of_one_kind() -> None:
    item = {"metadata": {"name": "default", "namespace": "a"}, "spec": {"egress": []}}
    for kind, version in (("EgressNetworkPolicy", "network.openshift.io/v1"), ("EgressFirewall", "k8s.ovn.org/v1")):
        text = json.dumps({"apiVersion": version, "kind": f"{kind}List", "items": [item]})

        assert read_one(EgressFirewall, text, "a.json").project == "a"


@BOTH
@pytest.mark.parametrize("spec", ["{}", "{egress: null}", "{egress: []}"])
def test_no_rules(head: str, spec: str) -> None:
    assert read_one(EgressFirewall, f"{head}spec: {spec}\n").rules == ()


@BOTH
@pytest.mark.behaviour("EF-03")
def test_without_a_namespace(head: str) -> None:
    (found,), reports = read(head.replace(", namespace: shop", "") + "spec: {egress: []}\n")

    assert isinstance(found, EgressFirewall)
    assert found.project == "default"
    assert reports == ["NO_NAMESPACE:3:11"]


@BOTH
@pytest.mark.behaviour("EF-02")
@pytest.mark.parametrize(
    ("to", "reason"),
    [
        ("{}", "has neither cidrSelector nor dnsName"),
        ("{cidrSelector: null, dnsName: ''}", "has neither cidrSelector nor dnsName"),
        ("{cidrSelector: 1.2.3.0/24, dnsName: www.foo.com}", "has both cidrSelector and dnsName"),
    ],
)
def test_exactly_one_destination(head: str, to: str, reason: str) -> None:
    assert message(with_rules(head, f"{{type: Allow, to: {to}}}")) == f"a rule's destination {reason}"


@pytest.mark.behaviour("EF-02")
def test_an_empty_string_is_no_destination() -> None:
    assert rules(with_rules(OPENSHIFT, "{type: Allow, to: {cidrSelector: '', dnsName: www.foo.com}}")) == (
        (True, (name("www.foo.com"),), None),
    )


@pytest.mark.behaviour("EF-03")
@pytest.mark.parametrize("selector", ["{}", "{matchLabels: {a: b}}"])
def test_node_selectors_are_refused(selector: str) -> None:
    text = with_rules(OVN, f"{{type: Allow, to: {{nodeSelector: {selector}}}}}")

    assert message(text) == (
        "a rule's destination has a nodeSelector, which is not supported: the addresses of nodes change"
    )


@pytest.mark.behaviour("EF-03")
def test_ovn_refuses_other_names() -> None:
    text = OVN.replace("name: default", "name: mine") + "spec: {egress: []}\n"

    assert message(text) == "EgressFirewall 'mine' is not a valid name: OVN-Kubernetes accepts `default` only"
    assert read_one(EgressFirewall, OPENSHIFT.replace("name: default", "name: mine") + "spec: {}").name == "mine"


@BOTH
@pytest.mark.behaviour("EF-02")
@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("allow", "; did you mean 'Allow'?"),
        ("DENY", "; did you mean 'Deny'?"),
        ("Alow", "; did you mean 'Allow'?"),
        ("Reject", ""),
        ('""', ""),
    ],
)
def test_type_of_a_rule(head: str, value: str, hint: str) -> None:
    text = with_rules(head, f"{{type: {value}, to: {{cidrSelector: 1.2.3.0/24}}}}")

    assert message(text) == f"unknown type of rule {value.strip(chr(34))!r}{hint}"


@BOTH
@pytest.mark.behaviour("EF-02", "EF-08")
@pytest.mark.parametrize(
    ("rule", "reports"),
    [
        ("{to: {cidrSelector: 1.2.3.0/24}}", ["MISSING_FIELD:6:5"]),
        ("{type: Allow}", ["MISSING_FIELD:6:5"]),
        ("{type: Allow, to: null}", ["MISSING_FIELD:6:5"]),
        ("{type: Allow, to: 1.2.3.0/24}", ["WRONG_TYPE:6:23"]),
        ("{type: true, to: {cidrSelector: 1.2.3.0/24}}", ["WRONG_TYPE:6:12"]),
        ("{type: Allow, to: {cidrSelector: 7}}", ["WRONG_TYPE:6:38"]),
        ("{type: Allow, to: {dnsName: [a.b]}}", ["WRONG_TYPE:6:33"]),
        ("{type: Allow, to: {cidrSelector: 1.2.3.4}}", ["BAD_CIDR:6:38"]),
        ("{type: Allow, to: {cidrSelector: 1.2.3.0/33}}", ["BAD_CIDR:6:38"]),
        ("{type: Allow, to: {cidrSelector: '::/129'}}", ["BAD_CIDR:6:38"]),
        ("{type: Allow, to: {cidrSelector: www.foo.com}}", ["BAD_CIDR:6:38"]),
        ("{type: Allow, to: {dnsName: '*.foo.com'}}", ["BAD_DNS_NAME:6:33"]),
        ("{type: Allow, to: {dnsName: www.Foo.com}}", ["BAD_DNS_NAME:6:33"]),
        ("{type: Allow, to: {cidrSelector: 1.2.3.0/24}, when: never}", ["UNKNOWN_FIELD:6:51"]),
        ("{type: Allow, to: {cidrSelector: 1.2.3.0/24, except: []}}", ["UNKNOWN_FIELD:6:50"]),
        ("null", ["WRONG_TYPE:6:5"]),
        ("{type: allow, to: {dnsName: A.b, cidrSelector: x}}", [
            "BAD_RULE_TYPE:6:12", "BAD_DESTINATION:6:23", "BAD_DNS_NAME:6:33", "BAD_CIDR:6:52",
        ]),
    ],
)  # fmt: skip
def test_wrong_rules(head: str, rule: str, reports: list[str]) -> None:
    assert told(head, rule) == reports


@pytest.mark.parametrize(
    ("ports", "reports"),
    [
        ("[{port: 80}]", ["MISSING_FIELD:6:58"]),
        ("[{protocol: tcp, port: 80}]", ["BAD_PROTOCOL:6:69"]),
        ("[{protocol: ICMP}]", ["BAD_PROTOCOL:6:69"]),
        ("[{protocol: TCP, port: 0}]", ["BAD_PORT:6:80"]),
        ("[{protocol: TCP, port: 65536}]", ["BAD_PORT:6:80"]),
        ("[{protocol: TCP, port: http}]", ["WRONG_TYPE:6:80"]),
        ("[{protocol: TCP, port: 80, endPort: 90}]", ["UNKNOWN_FIELD:6:84"]),
        ("{protocol: TCP}", ["WRONG_TYPE:6:57"]),
        ("[null]", ["WRONG_TYPE:6:58"]),
    ],
)
def test_wrong_ports(ports: str, reports: list[str]) -> None:
    assert told(OVN, f"{{type: Deny, to: {{cidrSelector: 10.0.0.0/8}}, ports: {ports}}}") == reports


@pytest.mark.behaviour("EF-03")
def test_the_openshift_object_has_no_ports() -> None:
    rule = "{type: Deny, to: {cidrSelector: 10.0.0.0/8}, ports: [{protocol: TCP}]}"

    assert told(OPENSHIFT, rule) == ["UNKNOWN_FIELD:6:50"]


@BOTH
@pytest.mark.parametrize(
    ("text", "reports"),
    [
        ("", ["MISSING_FIELD:1:1"]),
        ("spec: []\n", ["WRONG_TYPE:4:7"]),
        ("spec: {egress: {}}\n", ["WRONG_TYPE:4:16"]),
        ("spec: {ingress: []}\n", ["UNKNOWN_FIELD:4:8"]),
        ("spec: {}\nspce: {}\n", ["UNKNOWN_FIELD:5:1"]),
    ],
)
def test_wrong_objects(head: str, text: str, reports: list[str]) -> None:
    assert read(head + text)[1] == reports


@BOTH
@pytest.mark.behaviour("EF-07")
def test_zero_host(head: str) -> None:
    (found,), reports = read(with_rules(head, "{type: Deny, to: {cidrSelector: 0.0.0.0/32}}"))

    assert isinstance(found, EgressFirewall)
    assert found.rules[0].peers == (block("0.0.0.0/0"),)
    assert reports == ["ZERO_HOST:6:37"]


@BOTH
@pytest.mark.behaviour("EF-13")
def test_host_bits(head: str) -> None:
    (found,), reports = read(with_rules(head, "{type: Deny, to: {cidrSelector: 10.1.2.3/8}}"))

    assert isinstance(found, EgressFirewall)
    assert found.rules[0].peers == (block("10.0.0.0/8"),)
    assert reports == ["HOST_BITS:6:37"]


@BOTH
def test_ipv6_matches_nothing(head: str) -> None:
    (found,), reports = read(with_rules(head, "{type: Deny, to: {cidrSelector: '2001:db8::/32'}}"))

    assert isinstance(found, EgressFirewall)
    assert found.rules[0].peers == (block(None),)
    assert reports == ["IPV6_BLOCK:6:37"]


@BOTH
@pytest.mark.behaviour("EF-08")
@pytest.mark.parametrize("written", ["www.foo.com", "www.foo.com."])
def test_trailing_dot(head: str, written: str) -> None:
    assert rules(with_rules(head, f"{{type: Deny, to: {{dnsName: {written}}}}}")) == (
        (False, (name("www.foo.com"),), None),
    )


@pytest.mark.behaviour("OUT-03")
def test_places() -> None:
    rules = ("{type: Deny, to: {dnsName: a.b}}", "{type: Deny, to: {cidrSelector: 10.0.0.0/8}}")
    found = read_one(EgressFirewall, with_rules(OPENSHIFT, *rules))

    assert str(found.origin) == "a.yaml:1:1"
    assert [str(rule.origin) for rule in found.rules] == ["a.yaml:6:5", "a.yaml:7:5"]
    assert [str(peer.origin) for rule in found.rules for peer in rule.peers or ()] == ["a.yaml:6:32", "a.yaml:7:37"]
