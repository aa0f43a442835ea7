"""`compare` where random clusters seldom go: each case against brute force, and by hand."""

from __future__ import annotations

import pytest

from compiler.compare.compare import compare
from compiler.compare.comparison import Comparison
from tests.compiling import declare
from tests.oracle.comparisons import faults, judged
from tests.oracle.differences import Change
from tests.oracle.versions import Version

HOSTS = """
cluster { mode networkpolicy  pods 10.128.0.0/14 host-bits 9  services 172.30.0.0/16 }
node node-3 { address 192.168.100.13  subnet 10.128.4.0/23 }
pod shop/one { node node-3  address 10.128.4.2 }
"""
EDGES = """
node node-1 { address 192.168.100.11  subnet 10.128.0.0/23  labels team=FIRST   egress-ip 192.168.100.50 }
node node-2 { address 192.168.100.12  subnet 10.128.2.0/23  labels team=SECOND  egress-ip 192.168.100.51 }
project shop { netid 100  egress-ip 192.168.100.50, 192.168.100.51 }
"""
SHOP = "project shop { netid 100 }"
FIRST, SECOND = EDGES.replace("FIRST", "a").replace("SECOND", "b"), EDGES.replace("FIRST", "b").replace("SECOND", "a")


def compared(old: str, new: str, new_hosts: str = HOSTS) -> Comparison:
    """The comparison of two clusters of these hosts, which brute force finds right in both directions."""
    questions, (before, after) = judged(
        Version(declare(hosts, text), {}) for hosts, text in ((HOSTS, old), (new_hosts, new))
    )
    for one, other in ((after, before), (before, after)):
        comparison = compare(one.compilation, other.compilation)
        assert not faults(Change(one, other, questions), comparison)
    return comparison


@pytest.mark.behaviour("AR-02", "EI-03")
@pytest.mark.parametrize("action", ['log "seen" tcp/80', "drop tcp/80", "limit 5/second tcp/80"])
def test_rules_move_from_one_way_out_to_the_other(action: str) -> None:
    """The packets that leave as one egress IP are now treated as those of the other were."""
    rules = f"admin-rules edge {{ nodes team=a ; {action} from anyone to anyone }}"

    comparison = compared(FIRST + rules, SECOND + rules)

    assert not comparison.connections and not comparison.sources
    assert comparison.handling
    assert {str(change.services) for change in comparison.handling} == {"tcp/80"}
    assert all(change.old != change.new for change in comparison.handling)


@pytest.mark.behaviour("AR-01")
@pytest.mark.parametrize("action", ['log "seen"', "drop", "limit 5/second"])
def test_rules_see_nothing_that_is_for_the_node_itself(action: str) -> None:
    assert compared(SHOP, f"{SHOP}\nadmin-rules own {{ {action} any from anyone to 192.168.100.13/32 }}").same


@pytest.mark.behaviour("AR-01", "EF-06")
@pytest.mark.parametrize(
    "rest", ["admin-rules all { reject any from anyone to anyone }", "firewall shop { deny any to 0.0.0.0/0 }"]
)
def test_egress_policies_decide_about_what_alone_passes(rest: str) -> None:
    """To the own node passes what administrators refuse elsewhere; DNS passes the firewall there."""
    policy = "policy shop/out { egress { allow tcp/80 to 203.0.113.0/24 } }"

    comparison = compared(f"{SHOP}\n{rest}", f"{SHOP}\n{rest}\n{policy}")

    to_nodes = [change for change in comparison.connections if change.destinations.nodes]
    assert any(node.name == "node-3" and not node.gateway for change in to_nodes for node in change.destinations.nodes)


@pytest.mark.behaviour("PN-11")
@pytest.mark.parametrize(
    "rules",
    ["firewall shop { deny udp/4789 to 0.0.0.0/0 }", 'admin-rules all { log "x" udp/4789 from anyone to anyone }'],
)
def test_vxlan_of_pods_never_counts(rules: str) -> None:
    assert compared(SHOP, f"{SHOP}\n{rules}").same


@pytest.mark.behaviour("NP-12")
def test_another_address_of_the_own_node_and_another_policy_at_once() -> None:
    """What the own node might, its old address may now by a policy."""
    policy = "policy shop/in { ingress { RULE } }"
    old = SHOP + policy.replace("RULE", "")
    new = SHOP + policy.replace("RULE", "allow any from 192.168.100.13/32")

    comparison = compared(old, new, HOSTS.replace("192.168.100.13", "192.168.100.14"))

    assert not any(change.sources.ranges for change in comparison.connections)
    by_address = {
        node.address & 255: change.allowed for change in comparison.connections for node in change.sources.nodes
    }
    assert by_address == {14: True}
