"""The flows that every node has: where a packet comes from, and where it goes, whatever the policy says."""

from __future__ import annotations

from collections.abc import Iterator

from backends.ovs.fields import CT_MARK_SERVICE, CT_ZONE, HOST_ZONE, TUN_PORT, VXLAN_PORT, Register, Table
from backends.ovs.flow import (
    ESTABLISHED_REPLY,
    NEW,
    RELATED,
    RELATED_FORWARD,
    RELATED_REPLY,
    Flow,
    FlowGroup,
    actions,
    goto,
    load,
    mac_of,
    match,
    number,
)
from compiler.declarations import Mode
from compiler.plan.node import NodePlan
from compiler.values.prefix import WIDTH, Prefix, format_address

MULTICAST = Prefix.covering(224 << 24, 4)

COMMIT = f"ct(commit,zone={CT_ZONE},exec(move:{Register.MARK.nxm}->NXM_NX_CT_MARK[]))"
"""Remembers the connection, and with it the way that it came.  The packet is not tracked any more in later tables."""

NETID_FROM_TUNNEL = f"move:NXM_NX_TUN_ID[0..31]->{Register.SOURCE_NETID.nxm}"
NETID_TO_TUNNEL = f"move:{Register.SOURCE_NETID.nxm}->NXM_NX_TUN_ID[0..31]"
OUTPUT_TUN = f"output:{TUN_PORT}"
OUTPUT_VXLAN = f"output:{VXLAN_PORT}"
OUTPUT_POD = f"output:{Register.OUTPUT.nxm}"


def base_flows(plan: NodePlan) -> Iterator[FlowGroup]:
    """The groups of one node that do not depend on pods or policies."""
    yield from _dispatch(plan)
    yield from _from_vxlan(plan)
    if plan.cluster.mode is Mode.NETWORKPOLICY:
        yield from _related(plan)
        yield from _hairpin(plan)
    yield from _guards(plan)
    yield from _route(plan)
    yield from _to_nodes(plan)
    yield FlowGroup.of(
        "deliver to the pod; a new connection is remembered, so that its replies pass",
        [
            Flow(Table.DELIVER, 100, match("ip", ct_state=NEW), actions(COMMIT, OUTPUT_POD)),
            Flow(Table.DELIVER, 0, "", OUTPUT_POD),
        ],
    )


def _dispatch(plan: NodePlan) -> Iterator[FlowGroup]:
    local, gateway = plan.node.subnet, Prefix(plan.node.gateway, WIDTH)
    networks = [network.prefix for network in plan.cluster.pod_networks]
    # Not "untracked": what the node itself sends may bring its connection in the node's own zone along.
    yield FlowGroup.of(
        "find each packet's connection first",
        [Flow(Table.DISPATCH, 1000, match("ip", ct_zone=HOST_ZONE), f"ct(table=0,zone={CT_ZONE})")],
    )
    to_vxlan = actions(NETID_FROM_TUNNEL, goto(Table.FROM_VXLAN))
    yield FlowGroup.of(
        "from other nodes: only to this node's pods",
        [
            Flow(Table.DISPATCH, 200, match("ip", in_port=VXLAN_PORT, nw_dst=local), to_vxlan),
            *(
                Flow(
                    Table.DISPATCH,
                    200,
                    match("arp", in_port=VXLAN_PORT, arp_spa=network, arp_tpa=local),
                    to_vxlan,
                )
                for network in networks
            ),
            Flow(Table.DISPATCH, 150, match(in_port=VXLAN_PORT), "drop"),
        ],
    )
    by_service = load(Register.MARK, CT_MARK_SERVICE)
    between_local = match("ip", in_port=TUN_PORT, nw_src=local, nw_dst=local)
    hairpin = (
        [Flow(Table.DISPATCH, 350, between_local, actions(by_service, goto(Table.HAIRPIN)))]
        if plan.cluster.mode is Mode.NETWORKPOLICY
        else []
    )
    yield FlowGroup.of(
        "the node's ICMP redirects would lead pods past service translation",
        [Flow(Table.DISPATCH, 900, match("icmp", in_port=TUN_PORT, icmp_type=5), "drop")],
    )
    yield FlowGroup.of(
        "from the node: its own traffic, what comes back from service translation, traffic from outside",
        [
            Flow(Table.DISPATCH, 400, match("ip", in_port=TUN_PORT, nw_src=gateway), goto(Table.ROUTE)),
            *hairpin,
            Flow(
                Table.DISPATCH,
                300,
                match("ip", in_port=TUN_PORT, nw_src=local),
                actions(by_service, goto(Table.FROM_SERVICE)),
            ),
            *(Flow(Table.DISPATCH, 250, match("ip", in_port=TUN_PORT, nw_src=network), "drop") for network in networks),
            Flow(Table.DISPATCH, 200, match("ip", in_port=TUN_PORT), goto(Table.ROUTE)),
            *(
                Flow(
                    Table.DISPATCH,
                    200,
                    match("arp", in_port=TUN_PORT, arp_spa=gateway, arp_tpa=network),
                    goto(Table.ROUTE),
                )
                for network in networks
            ),
            Flow(Table.DISPATCH, 150, match(in_port=TUN_PORT), "drop"),
        ],
    )
    errors = (
        [Flow(Table.DISPATCH, 110, match("icmp", ct_state=RELATED), goto(Table.RELATED))]
        if plan.cluster.mode is Mode.NETWORKPOLICY
        else []
    )
    yield FlowGroup.of(
        "from pods; neither IPv6 nor anything else that is not IPv4 or ARP",
        [
            *errors,
            Flow(Table.DISPATCH, 100, match("ip"), goto(Table.FROM_POD)),
            Flow(Table.DISPATCH, 100, match("arp"), goto(Table.FROM_POD)),
            Flow(Table.DISPATCH, 0, "", "drop"),
        ],
    )


