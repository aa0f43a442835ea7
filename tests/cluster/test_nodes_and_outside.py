"""Nodes and the outside as partners of pods: who they count as, and what policies make of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cluster.bundle import Cluster
from tests.cluster.clusters import (
    ADDRESSES,
    ANNEX,
    MODES,
    NODES,
    OFFICE,
    POLICIES,
    SERVICES,
    STRANGER,
    Matrix,
    expected,
    matrix,
    source,
)
from tests.cluster.judgement import judged

FROM_NODES_BY_POLICY = matrix("""
              web-1  database-1  agent-1  web-2  store-1  router-1
node-1        *      *           *        ab     -        *
node-2        abs    -           *        *      *        *
""")

FROM_NODES = matrix("""
              web-1  database-1  agent-1  web-2  store-1  router-1
node-1        *      *           *        *      *        *
node-2        *      *           *        *      *        *
""")

FROM_OUTSIDE_BY_POLICY = matrix(f"""
              web-1  database-1  agent-1  web-2  store-1  router-1
{OFFICE}      -      d           -        -      -        *
{ANNEX}       -      -           -        -      -        *
{STRANGER}    -      -           -        -      -        *
""")

FROM_OUTSIDE = matrix(f"""
              web-1  database-1  agent-1  web-2  store-1  router-1
{OFFICE}      *      *           *        *      *        *
{STRANGER}    *      *           *        *      *        *
""")

TO_OUTSIDE_BY_POLICY = matrix(f"""
              {OFFICE}  {ANNEX}  {STRANGER}
web-1         a         -        -
database-1    *         *        *
agent-1       *         *        *
web-2         a         -        -
store-1       *         *        *
router-1      *         *        *
""")


@contextmanager
def outside_sends_as(cluster: Cluster, address: str) -> Iterator[None]:
    """Let the place outside use one of its addresses towards pods."""
    namespace = cluster.lab.namespace("outside")
    routes = [f"{node.host_subnet} via {node.host}" for node in NODES]
    namespace.ip(*(f"route replace {route} src {address}" for route in routes))
    try:
        yield
    finally:
        namespace.ip(*(f"route replace {route}" for route in routes))


def mismatches_from_outside(cluster: Cluster, pairs: Matrix) -> dict[str, object]:
    wrong: dict[str, object] = {}
    for sender in {sender: None for sender, _ in pairs}:
        rows = {pair: letters for pair, letters in pairs.items() if pair[0] == sender}
        with outside_sends_as(cluster, sender):
            wrong |= {f"{sender}: {attempt}": worked for attempt, worked in cluster.mismatches(expected(rows)).items()}
    return wrong


@pytest.mark.behaviour("PN-04", "PN-15", "NP-12", "NT-01")
def test_a_node_reaches_its_own_pods_and_counts_as_default_elsewhere(cluster: Cluster) -> None:
    # The pod shop/web-3 uses the network of node-2; that policies let app=web in is nothing to it.
    text, _ = MODES["networkpolicy"]

    cluster.enforce(text)

    assert judged(text, FROM_NODES_BY_POLICY) == FROM_NODES_BY_POLICY
    assert cluster.mismatches(expected(FROM_NODES_BY_POLICY)) == {}


@pytest.mark.behaviour("PN-04", "NT-01")
@pytest.mark.parametrize("mode", ["subnet", "multitenant"])
def test_nodes_reach_all_pods_in_the_other_modes(cluster: Cluster, mode: str) -> None:
    text, _ = MODES[mode]

    cluster.enforce(text)

    assert judged(text, FROM_NODES) == FROM_NODES
    assert cluster.mismatches(expected(FROM_NODES)) == {}


@pytest.mark.behaviour("NP-12")
def test_a_pod_reaches_itself(cluster: Cluster) -> None:
    cluster.enforce(source("networkpolicy", "policy shop/nobody { ingress {} egress {} }"))

    assert cluster.lab.probe("shop/web-1", ADDRESSES["web-1"], "tcp", 8080)
    assert not cluster.lab.probe("shop/web-1", ADDRESSES["database-1"], "tcp", 8080)


@pytest.mark.behaviour("NP-02", "NP-05", "NP-07")
def test_the_outside_reaches_isolated_pods_by_address_only(cluster: Cluster) -> None:
    text, _ = MODES["networkpolicy"]

    cluster.enforce(text)

    assert judged(text, FROM_OUTSIDE_BY_POLICY) == FROM_OUTSIDE_BY_POLICY
    assert mismatches_from_outside(cluster, FROM_OUTSIDE_BY_POLICY) == {}


@pytest.mark.parametrize("mode", ["subnet", "multitenant"])
def test_the_outside_reaches_all_pods_in_the_other_modes(cluster: Cluster, mode: str) -> None:
    text, _ = MODES[mode]

    cluster.enforce(text)

    assert judged(text, FROM_OUTSIDE) == FROM_OUTSIDE
    assert mismatches_from_outside(cluster, FROM_OUTSIDE) == {}


@pytest.mark.behaviour("NP-04")
def test_anyone_means_the_outside_too(cluster: Cluster) -> None:
    cluster.enforce(source("networkpolicy", "policy shop/web { ingress { allow tcp/8080 from anyone } }"))

    pairs = {(STRANGER, "web-1"): "a", (STRANGER, "web-2"): "a", (OFFICE, "database-1"): "a"}
    assert mismatches_from_outside(cluster, pairs) == {}


@pytest.mark.behaviour("NP-02", "NP-07")
def test_pods_reach_the_outside_as_egress_says(cluster: Cluster) -> None:
    text = source("networkpolicy", POLICIES)

    cluster.enforce(text)

    assert judged(text, TO_OUTSIDE_BY_POLICY) == TO_OUTSIDE_BY_POLICY
    assert cluster.mismatches(expected(TO_OUTSIDE_BY_POLICY)) == {}


@pytest.mark.behaviour("NP-14")
def test_an_isolated_project_accepts_what_policies_allow(cluster: Cluster) -> None:
    projects = "project shop\nproject monitoring\nproject storage { isolated }\n"
    policy = "policy storage/store { select app=nobody ingress { allow any from anyone } }"
    pairs = matrix("""
                  store-1  web-1
    web-1         -        *
    agent-1       -        *
    router-1      -        *
    node-1        -        *
    node-2        *        *
    """)

    cluster.enforce(source("networkpolicy", policy, projects=projects))
    by_default = cluster.mismatches(expected(pairs))
    cluster.enforce(source("networkpolicy", policy.replace("app=nobody", "app=store"), projects=projects))
    by_policy = cluster.mismatches(expected(dict.fromkeys(pairs, "".join(SERVICES))))

    assert (by_default, by_policy) == ({}, {})
