"""The network objects of OpenShift SDN: NetNamespace, HostSubnet, ClusterNetwork, and the configuration files
of its masters and nodes.  All field names are those of github.com/openshift/api, network/v1 and
legacyconfig/v1.
"""

from __future__ import annotations

from collections.abc import Iterator

from compiler import codes
from compiler.declarations import (
    ClusterDeclaration,
    EgressAddress,
    EgressNetwork,
    NodeDeclaration,
    PodNetwork,
    ProjectDeclaration,
)
from compiler.sources.reader import Cursor
from compiler.sources.scalars import (
    Metadata,
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
from compiler.values.prefix import WIDTH, Prefix, format_address

INGRESS_ADMISSION = "openshift.io/IngressAdmission"
"""The admission plug-in that refuses changes of hosts, as the configuration names it."""

MULTICAST_ANNOTATION = "netnamespace.network.openshift.io/multicast-enabled"
"""The annotation that switches multicast on (MC-01)."""


def read_net_namespace(cursor: Cursor) -> Iterator[ProjectDeclaration]:
    """A project's NetID, its egress IPs, and whether it has multicast.

    `netname` names the project; the object's own name is the same.
    """
    metadata = read_metadata(cursor, "NetNamespace", refuse_label)
    told = cursor.get("netname")
    name = read_name(told, "project", refuse_label) if told else None
    number = cursor.require("netid", "NetNamespace")
    netid = read_number(number, "NetID", 0, MAX_NETID) if number else None
    addresses = _read_egress_addresses(cursor)
    multicast = metadata is not None and _has_multicast(metadata)
    if metadata is not None and not (told and name is None):
        yield ProjectDeclaration(
            name or metadata.name,
            cursor.origin,
            netid=netid,
            egress_addresses=addresses,
            multicast=multicast,
            written=cursor.value if isinstance(cursor.value, dict) else None,
        )


def _has_multicast(metadata: Metadata) -> bool:
    """Whether the annotation is "true"; any other string is off, as for OpenShift SDN."""
    annotation = metadata.annotations.get(MULTICAST_ANNOTATION) if metadata.annotations else None
    return annotation is not None and annotation.string() == "true"


def _read_egress_addresses(cursor: Cursor) -> tuple[EgressAddress, ...]:
    """The list `egressIPs`, of IPv4 addresses only, as the API has it; one that comes again is reported."""
    found: dict[int, EgressAddress] = {}
    for element in cursor.elements("egressIPs") or ():
        address = read_address(element)
        if address is None:
            continue
        if address in found:
            element.diagnostics.report(codes.DUPLICATE, element.origin, what="egress IP", name=format_address(address))
        found.setdefault(address, EgressAddress(address, element.origin))
    return tuple(found.values())


def _read_egress_networks(cursor: Cursor) -> tuple[EgressNetwork, ...]:
    """The list `egressCIDRs`, of IPv4 networks only (EI-08)."""
    elements = cursor.elements("egressCIDRs") or ()
    return tuple(
        EgressNetwork(prefix, element.origin) for element in elements if (prefix := read_prefix(element)) is not None
    )


def read_host_subnet(cursor: Cursor) -> Iterator[NodeDeclaration]:
    """A node's address, its subnet of the pod network, and the egress IPs that it hosts or may host."""
    metadata = read_metadata(cursor, "HostSubnet")
    told = cursor.get("host")
    name = read_name(told, "node", refuse_subdomain) if told else None
    host = cursor.require("hostIP", "HostSubnet")
    address = read_address(host) if host else None
    network = cursor.require("subnet", "HostSubnet")
    subnet = read_prefix(network) if network else None
    addresses, networks = _read_egress_addresses(cursor), _read_egress_networks(cursor)
    if metadata is not None and not (told and name is None):
        yield NodeDeclaration(
            name or metadata.name,
            cursor.origin,
            address,
            subnet,
            egress_addresses=addresses,
            egress_networks=networks,
        )


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
    """What master-config.yaml tells in its `networkConfig`, and of host names in its `admissionConfig`."""
    yield from _read_ingress_admission(cursor)
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


def _read_ingress_admission(cursor: Cursor) -> Iterator[ClusterDeclaration]:
    """Whether routes and ingresses may change their hosts (HN-01)."""
    found: Cursor | None = cursor
    for key in ("admissionConfig", "pluginConfig", INGRESS_ADMISSION, "configuration"):
        found = found.mapping(key) if found else None
    told = found.get("allowHostnameChanges") if found else None
    if found is None or told is None:
        return
    allowed = found.flag("allowHostnameChanges")
    if isinstance(told.value, bool):
        yield ClusterDeclaration(told.origin, allow_hostname_changes=allowed)


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
