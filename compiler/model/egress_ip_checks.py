"""Checks of static egress IPs (EI-02, EI-04 to EI-06, EI-08).

A *claim* is an address that a project asks for or that a node has by hand.  Every claim is checked, also one that
nobody answers: tomorrow somebody may.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TypeVar

from compiler import codes
from compiler.diagnostics import Diagnostics, Related
from compiler.model.model import GLOBAL_NETID, Cluster, Node
from compiler.model.sharing import Sharing, listed
from compiler.origin import Origin
from compiler.values.limits import MAX_EGRESS_IPS
from compiler.values.prefix import Prefix, format_address

Claims = Mapping[str, Mapping[int, tuple[Origin, ...]]]
"""The addresses of each project or each node, by its name, with the places that say so."""

NetworkClaims = Mapping[str, Mapping[Prefix, tuple[Origin, ...]]]
"""The networks that each node takes egress IPs of, by its name, with the places that say so."""

NO_HOSTS = tuple(Prefix.parse(text)[0] for text in ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3"))
"""Addresses that no interface on a network can have: "this network" and loopback (RFC 1122, section 3.2.1.3), multicast
and all above (RFC 1112, section 4)."""

MAX_WITH_ENDS = 30
"""The longest prefix whose first and last address are no host's: the network's own, and broadcast (RFC 3021)."""

T = TypeVar("T")


def one_each(claims: Claims, what: str, diagnostics: Diagnostics) -> dict[int, str]:
    """Who has each address, of several the first by name; reports EGRESS_IP_TWICE for the others (EI-05)."""
    holders: dict[int, str] = {}
    for name, addresses in claims.items():
        for address, origins in addresses.items():
            holder = holders.setdefault(address, name)
            if holder != name:
                diagnostics.report(
                    codes.EGRESS_IP_TWICE,
                    origins[0],
                    related=(Related(f"{what} {holder}", claims[holder][address][0]),),
                    one=f"{what} {holder}",
                    other=f"{what} {name}",
                    address=format_address(address),
                )
    return holders


def check_claims(
    everybody: Iterable[Claims], cluster: Cluster, nodes: Iterable[Node], diagnostics: Diagnostics
) -> None:
    """Reports EGRESS_IP_TAKEN for claims of addresses that somebody else has, or nobody can have (EI-04)."""
    special = special_addresses(nodes)
    networks = taken_networks(cluster)
    for claims in everybody:
        for addresses in claims.values():
            for address, origins in addresses.items():
                inside = next((what for network, what in networks if address in network), None)
                if what := special.get(address, inside):
                    diagnostics.report(codes.EGRESS_IP_TAKEN, origins[0], address=format_address(address), what=what)


def special_addresses(nodes: Iterable[Node]) -> dict[int, str]:
    """What single addresses are; the same one may be several things, of which one is told."""
    special: dict[int, str] = {}
    for node in nodes:
        if node.underlay is not None and node.underlay.length <= MAX_WITH_ENDS:
            special.setdefault(node.underlay.network, f"the network address of {node.underlay}")
            special.setdefault(node.underlay.last, f"the broadcast address of {node.underlay}")
        special[node.address] = f"the address of node {node.name}"
    return special


def taken_networks(cluster: Cluster) -> tuple[tuple[Prefix, str], ...]:
    """Networks of which no address can be an egress IP, nor an egress router's, and what such an address is."""
    return (
        *((network.prefix, f"inside the pod network {network.prefix}") for network in cluster.pod_networks),
        (cluster.service_network, f"inside the service network {cluster.service_network}"),
        *((network, "an address that no host can have") for network in NO_HOSTS),
    )


def check_nodes(offered: Claims, networks: NetworkClaims, nodes: Mapping[str, Node], diagnostics: Diagnostics) -> None:
    """Reports EGRESS_IPS_BOTH_WAYS (EI-08); EGRESS_IP_OUTSIDE for an address, and OUTSIDE for a whole network, that is
    not on the network of the node's primary address (EI-04); and UNDERLAY_UNKNOWN, once, for all nodes of which nothing
    tells it.
    """
    unknown = []
    for name in sorted({*offered, *networks}):
        addresses, taken = offered.get(name, {}), networks.get(name, {})
        if addresses and taken:
            related = (Related("by hand", _first_origin(addresses)),)
            diagnostics.report(codes.EGRESS_IPS_BOTH_WAYS, _first_origin(taken), related=related, node=name)
        node = nodes.get(name)
        if node is None:  # it lacks something, which was told
            continue
        if node.underlay is None:
            unknown.append(node)
            continue
        for address, origins in addresses.items():
            if address not in node.underlay:
                shown = format_address(address)
                diagnostics.report(codes.EGRESS_IP_OUTSIDE, origins[0], address=shown, node=name, network=node.underlay)
        for network, origins in taken.items():
            if not network.overlaps(node.underlay):
                what = f"node {name}: network of egress IPs"
                diagnostics.report(codes.OUTSIDE, origins[0], what=what, value=network, network=node.underlay)
    if unknown:
        names = listed([node.name for node in unknown])
        diagnostics.report(codes.UNDERLAY_UNKNOWN, unknown[0].origin, nodes=names)


def check_projects(asked: Claims, sharing: Sharing, diagnostics: Diagnostics) -> None:
    """Reports EGRESS_IP_GLOBAL and EGRESS_IP_SHARED (EI-06).

    A packet shows its NetID, not its project, and NetID 0 is that of the nodes' own traffic, too.
    """
    for project, addresses in asked.items():
        origin = _first_origin(addresses)
        netid = sharing.netids[project]
        others = sharing.others(project)
        if netid == GLOBAL_NETID:
            diagnostics.report(codes.EGRESS_IP_GLOBAL, origin, project=project)
        elif others:
            diagnostics.report(codes.EGRESS_IP_SHARED, origin, project=project, netid=netid, others=listed(others))


def check_hosted(asked: Claims, hosts: Mapping[int, str], diagnostics: Diagnostics) -> None:
    """Reports EGRESS_IP_UNHOSTED for each project none of whose addresses has a host (EI-02)."""
    for project, addresses in asked.items():
        if not any(address in hosts for address in addresses):
            shown = listed([format_address(address) for address in addresses])
            diagnostics.report(codes.EGRESS_IP_UNHOSTED, _first_origin(addresses), project=project, addresses=shown)


def check_counts(asked: Claims, hosts: Mapping[int, str], nodes: Mapping[str, Node], diagnostics: Diagnostics) -> None:
    """Reports BAD_NUMBER for each node that hosts more addresses than it can tell apart."""
    counts = Counter(hosts[address] for addresses in asked.values() for address in addresses if address in hosts)
    for name, count in sorted(counts.items()):
        if count > MAX_EGRESS_IPS and name in nodes:
            what = f"node {name}: number of egress IPs"
            diagnostics.report(codes.BAD_NUMBER, nodes[name].origin, what=what, value=count, low=0, high=MAX_EGRESS_IPS)


def _first_origin(told: Mapping[T, tuple[Origin, ...]]) -> Origin:
    return next(iter(told.values()))[0]
