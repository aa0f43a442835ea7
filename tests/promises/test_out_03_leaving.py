"""OUT-03 for what leaves the cluster: flows name the rules, egress IPs and projects that ask for them."""

from __future__ import annotations

import pytest

from backends.iptables import build_rules
from backends.ovs.fields import Table
from backends.ovs.flow import Flow
from backends.ovs.groups import build_groups
from compiler.origin import Origin
from compiler.pipeline import Compilation
from compiler.plan.node import NodePlan, plan_node
from tests.compiling import NETWORK, compiled, declare, flow_files
from tests.oracle.compiled import OPTIONS

pytestmark = pytest.mark.behaviour("OUT-03")

TEXT = f"""
cluster {{ mode multitenant {NETWORK} }}
node node-1 {{ address 192.168.100.11  subnet 10.128.0.0/23  egress-ip 192.168.100.50 }}
node node-2 {{
  address 192.168.100.12
  subnet 10.128.2.0/23
  egress-ip 192.168.100.51
}}
node node-3 {{ address 192.168.100.13  subnet 10.128.4.0/23  egress-ip 192.168.100.52 }}
project shop {{ netid 100  egress-ip 192.168.100.51 }}
project blog {{ netid 101  multicast }}
project wiki {{ netid 102  egress-ip 192.168.100.50, 192.168.100.99 }}
project both {{ netid 103  egress-ip 192.168.100.52, 192.168.100.53 }}
project none {{ netid 104 }}
project name {{ netid 105 }}
node node-2 {{ egress-ip 192.168.100.53 }}
pod shop/one {{ node node-1  address 10.128.0.2 }}
pod blog/one {{ node node-1  address 10.128.0.3 }}
pod blog/two {{ node node-2  address 10.128.2.2 }}
pod wiki/two {{ node node-2  address 10.128.2.3 }}
pod both/one {{ node node-1  address 10.128.0.4 }}
pod none/one {{ node node-1  address 10.128.0.5 }}
pod name/one {{ node node-1  address 10.128.0.6 }}
firewall shop {{
  allow any to 203.0.113.5/32
  deny any to 203.0.113.0/25
  deny any to 203.0.113.128/25
  deny any to 198.51.100.0/24
}}
firewall blog {{
  deny tcp/80 to 203.0.113.0/24
  deny udp/53 to 198.51.100.0/24
}}
firewall none {{ allow any to anyone }} # first
firewall none {{ allow any to anyone }} # second
firewall name {{
  deny any to one.example.com
}}
"""


def compilation() -> Compilation:
    return compiled(declare(TEXT), OPTIONS)


def plan(name: str = "node-1") -> NodePlan:
    compiled_ = compilation()
    (node,) = (node for node in compiled_.model.nodes if node.name == name)
    return plan_node(compiled_.model, compiled_.policy, compiled_.firewalls, node)


def line(text: str) -> int:
    (number,) = (number for number, each in enumerate(TEXT.split("\n"), 1) if text in each)
    return number


def lines(*texts: str) -> set[int]:
    return {line(text) for text in texts}


def lines_of(origins: tuple[Origin, ...]) -> set[int]:
    return {origin.span().line for origin in origins}


def flows_of(table: Table, *parts: str, node: str = "node-1") -> list[Flow]:
    flows = flow_files(compilation())[node].flows()
    found = [flow for flow in flows if flow.table is table and all(part in f"{flow} " for part in parts)]
    assert found
    return found


SHOP, BLOG, NONE = (f"reg0=0x{netid:x}" for netid in (100, 101, 104))


def test_an_address_names_the_rules_that_decide_about_it() -> None:
    """Two rules are one flow where together they deny a shorter prefix."""
    found = {
        (flow.match.rpartition("nw_dst=")[2], flow.actions == "drop", frozenset(lines_of(flow.origins)))
        for flow in flows_of(Table.FIREWALL, "nw_dst=")
    }

    assert found == {
        ("203.0.113.5", False, frozenset(lines("203.0.113.5/32"))),
        ("203.0.113.0/24", True, frozenset(lines("203.0.113.0/25", "203.0.113.128/25"))),
        ("198.51.100.0/24", True, frozenset(lines("deny any to 198.51.100.0/24"))),
        ("203.0.113.0/24", True, frozenset(lines("deny tcp/80"))),
        ("198.51.100.0/24", True, frozenset(lines("deny udp/53"))),
        ("203.0.113.5", True, frozenset(lines("one.example.com"))),
    }


def test_a_port_names_the_rules_that_speak_of_it() -> None:
    for port, rule in (("tp_dst=80", "deny tcp/80"), ("tp_dst=53", "deny udp/53")):
        (flow,) = flows_of(Table.FIREWALL_PORTS, port)
        assert line(rule) in lines_of(flow.origins)
        assert lines_of(flow.origins) <= {line(rule), line("firewall blog")}


def test_a_project_names_its_firewall_and_a_broken_one_all_of_them() -> None:
    assert [lines_of(flow.origins) for flow in flows_of(Table.LEAVE, SHOP)] == [lines("firewall shop")]
    assert [lines_of(flow.origins) for flow in flows_of(Table.LEAVE, NONE)] == [lines("# first", "# second")]


def test_an_egress_ip_names_who_asks_for_it_and_who_hosts_it() -> None:
    asks, hosts = line("project shop"), line("address 192.168.100.12") + 2

    for node in ("node-1", "node-2"):
        assert all(lines_of(flow.origins) == {asks, hosts} for flow in flows_of(Table.EGRESS_IP, SHOP, node=node))
    assert all(lines_of(flow.origins) == {asks, hosts} for flow in flows_of(Table.ROUTE, SHOP, node="node-2"))
    (guard,) = flows_of(Table.DISPATCH, "dl_src=0a:58:c0:a8:64:33", node="node-2")
    assert lines_of(guard.origins) == {asks, hosts}


def test_rules_of_an_egress_ip_name_who_asks_for_it_and_who_hosts_it() -> None:
    rules = build_rules(plan()).lines()

    found = [lines_of(rule.origins) for rule in rules if "egress IP of project wiki" in rule.text]
    assert found == [{line("project wiki"), line("address 192.168.100.11")}] * 4


def test_a_group_names_all_its_egress_ips() -> None:
    (group,) = build_groups(plan()).groups

    assert lines_of(group.origins) == lines("project both", "node node-3 {", "{ egress-ip 192.168.100.53")


def test_multicast_names_its_project_and_the_nodes_that_it_goes_to() -> None:
    for table in (Table.MULTICAST, Table.MULTICAST_PODS):
        assert [lines_of(flow.origins) for flow in flows_of(table, BLOG)] == [lines("project blog")]
    (flow,) = flows_of(Table.MULTICAST_NODES, BLOG)
    assert lines_of(flow.origins) == {line("project blog"), line("address 192.168.100.12") - 1}
