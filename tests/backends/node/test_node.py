"""`node.json`: what the applier has to know beside the other files, and that both know the same."""

from __future__ import annotations

import json
import re

import pytest
from attrs import evolve
from syrupy.assertion import SnapshotAssertion

from backends.iptables import render as render_iptables
from backends.node import render
from backends.ovs import render as render_ovs
from compiler.model.model import Router
from compiler.plan.egress_ips import EgressIpPlan
from compiler.plan.node import NodePlan, plan_node
from sdnc.apply.settings import NodeSettings, read_settings
from tests.backends.iptables import plans as iptables
from tests.backends.macvlan.plans import egress_router
from tests.compiling import CLUSTER, compiled, declare

PODS = """
project shop
pod shop/web-1 { node node-1  address 10.128.0.11 }
pod shop/legacy-db-x2z4q { node node-1  address 10.128.0.12 }
pod shop/legacy-db-x2z4r { node node-2  address 10.128.2.12 }
"""


def node_plan() -> NodePlan:
    """A node with egress IPs, a router and a pod of it."""
    compilation = compiled(declare(CLUSTER + PODS))
    plan = plan_node(compilation.model, compilation.policy, compilation.firewalls, compilation.model.nodes[0])
    hosted = iptables.node_plan(iptables.SHOP_IP, iptables.LAB_IP).egress_ips.hosted
    egress_ips = EgressIpPlan(hosted=tuple(evolve(each, origins=(iptables.ORIGIN,)) for each in hosted))
    return evolve(plan, egress_ips=egress_ips, routers=(Router(egress_router(), ("node-1",)),))


PLAN = node_plan()


def settings() -> NodeSettings:
    """What the applier reads in the file."""
    return read_settings(render(PLAN)["node.json"].text)


def test_node_json(golden: SnapshotAssertion) -> None:
    assert render(PLAN)["node.json"].text == golden


def test_the_jumps_are_those_of_the_script() -> None:
    """iptables.sh and the applier put the same rules, in the same order."""
    script = render_iptables(PLAN)["iptables.sh"].text
    told = settings()

    put: dict[str, dict[str, tuple[str, ...]]] = {}
    for table, part in re.findall(r"--table (\w+) --list-rules(.*?)\n    \)", script, re.DOTALL):
        for chain, rules in re.findall(r"arrange \"\$present\" (\w+)((?: \\\n +'[^']+')+)", part):
            put.setdefault(table, {})[chain] = tuple(re.findall(r"'([^']+)'", rules))
    appended = re.findall(r"append \"\$present\" '-A (\S+) ([^']+)'", script)

    assert put == told.jumps
    assert appended == [
        (chain, rule) for chains in told.appended.values() for chain, rules in chains.items() for rule in rules
    ]


def test_the_bridge_is_that_of_the_script() -> None:
    script = render_ovs(PLAN)["bridge.sh"].text
    bridge = settings().bridge

    assert f"options:dst_port={bridge.vxlan_port}\n" in script
    assert f"mac='\"{bridge.mac}\"' mtu_request={bridge.mtu}\n" in script
    assert f"ip address replace {bridge.gateway} dev tun0" in script
    assert tuple(re.findall(r"ip route replace (\S+) dev tun0 scope link", script)) == bridge.pod_networks
    assert f"ip route replace {bridge.service_network} dev tun0\n" in script


def test_the_addresses_are_those_of_the_script() -> None:
    script = render_iptables(PLAN)["addresses.sh"].text

    assert f"node_address={settings().node_address}\n" in script
    assert f"egress_ips='{' '.join(settings().egress_ips)}'\n" in script


def test_the_pods_of_a_router_are_those_of_this_node() -> None:
    assert settings().routers == {"shop_legacy-db": ("10.128.0.12",)}


@pytest.mark.behaviour("OUT-03")
def test_the_statements_behind_the_lines() -> None:
    file = render(PLAN)["node.json"]

    lines = {line.text: [str(origin) for origin in line.origins] for line in file.lines()}

    assert lines.keys() == {'"192.168.100.50",', '"192.168.100.51"', '"shop_legacy-db": [', '"10.128.0.12"'}
    assert [place.partition(":")[0] for place in lines['"10.128.0.12"']] == ["router.yaml", "0.sdn"]
    assert json.loads(file.text)["node"] == "node-1"
