"""What `compare` finds: how two compilations treat packets differently.

What is compared are the *ends* of connections as packets show them.  A pod is its name and its address; a pod that
comes, goes or gets another address is not there on the other side, and what is not there can do nothing.  Everybody
else is an address: a node's address on the underlay, its gateway on the pod network, an address outside.  So a node
that is only renamed is no difference, and one that gets another address is one only where somebody judges by it.

A connection is a source, a destination and a service.  It is judged as a new connection from end to end:

- to a pod: by the egress policies of the sending pod, and by NetIDs or the ingress policies of the receiving one;
- from a pod to a gateway: by its egress policies;
- from a pod to anywhere else outside the pod and service networks and but multicast: by its egress policies, its egress
  firewall, whether it has a way out (an egress IP that some node hosts, if its project has any), and administrator's
  rules of the nodes by which it leaves.  With several ways out it is allowed if one of them lets it through.

These never count: a pod to itself; an address of a pod's own node to the pod, unless it is that pod's own node on one
side only, and the pod is there on both (both are always allowed, NP-12); addresses of a pod network that nobody has;
UDP to addresses outside at a VXLAN port of either side, which no pod may send (PN-11).
"""

from __future__ import annotations

from attrs import field, frozen

from compiler.model.model import AddressRanges
from compiler.origin import Origin
from compiler.values.services import NOTHING, ServiceSet


@frozen(order=True)
class PodAt:
    """A pod (`PROJECT/NAME`) at an address."""

    name: str
    address: int


@frozen(order=True)
class NodeAt:
    """An address of a node: that on the underlay, or its gateway on the pod network."""

    name: str
    address: int
    gateway: bool


@frozen
class Party:
    """Some ends of connections.  `text` says in words who they are (`pods tier=front in project shop`); it depends on
    nothing but who they are and on the labels and projects of the two clusters.

    `pods`, `nodes` and `ranges` (addresses that are neither pods' nor, on the newer side that has one there, a node's)
    are all of them, sorted.
    """

    text: str
    pods: tuple[PodAt, ...] = ()
    nodes: tuple[NodeAt, ...] = ()
    ranges: AddressRanges = ()

    @property
    def size(self) -> int:
        """How many ends these are; a range of addresses counts as one."""
        return len(self.pods) + len(self.nodes) + len(self.ranges)


@frozen
class ConnectionChange:
    """Connections that become allowed, or become denied.

    Each source can now (or can no longer) use each of `services` at each destination, but for the pairs that never
    count.  `but` are those of the services of which this is not true from a pod to its own node's address on the
    underlay: DNS (tcp/53, udp/53) passes there whatever the egress firewall says (EF-06), and administrator's rules see
    nothing that is for the node itself.  No connection is in two changes.

    `old` and `new` are the statements that decide on each side in that part of the way that has changed: rules that
    allow, policies, firewall rules and administrator's rules that deny.  Empty: nothing speaks of it, as of a pod that
    no policy selects.
    """

    allowed: bool
    sources: Party
    destinations: Party
    services: ServiceSet
    but: ServiceSet = NOTHING
    old: tuple[Origin, ...] = field(default=(), eq=False)
    new: tuple[Origin, ...] = field(default=(), eq=False)

    @property
    def pairs(self) -> int:
        """Sources times destinations."""
        return self.sources.size * self.destinations.size


@frozen(order=True)
class Exit:
    """A way out of the cluster: the address that the outside sees, and the node that the packet leaves by.

    `egress_ip`: the address is a static egress IP; else it is the node's own, on the underlay.
    """

    address: int
    node: str
    egress_ip: bool


@frozen
class SourceChange:
    """What pods of a project send to the outside leaves by other ways; of several ways each packet takes one.

    No way: everything is dropped (EI-02).  `pods` are there on both sides.  It has no ends if no pod's ways have
    changed, but the egress IPs of the project, or who hosts them, have; `old` and `new` are then all of those.
    """

    project: str
    pods: Party
    old: tuple[Exit, ...]
    new: tuple[Exit, ...]
    old_origins: tuple[Origin, ...] = field(default=(), eq=False)
    new_origins: tuple[Origin, ...] = field(default=(), eq=False)


@frozen
class HandlingChange:
    """Packets to the outside whose verdict stays, but which administrator's rules treat differently: another log or
    limit, reject in place of drop, or not the same at all ways out.

    `old` and `new` are what is done with a packet, in order, as `log "web", drop`; where its ways out do not all treat
    it alike one for each, with the address of the node: `drop at 192.168.100.11`.  What is for a node itself by which
    it leaves comes to no rule, and DNS to a pod's own node leaves by that one; `but_local`: nothing changes for what a
    pod sends to the address on the underlay, or to an egress IP, of a node by which it leaves, or to its own node's
    address (of either side).
    """

    sources: Party
    destinations: Party
    services: ServiceSet
    old: tuple[str, ...]
    new: tuple[str, ...]
    but_local: bool = False
    old_origins: tuple[Origin, ...] = field(default=(), eq=False)
    new_origins: tuple[Origin, ...] = field(default=(), eq=False)


@frozen
class MulticastChange:
    """Multicast of each source now reaches (or no longer reaches) each other pod of `destinations`."""

    allowed: bool
    sources: Party
    destinations: Party
    old: tuple[Origin, ...] = field(default=(), eq=False)
    new: tuple[Origin, ...] = field(default=(), eq=False)


@frozen
class RouterChange:
    """An egress router (`PROJECT/NAME`) that is new, gone or set up differently.

    `what` are the settings that differ, with their old and new values in words; empty if it is new or gone.
    """

    router: str
    what: tuple[tuple[str, str, str], ...] = ()
    old: Origin | None = field(default=None, eq=False)
    new: Origin | None = field(default=None, eq=False)


@frozen
class SettingChange:
    """A setting of the whole network that differs: `VXLAN port`, `MTU`, `pod networks`, `service network`."""

    what: str
    old: str
    new: str


@frozen
class Comparison:
    """All differences.  Two compilations are the same exactly when no packet is treated differently.

    `pods_added` and `pods_removed` are the pods that are there on one side only; what they may do is also among the
    connections.  Everything is in a fixed order that does not depend on the order of the sources.
    """

    connections: tuple[ConnectionChange, ...] = ()
    sources: tuple[SourceChange, ...] = ()
    handling: tuple[HandlingChange, ...] = ()
    multicast: tuple[MulticastChange, ...] = ()
    routers: tuple[RouterChange, ...] = ()
    settings: tuple[SettingChange, ...] = ()
    pods_added: tuple[PodAt, ...] = ()
    pods_removed: tuple[PodAt, ...] = ()

    @property
    def same(self) -> bool:
        """Whether the two compilations mean the same."""
        return self == Comparison()
