"""addresses.sh: the egress IPs of a node's primary interface, in a real namespace."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backends.iptables.plans import LAB_IP, NODE, SHOP_IP, node_plan
from tests.cluster.host import Host, running_host
from tests.lab import LabError
from tests.lab.capture import Capture, mac_address
from tests.lab.packets import BROADCAST, ETHERTYPE_ARP, Frame

WAIT = 0.4
"""Seconds of silence after which no announcement is to be expected."""


@pytest.fixture
def host() -> Iterator[Host]:
    """A node that is to host two egress IPs."""
    with running_host(node_plan(SHOP_IP, LAB_IP)) as host:
        yield host


def addresses(host: Host, interface: str = "eth0") -> dict[str, str]:
    """The addresses of an interface, with their labels."""
    lines = host.node.run(["ip", "-o", "-4", "address", "show", "dev", interface]).splitlines()
    return {line.split()[3]: line.split("\\")[0].split()[-1] for line in lines}


def state(host: Host) -> str:
    return host.node.run(["ip", "-details", "address"]) + host.node.run(["ip", "route", "show", "table", "all"])


def announcement(frame: Frame) -> bool:
    return frame.ethertype == ETHERTYPE_ARP and frame.source == frame.destination


BASE = {f"{NODE}/24": "eth0"}
HOSTED = {f"{SHOP_IP}/32": "eth0:eip", f"{LAB_IP}/32": "eth0:eip"}


@pytest.mark.behaviour("EI-01")
def test_addresses_are_added_and_announced(host: Host) -> None:
    with Capture(host.outside, "eth0") as capture:
        host.set_addresses()
        announced = [capture.wait_for(announcement, WAIT) for _ in range(4)]

    assert addresses(host) == BASE | HOSTED
    assert {(frame.source_mac, frame.destination_mac, frame.source) for frame in announced if frame} == {
        (mac_address(host.node, "eth0"), BROADCAST, address) for address in (SHOP_IP, LAB_IP)
    }


@pytest.mark.behaviour("EI-01")
def test_a_second_run_changes_and_announces_nothing(host: Host) -> None:
    host.set_addresses()
    before = state(host)

    with Capture(host.outside, "eth0") as capture:
        host.set_addresses()
        announced = capture.wait_for(announcement, WAIT)

    assert announced is None
    assert state(host) == before


@pytest.mark.behaviour("EI-01")
def test_only_new_addresses_are_announced_and_stale_ones_go(host: Host) -> None:
    host.write(node_plan(SHOP_IP))
    host.set_addresses()
    host.node.ip(*(f"addr add {address} dev eth0 label eth0:eip" for address in ("192.168.100.77/32", f"{LAB_IP}/24")))
    host.write(node_plan(SHOP_IP, LAB_IP))

    with Capture(host.outside, "eth0") as capture:
        host.set_addresses()
        announced = {frame.source for _ in range(3) if (frame := capture.wait_for(announcement, WAIT))}

    assert announced == {LAB_IP}
    assert addresses(host) == BASE | HOSTED


@pytest.mark.behaviour("EI-01")
def test_a_node_that_hosts_none_any_more_loses_them(host: Host) -> None:
    host.set_addresses()
    host.write(node_plan())

    host.set_addresses()

    assert addresses(host) == BASE


@pytest.mark.behaviour("EI-01")
def test_addresses_of_others_stay(host: Host) -> None:
    """An egress IP that somebody gave the interface under another label is there already."""
    others = {"192.168.100.78/32": "eth0", "192.168.100.79/24": "eth0:x", f"{LAB_IP}/32": "eth0"}
    host.node.ip(*(f"addr add {address} dev eth0 label {label}" for address, label in others.items()))
    host.node.ip("addr add 192.168.100.80/32 dev tun0 label tun0:eip")
    elsewhere = addresses(host, "tun0")

    host.set_addresses()
    given = addresses(host)
    host.write(node_plan())
    host.set_addresses()

    assert given == BASE | others | {f"{SHOP_IP}/32": "eth0:eip"}
    assert addresses(host) == BASE | others
    assert addresses(host, "tun0") == elsewhere


@pytest.mark.behaviour("EI-04")
@pytest.mark.parametrize(
    ("length", "refused"),
    [(32, SHOP_IP), (27, SHOP_IP), (26, None), (16, None), (1, None)],
)
def test_an_address_outside_the_nodes_network_is_refused(host: Host, length: int, refused: str | None) -> None:
    host.node.ip("addr flush dev eth0", f"addr add {NODE}/{length} dev eth0")
    before = state(host)

    if refused is None:
        host.set_addresses()
        assert HOSTED.items() <= addresses(host).items()
    else:
        message = (
            rf"exit status 1\naddresses.sh: the egress IP {refused} is not in the network of {NODE}/{length} on eth0"
        )
        with pytest.raises(LabError, match=message):
            host.set_addresses()
        assert state(host) == before


@pytest.mark.behaviour("EI-04")
def test_nothing_changes_if_one_of_several_addresses_is_refused(host: Host) -> None:
    script = host.folder / "addresses.sh"
    script.write_text(script.read_text().replace(LAB_IP, "192.168.101.51"))
    host.node.ip("addr add 192.168.100.77/32 dev eth0 label eth0:eip")
    before = state(host)

    with pytest.raises(LabError, match=r"the egress IP 192.168.101.51 is not in the network"):
        host.set_addresses()

    assert state(host) == before


def test_a_point_to_point_interface_has_no_network(host: Host) -> None:
    host.node.ip("addr flush dev eth0", f"addr add {NODE} peer 192.168.100.1/24 dev eth0")

    with pytest.raises(LabError, match=rf"the egress IP {SHOP_IP} is not in the network of {NODE}/32 on eth0"):
        host.set_addresses()


@pytest.mark.parametrize("plan", [node_plan(), node_plan(SHOP_IP)], ids=["hosts-none", "hosts-one"])
def test_a_node_without_its_own_address_is_refused(host: Host, plan: object) -> None:
    host.node.ip("addr flush dev eth0", "addr add 192.168.100.111/24 dev eth0")

    with pytest.raises(LabError, match=rf"exit status 1\naddresses.sh: no interface has the node's address {NODE}\n"):
        host.set_addresses()


def test_two_interfaces_with_the_nodes_address_are_refused(host: Host) -> None:
    host.node.ip(f"addr add {NODE}/32 dev tun0")

    with pytest.raises(LabError, match=r"exit status 1\naddresses.sh: several interfaces have the node's address"):
        host.set_addresses()


def test_a_label_has_fifteen_characters_at_most(host: Host) -> None:
    host.node.ip("link set eth0 down", "link set eth0 name enp0s20f0u1")  # 11 characters
    host.node.ip("link set enp0s20f0u1 up")
    host.set_addresses()
    host.node.ip("addr flush dev enp0s20f0u1", "link set enp0s20f0u1 down", "link set enp0s20f0u1 name enp0s20f0u12")
    host.node.ip("link set enp0s20f0u12 up", f"addr add {NODE}/24 dev enp0s20f0u12")

    with pytest.raises(LabError, match=r"exit status 1\naddresses.sh: the label enp0s20f0u12:eip is longer than"):
        host.set_addresses()

    assert list(addresses(host, "enp0s20f0u12")) == [f"{NODE}/24"]
    host.write(node_plan())
    host.set_addresses()  # a node that hosts none needs no label


@pytest.mark.parametrize(("present", "missing"), [((), "ip"), (("ip", "grep", "wc"), "arping")])
def test_a_missing_program_is_named(host: Host, tmp_path: Path, present: tuple[str, ...], missing: str) -> None:
    for program in present:
        (tmp_path / program).symlink_to(host.node.run(["sh", "-c", f"command -v {program}"]).strip())

    with pytest.raises(LabError, match=rf"exit status 1\naddresses.sh: the program {missing} is missing"):
        host.node.run(["env", f"PATH={tmp_path}", "/bin/sh", str(host.folder / "addresses.sh")])

    assert addresses(host) == BASE


def test_an_address_that_cannot_be_announced_is_tried_again_next_time(host: Host) -> None:
    host.node.ip("link set eth0 down")

    with pytest.raises(LabError, match=r"exit status 1\n(?s:.*)an egress IP could not be announced on eth0"):
        host.set_addresses()

    assert addresses(host) == BASE
    host.node.ip("link set eth0 up")
    host.set_addresses()
    assert addresses(host) == BASE | HOSTED
