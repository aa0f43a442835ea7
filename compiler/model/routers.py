"""Egress routers: which nodes may run each (ER-14), whether its addresses are its own (ER-04), and whether the platform
of the nodes lets it work (ER-15).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from compiler import codes
from compiler.declarations import (
    DnsProxy,
    EgressRouter,
    Mode,
    NodeDeclaration,
    Platform,
    ProjectDeclaration,
    Redirects,
)
from compiler.diagnostics import Diagnostics, Related
from compiler.model.egress_ip_checks import MAX_WITH_ENDS, special_addresses, taken_networks
from compiler.model.model import Cluster, Node, Router
from compiler.model.sharing import listed
from compiler.origin import Origin
from compiler.values.prefix import WIDTH, Prefix, format_address

UNUSABLE = frozenset({Platform.AWS, Platform.AZURE})
"""Clouds that pass traffic of the addresses only that they gave out themselves: no second MAC address works there."""

STEPS: Mapping[Platform, str] = {
    Platform.OPENSTACK: "allow its source address on the ports of the nodes (allowed address pairs)",
    Platform.RHEV: "let the virtual machines of the nodes use other MAC addresses "
    "(EnableMACAntiSpoofingFilterRules=false)",
    Platform.VSPHERE: "accept MAC address changes, forged transmits and promiscuous mode on the nodes' port group",
}
"""What has to be set outside of the nodes, by platform."""


def build_routers(
    routers: Iterable[EgressRouter],
    project_parts: Iterable[ProjectDeclaration],
    node_parts: Iterable[NodeDeclaration],
    nodes: tuple[Node, ...],
    cluster: Cluster | None,
    diagnostics: Diagnostics,
) -> tuple[Router, ...]:
    """The routers, in the order in which they come (by project and name), with the nodes that may run them.

    Reports ROUTER_NOWHERE, ROUTER_SOURCE_TWICE, ROUTER_ADDRESS, ROUTER_OFF_NETWORK, ROUTER_TARGET,
    ROUTER_PLATFORM and ROUTER_STEP.
    """
    placed = tuple(_place(router, nodes, diagnostics) for router in routers)
    _check_sources(placed, diagnostics)
    if cluster is not None:
        taken = _egress_ips(project_parts, node_parts) if cluster.mode is not Mode.SUBNET else {}
        _check_addresses(placed, taken | special_addresses(nodes), taken_networks(cluster), diagnostics)
        _check_platform(placed, cluster.platform, diagnostics)
    by_name = {node.name: node for node in nodes}
    for router in placed:
        hosts = [by_name[name] for name in router.nodes]
        _check_network(router, hosts, diagnostics)
        _check_gateway(router.router, hosts, diagnostics)
        if cluster is not None:
            _check_targets(router.router, hosts, taken_networks(cluster), diagnostics)
    return placed


def _place(router: EgressRouter, nodes: tuple[Node, ...], diagnostics: Diagnostics) -> Router:
    """The nodes that may run a router; a node that it names and that is not there has been told elsewhere."""
    selected = [node.name for node in nodes if router.nodes is None or router.nodes.matches(node.labels)]
    possible = tuple(name for name in selected if router.node in (None, name))
    if not possible:
        if not selected:
            reason = f"no node matches {router.nodes}" if router.nodes is not None else "there is no node"
            diagnostics.report(codes.ROUTER_NOWHERE, router.origin, name=_name(router), reason=reason)
        elif any(node.name == router.node for node in nodes):
            reason = f"node {router.node} does not match {router.nodes}"
            diagnostics.report(codes.ROUTER_NOWHERE, router.origin, name=_name(router), reason=reason)
    return Router(router, possible)


def _name(router: EgressRouter) -> str:
    return f"{router.project}/{router.name}"


def _check_sources(placed: Iterable[Router], diagnostics: Diagnostics) -> None:
    """One source address serves one router (ER-04), wherever they run: servers outside know it by nothing else."""
    holders: dict[int, EgressRouter] = {}
    for router in (each.router for each in placed):
        holder = holders.setdefault(router.source, router)
        if holder is not router:
            diagnostics.report(
                codes.ROUTER_SOURCE_TWICE,
                router.origin,
                related=(Related(f"egress router {_name(holder)}", holder.origin),),
                one=_name(holder),
                other=_name(router),
                address=format_address(router.source),
            )


def _egress_ips(project_parts: Iterable[ProjectDeclaration], node_parts: Iterable[NodeDeclaration]) -> dict[int, str]:
    """The static egress IPs, in use or not: a node has each on its primary interface."""
    offered = {one.address: f"an egress IP of node {part.name}" for part in node_parts for one in part.egress_addresses}
    asked = {one.address: f"an egress IP of project {p.name}" for p in project_parts for one in p.egress_addresses}
    return offered | asked


def _check_addresses(
    placed: Iterable[Router],
    taken: Mapping[int, str],
    networks: tuple[tuple[Prefix, str], ...],
    diagnostics: Diagnostics,
) -> None:
    """The source is nobody else's, and neither address is one inside the cluster or one that nobody can have.

    A gateway may well be a node, but see `_check_gateway`.
    """
    for router in (each.router for each in placed):
        for role, address, special in (
            ("source", router.source, taken),
            ("gateway", router.gateway, {router.source: "its own source, too"}),
        ):
            inside = next((what for network, what in networks if address in network), None)
            if what := special.get(address, inside):
                shown = format_address(address)
                diagnostics.report(
                    codes.ROUTER_ADDRESS, router.origin, name=_name(router), role=role, address=shown, what=what
                )


def _check_network(placed: Router, nodes: Iterable[Node], diagnostics: Diagnostics) -> None:
    """Warns of a source or gateway that is not where the router is: a slip, mostly.

    It is no error, because several networks may share one wire.  A source with a length tells its own network, which
    the gateway should lie in.  Without one, the router is on the network of its node's primary address, unless it uses
    another interface.
    """
    router = placed.router
    addresses = [("source", router.source), ("gateway", router.gateway)]
    apart: list[tuple[str, int, str]] = []
    if router.source_length < WIDTH:
        network = Prefix.covering(router.source, router.source_length)
        apart = [(role, address, f"{network}, the network of its source") for role, address in addresses]
        apart = [each for each in apart if each[1] not in network]
    elif router.interface is None:
        known = [(node.name, node.underlay) for node in nodes if node.underlay is not None]
        for role, address in addresses:
            if off := [(name, underlay) for name, underlay in known if address not in underlay]:
                underlays = listed(sorted({str(underlay) for _, underlay in off}))
                apart.append((role, address, f"{underlays}, the network of {listed([name for name, _ in off])}"))
    for role, address, where in apart:
        shown = format_address(address)
        diagnostics.report(
            codes.ROUTER_OFF_NETWORK, router.origin, name=_name(router), role=role, address=shown, network=where
        )


def _check_gateway(router: EgressRouter, hosts: Sequence[Node], diagnostics: Diagnostics) -> None:
    """The gateway can be reached: a macvlan interface reaches no address of the node it is on, and a network's own and
    its broadcast address are nobody's.
    """
    special = {node.address: f"the address of node {node.name}, on which it runs" for node in hosts if len(hosts) == 1}
    if router.source_length <= MAX_WITH_ENDS:
        network = Prefix.covering(router.source, router.source_length)
        special |= {network.network: f"the network address of {network}"}
        special |= {network.last: f"the broadcast address of {network}"}
    if what := special.get(router.gateway):
        shown = format_address(router.gateway)
        diagnostics.report(
            codes.ROUTER_ADDRESS, router.origin, name=_name(router), role="gateway", address=shown, what=what
        )


def _check_targets(
    router: EgressRouter, hosts: Iterable[Node], networks: tuple[tuple[Prefix, str], ...], diagnostics: Diagnostics
) -> None:
    """Warns of destinations that no packet leaves to by the router's own interface."""
    special = {node.address: f"the address of node {node.name}, on which it may run" for node in hosts}
    special[router.source] = "its own source"
    for address, origin in _targets(router):
        inside = next((what for network, what in networks if address in network), None)
        if what := special.get(address, inside):
            diagnostics.report(
                codes.ROUTER_TARGET, origin, name=_name(router), address=format_address(address), what=what
            )


def _targets(router: EgressRouter) -> Iterator[tuple[int, Origin]]:
    """The addresses that a router redirects or forwards to."""
    match router.destinations:
        case Redirects(redirects, fallback):
            yield from ((redirect.address, redirect.origin) for redirect in redirects)
            if fallback is not None:
                yield fallback, router.origin
        case DnsProxy(forwards):
            yield from ((forward.to, forward.origin) for forward in forwards if isinstance(forward.to, int))


def _check_platform(placed: Iterable[Router], platform: Platform | None, diagnostics: Diagnostics) -> None:
    """Reports ROUTER_PLATFORM or ROUTER_STEP for each router, where the platform of the nodes is told (ER-15)."""
    if platform is None:
        return
    for router in (each.router for each in placed):
        name = _name(router)
        if platform in UNUSABLE:
            diagnostics.report(codes.ROUTER_PLATFORM, router.origin, name=name, platform=platform.value)
        else:
            step = STEPS[platform]
            diagnostics.report(codes.ROUTER_STEP, router.origin, name=name, platform=platform.value, step=step)
