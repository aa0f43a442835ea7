"""The DSL's statements about what leaves the cluster: firewalls, egress IPs, multicast, endpoints by hand."""

from __future__ import annotations

import pytest

from compiler.declarations import (
    BlockPeer,
    Declaration,
    EgressAddress,
    EgressFirewall,
    EgressNetwork,
    Endpoints,
    FirewallRule,
    NamePeer,
    NodeDeclaration,
    PortRange,
    ProjectDeclaration,
    Service,
    ServicePort,
)
from compiler.diagnostics import Diagnostics, Severity
from compiler.origin import Origin, Span
from compiler.sources.dsl import dsl_source, read_dsl
from compiler.values.prefix import Prefix, parse_address
from compiler.values.services import Protocol

AT = Origin(dsl_source("", ""))
TCP, UDP, SCTP = Protocol.TCP, Protocol.UDP, Protocol.SCTP

SETS = """
addresses office = 203.0.113.0/24 except 203.0.113.128/25, 198.51.100.7
addresses everything = office, 0.0.0.0/32
addresses firewall = 10.0.0.0/8
services web = tcp/80, tcp/8000-8080
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


def prefix(text: str) -> Prefix:
    return Prefix.parse(text)[0]


def block(text: str, *excepts: str) -> BlockPeer:
    return BlockPeer(AT, prefix(text), [prefix(inner) for inner in excepts])


def rule(text: str) -> FirewallRule:
    """The only rule of a firewall."""
    (found,) = read(f"firewall shop {{ {text} }}", SETS)
    assert isinstance(found, EgressFirewall)
    (only,) = found.rules
    return only


@pytest.mark.behaviour("EF-01", "EF-02")
def test_firewall() -> None:
    text = """
        firewall shop {
          allow any to 1.2.3.0/24
          allow tcp/443 to www.foo.com, office ;
          deny any to anyone
        }
        firewall empty {}
    """

    assert read(text, "addresses office = 198.51.100.7") == (
        EgressFirewall(
            "shop",
            "firewall",
            AT,
            (
                FirewallRule(AT, True, (block("1.2.3.0/24"),)),
                FirewallRule(
                    AT, True, (NamePeer(AT, "www.foo.com"), block("198.51.100.7/32")), (PortRange(TCP, 443, 443),)
                ),
                FirewallRule(AT, False, None),
            ),
        ),
        EgressFirewall("empty", "firewall", AT),
    )


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("any", None),
        ("tcp/80", (PortRange(TCP, 80, 80),)),
        ("web, sctp", (PortRange(TCP, 80, 80), PortRange(TCP, 8000, 8080), PortRange(SCTP, 0, 65535))),
        ("udp/1-53, web, udp/1-53", (PortRange(UDP, 1, 53), PortRange(TCP, 80, 80), PortRange(TCP, 8000, 8080))),
    ],
)
def test_services_of_a_rule(text: str, ports: tuple[PortRange, ...] | None) -> None:
    assert rule(f"deny {text} to anyone") == FirewallRule(AT, False, None, ports)


@pytest.mark.behaviour("EF-02", "EF-08")
@pytest.mark.parametrize(
    ("text", "peers"),
    [
        ("anyone", None),
        ("0.0.0.0/0", (block("0.0.0.0/0"),)),
        ("192.0.2.1", (block("192.0.2.1/32"),)),
        ("192.0.2.0/24 except 192.0.2.7 except 192.0.2.128/25",
         (block("192.0.2.0/24", "192.0.2.7/32", "192.0.2.128/25"),)),
        ("office", (block("203.0.113.0/24", "203.0.113.128/25"), block("198.51.100.7/32"))),
        ("firewall", (block("10.0.0.0/8"),)),
        ("www.foo.com", (NamePeer(AT, "www.foo.com"),)),
        ("www.foo.com.", (NamePeer(AT, "www.foo.com"),)),
        ("intranet.", (NamePeer(AT, "intranet"),)),
        ('"www.foo.com"', (NamePeer(AT, "www.foo.com"),)),
        ("1.2.3.4.example.com", (NamePeer(AT, "1.2.3.4.example.com"),)),
        ("a.b, 10.0.0.0/8, a.b., 10.0.0.0/8", (NamePeer(AT, "a.b"), block("10.0.0.0/8"))),
    ],
)  # fmt: skip
def test_destinations_of_a_rule(text: str, peers: object) -> None:
    assert rule(f"allow any to {text}") == FirewallRule(AT, True, peers)  # type: ignore[arg-type]


@pytest.mark.behaviour("OUT-01")
def test_sets_are_known_in_all_files_in_any_order() -> None:
    text = "firewall shop { deny web to office }"

    assert read(text, SETS) == read(SETS, text)


@pytest.mark.behaviour("EI-01", "MC-01")
def test_project() -> None:
    assert read("project a { multicast  egress-ip 192.168.100.50, 192.168.100.49  netid 42 }  project b") == (
        ProjectDeclaration(
            "a",
            AT,
            netid=42,
            egress_addresses=tuple(EgressAddress(parse_address(f"192.168.100.{n}"), AT) for n in (50, 49)),
            multicast=True,
        ),
        ProjectDeclaration("b", AT),
    )


@pytest.mark.behaviour("EI-01", "EI-04", "EI-08")
def test_node() -> None:
    text = """node n { address 192.168.100.11/24  egress-ip 192.168.100.50, 192.168.100.51 }
              node m { address 192.168.100.12  egress-cidr 192.168.100.64/26, 192.168.100.128/25 }"""

    assert read(text) == (
        NodeDeclaration(
            "n",
            AT,
            parse_address("192.168.100.11"),
            underlay=prefix("192.168.100.0/24"),
            egress_addresses=tuple(EgressAddress(parse_address(f"192.168.100.{n}"), AT) for n in (50, 51)),
        ),
        NodeDeclaration(
            "m",
            AT,
            parse_address("192.168.100.12"),
            egress_networks=tuple(EgressNetwork(prefix(f"192.168.100.{net}"), AT) for net in ("64/26", "128/25")),
        ),
    )


@pytest.mark.behaviour("EF-11")
def test_endpoints_by_hand() -> None:
    text = """service shop/db { address 172.30.0.7  endpoint 203.0.113.7, 203.0.113.8
                                port tcp/5432  port tcp/80 to 8080  port udp/53 to dns }"""

    assert read(text) == (
        Service(
            "shop",
            "db",
            AT,
            parse_address("172.30.0.7"),
            None,
            (ServicePort(TCP, 5432, 5432), ServicePort(TCP, 80, 8080), ServicePort(UDP, 53, "dns")),
        ),
        Endpoints(
            "shop",
            "db",
            AT,
            (parse_address("203.0.113.7"), parse_address("203.0.113.8")),
            ((TCP, 5432), (TCP, 8080)),
        ),
    )


@pytest.mark.behaviour("OUT-03")
def test_origins() -> None:
    text = """firewall shop {
  allow tcp/80 to www.foo.com,
    office
  deny any to anyone
}
project a { egress-ip 192.168.100.50, 192.168.100.49 }
service shop/db { endpoint 203.0.113.7 }
"""
    firewall, project, _, endpoints = read(text, SETS)
    assert isinstance(firewall, EgressFirewall)
    assert isinstance(project, ProjectDeclaration)

    allow, deny = firewall.rules
    assert firewall.origin.span() == Span(1, 1, 14)
    assert allow.origin.span() == Span(2, 3, 31)
    assert deny.origin.span() == Span(4, 3, 21)
    assert [str(peer.origin) for peer in allow.peers or ()] == ["0.sdn:2:19", "1.sdn:2:20", "1.sdn:2:60"]
    assert [egress.origin.span() for egress in project.egress_addresses] == [Span(6, 23, 37), Span(6, 39, 53)]
    assert endpoints.origin.span() == Span(7, 19, 39)


@pytest.mark.behaviour("EF-07")
@pytest.mark.parametrize(("destination", "place"), [("0.0.0.0/32", "0.sdn:1:29"), ("0.0.0.0", "0.sdn:1:29")])
def test_zero_host(destination: str, place: str) -> None:
    text = f"firewall shop {{ deny any to {destination} }}"
    diagnostics = Diagnostics()
    (found,) = read_dsl([dsl_source("0.sdn", text)], diagnostics)

    assert isinstance(found, EgressFirewall)
    assert found.rules == (FirewallRule(AT, False, (block("0.0.0.0/0"),)),)
    assert told(text) == [(place, "0.0.0.0/32 counts as 0.0.0.0/0")]


@pytest.mark.behaviour("EF-07")
def test_zero_host_in_a_set_counts_in_firewalls_only() -> None:
    uses = [f"firewall {project} {{ deny any to everything }}" for project in "ab"]

    assert told(SETS, "policy a/b { egress { allow any to everything } }") == []
    assert told(SETS, *uses) == [("0.sdn:3:32", "0.0.0.0/32 counts as 0.0.0.0/0")]


@pytest.mark.behaviour("EF-13")
def test_host_bits() -> None:
    assert told("firewall shop { deny any to 10.1.2.3/8 }") == [
        ("0.sdn:1:29", "10.1.2.3/8 has host bits set; it counts as 10.0.0.0/8")
    ]


def test_ipv6_matches_nothing() -> None:
    text = "firewall shop { deny any to 2001:db8::/32 }"
    diagnostics = Diagnostics()
    (found,) = read_dsl([dsl_source("0.sdn", text)], diagnostics)

    assert isinstance(found, EgressFirewall)
    assert found.rules[0].peers == (BlockPeer(AT, None),)
    assert [one.severity for one in diagnostics.sorted()] == [Severity.WARNING]


def test_words_that_are_keywords_elsewhere() -> None:
    text = """
        project firewall { labels multicast=deny, egress-ip=allow }
        firewall deny { allow allow to deny  deny deny to allow }
        addresses allow = 10.0.0.0/8  addresses deny = 10.0.0.0/8
        services allow = tcp  services deny = udp
        service endpoint/multicast { endpoint 1.2.3.4 }
    """

    assert [getattr(one, "name") for one in read(text)] == ["firewall", "firewall", "multicast", "multicast"]  # noqa: B009
