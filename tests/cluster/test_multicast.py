"""Multicast with real packets: who sends to a group, and who of those that joined it hears."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from tests.cluster.bundle import Cluster
from tests.cluster.egress import cluster

SHOP = frozenset({"shop/web-1", "shop/web-2", "shop/web-3", "shop/web-4"})
BLOG = frozenset({"blog/blog-1", "blog/blog-2"})
GLOBAL = frozenset({"default/router-1", "default/router-2", "infra/infra-2"})
WIKI = "wiki/wiki-2"
STRANGERS = ("node-1", "node-2", "outside")
"""Nodes send by tun0."""


def in_domain(*domains: frozenset[str]) -> dict[str, frozenset[str]]:
    """Each sender is heard by the rest of its domain."""
    return {sender: domain - {sender} for domain in domains for sender in domain}


def by_nobody(*senders: str) -> dict[str, frozenset[str]]:
    return dict.fromkeys(senders, frozenset())


def mismatches(running: Cluster, expected: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """Let all senders send; return those that are not heard by whom they should be, and by whom they are."""
    heard = running.lab.multicast(expected)
    return {sender: places for sender, places in heard.items() if places != expected[sender]}


@pytest.mark.behaviour("MC-01", "MC-04")
@pytest.mark.parametrize("mode", ["multitenant", "networkpolicy"])
def test_it_reaches_the_pods_of_the_project_on_all_nodes_and_nobody_else(egress_cluster: Cluster, mode: str) -> None:
    egress_cluster.install({"cluster.sdn": cluster(mode=mode, projects={"shop": "multicast", "wiki": "multicast"})})

    silent = by_nobody(*BLOG, *GLOBAL, WIKI, *STRANGERS)
    assert mismatches(egress_cluster, in_domain(SHOP) | silent) == {}


@pytest.mark.behaviour("MC-01")
@pytest.mark.parametrize("mode", ["subnet", "multitenant", "networkpolicy"])
def test_it_is_off_by_default(egress_cluster: Cluster, mode: str) -> None:
    egress_cluster.install({"cluster.sdn": cluster(mode=mode)})

    assert mismatches(egress_cluster, by_nobody(*SHOP, *BLOG, *GLOBAL, *STRANGERS)) == {}


@pytest.mark.behaviour("MC-01")
@pytest.mark.parametrize(("value", "heard"), [("true", BLOG), ("false", frozenset())])
def test_an_annotation_switches_it_on(egress_cluster: Cluster, value: str, heard: frozenset[str]) -> None:
    namespace = {
        "kind": "NetNamespace",
        "apiVersion": "v1",
        "metadata": {"name": "blog", "annotations": {"netnamespace.network.openshift.io/multicast-enabled": value}},
        "netname": "blog",
        "netid": 4711,
    }

    egress_cluster.install({"cluster.sdn": cluster(), "blog.json": json.dumps(namespace)})

    assert mismatches(egress_cluster, {sender: heard - {sender} for sender in BLOG} | by_nobody(*SHOP)) == {}


@pytest.mark.behaviour("MC-04")
def test_policies_do_not_judge_it(egress_cluster: Cluster) -> None:
    policies = "policy shop/nothing { ingress {} egress {} }\nfirewall shop { deny any to anyone }"

    egress_cluster.install({"cluster.sdn": cluster(policies, projects={"shop": "multicast"})})

    assert not egress_cluster.lab.probe("shop/web-1", "10.128.2.11", "udp", 80)
    assert mismatches(egress_cluster, in_domain(SHOP) | by_nobody(*BLOG, *STRANGERS)) == {}


@pytest.mark.behaviour("MC-02")
@pytest.mark.parametrize(("wiki", "domain"), [("multicast", BLOG | {WIKI}), ("", frozenset())])
def test_joined_projects_have_it_only_together(egress_cluster: Cluster, wiki: str, domain: frozenset[str]) -> None:
    text = cluster("join wiki to blog", mode="multitenant", projects={"blog": "multicast", "wiki": wiki})

    egress_cluster.install({"cluster.sdn": text})

    expected = {sender: domain - {sender} for sender in (*BLOG, WIKI)}
    assert mismatches(egress_cluster, expected | by_nobody(*SHOP, *GLOBAL, *STRANGERS)) == {}


@pytest.mark.behaviour("MC-02", "MC-03")
@pytest.mark.parametrize(("infra", "domain"), [("multicast", GLOBAL), ("", frozenset())])
def test_that_of_global_projects_reaches_global_projects_only(
    egress_cluster: Cluster, infra: str, domain: frozenset[str]
) -> None:
    projects = {"default": "multicast", "infra": infra, "shop": "multicast"}

    egress_cluster.install({"cluster.sdn": cluster("global infra", mode="multitenant", projects=projects)})

    expected = {sender: domain - {sender} for sender in GLOBAL}
    assert mismatches(egress_cluster, expected | in_domain(SHOP) | by_nobody(*BLOG, *STRANGERS)) == {}
