"""Leaving the cluster: the egress firewall (98, 99, 100) and static egress IPs (101).

| a node that | gets |
|---|---|
| has no pods of projects with a firewall or an egress IP, and hosts none | table 98: two flows |
| has such pods, or hosts an egress IP | tables 98 and 101 |
| has pods of projects with a firewall | table 100, for each distinct list of addresses |
| has pods of projects whose firewall tells ports apart | table 99, for each distinct policy |

On nodes of the first kind table 30 remembers the connections that leave.  On the others ("judged") the flow that
finally lets a packet out does, so that a refused connection is never remembered: whoever is at its other end could
send "replies" past ingress policy.

Replies are not for a firewall on what pods open.  They go to table 101 as well: a connection that a pod opened by way
of another node may look as if it had been opened from outside, where this node forgot it first.  Only what came in by
this node's own tun0 goes back there.  ICMP errors about a connection count as new packets: where they go is no
question of the connection that they quote.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from backends.ovs.fields import CT_MARK_OUTSIDE, VXLAN_PORT, Register, Table
from backends.ovs.flow import (
    COMMIT,
    NEW,
    OUTPUT_TUN,
    PLAIN_REPLY,
    Flow,
    FlowGroup,
    actions,
    goto,
    load,
    marked,
    masked_port,
    match,
    number,
)
from backends.ovs.groups import ways_out
from compiler.origin import Origin
from compiler.plan.firewall import ALLOW_ALL, DENY_ALL, FirewallPlan, PortPolicy
from compiler.plan.node import NodePlan
from compiler.values.prefix import WIDTH, Prefix
from compiler.values.services import Protocol

DNS_PORT = 53

FRAGMENT, REPLY, DNS_NEW, DNS, PROJECT = 400, 300, 250, 200, 100
"""Priorities of table 98: each is an exception of those below it."""

PORT_FRAGMENT, PREFIX, OTHERWISE = 200, 100, 50
"""Priorities of tables 99 and 100: fragments; a block of ports or addresses (plus its length); what no block has."""

RETURN, ROUTE_NEW, ROUTE, DEFAULT_NEW = 300, 200, 100, 50
"""Priorities of table 101: replies that go back by tun0; a project's way out, and that of all others."""

CLUSTER_BY_VXLAN, HOSTED_BY_VXLAN, REST_BY_VXLAN = 140, 130, 120
"""Priorities of table 30, below those of what stays on the node, above those of what leaves it."""


def is_judged(plan: NodePlan) -> bool:
    """Whether the node asks more of what leaves than whether it hides VXLAN."""
    return bool(plan.firewall.projects or plan.egress_ips.routes)


def returns(plan: NodePlan) -> bool:
    """Whether replies to what came in by tun0 have to be told from other replies, by `CT_MARK_OUTSIDE`."""
    return any(not route.local for route in plan.egress_ips.routes)


def leave_flows(plan: NodePlan) -> Iterator[FlowGroup]:
    """The groups of tables 98 to 101."""
    # Fragments show no ports, and the node gives what leaves its own address, which other nodes know.
    yield FlowGroup.of(
        "no pod sends VXLAN in fragments", [Flow(Table.LEAVE, FRAGMENT, match("udp", nw_frag="yes"), "drop")]
    )
    if not is_judged(plan):
        yield FlowGroup.of("by the node to the outside", [Flow(Table.LEAVE, 0, "", OUTPUT_TUN)])
        return
    yield from _exceptions(plan)
    yield from _projects(plan.firewall)
    yield from _ports(plan.firewall)
    yield from _addresses(plan.firewall)
    yield from _egress_ips(plan)


def hosted_flows(plan: NodePlan) -> Iterator[FlowGroup]:
    """What table 30 does with packets that other nodes send here to leave by this node's egress IPs.

    They went by the firewall on the node that they come from.  They are for the outside and nothing else: what is for
    a pod or a service, its own node would have sent there.  Multicast and packets for this node's own pods have flows
    above these.
    """
    hosted = plan.egress_ips.hosted
    if not hosted:
        return
    yield FlowGroup.of(
        "from another node, to leave by an egress IP here: never into the cluster",
        (
            Flow(Table.ROUTE, CLUSTER_BY_VXLAN, match("ip", in_port=VXLAN_PORT, nw_dst=network), "drop")
            for network in cluster_networks(plan)
        ),
    )
    netids: dict[int, dict[Origin, None]] = defaultdict(dict)
    for address in hosted:
        netids[address.netid].update(dict.fromkeys(address.origins))
    for netid, origins in sorted(netids.items()):
        projects = sorted({address.project for address in hosted if address.netid == netid})
        source = match("ip", in_port=VXLAN_PORT, **{Register.SOURCE_NETID.match: netid})
        yield FlowGroup.of(
            f"project {', '.join(projects)}",
            [Flow(Table.ROUTE, HOSTED_BY_VXLAN, source, goto(Table.EGRESS_IP), tuple(origins))],
        )
    yield FlowGroup.of(
        "no other project has an egress IP here",
        [Flow(Table.ROUTE, REST_BY_VXLAN, match("ip", in_port=VXLAN_PORT), "drop")],
    )


def cluster_networks(plan: NodePlan) -> tuple[Prefix, ...]:
    """What lies inside the cluster: the service network and the pod networks."""
    return (plan.cluster.service_network, *(network.prefix for network in plan.cluster.pod_networks))


