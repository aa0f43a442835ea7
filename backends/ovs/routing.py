"""The flows that tell where a packet goes: tables 30 and 31, and from there to services, to other nodes, to pods."""

from __future__ import annotations

from collections.abc import Iterator

from backends.ethernet import mac_of
from backends.ovs.fields import CT_MARK_SERVICE, TUN_PORT, VXLAN_PORT, Table
from backends.ovs.flow import (
    COMMIT,
    ESTABLISHED_REPLY,
    NETID_TO_TUNNEL,
    NEW,
    OUTPUT_POD,
    OUTPUT_TUN,
    Flow,
    FlowGroup,
    actions,
    goto,
    marked,
    match,
    to_node,
)
from backends.ovs.leave import cluster_networks, hosted_flows, is_judged
from compiler.plan.node import NodePlan
from compiler.values.prefix import MULTICAST, WIDTH, Prefix


def routing_flows(plan: NodePlan) -> Iterator[FlowGroup]:
    """The groups of one node that route, up to where a packet leaves the cluster (`backends/ovs/leave.py`)."""
    yield from _route(plan)
    yield from hosted_flows(plan)
    yield from _route_away(plan)
    yield from _to_nodes(plan)
    yield FlowGroup.of(
        "deliver to the pod; a new connection is remembered, so that its replies pass",
        [
            Flow(Table.DELIVER, 100, match("ip", ct_state=NEW), actions(COMMIT, OUTPUT_POD)),
            Flow(Table.DELIVER, 0, "", OUTPUT_POD),
        ],
    )


def _route(plan: NodePlan) -> Iterator[FlowGroup]:
    local, gateway = plan.node.subnet, Prefix(plan.node.gateway, WIDTH)
    networks = [network.prefix for network in plan.cluster.pod_networks]
    yield FlowGroup.of(
        "ARP: for the node, for a local pod, for another node's pod",
        [
            Flow(Table.ROUTE, 300, match("arp", arp_tpa=gateway), OUTPUT_TUN),
            Flow(Table.ROUTE, 200, match("arp", arp_tpa=local), goto(Table.ARP_LOCAL)),
            *(Flow(Table.ROUTE, 100, match("arp", arp_tpa=network), goto(Table.ARP_REMOTE)) for network in networks),
            Flow(Table.ROUTE, 0, "", "drop"),
        ],
    )
    reply = match("ip", ct_state=ESTABLISHED_REPLY, ct_mark=marked(CT_MARK_SERVICE), nw_dst=local)
    yield FlowGroup.of(
        "replies that service translation has to undo go to the node first, which sends them on by tun0",
        [
            Flow(Table.ROUTE, 400, match("ip", in_port=TUN_PORT, nw_dst=local), goto(Table.TO_LOCAL_POD)),
            Flow(Table.ROUTE, 350, reply, actions(f"set_field:{mac_of(plan.node.gateway)}->eth_dst", OUTPUT_TUN)),
        ],
    )
    if plan.multicast:
        multicast = [
            Flow(Table.ROUTE, 160, match("ip", in_port=VXLAN_PORT, nw_dst=MULTICAST), goto(Table.MULTICAST_PODS)),
            Flow(Table.ROUTE, 150, match("ip", nw_dst=MULTICAST), goto(Table.MULTICAST)),
        ]
    else:
        multicast = [Flow(Table.ROUTE, 150, match("ip", nw_dst=MULTICAST), "drop")]
    yield FlowGroup.of(
        f"to the node, to a local pod; multicast {'to its project' if plan.multicast else 'goes nowhere'}",
        [
            Flow(Table.ROUTE, 300, match("ip", nw_dst=gateway), OUTPUT_TUN),
            Flow(Table.ROUTE, 200, match("ip", nw_dst=local), goto(Table.TO_LOCAL_POD)),
            *multicast,
        ],
    )


def _route_away(plan: NodePlan) -> Iterator[FlowGroup]:
    remember = actions(COMMIT, goto(Table.ROUTE_AWAY))
    if is_judged(plan):
        yield FlowGroup.of(
            "connections to other nodes' pods and to services are remembered; those to the outside are judged first",
            [
                *(
                    Flow(Table.ROUTE, 100, match("ip", ct_state=NEW, nw_dst=network), remember)
                    for network in cluster_networks(plan)
                ),
                Flow(Table.ROUTE, 50, match("ip"), goto(Table.ROUTE_AWAY)),
            ],
        )
    else:
        yield FlowGroup.of(
            "connections that leave the node are remembered, so that their replies pass",
            [
                Flow(Table.ROUTE, 100, match("ip", ct_state=NEW), remember),
                Flow(Table.ROUTE, 50, match("ip"), goto(Table.ROUTE_AWAY)),
            ],
        )
    yield FlowGroup.of(
        "to a service, to another node's pod, out of the cluster",
        [
            Flow(Table.ROUTE_AWAY, 100, match("ip", nw_dst=plan.cluster.service_network), goto(Table.TO_SERVICE)),
            *(
                Flow(Table.ROUTE_AWAY, 100, match("ip", nw_dst=network.prefix), goto(Table.TO_NODE))
                for network in plan.cluster.pod_networks
            ),
            Flow(Table.ROUTE_AWAY, 0, "", goto(Table.LEAVE)),
        ],
    )
    yield FlowGroup.of(
        "the node translates service addresses and sends the packet back by tun0",
        [Flow(Table.TO_SERVICE, 0, "", OUTPUT_TUN)],
    )


def _to_nodes(plan: NodePlan) -> Iterator[FlowGroup]:
    for other in plan.others:
        send = actions(NETID_TO_TUNNEL, to_node(other.address))
        for table, condition in (
            (Table.ARP_REMOTE, match("arp", arp_tpa=other.subnet)),
            (Table.TO_NODE, match("ip", nw_dst=other.subnet)),
        ):
            yield FlowGroup.of(f"node {other.name}", [Flow(table, 100, condition, send, (other.origin,))])
    for table in (Table.ARP_REMOTE, Table.TO_NODE):
        yield FlowGroup.of("no node has the address", [Flow(table, 0, "", "drop")])
