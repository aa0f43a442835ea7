"""The model: what exists in the cluster, put together and checked.

Everything here is complete and consistent: `compiler/model/build.py` makes a `Model` only of declarations without
errors. Tuples are sorted by name, so that nothing behind the model depends on the order of the input (OUT-01).
"""

from __future__ import annotations

from attrs import field, frozen

from compiler.declarations import Mode, NetworkPolicy, Pod, PodNetwork, Service
from compiler.origin import Origin
from compiler.values.labels import Labels
from compiler.values.prefix import Prefix

GLOBAL_NETID = 0
"""The NetID that reaches every project, and that traffic of nodes has (PN-02, NT-01)."""

GLOBAL_PROJECT = "default"
"""The project that is always global (PN-06)."""


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


@frozen
class Node:
    """A node: its address on the underlay, and its subnet of a pod network."""

    name: str
    address: int
    subnet: Prefix
    labels: Labels
    origin: Origin = field(eq=False, repr=False)

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


@frozen
class Model:
    """The whole cluster."""

    cluster: Cluster
    nodes: tuple[Node, ...]
    projects: tuple[Project, ...]
    endpoints: tuple[Endpoint, ...]
    services: tuple[Service, ...]
    policies: tuple[NetworkPolicy, ...]


def takes_part(pod: Pod) -> bool:
    """Whether a pod is an endpoint of the pod network (PN-15, NP-17)."""
    return not pod.host_network and not pod.finished and pod.address is not None and pod.node is not None
