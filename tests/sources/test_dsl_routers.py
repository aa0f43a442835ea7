"""The DSL's egress routers, and what a cluster block says about them."""

from __future__ import annotations

import pytest

from compiler.declarations import (
    ClusterDeclaration,
    Declaration,
    DnsProxy,
    EgressRouter,
    Forward,
    HttpProxy,
    Platform,
    ProxyHost,
    ProxyRule,
    Redirect,
    Redirects,
    RouterDeployment,
    RouterMode,
)
from compiler.diagnostics import Diagnostics
from compiler.origin import Origin, Span
from compiler.sources.dsl import dsl_source, read_dsl
from compiler.values.labels import Selector
from compiler.values.prefix import Prefix, parse_address
from compiler.values.services import Protocol

AT = Origin(dsl_source("", ""))
TCP, UDP = Protocol.TCP, Protocol.UDP

ADDRESSES = "source 192.168.12.99 gateway 192.168.12.1"
SETS = """
addresses office = 203.0.113.0/24, 198.51.100.7
addresses everything = office, net
addresses net = 10.0.0.0/8
"""


def read(*texts: str) -> tuple[Declaration, ...]:
    """The declarations of texts that nothing is wrong with."""
    diagnostics = Diagnostics()
    declarations = read_dsl([dsl_source(f"{n}.sdn", text) for n, text in enumerate(texts)], diagnostics)
    assert diagnostics.sorted() == ()
    return declarations


def router(items: str, addresses: str = ADDRESSES) -> EgressRouter:
    """A router with these items."""
    (found,) = read(f"egress-router shop/r {{ {addresses} {items} }}", SETS)
    assert isinstance(found, EgressRouter)
    return found


def redirect(protocol: Protocol, port: int, address: str, remote_port: int) -> Redirect:
    return Redirect(AT, protocol, port, parse_address(address), remote_port)


@pytest.mark.behaviour("ER-01", "ER-04", "ER-06", "ER-14")
def test_redirects() -> None:
    text = """
        egress-router shop/legacy-db {
          source 192.168.12.99/24
          gateway 192.168.12.1
          interface eth1
          nodes site=springfield-1
          redirect tcp/80 to 203.0.113.25
          redirect tcp/8080 to 203.0.113.26 port 80 ;
          redirect udp/80 to 203.0.113.26 port 443
          fallback 203.0.113.27
        }
    """

    assert read(text) == (
        EgressRouter(
            "shop",
            "legacy-db",
            AT,
            RouterMode.INIT,
            parse_address("192.168.12.99"),
            parse_address("192.168.12.1"),
            Redirects(
                (
                    redirect(TCP, 80, "203.0.113.25", 80),
                    redirect(TCP, 8080, "203.0.113.26", 80),
                    redirect(UDP, 80, "203.0.113.26", 443),
                ),
                parse_address("203.0.113.27"),
            ),
            source_length=24,
            interface="eth1",
            nodes=Selector.equal({"site": "springfield-1"}),
        ),
    )


@pytest.mark.behaviour("ER-04", "ER-06")
def test_fallback_alone() -> None:
    found = router("fallback 203.0.113.25")

    assert found.destinations == Redirects((), parse_address("203.0.113.25"))
    assert found.source_length == 32


@pytest.mark.behaviour("ER-04")
@pytest.mark.parametrize(("written", "length"), [("192.0.2.7", 32), ("192.0.2.7/32", 32), ("192.0.2.7/8", 8)])
def test_length_of_the_source(written: str, length: int) -> None:
    found = router("fallback 203.0.113.25", f"gateway 192.0.2.1 source {written}")

    assert (found.source, found.source_length) == (parse_address("192.0.2.7"), length)


@pytest.mark.behaviour("ER-05", "ER-09")
@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("deny *.example.com  deny 192.168.1.0/24  allow all",
         [(False, ProxyHost("example.com", True)), (False, Prefix.parse("192.168.1.0/24")[0]), (True, None)]),
        ("deny *.example.com, 192.168.1.0/24; allow *",
         [(False, ProxyHost("example.com", True)), (False, Prefix.parse("192.168.1.0/24")[0]), (True, None)]),
        ("allow www.example.com, example.com., intranet., 192.0.2.7",
         [(True, ProxyHost("www.example.com")), (True, ProxyHost("example.com")), (True, ProxyHost("intranet")),
          (True, Prefix(parse_address("192.0.2.7"), 32))]),
        ("allow everything",
         [(True, Prefix.parse(text)[0]) for text in ("203.0.113.0/24", "198.51.100.7/32", "10.0.0.0/8")]),
        ("deny \"*.com\", \"office\"; allow net deny all",
         [(False, ProxyHost("com", True)), (False, Prefix.parse("203.0.113.0/24")[0]),
          (False, Prefix.parse("198.51.100.7/32")[0]), (True, Prefix.parse("10.0.0.0/8")[0])]),
    ],
)  # fmt: skip
def test_http_proxy(text: str, rules: list[tuple[bool, Prefix | ProxyHost | None]]) -> None:
    found = router(f"http-proxy {{ {text} }}")

    assert found.mode is RouterMode.HTTP_PROXY
    assert found.destinations == HttpProxy(tuple(ProxyRule(AT, allow, to) for allow, to in rules))


