"""haproxy.cfg of an egress router in the mode dns-proxy (ER-10): TCP connections to a port go to an address or a name.

Needs haproxy 2.0 or newer.  Names are resolved while it runs, by the name servers of the pod's resolv.conf; it starts
without them, and closes connections to a name that has no address yet.  Of a name it uses up to `ADDRESSES` addresses
in turn, and tries another one if a connection fails.
"""

from __future__ import annotations

from collections.abc import Iterator

from backends.lines import File, Line
from backends.proxy.words import word
from backends.templates import template
from compiler.declarations import DnsProxy, EgressRouter, Forward
from compiler.values.prefix import format_address

ADDRESSES = 8
"""Addresses of a name that are in use at one time, at most."""


def haproxy_file(router: EgressRouter, proxy: DnsProxy) -> File:
    """The file of a router, its ports in order of their numbers."""
    forwards = sorted(proxy.forwards, key=lambda forward: forward.port)
    text = template("backends.proxy", "haproxy.cfg.j2").render(
        router=word(f"{router.project}/{router.name}"),
        source=format_address(router.source),
        forwards=[(forward.port, server_line(forward).text) for forward in forwards],
        resolves=any(isinstance(forward.to, str) for forward in forwards),
    )

    def lines() -> Iterator[Line]:
        """All that is there for a port: its frontend and its backend."""
        for forward in forwards:
            origins = (forward.origin,)
            for head in (f"frontend tcp-{forward.port}", f"bind 0.0.0.0:{forward.port}"):
                yield Line(head, origins)
            yield Line(f"default_backend tcp-{forward.port}", origins)
            yield Line(f"backend tcp-{forward.port}", origins)
            yield server_line(forward)

    return File(text, (router.origin,), lines)


def server_line(forward: Forward) -> Line:
    """Where the connections to a port go.  The server has the port's name, so that no two lines are equal."""
    if isinstance(forward.to, int):
        text = f"server tcp-{forward.port} {format_address(forward.to)}:{forward.remote_port}"
    else:
        host = f"{word(forward.to)}:{forward.remote_port}"
        resolved = "resolvers pod resolve-prefer ipv4 init-addr none"
        text = f"server-template tcp-{forward.port}- 1-{ADDRESSES} {host} {resolved}"
    return Line(text, (forward.origin,))
