"""Routers that are proxies, made without a source."""

from __future__ import annotations

from compiler.declarations import DnsProxy, EgressRouter, Forward, HttpProxy, ProxyHost, ProxyRule, RouterMode
from compiler.origin import Origin, Source, Span
from compiler.values.prefix import Prefix, parse_address

SOURCE = "192.168.12.99"
GATEWAY = "192.168.12.1"

PAGE = ("!*.example.com", "!192.168.1.0/24", "*")
"""The example of the OpenShift 3.7 documentation."""


TEXT = Source("router", "", lambda path: Span(1, 1, 2))


def origin(line: int) -> Origin:
    return Origin(TEXT, Span(line, 1, 2))


def proxy_rule(text: str, line: int = 1) -> ProxyRule:
    """A line of EGRESS_HTTP_PROXY_DESTINATION that is right."""
    to = text.removeprefix("!")
    target: Prefix | ProxyHost | None
    if to == "*":
        target = None
    elif to.startswith("*."):
        target = ProxyHost(to[2:], subdomains=True)
    elif to[0].isdigit():
        target = Prefix.parse(to if "/" in to else f"{to}/32")[0]
    else:
        target = ProxyHost(to)
    return ProxyRule(origin(line), to == text, target)


def http_proxy(*lines: str) -> HttpProxy:
    return HttpProxy(tuple(proxy_rule(text, number) for number, text in enumerate(lines, 1)))


def dns_proxy(*lines: str) -> DnsProxy:
    """The forwards of lines of EGRESS_DNS_PROXY_DESTINATION that are right."""
    forwards = []
    for number, line in enumerate(lines, 1):
        port, to, *remote = line.split()
        target = parse_address(to) if to[0].isdigit() else to
        forwards.append(Forward(origin(number), int(port), target, int(remote[0] if remote else port)))
    return DnsProxy(tuple(forwards))


def router(destinations: HttpProxy | DnsProxy, source: str = SOURCE) -> EgressRouter:
    mode = RouterMode.HTTP_PROXY if isinstance(destinations, HttpProxy) else RouterMode.DNS_PROXY
    addresses = parse_address(source), parse_address(GATEWAY)
    return EgressRouter("shop", "web-proxy", origin(0), mode, *addresses, destinations)
