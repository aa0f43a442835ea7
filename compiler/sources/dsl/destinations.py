"""Where an egress router's connections go: its redirects, or its `http-proxy` or `dns-proxy` block (ER-05)."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from attrs import frozen

from compiler import codes
from compiler.declarations import (
    DnsProxy,
    Forward,
    HttpProxy,
    ProxyHost,
    ProxyRule,
    Redirect,
    Redirects,
    RouterMode,
)
from compiler.diagnostics import Related
from compiler.sources.dsl.border import Border, first
from compiler.sources.dsl.firewalls import is_dns_name
from compiler.sources.dsl.policies import LIKE_ADDRESS, Names
from compiler.sources.dsl.services import port_number, single_port
from compiler.sources.dsl.sets import Reference, is_set_name
from compiler.values.names import refuse_dns_name
from compiler.values.prefix import Prefix
from compiler.values.services import Protocol
from grammar import syntax
from grammar.syntax import Place, Word

_REDIRECTED = (Protocol.TCP, Protocol.UDP)
_FORWARDED = (Protocol.TCP,)


@frozen
class Purpose:
    """What a router is for."""

    mode: RouterMode
    destinations: Redirects | HttpProxy | DnsProxy


@frozen
class _Router:
    """The router that is read, where to report about it, and the sets that it may name."""

    statement: syntax.EgressRouter
    names: Names
    border: Border

    def refuse(self, place: Place, reason: str, before: Place | None = None) -> None:
        """Reports BAD_ROUTER; `before` is the place of what came first."""
        related = (Related("first defined here", self.border.origin(before)),) if before else ()
        name = self.statement.name.text
        self.border.report(codes.BAD_ROUTER, place, related=related, name=name, reason=reason)


def destinations(statement: syntax.EgressRouter, names: Names, border: Border) -> Purpose | None:
    """The router's mode, which follows from its items, and its destinations; None after a report."""
    router = _Router(statement, names, border)
    found: dict[str, tuple[Place, Purpose | None]] = {}
    for item in statement.items:
        match item:
            case syntax.Redirect() | syntax.Fallback() if "redirects" not in found:
                found["redirects"] = item.place, Purpose(RouterMode.INIT, _redirects(router))
            case syntax.HttpProxy() if "http-proxy" not in found:
                found["http-proxy"] = item.place, _http_proxy(item, router)
            case syntax.DnsProxy() if "dns-proxy" not in found:
                found["dns-proxy"] = item.place, _dns_proxy(item, router)
            case _:
                pass
    if not found:
        router.refuse(statement.place, "it has no destination: no redirect, no fallback, no http-proxy, no dns-proxy")
        return None
    (first_kind, (first_place, purpose)), *others = found.items()
    for kind, (place, _) in others:
        router.refuse(place, f"it has {first_kind} and {kind}; make two routers of it", first_place)
    return purpose


def _local_port(word: Word, allowed: Collection[Protocol], border: Border) -> tuple[Protocol, int] | None:
    """A port of the router; reports BAD_PORT, and BAD_PROTOCOL for a protocol that it does not take (ER-06, ER-10)."""
    found = single_port(word, border)
    if found is None or found[0] in allowed:
        return found
    taken = " and ".join(protocol.name.lower() for protocol in allowed)
    hint = f"; this mode of an egress router takes {taken}"
    border.report(codes.BAD_PROTOCOL, word.place, value=word.text.partition("/")[0], hint=hint)
    return None


@frozen
class _LocalPorts:
    """The router's ports that are in use; each serves one destination (ER-06)."""

    router: _Router
    _used: dict[tuple[Protocol, int], Place]

    def take(self, word: Word, port: tuple[Protocol, int]) -> None:
        """Reports a port that is already in use."""
        before = self._used.setdefault(port, word.place)
        if before is not word.place:
            self.router.refuse(word.place, f"its port {port[0].name.lower()}/{port[1]} is used twice", before)


def _redirects(router: _Router) -> Redirects:
    border = router.border
    ports = _LocalPorts(router, {})
    found: list[Redirect] = []
    for item in router.statement.items:
        if not isinstance(item, syntax.Redirect):
            continue
        local = _local_port(item.port, _REDIRECTED, border)
        address = border.address(item.address)
        remote = port_number(item.remote_port, border) if item.remote_port else local and local[1]
        if local is not None:
            ports.take(item.port, local)
        if local is not None and address is not None and remote is not None:
            found.append(Redirect(border.origin(item.place), *local, address, remote))
    fallback = first(router.statement.items, syntax.Fallback)
    return Redirects(tuple(found), border.address(fallback.address) if fallback else None)


