"""A compiled cluster that can be asked, by names, whether a packet arrives: for examples that read like
sentences.

The packet goes through the interpreted flows of the sender's node and, if those send it there by VXLAN, of
the receiver's.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from backends.ovs import build_flows, build_groups
from backends.ovs.walk import FlowTable, Output
from compiler.diagnostics import Diagnostics
from compiler.model.model import Endpoint, Model, Node
from compiler.options import Options
from compiler.pipeline import compile_declarations
from compiler.plan.node import NodePlan, plan_node
from compiler.sources import read_texts
from compiler.values.prefix import parse_address
from tests.oracle.compiled import OPTIONS
from tests.oracle.evaluator import Service
from tests.oracle.hops import ICMP, NEW, NOWHERE, SCTP, TCP, TUN, UDP, VXLAN, Hop

_PROTOCOLS = {"tcp": TCP, "udp": UDP, "sctp": SCTP, "icmp": ICMP}


@frozen
class Network:
    """The model, and each node's plan and flows."""

    model: Model
    plans: Mapping[str, NodePlan]
    tables: Mapping[str, FlowTable]
    codes: tuple[str, ...]
    """What the compiler reported, by its codes."""

    @classmethod
    def of(cls, texts: Mapping[str, str], options: Options = OPTIONS) -> Network:
        """Compiles sources by their names.  Raises AssertionError if they have errors."""
        diagnostics = Diagnostics()
        compilation = compile_declarations(read_texts(texts, diagnostics), diagnostics, options)
        assert compilation is not None, [found.message for found in diagnostics.sorted()]
        model = compilation.model
        plans = {node.name: plan_node(model, compilation.policy, compilation.firewalls, node) for node in model.nodes}
        tables = {
            name: FlowTable.parse(build_flows(plan).text(), build_groups(plan).text()) for name, plan in plans.items()
        }
        return cls(model, plans, tables, tuple(found.code.id for found in diagnostics.sorted()))

    def sends(
        self,
        source: str,
        destination: str,
        service: str,
        *,
        state: str = NEW,
        claims: str = "",
        port: int = 0,
        about: tuple[str, str] | None = None,
    ) -> tuple[str, int] | None:
        """Where a packet comes out, as node and OpenFlow port; None if nowhere.

        `source` is a pod, a node, `gateway of NODE`, or an address outside, whose packets come in by the
        node of `destination`. `service of POD` sends from the pod's node, as when the node has translated a
        service's address.  `service` is `tcp/80`, a protocol's number or `arp`.  A pod may claim another's
        address, or send from another's OpenFlow port. `about` are the ends of the connection that an ICMP error is
        about, the one that opened it first.
        """
        address, node, in_port = self._place(source, destination)
        address = self._address(claims) if claims else address
        wanted = self._address(destination)
        ends = (self._address(about[0]), self._address(about[1])) if about else None
        asked = parse_service(service)
        hop = Hop(node.name, port or in_port, address, wanted, asked, NOWHERE, ct_state=state, about=ends)
        match sorted(hop.through(self.tables[node.name]).outputs):
            case []:
                return None
            case [Output(port=1, tunnel_id=netid, tunnel_destination=there)]:
                return self.receives(node.address, netid, there, hop)
            case [output]:
                return node.name, output.port
            case several:
                raise AssertionError(f"one packet leaves several times: {several}")

    def receives(self, sender: int, netid: int, receiver: int, hop: Hop) -> tuple[str, int] | None:
        """Where a packet comes out that node `sender` has sent to node `receiver` by VXLAN."""
        node = next(node for node in self.model.nodes if node.address == receiver)
        arrived = Hop(
            node.name,
            VXLAN,
            hop.source,
            hop.destination,
            hop.service,
            NOWHERE,
            (netid, sender),
            receiver,
            hop.ct_state,
            about=hop.about,
        )
        outputs = sorted(arrived.through(self.tables[node.name]).outputs)
        assert len(outputs) <= 1 and Output(VXLAN) not in outputs
        return (node.name, outputs[0].port) if outputs else None

    def reaches(
        self, source: str, destination: str, service: str, *, state: str = NEW, about: tuple[str, str] | None = None
    ) -> bool:
        """Whether a packet comes out where `destination` is, and not, which would be a fault, somewhere
        else.
        """
        found = self.sends(source, destination, service, state=state, about=about)
        assert found in (None, self._home(destination, source)), f"misled: {found}"
        return found is not None

    def _home(self, name: str, source: str) -> tuple[str, int]:
        if endpoint := self._endpoint(name):
            return endpoint.node, self.port(name)
        if name.startswith("gateway of "):
            return name.removeprefix("gateway of "), TUN
        _, node, _ = self._place(source, name)
        return node.name, TUN

    def port(self, pod: str) -> int:
        """The OpenFlow port of a pod."""
        return next(p.of_port for plan in self.plans.values() for p in plan.pods if p.endpoint.name == pod)

    def node(self, name: str) -> Node:
        """A node by its name."""
        return next(node for node in self.model.nodes if node.name == name)

    def _endpoint(self, name: str) -> Endpoint | None:
        return next((endpoint for endpoint in self.model.endpoints if endpoint.name == name), None)

    def _address(self, name: str) -> int:
        if endpoint := self._endpoint(name):
            return endpoint.address
        if name in self.plans:
            return self.node(name).address
        if name.startswith("gateway of "):
            return self.node(name.removeprefix("gateway of ")).gateway
        return parse_address(name)

    def _place(self, source: str, destination: str) -> tuple[int, Node, int]:
        """The sender's address, its node and the port by which the packet comes in there."""
        if source.startswith("service of "):
            pod = source.removeprefix("service of ")
            return self._address(pod), self._place(pod, destination)[1], TUN
        if endpoint := self._endpoint(source):
            return endpoint.address, self.node(endpoint.node), self.port(source)
        name = source.removeprefix("gateway of ")
        if name in self.plans:
            return self._address(source), self.node(name), TUN
        receiver = self._endpoint(destination)
        assert receiver is not None, f"{source} sends to no pod"
        return parse_address(source), self.node(receiver.node), TUN


def parse_service(text: str) -> Service | None:
    """A service from `tcp/80`, a protocol's number or `arp`, which is None."""
    if text == "arp":
        return None
    protocol, _, port = text.partition("/")
    return Service(_PROTOCOLS[protocol] if protocol in _PROTOCOLS else int(protocol), int(port or 0))
