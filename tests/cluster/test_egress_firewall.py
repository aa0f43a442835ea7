"""Egress firewalls with real packets: what leaves the cluster passes as the rules say, and nothing else is judged."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cluster.bundle import Cluster
from tests.cluster.connections import PATIENCE, SILENCE, arrives, connection
from tests.cluster.egress import (
    ADDRESSES,
    ELSEWHERE,
    FOO,
    HOSTS,
    LISTED,
    NEIGHBOUR,
    NEW_FOO,
    NODE_OF,
    PAGE_RULES,
    arrivals,
    attempts,
    cluster,
    firewall_object,
    write_lock,
)
from tests.lab import packets
from tests.lab.cluster import Attempt
from tests.lab.packets import PROTOCOLS
from tests.lab.probes import Protocol

EVERYWHERE = (LISTED, FOO, NEW_FOO, ELSEWHERE, NEIGHBOUR)
SHOP = ("shop/web-1", "shop/web-2", "shop/web-3")
OTHERS = ("blog/blog-1", "blog/blog-2", "default/router-2")
DENY_ALL = "firewall shop { deny any to anyone }"


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """The lock file in which www.foo.com has one address."""
    return write_lock(tmp_path / "dns.lock", {"www.foo.com": [FOO]})


def only(*allowed: str) -> dict[str, bool]:
    return {address: address in allowed for address in EVERYWHERE}


@pytest.mark.behaviour("EF-01", "EF-02", "EF-03", "EF-08")
@pytest.mark.parametrize("mode", ["multitenant", "networkpolicy"])
def test_the_example_of_the_documentation_behaves_as_told(egress_cluster: Cluster, lock: Path, mode: str) -> None:
    sources = {"cluster.sdn": cluster(mode=mode), "firewall.json": firewall_object(PAGE_RULES)}

    egress_cluster.install(sources, "--dns-lock", lock)

    shop, others = attempts(SHOP, only(LISTED, FOO)), attempts(OTHERS, only(*EVERYWHERE))
    assert egress_cluster.mismatches(shop | others) == {}


@pytest.mark.behaviour("EF-01")
def test_reversed_the_example_allows_nothing(egress_cluster: Cluster, lock: Path) -> None:
    sources = {"cluster.sdn": cluster(), "firewall.json": firewall_object(PAGE_RULES[::-1])}

    egress_cluster.install(sources, "--dns-lock", lock)

    assert egress_cluster.mismatches(attempts(SHOP, only()) | attempts(OTHERS[:1], only(*EVERYWHERE))) == {}


@pytest.mark.behaviour("EF-01")
def test_without_a_rule_that_matches_traffic_passes(egress_cluster: Cluster) -> None:
    rules = "firewall shop { allow any to 1.2.3.4  deny any to 1.2.3.0/24  deny any to 20.0.0.0/7 }"

    egress_cluster.install({"cluster.sdn": cluster(rules)})

    assert egress_cluster.mismatches(attempts(SHOP, only(LISTED, FOO, ELSEWHERE, NEIGHBOUR))) == {}


@pytest.mark.behaviour("EF-06")
def test_dns_to_the_own_node_always_passes(egress_cluster: Cluster) -> None:
    egress_cluster.install({"cluster.sdn": cluster(DENY_ALL)})

    expected: dict[Attempt, bool] = {}
    for pod in SHOP:
        for node, address in HOSTS.items():
            for protocol in ("tcp", "udp"):
                expected[pod, address, protocol, 53] = node == NODE_OF[pod]
                expected[pod, address, protocol, 54] = False
            expected[pod, address, "icmp", 0] = False
        expected[pod, ELSEWHERE, "udp", 53] = False
    assert egress_cluster.mismatches(expected) == {}


@pytest.mark.behaviour("EF-01", "EF-13")
def test_pods_and_services_are_not_judged(egress_cluster: Cluster) -> None:
    # A rule that names the cluster's own addresses does not speak of them either.
    rules = "firewall shop { deny any to 10.128.0.0/14  deny any to 172.30.0.0/16  deny any to anyone }"
    service = "172.30.0.10"
    to_pods = attempts(["shop/web-1"], dict.fromkeys((ADDRESSES["blog/blog-1"], ADDRESSES["blog/blog-2"]), True))
    to_itself: dict[Attempt, bool] = {("shop/web-1", "10.128.0.1", "tcp", 80): True}
    to_services: dict[Attempt, bool] = {
        ("shop/web-1", service, "tcp", 80): True,
        ("shop/web-3", service, "tcp", 80): True,
    }

    egress_cluster.install({"cluster.sdn": cluster(rules)})
    for node in ("node-1", "node-3"):
        rule = f"-d {service} -p tcp --dport 80 -j DNAT --to {ADDRESSES['blog/blog-2']}:8080"
        egress_cluster.lab.run(node, ["iptables", "-t", "nat", "-A", "PREROUTING", *rule.split()])
    egress_cluster.lab.listen("blog/blog-2", "tcp", 8080)

    assert egress_cluster.mismatches(to_pods | to_itself | to_services | attempts(["shop/web-1"], only())) == {}


@pytest.mark.behaviour("EF-01")
def test_each_project_has_its_own(egress_cluster: Cluster) -> None:
    rules = """
    firewall shop { allow any to 1.2.3.0/24  deny any to anyone }
    firewall blog { deny any to 1.2.3.0/24 }
    firewall wiki { allow any to 1.2.3.0/24  deny any to 0.0.0.0/0 }
    """

    egress_cluster.install({"cluster.sdn": cluster(rules)})

    expected = attempts(["shop/web-1", "shop/web-2", "wiki/wiki-2"], only(LISTED))
    expected |= attempts(["blog/blog-1", "blog/blog-2"], only(FOO, NEW_FOO, ELSEWHERE, NEIGHBOUR))
    assert egress_cluster.mismatches(expected | attempts(["infra/infra-2"], only(*EVERYWHERE))) == {}


def test_ports_are_told_apart(egress_cluster: Cluster) -> None:
    rules = """
    firewall shop {
      deny tcp/8085 to 1.2.3.0/24
      allow tcp/8080-8089, udp/53 to 1.2.3.0/24
      allow tcp/443 to anyone
      allow sctp/3868 to 203.0.113.0/24
      deny udp to 10.11.12.13
      allow any to 10.11.12.0/24
      deny any to anyone
    }
    """
    tcp = (443, 8079, 8080, 8085, 8089, 8090)
    passes: Mapping[str, set[tuple[Protocol, int]]] = {
        LISTED: {("tcp", 443), ("tcp", 8080), ("tcp", 8089), ("udp", 53)},
        FOO: {("sctp", 443), ("sctp", 3868), ("icmp", 0), *(("tcp", port) for port in tcp)},
        ELSEWHERE: {("tcp", 443), ("sctp", 3868)},
    }
    services = set().union(*passes.values()) | {("udp", 443)}

    egress_cluster.install({"cluster.sdn": cluster(rules)})

    expected: dict[Attempt, bool] = {
        (pod, address, *service): service in allowed
        for pod in ("shop/web-1", "shop/web-2")
        for address, allowed in passes.items()
        for service in services
    }
    assert egress_cluster.mismatches(expected) == {}


@pytest.mark.behaviour("EF-01")
def test_a_protocol_without_ports_is_judged_by_address(egress_cluster: Cluster) -> None:
    # Protocol 47 (GRE) is neither TCP, UDP, SCTP nor ICMP.
    rules = "firewall shop { allow any to 1.2.3.0/24  deny any to anyone }"
    own, lab = ADDRESSES["shop/web-1"], egress_cluster.lab

    egress_cluster.install({"cluster.sdn": cluster(rules)})
    with lab.capture("outside") as capture:
        for address in (ELSEWHERE, LISTED):
            lab.send_ipv4("shop/web-1", packets.ipv4(own, address, 47, bytes(8)), address)
        frame = capture.wait_for(lambda frame: frame.protocol == 47, timeout=2.0)

    # The denied one went first: if the other arrives alone, it was dropped.
    assert frame is not None
    assert frame.destination == LISTED


@pytest.mark.behaviour("EF-01")
def test_replies_to_the_outside_pass(egress_cluster: Cluster) -> None:
    egress_cluster.install({"cluster.sdn": cluster(DENY_ALL)})

    inwards = attempts(["outside"], {ADDRESSES[pod]: True for pod in SHOP})
    assert egress_cluster.mismatches(inwards | attempts(SHOP, only())) == {}


@pytest.mark.behaviour("EF-01")
@pytest.mark.parametrize(("rules", "passes"), [("", True), (DENY_ALL, False)])
def test_icmp_errors_are_judged_even_about_connections_from_outside(
    egress_cluster: Cluster, rules: str, passes: bool
) -> None:
    # Where an error goes is no question of the connection that it quotes.
    lab, pod = egress_cluster.lab, ADDRESSES["shop/web-1"]
    egress_cluster.install({"cluster.sdn": cluster(rules)})

    with lab.capture("outside") as capture:
        arrived = lab.datagram_arrives("outside", pod, claimed=NEIGHBOUR)
        error = capture.wait_for(lambda frame: frame.protocol == PROTOCOLS["icmp"], timeout=0.5)

    assert arrived
    assert (error is not None) == passes


@pytest.mark.behaviour("EF-01")
def test_a_change_cuts_what_is_no_longer_allowed(egress_cluster: Cluster) -> None:
    allowing = {"cluster.sdn": cluster("firewall shop { allow any to 1.2.3.0/24  deny any to anyone }")}
    egress_cluster.install(allowing)

    with connection(egress_cluster.lab, "shop/web-2", "outside", LISTED) as running:
        before = running.carries_forward(b"before") and running.carries_back(b"before")
        egress_cluster.install({"cluster.sdn": cluster(DENY_ALL)})
        during = running.carries_forward(b"during", timeout=SILENCE)
        egress_cluster.install(allowing)
        after = arrives(running.server, b"during", PATIENCE)

    # That the data arrives in the end shows that nothing but the firewall held it back.
    assert (before, during, after) == (True, False, True)


@pytest.mark.behaviour("EF-05")
def test_a_project_with_two_policies_is_cut_off_if_so_wished(egress_cluster: Cluster) -> None:
    sources = {
        "cluster.sdn": cluster(),
        "one.json": firewall_object(PAGE_RULES[:1], name="one"),
        "two.json": firewall_object(PAGE_RULES[:1], name="two"),
    }

    with pytest.raises(ValueError, match="more than one egress firewall"):
        egress_cluster.install(sources)
    bundle = egress_cluster.install(sources, "--on-broken-egress-policy=drop")

    assert "everything that leaves is dropped" in " ".join(bundle.messages.split())
    expected = attempts(SHOP, only()) | attempts(OTHERS, only(*EVERYWHERE))
    assert egress_cluster.mismatches(expected | attempts(SHOP[:1], {ADDRESSES["blog/blog-2"]: True})) == {}


@pytest.mark.behaviour("EF-05")
def test_joined_projects_are_cut_off_together_if_so_wished(egress_cluster: Cluster) -> None:
    text = cluster("firewall shop { allow any to anyone }\njoin blog to shop", mode="multitenant")

    with pytest.raises(ValueError, match="shares NetID"):
        egress_cluster.install({"cluster.sdn": text})
    egress_cluster.install({"cluster.sdn": text}, "--on-broken-egress-policy=drop")

    expected = attempts(("shop/web-1", "shop/web-2", "blog/blog-1", "blog/blog-2"), only())
    assert egress_cluster.mismatches(expected | attempts(["wiki/wiki-2", "infra/infra-2"], only(*EVERYWHERE))) == {}


@pytest.mark.behaviour("EF-01")
def test_subnet_mode_ignores_firewalls(egress_cluster: Cluster) -> None:
    egress_cluster.install({"cluster.sdn": cluster(DENY_ALL, mode="subnet")})

    assert egress_cluster.mismatches(attempts(["shop/web-1", "shop/web-2"], only(*EVERYWHERE))) == {}


@pytest.mark.behaviour("AR-04")
def test_a_node_that_forwards_and_accepts_nothing_by_itself_serves_its_pods(egress_cluster: Cluster) -> None:
    lab = egress_cluster.lab
    policies = ("-P FORWARD DROP", "-P INPUT DROP")
    to_the_node: dict[Attempt, bool] = {
        ("shop/web-1", HOSTS["node-1"], "udp", 53): True,
        ("shop/web-1", "10.128.0.1", "tcp", 80): True,
        ("outside", HOSTS["node-1"], "tcp", 22): False,
    }
    out = attempts(["shop/web-1"], only(LISTED)) | attempts(["blog/blog-1"], only(*EVERYWHERE))

    egress_cluster.install({"cluster.sdn": cluster("firewall shop { allow any to 1.2.3.0/24  deny any to anyone }")})
    for policy in policies:
        lab.run("node-1", ["iptables", *policy.split()])
    wrong = egress_cluster.mismatches(to_the_node | out)
    # Without the rules that the bundle brings, such a node lets nothing through.
    lab.run("node-1", ["iptables", "-F"])
    bare = egress_cluster.mismatches(dict.fromkeys((*to_the_node, *out), False))
    for policy in policies:
        lab.run("node-1", ["iptables", *policy.replace("DROP", "ACCEPT").split()])

    assert (wrong, bare) == ({}, {})


@pytest.mark.behaviour("AR-04")
def test_what_leaves_has_the_address_of_its_node(egress_cluster: Cluster) -> None:
    egress_cluster.install({"cluster.sdn": cluster()})

    sources: dict[str, str | None] = {pod: HOSTS[NODE_OF[pod]] for pod in (*SHOP, *OTHERS)}
    expected = arrivals(sources, [ELSEWHERE]) | {
        (pod, ELSEWHERE, "sctp", 80): source for pod, source in sources.items()
    }
    assert egress_cluster.lab.mismatched_sources(expected) == {}
