"""Who sends what to whom: the ends of a traced connection, and what it carries."""

from __future__ import annotations

from attrs import frozen

from compiler.declarations import Service
from compiler.model.model import Endpoint, Node
from compiler.values.prefix import MULTICAST, format_address
from compiler.values.services import Protocol

ICMP = 1
"""The number of ICMP (IANA, protocol numbers)."""

MAX_PROTOCOL = 255

_WORDS = {**{protocol.value: protocol.name.lower() for protocol in Protocol}, ICMP: "icmp"}


@frozen
class Traffic:
    """The IP protocol's number, and the destination port; `port` is 0 where there are no ports."""

    protocol: int
    port: int = 0

    @property
    def with_ports(self) -> Protocol | None:
        """The protocol, if it is one that has ports."""
        return next((known for known in Protocol if known.value == self.protocol), None)

    def __str__(self) -> str:
        if self.with_ports:
            return f"{_WORDS[self.protocol]}/{self.port}"
        return _WORDS.get(self.protocol, f"protocol/{self.protocol}")


@frozen
class End:
    """One end of a connection: an address, and whose it is.

    `endpoint` is the pod that has it, `node` the node; neither: an address outside, of nobody, or of a group.
    """

    address: int
    endpoint: Endpoint | None = None
    node: Node | None = None

    @property
    def is_group(self) -> bool:
        """Whether it is the address of a multicast group."""
        return self.address in MULTICAST

    @property
    def name(self) -> str:
        """A short name, unique among all ends."""
        if self.endpoint is not None:
            return f"pod {self.endpoint.name}"
        if self.node is not None and self.address == self.node.gateway:
            return f"node {self.node.name} by its address on the pod network"
        return f"node {self.node.name}" if self.node is not None else format_address(self.address)

    def __str__(self) -> str:
        address = format_address(self.address)
        if self.endpoint is not None:
            return f"{self.name} ({address}, {self.endpoint.node})"
        return f"{self.name} ({address})" if self.node is not None else address


@frozen
class Asked:
    """What the words of a question mean: connections from each of `senders` to an end, or to a service.

    `sender` and `destination` are the words for them; exactly one of `end` and `service` is given.
    """

    sender: str
    senders: tuple[End, ...]
    destination: str
    traffic: Traffic
    end: End | None = None
    service: Service | None = None
