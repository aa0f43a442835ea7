"""The destination variables of egress routers: what each line of their lists means (ER-06, ER-09, ER-10).

The syntax is that of `grammar/destinations`.  What the scripts of the egress router images refuse is an error here,
too; sdnc differs where they misread a line:

- 53/tcp beside 53/udp is fine (ER-06), as are tabs and the line ends of Windows.
- The HTTP proxy's script takes a line of one word without a dot, such as `intranet`, for a comment.  It is a host name.
- Neither takes `!*`, nor anything behind a `*`; a second `*`, which the script takes, is behind the first.
- haproxy resolves full names only, so a name without a dot is an error in the list of a DNS proxy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import TypeVar

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
from compiler.diagnostics import Diagnostics, Related
from compiler.origin import Origin
from compiler.sources.positions import piece_of
from compiler.values.ipv6 import parse_ipv6
from compiler.values.names import refuse_dns_name
from compiler.values.ports import MAX_PORT
from compiler.values.prefix import WIDTH, Prefix, parse_address
from compiler.values.services import Protocol
from grammar.destinations import Parsed, parse_dns_proxy, parse_http_proxy, parse_redirects, syntax
from grammar.syntax import Place, Word

Destinations = Redirects | HttpProxy | DnsProxy

Line = TypeVar("Line")

_PROTOCOLS = {"tcp": Protocol.TCP, "udp": Protocol.UDP}


@frozen
class DestinationList:
    """The text of a destination variable: its name for messages, and where the text is written."""

    name: str
    text: str
    origin: Origin
    diagnostics: Diagnostics
    _starts: Sequence[int]
    """The offset in the text of each line."""

    @classmethod
    def of(cls, name: str, text: str, origin: Origin, diagnostics: Diagnostics) -> DestinationList:
        """The list in a text."""
        starts = tuple(accumulate((len(line) + 1 for line in text.split("\n")), initial=0))
        return cls(name, text, origin, diagnostics, starts)

    def at(self, place: Place) -> Origin:
        """Where a piece of the text is in its file."""
        start = self._starts[place.line - 1]
        return piece_of(self.origin, start + place.column - 1, start + place.end_column - 1)

    def wrong(self, place: Place, reason: object, *related: Related) -> None:
        """Reports a line."""
        where = self.at(place)
        self.diagnostics.report(
            codes.BAD_DESTINATION_LINE, where, related=related, variable=self.name, line=place.line, reason=reason
        )

    def lines(self, parsed: Parsed[Line]) -> tuple[Line, ...]:
        """The lines that could be read; reports the others."""
        for fault in parsed.faults:
            self.wrong(fault.place, fault)
        return parsed.lines

    def port(self, word: Word) -> int | None:
        """A port number, 1 to 65535; leading zeros, which some read as octal, are refused."""
        if len(word.text) > len(str(MAX_PORT)) or word.text.startswith("0") or int(word.text) > MAX_PORT:
            self.wrong(word.place, f"port {word.text} is no number from 1 to {MAX_PORT}")
            return None
        return int(word.text)

    def address(self, word: Word) -> int | None:
        """An IPv4 address."""
        try:
            return parse_address(word.text)
        except ValueError:
            self.wrong(word.place, f"'{word.text}' is no IPv4 address")
            return None

    def host(self, place: Place, text: str) -> str | None:
        """A host name, in lower case and without a trailing dot."""
        name = text.lower().removesuffix(".")
        if reason := refuse_dns_name(name):
            self.wrong(place, f"'{text}' is no host name: {reason}")
            return None
        return name


def read_destinations(mode: RouterMode, listed: DestinationList) -> Destinations:
    """What an egress router of a mode does with the list; lines that are reported are left out."""
    return _READERS[mode](listed)


def _read_redirects(listed: DestinationList) -> Redirects:
    lines = listed.lines(parse_redirects(listed.text))
    redirects: dict[tuple[Protocol, int], Redirect] = {}
    fallback = None
    for line in lines:
        if isinstance(line, syntax.Fallback):
            fallback = listed.address(line.address)
            if line is not lines[-1]:
                listed.wrong(line.place, "only the last line may be a lone address, which all other ports go to")
            continue
        redirect = _read_redirect(listed, line)
        if redirect is None:
            continue
        key = redirect.protocol, redirect.port
        if key in redirects:
            _used_twice(listed, line.port, f"{line.protocol.text}/{redirect.port}", redirects[key].origin)
        redirects.setdefault(key, redirect)
    return Redirects(tuple(redirects.values()), fallback)


def _read_redirect(listed: DestinationList, line: syntax.Redirect) -> Redirect | None:
    port, address = listed.port(line.port), listed.address(line.address)
    remote = port if line.remote_port is None else listed.port(line.remote_port)
    if port is None or address is None or remote is None:
        return None
    return Redirect(listed.at(line.place), _PROTOCOLS[line.protocol.text], port, address, remote)


def _used_twice(listed: DestinationList, word: Word, port: str, first: Origin) -> None:
    listed.wrong(word.place, f"another line is for port {port}, too", Related("the other", first))


def _read_http_proxy(listed: DestinationList) -> HttpProxy:
    lines = listed.lines(parse_http_proxy(listed.text))
    rules: list[ProxyRule] = []
    for line in lines:
        origin = listed.at(line.place)
        if isinstance(line, syntax.Everything):
            if line is not lines[-1]:
                listed.wrong(line.place, "only the last line may be `*`, which allows all the rest")
            rules.append(ProxyRule(origin, True, None))
            continue
        to = _read_proxy_destination(listed, line.destination)
        if to is not None:
            rules.append(ProxyRule(origin, isinstance(line, syntax.Allow), to))
    return HttpProxy(tuple(rules))


def _read_proxy_destination(
    listed: DestinationList, found: syntax.Address | syntax.Network | syntax.HostName | syntax.Domain
) -> Prefix | ProxyHost | None:
    """What a line is about; None after a report, also of an IPv6 network, which no packet here goes to (NP-19)."""
    text = found.word.text
    match found:
        case syntax.HostName():
            name = listed.host(found.place, text)
            return None if name is None else ProxyHost(name)
        case syntax.Domain():
            domain = listed.host(found.place, text.removeprefix("*."))
            return None if domain is None else ProxyHost(domain, subdomains=True)
        case _ if parse_ipv6(text):
            listed.diagnostics.report(codes.IPV6_BLOCK, listed.at(found.place), value=text)
            return None
        case syntax.Address():
            address = listed.address(found.word)
            return None if address is None else Prefix(address, WIDTH)
        case syntax.Network():
            return _read_network(listed, found.word)


def _read_network(listed: DestinationList, word: Word) -> Prefix | None:
    try:
        prefix, host_bits = Prefix.parse(word.text)
    except ValueError:
        listed.wrong(word.place, f"'{word.text}' is no IPv4 network")
        return None
    if host_bits:
        listed.diagnostics.report(codes.HOST_BITS, listed.at(word.place), value=word.text, network=prefix)
    return prefix


def _read_dns_proxy(listed: DestinationList) -> DnsProxy:
    forwards: dict[int, Forward] = {}
    for line in listed.lines(parse_dns_proxy(listed.text)):
        forward = _read_forward(listed, line)
        if forward is None:
            continue
        if forward.port in forwards:
            _used_twice(listed, line.port, line.port.text, forwards[forward.port].origin)
        forwards.setdefault(forward.port, forward)
    return DnsProxy(tuple(forwards.values()))


def _read_forward(listed: DestinationList, line: syntax.Forward) -> Forward | None:
    port = listed.port(line.port)
    remote = port if line.remote_port is None else listed.port(line.remote_port)
    destination = line.destination
    to: int | str | None
    if isinstance(destination, syntax.Address):
        to = listed.address(destination.word)
    else:
        to = listed.host(destination.place, destination.word.text)
        if to is not None and "." not in to:
            listed.wrong(destination.place, f"'{to}' is no full name: haproxy looks it up as it is, in no domain")
            to = None
    if port is None or remote is None or to is None:
        return None
    return Forward(listed.at(line.place), port, to, remote)


_READERS: Mapping[RouterMode, Callable[[DestinationList], Destinations]] = {
    RouterMode.INIT: _read_redirects,
    RouterMode.LEGACY: _read_redirects,
    RouterMode.HTTP_PROXY: _read_http_proxy,
    RouterMode.DNS_PROXY: _read_dns_proxy,
}
