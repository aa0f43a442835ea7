"""The flows that a traced packet meets, node by node, as `sdnc compile` writes them.

The packet walks through the flows of the sender's node, and of each node to which those send it.  Where it comes out
has to be what the verdict says; anything else is a fault of sdnc, and is told as one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import evolve, field, frozen

from backends.ethernet import mac_of
from backends.ovs import build_flows, build_groups
from backends.ovs.fields import TUN_PORT, VXLAN_PORT
from backends.ovs.walk import FlowTable, Output, Packet, Walk
from compiler.model.model import Node
from compiler.origin import Origin
from compiler.plan.node import plan_node
from compiler.trace import Cluster, InternalFault, Path
from compiler.trace.question import ICMP, End, Traffic
from compiler.trace.routes import hearers
from compiler.trace.steps import Kind

ECHO_REQUEST = 8
"""The type of ICMP that is asked (RFC 792); policies do not tell types apart."""

IPV4 = 0x0800
FLOWS, GROUPS = "flows.txt", "groups.txt"

Delivery = frozenset[tuple[str, Output]]
"""Where a packet finally leaves switches: nodes and outputs."""


@frozen
class Line:
    """A line that the packet meets: of flows.txt or groups.txt (`file`), its number there, and the statements behind
    it.  `table` is the flow's, None for a group."""

    file: str
    number: int
    text: str
    table: int | None
    origins: tuple[Origin, ...] = field(eq=False)


@frozen
class Hop:
    """What the packet meets on one node, from where it comes in (`arrival`, in words)."""

    node: str
    arrival: str
    lines: tuple[Line, ...]


@frozen
class _NodeFlows:
    """The flows of a node, with where each of its lines stands."""

    node: Node
    table: FlowTable
    lines: Mapping[str, Line]
    ports: Mapping[str, int]


