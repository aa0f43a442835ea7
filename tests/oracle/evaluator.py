"""A naive evaluator of pod networks and policies, written line by line from docs/behaviours.md.

It answers one question at a time, by going through all policies, and is slow on purpose: nothing here is
clever enough to be wrong in the way the compiler could be.  It uses the data classes of
`compiler.declarations`, and no code of the compiler.  What leaves the cluster, and multicast, is judged in
`leaving`.

Where the behaviours leave something open, this is how they are read:

- In ingress a node's two addresses, that on the underlay and its gateway on the pod network, count as a
  member without labels of the project `default` (NT-01).  So a selector matches them if it selects that
  project and its pod selector is empty; a block matches them by address.
- In egress a node is matched by blocks only: selectors select pods, and a node is none.
- The node on which a pod runs reaches it by its gateway or underlay address, whatever the policies say
  (NP-12, PN-04).
- What a pod sends to the service network is not judged when it is sent; it comes back from the node with
  the address behind the service and is then judged as traffic from the pod to that address (PN-14, NP-15).
- A sender outside the cluster is matched by blocks only (NP-05); in multitenant mode its NetID is 0.
- A rule without ports allows every IP protocol; a rule with ports those of TCP, UDP and SCTP only (NP-04,
  NP-08).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from attrs import field, frozen

from compiler.declarations import (
    BlockPeer,
    ClusterDeclaration,
    Declaration,
    Mode,
    NetworkPolicy,
    NodeDeclaration,
    Pod,
    PodPeer,
    PortName,
    PortRange,
    ProjectDeclaration,
    Rule,
)
from compiler.values.labels import Labels, Operator, Selector
from compiler.values.prefix import Prefix

T = TypeVar("T")

DEFAULT = "default"
"""The project that is always there, and that nodes count to."""

MULTICAST = Prefix(0xE0000000, 4)
"""224.0.0.0/4 (RFC 5771)."""


@frozen
class Service:
    """What a packet is for: the IP protocol's number, and the destination port; `port` is 0 where there are
    no ports.
    """

    protocol: int
    port: int = 0

    def __str__(self) -> str:
        return f"{self.protocol}/{self.port}"


@frozen
class Node:
    """A node with its name, its address on the underlay, its subnet and the egress IPs that it has by hand."""

    name: str
    address: int
    subnet: Prefix
    egress_addresses: tuple[int, ...] = ()

    @property
    def gateway(self) -> int:
        """Its address on the pod network, the first of its subnet."""
        return self.subnet.network + 1


@frozen
class Oracle:
    """The cluster that declarations tell of.  Every project but `default` has to declare its NetID.

    `names` are the addresses of the DNS names that egress firewalls speak of.
    """

    declarations: Sequence[Declaration]
    names: Mapping[str, Sequence[int]] = field(factory=dict)
    mode: Mode = field(init=False)
    pod_networks: tuple[Prefix, ...] = field(init=False)
    service_network: Prefix = field(init=False)
    vxlan_port: int = field(init=False)
    nodes: dict[str, Node] = field(init=False)
    pods: dict[int, Pod] = field(init=False)
    projects: dict[str, ProjectDeclaration] = field(init=False)
    policies: tuple[NetworkPolicy, ...] = field(init=False)

    def _every(self, kind: type[T]) -> list[T]:
        return [declaration for declaration in self.declarations if isinstance(declaration, kind)]

    @mode.default
    def _find_mode(self) -> Mode:
        return next(c.mode for c in self._every(ClusterDeclaration) if c.mode is not None)

    @pod_networks.default
    def _find_pod_networks(self) -> tuple[Prefix, ...]:
        return tuple(n.prefix for c in self._every(ClusterDeclaration) for n in c.pod_networks)

    @service_network.default
    def _find_service_network(self) -> Prefix:
        return next(c.service_network for c in self._every(ClusterDeclaration) if c.service_network)

    @vxlan_port.default
    def _find_vxlan_port(self) -> int:
        return next((c.vxlan_port for c in self._every(ClusterDeclaration) if c.vxlan_port), 4789)

    @nodes.default
    def _find_nodes(self) -> dict[str, Node]:
        return {
            node.name: Node(
                node.name, node.address, node.subnet, tuple(egress.address for egress in node.egress_addresses)
            )
            for node in self._every(NodeDeclaration)
            if node.address is not None and node.subnet is not None
        }

    @pods.default
    def _find_pods(self) -> dict[int, Pod]:
        """Endpoints by address: neither pods of the host network (PN-15) nor those that have ended (NP-17)."""
        return {
            pod.address: pod
            for pod in self._every(Pod)
            if not pod.host_network and not pod.finished and pod.node is not None and pod.address is not None
        }

    @projects.default
    def _find_projects(self) -> dict[str, ProjectDeclaration]:
        return {project.name: project for project in self._every(ProjectDeclaration)}

    @policies.default
    def _find_policies(self) -> tuple[NetworkPolicy, ...]:
        return tuple(self._every(NetworkPolicy))

    def node_of(self, pod: Pod) -> Node:
        """The node on which an endpoint runs."""
        assert pod.node is not None
        return self.nodes[pod.node]

    def netid(self, address: int) -> int:
        """The NetID of a sender: its project's if it is a pod, else 0 (NT-01); in subnet mode all are one
        network.
        """
        pod = self.pods.get(address)
        if pod is None or pod.project == DEFAULT or self.mode is Mode.SUBNET:
            return 0
        netid = self.projects[pod.project].netid
        assert netid is not None, f"project {pod.project} has to declare its NetID"
        return netid

    def is_node(self, address: int) -> bool:
        """Whether a node has the address, on the underlay or on the pod network."""
        return any(address in (node.address, node.gateway) for node in self.nodes.values())

    def allows(self, source: int, destination: int, service: Service) -> bool:
        """Whether a new connection passes both ends' judgement; an end that is no pod does not judge."""
        sender, receiver = self.pods.get(source), self.pods.get(destination)
        sent = sender is None or self.sends(sender, destination, service)
        return sent and (receiver is None or self.accepts(receiver, source, service))

    def sends(self, pod: Pod, destination: int, service: Service) -> bool:
        """Whether egress lets a pod's new connection out."""
        if self.mode is not Mode.NETWORKPOLICY:
            return True  # PN-10
        if destination == pod.address:
            return True  # NP-12
        if within(destination, self.service_network):
            return True  # PN-14: judged when it comes back
        if within(destination, MULTICAST):
            return True  # MC-04
        governing = [p.egress for p in self.policies if self._governs(p, pod) and p.egress is not None]
        if not governing:
            return True  # NP-02
        receiver = self.pods.get(destination)
        return any(
            self._names(rule, pod.project, destination, ingress=False) and self._serves(rule, receiver, service)
            for rules in governing
            for rule in rules
        )

    def accepts(self, pod: Pod, source: int, service: Service) -> bool:
        """Whether ingress lets a new connection into a pod."""
        if self.mode is Mode.SUBNET:
            return True  # PN-01
        assert pod.address is not None
        if self.mode is Mode.MULTITENANT:
            theirs, ours = self.netid(source), self.netid(pod.address)
            return theirs == ours or 0 in (theirs, ours)  # PN-03
        if source == pod.address:
            return True  # NP-12
        node = self.node_of(pod)
        if source in (node.address, node.gateway):
            return True  # NP-12, PN-04
        governing = [p.ingress for p in self.policies if self._governs(p, pod) and p.ingress is not None]
        if not governing:
            project = self.projects.get(pod.project)
            return project is None or not project.isolated  # NP-02, NP-14
        return any(
            self._names(rule, pod.project, source, ingress=True) and self._serves(rule, pod, service)
            for rules in governing
            for rule in rules
        )

    def _governs(self, policy: NetworkPolicy, pod: Pod) -> bool:
        return policy.project == pod.project and selects(policy.pods, pod.labels)

    def _names(self, rule: Rule, project: str, address: int, *, ingress: bool) -> bool:
        """Whether a rule of a policy of `project` speaks of the peer with this address."""
        if rule.peers is None:
            return True  # NP-04
        return any(
            in_block(peer, address)
            if isinstance(peer, BlockPeer)
            else self._is_selected(peer, project, address, ingress=ingress)
            for peer in rule.peers
        )

    def _is_selected(self, peer: PodPeer, project: str, address: int, *, ingress: bool) -> bool:
        pod = self.pods.get(address)
        if pod is not None:
            return self._is_in(pod.project, peer, project) and selects(peer.pods, pod.labels)
        if ingress and self.is_node(address):
            return self._is_in(DEFAULT, peer, project) and not peer.pods.requirements  # NT-01
        return False  # NP-05

    def _is_in(self, name: str, peer: PodPeer, project: str) -> bool:
        if peer.projects is None:
            return name == project
        declared = self.projects.get(name)
        own = dict(declared.labels.items) if declared and declared.labels else {}
        return selects(peer.projects, Labels({**own, "kubernetes.io/metadata.name": name}))

    def _serves(self, rule: Rule, receiver: Pod | None, service: Service) -> bool:
        if rule.ports is None:
            return True  # NP-04
        return any(names_port(port, receiver, service) for port in rule.ports)


