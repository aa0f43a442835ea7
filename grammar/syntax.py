"""The syntax tree: one class per rule of `policy.lark`, named like the rule in CamelCase.

Every class has its place first, then the children of its rule in order.  A word is still a word: whether it
is an address, a number or a valid name is for `compiler/sources/dsl` to say.
"""

from __future__ import annotations

from attrs import frozen


@frozen(slots=True, order=True)
class Place:
    """A piece of one line: 1-based line, 1-based columns of its first character and behind its last one.

    What goes over several lines is represented by its first line, a block by what stands before its brace.
    """

    line: int
    column: int
    end_column: int


@frozen(slots=True)
class Word:
    """A name, a number, an address, …; `text` is without the quotes of a `quoted` one."""

    place: Place
    text: str
    quoted: bool = False


# ---- label selectors


@frozen(slots=True)
class Equals:
    """`key=value`"""

    place: Place
    key: Word
    value: Word


@frozen(slots=True)
class Differs:
    """`key!=value`"""

    place: Place
    key: Word
    value: Word


@frozen(slots=True)
class OneOf:
    """`key in (value, …)`"""

    place: Place
    key: Word
    values: tuple[Word, ...]


@frozen(slots=True)
class NoneOf:
    """`key notin (value, …)`"""

    place: Place
    key: Word
    values: tuple[Word, ...]


@frozen(slots=True)
class Exists:
    """`key`"""

    place: Place
    key: Word


@frozen(slots=True)
class Absent:
    """`!key`"""

    place: Place
    key: Word


Requirement = Equals | Differs | OneOf | NoneOf | Exists | Absent


@frozen(slots=True)
class Selector:
    """`requirement, …`; without a requirement it was `all`."""

    place: Place
    requirements: tuple[Requirement, ...]


# ---- items of blocks


@frozen(slots=True)
class Mode:
    """`mode networkpolicy`"""

    place: Place
    name: Word


@frozen(slots=True)
class PodNetwork:
    """`pods 10.128.0.0/14 host-bits 9`"""

    place: Place
    network: Word
    host_bits: Word


@frozen(slots=True)
class ServiceNetwork:
    """`services 172.30.0.0/16`"""

    place: Place
    network: Word


@frozen(slots=True)
class VxlanPort:
    """`vxlan-port 4789`"""

    place: Place
    number: Word


@frozen(slots=True)
class Mtu:
    """`mtu 1450`"""

    place: Place
    number: Word


@frozen(slots=True)
class Platform:
    """`platform openstack`"""

    place: Place
    name: Word


@frozen(slots=True)
class AllowHostnameChanges:
    """`allow-hostname-changes`"""

    place: Place


@frozen(slots=True)
class Address:
    """`address 10.128.0.5`, of a node also `address 192.168.100.11/24`"""

    place: Place
    address: Word


@frozen(slots=True)
class Subnet:
    """`subnet 10.128.0.0/23`"""

    place: Place
    network: Word


@frozen(slots=True)
class EgressIp:
    """`egress-ip 192.168.100.50, …`"""

    place: Place
    addresses: tuple[Word, ...]


@frozen(slots=True)
class EgressCidr:
    """`egress-cidr 192.168.100.64/26, …`"""

    place: Place
    networks: tuple[Word, ...]


@frozen(slots=True)
class Label:
    """`key=value`"""

    place: Place
    key: Word
    value: Word


@frozen(slots=True)
class Labels:
    """`labels key=value, …`"""

    place: Place
    labels: tuple[Label, ...]


@frozen(slots=True)
class Netid:
    """`netid 4242`"""

    place: Place
    number: Word


@frozen(slots=True)
class Isolated:
    """`isolated`"""

    place: Place


@frozen(slots=True)
class Multicast:
    """`multicast`"""

    place: Place


@frozen(slots=True)
class OnNode:
    """`node node-1`, in a pod or an egress router"""

    place: Place
    name: Word


@frozen(slots=True)
class NamedPort:
    """`port http tcp/8080`, in a pod"""

    place: Place
    name: Word
    port: Word


@frozen(slots=True)
class OfPort:
    """`of-port 11`"""

    place: Place
    number: Word


@frozen(slots=True)
class Interface:
    """`interface veth1`, in a pod or an egress router"""

    place: Place
    name: Word


@frozen(slots=True)
class HostNetwork:
    """`host-network`"""

    place: Place


@frozen(slots=True)
class Finished:
    """`finished`"""

    place: Place


@frozen(slots=True)
class ServicePort:
    """`port tcp/80 to 8080`, in a service"""

    place: Place
    port: Word
    target: Word | None = None