@pytest.mark.behaviour("ER-05", "ER-10")
def test_dns_proxy() -> None:
    found = router(
        """dns-proxy {
             forward tcp/80 to www.example.com port 8080
             forward tcp/25 to mail.example.com. ; forward tcp/26 to mail.test
             forward tcp/5432 to 203.0.113.40
           }"""
    )

    assert found.mode is RouterMode.DNS_PROXY
    assert found.destinations == DnsProxy(
        (
            Forward(AT, 80, "www.example.com", 8080),
            Forward(AT, 25, "mail.example.com", 25),
            Forward(AT, 26, "mail.test", 26),
            Forward(AT, 5432, parse_address("203.0.113.40"), 5432),
        )
    )


@pytest.mark.behaviour("ER-13")
@pytest.mark.parametrize(
    ("text", "deployment"),
    [
        ("", RouterDeployment()),
        ("deploy replication-controller", RouterDeployment(controller=True)),
        ("deploy pod config-map", RouterDeployment(controller=False, config_map=True)),
        ("image registry.example.com:5000/team/router:v3.7",
         RouterDeployment(image="registry.example.com:5000/team/router:v3.7")),
    ],
)  # fmt: skip
def test_deployment(text: str, deployment: RouterDeployment) -> None:
    assert router(f"fallback 203.0.113.25 {text}").deployment == deployment


@pytest.mark.behaviour("ER-14")
@pytest.mark.parametrize(
    ("text", "node", "nodes"),
    [
        ("", None, None),
        ("node node-1", "node-1", None),
        ("nodes a=b, c=d", None, Selector.equal({"a": "b", "c": "d"})),
        ("nodes all", None, None),
    ],
)
def test_where_it_runs(text: str, node: str | None, nodes: Selector | None) -> None:
    found = router(f"fallback 203.0.113.25 {text}")

    assert (found.node, found.nodes) == (node, nodes)


@pytest.mark.behaviour("ER-15")
@pytest.mark.parametrize("platform", Platform)
def test_platform(platform: Platform) -> None:
    assert read(f"cluster {{ platform {platform.value} }}") == (ClusterDeclaration(AT, platform=platform),)


@pytest.mark.behaviour("HN-01")
def test_hostname_changes() -> None:
    assert read("cluster { allow-hostname-changes }  cluster {}") == (
        ClusterDeclaration(AT, allow_hostname_changes=True),
        ClusterDeclaration(AT),
    )


@pytest.mark.behaviour("OUT-03")
def test_origins() -> None:
    text = """egress-router shop/r {
  source 192.168.12.99 gateway 192.168.12.1
  redirect tcp/80 to 203.0.113.25
    port 81
}
egress-router shop/p { source 192.168.12.98 gateway 192.168.12.1
  http-proxy { deny a.b, everything allow all }
}
egress-router shop/d { source 192.168.12.97 gateway 192.168.12.1
  dns-proxy { forward tcp/80 to a.b }
}
"""
    redirects, proxy, dns = read(text, SETS)
    assert isinstance(redirects, EgressRouter)
    assert isinstance(redirects.destinations, Redirects)
    assert isinstance(proxy, EgressRouter)
    assert isinstance(proxy.destinations, HttpProxy)
    assert isinstance(dns, EgressRouter)
    assert isinstance(dns.destinations, DnsProxy)

    assert redirects.origin.span() == Span(1, 1, 21)
    assert [one.origin.span() for one in redirects.destinations.redirects] == [Span(3, 3, 34)]
    assert [str(rule.origin) for rule in proxy.destinations.rules] == [
        "0.sdn:7:21", "0.sdn:7:26", "0.sdn:7:26", "0.sdn:7:26", "0.sdn:7:37",
    ]  # fmt: skip
    assert [one.origin.span() for one in dns.destinations.forwards] == [Span(10, 15, 36)]
