"""What the sources deliver: declarations, each with its origin.

The DSL and the object readers make the same declarations, so that both mix in one compilation.  Some are complete
(`Pod`, `NetworkPolicy`), some are parts of one thing that several objects tell together (a project is a Namespace and a
NetNamespace; a node is a Node and a HostSubnet).  `compiler/model` puts them together and checks them.

A source has validated every *single* value when it makes a declaration: names (`compiler/values/names.py`), addresses,
ports, labels.  What needs two declarations to judge (duplicates, overlaps, references) is the model's to check.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from attrs import field, frozen

from compiler.origin import Origin
from compiler.values.labels import NO_LABELS, SELECT_ALL, Labels, Selector
from compiler.values.prefix import Prefix
from compiler.values.services import Protocol


class Mode(Enum):
    """How pod networks are kept apart (PN-01); the value is the name in the DSL and in messages."""

    SUBNET = "subnet"
    MULTITENANT = "multitenant"
    NETWORKPOLICY = "networkpolicy"


@frozen
class PodNetwork:
    """A range of pod addresses; every node has a subnet of `host_bits` host bits of it (`hostSubnetLength`)."""

    prefix: Prefix
    host_bits: int
    origin: Origin = field(eq=False, repr=False)


@frozen
class ClusterDeclaration:
    """What one source tells of the cluster network; None or empty: nothing.  Several must agree (PN-01)."""

    origin: Origin = field(eq=False, repr=False)
    mode: Mode | None = None
    pod_networks: tuple[PodNetwork, ...] = ()
    service_network: Prefix | None = None
    vxlan_port: int | None = None
    mtu: int | None = None


@frozen
class NodeDeclaration:
    """What one source tells of a node.  A HostSubnet tells `address` and `subnet`, a Node `address` and `labels`."""

    name: str
    origin: Origin = field(eq=False, repr=False)
    address: int | None = None
    subnet: Prefix | None = None
    labels: Labels | None = None


@frozen
class ProjectDeclaration:
    """What one source tells of a project: a Namespace `labels` and `isolated`, a NetNamespace `netid`, the DSL all.

    `isolated` is the legacy annotation that denies ingress by default (NP-14).
    """

    name: str
    origin: Origin = field(eq=False, repr=False)
    labels: Labels | None = None
    netid: int | None = None
    isolated: bool = False


class NetIdAction(Enum):
    """What a statement does to NetIDs (PN-05)."""

    JOIN = "join"
    ISOLATE = "isolate"
    GLOBAL = "global"


@frozen
class NetIdStatement:
    """Join projects to `target`, isolate them or make them global: those in `names`, or those that `selector` selects.

    Exactly one of `names` (not empty) and `selector` is given (PN-07); `target` only for a join.
    """

    action: NetIdAction
    origin: Origin = field(eq=False, repr=False)
    names: tuple[str, ...] = ()
    selector: Selector | None = None
    target: str | None = None


@frozen(slots=True)
class NamedPort:
    """A container port with a name (NP-10)."""

    name: str
    protocol: Protocol
    number: int


def _sorted_ports(ports: Iterable[NamedPort]) -> tuple[NamedPort, ...]:
    return tuple(sorted(set(ports), key=lambda port: (port.name, port.protocol.value, port.number)))


def _sorted_prefixes(prefixes: Iterable[Prefix]) -> tuple[Prefix, ...]:
    return tuple(sorted(set(prefixes)))


@frozen(slots=True)
class Pod:
    """A pod.

    `address` is None while it has none; `node` None while it is not scheduled.  `finished`: phase Succeeded or Failed
    (NP-17). `of_port` and `interface` are what the annotation `sdnc.dev/ofport` or the DSL asks for.
    """

    project: str
    name: str
    origin: Origin = field(eq=False, repr=False)
    node: str | None = None
    address: int | None = None
    labels: Labels = NO_LABELS
    ports: tuple[NamedPort, ...] = field(default=(), converter=_sorted_ports)
    host_network: bool = False
    finished: bool = False
    of_port: int | None = None
    interface: str | None = None


@frozen
class InterfaceDeclaration:
    """An interface of a node's bridge, from `ovs-vsctl --format=json list Interface`: who has which OpenFlow port.

    `address` (external_ids `ip`) tells the pod; None if the interface is no pod's.
    """

    interface: str
    of_port: int
    origin: Origin = field(eq=False, repr=False)
    address: int | None = None


@frozen
class ServicePort:
    """A port of a Service: `target` is a number or the name of a container port."""

    protocol: Protocol
    number: int
    target: int | str


@frozen
class Service:
    """A Service: its address in the service network (None: headless) and what it selects (None: manual endpoints)."""

    project: str
    name: str
    origin: Origin = field(eq=False, repr=False)
    address: int | None = None
    selector: Selector | None = None
    ports: tuple[ServicePort, ...] = ()


@frozen
class PodPeer:
    """Pods of projects (NP-05).  `projects` None: the policy's own project; `pods` selects among them."""

    origin: Origin = field(eq=False, repr=False)
    projects: Selector | None = None
    pods: Selector = SELECT_ALL


@frozen
class BlockPeer:
    """Addresses (NP-07).  `prefix` None: a block that matches nothing here, such as an IPv6 one (NP-19)."""

    origin: Origin = field(eq=False, repr=False)
    prefix: Prefix | None
    excepts: tuple[Prefix, ...] = field(default=(), converter=_sorted_prefixes)


@frozen
class PortRange:
    """Ports `first` to `last` of a protocol (NP-08, NP-09); 0 to 65535 for an entry without a port."""

    protocol: Protocol
    first: int
    last: int


@frozen
class PortName:
    """A named port, resolved on each pod that receives the traffic (NP-10)."""

    protocol: Protocol
    name: str


@frozen
class Rule:
    """One ingress or egress rule.  `peers` None: everybody; `ports` None: every port and every protocol (NP-04)."""

    origin: Origin = field(eq=False, repr=False)
    peers: tuple[PodPeer | BlockPeer, ...] | None = None
    ports: tuple[PortRange | PortName, ...] | None = None


@frozen
class NetworkPolicy:
    """A policy of one project.  `ingress`/`egress` None: it does not govern the direction; empty: it denies all."""

    project: str
    name: str
    origin: Origin = field(eq=False, repr=False)
    pods: Selector = SELECT_ALL
    ingress: tuple[Rule, ...] | None = None
    egress: tuple[Rule, ...] | None = None


Declaration = (
    ClusterDeclaration
    | NodeDeclaration
    | ProjectDeclaration
    | NetIdStatement
    | Pod
    | InterfaceDeclaration
    | Service
    | NetworkPolicy
)
