"""The DSL's blocks of administrator's rules: what they declare, and what is wrong with them."""

from __future__ import annotations

import pytest

from compiler.declarations import (
    AdminLimit,
    AdminLog,
    AdminRule,
    AdminRules,
    AdminVerdict,
    BlockPeer,
    Declaration,
    PortRange,
    ProjectSource,
    Rate,
)
from compiler.diagnostics import Diagnostics
from compiler.origin import Origin, Span
from compiler.sources.dsl import dsl_source, read_dsl
from compiler.values.labels import Selector
from compiler.values.prefix import Prefix
from compiler.values.services import Protocol

AT = Origin(dsl_source("", ""))
TCP, UDP, SCTP = Protocol.TCP, Protocol.UDP, Protocol.SCTP

SETS = """
addresses office = 203.0.113.0/24 except 203.0.113.128/25, 198.51.100.7
services mail = tcp/25, tcp/587
services named = mail, tcp/http
project shop
"""


def read(*texts: str) -> tuple[Declaration, ...]:
    """The declarations of texts that nothing is wrong with."""
    diagnostics = Diagnostics()
    declarations = read_dsl([dsl_source(f"{n}.sdn", text) for n, text in enumerate(texts)], diagnostics)
    assert diagnostics.sorted() == ()
    return declarations


def told(*texts: str) -> list[tuple[str, str]]:
    """What is reported of texts: the place, and the message."""
    diagnostics = Diagnostics()
    read_dsl([dsl_source(f"{n}.sdn", text) for n, text in enumerate(texts)], diagnostics)
    return [(str(found.origin), found.message) for found in diagnostics.sorted()]


def block(text: str, *excepts: str) -> BlockPeer:
    return BlockPeer(AT, Prefix.parse(text)[0], [Prefix.parse(inner)[0] for inner in excepts])


def project(name: str) -> ProjectSource:
    return ProjectSource(AT, name)


def rule(text: str) -> AdminRule:
    """The only rule of a block."""
    found, _ = read(f"admin-rules x {{ {text} }}", SETS)
    assert isinstance(found, AdminRules)
    (only,) = found.rules
    return only


OFFICE = (block("203.0.113.0/24", "203.0.113.128/25"), block("198.51.100.7/32"))


@pytest.mark.behaviour("AR-02")
def test_block() -> None:
    text = """
        admin-rules 10-mail {
          nodes zone=edge
          log "mail " at 10/minute tcp/25 from project shop to 198.51.100.0/24
          reject tcp/25 from anyone to anyone ; drop udp/137-139 from anyone to anyone
        }
        admin-rules empty { nodes all }
    """

    assert read(text) == (
        AdminRules(
            "10-mail",
            AT,
            Selector.equal({"zone": "edge"}),
            (
                AdminRule(
                    AT,
                    AdminLog("mail ", Rate(10, "minute")),
                    (project("shop"),),
                    (block("198.51.100.0/24"),),
                    (PortRange(TCP, 25, 25),),
                ),
                AdminRule(AT, AdminVerdict.REJECT, ports=(PortRange(TCP, 25, 25),)),
                AdminRule(AT, AdminVerdict.DROP, ports=(PortRange(UDP, 137, 139),)),
            ),
        ),
        AdminRules("empty", AT),
    )


@pytest.mark.behaviour("AR-02")
@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("accept", AdminVerdict.ACCEPT),
        ("drop", AdminVerdict.DROP),
        ("reject", AdminVerdict.REJECT),
        ('log "mail: "', AdminLog("mail: ")),
        ("log mail", AdminLog("mail")),
        ("log at at 1/day", AdminLog("at", Rate(1, "day"))),
        ('log "!#%&()*+,-./:;<=>?@[]^_{|}~" at 10000/second',
         AdminLog("!#%&()*+,-./:;<=>?@[]^_{|}~", Rate(10000, "second"))),
        ("limit 20/second", AdminLimit(Rate(20, "second"))),
        ("limit 020/hour per source", AdminLimit(Rate(20, "hour"), per_source=True)),
        ("limit 1 at once", AdminLimit(at_once=1)),
        ("limit 2147483647 at once per source", AdminLimit(at_once=2**31 - 1, per_source=True)),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("services", "ports"),
    [
        ("any", None),
        ("tcp/25", (PortRange(TCP, 25, 25),)),
        ("mail, sctp, tcp/25", (PortRange(TCP, 25, 25), PortRange(TCP, 587, 587), PortRange(SCTP, 0, 65535))),
    ],
)
def test_actions_and_services(
    text: str, action: AdminVerdict | AdminLog | AdminLimit, services: str, ports: tuple[PortRange, ...] | None
) -> None:
    assert rule(f"{text} {services} from anyone to anyone") == AdminRule(AT, action, ports=ports)


