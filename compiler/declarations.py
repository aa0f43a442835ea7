"""What the sources deliver: declarations, each with its origin.

The DSL and the object readers make the same declarations, so that both mix in one compilation.  Some are complete
(`Pod`, `NetworkPolicy`), some are parts of one thing that several objects tell together (a project is a Namespace and a
NetNamespace; a node is a Node and a HostSubnet).  `compiler/model` puts them together and checks them.

A source has validated every *single* value when it makes a declaration: names (`compiler/values/names.py`), addresses,
ports, labels.  What needs two declarations to judge (duplicates, overlaps, references) is the model's to check.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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


class Platform(Enum):
    """What the nodes run on, where it needs a step of its own for macvlan interfaces (ER-15)."""

    OPENSTACK = "openstack"
    RHEV = "rhev"
    VSPHERE = "vsphere"
    AWS = "aws"
    AZURE = "azure"


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
    platform: Platform | None = None
    allow_hostname_changes: bool | None = None


@frozen
class EgressAddress:
    """A static egress IP, where a project asks for it or a node offers it (EI-01)."""

    address: int
    origin: Origin = field(eq=False, repr=False)


@frozen
class EgressNetwork:
    """A network of which a node takes egress IPs that nobody assigned by hand (`egressCIDRs`, EI-08)."""

    prefix: Prefix
    origin: Origin = field(eq=False, repr=False)


@frozen
class NodeDeclaration:
    """What one source tells of a node.  A HostSubnet tells `address`, `subnet` and the egress addresses, a Node
    `address` and `labels`.

    `underlay` is the network on the primary interface, which egress IPs have to lie in (EI-04).
    """

    name: str
    origin: Origin = field(eq=False, repr=False)
    address: int | None = None
    subnet: Prefix | None = None
    labels: Labels | None = None
    underlay: Prefix | None = None
    egress_addresses: tuple[EgressAddress, ...] = ()
    egress_networks: tuple[EgressNetwork, ...] = ()


@frozen
class ProjectDeclaration:
    """What one source tells of a project: a Namespace `labels` and `isolated`, a NetNamespace the rest, the DSL all.

    `isolated` is the legacy annotation that denies ingress by default (NP-14), `multicast` whether multicast is on
    (MC-01).  `written` is the NetNamespace as it was read, for who writes it again with another NetID.
    """

    name: str
    origin: Origin = field(eq=False, repr=False)
    labels: Labels | None = None
    netid: int | None = None
    isolated: bool = False
    egress_addresses: tuple[EgressAddress, ...] = ()
    multicast: bool = False
    written: Mapping[str, object] | None = field(default=None, eq=False, repr=False)


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
    """A port of a Service: `target` is a number or the name of a container port.  `name` is its own, "" if it has none;
    it changes nothing."""

    protocol: Protocol
    number: int
    target: int | str
    name: str = field(default="", eq=False, repr=False)


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
class Endpoints:
    """Where the connections to a Service go: the addresses and ports that its Endpoints or EndpointSlices tell.

    `name` is the Service's.  `ports` empty: nothing is told of ports.  `named_ports` are the same ports with the names
    of those of the Service that lead to them, "" where there is none; empty, if it was not told by name.
    """

    project: str
    name: str
    origin: Origin = field(eq=False, repr=False)
    addresses: tuple[int, ...] = ()
    ports: tuple[tuple[Protocol, int], ...] = ()
    named_ports: tuple[tuple[str, Protocol, int], ...] = field(default=(), eq=False, repr=False)


@frozen
class Route:
    """A Route: the names of the Services, of its own project, that it leads to."""

    project: str
    name: str
    origin: Origin = field(eq=False, repr=False)
    services: tuple[str, ...] = ()


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


@frozen
class NamePeer:
    """The addresses that a DNS name has (EF-08); `name` is without the trailing dot."""

    origin: Origin = field(eq=False, repr=False)
    name: str


@frozen
class FirewallRule:
    """One rule of an egress firewall (EF-01).

    It speaks of traffic to any of `peers` (None: to everywhere), at any of `ports` (None: of every protocol).
    """

    origin: Origin = field(eq=False, repr=False)
    allow: bool
    peers: tuple[BlockPeer | NamePeer, ...] | None
    ports: tuple[PortRange, ...] | None = None


@frozen
class EgressFirewall:
    """The egress firewall of a project: rules of which the first that matches decides, and none allows (EF-01).

    `name` is the object's.
    """

    project: str
    name: str
    origin: Origin = field(eq=False, repr=False)
    rules: tuple[FirewallRule, ...] = ()


class RouterMode(Enum):
    """How an egress router works (ER-05); the value is that of EGRESS_ROUTER_MODE."""

    INIT = "init"
    LEGACY = "legacy"
    HTTP_PROXY = "http-proxy"
    DNS_PROXY = "dns-proxy"


@frozen
class Redirect:
    """Connections to `port` of the router go to `remote_port` of `address` (ER-06).  `protocol` is TCP or UDP."""

    origin: Origin = field(eq=False, repr=False)
    protocol: Protocol
    port: int
    address: int
    remote_port: int


@frozen
class Redirects:
    """What a router in the modes `init` and `legacy` redirects; `fallback` gets the connections to all other ports."""

    redirects: tuple[Redirect, ...] = ()
    fallback: int | None = None


@frozen
class ProxyHost:
    """A host name in a proxy's list (lower case); with `subdomains` the domain and all below it."""

    name: str
    subdomains: bool = False


