"""The scripts of an egress router, and what the platform has to be told of it."""

from __future__ import annotations

from backends.ethernet import mac_of
from backends.macvlan.interfaces import MACVLAN, POD
from backends.templates import template
from compiler.declarations import EgressRouter, Redirects
from compiler.model.routers import STEPS
from compiler.plan.node import NodePlan
from compiler.values.prefix import format_address


def macvlan_script(plan: NodePlan, router: EgressRouter) -> str:
    """A POSIX shell script for the node: it gives a pod, whose network namespace is its argument, the interface."""
    return template("backends.macvlan", "macvlan.sh.j2").render(
        router=_name(router),
        node=plan.node.name,
        parent=router.interface or "",
        mac=mac_of(router.source),
        # One router has the address (ER-04), so that it tells this interface from other routers'.
        temporary=f"mvlan-{router.source:08x}",
        macvlan=MACVLAN,
    )


def setup_script(plan: NodePlan, router: EgressRouter) -> str:
    """A POSIX shell script for the pod: address, routes and announcement, and loading of `iptables.rules`."""
    return template("backends.macvlan", "setup.sh.j2").render(
        router=_name(router),
        node=plan.node.name,
        source=format_address(router.source),
        length=router.source_length,
        gateway=format_address(router.gateway),
        mac=mac_of(router.source),
        node_address=format_address(plan.node.address),
        node_gateway=format_address(plan.node.gateway),
        pod_networks=[str(network.prefix) for network in plan.cluster.pod_networks],
        service_network=str(plan.cluster.service_network),
        forwards=isinstance(router.destinations, Redirects),
        pod=POD,
        macvlan=MACVLAN,
    )


def platform_steps(plan: NodePlan, router: EgressRouter) -> str | None:
    """What an administrator has to do on the cluster's platform before the router works; None: nothing (ER-15)."""
    platform = plan.cluster.platform
    if platform is None or platform not in STEPS:
        return None
    return template("backends.macvlan", f"{platform.value}.txt.j2").render(
        router=_name(router), node=plan.node.name, source=format_address(router.source), mac=mac_of(router.source)
    )


def _name(router: EgressRouter) -> str:
    return f"{router.project}/{router.name}"
