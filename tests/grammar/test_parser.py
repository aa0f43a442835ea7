"""Texts to syntax trees: what each rule of the grammar makes, and the places that come along."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import attrs
import pytest

import grammar
from grammar import syntax
from grammar.parser import parse
from grammar.syntax import Place, Selector, Word


def tree(text: str) -> Any:
    """The only statement of a text without errors."""
    parsed = parse(text)
    assert parsed.faults == ()
    (statement,) = parsed.statements
    return statement


def plain(node: Any) -> Any:
    """A tree without places: words as their texts, the rest as (class name, children…)."""
    if isinstance(node, Word):
        return node.text
    if isinstance(node, tuple):
        return [plain(child) for child in node]
    if attrs.has(type(node)):
        fields = [getattr(node, field.name) for field in attrs.fields(type(node)) if field.name != "place"]
        return (type(node).__name__, *map(plain, fields))
    return node


def peers(text: str) -> Any:
    """The peers of the only rule of a policy."""
    return plain(tree(f"policy a/b {{ ingress {{ allow any from {text} }} }}"))[2][0][1][0][2]


def selector(text: str) -> Any:
    """The requirements of a selector."""
    return plain(tree(f"policy a/b {{ select {text} }}"))[2][0][1][1]


def _block(what: str, *excepts: str) -> tuple[object, ...]:
    return ("Block", what, list(excepts))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cluster {}", ("Cluster", [])),
        (
            "cluster { mode subnet pods 10.0.0.0/8 host-bits 9 services 172.30.0.0/16 vxlan-port 4790 mtu 1400 }",
            (
                "Cluster",
                [
                    ("Mode", "subnet"),
                    ("PodNetwork", "10.0.0.0/8", "9"),
                    ("ServiceNetwork", "172.30.0.0/16"),
                    ("VxlanPort", "4790"),
                    ("Mtu", "1400"),
                ],
            ),
        ),
        (
            "node n { address 1.2.3.4 subnet 10.0.0.0/23 labels a=b, c=d }",
            (
                "Node",
                "n",
                [
                    ("Address", "1.2.3.4"),
                    ("Subnet", "10.0.0.0/23"),
                    ("Labels", [("Label", "a", "b"), ("Label", "c", "d")]),
                ],
            ),
        ),
        (
            "node n { egress-ip 1.2.3.4, 1.2.3.5 egress-cidr 1.2.3.64/26 }",
            ("Node", "n", [("EgressIp", ["1.2.3.4", "1.2.3.5"]), ("EgressCidr", ["1.2.3.64/26"])]),
        ),
        ("project p", ("Project", "p", [])),
        (
            "project p { egress-ip 1.2.3.4 multicast }",
            ("Project", "p", [("EgressIp", ["1.2.3.4"]), ("Multicast",)]),
        ),
        ("project p { netid 7; isolated }", ("Project", "p", [("Netid", "7"), ("Isolated",)])),
        ("join a, b to c", ("Join", ["a", "b"], "c")),
        (
            "join projects x to c",
            ("Join", ("ProjectsWhere", ("Selector", [("Exists", "x")])), "c"),
        ),
        ("isolate a", ("Isolate", ["a"])),
        ("isolate projects all", ("Isolate", ("ProjectsWhere", ("Selector", [])))),
        ("global a, b", ("MakeGlobal", ["a", "b"])),
        (
            "pod p/x { node n port http tcp/80 of-port 9 interface veth1 host-network finished }",
            (
                "Pod",
                "p/x",
                [
                    ("OnNode", "n"),
                    ("NamedPort", "http", "tcp/80"),
                    ("OfPort", "9"),
                    ("Interface", "veth1"),
                    ("HostNetwork",),
                    ("Finished",),
                ],
            ),
        ),
        (
            "service p/x { address 1.2.3.4 select a=b port tcp/80 to http port udp/53 }",
            (
                "Service",
                "p/x",
                [
                    ("Address", "1.2.3.4"),
                    ("Select", ("Selector", [("Equals", "a", "b")])),
                    ("ServicePort", "tcp/80", "http"),
                    ("ServicePort", "udp/53", None),
                ],
            ),
        ),
        (
            "service p/x { endpoint 1.2.3.4, 1.2.3.5 port tcp/80 }",
            ("Service", "p/x", [("Endpoint", ["1.2.3.4", "1.2.3.5"]), ("ServicePort", "tcp/80", None)]),
        ),
        ("firewall p {}", ("Firewall", "p", [])),
        (
            "firewall p { allow tcp/80, web to a.b, 1.2.3.0/24 except 1.2.3.4, pods, deny; deny any to anyone }",
            (
                "Firewall",
                "p",
                [
                    (
                        "Permit",
                        ["tcp/80", "web"],
                        [
                            ("Block", "a.b", []),
                            ("Block", "1.2.3.0/24", ["1.2.3.4"]),
                            ("Block", "pods", []),
                            ("Block", "deny", []),
                        ],
                    ),
                    ("Deny", ("Any",), ("Anyone",)),
                ],
            ),
        ),
        (
            "cluster { platform aws allow-hostname-changes }",
            ("Cluster", [("Platform", "aws"), ("AllowHostnameChanges",)]),
        ),
        ("egress-router p/x {}", ("EgressRouter", "p/x", [])),
        (
            """egress-router p/x { source 1.2.3.4/24 gateway 1.2.3.1 interface eth1 node n nodes a=b, c; deploy pod
                 image a/b:c config-map redirect tcp/80 to 1.2.3.4 redirect udp/81 to 1.2.3.5 port 82
                 fallback 1.2.3.6 }""",
            (
                "EgressRouter",
                "p/x",
                [
                    ("Source", "1.2.3.4/24"),
                    ("Gateway", "1.2.3.1"),
                    ("Interface", "eth1"),
                    ("OnNode", "n"),
                    ("OnNodes", ("Selector", [("Equals", "a", "b"), ("Exists", "c")])),
                    ("Deploy", "pod"),
                    ("Image", "a/b:c"),
                    ("ConfigMap",),
                    ("Redirect", "tcp/80", "1.2.3.4", None),
                    ("Redirect", "udp/81", "1.2.3.5", "82"),
                    ("Fallback", "1.2.3.6"),
                ],
            ),
        ),
        (
            "egress-router p/x { http-proxy { deny *.a.b, c; allow 1.2.3.0/24 allow all deny * } http-proxy {} }",
            (
                "EgressRouter",
                "p/x",
                [
                    (
                        "HttpProxy",
                        [
                            ("ProxyDeny", ["*.a.b", "c"]),
                            ("ProxyAllow", ["1.2.3.0/24"]),
                            ("ProxyAllow", ("Everything",)),
                            ("ProxyDeny", ("Everything",)),
                        ],
                    ),
                    ("HttpProxy", []),
                ],
            ),
        ),
        (
            "egress-router p/x { dns-proxy { forward tcp/80 to a.b port 8080; forward tcp/81 to c } }",
            (
                "EgressRouter",
                "p/x",
                [("DnsProxy", [("Forward", "tcp/80", "a.b", "8080"), ("Forward", "tcp/81", "c", None)])],
            ),
        ),
        ("admin-rules r {}", ("AdminRules", "r", [])),
        (
            """admin-rules r { nodes a; log "m " at 1/day any from anyone to anyone log m tcp from a, b to c
                 limit 5/hour udp from a to b limit 5/hour per source x, y from a to b
                 limit 5 at once any from a to b limit 5 at once per source any from a to b }""",
            (
                "AdminRules",
                "r",
                [
                    ("OnNodes", ("Selector", [("Exists", "a")])),
                    ("AdminRule", ("Log", "m ", "1/day"), ("Any",), ("Anyone",), ("Anyone",)),
                    ("AdminRule", ("Log", "m", None), ["tcp"], [_block("a"), _block("b")], [_block("c")]),
                    ("AdminRule", ("LimitRate", "5/hour", None), ["udp"], [_block("a")], [_block("b")]),
                    ("AdminRule", ("LimitRate", "5/hour", ("PerSource",)), ["x", "y"], [_block("a")], [_block("b")]),
                    ("AdminRule", ("LimitAtOnce", "5", None), ("Any",), [_block("a")], [_block("b")]),
                    ("AdminRule", ("LimitAtOnce", "5", ("PerSource",)), ("Any",), [_block("a")], [_block("b")]),
                ],
            ),
        ),
        (
            """admin-rules r { accept any from project p, 1.2.3.0/24 except 1.2.3.4, project q to a, b
                 drop from project p to b reject any from a, project p to anyone }""",
            (
                "AdminRules",
                "r",
                [
                    (
                        "AdminRule",
                        ("Accept",),
                        ("Any",),
                        [("NamedProject", "p"), _block("1.2.3.0/24", "1.2.3.4"), ("NamedProject", "q")],
                        [_block("a"), _block("b")],
                    ),
                    ("AdminRule", ("Drop",), [], [("NamedProject", "p")], [_block("b")]),
                    ("AdminRule", ("Reject",), ("Any",), [_block("a"), ("NamedProject", "p")], ("Anyone",)),
                ],
            ),
        ),
        ("firewall p { deny to a.b }", ("Firewall", "p", [("Deny", [], [("Block", "a.b", [])])])),
        (
            "addresses o = 10.0.0.0/8 except 10.1.0.0/16 except 10.2.0.0/16, 1.2.3.4, other",
            (
                "AddressSet",
                "o",
                [
                    ("Block", "10.0.0.0/8", ["10.1.0.0/16", "10.2.0.0/16"]),
                    ("Block", "1.2.3.4", []),
                    ("Block", "other", []),
                ],
            ),
        ),
        ("services w = tcp/80, sctp, other", ("ServiceSet", "w", ["tcp/80", "sctp", "other"])),
        ("policy p/x {}", ("Policy", "p/x", [])),
        (
            "policy p/x { ingress {} egress { allow any to anyone } }",
            (
                "Policy",
                "p/x",
                [("Ingress", []), ("Egress", [("Allow", ("Any",), ("Anyone",))])],
            ),
        ),
    ],
)
def test_statement(text: str, expected: object) -> None:
    assert plain(tree(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=b", [("Equals", "a", "b")]),
        ("a!=b", [("Differs", "a", "b")]),
        ("a in (b, c)", [("OneOf", "a", ["b", "c"])]),
        ("a in # comment (\n (b)", [("OneOf", "a", ["b"])]),
        ("a notin (b)", [("NoneOf", "a", ["b"])]),
        ("a", [("Exists", "a")]),
        ("!a", [("Absent", "a")]),
        ("all", []),
        ("*", []),
        ('"all"', [("Exists", "all")]),
        ('a="", "b c"=d', [("Equals", "a", ""), ("Equals", "b c", "d")]),
        ("x.y/z-1_2=v.1", [("Equals", "x.y/z-1_2", "v.1")]),
        ("a, project, pods=1, projects in (x)", None),
    ],
)
def test_selector(text: str, expected: object) -> None:
    keys = [("Exists", "a"), ("Exists", "project"), ("Equals", "pods", "1"), ("OneOf", "projects", ["x"])]
    assert selector(text) == (keys if expected is None else expected)


def _pods(*requirements: tuple[str, ...], scope: object = None) -> tuple[object, ...]:
    return ("PodPeer", ("Selector", list(requirements)), scope)


def _projects(*requirements: tuple[str, ...]) -> tuple[object, ...]:
    return ("SelectedProjects", ("Selector", list(requirements)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pods all", [_pods()]),
        ("pods a in project p", [_pods(("Exists", "a"), scope=("NamedProject", "p"))]),
        (
            "pods a=b, c in projects d=e, f",
            [
                _pods(
                    ("Equals", "a", "b"),
                    ("Exists", "c"),
                    scope=_projects(("Equals", "d", "e"), ("Exists", "f")),
                )
            ],
        ),
        ("project p, project q", [("ProjectPeer", ("NamedProject", name)) for name in "pq"]),
        (
            "pods a, b, pods c, # first\n projects all, project p, 10.0.0.0/8, office",
            [
                _pods(("Exists", "a"), ("Exists", "b")),
                _pods(("Exists", "c")),
                ("ProjectPeer", _projects()),
                ("ProjectPeer", ("NamedProject", "p")),
                ("Block", "10.0.0.0/8", []),
                ("Block", "office", []),
            ],
        ),
        ('pods a, "project"=b', [_pods(("Exists", "a"), ("Equals", "project", "b"))]),
        ("pods a, project-id=b", [_pods(("Exists", "a"), ("Equals", "project-id", "b"))]),
    ],
)
def test_peers(text: str, expected: object) -> None:
    assert peers(text) == expected


def test_keywords_are_words_elsewhere() -> None:
    text = """
        project services { labels pods=project, node=in }
        pod node/pod { labels labels=labels  port port tcp/1 }
        join project, projects to to
        services from = tcp/1
        addresses allow = except
        policy policy/select { select select=all }
        project firewall { labels multicast=egress-ip }
        addresses deny = multicast, allow
        firewall deny { allow deny to allow  deny allow, deny to endpoint, deny }
        join firewall, multicast to deny
        policy deny/firewall { ingress { allow deny from firewall, deny } }
        project source { labels gateway=per, redirect=once }
        pod fallback/nodes { node deploy  interface image }
        addresses reject = platform, log, source
        services limit = at, drop
        egress-router redirect/to { nodes source=port, redirect  image image  redirect redirect to to port port
                                    fallback fallback  node node  http-proxy { allow deny, forward deny allow } }
        egress-router a/b { dns-proxy { forward forward to forward port to } nodes nodes in (node) source source }
        admin-rules accept { nodes drop  log log at at limit, drop from project from, reject to accept, to
                             limit limit at once accept, once from drop to per
                             limit at per source source from at to at
                             ; limit at source from at to at }
    """
    parsed = parse(text)

    assert parsed.faults == ()
    assert [plain(statement)[1] for statement in parsed.statements] == [
        "services",
        "node/pod",
        ["project", "projects"],
        "from",
        "allow",
        "policy/select",
        "firewall",
        "deny",
        "deny",
        ["firewall", "multicast"],
        "deny/firewall",
        "source",
        "fallback/nodes",
        "reject",
        "limit",
        "redirect/to",
        "a/b",
        "accept",
    ]


def test_layout_means_nothing() -> None:
    dense = "policy a/b{select x=y,z ingress{allow any from pods a in(b)allow tcp from 1.2.3.4}}"
    wide = """
        policy
          a/b { # a comment { with a brace
          select x = y ,
                 z ; ;
          ingress
          {
            allow any
              from pods a in
              ( b ) ;
            allow tcp from 1.2.3.4
          }
        } ;
    """.replace("\n", "\r\n")

    assert plain(tree(dense)) == plain(tree(wide))


def test_places() -> None:
    text = "\n  policy shop/web {  # all\n    ingress {\n      allow any from office,\n        pods a=b\n    }\n  }\n"
    policy = tree(text)
    allow = policy.items[0].rules[0]

    assert policy.place == Place(2, 3, 18)
    assert policy.name.place == Place(2, 10, 18)
    assert policy.items[0].place == Place(3, 5, 12)
    assert allow.place == Place(4, 7, 29)
    assert [peer.place for peer in allow.peers] == [Place(4, 22, 28), Place(5, 9, 17)]
    assert allow.peers[1].pods.place == Place(5, 14, 17)


def test_places_after_an_error_on_the_same_line() -> None:
    parsed = parse("project a {\n x } project b ; isolate c")

    assert [statement.place for statement in parsed.statements] == [Place(2, 6, 15), Place(2, 18, 27)]


def test_quoted_word_has_its_quotes_in_its_place() -> None:
    word = tree('project p { labels "a"=b }').items[0].labels[0].key

    assert (word.text, word.quoted, word.place) == ("a", True, Place(1, 20, 23))


def test_empty_text() -> None:
    assert parse("") == parse("\n # nothing\n") == parse(";;")


def test_every_class_has_its_rule() -> None:
    rules = set(
        re.findall(
            r"^([a-z_]+):|-> ([a-z_]+)", (Path(grammar.__file__).parent / "policy.lark").read_text(), re.MULTILINE
        )
    )
    names = {"".join(part.capitalize() for part in (rule or alias).split("_")) for rule, alias in rules}
    classes = {name for name, cls in vars(syntax).items() if isinstance(cls, type) and attrs.has(cls)}

    assert classes - names == {"Place", "Word"}
    assert Selector.__name__ in classes


@pytest.mark.parametrize(
    "text",
    [
        "project " + "a" * 10_000_000,
        "project p { netid " + "9" * 10_000_000 + " }",
        'project p { labels a="' + "b" * 10_000_000,
        "{" * 200_000,
        "policy a/b { ingress { allow any from " + "(" * 200_000,
        "policy a/b { " * 50_000,
        "x " * 500_000,
        "policy a/b { ingress { allow any from pods a" + ", " * 100_000,
        "policy a/b { select a" + " in" * 100_000,
        "policy a/b { ingress { allow any from pods a," + " " * 1_000_000 + "b in" + "#\n" * 300_000,
        "node a { x }\n" * 50_000,
    ],
    ids=lambda text: text[:30],
)
def test_huge_input_takes_linear_time(text: str) -> None:
    parse("")
    begin = time.process_time()
    parsed = parse(text)

    assert time.process_time() - begin < 10
    assert len(parsed.faults) <= 100
