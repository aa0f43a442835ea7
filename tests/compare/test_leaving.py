"""What egress policies, egress firewalls, egress IPs and administrator's rules change of what leaves."""

from __future__ import annotations

import pytest

from tests.compare.versions import CLUSTER, MULTITENANT, added, compared, lines, told

FIREWALL = "firewall shop {{ {} }}"
HOSTED = CLUSTER.replace("10.128.2.0/23", "10.128.2.0/23  egress-ip 192.168.100.50").replace(
    "netid 100", "netid 100  egress-ip 192.168.100.50"
)


@pytest.mark.behaviour("EF-01")
def test_a_denied_network() -> None:
    comparison = added("", FIREWALL.format("deny any to 203.0.113.0/24"))

    assert lines(comparison) == ["- any: project shop -> 203.0.113.0/24"]


@pytest.mark.behaviour("EF-01", "EF-06")
def test_everything_but_dns_of_the_node_is_denied() -> None:
    comparison = added("", FIREWALL.format("deny any to anyone"))

    assert lines(comparison) == ["- any: project shop -> outside the cluster but tcp/53 udp/53"]
    (change,) = comparison.connections
    assert [node.name for node in change.destinations.nodes] == ["node-1", "node-2"]
    assert not any(node.gateway for node in change.destinations.nodes)
    assert all(first <= last for first, last in change.destinations.ranges)


@pytest.mark.behaviour("EF-01")
def test_a_rule_before_another_one_opens_what_that_one_denied() -> None:
    old = FIREWALL.format("deny any to anyone")
    new = FIREWALL.format("allow tcp/443 to 203.0.113.0/24\ndeny any to anyone")

    assert lines(added(old, new)) == ["+ tcp/443: project shop -> 203.0.113.0/24"]


@pytest.mark.behaviour("OUT-03")
def test_the_statements_of_firewalls() -> None:
    old = CLUSTER + FIREWALL.format("\nallow any to 203.0.113.0/25\nallow any to 203.0.113.0/24\n")
    new = CLUSTER + FIREWALL.format("\ndeny tcp/25 to 203.0.113.0/24\n")

    (change,) = compared(old, new).connections

    assert told(change.old, old) == ["allow any to 203.0.113.0/25", "allow any to 203.0.113.0/24"]
    assert told(change.new, new) == ["deny tcp/25 to 203.0.113.0/24"]


@pytest.mark.behaviour("EF-01", "EF-13")
def test_a_rule_about_pods_changes_nothing() -> None:
    assert added("", FIREWALL.format("deny any to 10.128.0.0/14\ndeny any to 172.30.0.0/16")).same


@pytest.mark.behaviour("EF-05")
def test_a_broken_firewall_drops() -> None:
    joined = MULTITENANT + "join blog to shop\n"

    comparison = compared(joined, joined + FIREWALL.format("allow any to anyone"))

    assert lines(comparison) == ["- any: projects team=web -> outside the cluster but tcp/53 udp/53"]


def test_what_the_policy_denies_the_firewall_cannot_change() -> None:
    policy = "policy shop/closed { egress { allow tcp/443 to 203.0.113.0/24 } }\n"
    old, new = (policy + FIREWALL.format(f"deny {what} to 203.0.113.0/24") for what in ("udp", "udp, tcp/442-443"))

    assert added(policy, old).same
    assert lines(added(old, new)) == ["- tcp/443: project shop -> 203.0.113.0/24"]


def test_an_egress_policy_changes_pods_and_the_outside_at_once() -> None:
    comparison = added("", "policy shop/closed { select app=db  egress {} }")

    assert lines(comparison) == ["- any: pod shop/db-1 -> anyone"]


@pytest.mark.behaviour("EF-06")
def test_dns_that_only_the_own_node_gets() -> None:
    """The firewall denies everything already, so that only what passes it is denied by the policy."""
    firewall = FIREWALL.format("deny any to anyone")

    comparison = added(firewall, firewall + "policy shop/closed { egress { allow any to 10.128.0.0/14 } }")

    assert lines(comparison) == [
        "- tcp/53 udp/53: pod shop/web-1 -> address of node node-1",
        "- tcp/53 udp/53: pods shop/db-1, shop/web-2 -> address of node node-2",
    ]


