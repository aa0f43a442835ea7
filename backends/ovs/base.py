"""The flows that tell where a packet comes from, whatever the policy says: tables 0 to 25 but for the pods'."""

from __future__ import annotations

from collections.abc import Iterator

from backends.ethernet import mac_of
from backends.ovs.fields import (
    CT_MARK_OUTSIDE,
    CT_MARK_SERVICE,
    CT_ZONE,
    HOST_ZONE,
    TUN_PORT,
    VXLAN_PORT,
    Register,
    Table,
)
from backends.ovs.flow import (
    NETID_FROM_TUNNEL,
    RELATED,
    RELATED_FORWARD,
    RELATED_REPLY,
    Flow,
    FlowGroup,
    actions,
    goto,
    load,
    match,
)
from backends.ovs.leave import returns
from compiler.declarations import Mode
from compiler.plan.node import NodePlan
from compiler.values.prefix import MULTICAST, WIDTH, Prefix, format_address


def base_flows(plan: NodePlan) -> Iterator[FlowGroup]:
    """The groups of one node that do not depend on its pods' policies, up to where routing begins."""
    yield from _first(plan)
    yield from _dispatch_vxlan(plan)
    yield from _dispatch_tun(plan)
    yield from _dispatch_pods(plan)
    yield from _from_vxlan(plan)
    if plan.cluster.mode is Mode.NETWORKPOLICY:
        yield from _related(plan)
        yield from _hairpin(plan)
    yield from _guards(plan)


def _first(plan: NodePlan) -> Iterator[FlowGroup]:
    # Not "untracked": what the node itself sends may bring its connection in the node's own zone along.
    yield FlowGroup.of(
        "find each packet's connection first",
        [Flow(Table.DISPATCH, 1000, match("ip", ct_zone=HOST_ZONE), f"ct(table=0,zone={CT_ZONE})")],
    )
    yield FlowGroup.of(
        "the node's ICMP redirects would lead pods past service translation",
        [Flow(Table.DISPATCH, 900, match("icmp", in_port=TUN_PORT, icmp_type=5), "drop")],
    )
    # The node takes a packet with this Ethernet address for one of the project that the egress IP belongs to.
    yield FlowGroup.of(
        "nobody sends in the name of an egress IP of this node",
        (
            Flow(Table.DISPATCH, 1100, match(dl_src=mac_of(hosted.address)), "drop", hosted.origins)
            for hosted in plan.egress_ips.hosted
        ),
    )


def _dispatch_vxlan(plan: NodePlan) -> Iterator[FlowGroup]:
    local, networks = plan.node.subnet, _pod_networks(plan)
    to_vxlan = actions(NETID_FROM_TUNNEL, goto(Table.FROM_VXLAN))
    yield FlowGroup.of(
        "from other nodes: only to this node's pods",
        [
            Flow(Table.DISPATCH, 200, match("ip", in_port=VXLAN_PORT, nw_dst=local), to_vxlan),
            *(
                Flow(Table.DISPATCH, 200, match("arp", in_port=VXLAN_PORT, arp_spa=network, arp_tpa=local), to_vxlan)
                for network in networks
            ),
            Flow(Table.DISPATCH, 150, match(in_port=VXLAN_PORT), "drop"),
        ],
    )
    if plan.multicast:
        yield FlowGroup.of(
            "and multicast",
            [Flow(Table.DISPATCH, 200, match("ip", in_port=VXLAN_PORT, nw_dst=MULTICAST), to_vxlan)],
        )
    if plan.egress_ips.hosted:
        yield FlowGroup.of(
            "and what leaves by an egress IP of this node",
            (
                Flow(Table.DISPATCH, 170, match("ip", in_port=VXLAN_PORT, nw_src=network), to_vxlan)
                for network in networks
            ),
        )


def _dispatch_tun(plan: NodePlan) -> Iterator[FlowGroup]:
    local, gateway, networks = plan.node.subnet, Prefix(plan.node.gateway, WIDTH), _pod_networks(plan)
    by_service = load(Register.MARK, CT_MARK_SERVICE)
    between_local = match("ip", in_port=TUN_PORT, nw_src=local, nw_dst=local)
    hairpin = (
        [Flow(Table.DISPATCH, 350, between_local, actions(by_service, goto(Table.HAIRPIN)))]
        if plan.cluster.mode is Mode.NETWORKPOLICY
        else []
    )
    from_outside = goto(Table.ROUTE)
    if returns(plan):
        from_outside = actions(load(Register.MARK, CT_MARK_OUTSIDE), from_outside)
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
            Flow(Table.DISPATCH, 200, match("ip", in_port=TUN_PORT), from_outside),
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
    if plan.multicast:
        yield FlowGroup.of(
            "no multicast from the node or the outside",
            [Flow(Table.DISPATCH, 900, match("ip", in_port=TUN_PORT, nw_dst=MULTICAST), "drop")],
        )


def _dispatch_pods(plan: NodePlan) -> Iterator[FlowGroup]:
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


def _pod_networks(plan: NodePlan) -> list[Prefix]:
    return [network.prefix for network in plan.cluster.pod_networks]


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
