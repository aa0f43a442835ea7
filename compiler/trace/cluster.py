"""A compiled cluster, prepared for questions about single ends: who has an address, who has a name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from attrs import field, frozen

from compiler.declarations import Declaration, NodeDeclaration, Pod, Service
from compiler.model.model import EgressIp, Endpoint, Model, Node, Project, takes_part
from compiler.pipeline import Compilation
from compiler.policy.bits import members_of
from compiler.policy.firewall import FoldedFirewall
from compiler.policy.ir import Subject
from compiler.policy.peers import PeerSets
from compiler.trace.question import End


@frozen
class Cluster:
    """A compilation and indexes over it.  `declarations` are what it was compiled of: they tell of what takes no part
    in the pod network, too."""

    compilation: Compilation
    declarations: Sequence[Declaration] = ()
    pods: Mapping[str, Endpoint] = field(init=False, repr=False)
    nodes: Mapping[str, Node] = field(init=False, repr=False)
    projects: Mapping[str, Project] = field(init=False, repr=False)
    services: Mapping[str, Service] = field(init=False, repr=False)
    firewalls: Mapping[int, FoldedFirewall] = field(init=False, repr=False)
    by_address: Mapping[int, End] = field(init=False, repr=False)
    peers: PeerSets | None = field(init=False, repr=False)
    _cells: Mapping[str, int] = field(init=False, repr=False)
    _subjects: tuple[Mapping[int, Subject], Mapping[int, Subject]] = field(init=False, repr=False)

    @property
    def model(self) -> Model:
        """What exists."""
        return self.compilation.model

    @pods.default
    def _find_pods(self) -> Mapping[str, Endpoint]:
        return {endpoint.name: endpoint for endpoint in self.model.endpoints}

    @nodes.default
    def _find_nodes(self) -> Mapping[str, Node]:
        return {node.name: node for node in self.model.nodes}

    @projects.default
    def _find_projects(self) -> Mapping[str, Project]:
        return {project.name: project for project in self.model.projects}

    @services.default
    def _find_services(self) -> Mapping[str, Service]:
        return {f"{service.project}/{service.name}": service for service in self.model.services}

    @firewalls.default
    def _find_firewalls(self) -> Mapping[int, FoldedFirewall]:
        return {firewall.netid: firewall for firewall in self.compilation.firewalls}

    @by_address.default
    def _find_addresses(self) -> Mapping[int, End]:
        ends = {endpoint.address: End(endpoint.address, endpoint) for endpoint in self.model.endpoints}
        for node in self.model.nodes:
            ends |= {address: End(address, None, node) for address in (node.address, node.gateway)}
        return ends

    @peers.default
    def _evaluate_peers(self) -> PeerSets | None:
        return PeerSets(self.compilation.policy.universe) if self.compilation.policy else None

    @_cells.default
    def _find_cells(self) -> Mapping[str, int]:
        policy = self.compilation.policy
        cells = policy.universe.pod_cells.items() if policy else ()
        return {endpoint.name: number for number, cell in cells for endpoint in cell.endpoints}

    @_subjects.default
    def _find_subjects(self) -> tuple[Mapping[int, Subject], Mapping[int, Subject]]:
        policy = self.compilation.policy
        if policy is None:
            return {}, {}
        ingress, egress = (
            {cell: subject for subject in subjects for cell in members_of(subject.cells)}
            for subjects in (policy.ingress, policy.egress)
        )
        return ingress, egress

    def end(self, address: int) -> End:
        """Who has an address."""
        return self.by_address.get(address) or End(address)

    def subject(self, pod: Endpoint, *, ingress: bool) -> Subject | None:
        """The subject that a pod belongs to in a direction; None if no policy isolates it."""
        return self._subjects[0 if ingress else 1].get(self._cells.get(pod.name, -1))

    def cell(self, end: End) -> int:
        """The cell of an end in the universe of the policy IR, which there is in networkpolicy mode."""
        assert self.compilation.policy is not None
        universe = self.compilation.policy.universe
        if end.endpoint is not None:
            return self._cells[end.endpoint.name]
        if end.node is not None:
            return next(cell for cell, addresses in universe.node_cells.items() if end.address in addresses)
        return universe.regions.at(end.address)

    def netid(self, end: End) -> int:
        """The NetID that an end shows: its project's if it is a pod, else 0 (NT-01)."""
        return self.projects[end.endpoint.pod.project].netid if end.endpoint else 0

    def egress_ips(self, netid: int) -> tuple[EgressIp, ...]:
        """The egress IPs of a project by its NetID."""
        return tuple(one for one in self.model.egress_ips if one.netid == netid)

    def in_pod_network(self, address: int) -> bool:
        """Whether an address lies in a pod network."""
        return any(address in network.prefix for network in self.model.cluster.pod_networks)

    def is_inside(self, address: int) -> bool:
        """Whether an address lies in a pod network or the service network."""
        return self.in_pod_network(address) or address in self.model.cluster.service_network

    def absent_pods(self) -> dict[str, Pod]:
        """Pods that are declared, but take no part in the pod network (PN-15, NP-17), by `PROJECT/NAME`."""
        pods = (pod for pod in self.declarations if isinstance(pod, Pod) and not takes_part(pod))
        return {f"{pod.project}/{pod.name}": pod for pod in pods}

    def automatic_hosts(self) -> set[str]:
        """The nodes that take egress IPs from networks of theirs, and so have none by hand (EI-08)."""
        parts = (part for part in self.declarations if isinstance(part, NodeDeclaration))
        return {part.name for part in parts if part.egress_networks}

    def endpoints_by_project(self) -> Mapping[str, list[Endpoint]]:
        """The pods of each project."""
        found: dict[str, list[Endpoint]] = defaultdict(list)
        for endpoint in self.model.endpoints:
            found[endpoint.pod.project].append(endpoint)
        return found