def _from_vxlan(plan: NodePlan) -> Iterator[FlowGroup]:
    for other in plan.others:
        known = match(tun_src=Prefix(other.address, WIDTH))
        yield FlowGroup.of(
            f"node {other.name}",
            [Flow(Table.FROM_VXLAN, 100, known, goto(Table.ROUTE), (other.origin,))],
        )
    yield FlowGroup.of("no other sender is a node", [Flow(Table.FROM_VXLAN, 0, "", "drop")])


def _hairpin(plan: NodePlan) -> Iterator[FlowGroup]:
    """Whether source and destination are one pod.  There is no match for "equal", but one bit that differs is enough
    to see that they are not: two flows for each host bit of the subnet, instead of one for each pod."""
    yield FlowGroup.of(
        "addresses that differ in a bit are two pods",
        (
            Flow(Table.HAIRPIN, 100, match("ip", nw_src=source, nw_dst=destination), goto(Table.FROM_SERVICE))
            for source, destination in _different(plan.node.subnet)
        ),
    )
    same = actions(load(Register.SELF, 1), goto(Table.FROM_SERVICE))
    yield FlowGroup.of("a pod always reaches itself", [Flow(Table.HAIRPIN, 0, "", same)])


def _different(subnet: Prefix) -> Iterator[tuple[str, str]]:
    """The pairs of masked matches of which one holds for two addresses of a subnet if and only if they differ."""
    for bit in range(WIDTH - subnet.length):
        mask = format_address(1 << bit)
        for one, other in ((mask, "0.0.0.0"), ("0.0.0.0", mask)):
            yield f"{one}/{mask}", f"{other}/{mask}"


def _related(plan: NodePlan) -> Iterator[FlowGroup]:
    """Errors about a connection pass whatever the policy says, so only its ends may send them.

    Conntrack takes an ICMP error for related to the connection whose header it repeats, whoever sends it, and a header
    is easily guessed.  From the outside errors come by tun0, from routers on the way; those are not asked here.
    """
    ends = ((RELATED_REPLY, "ct_nw_dst"), (RELATED_FORWARD, "ct_nw_src"))
    yield FlowGroup.of(
        "an error about a reply comes from who opened the connection, any other from the other end",
        (
            Flow(Table.RELATED, 200, match("icmp", ct_state=state, nw_src=sender, **{end: ours}), "drop")
            for state, end in ends
            for sender, ours in _different(plan.node.subnet)
        ),
    )
    yield FlowGroup.of(
        "that end is a pod of this node, the sender",
        (
            Flow(Table.RELATED, 100, match("icmp", ct_state=state, **{end: plan.node.subnet}), goto(Table.FROM_POD))
            for state, end in ends
        ),
    )
    yield FlowGroup.of("a connection between others", [Flow(Table.RELATED, 0, "", "drop")])