def _dns_proxy(item: syntax.DnsProxy, router: _Router) -> Purpose | None:
    border = router.border
    if not item.forwards:
        router.refuse(item.place, "its dns-proxy block is empty")
        return None
    ports = _LocalPorts(router, {})
    found: list[Forward] = []
    for forward in item.forwards:
        local = _local_port(forward.port, _FORWARDED, border)
        to = _server(forward.to, border)
        remote = port_number(forward.remote_port, border) if forward.remote_port else local and local[1]
        if local is not None:
            ports.take(forward.port, local)
        if local is not None and to is not None and remote is not None:
            found.append(Forward(border.origin(forward.place), local[1], to, remote))
    return Purpose(RouterMode.DNS_PROXY, DnsProxy(tuple(found)))


def _server(word: Word, border: Border) -> int | str | None:
    """An address or a host name (ER-10); reports BAD_ADDRESS and BAD_DNS_NAME."""
    if LIKE_ADDRESS.fullmatch(word.text):
        return border.address(word)
    name = _host_name(word, word.text, border)
    if name is not None and "." not in name:
        reason = "it is no full name: haproxy looks it up as it is, in no domain"
        border.report(codes.BAD_DNS_NAME, word.place, value=word.text, reason=reason)
        return None
    return name


def _host_name(word: Word, name: str, border: Border) -> str | None:
    """The name without its trailing dot; reports BAD_DNS_NAME."""
    if reason := refuse_dns_name(name):
        border.report(codes.BAD_DNS_NAME, word.place, value=word.text, reason=reason)
        return None
    return name.removesuffix(".")


def _http_proxy(item: syntax.HttpProxy, router: _Router) -> Purpose | None:
    if not any(isinstance(rule, syntax.ProxyAllow) for rule in item.rules):
        router.refuse(item.place, "its http-proxy block allows nothing")
        return None
    for rule in item.rules[:-1]:
        if isinstance(rule.to, syntax.Everything):
            router.refuse(rule.place, "`all` stands in the last rule of an http-proxy only")
    rules = tuple(found for rule in item.rules for found in _proxy_rules(rule, router))
    if not any(rule.allow for rule in rules) and not router.border.diagnostics.failed:
        # Such as a set of nothing but IPv6 networks.
        router.refuse(item.place, "its http-proxy block allows nothing")
    return Purpose(RouterMode.HTTP_PROXY, HttpProxy(rules))


def _proxy_rules(rule: syntax.ProxyAllow | syntax.ProxyDeny, router: _Router) -> Iterator[ProxyRule]:
    """One rule for each member of the list (ER-09); none for `deny all`, which is what holds without it."""
    allow = isinstance(rule, syntax.ProxyAllow)
    if isinstance(rule.to, syntax.Everything):
        if allow:
            yield ProxyRule(router.border.origin(rule.place), allow, None)
        return
    for word in rule.to:
        for to in _proxied(word, router):
            yield ProxyRule(router.border.origin(word.place), allow, to)


def _proxied(word: Word, router: _Router) -> Iterator[Prefix | ProxyHost]:
    """What a member stands for: a domain, a host, a network, or the networks of an address set."""
    border, text = router.border, word.text
    subdomains = text.startswith("*.")
    if "*" in text.removeprefix("*."):
        reason = "the one wildcard is that of *.example.com"
        border.report(codes.BAD_DNS_NAME, word.place, value=text, reason=reason)
    elif subdomains or is_dns_name(text):
        if name := _host_name(word, text.removeprefix("*."), border):
            yield ProxyHost(name, subdomains)
    elif is_set_name(text):
        yield from _members(word, router)
    elif (prefix := border.network_or_address(word)) is not None:
        yield prefix


def _members(word: Word, router: _Router) -> Iterator[Prefix]:
    """The networks of an address set; reports what a proxy's list cannot say."""
    border, addresses = router.border, router.names.addresses
    reference = Reference(word.text, border.origin(word.place))
    addresses.check_references([reference], (), border.diagnostics)
    for block in addresses.expand([reference]):
        if block.excepts:
            reason = f"address set {word.text!r} has `except`, which the list of an http-proxy has not"
            router.refuse(word.place, reason)
        elif block.prefix is not None:
            yield block.prefix
