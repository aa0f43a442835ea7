"""Pod networks by example: modes, isolation, and what no node lets in.  One test or more for each behaviour
PN.
"""

from __future__ import annotations

import pytest

from compiler.diagnostics import Diagnostics
from compiler.pipeline import compile_declarations
from compiler.sources import read_texts
from tests.oracle.hops import NOWHERE, TUN, VXLAN, Hop
from tests.oracle.network import Network
from tests.oracle.questions import PING

NODES = """
node node-1 { address 192.168.100.11  subnet 10.128.0.0/23 }
node node-2 { address 192.168.100.12  subnet 10.128.2.0/23 }
project a { netid 100 }
project b { netid 100 }
project c { netid 101 }
project d { netid 0 }
pod a/x { node node-1  address 10.128.0.2 }
pod a/y { node node-2  address 10.128.2.2 }
pod b/x { node node-2  address 10.128.2.3 }
pod c/x { node node-1  address 10.128.0.3 }
pod d/x { node node-2  address 10.128.2.4 }
pod default/x { node node-1  address 10.128.0.4 }
"""
ALONE = NODES.replace("project b { netid 100 }", "project b { netid 102 }").replace("d { netid 0 }", "d { netid 103 }")
PODS = ("a/x", "a/y", "b/x", "c/x", "d/x", "default/x")
DENY = "policy a/deny { ingress {} }\n"


def cluster(mode: str) -> str:
    return f"cluster {{ mode {mode}  pods 10.128.0.0/14 host-bits 9  services 172.30.0.0/16 }}\n"


def network(mode: str, more: str = "") -> Network:
    nodes = ALONE if mode == "networkpolicy" else NODES
    return Network.of({"cluster.sdn": cluster(mode) + nodes + more})


def pairs(net: Network) -> set[tuple[str, str]]:
    """All pairs of pods of which the first reaches the second."""
    return {(a, b) for a in PODS for b in PODS if a != b and net.reaches(a, b, "tcp/80")}


@pytest.mark.behaviour("PN-01")
@pytest.mark.parametrize("plugin", ["subnet", "multitenant", "networkpolicy"])
def test_the_mode_comes_from_the_language_or_from_a_cluster_network(plugin: str) -> None:
    nodes = ALONE + DENY
    network_object = f"""
        apiVersion: network.openshift.io/v1
        kind: ClusterNetwork
        metadata: {{name: default}}
        pluginName: redhat/openshift-ovs-{plugin}
        clusterNetworks: [{{CIDR: 10.128.0.0/14, hostSubnetLength: 9}}]
        serviceNetwork: 172.30.0.0/16
        """

    written = Network.of({"cluster.sdn": cluster(plugin) + nodes})
    imported = Network.of({"nodes.sdn": nodes, "network.yaml": network_object})

    assert written.model.cluster.mode.value == imported.model.cluster.mode.value == plugin
    reached = {
        "subnet": {"a/y", "b/x", "c/x", "d/x", "default/x"},
        "multitenant": {"a/y", "default/x"},
        "networkpolicy": set(),
    }
    for net in (written, imported):
        assert {pod for pod in PODS[1:] if net.reaches(pod, "a/x", "tcp/80")} == reached[plugin]


@pytest.mark.behaviour("PN-01")
def test_two_modes_disagree() -> None:
    diagnostics = Diagnostics()
    other = "cluster { mode subnet }"

    compiled = compile_declarations(
        read_texts({"a.sdn": cluster("multitenant") + NODES, "b.sdn": other}, diagnostics), diagnostics
    )

    assert compiled is None and diagnostics.failed


@pytest.mark.behaviour("PN-03")
def test_equal_netids_and_netid_0_reach_each_other() -> None:
    net = network("multitenant")

    found = pairs(net)

    together = {(a, b) for a in ("a/x", "a/y", "b/x") for b in ("a/x", "a/y", "b/x") if a != b}
    with_global = {(a, b) for a in PODS for b in ("d/x", "default/x") if a != b}
    assert found == together | with_global | {(b, a) for a, b in with_global}


@pytest.mark.behaviour("PN-04", "NT-01")
@pytest.mark.parametrize("mode", ["subnet", "multitenant", "networkpolicy"])
def test_the_gateway_reaches_local_pods(mode: str) -> None:
    net = network(mode, DENY if mode == "networkpolicy" else "")

    assert net.reaches("gateway of node-1", "a/x", "tcp/80")
    assert net.reaches("gateway of node-1", "c/x", "icmp/8")
    assert net.reaches("gateway of node-2", "a/x", "tcp/80") == (mode != "networkpolicy")


@pytest.mark.behaviour("PN-10")
@pytest.mark.parametrize("mode", ["subnet", "multitenant"])
def test_policies_are_ignored_with_one_warning(mode: str) -> None:
    without, with_policies = network(mode), network(mode, DENY + "policy c/deny { egress {} }")

    assert pairs(without) == pairs(with_policies)
    assert (len(without.codes), len(with_policies.codes)) == (0, 1)


