"""The plan of one node: everything that its backends need, and nothing about how they write it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from attrs import field, frozen

from compiler.declarations import Mode
from compiler.ids import allocate
from compiler.model.model import GLOBAL_NETID, Cluster, Endpoint, Model, Node, Router
from compiler.origin import Origin
from compiler.plan.admin_rules import AdminRulePlan, plan_admin_rules
from compiler.plan.classifier import Classifier, classify
from compiler.plan.egress_ips import NO_EGRESS_IPS, EgressIpPlan, plan_egress_ips
from compiler.plan.firewall import NO_FIREWALL, FirewallPlan, plan_firewalls
from compiler.plan.multicast import MulticastPlan, plan_multicast
from compiler.plan.verdicts import NO_CLASS, Verdicts, decide
from compiler.policy.bits import bits_of
from compiler.policy.firewall import FoldedFirewall
from compiler.policy.ir import Policy
from compiler.values.limits import FIRST_POD_PORT, LAST_POD_PORT

DERIVED_INTERFACE = re.compile("veth[0-9a-f]{8}")
INTERFACE_IDS = (1 << 32) - 1
"""Interface names carry eight hexadecimal digits: `veth1a2b3c4d` fits into Linux' fifteen characters."""


@frozen(slots=True)
class LocalPod:
    """A pod of the node.  `ingress` and `egress` are its subjects' numbers, `NO_CLASS` where it is not isolated."""

    endpoint: Endpoint
    netid: int
    of_port: int
    interface: str
    ingress: int
    egress: int


@frozen
class DirectionPlan:
    """One direction of policy: which class a peer is in, and what it may."""

    decided: Verdicts = field(factory=Verdicts)
    classifier: Classifier = field(factory=Classifier)


NO_POLICY = DirectionPlan()


@frozen
class NodePlan:
    """One node: the cluster, the node itself, the other nodes, its pods, and the policy of each direction."""

    cluster: Cluster
    node: Node
    others: tuple[Node, ...]
    pods: tuple[LocalPod, ...]
    ingress: DirectionPlan = NO_POLICY
    egress: DirectionPlan = NO_POLICY
    firewall: FirewallPlan = NO_FIREWALL
    egress_ips: EgressIpPlan = NO_EGRESS_IPS
    multicast: tuple[MulticastPlan, ...] = ()
    routers: tuple[Router, ...] = ()
    admin_rules: tuple[AdminRulePlan, ...] = ()

    @property
    def everywhere(self) -> tuple[Origin, ...]:
        """The statements behind what every node has: the node's own and the cluster's."""
        return (self.node.origin, *self.cluster.origins)


def plan_node(model: Model, policy: Policy | None, firewalls: Sequence[FoldedFirewall], node: Node) -> NodePlan:
    """The plan of a node; `policy` is None in the modes without."""
    local = [endpoint for endpoint in model.endpoints if endpoint.node == node.name]
    others = tuple(other for other in model.nodes if other != node)
    netids = {project.name: project.netid for project in model.projects}
    if model.cluster.mode is Mode.SUBNET:
        netids = dict.fromkeys(netids, GLOBAL_NETID)
    of_ports, interfaces = _ports(local), _interfaces(local)
    if policy is None:
        ingress = egress = NO_POLICY
        cells: dict[str, int] = {}
    else:
        universe = policy.universe
        cells = {
            endpoint.name: number
            for number, cell in universe.pod_cells.items()
            for endpoint in cell.endpoints
            if endpoint.node == node.name
        }
        local_cells = bits_of(cells.values())
        decided = decide(policy.ingress, local_cells)
        ingress = DirectionPlan(decided, classify(universe, decided, by_netid=True))
        decided = decide(policy.egress, local_cells)
        egress = DirectionPlan(decided, classify(universe, decided, by_netid=False))
    pods = tuple(
        LocalPod(
            endpoint,
            netids[endpoint.pod.project],
            of_ports[endpoint.name],
            interfaces[endpoint.name],
            ingress.decided.subject_of.get(cells.get(endpoint.name, -1), NO_CLASS),
            egress.decided.subject_of.get(cells.get(endpoint.name, -1), NO_CLASS),
        )
        for endpoint in local
    )
    here = {pod.netid for pod in pods}
    return NodePlan(
        model.cluster,
        node,
        others,
        pods,
        ingress,
        egress,
        plan_firewalls(firewalls, here),
        plan_egress_ips(model, node, here),
        plan_multicast(model, node, ((pod.netid, pod.of_port) for pod in pods)),
        tuple(router for router in model.routers if node.name in router.nodes),
        plan_admin_rules(model, node, local),
    )


def _ports(local: Iterable[Endpoint]) -> dict[str, int]:
    """Each pod's OpenFlow port: the one that is told, else one derived from the name."""
    told = {endpoint.name: endpoint.of_port for endpoint in local if endpoint.of_port is not None}
    free = [endpoint.name for endpoint in local if endpoint.of_port is None]
    return told | allocate(free, FIRST_POD_PORT, LAST_POD_PORT, taken=told.values())


def _interfaces(local: Iterable[Endpoint]) -> dict[str, str]:
    """Each pod's interface on the bridge: the one that is told, else one derived from the name."""
    told = {endpoint.name: endpoint.interface for endpoint in local if endpoint.interface is not None}
    taken = [int(name[4:], 16) for name in told.values() if DERIVED_INTERFACE.fullmatch(name)]
    free = [endpoint.name for endpoint in local if endpoint.interface is None]
    return told | {name: f"veth{number:08x}" for name, number in allocate(free, 0, INTERFACE_IDS, taken).items()}
