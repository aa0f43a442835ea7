"""A packet at one node: what comes in, and what the node's switch does with it.

A connection's first packet makes one hop if both ends are on one node, else two: out of the sender's node by
VXLAN, and into the receiver's node from VXLAN.  What leaves the cluster as an egress IP makes a second hop at the node
that has it, and multicast one at every node.  Each hop is a question of its own to one node's flows.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import evolve, frozen

from backends.ovs.walk import FlowTable, Output, Packet
from compiler.values.prefix import format_address
from tests.oracle.evaluator import Service

VXLAN, TUN = 1, 2
"""The OpenFlow ports of every node but its pods'."""

NEW, ESTABLISHED, REPLY = "trk,new", "trk,est", "trk,est,rpl"
"""What conntrack says of a packet: of a new connection, of a known one, an answer."""

RELATED, RELATED_REPLY = "trk,rel", "trk,rel,rpl"
"""ICMP errors: about an answer, sent by who opened the connection; about what that one sent."""

ZONE = 1
"""The conntrack zone of the pod network."""

TCP, UDP, SCTP, ICMP = 6, 17, 132, 1
_WORDS = {TCP: "tcp", UDP: "udp", SCTP: "sctp", ICMP: "icmp"}


@frozen(slots=True)
class Outcome:
    """Where a packet goes, and the mark with which its connection is remembered; None if it is not.

    The switch takes one of the `choices`.  There are several where several egress IPs share the load (EI-03).
    """

    choices: frozenset[frozenset[Output]]
    mark: int | None = None

    @classmethod
    def of(cls, *outputs: Output, mark: int | None = None) -> Outcome:
        """A packet that leaves by all these ports."""
        return cls(frozenset((frozenset(outputs),)), mark)

    @classmethod
    def one_of(cls, outputs: Iterable[Output], *, mark: int | None = None) -> Outcome:
        """A packet that leaves by one of these ports, by none if there are none."""
        choices = frozenset(frozenset((output,)) for output in outputs)
        return cls(choices or frozenset((frozenset(),)), mark)

    @classmethod
    def by(cls, port: int, tunnel_id: int = 0, tunnel_destination: int = 0, *, mark: int | None = None) -> Outcome:
        """A packet that leaves by one port."""
        return cls.of(Output(port, tunnel_id, tunnel_destination), mark=mark)

    @property
    def outputs(self) -> frozenset[Output]:
        """The outputs where there is no choice."""
        (outputs,) = self.choices
        return outputs

    @property
    def dropped(self) -> bool:
        """Whether the packet goes nowhere."""
        return not any(self.choices)

    def not_back_to(self, port: int) -> Outcome:
        """The same, but no packet leaves by the port that it came by (OpenFlow 1.3, section 5.12)."""
        choices = (frozenset(output for output in outputs if output.port != port) for outputs in self.choices)
        return evolve(self, choices=frozenset(choices))


NOWHERE = Outcome.of()


@frozen
class Hop:
    """A packet that comes to a node, and what has to become of it.

    `service` None makes it an ARP request for `destination`.  `tunnel` is the NetID and the address of the
    node that sent it by VXLAN, `tunnel_to` the address to which.  `about` are the ends of the connection that
    an ICMP error is about, the one that opened it first.  `ethernet_source` is the sender's Ethernet address where it
    matters.  A `fragment` is one behind the first, and shows no port.
    """

    node: str
    in_port: int
    source: int
    destination: int
    service: Service | None
    expected: Outcome
    tunnel: tuple[int, int] | None = None
    tunnel_to: int = 0
    ct_state: str = NEW
    ct_mark: int = 0
    about: tuple[int, int] | None = None
    ethernet_source: int = 0
    fragment: bool = False

    def plain(self) -> Hop:
        """The same packet before anything is known of its connection."""
        return evolve(self, ct_mark=0, about=None)

    def through(self, table: FlowTable) -> Outcome:
        """What becomes of the packet where the node's flows are these."""
        walk = table.walk(self._packet())
        return Outcome(walk.choices, walk.mark)

    def met(self, table: FlowTable) -> tuple[str, ...]:
        """The flows and groups that the packet meets, as they are written."""
        return table.walk(self._packet()).met

    def _packet(self) -> Packet:
        return Packet(self.in_port, self._fields(), self.ct_state, self.ct_mark)

    def _fields(self) -> dict[str, int]:
        """The packet's fields by their names in ovs-fields(7)."""
        fields = {"eth_src": self.ethernet_source}
        if self.about is not None:
            fields["ct_nw_src"], fields["ct_nw_dst"] = self.about
        if self.tunnel is not None:
            fields |= {"tun_id": self.tunnel[0], "tun_src": self.tunnel[1], "tun_dst": self.tunnel_to}
        if self.service is None:
            return fields | {"dl_type": 0x0806, "arp_spa": self.source, "arp_tpa": self.destination}
        fields |= {"dl_type": 0x0800, "nw_src": self.source, "nw_dst": self.destination}
        fields["nw_proto"] = self.service.protocol
        if self.fragment:
            return fields | {"nw_frag": 1}
        fields["icmp_type" if self.service.protocol == ICMP else "tp_dst"] = self.service.port
        return fields

    def trace_text(self) -> str:
        """The packet in the notation of ofproto/trace."""
        parts = [f"in_port={self.in_port}"]
        if self.ethernet_source:
            parts.append(f"dl_src={self.ethernet_source.to_bytes(6).hex(':')}")
        if self.tunnel is not None:
            parts += [
                f"tun_id={self.tunnel[0]}",
                f"tun_src={format_address(self.tunnel[1])}",
                f"tun_dst={format_address(self.tunnel_to)}",
            ]
        if self.ct_mark:
            parts.append(f"ct_mark={self.ct_mark}")
        if self.about is not None:
            # A recirculation would lose the connection's ends, so the packet starts with what it would bring.  The
            # notation takes the ends only with a state that no flow asks for.
            opener, other = map(format_address, self.about)
            parts += [f"ct_state={self.ct_state.replace(',', '|')}|est", f"ct_zone={ZONE}", f"ct_nw_proto={UDP}"]
            parts += [f"ct_nw_src={opener}", f"ct_nw_dst={other}"]
        source, destination = format_address(self.source), format_address(self.destination)
        if self.service is None:
            return ",".join(["arp", *parts, "arp_op=1", f"arp_spa={source}", f"arp_tpa={destination}"])
        word = _WORDS.get(self.service.protocol)
        parts += [f"nw_src={source}", f"nw_dst={destination}", "nw_ttl=64"]
        if self.fragment:
            return ",".join(["ip", *parts, f"nw_proto={self.service.protocol}", "nw_frag=later"])
        if word is None:
            return ",".join(["ip", *parts, f"nw_proto={self.service.protocol}"])
        port = "icmp_type" if word == "icmp" else f"{word}_dst"
        return ",".join([word, *parts, f"{port}={self.service.port}"])
