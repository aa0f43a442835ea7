"""What is wrong with values and names in the DSL, and where it is told."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.diagnostics import Diagnostic, Diagnostics, Severity
from compiler.origin import Span
from compiler.sources.dsl import dsl_source, read_dsl
from tests.paths import EXAMPLES

SHOP = (EXAMPLES / "shop" / "shop.sdn").read_text()


def findings(*texts: str) -> tuple[Diagnostic, ...]:
    diagnostics = Diagnostics()
    read_dsl([dsl_source(f"{n}.sdn", text) for n, text in enumerate(texts)], diagnostics)
    return diagnostics.sorted()


def rule(text: str) -> str:
    return f"policy a/b {{ ingress {{ allow {text} }} }}"


VALUES = [
    # cluster
    ("cluster { mode flat }", "flat", "mode: expected subnet, multitenant or networkpolicy, found 'flat'"),
    ("cluster { pods 10.0.0.0 host-bits 9 }", "10.0.0.0", "'10.0.0.0' is not an IPv4 network"),
    ("cluster { pods 10.0.0.0/8 host-bits nine }", "nine", "host-bits: expected a number, found 'nine'"),
    ("cluster { pods 10.0.0.0/8 host-bits 33 }", "33", "host-bits 33 is out of range: 0 to 32"),
    ("cluster { services 172.30.0.0/33 }", "172.30.0.0/33", "'172.30.0.0/33' is not an IPv4 network"),
    ("cluster { vxlan-port 0 }", "0", "VXLAN port 0 is out of range: 1 to 65535"),
    ("cluster { vxlan-port 65536 }", "65536", "VXLAN port 65536 is out of range: 1 to 65535"),
    ("cluster { mtu 67 }", "67", "MTU 67 is out of range: 68 to 65535"),
    ("cluster { mtu -1 }", "-1", "MTU: expected a number, found '-1'"),
    ("cluster { mtu ٣ }", "٣", "MTU: expected a number, found '٣'"),
    ("cluster { mtu 1400 mtu 1500 }", "mtu 1500", "mtu of the cluster is defined twice"),
    ("cluster { vxlan-port 1 vxlan-port 2 }", "vxlan-port 2", "vxlan-port of the cluster is defined twice"),
    # nodes
    ("node Node_1 {}", "Node_1", "node 'Node_1' is not a valid name: only a-z, 0-9, - and . are allowed"),
    ('node "" {}', '""', "node '' is not a valid name: it is empty"),
    ("node n { address 1.2.3 }", "1.2.3", "'1.2.3' is not an IPv4 address"),
    ("node n { address 1.2.3.256 }", "1.2.3.256", "'1.2.3.256' is not an IPv4 address"),
    ("node n { address 01.2.3.4 }", "01.2.3.4", "'01.2.3.4' is not an IPv4 address"),
    ("node n { subnet 10.0.0.0 }", "10.0.0.0", "'10.0.0.0' is not an IPv4 network"),
    ("node n { labels -a=b }", "-a", "label key '-a' is not valid: only letters, digits"),
    ('node n { labels a="b c" }', '"b c"', "label value 'b c' is not valid: only letters, digits"),
    ("node n { labels a=b, a=c }", "a=c", "label a is defined twice"),
    ("node n { labels a=b labels c=d }", "labels c=d", "labels of node n is defined twice"),
    # projects
    ("project a.b", "a.b", "project 'a.b' is not a valid name: only a-z, 0-9 and - are allowed"),
    ('project "$(reboot)"', '"$(reboot)"', "project '$(reboot)' is not a valid name: only a-z, 0-9 and - are allowed"),
    ("project a { netid 16777216 }", "16777216", "NetID 16777216 is out of range: 0 to 16777215"),
    ("project a { netid 1e3 }", "1e3", "NetID: expected a number, found '1e3'"),
    ("join A to b", "A", "project 'A' is not a valid name: only a-z, 0-9 and - are allowed"),
    ("join a to B", "B", "project 'B' is not a valid name: only a-z, 0-9 and - are allowed"),
    ("isolate projects a/b/c", "a/b/c", "label key 'a/b/c' is not valid: its prefix"),
    # pods
    ("pod web-1 {}", "web-1", "pod 'web-1' is not a valid name: write it with its project, as in shop/pod-1"),
    ("pod a/b/c {}", "a/b/c", "pod 'a/b/c' is not a valid name: only a-z, 0-9, - and . are allowed"),
    ("pod a/b { node _ }", "_", "node '_' is not a valid name: only a-z, 0-9, - and . are allowed"),
    ("pod a/b { address host }", "host", "'host' is not an IPv4 address"),
    ("pod a/b { port HTTP tcp/80 }", "HTTP", "port HTTP: only a-z, 0-9 and single - are allowed"),
    ("pod a/b { port http 80 }", "80", "port 80: give one port, as in tcp/8080"),
    ("pod a/b { port http tcp/80-90 }", "tcp/80-90", "port tcp/80-90: give one port, as in tcp/8080"),
    ("pod a/b { port http tcp/www }", "tcp/www", "port tcp/www: give one port, as in tcp/8080"),
    ("pod a/b { port h tcp/1 port h tcp/2 }", "port h tcp/2", "port h is defined twice"),
    ("pod a/b { of-port 2 }", "2", "of-port 2 is out of range: 3 to 65279"),
    ("pod a/b { of-port 65280 }", "65280", "of-port 65280 is out of range: 3 to 65279"),
    ("pod a/b { interface a-very-long-name }", "a-very-long-name", "interface 'a-very-long-name' is not a valid name"),
    ("pod a/b { finished finished }", "finished", "finished of pod a/b is defined twice"),
    # services
    ("service a/b.c {}", "a/b.c", "service 'a/b.c' is not a valid name: only a-z, 0-9 and - are allowed"),
    ("service a/b { port tcp/80-81 }", "tcp/80-81", "port tcp/80-81: give one port, as in tcp/8080"),
    ("service a/b { port tcp/80 to 0 }", "0", "port 0: a port is 1 to 65535"),
    ("service a/b { port tcp/80 to 70000 }", "70000", "port 70000: a port is 1 to 65535"),
    ("service a/b { port tcp/80 to A }", "A", "port A: only a-z, 0-9 and single - are allowed"),
    # sets
    ("addresses 1st = 10.0.0.0/8", "1st", "address set '1st' is not a valid name: only letters, digits, - and _"),
    ("addresses pods = 10.0.0.0/8", "pods", "address set 'pods' is not a valid name: the word has a meaning in rules"),
    ("services tcp = udp", "tcp", "service set 'tcp' is not a valid name: the word has a meaning in rules"),
    ("services any = tcp", "any", "service set 'any' is not a valid name: the word has a meaning in rules"),
    ("addresses a = b", "b", "there is no address set 'b'"),
    ("services web = tcp/80, wbe", "wbe", "there is no service set 'wbe'; did you mean 'web'?"),
    ("addresses a = a", "a", "address set 'a' contains itself: a → a"),
    ("addresses a = example.com", "example.com", "'example.com' is not an IPv4 address"),
    ("addresses a = b except 10.0.0.0/8", "b", "'b' is not an IPv4 network"),
    # rules
    (rule("web from anyone"), "web", "there is no service set 'web'"),
    (rule("any from office"), "office", "there is no address set 'office'"),
    (rule("80 from anyone"), "80", "port 80: name its protocol, as in tcp/80"),
    (rule("TCP/80 from anyone"), "TCP/80", "unknown protocol 'TCP'; did you mean 'tcp'?"),
    (rule("icmp/8 from anyone"), "icmp/8", "unknown protocol 'icmp'"),
    (rule("tcp/0 from anyone"), "tcp/0", "port tcp/0: a port is 1 to 65535"),
    (rule("tcp/65536 from anyone"), "tcp/65536", "port tcp/65536: a port is 1 to 65535"),
    (rule("tcp/1-99999999999 from anyone"), "tcp/1-99999999999", "port tcp/1-99999999999: a port is 1 to 65535"),
    (rule("tcp/90-80 from anyone"), "tcp/90-80", "port tcp/90-80: the last port is below the first"),
    (rule("tcp/80- from anyone"), "tcp/80-", "port tcp/80-: only a-z, 0-9 and single - are allowed"),
    (rule("tcp/ from anyone"), "tcp/", "port tcp/: it has 0 characters"),
    (rule("from anyone"), "allow from anyone", "expected services such as tcp/80, or any, behind allow, found none"),
    (rule("any from 10.0.0.0/8 except 11.0.0.0/9"), "11.0.0.0/9", "except 11.0.0.0/9 is not strictly inside 10."),
    (rule("any from 10.0.0.0/8 except 10.0.0.0/8"), "10.0.0.0/8", "except 10.0.0.0/8 is not strictly inside 10."),
    (rule("any from 10.0.0.0/8 except x"), "x", "'x' is not an IPv4 address"),
    (rule("any from 300.0.0.0/8"), "300.0.0.0/8", "'300.0.0.0/8' is not an IPv4 network"),
    (rule("any from fe80::/129"), "fe80::/129", "'fe80::/129' is not an IPv4 network"),
    (rule("any from pods a=b, 10.0.0.0/8"), "10.0.0.0/8", "'10.0.0.0/8' would be a label key here"),
    (rule("any from project P"), "P", "project 'P' is not a valid name"),
    ("policy a/b {}", "policy a/b", "policy a/b has neither an ingress nor an egress block"),
    ("policy a/b { ingress {} ingress {} }", "ingress", "ingress of policy a/b is defined twice"),
    ("policy a/b { select a=b select c=d egress {} }", "select c=d", "select of policy a/b is defined twice"),
    ("policy a/B { egress {} }", "a/B", "policy 'a/B' is not a valid name"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "place", "message"), VALUES, ids=[text for text, _, _ in VALUES])
def test_wrong_value(text: str, place: str, message: str) -> None:
    (found,) = findings("# first line\n  " + text)
    column = 3 + text.rindex(place)

    assert found.severity is Severity.ERROR
    assert found.message.startswith(message)
    assert found.origin is not None
    assert found.origin.span() == Span(2, column, column + len(place))


@pytest.mark.behaviour("NP-19")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (rule("any from 10.1.2.3/8"), "10.1.2.3/8 has host bits set; it counts as 10.0.0.0/8"),
        (rule("any from 10.0.0.0/8 except 10.1.2.3/16"), "10.1.2.3/16 has host bits set; it counts as 10.1.0.0/16"),
        ("addresses a = 10.1.2.3/8", "10.1.2.3/8 has host bits set; it counts as 10.0.0.0/8"),
        ("addresses a = fe80::/10", "the IPv6 network fe80::/10 matches nothing in an IPv4 pod network"),
        (rule("any from ::1"), "the IPv6 network ::1 matches nothing in an IPv4 pod network"),
        (
            rule("any from fe80::/10 except fe80::/64"),
            "the IPv6 network fe80::/10 matches nothing in an IPv4 pod network",
        ),
    ],
)
def test_warning(text: str, message: str) -> None:
    (found,) = findings(text)

    assert (found.severity, found.message) == (Severity.WARNING, message)


@pytest.mark.behaviour("NP-07")
def test_except_of_an_ipv6_network_is_inside_of_it() -> None:
    messages = [found.message for found in findings(rule("any from fe80::/10 except fc00::/7 except 10.0.0.0/8"))]

    assert "'10.0.0.0/8' is not an IPv4 network" in messages
    assert [found.message for found in findings(rule("any from fe80::/10 except fc00::/7"))] == [
        "the IPv6 network fe80::/10 matches nothing in an IPv4 pod network",
        "except fc00::/7 is not strictly inside fe80::/10",
    ]


def test_cycle_is_named_once_at_the_reference_that_closes_it() -> None:
    (found,) = findings("services a = b", "services c = tcp, a\nservices b = c", "services d = a")

    assert found.message == "service set 'a' contains itself: a → b → c → a"
    assert str(found.origin) == "1.sdn:1:19"


def test_every_cycle_is_told() -> None:
    found = findings("services a = a  services b = c  services c = b  services d = a, b")

    assert [one.message for one in found] == [
        "service set 'a' contains itself: a → a",
        "service set 'b' contains itself: b → c → b",
    ]


def test_long_cycle() -> None:
    (found,) = findings("\n".join(f"services s{n} = s{(n + 1) % 5000}" for n in range(5000)))

    assert found.message.startswith("service set 's0' contains itself: s0 → s1 → s2")


def test_set_that_is_defined_twice() -> None:
    (found,) = findings("addresses a = 10.0.0.0/8", "addresses a = 10.0.0.0/8")

    assert found.message == "address set a is defined twice"
    assert str(found.origin) == "1.sdn:1:1"
    assert [str(related.origin) for related in found.related] == ["0.sdn:1:1"]


def test_project_where_an_address_set_is_meant() -> None:
    (found,) = findings("project shop", rule("any from shop"))

    assert found.message == "there is no address set 'shop'; write `project shop` for the project"


def test_address_set_behind_a_selector() -> None:
    (found,) = findings("addresses office = 10.0.0.0/8", rule("any from pods a=b, office"))

    assert found.message.startswith("'office' would be a label key here")
    assert findings("addresses office = 10.0.0.0/8", rule('any from pods a=b, "office"')) == ()


def test_syntax_errors_hide_no_others_and_cause_none() -> None:
    found = findings("addresses office = \nnode n { address x }\nnode m { adress }", rule("web from office"))

    assert [(str(one.origin), one.message) for one in found] == [
        ("0.sdn:2:6", "expected except, a statement or ',', found 'n'"),
        (
            "0.sdn:3:10",
            "expected address, egress-cidr, egress-ip, labels, subnet or '}', found 'adress'; did you mean 'address'?",
        ),
    ]


def test_all_errors_of_a_statement_are_told() -> None:
    found = findings("pod A/b { node N address x labels _=_ port P 80 of-port 1 }")

    assert len(found) == 8


def test_control_characters_reach_no_message() -> None:
    for found in findings('project "a\x1b[31m"  pod "a\u202e/b" {}'):
        assert found.message.isprintable()


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, len(SHOP)), st.integers(0, 30), st.sampled_from(["", "{", "}", '"', " x ", ",", "=", "9", "\x00é"])
)
def test_mutated_example_raises_nothing_and_is_told_inside_the_text(start: int, length: int, inserted: str) -> None:
    text = SHOP[:start] + inserted + SHOP[start + length :]
    lines = text.split("\n")

    for found in findings(text):
        assert found.origin is not None
        span = found.origin.span()
        assert 1 <= span.line <= len(lines)
        assert 1 <= span.column < span.end_column <= len(lines[span.line - 1]) + 2


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(SHOP.split()) | st.text(max_size=3), max_size=40))
def test_no_words_raise(words: list[str]) -> None:
    findings(" ".join(words))
