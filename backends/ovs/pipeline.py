"""The flow file of a node.

What each table does, who fills it and where a packet goes next (numbers follow openshift-sdn; tests hold this text
against the flows):

| table | what it does | next |
|---|---|---|
| 0 | finds the connection; dispatches by port: vxlan0 (1), tun0 (2), pods | 10, 15, 20, 21, 25, 30 |
| 10 | from VXLAN: known nodes only | 30 |
| 15 | an ICMP error from a pod: is it about a connection of its own? | 20 |
| 20 | from a pod: its own address from its own port; loads NetID and egress subject | 26, 30 |
| 21 | back from service translation to a local pod: is it the sender itself? | 25 |
| 25 | back from service translation: as 20, by address | 26, 30 |
| 26 | destination address -> egress peer class | 27, 30 |
| 27 | egress policy: (subject, peer class) -> everything, or a service set | 28, 30 |
| 28 | egress policy: (service set, port) -> go on | 30 |
| 30 | routes what stays on the node; remembers connections that leave it | 31, 40, 50, 70, 101, 110, 120, 2 |
| 31 | routes what leaves the node | 60, 90, 98 |
| 40 | ARP to a local pod | pod |
| 50 | ARP to another node | 1 |
| 60 | to a service: the node translates | 2 |
| 70 | to a local pod: loads its port, its NetID or its ingress subject | 74, 80, 82 |
| 74 | NetID or source address -> ingress peer class | 80, 82 |
| 80 | ingress policy: (subject, peer class) -> everything, or a service set; NetIDs in multitenant mode | 81, 82 |
| 81 | ingress policy: (service set, port) -> go on | 82 |
| 82 | remembers new connections and delivers | pod |
| 90 | to a pod of another node | 1 |
| 98 | leaves the cluster: replies, DNS of the node, the project's egress firewall | 99, 100, 101, 2 |
| 99 | egress firewall: (policy, port) -> list of addresses | 100, 101 |
| 100 | egress firewall: (list, destination address) -> go on | 101 |
| 101 | egress IP of the project: by this node or another; remembers new connections | group, 1, 2 |
| 110 | multicast of a pod: is it on for the project? | 111 |
| 111 | multicast: to the other nodes that have pods of the project | 120, 1 |
| 120 | multicast: to the project's pods of this node | pod |
| 253 | a note: sdnc's version and the digest of the other flows | |

Only what a node needs is there: 15 and 21 in networkpolicy mode; 26 to 28, and 74 and 81, if a pod of the node is
isolated in their direction; 99 to 101 as `backends/ovs/leave.py` tells; 110 to 120 if a project of the node has
multicast.  In subnet mode there is none of these.

Registers are named in `backends/ovs/fields.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from itertools import groupby

from attrs import evolve, frozen

from backends.lines import Line
from backends.ovs.base import base_flows
from backends.ovs.fields import Table
from backends.ovs.flow import Flow, FlowGroup
from backends.ovs.leave import leave_flows
from backends.ovs.multicast import multicast_flows
from backends.ovs.pods import pod_flows
from backends.ovs.policy import multitenant_flows, policy_flows
from backends.ovs.routing import routing_flows
from compiler.declarations import Mode
from compiler.plan.node import NodePlan
from compiler.version import VERSION

HEADLINES = {
    Table.DISPATCH: "where a packet comes from",
    Table.FROM_VXLAN: "from other nodes",
    Table.RELATED: "an ICMP error from a pod",
    Table.FROM_POD: "from a pod",
    Table.HAIRPIN: "back from service translation to a local pod",
    Table.FROM_SERVICE: "back from service translation",
    Table.EGRESS_PEERS: "egress policy, the class of the destination",
    Table.EGRESS_VERDICT: "egress policy, what the class may",
    Table.EGRESS_SERVICES: "egress policy, ports of a service set",
    Table.ROUTE: "routing on the node",
    Table.ROUTE_AWAY: "routing away from the node",
    Table.ARP_LOCAL: "ARP to a local pod",
    Table.ARP_REMOTE: "ARP to another node",
    Table.TO_SERVICE: "to a service",
    Table.TO_LOCAL_POD: "to a local pod",
    Table.INGRESS_PEERS: "ingress policy, the class of the source",
    Table.INGRESS_VERDICT: "ingress policy, what the class may",
    Table.INGRESS_SERVICES: "ingress policy, ports of a service set",
    Table.DELIVER: "delivery",
    Table.TO_NODE: "to another node",
    Table.LEAVE: "out of the cluster",
    Table.FIREWALL_PORTS: "egress firewall, ports",
    Table.FIREWALL: "egress firewall, addresses",
    Table.EGRESS_IP: "egress IPs",
    Table.MULTICAST: "multicast of a pod",
    Table.MULTICAST_NODES: "multicast, to other nodes",
    Table.MULTICAST_PODS: "multicast, to local pods",
    Table.NOTE: "a note for the applier",
}

NOTE_MAGIC = b"sdnc"


@frozen
class FlowFile:
    """All flows of a node, grouped and in the order of the file."""

    node: str
    groups: tuple[FlowGroup, ...]

    def text(self) -> str:
        """The file for `ovs-ofctl -O OpenFlow13 --bundle replace-flows br0 flows.txt`."""
        lines = [
            f"# Flows of node {self.node}.  Load them as a whole:",
            "# ovs-ofctl -O OpenFlow13 --bundle replace-flows br0 flows.txt",
        ]
        for table, groups in groupby(self.groups, key=lambda group: group.flows[0].table):
            lines += ["", f"# Table {table:d}: {HEADLINES[table]}"]
            for group in groups:
                lines.append(f"# {group.comment}")
                lines += map(str, group.flows)
        return "\n".join(lines) + "\n"

    def flows(self) -> tuple[Flow, ...]:
        """The flows in the order of the file."""
        return tuple(flow for group in self.groups for flow in group.flows)

    def lines(self) -> Iterator[Line]:
        """The flows as lines, each with the statements behind it."""
        return (Line(str(flow), flow.origins) for flow in self.flows())


def build_flows(plan: NodePlan) -> FlowFile:
    """The flows of a node; each names the statements that ask for it, the cluster's own the node and the networks
    (OUT-03).

    Raises ValueError if two flows have one match, of which Open vSwitch would silently keep one: a fault of sdnc.
    """
    groups = [
        *base_flows(plan),
        *pod_flows(plan),
        *routing_flows(plan),
        *leave_flows(plan),
        *multicast_flows(plan),
    ]
    match plan.cluster.mode:
        case Mode.NETWORKPOLICY:
            groups += policy_flows(plan)
        case Mode.MULTITENANT:
            groups += multitenant_flows(plan)
        case Mode.SUBNET:
            pass
    everywhere = plan.everywhere
    groups = [
        evolve(
            group,
            flows=tuple(flow if flow.origins else evolve(flow, origins=everywhere) for flow in group.flows),
        )
        for group in groups
        if group.flows
    ]
    groups.sort(key=lambda group: group.flows[0].table)
    _check_distinct(groups)
    note = FlowGroup(
        "sdnc's version and the digest of all flows above",
        (Flow(Table.NOTE, 0, "", f"note:{_note(groups)}", everywhere),),
    )
    return FlowFile(plan.node.name, (*groups, note))


def _check_distinct(groups: list[FlowGroup]) -> None:
    seen: set[tuple[int, int, str]] = set()
    for group in groups:
        for flow in group.flows:
            if flow.key in seen:
                raise ValueError(f"two flows with one match: {flow}")
            seen.add(flow.key)


def _note(groups: list[FlowGroup]) -> str:
    """38 bytes, a length that Open vSwitch keeps as it is: a magic word, major and minor version, a SHA-256."""
    text = "".join(f"{flow}\n" for group in groups for flow in group.flows)
    major, minor, _patch = (int(part) for part in VERSION.split("."))
    note = NOTE_MAGIC + bytes((major, minor)) + sha256(text.encode()).digest()
    return note.hex(".")
