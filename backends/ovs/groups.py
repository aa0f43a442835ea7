"""The ways out of a project with static egress IPs, and the groups that choose between several (EI-03).

A *select* group sends each connection through one of its buckets, by a hash (ovs-ofctl(8), `selection_method`; the
default, dp_hash, is the same in both directions): one of the addresses and, for TCP and SCTP, the ports.  Everything
else between two addresses takes one bucket.  A project's group has the project's NetID as its number, which nothing
renumbers (OUT-02).  Buckets stand in the order of the addresses they lead to, and a bucket tells of its address alone,
so that another host adds one bucket and changes none.  They have no ids: OpenFlow 1.3 knows none, and Open vSwitch
forgets them there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from attrs import field, frozen

from backends.ethernet import mac_of
from backends.lines import Line
from backends.ovs.flow import NETID_TO_TUNNEL, OUTPUT_TUN, actions, to_node
from compiler.origin import Origin
from compiler.plan.egress_ips import EgressRoute
from compiler.plan.node import NodePlan


@frozen
class Bucket:
    """One way out: what it does with a packet, and its share of the connections."""

    actions: str
    weight: int = 1

    def __str__(self) -> str:
        weight = f"weight:{self.weight}," if self.weight != 1 else ""
        return f"bucket={weight}actions={self.actions}"


@frozen
class Group:
    """A select group; its text is that of `ovs-ofctl -O OpenFlow13 dump-groups`."""

    number: int
    project: str
    buckets: tuple[Bucket, ...]
    origins: tuple[Origin, ...] = field(eq=False, repr=False)

    def __str__(self) -> str:
        return ",".join([f"group_id={self.number},type=select", *map(str, self.buckets)])

    @property
    def line(self) -> str:
        """The line of the file: a group that is there already is replaced, so that loading twice changes nothing."""
        return f"add_or_mod {self}"


@frozen
class GroupFile:
    """All groups of a node, by number."""

    node: str
    groups: tuple[Group, ...]

    def text(self) -> str:
        """The file for `ovs-ofctl -O OpenFlow13 --bundle add-groups br0 groups.txt`."""
        lines = [
            f"# Groups of node {self.node}.  Load them before flows.txt, which refers to them:",
            "# ovs-ofctl -O OpenFlow13 --bundle add-groups br0 groups.txt",
        ]
        for group in self.groups:
            lines += ["", f"# project {group.project}: by its egress IPs", group.line]
        return "\n".join(lines) + "\n"

    def lines(self) -> Iterator[Line]:
        """The groups as lines, each with the statements behind it."""
        return (Line(group.line, group.origins) for group in self.groups)


def build_groups(plan: NodePlan) -> GroupFile:
    """The groups of a node: one for each project that has several ways out there."""
    groups = []
    for route in plan.egress_ips.routes:
        buckets = ways_out(route, plan.node.gateway)
        if len(buckets) > 1:
            groups.append(Group(route.netid, route.project, buckets, route.origins))
    return GroupFile(plan.node.name, tuple(sorted(groups, key=lambda group: group.number)))


def ways_out(route: EgressRoute, gateway: int) -> tuple[Bucket, ...]:
    """The ways out of a project: by its egress IPs here, else by each node that hosts some; none if nobody does.

    The host tells the egress IP by the source's Ethernet address; a packet mark does not get through a tap device,
    which tun0 is in the userspace datapath.  `gateway` is the node's own address on the pod network: the packet of
    another node's pod is not addressed to this node's tun0 yet.
    """
    if route.local:
        return tuple(
            Bucket(
                actions(f"set_field:{mac_of(address)}->eth_src", f"set_field:{mac_of(gateway)}->eth_dst", OUTPUT_TUN)
            )
            for address in sorted(route.local)
        )
    shares = Counter(other.address for other in route.remote)
    return tuple(Bucket(actions(NETID_TO_TUNNEL, to_node(address)), shares[address]) for address in sorted(shares))