@pytest.mark.behaviour("AR-02")
@pytest.mark.parametrize(
    ("text", "sources"),
    [
        ("anyone", None),
        ("project shop", (project("shop"),)),
        ("project unknown, project shop, project shop", (project("unknown"), project("shop"))),
        ("project shop, 10.128.0.0/23", (project("shop"), block("10.128.0.0/23"))),
        ("10.128.0.5, # first\n project shop, 10.128.0.5", (block("10.128.0.5/32"), project("shop"))),
        ("10.128.0.0/23 except 10.128.0.1, project shop", (block("10.128.0.0/23", "10.128.0.1/32"), project("shop"))),
        ("office, project to", (*OFFICE, project("to"))),
    ],
)
def test_sources(text: str, sources: tuple[BlockPeer | ProjectSource, ...] | None) -> None:
    assert rule(f"drop any from {text} to anyone") == AdminRule(AT, AdminVerdict.DROP, sources)


@pytest.mark.behaviour("AR-02")
@pytest.mark.parametrize(
    ("text", "destinations"),
    [
        ("anyone", None),
        ("0.0.0.0/0", (block("0.0.0.0/0"),)),
        ("office", OFFICE),
        ("198.51.100.7, office, 192.0.2.0/24 except 192.0.2.7",
         (OFFICE[1], OFFICE[0], block("192.0.2.0/24", "192.0.2.7/32"))),
    ],
)  # fmt: skip
def test_destinations(text: str, destinations: tuple[BlockPeer, ...] | None) -> None:
    assert rule(f"drop any from anyone to {text}") == AdminRule(AT, AdminVerdict.DROP, None, destinations)


@pytest.mark.behaviour("OUT-03")
def test_origins() -> None:
    text = """admin-rules x {
  drop any from project shop,
    10.0.0.0/8 to office
}
"""
    (found, _) = read(text, SETS)
    assert isinstance(found, AdminRules)
    (only,) = found.rules

    assert found.origin.span() == Span(1, 1, 14)
    assert only.origin.span() == Span(2, 3, 30)
    assert [str(one.origin) for one in only.sources or ()] == ["0.sdn:2:17", "0.sdn:3:5"]
    assert [str(one.origin) for one in only.destinations or ()] == ["1.sdn:2:20", "1.sdn:2:60"]


ALL = "from anyone to anyone"
RATE = "a rate is per second, minute, hour or day, not per"
CHARACTERS = "a log prefix has printable ASCII characters only, and no quotes, backslashes and dollar signs"
LABEL = "only a-z, 0-9 and - are allowed, with a letter or digit at both ends"


