"""Two ways to say one thing are the same."""

from __future__ import annotations

from itertools import permutations

import pytest

from tests.compare.versions import CLUSTER, MULTITENANT, SUBNET, added, compared

WAYS = {
    "ports": (
        "policy shop/web { ingress { allow tcp/80-81 from project blog } }",
        "policy shop/web { ingress { allow tcp/80 from project blog\n allow tcp/81 from project blog } }",
        "policy shop/web { ingress { allow tcp/80-81, tcp/81 from project blog } }",
        "policy shop/a { ingress { allow tcp/80 from project blog } }\n"
        "policy shop/b { ingress { allow tcp/81 from project blog } }",
    ),
    "selectors": (
        "policy shop/web { select app=web  ingress { allow tcp/80 from project blog, pods app=web } }",
        "policy shop/web { select app in (web)  ingress { allow tcp/80 from pods app in (web) in projects * } }",
        "policy shop/web { select tier=front  ingress { allow tcp/80 from 10.128.0.13, pods tier } }",
        "policy shop/web { select app!=db  ingress { allow tcp/80 from pods app=web in projects team=web } }",
        "policy shop/renamed { select tier  ingress { allow tcp/80 from 10.128.0.13, 10.128.0.11, 10.128.2.11 } }",
    ),
    "blocks": (
        "policy lab/tool { ingress { allow any from 203.0.113.0/24 } }",
        "policy lab/tool { ingress { allow any from 203.0.113.0/25, 203.0.113.128/25 } }",
        "policy lab/tool { ingress { allow any from 203.0.113.0/24, 203.0.113.7 } }",
    ),
    "named ports": (
        "policy shop/named { select app=db  ingress { allow tcp/http from project blog } }",
        "policy shop/named { select app=db  ingress { allow tcp/9000 from project blog } }",
    ),
    "egress": (
        "policy lab/tool { egress { allow tcp/http to project shop } }",
        "policy lab/tool { egress { allow tcp/8080 to pods app=web in project shop\n"
        "  allow tcp/9000 to pods app=db in project shop } }",
    ),
    "firewalls": (
        "firewall shop { allow any to 203.0.113.0/25\n deny tcp to 203.0.113.0/24\n deny any to 198.51.100.0/24 }",
        "firewall shop { deny any to 198.51.100.0/24\n deny tcp to 203.0.113.128/25 }",
        "firewall shop { deny tcp to 203.0.113.128/25\n deny any to 198.51.100.0/24\n allow any to anyone }",
        "firewall shop { deny any to 198.51.100.0/24, 10.128.0.0/14\n deny tcp to 203.0.113.128/26, 203.0.113.192/26 }",
    ),
    "administrators": (
        "admin-rules a { drop tcp/25 from project shop to anyone\n drop tcp/26 from project shop to anyone }",
        "admin-rules b { accept tcp/80 from project shop to anyone\n drop tcp/25-26 from project shop to anyone }",
        "admin-rules b { drop tcp/25-26 from 10.128.0.11, 10.128.2.11, 10.128.2.12 to anyone\n"
        '  log "late" tcp/25 from project shop to anyone }',
    ),
}


@pytest.mark.parametrize("name", WAYS)
def test_other_words(name: str) -> None:
    for old, new in permutations(WAYS[name], 2):
        assert added(old, new).same


@pytest.mark.parametrize("cluster", [CLUSTER, MULTITENANT, SUBNET])
def test_nothing_differs_from_itself(cluster: str) -> None:
    assert compared(cluster, cluster).same


def test_a_node_by_another_name() -> None:
    text = CLUSTER + 'firewall shop { deny tcp to anyone }\nadmin-rules a { log "x" any from anyone to anyone }'

    assert compared(text, text.replace("node-1", "worker-7")).same


def test_a_project_without_pods() -> None:
    policies = "project idle\npolicy idle/closed { ingress {}  egress {} }\nfirewall idle { deny any to anyone }"

    assert added("", policies).same


def test_what_only_names_claim_or_forward() -> None:
    assert added("", "service shop/web { address 172.30.0.20  select app=web  port tcp/80 to http }").same


def test_numbers_of_projects() -> None:
    for cluster in (CLUSTER, MULTITENANT):
        assert compared(cluster, cluster.replace("netid 100", "netid 4711")).same


def test_policies_where_nobody_asks_them() -> None:
    for cluster in (MULTITENANT, SUBNET):
        assert added("", "policy shop/closed { ingress {}  egress {} }", cluster).same


def test_the_underlay_address_of_a_node_that_nobody_judges_by() -> None:
    """Only what leaves by it shows the other address."""
    comparison = compared(SUBNET, SUBNET.replace("192.168.100.12", "192.168.100.99"))

    assert not comparison.connections
    assert [change.pods.text for change in comparison.sources] == ["pod lab/tool-1", "pods shop/db-1, shop/web-2"]
