"""The model: what exists in the cluster, put together and checked.

Everything here is complete and consistent: `compiler/model/build.py` makes a `Model` only of declarations without
errors. Tuples are sorted by name, so that nothing behind the model depends on the order of the input (OUT-01).
"""

from __future__ import annotations

from hashlib import sha256

from attrs import field, frozen

from compiler.declarations import (
    AdminRules,
    EgressRouter,
    Endpoints,
    HostClaim,
    Mode,
    NetworkPolicy,
    Platform,
    Pod,
    PodNetwork,
    PortRange,
    Route,
    Service,
)
from compiler.origin import Origin
from compiler.values.labels import Labels
from compiler.values.prefix import Prefix

GLOBAL_NETID = 0
"""The NetID that reaches every project, and that traffic of nodes has (PN-02, NT-01)."""

GLOBAL_PROJECT = "default"
"""The project that is always global (PN-06)."""

MAX_FILE_PART = 150
"""So much of an object's name, in characters, goes into the name of a file."""


@frozen
class Cluster:
    """The cluster network.  `mtu` is that of the pods' interfaces, in bytes; `origins` are all statements that tell
    of it."""

    mode: Mode
    pod_networks: tuple[PodNetwork, ...]
    service_network: Prefix
    vxlan_port: int
    mtu: int
    origins: tuple[Origin, ...] = field(eq=False, repr=False)
    platform: Platform | None = None
    allow_hostname_changes: bool = False


@frozen
class Node:
    """A node: its address on the underlay (and the network there, if told), and its subnet of a pod network."""

    name: str
    address: int
    subnet: Prefix
    labels: Labels
    origin: Origin = field(eq=False, repr=False)
    underlay: Prefix | None = None

    @property
    def gateway(self) -> int:
        """The node's own address on the pod network: the first of its subnet, on tun0."""
        return self.subnet.network + 1


@frozen
class Project:
    """A project (namespace) with its NetID; `labels` include `kubernetes.io/metadata.name` (NP-06)."""

    name: str
    labels: Labels
    netid: int
    isolated: bool
    origin: Origin | None = field(eq=False, repr=False)


@frozen
class Endpoint:
    """A pod that takes part in the pod network: it runs, has an address and a node, and is not on the host network.

    `of_port` and `interface` are None where nothing tells them; the node plan then derives them from the name.
    """

    pod: Pod
    node: str
    address: int
    of_port: int | None = None
    interface: str | None = None

    @property
    def name(self) -> str:
        """`PROJECT/NAME`."""
        return f"{self.pod.project}/{self.pod.name}"


AddressRanges = tuple[tuple[int, int], ...]
"""Addresses as ranges (first, last), sorted, with a gap between any two: there is one way to write a set."""


@frozen
class AddressRule:
    """A rule of an egress firewall with its names resolved; `ports` None: of every protocol.

    `lasting` are those of the addresses that come from no DNS name, which may have others tomorrow; None: all of them.
    """

    origin: Origin = field(eq=False, repr=False)
    allow: bool
    addresses: AddressRanges
    ports: tuple[PortRange, ...] | None = None
    lasting: AddressRanges | None = field(default=None, eq=False, repr=False)


@frozen
class Firewall:
    """The egress firewall of a NetID.  `rules` None: it is broken, and everything that leaves is dropped (EF-05)."""

    project: str
    netid: int
    rules: tuple[AddressRule, ...] | None
    origins: tuple[Origin, ...] = field(eq=False, repr=False)


@frozen
class EgressIp:
    """A static egress IP of a project, and the name of the node that hosts it (None: nobody does, EI-02)."""

    address: int
    project: str
    netid: int
    node: str | None
    origins: tuple[Origin, ...] = field(eq=False, repr=False)


@frozen
class MulticastDomain:
    """A NetID within which multicast is on (MC-02)."""

    netid: int
    origins: tuple[Origin, ...] = field(eq=False, repr=False)


@frozen
class Router:
    """An egress router, and the names of the nodes that may run it, sorted (ER-14)."""

    router: EgressRouter
    nodes: tuple[str, ...]

    @property
    def name(self) -> str:
        """`PROJECT_NAME`, as its folder is called: neither name has an underscore.

        A name that is too long for a file's (NAME_MAX, 255 bytes) is cut and gets its digest.
        """
        project, name = self.router.project, self.router.name
        if len(name) > MAX_FILE_PART:
            name = f"{name[:MAX_FILE_PART]}_{sha256(name.encode()).hexdigest()[:16]}"
        return f"{project}_{name}"


@frozen
class Model:
    """The whole cluster.  `egress_ips` are those that projects ask for, sorted by address."""

    cluster: Cluster
    nodes: tuple[Node, ...]
    projects: tuple[Project, ...]
    endpoints: tuple[Endpoint, ...]
    services: tuple[Service, ...]
    policies: tuple[NetworkPolicy, ...]
    firewalls: tuple[Firewall, ...] = ()
    egress_ips: tuple[EgressIp, ...] = ()
    multicast: tuple[MulticastDomain, ...] = ()
    service_endpoints: tuple[Endpoints, ...] = ()
    routes: tuple[Route, ...] = ()
    routers: tuple[Router, ...] = ()
    admin_rules: tuple[AdminRules, ...] = ()
    host_claims: tuple[HostClaim, ...] = ()


def takes_part(pod: Pod) -> bool:
    """Whether a pod is an endpoint of the pod network (PN-15, NP-17)."""
    return not pod.host_network and not pod.finished and pod.address is not None and pod.node is not None