@pytest.mark.behaviour("PN-11")
def test_vxlan_never_leaves() -> None:
    assert added("", FIREWALL.format("deny udp/4789 to anyone")).same
    assert lines(added("", FIREWALL.format("deny udp/4788-4789 to anyone"))) == [
        "- udp/4788-4789: project shop -> outside the cluster"
    ]


@pytest.mark.behaviour("EI-01")
def test_an_egress_ip_changes_the_source_only() -> None:
    comparison = compared(CLUSTER, HOSTED)

    assert lines(comparison) == []
    from_first, from_second = comparison.sources
    assert (from_first.project, from_first.pods.text) == ("shop", "pod shop/web-1")
    assert [(one.node, one.egress_ip) for one in from_first.old] == [("node-1", False)]
    assert [(one.address, one.node, one.egress_ip) for one in from_first.new] == [(0xC0A86432, "node-2", True)]
    assert [pod.name for pod in from_second.pods.pods] == ["shop/db-1", "shop/web-2"]
    assert [(one.node, one.egress_ip) for one in from_second.old] == [("node-2", False)]


@pytest.mark.behaviour("EI-02")
def test_an_egress_ip_that_no_node_hosts_drops() -> None:
    new = HOSTED.replace("  egress-ip 192.168.100.50 }\n\nproject", " }\n\nproject")

    comparison = compared(HOSTED, new)

    assert lines(comparison) == ["- any: project shop -> outside the cluster but tcp/53 udp/53"]
    (change,) = comparison.sources
    assert change.pods.text == "project shop"
    assert change.new == ()
    assert told(comparison.connections[0].new, new) == [
        "project shop { labels team=web  netid 100  egress-ip 192.168.100.50 }"
    ]


@pytest.mark.behaviour("EI-03")
def test_an_egress_ip_that_no_pod_uses_is_told_by_project() -> None:
    empty = "project empty { netid 103  egress-ip 192.168.100.51 }"
    hosted = CLUSTER.replace("10.128.2.0/23", "10.128.2.0/23  egress-ip 192.168.100.51")

    (change,) = compared(hosted, hosted + empty).sources

    assert (change.project, change.pods.size, change.old) == ("empty", 0, ())
    assert [(one.address, one.node) for one in change.new] == [(0xC0A86433, "node-2")]


@pytest.mark.behaviour("AR-02")
def test_administrators_drop() -> None:
    """Nobody asks them about what is for the node itself by which it leaves."""
    comparison = added("", "admin-rules mail { drop tcp/25 from project shop, project blog to anyone }")

    assert lines(comparison) == ["- tcp/25: projects team=web -> outside the cluster but tcp/25"]


@pytest.mark.behaviour("AR-02")
def test_administrators_of_some_nodes() -> None:
    cluster = CLUSTER.replace("10.128.0.0/23", "10.128.0.0/23  labels zone=edge")

    comparison = added("", "admin-rules mail { nodes zone=edge  reject any from anyone to 203.0.113.0/24 }", cluster)

    assert lines(comparison) == ["- any: project blog and pod shop/web-1 -> 203.0.113.0/24"]


@pytest.mark.behaviour("AR-02")
def test_what_an_administrator_accepts_no_later_rule_drops() -> None:
    old = "admin-rules mail { drop tcp/25 from anyone to 203.0.113.0/24 }"
    new = old.replace("{ drop", "{ accept tcp/25 from project shop to 203.0.113.7\n drop")

    assert lines(added(old, new)) == ["+ tcp/25: project shop -> 203.0.113.7"]
    assert added("", "admin-rules mail { accept tcp/25 from anyone to anyone }").same


@pytest.mark.behaviour("AR-02")
def test_reject_in_place_of_drop_is_a_treatment() -> None:
    old = "admin-rules mail { drop tcp/25 from project shop to 203.0.113.0/24 }"

    comparison = added(old, old.replace("drop", "reject"))

    assert lines(comparison) == []
    (change,) = comparison.handling
    assert (change.sources.text, change.destinations.text, str(change.services)) == (
        "project shop",
        "203.0.113.0/24",
        "tcp/25",
    )
    assert (change.old, change.new) == (("drop",), ("reject",))


