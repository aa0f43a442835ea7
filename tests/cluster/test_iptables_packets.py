"""What the node's iptables make of packets, by both flavours."""

from __future__ import annotations

import struct

import pytest

from backends.iptables.chains import ADMIN, GUARD
from tests.backends.iptables.plans import NODE, SHOP_IP
from tests.cluster.host import GATEWAY, OUTSIDE, POD, SHOP_POD, Flavour, Host
from tests.lab.capture import Capture, send_ipv4
from tests.lab.namespaces import Namespace
from tests.lab.packets import PROTOCOLS, Frame, ipv4, udp
from tests.lab.probes import Outcome, Probe, Prober, Protocol

WAIT = 0.4
"""Seconds of silence after which a packet counts as lost."""


def tried(prober: Prober, start: Namespace, address: str, port: int = 8080, protocol: Protocol = "tcp") -> Outcome:
    (outcome,) = prober.run([Probe(start, address, protocol, port)], WAIT)
    return outcome


def datagram(source: str, destination: str, port: int) -> bytes:
    return ipv4(source, destination, PROTOCOLS["udp"], udp(40000, port, b"hello"))


@pytest.mark.behaviour("EI-01")
@pytest.mark.parametrize("protocol", ["tcp", "udp", "icmp"])
def test_what_leaves_has_the_nodes_address_or_that_of_its_project(
    host: Host, prober: Prober, protocol: Protocol
) -> None:
    prober.listen(host.outside, protocol, 8080)

    assert tried(prober, host.pods[POD], OUTSIDE, protocol=protocol) == Outcome(True, NODE)
    assert tried(prober, host.pods[SHOP_POD], OUTSIDE, protocol=protocol) == Outcome(True, SHOP_IP)


@pytest.mark.behaviour("EI-01")
def test_marks_leave_the_bits_of_others_alone(host: Host, flavour: Flavour, prober: Prober) -> None:
    prober.listen(host.outside, "tcp", 8080)
    host.iptables(
        flavour,
        "-t mangle -I PREROUTING -i tun0 -j MARK --set-mark 0xc000ffff",
        "-A FORWARD -m mark --mark 0xc001ffff -j ACCEPT",
        "-I FORWARD -m mark ! --mark 0xc001ffff -i tun0 -j DROP",
    )

    assert tried(prober, host.pods[SHOP_POD], OUTSIDE) == Outcome(True, SHOP_IP)


def test_pods_keep_their_addresses_among_each_other_and_towards_the_node(host: Host, prober: Prober) -> None:
    """Also a pod with an egress IP whose packet the node translates to another pod and sends back into tun0."""
    prober.listen(host.node, "tcp", 8080)
    prober.listen(host.pods[POD], "tcp", 8081)

    assert tried(prober, host.pods[SHOP_POD], GATEWAY) == Outcome(True, SHOP_POD)
    assert tried(prober, host.pods[SHOP_POD], NODE) == Outcome(True, SHOP_POD)
    assert tried(prober, host.outside, POD, 8081) == Outcome(True, OUTSIDE)


def test_what_the_node_translates_back_into_the_cluster_has_no_egress_ip(
    host: Host, flavour: Flavour, prober: Prober
) -> None:
    prober.listen(host.pods[POD], "udp", 8081)
    host.iptables(
        flavour, f"-t nat -A PREROUTING -i tun0 -d 203.0.113.80 -p udp --dport 80 -j DNAT --to-destination {POD}:8081"
    )

    assert tried(prober, host.pods[SHOP_POD], "203.0.113.80", 80, "udp").source == SHOP_POD


@pytest.mark.behaviour("EI-07")
def test_new_connections_to_an_egress_ip_are_rejected(host: Host, flavour: Flavour, prober: Prober) -> None:
    for protocol in ("tcp", "udp"):
        prober.listen(host.node, protocol, 8080)
        assert tried(prober, host.outside, NODE, 8080, protocol).answered
        assert tried(prober, host.outside, SHOP_IP, 8080, protocol) == Outcome(False, None)
    with Capture(host.outside, "eth0") as capture:
        send_ipv4(host.outside, datagram(OUTSIDE, SHOP_IP, 8080), SHOP_IP)
        assert capture.wait_for(lambda frame: frame.protocol == PROTOCOLS["icmp"], WAIT) is not None

    host.iptables(flavour, "-F OPENSHIFT-FIREWALL-ALLOW")
    assert tried(prober, host.outside, SHOP_IP).answered


@pytest.mark.behaviour("EI-07")
def test_a_service_on_an_egress_ip_is_rejected_too(host: Host, flavour: Flavour, prober: Prober) -> None:
    """Its address is rewritten before the filter sees the packet."""
    prober.listen(host.pods[POD], "tcp", 8080)
    prober.listen(host.node, "tcp", 9090)
    translate = "-t nat -A PREROUTING -p tcp"
    host.iptables(flavour, f"{translate} --dport 80 -j DNAT --to-destination {POD}:8080")
    host.iptables(flavour, f"{translate} --dport 81 -j REDIRECT --to-ports 9090")

    for port in (80, 81):
        assert tried(prober, host.outside, NODE, port) == Outcome(True, OUTSIDE)
        assert tried(prober, host.outside, SHOP_IP, port) == Outcome(False, None)


