"""Multicast: to the project's pods on this node and to the nodes that have others (MC-03, MC-04).

A pod's packet goes to the nodes (110, 111) and to the pods (120); one that came by VXLAN to the pods only, so that it
is never sent on.  Only NetIDs with multicast have flows here, and all other multicast is dropped.  A node without such
a NetID has none of these tables.
"""

from __future__ import annotations

from collections.abc import Iterator

from backends.ovs.fields import Register, Table
from backends.ovs.flow import NETID_TO_TUNNEL, Flow, FlowGroup, actions, goto, match, output, to_node
from compiler.plan.node import NodePlan


def multicast_flows(plan: NodePlan) -> Iterator[FlowGroup]:
    """The groups of tables 110, 111 and 120: up to three flows for each NetID that has multicast and pods here."""
    if not plan.multicast:
        return
    to_nodes, to_pods = goto(Table.MULTICAST_NODES), goto(Table.MULTICAST_PODS)
    for domain in plan.multicast:
        comment = f"NetID {domain.netid}"
        source = match(**{Register.SOURCE_NETID.match: domain.netid})
        pods = actions(*map(output, domain.of_ports))
        yield FlowGroup.of(comment, [Flow(Table.MULTICAST, 100, source, to_nodes, domain.origins)])
        yield FlowGroup.of(comment, [Flow(Table.MULTICAST_PODS, 100, source, pods, domain.origins)])
        if domain.nodes:
            send = actions(NETID_TO_TUNNEL, *(to_node(other.address) for other in domain.nodes), to_pods)
            origins = (*domain.origins, *(other.origin for other in domain.nodes))
            yield FlowGroup.of(comment, [Flow(Table.MULTICAST_NODES, 100, source, send, origins)])
    yield FlowGroup.of("multicast is off for all others", [Flow(Table.MULTICAST, 0, "", "drop")])
    yield FlowGroup.of("no other node has pods of the project", [Flow(Table.MULTICAST_NODES, 0, "", to_pods)])
    yield FlowGroup.of("nobody else", [Flow(Table.MULTICAST_PODS, 0, "", "drop")])
