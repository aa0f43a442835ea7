"""macvlan.sh, setup.sh and platform.txt as texts; what the scripts do is in tests/cluster/test_egress_routers.py."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path, PurePosixPath

import pytest
from syrupy.assertion import SnapshotAssertion

from backends.macvlan import render
from compiler.declarations import EgressRouter, Platform, Redirects
from sdnc.bundle import write_files
from tests.backends.macvlan.plans import HTTP, PAGE, SOURCE, egress_router, node_plan
from tests.compiling import CLUSTER

FOLDER = "egress-routers/shop_legacy-db"
MAC = "0a:58:c0:a8:0c:63"
SCRIPTS = ("macvlan.sh", "setup.sh")
PLATFORMS = (Platform.OPENSTACK, Platform.RHEV, Platform.VSPHERE)

LONGEST = ".".join(["a-0"] * 63) + "-"
STRICTEST = egress_router(
    Redirects(),
    name=f"{'p-' * 31}p/{LONGEST}b",
    source="255.255.255.255/0",
    gateway="0.0.0.0",
    interface="A-b_c.d-e_f.g-0",
)
"""Every name as long and as odd as the border lets it through (compiler/values/names.py)."""

ROUTERS = {
    "init": egress_router(interface="eth1", source="192.168.12.99/24"),
    "http-proxy": egress_router(HTTP),
    "strictest": STRICTEST,
}


def files(router: EgressRouter, platform: Platform | None = None) -> dict[str, str]:
    """The files of a router by their names."""
    rendered = render(node_plan([router], platform=platform))
    return {path.rpartition("/")[2]: file.text for path, file in rendered.items()}


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts(name: str, golden: SnapshotAssertion) -> None:
    assert files(ROUTERS["init"])[name] == golden


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("router", ROUTERS)
def test_scripts_pass_shellcheck(tmp_path: Path, router: str, name: str) -> None:
    path = tmp_path / name
    path.write_text(files(ROUTERS[router])[name])

    checked = subprocess.run(["shellcheck", "--shell=sh", path], capture_output=True, text=True, check=False)
    parsed = subprocess.run(["sh", "-n", path], capture_output=True, text=True, check=False)

    assert (checked.stdout, checked.returncode) == ("", 0)
    assert (parsed.stderr, parsed.returncode) == ("", 0)


def test_each_router_has_its_folder() -> None:
    plan = node_plan([egress_router(), egress_router(HTTP, name="lab/web", source="192.168.12.98/32")])

    assert sorted(render(plan)) == [
        f"egress-routers/{folder}/{name}"
        for folder in ("lab_web", "shop_legacy-db")
        for name in ("iptables.rules", "macvlan.sh", "setup.sh")
    ]


def test_a_node_without_routers_has_no_files() -> None:
    assert render(node_plan([])) == {}


@pytest.mark.behaviour("ER-08")
def test_two_pod_networks_stay_behind_the_pods_interface() -> None:
    text = CLUSTER.replace("host-bits 9", "host-bits 9  pods 10.132.0.0/14 host-bits 8")

    script = render(node_plan([egress_router()], text=text))[f"{FOLDER}/setup.sh"].text

    assert re.findall(r"ip route replace '?([^ ']*)'? .*dev eth0", script) == [
        "10.128.0.0/14",
        "10.132.0.0/14",
        "172.30.0.0/16",
        '"$node_address"',
    ]


@pytest.mark.behaviour("ER-08")
def test_a_proxy_forwards_nothing() -> None:
    assert "setting ipv4/ip_forward 0" in files(ROUTERS["http-proxy"])["setup.sh"]
    assert "setting ipv4/ip_forward 1" in files(ROUTERS["init"])["setup.sh"]


@pytest.mark.behaviour("ER-08")
def test_a_proxy_may_listen_at_low_ports_and_uses_no_ipv6() -> None:
    """What its list says is about IPv4, and it runs as nobody in particular."""
    script = files(ROUTERS["http-proxy"])["setup.sh"]
    assert "setting ipv6/conf/all/disable_ipv6 1" in script
    assert "setting ipv4/ip_unprivileged_port_start 0" in script
    assert "ipv6/conf/all" not in files(ROUTERS["init"])["setup.sh"]


@pytest.mark.behaviour("ER-15")
@pytest.mark.parametrize("platform", PLATFORMS)
def test_platform_steps(platform: Platform, golden: SnapshotAssertion) -> None:
    assert files(egress_router(), platform)["platform.txt"] == golden


@pytest.mark.behaviour("ER-15")
def test_openstack_gets_both_commands_with_the_pair_of_addresses() -> None:
    text = files(egress_router(), Platform.OPENSTACK)["platform.txt"]

    assert f'openstack port set --allowed-address ip-address={SOURCE},mac-address={MAC} "$port"' in text
    assert 'neutron port-update "$port" --allowed_address_pairs list=true' in text
    assert f"type=dict mac_address={MAC},ip_address={SOURCE}" in text


@pytest.mark.behaviour("ER-15")
@pytest.mark.parametrize(
    ("platform", "words"),
    [
        (Platform.RHEV, ["EnableMACAntiSpoofingFilterRules=false"]),
        (Platform.VSPHERE, ["MAC address changes", "Forged transmits", "Promiscuous mode"]),
    ],
)
def test_other_platforms_get_their_setting(platform: Platform, words: list[str]) -> None:
    text = files(egress_router(), platform)["platform.txt"]

    assert [word for word in (*words, SOURCE, MAC) if word not in text] == []


@pytest.mark.behaviour("ER-15")
@pytest.mark.parametrize("platform", [None, Platform.AWS, Platform.AZURE])
def test_where_there_is_no_step_there_is_no_file(platform: Platform | None) -> None:
    assert "platform.txt" not in files(egress_router(), platform)


@pytest.mark.behaviour("OUT-05")
def test_the_longest_names_are_names_of_files(tmp_path: Path) -> None:
    other = egress_router(name=f"{'p-' * 31}p/{LONGEST}c")

    rendered = render(node_plan([STRICTEST, other], platform=Platform.OPENSTACK))
    write_files(tmp_path, PurePosixPath("nodes/node-1"), {path: file.text for path, file in rendered.items()})

    assert len(f"{LONGEST}b") == 253
    assert len(list(tmp_path.glob("nodes/node-1/egress-routers/*/*"))) == 8


@pytest.mark.behaviour("OUT-05")
@pytest.mark.parametrize("name", SCRIPTS)
def test_values_are_nothing_but_data(name: str) -> None:
    """Scripts differ in comments and in quoted words only, whatever the values are."""
    texts = [files(each)[name] for each in (STRICTEST, egress_router(PAGE, source="192.168.12.99/24"))]

    code = ["\n".join(line for line in text.splitlines() if not line.startswith("#")) for text in texts]
    bare = [re.sub(r"(?<==)'[A-Za-z0-9_.:-]*'", "''", each) for each in code]

    assert bare[0] == bare[1]
    assert code[0] != code[1]