@frozen(slots=True)
class Endpoint:
    """`endpoint 203.0.113.7, …`"""

    place: Place
    addresses: tuple[Word, ...]


@frozen(slots=True)
class Select:
    """`select app=web`"""

    place: Place
    selector: Selector


# ---- rules of policies


@frozen(slots=True)
class NamedProject:
    """`project shop`, as a peer or behind `in`"""

    place: Place
    name: Word


@frozen(slots=True)
class SelectedProjects:
    """`projects team=edge`, as a peer or behind `in`"""

    place: Place
    selector: Selector


Scope = NamedProject | SelectedProjects


@frozen(slots=True)
class PodPeer:
    """`pods app=web`, `pods app=web in project shop`"""

    place: Place
    pods: Selector
    scope: Scope | None = None


@frozen(slots=True)
class ProjectPeer:
    """`project shop`, `projects team=edge`"""

    place: Place
    scope: Scope


@frozen(slots=True)
class Block:
    """`192.0.2.0/24 except 192.0.2.128/25`, an address, or the name of an address set; in firewalls a DNS name, too"""

    place: Place
    what: Word
    excepts: tuple[Word, ...]


Peer = PodPeer | ProjectPeer | Block


@frozen(slots=True)
class Any:
    """`any`: all services"""

    place: Place


@frozen(slots=True)
class Anyone:
    """`anyone`: all peers"""

    place: Place


@frozen(slots=True)
class Allow:
    """`allow SERVICES from PEERS` or `allow SERVICES to PEERS`; services are empty if they were left out."""

    place: Place
    services: tuple[Word, ...] | Any
    peers: tuple[Peer, ...] | Anyone


@frozen(slots=True)
class Ingress:
    """`ingress { … }`"""

    place: Place
    rules: tuple[Allow, ...]


@frozen(slots=True)
class Egress:
    """`egress { … }`"""

    place: Place
    rules: tuple[Allow, ...]


@frozen(slots=True)
class Permit:
    """`allow SERVICES to DESTINATIONS`, in a firewall; services are empty if they were left out."""

    place: Place
    services: tuple[Word, ...] | Any
    destinations: tuple[Block, ...] | Anyone


@frozen(slots=True)
class Deny:
    """`deny SERVICES to DESTINATIONS`, in a firewall; services are empty if they were left out."""

    place: Place
    services: tuple[Word, ...] | Any
    destinations: tuple[Block, ...] | Anyone


# ---- items of egress routers


@frozen(slots=True)
class Source:
    """`source 192.168.12.99/24`"""

    place: Place
    address: Word


@frozen(slots=True)
class Gateway:
    """`gateway 192.168.12.1`"""

    place: Place
    address: Word


@frozen(slots=True)
class OnNodes:
    """`nodes site=springfield-1`, in an egress router or a block of administrator's rules"""

    place: Place
    selector: Selector


@frozen(slots=True)
class Deploy:
    """`deploy pod`"""

    place: Place
    kind: Word


@frozen(slots=True)
class Image:
    """`image registry.example.com/egress-router:v3`"""

    place: Place
    name: Word


@frozen(slots=True)
class ConfigMap:
    """`config-map`"""

    place: Place


@frozen(slots=True)
class Redirect:
    """`redirect tcp/8080 to 203.0.113.26 port 80`"""

    place: Place
    port: Word
    address: Word
    remote_port: Word | None = None


@frozen(slots=True)
class Fallback:
    """`fallback 203.0.113.27`"""

    place: Place
    address: Word


@frozen(slots=True)
class Everything:
    """`all`, in an HTTP proxy's list"""

    place: Place


@frozen(slots=True)
class ProxyAllow:
    """`allow www.example.com, 192.168.1.0/24`, in an HTTP proxy's list"""

    place: Place
    to: tuple[Word, ...] | Everything


@frozen(slots=True)
class ProxyDeny:
    """`deny *.example.com`, in an HTTP proxy's list"""

    place: Place
    to: tuple[Word, ...] | Everything


@frozen(slots=True)
class HttpProxy:
    """`http-proxy { … }`"""

    place: Place
    rules: tuple[ProxyAllow | ProxyDeny, ...]


@frozen(slots=True)
class Forward:
    """`forward tcp/80 to www.example.com port 8080`"""

    place: Place
    port: Word
    to: Word
    remote_port: Word | None = None


@frozen(slots=True)
class DnsProxy:
    """`dns-proxy { … }`"""

    place: Place
    forwards: tuple[Forward, ...]


# ---- administrator's rules


@frozen(slots=True)
class Accept:
    """`accept`"""

    place: Place


@frozen(slots=True)
class Drop:
    """`drop`"""

    place: Place