@pytest.mark.behaviour("EI-07")
def test_vxlan_to_an_egress_ip_is_rejected_too(host: Host, prober: Prober) -> None:
    prober.listen(host.node, "udp", 4789)

    assert tried(prober, host.outside, NODE, 4789, "udp").answered
    assert tried(prober, host.outside, SHOP_IP, 4789, "udp") == Outcome(False, None)


@pytest.mark.behaviour("AR-04")
def test_a_pods_address_from_outside_is_dropped(host: Host, flavour: Flavour, prober: Prober) -> None:
    lie, truth = datagram(SHOP_POD, POD, 7000), datagram(OUTSIDE, POD, 7000)

    def arrives(packet: bytes, source: str) -> bool:
        def wanted(frame: Frame) -> bool:
            return (frame.source, frame.destination_port) == (source, 7000)

        with Capture(host.pods[POD], "eth0") as capture:
            send_ipv4(host.outside, packet, POD)
            return capture.wait_for(wanted, WAIT) is not None

    assert arrives(truth, OUTSIDE)
    assert not arrives(lie, SHOP_POD)
    host.iptables(flavour, "-t raw -F OPENSHIFT-ANTI-SPOOFING")
    assert arrives(lie, SHOP_POD)


@pytest.mark.behaviour("AR-04")
def test_pods_are_forwarded_and_heard_where_nothing_else_is(host: Host, flavour: Flavour, prober: Prober) -> None:
    host.iptables(flavour, "-P FORWARD DROP", "-P INPUT DROP")
    for place in (host.outside, host.node, host.pods[POD]):
        prober.listen(place, "tcp", 8080)
    prober.listen(host.node, "udp", 4789)

    assert tried(prober, host.pods[POD], GATEWAY).answered
    assert not tried(prober, host.outside, NODE).answered
    assert tried(prober, host.outside, POD).answered
    assert tried(prober, host.outside, NODE, 4789, "udp").source == OUTSIDE
    assert tried(prober, host.pods[POD], OUTSIDE) == Outcome(True, NODE)
    host.iptables(flavour, "-F OPENSHIFT-FIREWALL-FORWARD")
    assert tried(prober, host.pods[POD], OUTSIDE) == Outcome(False, None)


@pytest.mark.behaviour("AR-04")
def test_what_conntrack_cannot_judge_does_not_leave_with_a_pods_address(host: Host, flavour: Flavour) -> None:
    """A RST of a connection that nobody knows is not translated, either."""
    reset = ipv4(POD, OUTSIDE, PROTOCOLS["tcp"], struct.pack("!HHIIBBHHH", 40000, 80, 1, 0, 0x50, 4, 0, 0, 0))

    def leaves() -> bool:
        with Capture(host.outside, "eth0") as capture:
            send_ipv4(host.pods[POD], reset, OUTSIDE)
            return capture.wait_for(lambda frame: frame.source == POD, WAIT) is not None

    host.iptables(flavour, f"-A {ADMIN} -j ACCEPT")
    assert not leaves()
    host.iptables(flavour, f"-t mangle -F {GUARD}")
    assert leaves()


@pytest.mark.behaviour("AR-04", "PN-11")
@pytest.mark.parametrize("accepted", [False, True])
def test_no_pod_sends_vxlan(host: Host, flavour: Flavour, prober: Prober, accepted: bool) -> None:
    """Nor does it if an administrator accepts everything."""
    if accepted:
        host.iptables(flavour, f"-A {ADMIN} -j ACCEPT")
    for place in (host.node, host.outside):
        for port in (4789, 4790):
            prober.listen(place, "udp", port)

    for address in (GATEWAY, NODE, OUTSIDE):
        assert tried(prober, host.pods[POD], address, 4790, "udp").answered
        assert tried(prober, host.pods[POD], address, 4789, "udp") == Outcome(False, None)


@pytest.mark.behaviour("AR-04")
def test_vxlan_is_not_tracked(host: Host, flavour: Flavour, prober: Prober) -> None:
    prober.listen(host.node, "udp", 4789)
    prober.listen(host.outside, "udp", 4789)
    prober.listen(host.node, "udp", 4790)
    drop = "-m conntrack --ctstate UNTRACKED -j DROP"
    host.iptables(flavour, f"-I INPUT {drop}")

    assert tried(prober, host.outside, NODE, 4790, "udp").answered
    assert tried(prober, host.outside, NODE, 4789, "udp") == Outcome(False, None)
    host.iptables(flavour, f"-D INPUT {drop}", f"-I OUTPUT {drop}")
    assert tried(prober, host.node, OUTSIDE, 4789, "udp") == Outcome(False, None)


@pytest.mark.behaviour("AR-04")
def test_the_administrators_rules_judge_what_leaves_by_tun0(host: Host, flavour: Flavour, prober: Prober) -> None:
    for place in (host.outside, host.node, host.pods[POD]):
        prober.listen(place, "tcp", 8080)
    host.iptables(flavour, f"-A {ADMIN} -p tcp --dport 8080 -j DROP")
    host.iptables(flavour, f"-t nat -A PREROUTING -d 172.30.0.9 -j DNAT --to-destination {POD}")
    host.iptables(flavour, "-t nat -A POSTROUTING -o tun0 -j MASQUERADE")

    assert tried(prober, host.pods[POD], OUTSIDE) == Outcome(False, None)
    assert tried(prober, host.pods[SHOP_POD], "172.30.0.9") == Outcome(True, GATEWAY)
    assert tried(prober, host.outside, POD).answered
