"""Building a test cluster in steps: namespaces, underlay, each node on its own, neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Interface
from pathlib import Path

from attrs import frozen

from tests.lab.commands import run
from tests.lab.namespaces import Namespace, create
from tests.lab.switch import TUN_PORT, VXLAN_PORT, Switch, add_port, create_bridge
from tests.lab.topology import NodeSpec, PodSpec, Topology

_POD_MTU = 1450  # the underlay's 1500 less the 50 bytes of VXLAN over IPv4


def build_namespaces(topology: Topology, *, prefix: str) -> tuple[dict[str, Namespace], Namespace]:
    """Make a namespace for each place, named `PREFIX-…`; return them by place, and that of the underlay."""
    places = ["outside", *(node.name for node in topology.nodes), *(pod.name for pod in topology.pods)]
    # A pod's name has a slash, which a namespace's name cannot have.
    by_place = {place: Namespace(f"{prefix}-{place.replace('/', '.')}") for place in places}
    underlay = Namespace(f"{prefix}--underlay")
    create([*by_place.values(), underlay])
    return by_place, underlay


def join_underlay(topology: Topology, namespaces: Mapping[str, Namespace], underlay: Namespace) -> None:
    """Connect eth0 of every node and of the outside by a bridge; set the outside's addresses and routes."""
    members = ["outside", *(node.name for node in topology.nodes)]
    lines = []
    for index, place in enumerate(members):
        name = namespaces[place].name
        lines.append(f"link add m{index} netns {underlay.name} type veth peer name eth0 netns {name}")
    run(["ip", "-batch", "-"], stdin="\n".join(lines))
    underlay.ip(
        "link add bridge type bridge",
        "link set bridge up",
        *(f"link set m{index} master bridge up" for index in range(len(members))),
    )
    outside = namespaces["outside"]
    outside.ip(
        *(f"addr add {address} dev eth0" for address in topology.outside),
        "link set eth0 up",
        # The answers find their way back without address translation.
        *(f"route add {node.host_subnet} via {node.host}" for node in topology.nodes),
    )
    _compute_checksums(outside, "eth0")


def meet_neighbours(topology: Topology, switches: Mapping[str, Switch]) -> None:
    """Tell every switch the hardware addresses of the other nodes.

    A switch that has to ask for one by ARP drops the packet that made it ask, and TCP takes a second to send
    another.
    """
    read_mac = "get interface br-phy mac_in_use"
    macs = {node.host: switches[node.name].vsctl(read_mac) for node in topology.nodes}
    for node in topology.nodes:
        for host, mac in macs.items():
            if host != node.host:
                switches[node.name].appctl("tnl/neigh/set", "br-phy", host, mac.strip().strip('"'))


@frozen
class NodeBuilder:
    """What it takes to build one node with its pods. Each node's builder may work in its own thread."""

    topology: Topology
    node: NodeSpec
    switch: Switch
    namespaces: Mapping[str, Namespace]
    bridge_script: Path | None

    def build(self) -> None:
        """Build the node: kernel settings, switch, bridges, addresses, pods. Raises LabError."""
        home = self.namespaces[self.node.name]
        home.sysctl("net/ipv4/ip_forward", "1")
        # What the node's own stack gets by tun0 comes from addresses of other interfaces too.
        home.sysctl("net/ipv4/conf/all/rp_filter", "0")
        home.sysctl("net/ipv4/conf/default/rp_filter", "0")
        home.ip("link set eth0 up")
        _leave_to_switch(home, "eth0")
        _compute_checksums(home, "eth0")
        self.switch.start()
        # With eth0's hardware address, as it would be, every packet would be for eth0 too.
        mac = f"0a:57:{IPv4Interface(self.node.address).ip.packed.hex(':')}"
        settings = f'datapath_type=netdev other-config:hwaddr="{mac}"'
        self.switch.vsctl("add-br br-phy", f"set bridge br-phy {settings}", "add-port br-phy eth0")
        home.ip(f"addr add {self.node.address} dev br-phy", "link set br-phy up")
        self._add_bridge()
        self._connect_node(home)
        self._connect_pods()

    def _add_bridge(self) -> None:
        if self.bridge_script is not None:
            self.switch.run(["bash", str(self.bridge_script)], env={"SDNC_DATAPATH_TYPE": "netdev"})
        else:
            self.switch.vsctl(*create_bridge(datapath_type="netdev", vxlan_port=self.node.vxlan_port))

    def _connect_node(self, home: Namespace) -> None:
        gateway = f"{self.node.gateway}/{IPv4Interface(self.node.host_subnet).network.prefixlen}"
        networks = (*self.node.pod_networks, self.node.service_network)
        routes = [f"route replace {network} dev tun0 src {self.node.gateway}" for network in networks]
        if self.topology.outside:
            routes.append(f"route replace default via {IPv4Interface(self.topology.outside[0]).ip}")
        home.ip(f"addr replace {gateway} dev tun0", f"link set tun0 mtu {_POD_MTU} up", *routes)
        _compute_checksums(home, "br-phy", "tun0")

    def _connect_pods(self) -> None:
        pods = self.topology.pods_of(self.node)
        home = self.namespaces[self.node.name]
        links = (
            f"link add {pod.interface} netns {home.name} type veth"
            f" peer name eth0 netns {self.namespaces[pod.name].name}"
            for pod in pods
        )
        run(["ip", "-batch", "-"], stdin="\n".join(links))
        home.ip(*(f"link set {pod.interface} mtu {_POD_MTU} up" for pod in pods))
        _leave_to_switch(home, *(pod.interface for pod in pods))
        for pod in pods:
            self._connect_pod(pod)
        ports = {"vxlan0": VXLAN_PORT, "tun0": TUN_PORT, **{pod.interface: pod.port for pod in pods}}
        # With no command at all, ovs-vsctl explains its usage.
        if pods:
            self.switch.vsctl(*(add_port(pod.interface, f"ofport_request={pod.port}") for pod in pods))
        self.switch.require_ports(ports)

    def _connect_pod(self, pod: PodSpec) -> None:
        inside = self.namespaces[pod.name]
        inside.ip(
            f"addr add {pod.address}/{self.topology.prefix_length(pod)} dev eth0",
            f"link set eth0 mtu {_POD_MTU} up",
            *(f"route replace {network} dev eth0" for network in self.node.pod_networks),
            f"route add default via {self.node.gateway}",
        )
        _compute_checksums(inside, "eth0")


def _leave_to_switch(namespace: Namespace, *interfaces: str) -> None:
    # The userspace datapath reads a copy of what arrives; the node's own stack gets it, too. Where it gives no
    # hardware address away by ARP, packets are not for it, and no way leads past the switch.
    for interface in interfaces:
        namespace.sysctl(f"net/ipv4/conf/{interface}/arp_ignore", "8")


def _compute_checksums(namespace: Namespace, *interfaces: str) -> None:
    # A veth pair leaves checksums to hardware that is not there, and the switch passes the packets on as they
    # are.
    for interface in interfaces:
        namespace.run(["ethtool", "-K", interface, "tx", "off"])
