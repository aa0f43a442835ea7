"""compiler.sources.openshift: NetNamespace, HostSubnet, ClusterNetwork, MasterConfig, NodeConfig."""

from __future__ import annotations

import pytest

from compiler.declarations import ClusterDeclaration, Mode, NodeDeclaration, ProjectDeclaration
from compiler.values.prefix import Prefix, parse_address

from .reading import read, read_one

VERSIONS = pytest.mark.parametrize("version", ["v1", "network.openshift.io/v1"])


def prefix(text: str) -> Prefix:
    return Prefix.parse(text)[0]


@pytest.mark.behaviour("PN-02")
@VERSIONS
@pytest.mark.parametrize("netid", [0, 10, 16777215])
def test_net_namespace(version: str, netid: int) -> None:
    text = f"apiVersion: {version}\nkind: NetNamespace\nmetadata: {{name: a}}\nnetname: a\nnetid: {netid}\n"

    found = read_one(ProjectDeclaration, text)

    assert (found.name, found.netid, found.labels) == ("a", netid, None)


@VERSIONS
def test_host_subnet(version: str) -> None:
    found = read_one(
        NodeDeclaration,
        f"""
        apiVersion: {version}
        kind: HostSubnet
        metadata: {{name: node-1}}
        host: node-1
        hostIP: 10.0.0.1
        subnet: 10.128.0.0/23
        egressIPs: [10.0.0.9]
        """,
    )

    assert (found.name, found.address) == ("node-1", parse_address("10.0.0.1"))
    assert found.subnet == prefix("10.128.0.0/23")


@pytest.mark.behaviour("PN-01", "PN-12", "PN-13")
@VERSIONS
def test_cluster_network(version: str) -> None:
    found = read_one(
        ClusterDeclaration,
        f"""
        apiVersion: {version}
        kind: ClusterNetwork
        metadata: {{name: default}}
        network: 10.128.0.0/14
        hostsubnetlength: 9
        clusterNetworks:
        - {{CIDR: 10.128.0.0/14, hostSubnetLength: 9}}
        - {{CIDR: 10.132.0.0/14, hostSubnetLength: 8}}
        serviceNetwork: 172.30.0.0/16
        pluginName: redhat/openshift-ovs-multitenant
        vxlanPort: 4790
        mtu: 8950
        """,
    )

    assert found.mode is Mode.MULTITENANT
    assert [(network.prefix, network.host_bits) for network in found.pod_networks] == [
        (prefix("10.128.0.0/14"), 9),
        (prefix("10.132.0.0/14"), 8),
    ]
    assert found.service_network == prefix("172.30.0.0/16")
    assert (found.vxlan_port, found.mtu) == (4790, 8950)


def test_a_cluster_network_of_older_fields() -> None:
    found = read_one(
        ClusterDeclaration,
        """
        apiVersion: v1
        kind: ClusterNetwork
        metadata: {name: default}
        network: 10.128.0.0/14
        hostsubnetlength: 9
        serviceNetwork: 172.30.0.0/16
        vxlanPort: 0
        """,
    )

    assert [(network.prefix, network.host_bits) for network in found.pod_networks] == [(prefix("10.128.0.0/14"), 9)]
    assert (found.mode, found.vxlan_port, found.mtu) == (None, None, None)


@pytest.mark.behaviour("PN-01")
@pytest.mark.parametrize(
    ("plugin", "mode"),
    [
        ("redhat/openshift-ovs-subnet", Mode.SUBNET),
        ("redhat/openshift-ovs-multitenant", Mode.MULTITENANT),
        ("redhat/openshift-ovs-networkpolicy", Mode.NETWORKPOLICY),
        ('""', None),
    ],
)
def test_master_config(plugin: str, mode: Mode | None) -> None:
    found = read_one(
        ClusterDeclaration,
        f"""
        apiVersion: v1
        kind: MasterConfig
        dnsConfig: {{bindAddress: "0.0.0.0:8053"}}
        networkConfig:
          networkPluginName: {plugin}
          clusterNetworks: [{{cidr: 10.128.0.0/14, hostSubnetLength: 9}}]
          serviceNetworkCIDR: 172.30.0.0/16
          externalIPNetworkCIDRs: ["0.0.0.0/0"]
        """,
    )

    assert found.mode is mode
    assert [(network.prefix, network.host_bits) for network in found.pod_networks] == [(prefix("10.128.0.0/14"), 9)]
    assert found.service_network == prefix("172.30.0.0/16")


def test_a_master_config_of_older_fields() -> None:
    found = read_one(
        ClusterDeclaration,
        """
        apiVersion: v1
        kind: MasterConfig
        networkConfig:
          clusterNetworkCIDR: 10.128.0.0/14
          hostSubnetLength: 9
          vxlanPort: 4790
        """,
    )

    assert [(network.prefix, network.host_bits) for network in found.pod_networks] == [(prefix("10.128.0.0/14"), 9)]
    assert found.vxlan_port == 4790


@pytest.mark.behaviour("PN-01")
@pytest.mark.parametrize(
    "config",
    [
        "networkConfig: {mtu: 1400, networkPluginName: redhat/openshift-ovs-subnet}",
        "networkConfig: {mtu: 1400}\nnetworkPluginName: redhat/openshift-ovs-subnet",
    ],
)
def test_node_config(config: str) -> None:
    found = read_one(ClusterDeclaration, f"apiVersion: v1\nkind: NodeConfig\n{config}\n")

    assert (found.mode, found.mtu) == (Mode.SUBNET, 1400)


def test_a_disagreement_inside_an_object() -> None:
    _, told = read(
        """
        apiVersion: v1
        kind: ClusterNetwork
        metadata: {name: default}
        network: 10.128.0.0/14
        hostsubnetlength: 8
        clusterNetworks: [{CIDR: 10.128.0.0/14, hostSubnetLength: 9}]
        """
    )

    assert told == ["DISAGREE:4:10"]
