"""Whole connections, naively: may this source use this service at this destination, in one version of a cluster?

The evaluator's judgements put together from end to end, as `compiler/compare/comparison.py` counts connections.  An end
is a pod with its name and address, or an address that is no pod's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import field, frozen

from compiler.compare.comparison import Exit, PodAt
from compiler.declarations import AdminRule, Pod
from tests.oracle.administrators import Treatment, hosted_by, passes, rules_of, treatment
from tests.oracle.evaluator import Node, Oracle, Service, within
from tests.oracle.leaving import Way, hosted, leaves, may_leave, receivers, ways_of, ways_out
from tests.oracle.versions import Version

End = PodAt | int
"""An end of a connection."""


@frozen
class Judge:
    """Judges connections of one version."""

    version: Version
    oracle: Oracle = field(init=False)
    rules: Mapping[str, list[AdminRule]] = field(init=False)
    """The administrator's rules of each node."""

    @rules.default
    def _find_rules(self) -> Mapping[str, list[AdminRule]]:
        return {name: rules_of(self.oracle, node) for name, node in self.oracle.nodes.items()}

    @oracle.default
    def _make_oracle(self) -> Oracle:
        return Oracle(self.version.declarations, self.version.names)

    def pod(self, end: End) -> Pod | None:
        """The pod at an end, if it is there."""
        if not isinstance(end, PodAt):
            return None
        pod = self.oracle.pods.get(end.address)
        return pod if pod is not None and f"{pod.project}/{pod.name}" == end.name else None

    def allows(self, source: End, destination: End, service: Service) -> bool:
        """Whether a new connection gets from end to end."""
        sender, receiver = self.pod(source), self.pod(destination)
        if (isinstance(source, PodAt) and sender is None) or (isinstance(destination, PodAt) and receiver is None):
            return False
        if not isinstance(source, PodAt) and self.is_inside(source) and not self.is_gateway(source):
            return False
        if receiver is not None:
            return self.oracle.allows(_address(source), _address(destination), service)
        if sender is None:
            return True  # not asked: neither end is a pod
        return self._reaches_address(sender, _address(destination), service)

    def _reaches_address(self, pod: Pod, destination: int, service: Service) -> bool:
        if self.is_gateway(destination):
            return self.oracle.sends(pod, destination, service)
        return any(passes(done) for done in self.treatments(pod, destination, service).values())

    def treatments(self, pod: Pod, destination: int, service: Service) -> dict[int, Treatment]:
        """What administrator's rules do with a pod's packet that leaves the cluster, at each node by which it may
        leave, by its address; empty if it does not get there, or does not leave."""
        if not leaves(self.oracle, destination) or not self.oracle.sends(pod, destination, service):
            return {}
        if not may_leave(self.oracle, pod, destination, service):
            return {}
        assert pod.address is not None
        nodes = {self._node(pod, way) for way in ways_out(self.oracle, pod, destination, service)}
        return {node.address: self._treatment(node, pod.address, destination, service) for node in nodes}

    def _treatment(self, node: Node, source: int, destination: int, service: Service) -> Treatment:
        rules = self.rules[node.name]
        return treatment(self.oracle, rules, node, source, destination, service) if rules else ()

    def exits(self, pod: Pod) -> frozenset[Exit]:
        """The ways out of a pod, with the addresses that the outside sees."""
        assert pod.address is not None
        found = set()
        for way in ways_of(self.oracle, pod):
            node = self._node(pod, way)
            if way == Way():
                found.add(Exit(node.address, node.name, egress_ip=False))
            elif way.source is not None:
                found.add(Exit(way.source, node.name, egress_ip=True))
            else:
                addresses = hosted(self.oracle, node, self.oracle.netid(pod.address))
                found |= {Exit(address, node.name, egress_ip=True) for address in addresses}
        return frozenset(found)

    def egress_ips(self, name: str) -> frozenset[tuple[int, int]]:
        """The egress IPs that a project asks for and some node has, with that node's address."""
        project = self.oracle.projects.get(name)
        asked = {one.address for one in project.egress_addresses} if project is not None else set()
        nodes = self.oracle.nodes.values()
        return frozenset((address, node.address) for node in nodes for address in asked & hosted_by(self.oracle, node))

    def seen(self, exits: Iterable[Exit]) -> frozenset[tuple[int, int]]:
        """What of ways out shows in packets: the address outside, and that of the node, whatever its name."""
        return frozenset((each.address, self.oracle.nodes[each.node].address) for each in exits)

    def _node(self, pod: Pod, way: Way) -> Node:
        return way.through or self.oracle.node_of(pod)

    def hears(self, source: PodAt, destination: PodAt) -> bool:
        """Whether multicast of one pod reaches another."""
        sender, receiver = self.pod(source), self.pod(destination)
        return sender is not None and receiver in receivers(self.oracle, self.oracle.netid(source.address))

    def own_addresses(self, end: PodAt) -> tuple[int, ...]:
        """The addresses of a pod's node; none if the pod is not there."""
        pod = self.pod(end)
        if pod is None:
            return ()
        node = self.oracle.node_of(pod)
        return node.address, node.gateway

    def local_addresses(self, end: PodAt) -> set[int]:
        """The addresses outside of the nodes by which a pod's packets leave, and its own node's; none if the pod is not
        there."""
        pod = self.pod(end)
        if pod is None:
            return set()
        nodes = [self.oracle.nodes[each.node] for each in self.exits(pod)]
        by_exit = {address for node in nodes for address in (node.address, *hosted_by(self.oracle, node))}
        return by_exit | {self.oracle.node_of(pod).address}

    def is_gateway(self, address: int) -> bool:
        """Whether a node has an address on the pod network."""
        return any(address == node.gateway for node in self.oracle.nodes.values())

    def is_inside(self, address: int) -> bool:
        """Whether an address is in a pod network."""
        return any(within(address, network) for network in self.oracle.pod_networks)


def _address(end: End) -> int:
    return end.address if isinstance(end, PodAt) else end