@frozen
class Switches:
    """The switches of a cluster; a node's flows are made when a packet comes there first."""

    cluster: Cluster
    _made: dict[str, _NodeFlows] = field(factory=dict, repr=False)

    def hops(self, path: Path) -> tuple[Hop, ...]:
        """What the packets of a path meet.  Raises InternalFault if the flows do not do what the path says."""
        if not path.is_switched:
            return ()
        hops: list[Hop] = []
        if path.asked is not None and path.source.endpoint is not None:
            if not self._to_service(path, *path.asked, hops):
                return tuple(hops)
            delivered = self._send(path, None, hops) if self._comes_back(path) else None
        else:
            delivered = self._send(path, path.source.endpoint.name if path.source.endpoint else None, hops)
        if delivered is not None:
            self._check(path, delivered)
        return tuple(hops)

    def _to_service(self, path: Path, service: End, traffic: Traffic, hops: list[Hop]) -> bool:
        """The way of a pod's packet to its node, which translates the service's address; whether it gets there."""
        endpoint = path.source.endpoint
        assert endpoint is not None
        flows = self._flows(endpoint.node)
        fields = _fields(path.source, service, traffic)
        walk = flows.table.walk(Packet(flows.ports[endpoint.name], fields))
        hops.append(_hop(flows, f"from {path.source.name}, to the service", walk))
        passes = walk.choices == frozenset((frozenset((Output(TUN_PORT),)),))
        refused = any(step.kind is Kind.SENDER and step.denies and step.by_flows for step in path.steps)
        if passes == refused:
            raise InternalFault(f"the flows of {endpoint.node} {'pass' if passes else 'drop'} {traffic} to {service}")
        return passes

    def _comes_back(self, path: Path) -> bool:
        """Whether the node gives the switch what it translated: what is for the pod network, but for its own address,
        and what no rule of the node's refuses."""
        own, destination = path.source.endpoint, path.destination
        if any(step.denies and not step.by_flows for step in path.met):
            return False
        is_own = destination.node is not None and own is not None and destination.node.name == own.node
        return self.cluster.in_pod_network(destination.address) and not is_own

    def _send(self, path: Path, pod: str | None, hops: list[Hop]) -> list[Delivery]:
        """Sends a packet, by the pod's own port or (None) from the node; where it may be delivered."""
        flows = self._flows(self._entry(path))
        if pod is not None:
            in_port, arrival = flows.ports[pod], f"from {path.source.name}"
        else:
            back = path.asked is not None and path.source.endpoint is not None
            in_port, arrival = TUN_PORT, "back from service translation" if back else f"from {path.source.name}"
        packet = Packet(in_port, _fields(path.source, path.destination, path.traffic))
        return list(self._follow(flows, packet, arrival, hops))

    def _entry(self, path: Path) -> str:
        """The node on which a packet comes in; one from outside comes in by its receiver's."""
        if path.source.endpoint is not None:
            return path.source.endpoint.node
        if path.source.node is not None:
            return path.source.node.name
        receiver = path.destination.endpoint
        return receiver.node if receiver else self.cluster.model.nodes[0].name

    def _follow(self, flows: _NodeFlows, packet: Packet, arrival: str, hops: list[Hop]) -> Iterator[Delivery]:
        """Every way that the packet may take, each with where it is delivered."""
        walk = flows.table.walk(packet)
        hops.append(_hop(flows, arrival, walk))
        for outputs in sorted(walk.choices, key=sorted):
            yield from self._deliver(flows, packet, outputs, hops)

    def _deliver(
        self, flows: _NodeFlows, packet: Packet, outputs: frozenset[Output], hops: list[Hop]
    ) -> Iterator[Delivery]:
        """The ways on from a node.  Where it sends copies to several other nodes, none of these chooses a way."""
        here = {(flows.node.name, output) for output in outputs if output.port != VXLAN_PORT}
        ways: list[Delivery] = [frozenset(here)]
        for output in sorted(outputs):
            if output.port != VXLAN_PORT:
                continue
            other = self.cluster.end(output.tunnel_destination).node
            if other is None:
                raise InternalFault(f"the flows of {flows.node.name} send by VXLAN to no node")
            tunnel = {
                "tun_id": output.tunnel_id,
                "tun_src": flows.node.address,
                "tun_dst": output.tunnel_destination,
                "eth_src": output.ethernet_source,
            }
            came = evolve(packet, in_port=VXLAN_PORT, fields={**packet.fields, **tunnel})
            arrival = f"by VXLAN from {flows.node.name}"
            onward = list(self._follow(self._flows(other.name), came, arrival, hops))
            ways = [one | another for one in ways for another in onward]
        yield from ways

    def _check(self, path: Path, delivered: list[Delivery]) -> None:
        """Raises InternalFault if the packet does not come out where the steps say that the flows decide."""
        expected = self._expected(path)
        if any(step.denies and step.by_flows for step in path.steps):
            expected = [frozenset()]
        if set(delivered) != set(expected):
            told = f"{path.traffic} from {path.source} to {path.destination}"
            raise InternalFault(f"{told}: the flows deliver it to {_told(delivered)}, and not to {_told(expected)}")

    def _expected(self, path: Path) -> list[Delivery]:
        """Where the flows have to deliver the packet, if none of their steps denies it."""
        receiver = path.destination
        if receiver.endpoint is not None:
            flows = self._flows(receiver.endpoint.node)
            return [frozenset({(receiver.endpoint.node, Output(flows.ports[receiver.endpoint.name]))})]
        if receiver.node is not None and receiver.address == receiver.node.gateway:
            return [frozenset({(receiver.node.name, Output(TUN_PORT))})]
        if receiver.is_group:
            pods = hearers(self.cluster, path.source)
            return [frozenset((pod.node, Output(self._flows(pod.node).ports[pod.name])) for pod in pods)]
        return [
            frozenset({(way.node.name, Output(TUN_PORT, 0, 0, *_ethernet(way.source, way.node)))}) for way in path.ways
        ]

    def _flows(self, name: str) -> _NodeFlows:
        if name not in self._made:
            self._made[name] = self._make(self.cluster.nodes[name])
        return self._made[name]

    def _make(self, node: Node) -> _NodeFlows:
        compilation = self.cluster.compilation
        plan = plan_node(compilation.model, compilation.policy, compilation.firewalls, node)
        flows, groups = build_flows(plan), build_groups(plan)
        numbers = {line: number for number, line in enumerate(flows.text().splitlines(), 1)}
        lines = {
            str(flow): Line(FLOWS, numbers[str(flow)], str(flow), int(flow.table), flow.origins)
            for flow in flows.flows()
        }
        numbers = {line: number for number, line in enumerate(groups.text().splitlines(), 1)}
        for group in groups.groups:
            lines[group.line] = Line(GROUPS, numbers[group.line], group.line, None, group.origins)
        table = FlowTable.of(map(str, flows.flows()), (group.line for group in groups.groups))
        return _NodeFlows(node, table, lines, {pod.endpoint.name: pod.of_port for pod in plan.pods})


def _fields(source: End, destination: End, traffic: Traffic) -> dict[str, int]:
    """A new connection's first packet."""
    fields = {"dl_type": IPV4, "nw_src": source.address, "nw_dst": destination.address, "nw_proto": traffic.protocol}
    if traffic.protocol == ICMP:
        fields["icmp_type"] = ECHO_REQUEST
    elif traffic.with_ports:
        fields["tp_dst"] = traffic.port
    return fields


def _hop(flows: _NodeFlows, arrival: str, walk: Walk) -> Hop:
    return Hop(flows.node.name, arrival, tuple(flows.lines[line] for line in walk.met))


def _ethernet(egress_ip: int | None, node: Node) -> tuple[int, int]:
    """The Ethernet addresses by which a node knows what leaves as an egress IP."""
    if egress_ip is None:
        return 0, 0
    source, destination = (int(mac_of(address).replace(":", ""), 16) for address in (egress_ip, node.gateway))
    return source, destination


def _told(deliveries: list[Delivery]) -> str:
    told = {", ".join(sorted(f"port {output.port} of {node}" for node, output in one)) for one in deliveries}
    return " or ".join(sorted(one or "nobody" for one in told)) or "nobody"
