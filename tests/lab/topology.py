"""What a test network is made of: nodes and pods, as plain values."""

from __future__ import annotations

from ipaddress import IPv4Interface, IPv4Network

from attrs import field, frozen

_INTERFACE_NAME_LENGTH = 15  # IFNAMSIZ less the closing NUL, linux/if.h


def _host(value: str) -> str:
    return str(IPv4Interface(value).ip)


@frozen
class NodeSpec:
    """A node. All addresses are text, as commands take them."""

    name: str
    address: str
    """Its address on the underlay with the prefix length: "192.168.100.11/24"."""
    gateway: str
    """Its address on the pod network, which tun0 carries: "10.128.0.1"."""
    host_subnet: str
    """The addresses of its pods: "10.128.0.0/23"."""
    pod_networks: tuple[str, ...] = ("10.128.0.0/14",)
    service_network: str = "172.30.0.0/16"
    vxlan_port: int = 4789

    @property
    def host(self) -> str:
        """The address on the underlay without its prefix length."""
        return _host(self.address)


@frozen
class PodSpec:
    """A pod."""

    name: str
    """Unique, as "shop/web-1"."""
    node: str
    """The name of its node."""
    address: str
    """Its address without a prefix length: "10.128.0.5"."""
    port: int
    """The OpenFlow number of its port on br0."""
    interface: str = field()
    """The name of its interface on the node, at most 15 characters."""

    @interface.validator
    def _fits(self, _: object, value: str) -> None:
        if not 0 < len(value) <= _INTERFACE_NAME_LENGTH:
            raise ValueError(f"{value}: an interface's name has 1 to {_INTERFACE_NAME_LENGTH} characters")


@frozen
class Topology:
    """The whole network. Raises ValueError for names or references that do not fit together."""

    nodes: tuple[NodeSpec, ...]
    pods: tuple[PodSpec, ...]
    outside: tuple[str, ...]
    """Addresses outside the cluster with prefix lengths; the first is in the underlay's network."""

    def __attrs_post_init__(self) -> None:
        names = [node.name for node in self.nodes] + [pod.name for pod in self.pods] + ["outside"]
        if len(names) != len(set(names)):
            raise ValueError("a name is used twice, or something is called 'outside'")
        for pod in self.pods:
            self.node(pod.node)

    def node(self, name: str) -> NodeSpec:
        """Return the node of this name."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise ValueError(f"there is no node {name}")

    def pods_of(self, node: NodeSpec) -> list[PodSpec]:
        """Return the pods of a node."""
        return [pod for pod in self.pods if pod.node == node.name]

    def prefix_length(self, pod: PodSpec) -> int:
        """Return the prefix length of a pod's address, that of its node's subnet."""
        return IPv4Network(self.node(pod.node).host_subnet).prefixlen

    def owners(self) -> dict[str, str]:
        """Map every address to the name of the pod, the node or "outside" that has it."""
        owners = {pod.address: pod.name for pod in self.pods}
        for node in self.nodes:
            owners |= {node.host: node.name, node.gateway: node.name}
        return owners | {_host(address): "outside" for address in self.outside}