@pytest.mark.behaviour("AR-02")
@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        # actions
        ('log "" any ' + ALL, '""', "a log prefix has 1 to 29 characters, not 0"),
        (f"log {'x' * 30} any {ALL}", "x" * 30, "a log prefix has 1 to 29 characters, not 30"),
        ('log "  " any ' + ALL, '"  "', "a log prefix is more than spaces"),
        ('log "é" any ' + ALL, '"é"', CHARACTERS),
        ('log "a\tb" any ' + ALL, '"a', CHARACTERS),
        ("log a'b any " + ALL, "a'b", CHARACTERS),
        ('log "a\\" any ' + ALL, '"a', CHARACTERS),
        ('log "-j ACCEPT" any ' + ALL, '"-j', "a log prefix does not begin with -"),
        ("log x at 10 any " + ALL, "10", "'10' is no rate such as 20/second"),
        ("log x at fast/second any " + ALL, "fast", "'fast/second' is no rate such as 20/second"),
        ("log x at ٣/second any " + ALL, "٣", "'٣/second' is no rate such as 20/second"),
        ("log x at 1/min any " + ALL, "1/min", RATE + " 'min'; did you mean 'minute'?"),
        ("log x at 1/ any " + ALL, "1/", RATE + " ''"),
        ("limit 1/Second any " + ALL, "1/S", RATE + " 'Second'; did you mean 'second'?"),
        ("limit 0/second any " + ALL, "0/", "rate 0 is out of range: 1 to 10000"),
        ("limit 10001/day any " + ALL, "10001", "rate 10001 is out of range: 1 to 10000"),
        (f"limit {'9' * 20}/day any {ALL}", "9" * 20, f"rate {'9' * 20} is out of range: 1 to 10000"),
        ("limit 0 at once any " + ALL, "0 at", "connections at once 0 is out of range: 1 to 2147483647"),
        ("limit 2147483648 at once any " + ALL, "2147483648", "connections at once 2147483648 is out of range: 1 to "
         "2147483647"),
        ("limit many at once any " + ALL, "many", "connections at once: expected a number, found 'many'"),
        # services
        ("drop " + ALL, "drop", "expected services such as tcp/80, or any, behind the action, found none"),
        ("drop 80 " + ALL, "80", "port 80: name its protocol, as in tcp/80"),
        ("drop icmp/8 " + ALL, "icmp", "unknown protocol 'icmp'"),
        ("drop tcp/0 " + ALL, "tcp/0", "port tcp/0: a port is 1 to 65535"),
        ("drop named " + ALL, "named", "port tcp/http: outside of the cluster no pod gives the name a number"),
        ("drop mial " + ALL, "mial", "there is no service set 'mial'; did you mean 'mail'?"),
        # sources and destinations
        ("drop any from project Shop to anyone", "Shop", f"project 'Shop' is not a valid name: {LABEL}"),
        ("drop any from shop to anyone", "shop", "there is no address set 'shop'; write `project shop` for the "
         "project"),
        ("drop any from 1.2.3 to anyone", "1.2.3", "'1.2.3' is not an IPv4 address"),
        ("drop any from anyone to www.example.com", "www", "'www.example.com' is not an IPv4 address"),
        ("drop any from anyone to 10.0.0.1/8", "10.0.0.1/8", "10.0.0.1/8 has host bits set; it counts as 10.0.0.0/8"),
        ("drop any from anyone to fe80::/10", "fe80", "the IPv6 network fe80::/10 matches nothing in an IPv4 pod "
         "network"),
        ("drop any from anyone to 10.0.0.0/8 except 11.0.0.0/9", "11.0.0.0/9", "except 11.0.0.0/9 is not strictly "
         "inside 10.0.0.0/8"),
        # nodes
        ("nodes a nodes b", "nodes b", "nodes of admin-rules x is defined twice"),
        ("nodes zone=_", "_", "label value '_' is not valid: only letters, digits, -, _ and . are allowed, with a "
         "letter or digit at both ends"),
    ],
)  # fmt: skip
def test_wrong_rules(text: str, place: str, message: str) -> None:
    line = f"admin-rules x {{ {text} }}"

    assert told(line, SETS) == [(f"0.sdn:1:{line.index(place, len('admin-rules x')) + 1}", message)]


@pytest.mark.parametrize(
    ("name", "reason"),
    [("Mail", LABEL), ("a.b", LABEL), ("a/b", LABEL), ('""', "it is empty")],
)
def test_wrong_names(name: str, reason: str) -> None:
    bare = name.strip('"')

    assert told(f"admin-rules {name} {{}}") == [
        ("0.sdn:1:13", f"block of admin rules {bare!r} is not a valid name: {reason}")
    ]


def test_one_fault_hides_no_other() -> None:
    text = """
        admin-rules X {
          nodes _
          log "é" at 1/x tcp/0 from project P, q to r
          limit 0 at once from anyone to 1.2.3
        }
    """

    assert len(told(text)) == 11
