"""The variable of an egress router that holds its destinations, as its image reads it (ER-06, ER-09, ER-10)."""

from __future__ import annotations

from attrs import frozen

from compiler.declarations import HTTP_PROXY_PORT, DnsProxy, HttpProxy, ProxyRule, Redirects
from compiler.values.prefix import Prefix, format_address
from compiler.values.services import Protocol


@frozen
class Variable:
    """An environment variable, its value line by line, and the Service's ports: number by protocol, sorted."""

    name: str
    lines: tuple[str, ...]
    ports: tuple[tuple[Protocol, int], ...]

    @property
    def text(self) -> str:
        """The value."""
        return "".join(f"{line}\n" for line in self.lines)


def variable(destinations: Redirects | HttpProxy | DnsProxy) -> Variable:
    """The variable of a router.  The ports that a fallback serves are not known, so that it has none."""
    match destinations:
        case Redirects(redirects, fallback):
            lines = [
                _line(f"{one.port} {one.protocol.name.lower()}", format_address(one.address), one.port, one.remote_port)
                for one in redirects
            ]
            if fallback is not None:
                lines.append(format_address(fallback))
            ports = {(one.protocol, one.port) for one in redirects}
            return Variable("EGRESS_DESTINATION", tuple(lines), tuple(sorted(ports, key=_port_key)))
        case HttpProxy(rules):
            told = tuple(_proxy_line(rule) for rule in rules if rule.allow or rule.to is not None)
            return Variable("EGRESS_HTTP_PROXY_DESTINATION", told, ((Protocol.TCP, HTTP_PROXY_PORT),))
        case DnsProxy(forwards):
            lines = [
                _line(f"{one.port}", _host(one.to), one.port, one.remote_port)
                for one in sorted(forwards, key=lambda one: one.port)
            ]
            ports = {(Protocol.TCP, one.port) for one in forwards}
            return Variable("EGRESS_DNS_PROXY_DESTINATION", tuple(lines), tuple(sorted(ports, key=_port_key)))


def _port_key(port: tuple[Protocol, int]) -> tuple[int, str]:
    protocol, number = port
    return number, protocol.name


def _line(start: str, host: str, port: int, remote_port: int) -> str:
    """A line with the remote port only where it is another one."""
    return f"{start} {host}" if port == remote_port else f"{start} {host} {remote_port}"


def _host(host: int | str) -> str:
    return host if isinstance(host, str) else format_address(host)


def _proxy_line(rule: ProxyRule) -> str:
    """A line of an HTTP proxy's list.  A rule that denies everything is none: that is so without it."""
    match rule.to:
        case None:
            to = "*"
        case Prefix():
            to = rule.to.short()
        case host:
            to = f"*.{host.name}" if host.subdomains else host.name
    return to if rule.allow else f"!{to}"
