"""Proxies of egress routers: squid for the mode http-proxy (ER-09), haproxy for the mode dns-proxy (ER-10).

Either file is for a proxy that runs in the router's pod, as any user, in the foreground: `squid -N -f squid.conf`,
`haproxy -db -f haproxy.cfg`.  The pod has its interfaces, addresses and rules already when it starts, and lets every
user listen at low ports.
"""

from __future__ import annotations

from backends.lines import File
from backends.proxy.haproxy import haproxy_file
from backends.proxy.squid import squid_file
from compiler.declarations import DnsProxy, HttpProxy
from compiler.plan.node import NodePlan

__all__ = ["render"]


def render(plan: NodePlan) -> dict[str, File]:
    """The files of a node, by their path below the node's folder: one for each proxy that it may run."""
    files = {}
    for router in plan.routers:
        match router.router.destinations:
            case HttpProxy() as proxy:
                files[f"egress-routers/{router.name}/squid.conf"] = squid_file(router.router, proxy)
            case DnsProxy() as proxy:
                files[f"egress-routers/{router.name}/haproxy.cfg"] = haproxy_file(router.router, proxy)
    return files
