"""Checks of the cluster network (PN-12): who may have which address, and which networks may lie where."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from attrs import frozen

from compiler import codes
from compiler.diagnostics import Diagnostics, Related
from compiler.model.model import Cluster, Endpoint, Node
from compiler.origin import Origin
from compiler.values.limits import FIRST_POD_PORT, LAST_POD_PORT
from compiler.values.prefix import WIDTH, Prefix, format_address

MIN_HOST_BITS = 2
"""A smaller subnet has no room for a gateway and a pod."""


@frozen
class _Claim:
    """Somebody who says that a network or an address is theirs."""

    what: str
    prefix: Prefix
    origin: Origin | None


def check_network(
    cluster: Cluster, nodes: tuple[Node, ...], endpoints: tuple[Endpoint, ...], diagnostics: Diagnostics
) -> None:
    """Reports every violation of PN-12, nodes' addresses outside of their own networks, and OpenFlow ports that two
    pods of a node have.
    """
    pod_networks = [
        _Claim(f"pod network {network.prefix}", network.prefix, network.origin) for network in cluster.pod_networks
    ]
    services = _Claim(f"service network {cluster.service_network}", cluster.service_network, None)
    for network in cluster.pod_networks:
        if not MIN_HOST_BITS <= network.host_bits <= WIDTH - network.prefix.length:
            diagnostics.report(
                codes.BAD_POD_NETWORK,
                network.origin,
                length=network.host_bits,
                network=network.prefix,
                reason=f"it has to be {MIN_HOST_BITS} to {WIDTH - network.prefix.length}",
            )
    addresses = [
        _Claim(f"address {format_address(node.address)} of node {node.name}", Prefix(node.address, WIDTH), node.origin)
        for node in nodes
    ]
    _check_apart([*pod_networks, services, *addresses], diagnostics)
    subnets = [_Claim(f"subnet {node.subnet} of node {node.name}", node.subnet, node.origin) for node in nodes]
    _check_apart(subnets, diagnostics)
    for node in nodes:
        if node.underlay is not None and node.address not in node.underlay:
            shown = format_address(node.address)
            diagnostics.report(
                codes.OUTSIDE, node.origin, what=f"node {node.name}: address", value=shown, network=node.underlay
            )
        if not any(network.prefix.covers(node.subnet) for network in cluster.pod_networks):
            names = ", ".join(str(network.prefix) for network in cluster.pod_networks)
            diagnostics.report(
                codes.OUTSIDE, node.origin, what=f"node {node.name}: subnet", value=node.subnet, network=names
            )
        if node.subnet.length > WIDTH - MIN_HOST_BITS:
            diagnostics.report(
                codes.BAD_POD_NETWORK,
                node.origin,
                length=WIDTH - node.subnet.length,
                network=node.subnet,
                reason=f"it has to be {MIN_HOST_BITS} or more",
            )
    _check_addresses(nodes, endpoints, diagnostics)
    _check_ports(endpoints, diagnostics)


def _check_apart(claims: Iterable[_Claim], diagnostics: Diagnostics) -> None:
    """Reports networks that overlap.  Sorted by first address, the covering network first, each overlap shows
    against the widest network so far."""
    ordered = sorted(claims, key=lambda claim: (claim.prefix, claim.what))
    widest: _Claim | None = None
    for claim in ordered:
        if widest is not None and widest.prefix.overlaps(claim.prefix):
            related = (Related(widest.what, widest.origin),) if widest.origin else ()
            diagnostics.report(
                codes.OVERLAP,
                claim.origin or widest.origin,
                related=related if claim.origin else (),
                one=claim.what,
                other=widest.what,
            )
        else:
            widest = claim


def _check_addresses(nodes: tuple[Node, ...], endpoints: tuple[Endpoint, ...], diagnostics: Diagnostics) -> None:
    """Every pod's address lies in its node's subnet, is no special address of it, and is its own alone."""
    by_name = {node.name: node for node in nodes}
    for endpoint in endpoints:
        node = by_name.get(endpoint.node)
        if node is None:
            continue
        what, address, origin = f"pod {endpoint.name}", format_address(endpoint.address), _of_address(endpoint)
        if endpoint.address not in node.subnet:
            diagnostics.report(codes.OUTSIDE, origin, what=f"{what}: address", value=address, network=node.subnet)
        elif reserved := _reserved(endpoint.address, node):
            diagnostics.report(codes.RESERVED_ADDRESS, origin, what=what, address=address, reserved=reserved)
    by_address = sorted(endpoints, key=lambda endpoint: (endpoint.address, endpoint.name))
    for first, second in pairwise(by_address):
        if first.address == second.address:
            diagnostics.report(
                codes.ADDRESS_TWICE,
                _of_address(second),
                related=(Related(f"pod {first.name}", _of_address(first)),),
                what=f"pod {second.name}",
                address=format_address(second.address),
                other=f"pod {first.name}",
            )


def _of_address(endpoint: Endpoint) -> Origin:
    """Where a pod's address stands, in an object."""
    return endpoint.pod.origin.child("status", "podIP")


def _reserved(address: int, node: Node) -> str | None:
    special = {
        node.subnet.network: "the network address of its node's subnet",
        node.gateway: "its node's gateway",
        node.subnet.last: "the broadcast address of its node's subnet",
    }
    return special.get(address)


def _check_ports(endpoints: tuple[Endpoint, ...], diagnostics: Diagnostics) -> None:
    """An OpenFlow port and an interface of a node belong to one pod, and are not the bridge's own."""
    holders: dict[tuple[str, int | str], Endpoint] = {}
    for endpoint in endpoints:
        port = endpoint.of_port
        if port is not None and not FIRST_POD_PORT <= port <= LAST_POD_PORT:
            diagnostics.report(
                codes.BAD_NUMBER,
                endpoint.pod.origin,
                what=f"OpenFlow port of pod {endpoint.name}",
                value=port,
                low=FIRST_POD_PORT,
                high=LAST_POD_PORT,
            )
        for number in (port, endpoint.interface):
            if number is None:
                continue
            holder = holders.setdefault((endpoint.node, number), endpoint)
            if holder is not endpoint:
                diagnostics.report(
                    codes.PORT_TWICE,
                    endpoint.pod.origin,
                    related=(Related(f"pod {holder.name}", holder.pod.origin),),
                    what=f"pod {endpoint.name}",
                    port=number,
                    other=f"pod {holder.name}",
                )
