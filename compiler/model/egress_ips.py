"""Static egress IPs: what projects ask for put together with what nodes host (EI-01, EI-02, EI-08).

The checks are in `egress_ip_checks`, the automatic way from an address to a node in `egress_ip_assignment`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TypeVar

from compiler import codes
from compiler.declarations import Mode, NodeDeclaration, ProjectDeclaration
from compiler.diagnostics import Diagnostics
from compiler.model.egress_ip_assignment import AutomaticHost, assign_egress_ips
from compiler.model.egress_ip_checks import (
    Claims,
    NetworkClaims,
    check_claims,
    check_counts,
    check_hosted,
    check_nodes,
    check_projects,
    one_each,
)
from compiler.model.model import Cluster, EgressIp, Node, Project
from compiler.model.sharing import Sharing
from compiler.origin import Origin
from compiler.values.prefix import Prefix

Claimed = TypeVar("Claimed", int, Prefix)


def build_egress_ips(
    project_parts: Iterable[ProjectDeclaration],
    node_parts: Iterable[NodeDeclaration],
    projects: Iterable[Project],
    nodes: Iterable[Node],
    cluster: Cluster | None,
    diagnostics: Diagnostics,
) -> tuple[EgressIp, ...]:
    """The addresses that projects ask for, sorted, with their hosts; none in subnet mode, or if nothing tells the mode.

    Reports IGNORED_IN_SUBNET, and what the functions of `egress_ip_checks` report.
    """
    asked = _gather((part.name, one.address, one.origin) for part in project_parts for one in part.egress_addresses)
    if cluster is None:
        return ()
    if cluster.mode is Mode.SUBNET:
        if count := sum(map(len, asked.values())):
            diagnostics.report(codes.IGNORED_IN_SUBNET, None, count=count, what="egress IPs of projects")
        return ()
    parts = tuple(node_parts)
    offered = _gather((part.name, one.address, one.origin) for part in parts for one in part.egress_addresses)
    networks = _gather((part.name, one.prefix, one.origin) for part in parts for one in part.egress_networks)
    known = {node.name: node for node in nodes}
    sharing = Sharing.of(projects)

    owners = one_each(asked, "project", diagnostics)
    by_hand = one_each(offered, "node", diagnostics)
    check_claims((asked, offered), cluster, known.values(), diagnostics)
    check_nodes(offered, networks, known, diagnostics)
    check_projects(asked, sharing, diagnostics)
    hosts = by_hand | assign_egress_ips(
        {address: project for address, project in owners.items() if address not in by_hand},
        [AutomaticHost(name, tuple(networks[name]), known[name].underlay) for name in networks if name in known],
    )
    check_hosted(asked, hosts, diagnostics)
    check_counts(asked, hosts, known, diagnostics)
    return tuple(
        EgressIp(
            address,
            project,
            sharing.netids[project],
            hosts.get(address),
            (*asked[project][address], *_hosting(address, hosts.get(address), offered, networks)),
        )
        for address, project in sorted(owners.items())
    )


def _gather(told: Iterable[tuple[str, Claimed, Origin]]) -> dict[str, dict[Claimed, tuple[Origin, ...]]]:
    """What is told of each name, with the places that tell it; names, values and places sorted."""
    places: dict[str, dict[Claimed, list[Origin]]] = defaultdict(lambda: defaultdict(list))
    for name, value, origin in told:
        places[name][value].append(origin)
    return {
        name: {value: tuple(sorted(values[value], key=Origin.sort_key)) for value in sorted(values)}
        for name, values in sorted(places.items())
    }


def _hosting(address: int, host: str | None, offered: Claims, networks: NetworkClaims) -> Iterator[Origin]:
    """The places that say that the node hosts the address."""
    if host is None:
        return
    yield from offered.get(host, {}).get(address, ())
    for network, origins in networks.get(host, {}).items():
        if address in network:
            yield from origins
