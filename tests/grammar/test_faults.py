"""Syntax errors: what they say, where, how reading goes on, and that nothing is ever raised."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grammar.parser import MAX_FAULTS, parse
from grammar.syntax import Place
from tests.paths import EXAMPLES

SHOP = (EXAMPLES / "shop" / "shop.sdn").read_text()


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("polcy a/b {}", (1, 1, 6), "expected a statement, found 'polcy'; did you mean 'policy'?"),
        (
            "node n { adress 1.2.3.4 }",
            (1, 10, 16),
            "expected address, egress-cidr, egress-ip, labels, subnet or '}', found 'adress'; did you mean 'address'?",
        ),
        ("node n { address }", (1, 18, 19), "expected an address such as 10.128.0.5, found '}'"),
        (
            "cluster { mode }",
            (1, 16, 17),
            "expected subnet, multitenant or networkpolicy, found '}'",
        ),
        ("cluster { pods 10.0.0.0/8 }", (1, 27, 28), "expected host-bits, found '}'"),
        ("project", (1, 1, 8), "expected a name, found the end of the file"),
        ("project a b", (1, 11, 12), "expected a statement or '{', found 'b'"),
        ("global a b", (1, 10, 11), "expected a statement or ',', found 'b'"),
        ("}", (1, 1, 2), "expected a statement, found '}'"),
        ("project p { labels a }", (1, 22, 23), "expected '=', found '}'"),
        (
            'isolate "abc\nglobal x',
            (1, 9, 13),
            "expected projects or a name, found a string without its closing quote",
        ),
        (
            "policy a/b { ingress { allow any to x } }",
            (1, 34, 36),
            "expected from, found 'to'",
        ),
        (
            "policy a/b { ingress { allow form office } }",
            (1, 35, 41),
            "expected from or ',', found 'office'; did you mean 'from' instead of 'form'?",
        ),
        (
            "policy a/b { ingress { allow any from project x, projcts a=b } }",
            (1, 58, 59),
            "expected allow, except, ',' or '}', found 'a'; did you mean 'projects' instead of 'projcts'?",
        ),
        (
            "policy a/b { ingress { allow any from } }",
            (1, 39, 40),
            "expected a peer such as project shop, or anyone, found '}'",
        ),
        ("policy a/b { select a in }", (1, 23, 25), "expected egress, ingress, select, ',' or '}', found 'in'"),
        ("policy a/b { select a=b,, c }", (1, 25, 26), "expected a name or '!', found ','"),
        ("policy a/b { deny }", (1, 14, 18), "expected egress, ingress, select or '}', found 'deny'"),
        ("services = tcp", (1, 10, 11), "expected a name, found '='"),
        ("node n { egress-ip }", (1, 20, 21), "expected an address such as 192.168.100.50, found '}'"),
        ("node n { egress-cidr ; }", (1, 22, 23), "expected a network such as 192.168.100.64/26, found ';'"),
        ("service a/b { endpoint }", (1, 24, 25), "expected an address such as 203.0.113.7, found '}'"),
        (
            "project a { egress-cidr 1.2.3.0/24 }",
            (1, 13, 24),
            "expected egress-ip, isolated, labels, multicast, netid or '}', found 'egress-cidr'"
            "; did you mean 'egress-ip'?",
        ),
        ("firewal a {}", (1, 1, 8), "expected a statement, found 'firewal'; did you mean 'firewall'?"),
        (
            "firewall a { dney any to anyone }",
            (1, 14, 18),
            "expected allow, deny or '}', found 'dney'; did you mean 'deny'?",
        ),
        ("firewall a { deny }", (1, 19, 20), "expected services such as tcp/80, or any, found '}'"),
        ("firewall a { deny any }", (1, 23, 24), "expected to, found '}'"),
        ("firewall a { deny any from anyone }", (1, 23, 27), "expected to, found 'from'"),
        ("firewall a { deny any to }", (1, 26, 27), "expected anyone or a name, found '}'"),
        ("firewall a { deny any to anyone, b }", (1, 32, 33), "expected allow, deny or '}', found ','"),
        ("firewall a { deny any to project b }", (1, 34, 35), "expected allow, deny, except, ',' or '}', found 'b'"),
        ("cluster { platform }", (1, 20, 21), "expected openstack, rhev, vsphere, aws or azure, found '}'"),
        (
            "egres-router a/b {}",
            (1, 1, 13),
            "expected a statement, found 'egres-router'; did you mean 'egress-router'?",
        ),
        ("admin-rule a {}", (1, 1, 11), "expected a statement, found 'admin-rule'; did you mean 'admin-rules'?"),
        ("egress-router a/b { source }", (1, 28, 29), "expected an address such as 192.168.12.99/24, found '}'"),
        ("egress-router a/b { gateway }", (1, 29, 30), "expected an address such as 192.168.12.1, found '}'"),
        ("egress-router a/b { deploy }", (1, 28, 29), "expected pod or replication-controller, found '}'"),
        (
            "egress-router a/b { image }",
            (1, 27, 28),
            "expected an image such as registry.example.com/egress-router:v3, found '}'",
        ),
        ("egress-router a/b { nodes }", (1, 27, 28), "expected a selector such as zone=edge, or all, found '}'"),
        ("egress-router a/b { redirect }", (1, 30, 31), "expected a port such as tcp/80, found '}'"),
        ("egress-router a/b { redirect tcp/80 1.2.3.4 }", (1, 37, 44), "expected to, found '1.2.3.4'"),
        ("egress-router a/b { fallback }", (1, 30, 31), "expected an address such as 203.0.113.27, found '}'"),
        (
            "egress-router a/b { redirct tcp/80 to 1.2.3.4 }",
            (1, 21, 28),
            "expected an item of the block or '}', found 'redirct'; did you mean 'redirect'?",
        ),
        (
            "egress-router a/b { http-proxy { allow } }",
            (1, 40, 41),
            "expected a host such as *.example.com, a network, or all, found '}'",
        ),
        (
            "egress-router a/b { http-proxy { !a.b } }",
            (1, 34, 35),
            "expected allow, deny or '}', found '!'",
        ),
        ("egress-router a/b { http-proxy { allow all, a } }", (1, 43, 44), "expected allow, deny or '}', found ','"),
        ("egress-router a/b { dns-proxy { forward } }", (1, 41, 42), "expected a port such as tcp/80, found '}'"),
        (
            "admin-rules a { acept any from anyone to anyone }",
            (1, 17, 22),
            "expected accept, drop, limit, log, nodes, reject or '}', found 'acept'; did you mean 'accept'?",
        ),
        ("admin-rules a { log }", (1, 21, 22), "expected a prefix such as \"mail \", found '}'"),
        ("admin-rules a { log x at }", (1, 26, 27), "expected a rate such as 10/minute, found '}'"),
        (
            "admin-rules a { limit }",
            (1, 23, 24),
            "expected a rate such as 20/second, or a number of connections, found '}'",
        ),
        ("admin-rules a { limit 5 at onec }", (1, 28, 32), "expected once, found 'onec'; did you mean 'once'?"),
        ("admin-rules a { limit 5 per source }", (1, 36, 37), "expected services such as tcp/80, or any, found '}'"),
        ("admin-rules a { drop }", (1, 22, 23), "expected services such as tcp/80, or any, found '}'"),
        ("admin-rules a { drop any from }", (1, 31, 32), "expected a peer such as project shop, or anyone, found '}'"),
        ("admin-rules a { drop any from a }", (1, 33, 34), "expected to or ',', found '}'"),
        ("admin-rules a { drop any from projects a=b }", (1, 40, 41), "expected except, to or ',', found 'a'"),
        (
            "node n {\n  address 1.2.3.4\n",
            (2, 11, 18),
            "expected address, egress-cidr, egress-ip, labels, subnet or '}', found the end of the file",
        ),
    ],
)
def test_message(text: str, place: tuple[int, int, int], message: str) -> None:
    (fault, *_) = parse(text).faults

    assert (fault.place, str(fault)) == (Place(*place), message)


@pytest.mark.parametrize(
    ("text", "lines", "kept"),
    [
        ("node a { x }\nproject b\nnode c { y }\nproject d", [1, 3], ["b", "d"]),
        ("project a\n}\nproject b", [2], ["a", "b"]),
        # forgotten braces
        ("node a {\n  address 1\n\nproject b\nnode c { x }", [4, 5], ["b"]),
        ("node a { address 1\nproject b", [2], ["b"]),
        ("policy a/b {\n  ingress {\n    allow any from anyone\n  }\n\nnode b {}", [6], ["b"]),
        ("policy a/b {\n  ingress { allow form x\n}\nnode b {}", [2], ["b"]),
        # keywords inside of a broken block begin no statement
        ("cluster {\nmode a b\nservices c\n}\nproject d", [2], ["d"]),
        ("pod a/b {\n  x\n  node n\n}\nproject d", [2], ["d"]),
        ("x { # }\n project a\n}\nproject b", [1], ["b"]),
        ('x { "}"\n project a\n}\nproject b', [1], ["b"]),
        ("node a { x } project b", [1], ["b"]),
        ("isolate a, ;\nproject b", [1], ["b"]),
        ("firewall a {\n  deny any\n  allow any to x\n}\nproject b", [3], ["b"]),
        ("firewall a {\n  deny any to x\nproject b", [3], ["b"]),
        ("project a {\n  egress-ip\n}\nproject b", [3], ["b"]),
        ("egress-router a/b {\n  source\n  node n\n}\nproject b", [3], ["b"]),
        ("egress-router a/b {\n  http-proxy { x }\n  node n\n}\nadmin-rules b { x }\nproject c", [2, 5], ["c"]),
        ("admin-rules a {\n  drop any\n  nodes x\nproject b", [3], ["b"]),
        ("admin-rules a {\n  log x any from a to b\n\negress-router a/b {}", [4], ["a/b"]),
    ],
)
def test_goes_on_at_the_next_statement(text: str, lines: list[int], kept: list[str]) -> None:
    parsed = parse(text)

    assert [fault.place.line for fault in parsed.faults] == lines
    assert [getattr(statement, "name").text for statement in parsed.statements] == kept  # noqa: B009


def test_number_of_errors_is_bounded() -> None:
    assert len(parse("node a { x }\n" * 1000).faults) == MAX_FAULTS


@settings(max_examples=100, deadline=None)
@given(st.text())
def test_no_text_raises(text: str) -> None:
    parse(text)


WORDS = st.sampled_from(SHOP.split()) | st.sampled_from([*'{}(),;=!"#\n*', "in", "in (", ", project", "\0", "é"])


@settings(max_examples=100, deadline=None)
@given(st.lists(WORDS, max_size=40))
def test_no_sequence_of_words_raises(words: list[str]) -> None:
    parse(" ".join(words))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(SHOP)), st.integers(0, 40), st.sampled_from(["", "{", "}", '"', " x ", ",", "\n", "#", "%$"]))
def test_mutated_example_is_told_at_its_line(start: int, length: int, inserted: str) -> None:
    text = SHOP[:start] + inserted + SHOP[start + length :]
    lines = text.split("\n")

    for fault in parse(text).faults:
        line = lines[fault.place.line - 1]
        assert 1 <= fault.place.column < fault.place.end_column
        assert fault.place.end_column <= max(len(line) + 1, fault.place.column + 1)
        if fault.found.startswith("'"):
            assert line[fault.place.column - 1 :].startswith(fault.found[1:-1])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_wrong_word_is_told_where_it_is(data: st.DataObject) -> None:
    """A word that fits nowhere, in front of any item, is the first error."""
    lines = SHOP.split("\n")
    number = data.draw(st.sampled_from([n for n, line in enumerate(lines) if line.strip() and line.strip()[0] != "#"]))
    lines[number] = "%% " + lines[number]
    (fault, *_) = parse("\n".join(lines)).faults

    assert (fault.place, fault.found) == (Place(number + 1, 1, 3), "'%%'")