@pytest.mark.behaviour("PN-11")
@pytest.mark.parametrize("mode", ["subnet", "multitenant", "networkpolicy"])
def test_a_pod_sends_only_with_its_own_address_from_its_own_port(mode: str) -> None:
    net = network(mode)

    assert net.sends("a/x", "d/x", "tcp/80") is not None
    assert net.sends("a/x", "d/x", "arp") is not None
    for liar in ("default/x", "a/y", "gateway of node-1", "node-1", "203.0.113.7"):
        assert net.sends("a/x", "d/x", "tcp/80", claims=liar) is None
        assert net.sends("a/x", "d/x", "arp", claims=liar) is None
    assert net.sends("a/x", "d/x", "tcp/80", port=net.port("c/x")) is None
    assert net.sends("a/x", "d/x", "arp", port=net.port("c/x")) is None


@pytest.mark.behaviour("PN-11")
@pytest.mark.parametrize("mode", ["subnet", "multitenant", "networkpolicy"])
def test_vxlan_comes_from_known_nodes_only(mode: str) -> None:
    net = network(mode)
    node_1, node_2 = net.node("node-1"), net.node("node-2")
    from_there = Hop("node-2", VXLAN, node_2.gateway, node_1.subnet.network + 2, PING, NOWHERE)

    assert net.receives(node_2.address, 0, node_1.address, from_there) == ("node-1", net.port("a/x"))
    for stranger in (node_2.address + 1, node_1.address, 0):
        assert net.receives(stranger, 0, node_1.address, from_there) is None


@pytest.mark.behaviour("PN-11", "PN-13")
@pytest.mark.parametrize("port", [4789, 4790])
def test_no_pod_sends_vxlan(port: int) -> None:
    told = cluster("subnet") + f"cluster {{ vxlan-port {port} }}"
    net = Network.of({"cluster.sdn": told + NODES})

    assert not net.reaches("a/x", "node-2", f"udp/{port}")
    assert not net.reaches("a/x", "203.0.113.7", f"udp/{port}")
    assert not net.reaches("a/x", "c/x", f"udp/{port}")
    assert net.reaches("a/x", "node-2", f"udp/{port + 1}")
    assert net.reaches("a/x", "node-2", f"tcp/{port}")


@pytest.mark.behaviour("PN-13")
@pytest.mark.parametrize("mode", ["subnet", "multitenant", "networkpolicy"])
def test_several_pod_networks(mode: str) -> None:
    second = """
        cluster {
          pods 10.128.0.0/22 host-bits 9
          pods 10.140.0.0/20 host-bits 8
          services 172.30.0.0/16
        }
        node node-3 { address 192.168.100.13  subnet 10.140.5.0/24 }
        pod a/far { node node-3  address 10.140.5.2 }
        """
    net = Network.of({"cluster.sdn": f"cluster {{ mode {mode} }}" + ALONE + second})

    assert net.reaches("a/x", "a/far", "tcp/80")
    assert net.reaches("a/far", "a/x", "tcp/80")
    assert net.sends("a/x", "a/far", "arp") == ("node-3", net.port("a/far"))
    assert net.reaches("a/x", "gateway of node-3", "icmp/8")
    assert net.reaches("a/far", "203.0.113.7", "tcp/80")
    assert net.sends("a/x", "10.140.0.1", "tcp/80") is None


@pytest.mark.behaviour("PN-14")
@pytest.mark.parametrize("mode", ["subnet", "multitenant", "networkpolicy"])
def test_traffic_to_services_goes_by_the_node_and_is_judged_when_it_comes_back(mode: str) -> None:
    deny = "policy c/deny { ingress {}  egress {} }" if mode == "networkpolicy" else ""
    net = network(mode, deny)

    assert net.sends("c/x", "172.30.0.10", "tcp/80") == ("node-1", TUN)
    assert net.reaches("service of c/x", "a/x", "tcp/80") == (mode == "subnet")
    assert net.reaches("service of a/x", "a/y", "tcp/80")
    assert net.reaches("service of a/y", "c/x", "tcp/80") == (mode == "subnet")


@pytest.mark.behaviour("PN-15")
def test_pods_of_the_host_network_are_no_endpoints() -> None:
    net = network(
        "networkpolicy",
        """
        pod a/host { node node-2  address 192.168.100.12  labels app=host  host-network }
        policy a/x { ingress { allow any from pods app=host } }
        policy c/x { ingress { allow any from project a } }
        policy d/x { egress {} }
        """,
    )

    assert not net.reaches("node-2", "a/x", "tcp/80")
    assert not net.reaches("node-2", "c/x", "tcp/80")
    assert net.reaches("node-2", "default/x", "tcp/80")
    assert net.reaches("c/x", "node-2", "tcp/80")
    assert "a/host" not in {pod.endpoint.name for plan in net.plans.values() for pod in plan.pods}