def _exceptions(plan: NodePlan) -> Iterator[FlowGroup]:
    yield FlowGroup.of(
        "replies are not judged, but errors about a connection are",
        [Flow(Table.LEAVE, REPLY, match("ip", ct_state=PLAIN_REPLY), goto(Table.EGRESS_IP))],
    )
    node: dict[str, Prefix | int] = {"nw_dst": Prefix(plan.node.address, WIDTH), "tp_dst": DNS_PORT}
    dns = []
    for word in ("tcp", "udp"):
        dns.append(Flow(Table.LEAVE, DNS_NEW, match(word, ct_state=NEW, **node), actions(COMMIT, OUTPUT_TUN)))
        dns.append(Flow(Table.LEAVE, DNS, match(word, **node), OUTPUT_TUN))
    yield FlowGroup.of("DNS of the node itself passes before all rules", dns)


def _to_list(list_: int) -> str:
    """What is done with packets that a list of addresses judges."""
    if list_ == ALLOW_ALL:
        return goto(Table.EGRESS_IP)
    if list_ == DENY_ALL:
        return "drop"
    return actions(load(Register.FIREWALL, list_), goto(Table.FIREWALL))


def _projects(plan: FirewallPlan) -> Iterator[FlowGroup]:
    policies = {policy.number: policy.text for policy in plan.policies}
    lists = {one.number: one.text for one in plan.lists}
    lists |= {ALLOW_ALL: "everything is allowed", DENY_ALL: "everything is denied"}
    for project in plan.projects:
        if project.policy is None:
            text, result = lists[project.list], _to_list(project.list)
        else:
            text = policies[project.policy]
            result = actions(load(Register.FIREWALL, project.policy), goto(Table.FIREWALL_PORTS))
        source = match("ip", **{Register.SOURCE_NETID.match: project.netid})
        yield FlowGroup.of(
            f"project {project.project}: {text}", [Flow(Table.LEAVE, PROJECT, source, result, project.origins)]
        )
    yield FlowGroup.of("no firewall", [Flow(Table.LEAVE, 0, "", goto(Table.EGRESS_IP))])


def _ports(plan: FirewallPlan) -> Iterator[FlowGroup]:
    if not plan.policies:
        return
    users: dict[int, dict[Origin, None]] = defaultdict(dict)
    for project in plan.projects:
        if project.policy is not None:
            users[project.policy].update(dict.fromkeys(project.origins))
    for policy in plan.policies:
        yield FlowGroup.of(f"{number(policy.number)}: {policy.text}", _policy(policy, tuple(users[policy.number])))
    yield FlowGroup.of("no other policy", [Flow(Table.FIREWALL_PORTS, 0, "", "drop")])


def _policy(policy: PortPolicy, users: tuple[Origin, ...]) -> Iterator[Flow]:
    """The flows of one policy; `users` are the statements of the firewalls that have it."""
    register = {Register.FIREWALL.match: policy.number}
    # A rule must not be evaded by cutting packets: fragments show no ports.  UDP's never get here.
    for protocol in {entry.protocol for entry in policy.entries} - {Protocol.UDP}:
        fragments = match(_word(protocol), nw_frag="yes", **register)
        yield Flow(Table.FIREWALL_PORTS, PORT_FRAGMENT, fragments, "drop", users)
    for entry in policy.entries:
        where = {"tp_dst": masked_port(entry.first, entry.length)} if entry.length else {}
        condition = match(_word(entry.protocol), **register, **where)
        result = _to_list(entry.list)
        yield Flow(Table.FIREWALL_PORTS, PREFIX + entry.length, condition, result, entry.origins or users)
    yield Flow(Table.FIREWALL_PORTS, OTHERWISE, match(**register), _to_list(policy.otherwise), users)


def _addresses(plan: FirewallPlan) -> Iterator[FlowGroup]:
    if not plan.lists:
        return
    for addresses in plan.lists:
        yield FlowGroup.of(
            f"{number(addresses.number)}: {addresses.text}",
            (
                Flow(
                    Table.FIREWALL,
                    PREFIX + entry.prefix.length,
                    match("ip", nw_dst=entry.prefix, **{Register.FIREWALL.match: addresses.number}),
                    goto(Table.EGRESS_IP) if entry.allow else "drop",
                    entry.origins,
                )
                for entry in addresses.entries
            ),
        )
    yield FlowGroup.of("what no rule denies is allowed", [Flow(Table.FIREWALL, 0, "", goto(Table.EGRESS_IP))])


def _egress_ips(plan: NodePlan) -> Iterator[FlowGroup]:
    for route in plan.egress_ips.routes:
        source = {Register.SOURCE_NETID.match: route.netid}
        ways = ways_out(route, plan.node.gateway)
        result = ways[0].actions if len(ways) == 1 else f"group:{route.netid}"
        flows = [Flow(Table.EGRESS_IP, ROUTE, match("ip", **source), result if ways else "drop", route.origins)]
        if ways:
            new = match("ip", ct_state=NEW, **source)
            flows.append(Flow(Table.EGRESS_IP, ROUTE_NEW, new, actions(COMMIT, result), route.origins))
        if not route.local:
            reply = match("ip", ct_state=PLAIN_REPLY, ct_mark=marked(CT_MARK_OUTSIDE), **source)
            flows.append(Flow(Table.EGRESS_IP, RETURN, reply, OUTPUT_TUN, route.origins))
        yield FlowGroup.of(f"project {route.project}: {_where(len(route.local), len(ways))}", flows)
    yield FlowGroup.of(
        "by the node to the outside; a new connection is remembered, so that its replies pass",
        [
            Flow(Table.EGRESS_IP, DEFAULT_NEW, match("ip", ct_state=NEW), actions(COMMIT, OUTPUT_TUN)),
            Flow(Table.EGRESS_IP, 0, "", OUTPUT_TUN),
        ],
    )


def _where(local: int, ways: int) -> str:
    if not ways:
        return "no node hosts its egress IP, so nothing leaves"
    return "by its egress IP of this node" if local else "by the nodes that host its egress IPs"


def _word(protocol: Protocol) -> str:
    return protocol.name.lower()
