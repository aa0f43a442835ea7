"""Random clusters: one to three nodes, up to four projects and ten pods, policies, egress firewalls and egress
IPs of every shape, multicast, in all three modes.

A cluster is a pair of Kubernetes objects and declarations (see `objects`).  Running pods have OpenFlow
ports of `PORTS`, so that one switch with those ports serves all clusters.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from compiler.declarations import (
    ClusterDeclaration,
    Declaration,
    EgressAddress,
    Mode,
    NodeDeclaration,
    PodNetwork,
    ProjectDeclaration,
)
from compiler.values.prefix import Prefix, format_address, parse_address
from tests.oracle.compiled import NAMES
from tests.oracle.egress import OVN_NAME, deals, firewalls
from tests.oracle.objects import ORIGIN, Object, net_namespace, pods, projects
from tests.oracle.policies import network_policies

PORTS = tuple(range(11, 31))
UNUSED_PORT = 30
"""A port that no pod has: there are at most ten pods, from port 11 up."""

PLUGINS = {
    Mode.SUBNET: "redhat/openshift-ovs-subnet",
    Mode.MULTITENANT: "redhat/openshift-ovs-multitenant",
    Mode.NETWORKPOLICY: "redhat/openshift-ovs-networkpolicy",
}

OUTSIDE = tuple(map(parse_address, ("203.0.113.5", "203.0.113.200", "198.51.100.7", "10.127.255.255")))
"""Addresses of nobody in the cluster; the last one is next to a pod network."""


def repeatable(count: int) -> settings:
    """Settings for a test of `count` clusters, the same in every run."""
    return settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


_SERVICES = Prefix.parse("172.30.0.0/16")[0]
_UNDERLAY = parse_address("192.168.100.11")
_EGRESS_IPS = tuple(parse_address(f"192.168.100.{host}") for host in range(50, 56))


def _prefixes(*texts: str) -> list[Prefix]:
    return [Prefix.parse(text)[0] for text in texts]


_EVERYWHERE = _prefixes(
    "0.0.0.0/0",
    "10.0.0.0/8",
    "10.128.0.0/14",
    "10.128.0.0/23",
    "10.128.0.0/30",
    "172.30.0.0/16",
    "192.168.100.0/24",
    "192.168.100.11/32",
    "203.0.113.0/24",
    "203.0.113.5/32",
    "203.0.113.128/25",
    "198.51.100.7/32",
)
"""Blocks that hold everything, cover the pod networks, cut them, lie outside, and hold nodes' addresses."""


@frozen
class Drawn:
    """A cluster twice: as objects, and as the declarations that they mean."""

    objects: tuple[Object, ...]
    declarations: tuple[Declaration, ...]