def _guards(plan: NodePlan) -> Iterator[FlowGroup]:
    vxlan = match("udp", tp_dst=plan.cluster.vxlan_port)
    yield FlowGroup.of(
        "no pod sends VXLAN, or anything but with its own address from its own port",
        [Flow(Table.FROM_POD, 300, vxlan, "drop"), Flow(Table.FROM_POD, 0, "", "drop")],
    )
    yield FlowGroup.of(
        "no translated packet but with the address of a pod of this node",
        [Flow(Table.FROM_SERVICE, 0, "", "drop")],
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
    marked = f"{number(CT_MARK_SERVICE)}/{number(CT_MARK_SERVICE)}"
    reply = match("ip", ct_state=ESTABLISHED_REPLY, ct_mark=marked, nw_dst=local)
    yield FlowGroup.of(
        "replies that service translation has to undo go to the node first, which sends them on by tun0",
        [
            Flow(Table.ROUTE, 400, match("ip", in_port=TUN_PORT, nw_dst=local), goto(Table.TO_LOCAL_POD)),
            Flow(Table.ROUTE, 350, reply, actions(f"set_field:{mac_of(plan.node.gateway)}->eth_dst", OUTPUT_TUN)),
        ],
    )
    yield FlowGroup.of(
        "to the node, to a local pod; multicast goes nowhere",
        [
            Flow(Table.ROUTE, 300, match("ip", nw_dst=gateway), OUTPUT_TUN),
            Flow(Table.ROUTE, 200, match("ip", nw_dst=local), goto(Table.TO_LOCAL_POD)),
            Flow(Table.ROUTE, 150, match("ip", nw_dst=MULTICAST), "drop"),
        ],
    )
    yield FlowGroup.of(
        "connections that leave the node are remembered, so that their replies pass",
        [
            Flow(Table.ROUTE, 100, match("ip", ct_state=NEW), actions(COMMIT, goto(Table.ROUTE_AWAY))),
            Flow(Table.ROUTE, 50, match("ip"), goto(Table.ROUTE_AWAY)),
        ],
    )
    yield FlowGroup.of(
        "to a service, to another node's pod, out of the cluster",
        [
            Flow(
                Table.ROUTE_AWAY,
                100,
                match("ip", nw_dst=plan.cluster.service_network),
                goto(Table.TO_SERVICE),
            ),
            *(Flow(Table.ROUTE_AWAY, 100, match("ip", nw_dst=network), goto(Table.TO_NODE)) for network in networks),
            Flow(Table.ROUTE_AWAY, 0, "", goto(Table.LEAVE)),
        ],
    )
    yield FlowGroup.of(
        "the node translates service addresses and sends the packet back by tun0",
        [Flow(Table.TO_SERVICE, 0, "", OUTPUT_TUN)],
    )
    # Fragments show no ports, and the node gives what leaves its own address, which other nodes know.
    yield FlowGroup.of("no pod sends VXLAN in fragments", [Flow(Table.LEAVE, 100, match("udp", nw_frag="yes"), "drop")])
    yield FlowGroup.of("by the node to the outside", [Flow(Table.LEAVE, 0, "", OUTPUT_TUN)])


def _to_nodes(plan: NodePlan) -> Iterator[FlowGroup]:
    for other in plan.others:
        send = actions(NETID_TO_TUNNEL, f"set_field:{format_address(other.address)}->tun_dst", OUTPUT_VXLAN)
        for table, condition in (
            (Table.ARP_REMOTE, match("arp", arp_tpa=other.subnet)),
            (Table.TO_NODE, match("ip", nw_dst=other.subnet)),
        ):
            yield FlowGroup.of(f"node {other.name}", [Flow(table, 100, condition, send, (other.origin,))])
    for table in (Table.ARP_REMOTE, Table.TO_NODE):
        yield FlowGroup.of("no node has the address", [Flow(table, 0, "", "drop")])
