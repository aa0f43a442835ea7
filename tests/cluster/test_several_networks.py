"""Two pod networks, a node in each, and a VXLAN port of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.bundle import Cluster, running_cluster
from tests.lab import NodeSpec, packets
from tests.lab.cluster import Attempt
from tests.lab.packets import PROTOCOLS
from tests.lab.probes import Protocol

pytestmark = pytest.mark.behaviour("PN-13")

TEXT = """
cluster {
  mode networkpolicy
  pods 10.128.0.0/14 host-bits 9
  pods 10.132.0.0/14 host-bits 8
  services 172.30.0.0/16
  vxlan-port 4790
}
node node-1 { address 192.168.100.11  subnet 10.128.0.0/23 }
node node-2 { address 192.168.100.12  subnet 10.132.0.0/24 }

project web
project storage

pod web/web-1 { node node-1  address 10.128.0.11 }
pod web/web-2 { node node-2  address 10.132.0.12 }
pod storage/storage-1 { node node-2  address 10.132.0.11  port nfs tcp/2049 }

policy storage/storage {
  ingress { allow tcp/nfs, udp/111 from project web }
}
"""
NETWORKS = ("10.128.0.0/14", "10.132.0.0/14")
NODES = (
    NodeSpec("node-1", "192.168.100.11/24", "10.128.0.1", "10.128.0.0/23", NETWORKS, vxlan_port=4790),
    NodeSpec("node-2", "192.168.100.12/24", "10.132.0.1", "10.132.0.0/24", NETWORKS, vxlan_port=4790),
)
WEB_1, WEB_2, STORAGE = "10.128.0.11", "10.132.0.12", "10.132.0.11"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("networks")
    with running_cluster([TEXT], NODES, ["192.168.100.100/24"], folder) as cluster:
        yield cluster


def test_packets_cross_between_the_networks_as_policies_say(cluster: Cluster) -> None:
    services: list[tuple[Protocol, int]] = [("tcp", 2049), ("udp", 111), ("tcp", 2050), ("sctp", 111), ("icmp", 0)]
    to_storage: dict[Attempt, bool] = {
        (place, STORAGE, *service): place.startswith("web/") and service in services[:2]
        for place in ("web/web-1", "web/web-2", "node-1", "outside")
        for service in services
    }
    to_others: dict[Attempt, bool] = {
        (place, address, *service): True
        for place, address in (
            ("web/web-1", WEB_2),
            ("web/web-2", WEB_1),
            ("storage/storage-1", WEB_1),
            ("node-1", WEB_2),
            ("node-2", WEB_1),
            ("node-2", STORAGE),
            ("web/web-1", NODES[1].gateway),
            ("outside", WEB_1),
            ("outside", WEB_2),
        )
        for service in services
    }

    assert cluster.mismatches(to_storage | to_others) == {}


def test_the_tunnel_has_the_port_of_the_cluster(cluster: Cluster) -> None:
    with cluster.lab.capture("node-2", "eth0") as capture:
        assert cluster.lab.probe("web/web-1", STORAGE, "tcp", 2049)
        frame = capture.wait_for(lambda frame: frame.source == NODES[0].host, timeout=1.0)

    assert frame is not None
    assert (frame.protocol, frame.destination_port) == (PROTOCOLS["udp"], 4790)


@pytest.mark.behaviour("PN-11")
def test_the_port_of_the_cluster_is_closed_to_pods(cluster: Cluster) -> None:
    # The datagram to the closed port goes first: if the one behind it arrives alone, the first was dropped.
    lab = cluster.lab
    with lab.capture("web/web-2") as capture:
        for port in (4790, 4789):
            datagram = packets.udp(port, port, b"inner")
            lab.send_ipv4("web/web-1", packets.ipv4(WEB_1, WEB_2, PROTOCOLS["udp"], datagram), WEB_2)
        frame = capture.wait_for(lambda frame: frame.destination_port in (4789, 4790), timeout=2.0)

    assert frame is not None
    assert frame.destination_port == 4789
