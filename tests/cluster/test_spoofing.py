"""Packets that claim to come from somebody else arrive nowhere, also where no policy would drop them.

The false packets go first, a true one goes behind them: when it is there, what is not there was dropped.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Mapping
from functools import partial
from ipaddress import IPv4Address

import pytest

from tests.cluster.bundle import Cluster
from tests.cluster.clusters import ADDRESSES, ANNEX, MODES, NODES, OFFICE, PODS, STRANGER
from tests.lab import Frame, Lab, packets
from tests.lab.packets import ETHERTYPE_ARP, ETHERTYPE_IPV4, PROTOCOLS

pytestmark = pytest.mark.behaviour("PN-11")

AGENT, AGENT_ADDRESS = PODS["agent-1"], ADDRESSES["agent-1"]
ROUTER, ROUTER_ADDRESS = PODS["router-1"], ADDRESSES["router-1"]
RECEIVERS = {
    PODS["web-1"]: ADDRESSES["web-1"],  # on the same node
    ROUTER: ROUTER_ADDRESS,  # by the tunnel
    "node-1": NODES[0].gateway,
}
FALSE_ADDRESSES = (
    ADDRESSES["database-1"],
    ADDRESSES["store-1"],
    "10.128.0.99",  # nobody's
    NODES[0].gateway,
    NODES[1].gateway,
    NODES[0].host,
    "172.30.0.10",
    ANNEX,
)
VXLAN = 4789


@pytest.fixture(params=["subnet", "networkpolicy"])
def open_cluster(cluster: Cluster, request: pytest.FixtureRequest) -> Cluster:
    """A cluster in which no policy keeps agent-1 from sending, nor router-1 from receiving."""
    cluster.enforce(MODES[request.param][0])
    return cluster


def arrivals(
    lab: Lab,
    place: str,
    sends: Mapping[str, Callable[[], None]],
    mark_of: Callable[[Frame], str | None],
    interface: str | None = None,
) -> list[str]:
    """Send packets by their marks; return the marks that arrive at a place, up to that of the packet sent last."""
    *_, last = sends
    arrived: list[str] = []

    def is_last(frame: Frame) -> bool:
        mark = mark_of(frame)
        if mark is not None and mark in sends:
            arrived.append(mark)
        return mark == last

    with lab.capture(place, interface) as capture:
        for send in sends.values():
            send()
        assert capture.wait_for(is_last, timeout=3.0) is not None, "not even the true packet arrives"
    return arrived


def datagram(source: str, destination: str, port: int, data: bytes) -> bytes:
    return packets.ipv4(source, destination, PROTOCOLS["udp"], packets.udp(port, port, data))


def datagrams_heard(
    lab: Lab, sender: str, receiver: str, address: str, *, true: str, false: tuple[str, ...], port: int = 9
) -> list[str]:
    """Send datagrams with false source addresses and one with the true one; return the sources that arrive."""
    assert lab.datagram_arrives(sender, address, claimed=true, port=port)  # and with it hardware addresses are known
    token = os.urandom(16)
    return arrivals(
        lab,
        receiver,
        {
            claimed: partial(lab.send_ipv4, sender, datagram(claimed, address, port, token), address)
            for claimed in (*false, true)
        },
        lambda frame: frame.source if frame.payload.endswith(token) else None,
    )


@pytest.mark.parametrize("receiver", RECEIVERS)
def test_a_pod_sends_with_no_address_but_its_own(cluster: Cluster, receiver: str) -> None:
    cluster.enforce(MODES["subnet"][0])

    heard = datagrams_heard(
        cluster.lab, AGENT, receiver, RECEIVERS[receiver], true=AGENT_ADDRESS, false=FALSE_ADDRESSES
    )

    assert heard == [AGENT_ADDRESS]


def test_policies_do_not_help_false_addresses(cluster: Cluster) -> None:
    # For port 53, database-1 accepts agent-1 and store-1; for any port, it accepts its node.
    cluster.enforce(MODES["networkpolicy"][0])
    receiver, address = PODS["database-1"], ADDRESSES["database-1"]
    allowed = (ADDRESSES["store-1"], NODES[0].gateway, NODES[0].host)

    heard = datagrams_heard(cluster.lab, AGENT, receiver, address, true=AGENT_ADDRESS, false=allowed, port=53)

    assert heard == [AGENT_ADDRESS]


@pytest.mark.parametrize(("pod", "other"), [("agent-1", "web-1"), ("web-1", "agent-1"), ("web-1", "store-1")])
def test_a_pod_on_the_port_of_another_is_not_heard(cluster: Cluster, pod: str, other: str) -> None:
    cluster.enforce(MODES["subnet"][0])
    lab, own, taken = cluster.lab, ADDRESSES[pod], ADDRESSES[other]
    mac = lab.mac_address(PODS[pod])
    target_mac = lab.mac_address("node-1")

    # All that makes a pod is the other's: its address, and its hardware address.
    def frame(source: str, source_mac: str) -> bytes:
        return ethernet(target_mac, source_mac, datagram(source, NODES[0].gateway, 9, source.encode()))

    heard = arrivals(
        lab,
        "node-1",
        {
            taken: partial(lab.send_frame, PODS[pod], frame(taken, lab.mac_address(PODS[other]))),
            own: partial(lab.send_frame, PODS[pod], frame(own, mac)),
        },
        lambda seen: seen.source if seen.payload.endswith((own.encode(), taken.encode())) else None,
    )

    assert heard == [own]


@pytest.mark.parametrize("receiver", RECEIVERS)
def test_a_pod_asks_by_arp_with_no_address_but_its_own(cluster: Cluster, receiver: str) -> None:
    cluster.enforce(MODES["subnet"][0])
    lab, target, mac = cluster.lab, RECEIVERS[receiver], cluster.lab.mac_address(AGENT)

    heard = arrivals(
        lab,
        receiver,
        {
            claimed: partial(lab.send_frame, AGENT, packets.arp_request(mac, claimed, target))
            for claimed in (*FALSE_ADDRESSES, AGENT_ADDRESS)
        },
        lambda frame: (
            frame.source
            if (frame.ethertype, frame.source_mac, frame.destination) == (ETHERTYPE_ARP, mac, target)
            else None
        ),
    )

    assert heard == [AGENT_ADDRESS]


@pytest.mark.parametrize(
    ("destination", "place", "interface"),
    [
        pytest.param(ROUTER_ADDRESS, ROUTER, "eth0", id="to-a-pod"),
        pytest.param(NODES[0].gateway, "node-1", "tun0", id="to-its-node"),
        # A node's stack never sees what its switch takes out of a tunnel; so look at the cable.
        pytest.param(NODES[1].host, "node-2", "eth0", id="to-another-node"),
        pytest.param(OFFICE, "outside", "eth0", id="to-the-outside"),
    ],
)
def test_a_pod_sends_no_vxlan(open_cluster: Cluster, destination: str, place: str, interface: str) -> None:
    lab = open_cluster.lab

    heard = arrivals(
        lab,
        place,
        {
            str(port): partial(lab.send_ipv4, AGENT, datagram(AGENT_ADDRESS, destination, port, b"inner"), destination)
            for port in (VXLAN + 1, VXLAN, VXLAN - 1)
        },
        lambda frame: str(frame.destination_port) if frame.source == AGENT_ADDRESS else None,
        interface,
    )

    assert heard == [str(VXLAN + 1), str(VXLAN - 1)]


def ethernet(destination_mac: str, source_mac: str, packet: bytes) -> bytes:
    macs = bytes.fromhex((destination_mac + source_mac).replace(":", ""))
    return macs + struct.pack("!H", ETHERTYPE_IPV4) + packet


def tunnelled(sender: str, node: str, frame: bytes, netid: int = 0) -> bytes:
    """Wrap a frame into VXLAN (RFC 7348) from `sender` to a node."""
    header = struct.pack("!BxxxI", 0x08, netid << 8)
    return packets.ipv4(sender, node, PROTOCOLS["udp"], packets.udp(54321, VXLAN, header + frame))


@pytest.mark.parametrize("claimed", [AGENT_ADDRESS, OFFICE])
def test_tunnels_of_known_nodes_only_are_heard(open_cluster: Cluster, claimed: str) -> None:
    lab, node, known = open_cluster.lab, NODES[1].host, NODES[0].host
    mac = lab.mac_address(ROUTER)

    def send(sender: str) -> None:
        inner = ethernet(mac, "0a:58:0a:80:00:63", datagram(claimed, ROUTER_ADDRESS, 9, sender.encode()))
        lab.send_ipv4("outside", tunnelled(sender, node, inner), node)

    senders = (STRANGER, str(IPv4Address(node) + 1), OFFICE, AGENT_ADDRESS, known)
    heard = arrivals(
        lab,
        ROUTER,
        {sender: partial(send, sender) for sender in senders},
        lambda frame: frame.payload[8:].decode(errors="replace") if frame.source == claimed else None,
    )

    assert heard == [known]


def test_a_tunnel_leads_to_pods_only(cluster: Cluster) -> None:
    # Also a known node is not let through to the outside, nor back to a third node.
    cluster.enforce(MODES["subnet"][0])
    lab, node, known = cluster.lab, NODES[1].host, NODES[0].host
    mac = lab.mac_address("node-2")

    def send(destination: str) -> None:
        inner = ethernet(mac, "0a:58:0a:80:00:63", datagram(AGENT_ADDRESS, destination, 9, b"inner"))
        lab.send_ipv4("outside", tunnelled(known, node, inner), node)

    heard = arrivals(
        lab,
        "node-2",
        {each: partial(send, each) for each in (OFFICE, "172.30.0.10", "10.128.0.12", NODES[1].gateway)},
        lambda frame: frame.destination if frame.source == AGENT_ADDRESS else None,
    )

    assert heard == [NODES[1].gateway]


def test_the_outside_is_no_pod_of_another_node(cluster: Cluster) -> None:
    # By way of node-1 to a pod of node-1: what a pod of node-2 sends would come by the tunnel.
    cluster.enforce(MODES["subnet"][0])

    heard = datagrams_heard(
        cluster.lab, "outside", AGENT, AGENT_ADDRESS, true=ANNEX, false=(ADDRESSES["store-1"], NODES[1].gateway)
    )

    assert heard == [ANNEX]
