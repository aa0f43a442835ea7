"""What the switch's own connection tracker makes of packets that lie about connections: no state is assumed here.

The packets go into a real switch's dummy ports, and come out, or not, after its real conntrack.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from attrs import frozen

import sdnc
from tests.lab import DummySwitch
from tests.lab.packets import PROTOCOLS, ethernet, fragments, icmp_echo, icmp_unreachable, ipv4, udp

CLUSTER = """
cluster { mode networkpolicy  pods 10.128.0.0/14 host-bits 9  services 172.30.0.0/16 }
node node-1 { address 192.168.100.11  subnet 10.128.0.0/23 }
project shop
pod shop/server { node node-1  address 10.128.0.2  labels app=server  of-port 11 }
pod shop/client { node node-1  address 10.128.0.3  labels app=client  of-port 12 }
pod shop/other  { node node-1  address 10.128.0.4  labels app=other   of-port 13 }
policy shop/server { select app=server  ingress { allow udp/53 from pods app=client } }
policy shop/client { select app=client  ingress {} }
policy shop/other { select app=other  egress { allow udp/53 to 192.0.2.0/24 } }
"""
SERVER, CLIENT, OTHER = "10.128.0.2", "10.128.0.3", "10.128.0.4"
PORTS = {SERVER: 11, CLIENT: 12, OTHER: 13}
TUN = 2
NUMBERS = {"tun0": TUN, **{f"p{port}": port for port in PORTS.values()}}
OTHER_NODE, OUTSIDE = "192.168.100.12", "192.0.2.1"
VXLAN_PORT = 4789


def udp_datagram(source: str, destination: str, source_port: int, destination_port: int) -> bytes:
    return ipv4(source, destination, PROTOCOLS["udp"], udp(source_port, destination_port, b"question"))


def icmp_error(source: str, destination: str, *, about: bytes) -> bytes:
    return ipv4(source, destination, PROTOCOLS["icmp"], icmp_unreachable(about))


SENT, ANSWERED = udp_datagram(CLIENT, SERVER, 4000, 53), udp_datagram(SERVER, CLIENT, 53, 4000)
"""A question and its answer."""


@frozen
class Pods:
    """Three pods on the dummy ports of a switch."""

    switch: DummySwitch

    def received(self) -> dict[int, int]:
        """How many packets each port has put out."""
        text = self.switch.appctl("dpctl/show", "-s", "dummy@ovs-dummy")
        ports = re.findall(r"port \d+: (\S+) .*?TX packets:(\d+)", text, re.DOTALL)
        return {NUMBERS[name]: int(count) for name, count in ports if name in NUMBERS}

    def arrives(self, sender: str, receiver: str, packet: bytes) -> bool:
        """Whether a packet that a pod sends comes out at another's port, and at no other."""
        before = self.received()
        self.switch.appctl("netdev-dummy/receive", f"p{PORTS[sender]}", ethernet(packet).hex())
        # A packet that passes does so within a millisecond.
        deadline = time.monotonic() + 0.3
        while (after := self.received()) == before and time.monotonic() < deadline:
            time.sleep(0.005)
        changed = [port for port in after if after[port] != before[port]]
        assert changed in ([], [PORTS.get(receiver, TUN)])
        return bool(changed)


@pytest.fixture
def pods() -> Iterator[Pods]:
    with DummySwitch(PORTS.values()) as switch:
        switch.load_flows(sdnc.compile_texts({"shop.sdn": CLUSTER})["node-1"]["flows.txt"])
        yield Pods(switch)


@pytest.mark.behaviour("NP-02", "NP-11")
def test_a_connection_and_its_replies(pods: Pods) -> None:
    assert not pods.arrives(SERVER, CLIENT, ANSWERED)
    assert pods.arrives(CLIENT, SERVER, SENT)
    assert pods.arrives(SERVER, CLIENT, ANSWERED)
    assert not pods.arrives(SERVER, CLIENT, udp_datagram(SERVER, CLIENT, 53, 4001))
    assert not pods.arrives(OTHER, SERVER, udp_datagram(OTHER, SERVER, 4000, 53))


@pytest.mark.behaviour("NP-11")
def test_errors_come_from_the_ends_of_a_connection_only(pods: Pods) -> None:
    assert not pods.arrives(SERVER, CLIENT, icmp_error(SERVER, CLIENT, about=SENT))
    assert pods.arrives(CLIENT, SERVER, SENT)

    assert pods.arrives(SERVER, CLIENT, icmp_error(SERVER, CLIENT, about=SENT))
    assert pods.arrives(SERVER, CLIENT, ANSWERED)
    assert pods.arrives(CLIENT, SERVER, icmp_error(CLIENT, SERVER, about=ANSWERED))

    # A pod that may send nothing but udp/53 to the outside repeats headers that it has guessed.
    assert not pods.arrives(OTHER, CLIENT, icmp_error(OTHER, CLIENT, about=SENT))
    assert not pods.arrives(OTHER, SERVER, icmp_error(OTHER, SERVER, about=ANSWERED))
    # Or says that it is one of the ends.
    assert not pods.arrives(OTHER, CLIENT, icmp_error(SERVER, CLIENT, about=SENT))


@pytest.mark.behaviour("PN-11")
def test_vxlan_does_not_leave_a_pod_in_fragments(pods: Pods) -> None:
    whole = udp_datagram(CLIENT, OTHER_NODE, 4000, VXLAN_PORT)
    parts = fragments(ipv4(CLIENT, OTHER_NODE, PROTOCOLS["udp"], udp(4000, VXLAN_PORT, bytes(1208))), 608)

    assert not pods.arrives(CLIENT, OTHER_NODE, whole)
    assert [pods.arrives(CLIENT, OTHER_NODE, part) for part in parts] == [False, False]
    # It is not that nothing leaves, or no fragment.
    assert pods.arrives(CLIENT, OTHER_NODE, udp_datagram(CLIENT, OTHER_NODE, 4000, VXLAN_PORT + 1))
    icmp = fragments(ipv4(CLIENT, OUTSIDE, PROTOCOLS["icmp"], icmp_echo(1, 1, bytes(1200))), 608)
    arrived = [pods.arrives(CLIENT, OUTSIDE, part) for part in icmp]
    assert True in arrived


@pytest.mark.behaviour("NP-02", "NP-11")
@pytest.mark.parametrize("state", ["trk|est|rpl", "trk|rel|est|rpl", "trk|new", "trk|est", "trk|inv"])
def test_what_the_node_knows_of_a_connection_does_not_count(pods: Pods, state: str) -> None:
    """In the kernel, what the node sends into tun0 comes with its connection in the node's own zone, 0."""
    packet = f"in_port=2,udp,nw_src=203.0.113.7,nw_dst={SERVER},udp_dst=99,ct_state={state},ct_zone=0"

    assert pods.switch.trace(packet, ["trk,new"]).dropped
    assert not pods.switch.trace(packet, ["trk,est,rpl"]).dropped
