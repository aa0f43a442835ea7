"""Service sets: which protocols and ports, the right-hand side of every verdict."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from functools import reduce
from operator import or_

from attrs import frozen

from compiler.values.ports import ALL_PORTS, NO_PORTS, PortSet


class Protocol(Enum):
    """The protocols that have ports in a NetworkPolicy; the value is the IP protocol number (IANA)."""

    TCP = 6
    UDP = 17
    SCTP = 132


@frozen(slots=True, cache_hash=True)
class ServiceSet:
    """A set of (protocol, port) pairs, and whether all *other* IP protocols (ICMP, …) belong to it, too.

    A rule that names no port stands for everything, other protocols included (NP-04); a rule that names a protocol
    without a port stands for all of its ports.
    """

    tcp: PortSet = NO_PORTS
    udp: PortSet = NO_PORTS
    sctp: PortSet = NO_PORTS
    other: bool = False

    @classmethod
    def of(cls, protocol: Protocol, ports: PortSet) -> ServiceSet:
        """The set of `ports` of one protocol."""
        match protocol:
            case Protocol.TCP:
                return cls(tcp=ports)
            case Protocol.UDP:
                return cls(udp=ports)
            case Protocol.SCTP:
                return cls(sctp=ports)

    def ports(self, protocol: Protocol) -> PortSet:
        """The ports of one protocol."""
        match protocol:
            case Protocol.TCP:
                return self.tcp
            case Protocol.UDP:
                return self.udp
            case Protocol.SCTP:
                return self.sctp

    def __or__(self, other: ServiceSet) -> ServiceSet:
        return ServiceSet(self.tcp | other.tcp, self.udp | other.udp, self.sctp | other.sctp, self.other or other.other)

    def __and__(self, other: ServiceSet) -> ServiceSet:
        return ServiceSet(
            self.tcp & other.tcp, self.udp & other.udp, self.sctp & other.sctp, self.other and other.other
        )

    def __le__(self, other: ServiceSet) -> bool:
        """Whether this is a subset of `other`."""
        return self | other == other

    def __bool__(self) -> bool:
        return self != NOTHING

    def __str__(self) -> str:
        """Canonical text: equal sets print alike, different sets differ.  Also what ids are derived from."""
        if self == EVERYTHING:
            return "any"
        parts = [
            f"{protocol.name.lower()}" if ports == ALL_PORTS else f"{protocol.name.lower()}/{ports}"
            for protocol in Protocol
            if (ports := self.ports(protocol))
        ]
        return " ".join([*parts, "other"] if self.other else parts) or "nothing"


NOTHING = ServiceSet()
EVERYTHING = ServiceSet(ALL_PORTS, ALL_PORTS, ALL_PORTS, other=True)


def union(sets: Iterable[ServiceSet]) -> ServiceSet:
    """All services of all the sets."""
    return reduce(or_, sets, NOTHING)
