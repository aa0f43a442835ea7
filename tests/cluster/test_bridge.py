"""bridge.sh makes the bridge that the flows expect, once and for all; flows.txt is what the switch then has."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cluster.bundle import Cluster
from tests.cluster.clusters import MODES, NODES
from tests.lab import LabError, NodeSpec


def state(cluster: Cluster, node: str) -> dict[str, str]:
    """What a bridge script could change on a node, as the tools show it."""
    settings = "--columns=name,type,options,mac,mac_in_use,mtu,mtu_request,ofport,ofport_request list interface"
    commands = (
        "ovs-vsctl show",
        "ovs-vsctl --columns=name,datapath_type,fail_mode,protocols,ports list bridge",
        f"ovs-vsctl {settings}",
        "ip -details address show",
        "ip route show table all",
        "cat /proc/sys/net/ipv4/ip_forward",
    )
    shown = {command: cluster.lab.run(node, command.split()) for command in commands}
    return shown | {"flows": "\n".join(cluster.lab.dump_flows(node))}


@pytest.mark.parametrize("node", NODES, ids=lambda node: node.name)
def test_the_bridge_is_what_the_flows_expect(cluster: Cluster, node: NodeSpec) -> None:
    lab = cluster.lab

    ports = lab.run(node.name, ["ovs-vsctl", "get", "interface", "vxlan0", "ofport", "options"])
    tun = lab.run(node.name, ["ovs-vsctl", "get", "interface", "tun0", "ofport", "mtu"]).split()
    bridge = lab.run(node.name, ["ovs-vsctl", "get", "bridge", "br0", "fail_mode", "protocols"]).split()
    address = lab.run(node.name, ["ip", "-brief", "address", "show", "dev", "tun0"]).split()
    routes = [line.split() for line in lab.run(node.name, ["ip", "route", "show", "dev", "tun0"]).splitlines()]

    assert ports.split() == ["1", '{dst_port="4789",', "key=flow,", "remote_ip=flow}"]
    assert tun == ["2", "1450"]
    assert bridge == ["secure", "[OpenFlow13]"]
    assert address[2:] == [f"{node.gateway}/23"]
    assert {route[0]: route[route.index("src") + 1] for route in routes if "src" in route} == {
        "10.128.0.0/14": node.gateway,
        node.host_subnet: node.gateway,
    }
    assert "172.30.0.0/16" in [route[0] for route in routes]
    # Replies to be translated back are sent to this hardware address, whatever the one of the packet.
    octets = (int(octet) for octet in node.gateway.split("."))
    assert lab.mac_address(node.name) == "0a:58:" + ":".join(f"{octet:02x}" for octet in octets)


@pytest.mark.parametrize("node", NODES, ids=lambda node: node.name)
def test_a_second_run_changes_nothing(cluster: Cluster, node: NodeSpec) -> None:
    before = state(cluster, node.name)

    cluster.set_up_bridge(node.name)

    assert state(cluster, node.name) == before


def test_traffic_goes_on_while_the_script_runs_again(cluster: Cluster) -> None:
    cluster.enforce(MODES["subnet"][0])

    for node in cluster.nodes:
        cluster.set_up_bridge(node)

    attempts = [("shop/web-1", "10.128.2.13"), ("default/router-1", "10.128.0.11"), ("node-1", "10.128.2.13")]
    assert cluster.lab.probe_many([(place, address, "tcp", 8080) for place, address in attempts]) == [True] * 3


def test_an_unknown_datapath_is_refused(cluster: Cluster) -> None:
    script = cluster.compile(MODES["subnet"][0]).bridge_script("node-1")

    with pytest.raises(LabError, match=r"(?s)exit status 2.*must be system or netdev, not kernel"):
        cluster.lab.run("node-1", ["sh", str(script)], env={"SDNC_DATAPATH_TYPE": "kernel"})


@pytest.mark.parametrize("mode", MODES)
def test_shellcheck_finds_nothing(cluster: Cluster, mode: str) -> None:
    bundle = cluster.compile(MODES[mode][0])
    scripts: list[Path] = [bundle.bridge_script(node) for node in cluster.nodes]

    result = subprocess.run(["shellcheck", *scripts], check=False, text=True, capture_output=True)

    assert (result.returncode, result.stdout) == (0, "")
    assert all(script.stat().st_mode & 0o111 for script in scripts)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("node", [node.name for node in NODES])
def test_the_switch_has_the_flows_of_the_file_as_they_are_written(cluster: Cluster, mode: str, node: str) -> None:
    path = cluster.enforce(MODES[mode][0]).flows(node)

    lines = path.read_text().splitlines()
    # A dump says nothing of table 0.
    written = [line.removeprefix("table=0, ") for line in lines if line and not line.startswith("#")]
    assert sorted(cluster.lab.dump_flows(node)) == sorted(written)
    assert len(set(written)) == len(written)
