"""Plans of a node that may run egress routers, made by hand; the routers' values are those of the documentation."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import evolve

from compiler.declarations import (
    DnsProxy,
    EgressRouter,
    Forward,
    HttpProxy,
    Platform,
    ProxyRule,
    Redirect,
    Redirects,
    RouterMode,
)
from compiler.model.model import Router
from compiler.origin import Origin, Source, Span
from compiler.plan.node import NodePlan, plan_node
from compiler.values.prefix import parse_address
from compiler.values.services import Protocol
from tests.compiling import CLUSTER, compiled, declare

SOURCE = "192.168.12.99"
GATEWAY = "192.168.12.1"

_FILE = Source("router.yaml", "", lambda path: Span(1, 1, 2))
HERE = Origin(_FILE, ("metadata",))


def origin(*path: str | int) -> Origin:
    """A place in the file of the router."""
    return Origin(_FILE, path)


def redirects(*lines: str, fallback: str | None = None) -> Redirects:
    """Redirects of lines such as `80 tcp 203.0.113.25` and `8080 tcp 203.0.113.26 80`."""
    made = []
    for number, line in enumerate(lines):
        port, protocol, address, *remote = line.split()
        made.append(
            Redirect(
                origin("line", number),
                Protocol[protocol.upper()],
                int(port),
                parse_address(address),
                int(remote[0] if remote else port),
            )
        )
    return Redirects(tuple(made), parse_address(fallback) if fallback else None)


PAGE = redirects(
    "80 tcp 203.0.113.25", "8080 tcp 203.0.113.26 80", "8443 tcp 203.0.113.26 443", fallback="203.0.113.27"
)
"""The example of the OpenShift 3.7 documentation."""

HTTP = HttpProxy((ProxyRule(HERE, True, None),))
DNS = DnsProxy(
    (Forward(HERE, 8081, "www.example.com", 80), Forward(HERE, 8080, parse_address("203.0.113.25"), 80)),
)

_MODES = {Redirects: RouterMode.INIT, HttpProxy: RouterMode.HTTP_PROXY, DnsProxy: RouterMode.DNS_PROXY}


def egress_router(
    destinations: Redirects | HttpProxy | DnsProxy = PAGE,
    *,
    name: str = "shop/legacy-db",
    source: str = f"{SOURCE}/32",
    gateway: str = GATEWAY,
    interface: str | None = None,
) -> EgressRouter:
    """A router; its name is `PROJECT/NAME`, its source has the prefix length."""
    project, _, own = name.partition("/")
    address, _, length = source.partition("/")
    return EgressRouter(
        project,
        own,
        HERE,
        _MODES[type(destinations)],
        parse_address(address),
        parse_address(gateway),
        destinations,
        int(length),
        interface,
    )


def node_plan(
    routers: Iterable[EgressRouter], *, platform: Platform | None = None, node: str = "node-1", text: str = CLUSTER
) -> NodePlan:
    """The plan of a node of the cluster `text` that may run these routers."""
    compilation = compiled(declare(text))
    (chosen,) = [each for each in compilation.model.nodes if each.name == node]
    plan = plan_node(compilation.model, compilation.policy, compilation.firewalls, chosen)
    return evolve(
        plan,
        routers=tuple(Router(router, (node,)) for router in routers),
        cluster=evolve(plan.cluster, platform=platform),
    )
