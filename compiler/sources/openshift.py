"""The network objects of OpenShift SDN: NetNamespace, HostSubnet, ClusterNetwork, and the configuration files
of its masters and nodes.  All field names are those of github.com/openshift/api, network/v1 and
legacyconfig/v1.
"""

from __future__ import annotations

from collections.abc import Iterator

from compiler import codes
from compiler.declarations import ClusterDeclaration, NodeDeclaration, PodNetwork, ProjectDeclaration
from compiler.sources.reader import Cursor
from compiler.sources.scalars import (
    read_address,
    read_metadata,
    read_name,
    read_number,
    read_plugin,
    read_prefix,
)
from compiler.values.limits import MAX_MTU, MAX_NETID, MIN_MTU
from compiler.values.names import refuse_label, refuse_subdomain
from compiler.values.ports import MAX_PORT
from compiler.values.prefix import WIDTH, Prefix


def read_net_namespace(cursor: Cursor) -> Iterator[ProjectDeclaration]:
    """A project's NetID.  `netname` names the project; the object's own name is the same."""
    metadata = read_metadata(cursor, "NetNamespace", refuse_label)
    told = cursor.get("netname")
    name = read_name(told, "project", refuse_label) if told else None
    number = cursor.require("netid", "NetNamespace")
    netid = read_number(number, "NetID", 0, MAX_NETID) if number else None
    if metadata is not None and not (told and name is None):
        yield ProjectDeclaration(name or metadata.name, cursor.origin, netid=netid)


def read_host_subnet(cursor: Cursor) -> Iterator[NodeDeclaration]:
    """A node's address and its subnet of the pod network."""
    metadata = read_metadata(cursor, "HostSubnet")
    told = cursor.get("host")
    name = read_name(told, "node", refuse_subdomain) if told else None
    host = cursor.require("hostIP", "HostSubnet")
    address = read_address(host) if host else None
    network = cursor.require("subnet", "HostSubnet")
    subnet = read_prefix(network) if network else None
    if metadata is not None and not (told and name is None):
        yield NodeDeclaration(name or metadata.name, cursor.origin, address, subnet)


def read_cluster_network(cursor: Cursor) -> Iterator[ClusterDeclaration]:
    """The cluster network.  `network` and `hostsubnetlength` are the older notation, of one pod network."""
    read_metadata(cursor, "ClusterNetwork")
    service = cursor.get("serviceNetwork")
    yield ClusterDeclaration(
        cursor.origin,
        read_plugin(cursor.filled("pluginName")),
        _read_pod_networks(cursor, "network", "hostsubnetlength", "CIDR"),
        read_prefix(service) if service else None,
        _read_positive(cursor, "vxlanPort", 1, MAX_PORT),
        _read_positive(cursor, "mtu", MIN_MTU, MAX_MTU),
    )


def read_master_config(cursor: Cursor) -> Iterator[ClusterDeclaration]:
    """What master-config.yaml tells in its `networkConfig`."""
    config = cursor.mapping("networkConfig")
    if config is None:
        return
    service = config.get("serviceNetworkCIDR")
    yield ClusterDeclaration(
        config.origin,
        read_plugin(config.filled("networkPluginName")),
        _read_pod_networks(config, "clusterNetworkCIDR", "hostSubnetLength", "cidr"),
        read_prefix(service) if service else None,
        _read_positive(config, "vxlanPort", 1, MAX_PORT),
    )


def read_node_config(cursor: Cursor) -> Iterator[ClusterDeclaration]:
    """What node-config.yaml tells; `networkPluginName` beside `networkConfig` is the older place."""
    config = cursor.mapping("networkConfig")
    modes = [read_plugin(cursor.filled("networkPluginName"))]
    mtu = None
    if config is not None:
        modes.insert(0, read_plugin(config.filled("networkPluginName")))
        mtu = _read_positive(config, "mtu", MIN_MTU, MAX_MTU)
    mode = next((mode for mode in modes if mode), None)
    yield ClusterDeclaration(cursor.origin if config is None else config.origin, mode, mtu=mtu)


def _read_positive(cursor: Cursor, key: str, low: int, high: int) -> int | None:
    """A number under a key; 0 is how these objects write that it is not set."""
    found = cursor.get(key)
    return None if found is None or found.value == 0 else read_number(found, key, low, high)


def _read_pod_networks(cursor: Cursor, single: str, length: str, entry: str) -> tuple[PodNetwork, ...]:
    """The pod networks of the list `clusterNetworks`, or the one in the older fields `single` and `length`.

    An object with both repeats one of the list in the older fields.
    """
    networks = [
        network
        for element in cursor.mappings("clusterNetworks") or ()
        for network in _read_pod_network(element, entry, "hostSubnetLength")
    ]
    told = cursor.filled(single)
    if told is None:
        return tuple(networks)
    older = list(_read_pod_network(cursor, single, length))
    if not networks:
        return tuple(older)
    for network in older:
        if network not in networks:
            one = f"{network.prefix} with hostSubnetLength {network.host_bits}"
            cursor.diagnostics.report(codes.DISAGREE, told.origin, what=single, one=one, other="clusterNetworks")
    return tuple(networks)


def _read_pod_network(cursor: Cursor, key: str, length: str) -> Iterator[PodNetwork]:
    network = cursor.require(key, "a pod network")
    bits = cursor.require(length, "a pod network")
    prefix: Prefix | None = read_prefix(network) if network else None
    host_bits = read_number(bits, length, 0, WIDTH) if bits else None
    if network is not None and prefix is not None and host_bits is not None:
        yield PodNetwork(prefix, host_bits, network.origin)