def in_block(block: BlockPeer, address: int) -> bool:
    """NP-07, NP-19."""
    if block.prefix is None:
        return False
    return within(address, block.prefix) and not any(within(address, hole) for hole in block.excepts)


def within(address: int, prefix: Prefix) -> bool:
    """Whether address and network are equal in the prefix's first bits."""
    return address >> (32 - prefix.length) == prefix.network >> (32 - prefix.length)


def names_port(port: PortRange | PortName, receiver: Pod | None, service: Service) -> bool:
    """NP-08 to NP-10: the numbers of a name are those of the pod that receives the traffic."""
    if service.protocol != port.protocol.value:
        return False
    if isinstance(port, PortRange):
        return port.first <= service.port <= port.last
    ports: Iterable[int] = ()
    if receiver is not None:
        ports = [p.number for p in receiver.ports if (p.name, p.protocol) == (port.name, port.protocol)]
    return service.port in ports


def selects(selector: Selector, labels: Labels) -> bool:
    """NP-06."""
    have = dict(labels.items)
    for requirement in selector.requirements:
        key, values = requirement.key, requirement.values
        holds = {
            Operator.IN: key in have and have[key] in values,
            Operator.NOT_IN: key not in have or have[key] not in values,
            Operator.EXISTS: key in have,
            Operator.DOES_NOT_EXIST: key not in have,
        }
        if not holds[requirement.operator]:
            return False
    return True
