"""Multicast on one node: to which local pods and to which other nodes each NetID's packets go (MC-04)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from attrs import field, frozen

from compiler.model.model import Model, Node
from compiler.origin import Origin


@frozen
class MulticastPlan:
    """A NetID with multicast: the OpenFlow ports of its pods here, sorted, and the other nodes that have some."""

    netid: int
    of_ports: tuple[int, ...]
    nodes: tuple[Node, ...]
    origins: tuple[Origin, ...] = field(eq=False, repr=False)


def plan_multicast(model: Model, node: Node, pods: Iterable[tuple[int, int]]) -> tuple[MulticastPlan, ...]:
    """The multicast NetIDs that have pods on the node; `pods` are NetID and OpenFlow port of each local pod."""
    ports: dict[int, list[int]] = defaultdict(list)
    for netid, of_port in pods:
        ports[netid].append(of_port)
    netids = {project.name: project.netid for project in model.projects}
    domains = {domain.netid: domain for domain in model.multicast}
    homes: dict[int, set[str]] = defaultdict(set)
    for endpoint in model.endpoints if domains else ():
        homes[netids[endpoint.pod.project]].add(endpoint.node)
    return tuple(
        MulticastPlan(
            netid,
            tuple(sorted(ports[netid])),
            tuple(other for other in model.nodes if other != node and other.name in homes[netid]),
            domain.origins,
        )
        for netid, domain in sorted(domains.items())
        if netid in ports
    )
