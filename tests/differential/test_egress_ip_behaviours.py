"""Static egress IPs by example: one test or more for each behaviour EI that flows show."""

from __future__ import annotations

import re
import struct
import time
from ipaddress import IPv4Address

import pytest

from backends.ovs import build_flows, build_groups
from compiler.options import Options
from compiler.values.prefix import parse_address
from tests.lab import DummySwitch
from tests.lab.packets import checksum, ethernet, ipv4
from tests.oracle.compiled import OPTIONS, NodeFlows
from tests.oracle.departures import FROM_OUTSIDE, mac
from tests.oracle.exits import ELSEWHERE, MODES, OUTSIDE, SERVICES, SHARED, STRICT, TWO, network, refused
from tests.oracle.hops import ESTABLISHED, RELATED_REPLY, REPLY, TCP
from tests.oracle.network import Network
from tests.oracle.outward import ways_out
from tests.oracle.real import load


def with_egress_ips(*addresses: str, more: str = "", mode: str = "networkpolicy") -> Network:
    asked = ", ".join(f"192.168.100.{address}" for address in addresses)
    return network(more, mode, TWO.replace("netid 100", f"netid 100  egress-ip {asked}"))


@pytest.mark.behaviour("EI-01")
@pytest.mark.parametrize("mode", MODES)
def test_everything_leaves_as_the_egress_ip(mode: str) -> None:
    net = with_egress_ips("50", mode=mode)

    for service in SERVICES:
        for pod in ("shop/one", "shop/two", "shop/three"):
            assert ways_out(net, pod, OUTSIDE, service) == {"192.168.100.50 of node-1"}
            assert ways_out(net, pod, OUTSIDE, service, state=ESTABLISHED) == {"192.168.100.50 of node-1"}
        assert ways_out(net, "blog/two", OUTSIDE, service) == {"node-2"}
        assert ways_out(net, "default/one", OUTSIDE, service) == {"node-1"}
    assert net.reaches("shop/one", "shop/two", "tcp/80")
    assert net.sends("shop/two", "172.30.0.1", "tcp/443") == ("node-2", 2)


@pytest.mark.behaviour("EI-01")
def test_a_reply_goes_back_to_where_its_connection_came_from() -> None:
    net = with_egress_ips("50")
    own = "192.168.100.50 of node-1"

    assert ways_out(net, "shop/two", OUTSIDE, "tcp/80", state=REPLY) == {own}
    assert ways_out(net, "shop/two", OUTSIDE, "tcp/80", state=REPLY, mark=FROM_OUTSIDE) == {"node-2"}
    about = (OUTSIDE, "10.128.2.2")
    error = ways_out(net, "shop/two", OUTSIDE, "icmp/3", state=RELATED_REPLY, mark=FROM_OUTSIDE, about=about)
    assert error == {own}


@pytest.mark.behaviour("EI-01")
def test_nobody_pretends_to_be_an_egress_ip() -> None:
    net = with_egress_ips("50")

    for pod in ("blog/one", "default/one", "shop/one", "shop/two"):
        assert ways_out(net, pod, OUTSIDE, "udp/80", mac_of="192.168.100.50") == set()


@pytest.mark.behaviour("EI-02")
@pytest.mark.parametrize("mode", MODES)
def test_what_nobody_hosts_lets_nothing_leave(mode: str) -> None:
    net = with_egress_ips("99", mode=mode)

    assert net.codes == ("SDN230",)
    for service in SERVICES:
        assert ways_out(net, "shop/one", OUTSIDE, service) == set()
        assert ways_out(net, "blog/one", OUTSIDE, service) == {"node-1"}
    assert net.reaches("shop/one", "shop/two", "tcp/80")


@pytest.mark.behaviour("EI-03")
@pytest.mark.parametrize("mode", MODES)
def test_those_that_are_hosted_share_and_a_local_one_is_preferred(mode: str) -> None:
    net = with_egress_ips("50", "51", "52", "99", mode=mode)

    here, others = "192.168.100.50 of node-1", {"192.168.100.51 of node-2", "192.168.100.52 of node-2"}
    assert ways_out(net, "shop/one", OUTSIDE, "tcp/80") == {here}
    assert ways_out(net, "shop/two", OUTSIDE, "tcp/80") == others
    assert ways_out(net, "shop/three", OUTSIDE, "tcp/80") == {here, *others}


@pytest.mark.behaviour("EI-06")
@pytest.mark.parametrize("mode", MODES)
def test_the_firewall_applies_before_the_egress_ip(mode: str) -> None:
    rules = "allow tcp/443 to 203.0.113.0/24 ; deny any to anyone"

    net = with_egress_ips("51", "99", more=f"firewall shop {{ {rules} }}", mode=mode)

    for pod in ("shop/one", "shop/two", "shop/three"):
        assert ways_out(net, pod, OUTSIDE, "tcp/443") == {"192.168.100.51 of node-2"}
        assert ways_out(net, pod, OUTSIDE, "tcp/80") == ways_out(net, pod, ELSEWHERE, "tcp/443") == set()


@pytest.mark.behaviour("EI-06")
@pytest.mark.parametrize("options", [STRICT, OPTIONS])
def test_joined_projects_cannot_have_an_egress_ip(options: Options) -> None:
    asked = SHARED.replace("netid 100 }\nproject blog", "netid 100  egress-ip 192.168.100.50 }\nproject blog")

    assert refused("", "multitenant", asked, options) == ["EGRESS_IP_SHARED"]


def syn(source: str, destination: str, source_port: int) -> bytes:
    """The first packet of a TCP connection to port 443."""
    segment = struct.pack("!HHIIBBHHH", source_port, 443, 1, 0, 5 << 4, 2, 0xFFFF, 0, 0)
    pseudo = IPv4Address(source).packed + IPv4Address(destination).packed + struct.pack("!HH", TCP, len(segment))
    sealed = segment[:16] + struct.pack("!H", checksum(pseudo + segment)) + segment[18:]
    return ipv4(source, destination, TCP, sealed)


@pytest.mark.behaviour("EI-03")
def test_connections_are_spread_over_the_egress_ips() -> None:
    """Real packets in a real switch, whose datapath computes the hash: what it has learnt tells where they went."""
    net = with_egress_ips("51", "52")
    plan = net.plans["node-2"]
    port = net.port("shop/two")
    with DummySwitch([port]) as switch:
        load(switch, NodeFlows(build_flows(plan).text(), build_groups(plan).text()))
        for source_port in range(40000, 40064):
            packet = ethernet(syn("10.128.2.2", OUTSIDE, source_port))
            switch.appctl("netdev-dummy/receive", f"p{port}", packet.hex())
        wanted = {mac.to_bytes(6).hex(":") for mac in map(mac_of, ("192.168.100.51", "192.168.100.52"))}
        deadline = time.monotonic() + 5
        while (left := set(re.findall(r"set\(eth\(src=([0-9a-f:]+)", flows(switch)))) != wanted:
            assert time.monotonic() < deadline, left
            time.sleep(0.02)


def mac_of(address: str) -> int:
    return mac(parse_address(address))


def flows(switch: DummySwitch) -> str:
    return switch.appctl("dpctl/dump-flows", "dummy@ovs-dummy")
