"""Static egress IPs on one node: which way out each project has, and which addresses the node hosts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from attrs import field, frozen

from compiler.ids import allocate
from compiler.model.model import EgressIp, Model, Node
from compiler.origin import Origin
from compiler.values.limits import MAX_EGRESS_IPS

MARK_SHIFT = 16
"""A packet's mark says which egress IP it leaves with, in bits 16 to 29: kube-proxy uses bits 14 and 15, and
openshift-sdn bit 0."""

MARK_MASK = MAX_EGRESS_IPS << MARK_SHIFT


@frozen
class HostedAddress:
    """An egress IP that this node hosts, and the mark of the packets that leave with it."""

    address: int
    project: str
    netid: int
    mark: int
    origins: tuple[Origin, ...] = field(eq=False, repr=False)


@frozen
class EgressRoute:
    """The way out of a project with egress IPs: `local` are those hosted here, `remote` the nodes that host others.

    With a local one the remote ones are not used (EI-03); without any, everything is dropped (EI-02).  `remote` has a
    node once for each address that it hosts.
    """

    project: str
    netid: int
    local: tuple[int, ...]
    remote: tuple[Node, ...]
    origins: tuple[Origin, ...] = field(eq=False, repr=False)


@frozen
class EgressIpPlan:
    """`routes` by NetID, for projects that have pods or an egress IP on the node; `hosted` by address."""

    routes: tuple[EgressRoute, ...] = ()
    hosted: tuple[HostedAddress, ...] = ()


NO_EGRESS_IPS = EgressIpPlan()


def plan_egress_ips(model: Model, node: Node, netids: Collection[int]) -> EgressIpPlan:
    """The plan of a node on which pods with these NetIDs are."""
    by_project: dict[int, list[EgressIp]] = defaultdict(list)
    for egress_ip in model.egress_ips:
        by_project[egress_ip.netid].append(egress_ip)
    nodes = {other.name: other for other in model.nodes}
    here = [egress_ip for egress_ip in model.egress_ips if egress_ip.node == node.name]
    marks = allocate([str(egress_ip.address) for egress_ip in here], 1, MAX_EGRESS_IPS)
    routes = []
    for netid, addresses in sorted(by_project.items()):
        local = tuple(one.address for one in addresses if one.node == node.name)
        if netid not in netids and not local:
            continue
        remote = () if local else tuple(nodes[one.node] for one in addresses if one.node is not None)
        origins = tuple(dict.fromkeys(origin for one in addresses for origin in one.origins))
        routes.append(EgressRoute(addresses[0].project, netid, local, remote, origins))
    return EgressIpPlan(
        tuple(routes),
        tuple(
            HostedAddress(one.address, one.project, one.netid, marks[str(one.address)] << MARK_SHIFT, one.origins)
            for one in here
        ),
    )