@pytest.mark.behaviour("AR-02")
def test_a_log_and_a_limit() -> None:
    matches = "tcp/443 from project shop to anyone"
    rules = f'admin-rules web {{ log "web" {matches}\n limit 10/second {matches} }}'

    (change,) = added("", rules).handling

    assert change.but_local
    assert change.destinations.text == "outside the cluster"
    assert change.old == ("let through",)
    assert change.new == ('log "web", limit 10/second (tcp/443 from project shop to anyone), let through',)


@pytest.mark.behaviour("AR-02")
def test_what_a_limit_counts_is_a_part_of_it() -> None:
    old = "admin-rules web { limit 10/second tcp/443 from project shop to 203.0.113.0/24 }"
    new = old.replace("project shop", "project shop, project blog")

    changes = added(old, new).handling

    assert [(one.sources.text, one.old) for one in changes] == [
        ("pod blog/web-1", ("let through",)),
        ("project shop", ("limit 10/second (tcp/443 from project shop to 203.0.113.0/24), let through",)),
    ]


@pytest.mark.behaviour("AR-02", "EI-01")
def test_rules_hold_where_the_packet_leaves() -> None:
    """The project leaves by node-2 only, whatever node its pods are on."""
    cluster = HOSTED.replace("10.128.0.0/23", "10.128.0.0/23  labels zone=edge")

    comparison = added(
        "", "admin-rules mail { nodes zone=edge  drop any from project shop to 203.0.113.0/24 }", cluster
    )

    assert comparison.same


@pytest.mark.behaviour("AR-02", "EI-03")
def test_a_rule_that_moves_from_one_way_out_to_the_other() -> None:
    cluster = HOSTED.replace("50 }\nproject blog", "50, 192.168.100.51 }\nproject blog").replace(
        "10.128.0.0/23", "10.128.0.0/23  labels zone=ZONE-1  egress-ip 192.168.100.51"
    )
    cluster = cluster.replace("10.128.2.0/23", "10.128.2.0/23  labels zone=ZONE-2")
    cluster += "node node-3 { address 192.168.100.13/24  subnet 10.128.4.0/23 }\n"
    cluster += "pod shop/far { node node-3  address 10.128.4.9 }\n"
    cluster += "admin-rules mail { nodes zone=edge  drop any from anyone to 203.0.113.0/24 }"
    old = cluster.replace("ZONE-1", "edge").replace("ZONE-2", "core")
    new = cluster.replace("ZONE-1", "core").replace("ZONE-2", "edge")

    comparison = compared(old, new)

    assert [(one.sources.text, one.old, one.new) for one in comparison.handling] == [
        (
            "pod shop/far",
            ("drop at 192.168.100.11", "let through at 192.168.100.12"),
            ("let through at 192.168.100.11", "drop at 192.168.100.12"),
        )
    ]
    assert lines(comparison) == [
        "+ any: project blog and pod shop/web-1 -> 203.0.113.0/24",
        "- any: project lab and pods shop/db-1, shop/web-2 -> 203.0.113.0/24",
    ]


@pytest.mark.behaviour("AR-02")
def test_what_is_for_the_node_itself_meets_no_rule() -> None:
    rules = 'admin-rules web { log "web" any from project blog to 192.168.100.11 }'

    assert added("", rules).same
    (change,) = added("", rules.replace("project blog", "anyone")).handling
    assert (change.sources.text, change.but_local) == ("project lab and pods shop/db-1, shop/web-2", False)


@pytest.mark.behaviour("AR-02")
def test_what_is_dropped_on_the_way_to_another_node() -> None:
    comparison = added("", "admin-rules web { drop any from anyone to 192.168.100.11 }")

    assert lines(comparison) == ["- any: project lab and pods shop/db-1, shop/web-2 -> address of node node-1"]


@pytest.mark.behaviour("OUT-03")
def test_the_statements_about_dns_of_the_own_node() -> None:
    old = CLUSTER + FIREWALL.format("deny any to anyone") + "\n"
    new = old + "policy shop/closed { egress { allow any to 10.128.0.0/14 } }"

    for change in compared(old, new).connections:
        assert told(change.new, new) == ["policy shop/closed { egress { allow any to 10.128.0.0/14 } }"]