@frozen(slots=True)
class Reject:
    """`reject`"""

    place: Place


@frozen(slots=True)
class Log:
    """`log "mail " at 10/minute`"""

    place: Place
    prefix: Word
    rate: Word | None = None


@frozen(slots=True)
class PerSource:
    """`per source`, in a limit"""

    place: Place


@frozen(slots=True)
class LimitRate:
    """`limit 20/second per source`"""

    place: Place
    rate: Word
    per_source: PerSource | None = None


@frozen(slots=True)
class LimitAtOnce:
    """`limit 100 at once per source`"""

    place: Place
    count: Word
    per_source: PerSource | None = None


AdminAction = Accept | Drop | Reject | Log | LimitRate | LimitAtOnce


@frozen(slots=True)
class AdminRule:
    """`ACTION SERVICES from SOURCES to DESTINATIONS`; services are empty if they were left out."""

    place: Place
    action: AdminAction
    services: tuple[Word, ...] | Any
    sources: tuple[NamedProject | Block, ...] | Anyone
    destinations: tuple[Block, ...] | Anyone


# ---- statements

ClusterItem = Mode | PodNetwork | ServiceNetwork | VxlanPort | Mtu | Platform | AllowHostnameChanges
NodeItem = Address | Subnet | Labels | EgressIp | EgressCidr
ProjectItem = Labels | Netid | Isolated | Multicast | EgressIp
PodItem = OnNode | Address | Labels | NamedPort | OfPort | Interface | HostNetwork | Finished
ServiceItem = Address | Select | ServicePort | Endpoint
PolicyItem = Select | Ingress | Egress
RouterItem = (
    Source
    | Gateway
    | Interface
    | OnNode
    | OnNodes
    | Deploy
    | Image
    | ConfigMap
    | Redirect
    | Fallback
    | HttpProxy
    | DnsProxy
)
AdminItem = OnNodes | AdminRule
Item = ClusterItem | NodeItem | ProjectItem | PodItem | ServiceItem | PolicyItem | RouterItem | AdminItem


@frozen(slots=True)
class Cluster:
    """`cluster { … }`"""

    place: Place
    items: tuple[ClusterItem, ...]


@frozen(slots=True)
class Node:
    """`node NAME { … }`"""

    place: Place
    name: Word
    items: tuple[NodeItem, ...]


@frozen(slots=True)
class Project:
    """`project NAME`, `project NAME { … }`"""

    place: Place
    name: Word
    items: tuple[ProjectItem, ...] = ()


@frozen(slots=True)
class ProjectsWhere:
    """`projects team=web`, in join, isolate and global"""

    place: Place
    selector: Selector


WhichProjects = tuple[Word, ...] | ProjectsWhere


@frozen(slots=True)
class Join:
    """`join web, api to shop`"""

    place: Place
    projects: WhichProjects
    target: Word


@frozen(slots=True)
class Isolate:
    """`isolate web`"""

    place: Place
    projects: WhichProjects


@frozen(slots=True)
class MakeGlobal:
    """`global monitoring`"""

    place: Place
    projects: WhichProjects


@frozen(slots=True)
class Pod:
    """`pod PROJECT/NAME { … }`"""

    place: Place
    name: Word
    items: tuple[PodItem, ...]


@frozen(slots=True)
class Service:
    """`service PROJECT/NAME { … }`"""

    place: Place
    name: Word
    items: tuple[ServiceItem, ...]


@frozen(slots=True)
class AddressSet:
    """`addresses NAME = …`"""

    place: Place
    name: Word
    blocks: tuple[Block, ...]


@frozen(slots=True)
class ServiceSet:
    """`services NAME = …`"""

    place: Place
    name: Word
    members: tuple[Word, ...]


@frozen(slots=True)
class Policy:
    """`policy PROJECT/NAME { … }`"""

    place: Place
    name: Word
    items: tuple[PolicyItem, ...]


@frozen(slots=True)
class Firewall:
    """`firewall PROJECT { … }`"""

    place: Place
    project: Word
    rules: tuple[Permit | Deny, ...]


@frozen(slots=True)
class EgressRouter:
    """`egress-router PROJECT/NAME { … }`"""

    place: Place
    name: Word
    items: tuple[RouterItem, ...]


@frozen(slots=True)
class AdminRules:
    """`admin-rules NAME { … }`"""

    place: Place
    name: Word
    items: tuple[AdminItem, ...]


Statement = (
    Cluster
    | Node
    | Project
    | Join
    | Isolate
    | MakeGlobal
    | Pod
    | Service
    | AddressSet
    | ServiceSet
    | Policy
    | Firewall
    | EgressRouter
    | AdminRules
)