@st.composite
def clusters(
    draw: st.DrawFn,
    modes: Sequence[Mode] = (Mode.NETWORKPOLICY, Mode.NETWORKPOLICY, Mode.NETWORKPOLICY, *Mode),
) -> Drawn:
    """A cluster that compiles without errors with the options of `tests/oracle/compiled.py`."""
    mode = draw(st.sampled_from(tuple(modes)))
    objects: list[Object] = []
    declared: list[Declaration] = []
    networks = draw(st.sampled_from((("10.128.0.0/14",), ("10.128.0.0/22", "10.140.0.0/20"))))
    bits = draw(st.sampled_from((9, 8)))
    _add_cluster(mode, networks, bits, draw(st.sampled_from((None, 4790))), objects, declared)
    node_count = draw(st.sampled_from((1, 2, 2, 3)))

    names = ["p0", "p1", "p2", "p3"][: draw(st.integers(1, 4))]
    shared = draw(st.sampled_from((10, 11, 0))) if mode is not Mode.NETWORKPOLICY else None
    netids = {
        name: 100 + index if shared is None or draw(st.booleans()) else shared for index, name in enumerate(names)
    }
    alone = [name for name, netid in netids.items() if netid and list(netids.values()).count(netid) == 1]
    asked, hosted = draw(deals(alone, node_count, _EGRESS_IPS))
    nodes = _add_nodes(networks, bits, hosted, objects, declared)
    for name, netid in netids.items():
        written, project = draw(projects(name, netid, asked.get(name, ())))
        objects += written
        declared.append(project)
    if draw(st.integers(0, 2)) == 0:
        objects.append(net_namespace("default", 0, multicast=True))
        declared.append(ProjectDeclaration("default", ORIGIN, netid=0, multicast=True))
    names.append("default")

    addresses: list[tuple[str, int, int]] = []
    for index in range(draw(st.integers(1, 10))):
        node, node_address, subnet = draw(st.sampled_from(nodes))
        kind = draw(st.sampled_from(("running",) * 8 + ("host", "finished")))
        if kind == "finished" and addresses and draw(st.integers(0, 1)):
            node, node_address, address = draw(st.sampled_from(addresses))
        else:
            address = subnet.network + 2 + index
        home = draw(st.sampled_from(names))
        written_pod, pod = draw(pods(home, f"pod-{index}", node, node_address, address, PORTS[index], kind))
        if kind == "running":
            addresses.append((node, node_address, address))
        objects.append(written_pod)
        declared.append(pod)

    prefixes = [*_EVERYWHERE, *(subnet for _, _, subnet in nodes)]
    for _, _, subnet in nodes:
        gateway, first_pod = subnet.network + 1, subnet.network + 2
        prefixes += [Prefix(gateway, 32), Prefix(first_pod, 32), Prefix(subnet.network, 29)]
    prefixes = sorted(set(prefixes))
    for index in range(draw(st.integers(0, 6))):
        written_policy, policy = draw(
            network_policies(draw(st.sampled_from(names)), f"policy-{index}", names, prefixes)
        )
        objects.append(written_policy)
        declared.append(policy)
    for name in [name for name, netid in netids.items() if netid or mode is Mode.SUBNET]:
        # A project has one as a rule; where it has two, or another project has its NetID, everything is dropped.
        for called in draw(st.sampled_from(((), ("firewall",), (OVN_NAME,), (OVN_NAME,), ("firewall", OVN_NAME)))):
            written_firewall, firewall = draw(firewalls(name, called, prefixes, NAMES))
            objects.append(written_firewall)
            declared.append(firewall)
    return Drawn(tuple(objects), tuple(declared))


def _add_cluster(
    mode: Mode,
    networks: Sequence[str],
    bits: int,
    vxlan_port: int | None,
    objects: list[Object],
    declared: list[Declaration],
) -> None:
    told: Object = {
        "apiVersion": "network.openshift.io/v1",
        "kind": "ClusterNetwork",
        "metadata": {"name": "default"},
        "pluginName": PLUGINS[mode],
        "clusterNetworks": [{"CIDR": network, "hostSubnetLength": bits} for network in networks],
        "serviceNetwork": str(_SERVICES),
    }
    if vxlan_port is not None:
        told["vxlanPort"] = vxlan_port
    objects.append(told)
    pod_networks = tuple(PodNetwork(prefix, bits, ORIGIN) for prefix in _prefixes(*networks))
    declared.append(ClusterDeclaration(ORIGIN, mode, pod_networks, _SERVICES, vxlan_port))


def _add_nodes(
    networks: Sequence[str],
    bits: int,
    hosted: Sequence[Sequence[int]],
    objects: list[Object],
    declared: list[Declaration],
) -> list[tuple[str, int, Prefix]]:
    """A node for each list of egress IPs that one has."""
    nodes = []
    for index, egress_ips in enumerate(hosted):
        network = _prefixes(*networks)[index % len(networks)]
        address = _UNDERLAY + index
        subnet = Prefix(network.network + ((index // len(networks)) << bits), 32 - bits)
        name = f"node-{index + 1}"
        objects.append(
            {
                "apiVersion": "network.openshift.io/v1",
                "kind": "HostSubnet",
                "metadata": {"name": name},
                "host": name,
                "hostIP": format_address(address),
                "subnet": str(subnet),
                "egressIPs": [format_address(egress_ip) for egress_ip in egress_ips],
            }
        )
        egress_addresses = tuple(EgressAddress(egress_ip, ORIGIN) for egress_ip in egress_ips)
        declared.append(NodeDeclaration(name, ORIGIN, address, subnet, egress_addresses=egress_addresses))
        nodes.append((name, address, subnet))
    return nodes
