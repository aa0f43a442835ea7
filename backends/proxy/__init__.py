"""Proxies of egress routers: squid for the mode http-proxy (ER-09), haproxy for the mode dns-proxy (ER-10).

Either file is for a proxy that runs in the router's pod, as any user, in the foreground: `squid -N -f squid.conf`,
`haproxy -db -f haproxy.cfg`.  The pod has its interfaces, addresses and rules already when it starts, and lets every
user listen at low ports.
"""

from __future__ import annotations

from backends.lines import Line
from backends.proxy.haproxy import haproxy_text, server_line
from backends.proxy.squid import access_lines, squid_text
from compiler.declarations import DnsProxy, EgressRouter, HttpProxy
from compiler.plan.node import NodePlan

__all__ = ["proxy_lines", "render"]


def render(plan: NodePlan) -> dict[str, str]:
    """The files of a node, by their path below the node's folder: one for each proxy that it may run."""
    files = {}
    for router in plan.routers:
        match router.router.destinations:
            case HttpProxy() as proxy:
                files[f"egress-routers/{router.name}/squid.conf"] = squid_text(router.router, proxy)
            case DnsProxy() as proxy:
                files[f"egress-routers/{router.name}/haproxy.cfg"] = haproxy_text(router.router, proxy)
    return files


def proxy_lines(router: EgressRouter) -> list[Line]:
    """The lines of a router's proxy that its destinations ask for; none if it is no proxy."""
    match router.destinations:
        case HttpProxy() as proxy:
            return access_lines(router, proxy)
        case DnsProxy(forwards):
            return [server_line(forward) for forward in forwards]
        case _:
            return []
