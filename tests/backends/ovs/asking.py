"""Asks a real switch with the flows of a node what it does with a packet (ofproto/trace)."""

from __future__ import annotations

from attrs import frozen

from backends.ethernet import mac_of
from backends.ovs import render
from compiler.plan.node import NodePlan
from compiler.values.prefix import format_address, parse_address
from tests.backends.ovs.leaving import NODES, PODS
from tests.lab import DummySwitch
from tests.lab.trace import Output, TraceResult

NEW, KNOWN, REPLY, ERROR = "trk,new", "trk,est", "trk,est,rpl", "trk,rel,rpl"
HASHES = range(1, 65)
"""Hashes by which a group selects a bucket."""

OUTSIDE = 2
"""The mark of a connection that came in by tun0."""

Way = tuple[str, ...]
"""Where a packet goes: `("tun0",)`, `("tun0", SOURCE, DESTINATION)` with the Ethernet addresses that flows set,
`("vxlan0", NETID, NODE)`, `("pod", PORT)`."""


@frozen
class Node:
    """A node whose groups and flows are in the switch."""

    switch: DummySwitch
    plan: NodePlan

    def ask(self, packet: str, state: str = NEW, mark: int = 0) -> TraceResult:
        """What becomes of a packet: `in_port=11,tcp,nw_src=…`; `mark` is that of its connection."""
        return self.switch.trace(f"{packet},ct_mark={mark}" if mark else packet, [state])

    def ways(self, packet: str, state: str = NEW, mark: int = 0) -> set[Way]:
        """Where a packet goes, or may go if a group selects."""
        result = self.ask(packet, state, mark)
        if result.selection is None:
            return {_way(output) for output in result.outputs}
        found = set()
        for hash_ in HASHES:
            # A packet that comes back with its hash has its tunnel's fields as they are then.
            plain = ",".join(part for part in packet.split(",") if not part.startswith("tun_"))
            again = f"recirc_id={result.selection},dp_hash={hash_},tun_id={result.final.get('tun_id', '0')}"
            found |= {_way(output) for output in self.switch.trace(f"{plain},{again}").outputs}
        return found


def load(switch: DummySwitch, plan: NodePlan) -> Node:
    """Puts a node's groups and flows into the switch, in place of all others."""
    files = render(plan)
    switch.ofctl("del-groups", "br0")
    if "groups.txt" in files:
        switch.ofctl("--bundle", "add-groups", "br0", "-", stdin=files["groups.txt"].text)
    switch.load_flows(files["flows.txt"].text)
    return Node(switch, plan)


def from_pod(name: str, service: str, destination: str, source: str = "") -> str:
    """A packet of a pod, `service` as in `tcp/443`; `icmp/8` is an echo request."""
    _, port, address = PODS[name]
    return f"in_port={port},{_to(service, source or address, destination)}"


def from_tun(service: str, source: str, destination: str) -> str:
    """A packet that the node gives to the switch."""
    return f"in_port=2,{_to(service, source, destination)}"


def by_vxlan(netid: int, service: str, source: str, destination: str, node: str = NODES["node-1"]) -> str:
    """A packet from another node."""
    return f"in_port=1,tun_id={netid},tun_src={node},tun_dst=192.168.100.99,{_to(service, source, destination)}"


def _to(service: str, source: str, destination: str) -> str:
    protocol, _, port = service.partition("/")
    where = {"icmp": "icmp_type"}.get(protocol, f"{protocol}_dst")
    what = f"{protocol},{where}={port}" if port else protocol
    return f"{what},nw_src={source},nw_dst={destination},nw_ttl=64"


def as_(egress_ip: str, node: str = "node-1") -> Way:
    """Out by tun0 with an egress IP's Ethernet address, to that of the node."""
    index = list(NODES).index(node)
    return ("tun0", mac_of(parse_address(egress_ip)), mac_of(parse_address(f"10.128.{2 * index}.1")))


def to(node: str, netid: int) -> Way:
    """To another node by VXLAN."""
    return ("vxlan0", str(netid), NODES[node])


def pods(*names: str) -> set[Way]:
    """To these pods."""
    return {("pod", str(PODS[name][1])) for name in names}


TUN: Way = ("tun0",)


def _way(output: Output) -> Way:
    if output.port == 1:
        return ("vxlan0", str(output.tunnel_id), output.tunnel_destination or "")
    addresses = (output.ethernet_source, output.ethernet_destination)
    if output.port == 2:
        return ("tun0", *(address for address in addresses if address))
    return ("pod", str(output.port))


def gateway(plan: NodePlan) -> str:
    """The node's own address on the pod network."""
    return format_address(plan.node.gateway)
