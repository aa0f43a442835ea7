"""The bridge script of a node, as a shell reads it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.backends.ovs.small import MODES, PORTS, small_cluster
from tests.compiling import NODES, compiled, declare, flow_files, node_files
from tests.promises.commands import commands_of


def script(mode: str = "networkpolicy", node: str = "node-1") -> str:
    return small_cluster(mode)[node]["bridge.sh"]


@pytest.mark.parametrize("mode", MODES)
def test_the_script_passes_shellcheck(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "bridge.sh"
    path.write_text(script(mode))

    checked = subprocess.run(["shellcheck", "--shell=sh", path], capture_output=True, text=True, check=False)
    parsed = subprocess.run(["sh", "-n", path], capture_output=True, text=True, check=False)

    assert (checked.stdout, checked.returncode) == ("", 0)
    assert (parsed.stderr, parsed.returncode) == ("", 0)


@pytest.mark.behaviour("PN-13")
def test_the_script_sets_up_what_the_flows_expect() -> None:
    compilation = compiled(
        declare(
            "cluster { mode networkpolicy pods 10.128.0.0/14 host-bits 9 pods 10.132.0.0/14 host-bits 8 "
            f"services 172.30.0.0/16 vxlan-port 4790 mtu 8950 }}\n{NODES}"
        )
    )
    text = node_files(compilation)["node-1"]["bridge.sh"]

    assert "options:dst_port=4790" in text
    assert "type=vxlan ofport_request=1" in text
    assert "type=internal ofport_request=2" in text
    assert "mtu_request=8950" in text
    assert "mac='\"0a:58:0a:80:00:01\"'" in text
    assert "ip address replace 10.128.0.1/23 dev tun0" in text
    assert "ip route replace 10.128.0.0/14 dev tun0" in text
    assert "ip route replace 10.132.0.0/14 dev tun0" in text
    assert "ip route replace 172.30.0.0/16 dev tun0" in text


def test_the_script_asks_for_states_and_never_adds_twice() -> None:
    """Every command may run again: `--may-exist`, `set`, `replace`."""
    for command in commands_of(script()):
        match command.split():
            case ["ovs-vsctl", option, *_]:
                assert option == "--may-exist"
            case ["ip", _, verb, *_]:
                assert verb in ("replace", "set")


def test_the_script_refuses_another_datapath(tmp_path: Path) -> None:
    path = tmp_path / "bridge.sh"
    path.write_text(script())

    ran = subprocess.run(
        ["/bin/sh", path],
        env={"PATH": "/nonexistent", "SDNC_DATAPATH_TYPE": "$(id)"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ran.returncode, ran.stderr) == (2, "bridge.sh: SDNC_DATAPATH_TYPE must be system or netdev, not $(id)\n")


def test_ports_tell_every_pod_of_the_node() -> None:
    ports = json.loads(small_cluster("networkpolicy")["node-1"]["ports.json"])

    assert {name: (entry["port"], entry["address"]) for name, entry in ports.items()} == {
        "shop/web": PORTS["web"][1:],
        "shop/db": PORTS["db"][1:],
        "default/router": PORTS["router"][1:],
    }
    assert all(set(entry) == {"port", "address", "interface"} for entry in ports.values())
    assert list(ports) == sorted(ports)


@pytest.mark.behaviour("PN-13")
def test_flows_know_every_pod_network_and_the_vxlan_port() -> None:
    compilation = compiled(
        declare(
            "cluster { mode networkpolicy pods 10.128.0.0/14 host-bits 9 pods 10.132.0.0/14 host-bits 8 "
            f"services 172.30.0.0/16 vxlan-port 4790 }}\n{NODES}"
        )
    )

    text = flow_files(compilation)["node-1"].text()

    assert "table=20, priority=300,udp,tp_dst=4790 actions=drop" in text
    assert "table=31, priority=100,ip,nw_dst=10.132.0.0/14 actions=goto_table:90" in text
    assert "table=31, priority=100,ip,nw_dst=10.128.0.0/14 actions=goto_table:90" in text