@frozen
class ProxyRule:
    """A line of an HTTP proxy's list, of which the first that matches decides (ER-09); `to` None: everything."""

    origin: Origin = field(eq=False, repr=False)
    allow: bool
    to: Prefix | ProxyHost | None


HTTP_PROXY_PORT = 8080
"""Where a router in the mode `http-proxy` listens (ER-09)."""


@frozen
class HttpProxy:
    """What a router in the mode `http-proxy` lets through; what no rule matches is denied."""

    rules: tuple[ProxyRule, ...] = ()


@frozen
class Forward:
    """TCP connections to `port` of a DNS proxy go to `remote_port` of an address or a host name (ER-10)."""

    origin: Origin = field(eq=False, repr=False)
    port: int
    to: int | str
    remote_port: int


@frozen
class DnsProxy:
    """What a router in the mode `dns-proxy` forwards."""

    forwards: tuple[Forward, ...] = ()


@frozen
class RouterDeployment:
    """Which Kubernetes objects deploy a router of the policy language (ER-13): a Pod or a ReplicationController.

    `image` None: OpenShift's image for the mode.  `config_map`: the destinations are in a ConfigMap of their own.
    """

    controller: bool = True
    image: str | None = None
    config_map: bool = False


@frozen
class EgressRouter:
    """An egress router (ER-01).

    `name` is that of the object (Pod, ReplicationController, Deployment, EgressRouter), `source` the address that the
    servers outside see, `source_length` the prefix length that it is set with.  `interface` None: the one of the node's
    default route.  It may run on `node`, or on the nodes that `nodes` selects; None: on any.  `deployment` None: the
    objects exist already.
    """

    project: str
    name: str
    origin: Origin = field(eq=False, repr=False)
    mode: RouterMode
    source: int
    gateway: int
    destinations: Redirects | HttpProxy | DnsProxy
    source_length: int = 32
    interface: str | None = None
    node: str | None = None
    nodes: Selector | None = None
    deployment: RouterDeployment | None = field(default=None, eq=False)


class AdminVerdict(Enum):
    """What an administrator's rule does with the packets that it matches (AR-02)."""

    ACCEPT = "accept"
    DROP = "drop"
    REJECT = "reject"


@frozen
class Rate:
    """At most `count` per `unit`: second, minute, hour or day."""

    count: int
    unit: str


@frozen
class AdminLog:
    """Log with a prefix, not more often than `rate` if it is given, and go on with the next rule."""

    prefix: str
    rate: Rate | None = None


@frozen
class AdminLimit:
    """Reject new connections above a rate, or above a number at one time; `per_source`: for each source address.

    Exactly one of `rate` and `at_once` is given.
    """

    rate: Rate | None = None
    at_once: int | None = None
    per_source: bool = False


@frozen
class ProjectSource:
    """The pods of a project, as the source of an administrator's rule."""

    origin: Origin = field(eq=False, repr=False)
    project: str


@frozen
class AdminRule:
    """One rule on what leaves the cluster from pods.  None: from everybody, to everywhere, of every protocol."""

    origin: Origin = field(eq=False, repr=False)
    action: AdminVerdict | AdminLog | AdminLimit
    sources: tuple[BlockPeer | ProjectSource, ...] | None = None
    destinations: tuple[BlockPeer, ...] | None = None
    ports: tuple[PortRange, ...] | None = None


@frozen
class AdminRules:
    """A block of administrator's rules, for the nodes that `nodes` selects (None: all).  Blocks are in force in the
    order of their names.
    """

    name: str
    origin: Origin = field(eq=False, repr=False)
    nodes: Selector | None = None
    rules: tuple[AdminRule, ...] = ()


@frozen
class HostClaim:
    """A host name, with a path, that a Route or an Ingress claims (HN-02).

    `kind` is Route or Ingress, `position` tells the rules of one Ingress apart, `created` is the creationTimestamp
    in UTC, as 2017-11-13T10:00:00Z, so that texts sort as times do (None: it has none yet).
    """

    kind: str
    project: str
    name: str
    position: int
    host: str
    origin: Origin = field(eq=False, repr=False)
    path: str = ""
    created: str | None = None


Declaration = (
    ClusterDeclaration
    | NodeDeclaration
    | ProjectDeclaration
    | NetIdStatement
    | Pod
    | InterfaceDeclaration
    | Service
    | Endpoints
    | Route
    | NetworkPolicy
    | EgressFirewall
    | EgressRouter
    | AdminRules
    | HostClaim
)
