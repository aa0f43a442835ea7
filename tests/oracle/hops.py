"""A packet at one node: what comes in, and what the node's switch does with it.

A connection's first packet makes one hop if both ends are on one node, else two: out of the sender's node by
VXLAN, and into the receiver's node from VXLAN.  Each hop is a question of its own to one node's flows.
"""

from __future__ import annotations

from attrs import evolve, frozen

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


@frozen(slots=True, order=True)
class Output:
    """A packet leaves by a port; by VXLAN, with a NetID and to a node's address."""

    port: int
    tunnel_id: int = 0
    tunnel_destination: int = 0


@frozen(slots=True)
class Outcome:
    """Where a packet goes, and the mark with which its connection is remembered; None if it is not."""

    outputs: frozenset[Output]
    mark: int | None = None

    @classmethod
    def by(cls, port: int, tunnel_id: int = 0, tunnel_destination: int = 0, *, mark: int | None = None) -> Outcome:
        """A packet that leaves by one port."""
        return cls(frozenset((Output(port, tunnel_id, tunnel_destination),)), mark)

    def not_back_to(self, port: int) -> Outcome:
        """The same, but no packet leaves by the port that it came by (OpenFlow 1.3, section 5.12)."""
        return evolve(self, outputs=frozenset(output for output in self.outputs if output.port != port))


NOWHERE = Outcome(frozenset())


@frozen
class Hop:
    """A packet that comes to a node, and what has to become of it.

    `service` None makes it an ARP request for `destination`.  `tunnel` is the NetID and the address of the
    node that sent it by VXLAN, `tunnel_to` the address to which.  `about` are the ends of the connection that
    an ICMP error is about, the one that opened it first.
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

    def fields(self) -> dict[str, int]:
        """The packet's fields by their names in ovs-fields(7)."""
        fields = {"in_port": self.in_port, "ct_mark": self.ct_mark}
        if self.about is not None:
            fields["ct_nw_src"], fields["ct_nw_dst"] = self.about
        if self.tunnel is not None:
            fields |= {"tun_id": self.tunnel[0], "tun_src": self.tunnel[1], "tun_dst": self.tunnel_to}
        if self.service is None:
            return fields | {"dl_type": 0x0806, "arp_spa": self.source, "arp_tpa": self.destination}
        fields |= {"dl_type": 0x0800, "nw_src": self.source, "nw_dst": self.destination}
        fields["nw_proto"] = self.service.protocol
        fields["icmp_type" if self.service.protocol == ICMP else "tp_dst"] = self.service.port
        return fields

    def trace_text(self) -> str:
        """The packet in the notation of ofproto/trace."""
        parts = [f"in_port={self.in_port}"]
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
        if word is None:
            return ",".join(["ip", *parts, f"nw_proto={self.service.protocol}"])
        port = "icmp_type" if word == "icmp" else f"{word}_dst"
        return ",".join([word, *parts, f"{port}={self.service.port}"])
