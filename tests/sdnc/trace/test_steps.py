"""Each step that decides: when it is met, what it says, and which statements it names."""

from __future__ import annotations

import json

import pytest

from compiler.trace.steps import Decision, Kind
from sdnc.trace.answer import Answer, answer_in
from tests.sdnc.trace.clusters import (
    CLUSTER,
    DROP,
    MULTITENANT,
    OUTSIDE,
    SUBNET,
    ask,
    cluster_of,
    lines_of,
    only,
    step_of,
)
from tests.sources.routers import controller, router_pod


def kinds(answer: Answer) -> list[Kind]:
    return [step.kind for step in only(answer).met]


@pytest.mark.behaviour("NP-02")
def test_without_policies_everything_is_allowed() -> None:
    found = ask(CLUSTER, "shop/web", "shop/db", "tcp/5432")

    assert found.allowed
    assert kinds(found) == [Kind.EGRESS_POLICY, Kind.INGRESS_POLICY, Kind.REPLIES]
    assert step_of(found, Kind.INGRESS_POLICY).origins == ()


@pytest.mark.behaviour("NP-02", "NP-11", "OUT-03")
def test_an_allowed_connection_names_all_rules_that_allow_it() -> None:
    rules = {"allow tcp/5432 from pods app=web", "allow any from 10.128.0.0/23"}
    text = f"{CLUSTER}policy shop/db {{ select app=db\n ingress {{\n" + "\n".join(
        [*rules, "allow tcp/5433 from pods app=web", "}}"]
    )

    found = ask(text, "shop/web", "shop/db", "tcp/5432")

    assert found.allowed
    assert lines_of(step_of(found, Kind.INGRESS_POLICY)) == rules


@pytest.mark.behaviour("NP-02", "NP-14", "OUT-03")
def test_a_denied_connection_names_what_isolates_the_pod() -> None:
    text = CLUSTER.replace("project shop\n", "project shop { isolated }\n")
    text += "policy shop/db { select app=db  ingress {} }\npolicy shop/web { select app=web  ingress {} }\n"

    found = ask(text, "blog/web", "shop/db", "tcp/5432")

    assert not found.allowed
    assert lines_of(step_of(found, Kind.INGRESS_POLICY)) == {
        "project shop { isolated }",
        "policy shop/db { select app=db  ingress {} }",
    }


@pytest.mark.behaviour("NP-12")
def test_a_pod_reaches_itself_and_its_node_reaches_it() -> None:
    text = f"{CLUSTER}policy shop/none {{ ingress {{}} egress {{}} }}"

    itself, node, other = (ask(text, sender, "shop/web", "tcp/1") for sender in ("shop/web", "node-1", "node-2"))

    assert itself.allowed and kinds(itself) == [Kind.SELF]
    assert itself.hops == ((),)
    assert node.allowed and kinds(node)[0] is Kind.NODE
    assert not other.allowed


@pytest.mark.behaviour("NT-01")
def test_addresses_of_a_node_that_differ_are_told_apart() -> None:
    text = f"{CLUSTER}policy shop/db {{ select app=db  ingress {{ allow any from 10.128.0.1 }} }}"

    found = ask(text, "node-1", "shop/db", "tcp/1")

    assert not found.allowed
    assert {path.sources: path.allowed for path in found.trace.paths} == {
        ("node node-1 by its address on the pod network",): True,
        ("node node-1",): False,
    }


@pytest.mark.behaviour("PN-03")
def test_netids_decide_in_multitenant_mode() -> None:
    text = f"{MULTITENANT}project one {{ netid 77 }}\npod one/x {{ node node-1  address 10.128.0.9 }}\n"

    denied, outside, to_global = (
        ask(text, "one/x", "shop/db", "tcp/1"),
        ask(text, OUTSIDE, "shop/db", "tcp/1"),
        ask(text, "one/x", "default/router", "tcp/1"),
    )

    assert not denied.allowed
    assert lines_of(step_of(denied, Kind.POD_NETWORK)) == {"project one { netid 77 }", "project shop"}
    assert "NetID 77" in step_of(denied, Kind.POD_NETWORK).text
    assert outside.allowed
    assert to_global.allowed


@pytest.mark.behaviour("PN-05", "PN-07")
def test_a_join_is_named() -> None:
    found = ask(f"{MULTITENANT}join shop to blog\n", "shop/web", "blog/web", "tcp/1")

    assert found.allowed
    assert lines_of(step_of(found, Kind.POD_NETWORK)) == {"project shop", "project blog", "join shop to blog"}


@pytest.mark.behaviour("PN-01")
def test_everybody_reaches_everybody_in_subnet_mode() -> None:
    found = ask(SUBNET, "shop/web", "blog/web", "tcp/1")

    assert found.allowed
    assert kinds(found)[0] is Kind.POD_NETWORK


@pytest.mark.behaviour("PN-11")
def test_pods_send_no_vxlan_not_even_through_a_service() -> None:
    text = f"{CLUSTER}service shop/x {{ address 172.30.0.9  select app=db  port udp/9 to 4789 }}"

    direct, hidden = (ask(text, "shop/web", to, port) for to, port in (("shop/db", "udp/4789"), ("service:x", "udp/9")))

    assert not direct.allowed and step_of(direct, Kind.SENDER).by_flows
    assert not hidden.allowed and not step_of(hidden, Kind.SENDER).by_flows
    assert len(direct.hops[0]) == len(hidden.hops[0]) == 1


@pytest.mark.parametrize(("address", "words"), [("172.30.9.9", "no service has"), ("10.128.9.9", "no pod has")])
@pytest.mark.parametrize("sender", ["shop/web", "node-1", OUTSIDE])
def test_an_address_that_nobody_has(sender: str, address: str, words: str) -> None:
    found = ask(CLUSTER, sender, address, "tcp/1")

    assert not found.allowed
    assert all(words in path.met[-1].text for path in found.trace.paths)


@pytest.mark.behaviour("EF-01", "EF-06")
def test_the_egress_firewall_names_the_rule_that_decides() -> None:
    rules = ["allow tcp/443 to 203.0.113.0/24", "deny any to 203.0.113.0/25", "deny any to 192.168.100.0/24"]
    text = f"{CLUSTER}firewall shop {{\n" + "\n".join([*rules, "}"])

    https, http, other, dns = (
        ask(text, "shop/web", to, port)
        for to, port in ((OUTSIDE, "tcp/443"), (OUTSIDE, "tcp/80"), ("8.8.8.8", "icmp"), ("node-1", "udp/53"))
    )

    assert https.allowed and lines_of(step_of(https, Kind.EGRESS_FIREWALL)) == {rules[0]}
    assert not http.allowed and lines_of(step_of(http, Kind.EGRESS_FIREWALL)) == {rules[1]}
    assert other.allowed and lines_of(step_of(other, Kind.EGRESS_FIREWALL)) == {"firewall shop {"}
    assert dns.allowed and "EF-06" in step_of(dns, Kind.EGRESS_FIREWALL).text


@pytest.mark.behaviour("EF-05")
def test_a_broken_egress_firewall_denies_everything() -> None:
    text = f"{MULTITENANT}join shop to blog\nfirewall shop {{ allow any to anyone }}"

    found = ask(text, "shop/web", OUTSIDE, "tcp/1", DROP)

    assert not found.allowed
    assert step_of(found, Kind.EGRESS_FIREWALL).no_advice


@pytest.mark.behaviour("EI-01", "EI-02", "EI-03", "EI-07")
def test_egress_ips() -> None:
    hosted = CLUSTER.replace("project shop\n", "project shop { egress-ip 192.168.100.50 }\n")
    lost = CLUSTER.replace("project shop\n", "project shop { egress-ip 192.168.100.77 }\n")

    local, remote, nowhere, back = (
        ask(hosted, "shop/web", OUTSIDE, "tcp/1"),
        ask(hosted, "shop/db", OUTSIDE, "tcp/1"),
        ask(lost, "shop/web", OUTSIDE, "tcp/1"),
        ask(hosted, OUTSIDE, "192.168.100.50", "tcp/1"),
    )

    assert local.allowed and "own node as 192.168.100.50" in step_of(local, Kind.EGRESS_IP).text
    assert remote.allowed and "node-1 as 192.168.100.50" in step_of(remote, Kind.EGRESS_IP).text
    assert [hop.node for hop in remote.hops[0]] == ["node-2", "node-1"]
    assert len(step_of(local, Kind.EGRESS_IP).origins) == 2
    assert not nowhere.allowed and "no node hosts" in step_of(nowhere, Kind.EGRESS_IP).text
    assert not back.allowed and "EI-07" in step_of(back, Kind.EGRESS_IP).no_advice


@pytest.mark.behaviour("AR-01", "AR-02")
def test_administrators_rules_of_the_node_by_which_it_leaves() -> None:
    text = f"""{CLUSTER}
        admin-rules one {{
          nodes zone=west
          log "seen " tcp/1 from anyone to anyone
          limit 9/second tcp/1 from anyone to anyone
          accept tcp/1 from project shop to {OUTSIDE}
          reject any from anyone to 203.0.113.0/24
        }}
    """

    here, accepted, rejected, node = (
        ask(text, "shop/web", OUTSIDE, "tcp/1"),
        ask(text, "shop/db", OUTSIDE, "tcp/1"),
        ask(text, "blog/web", OUTSIDE, "udp/1"),
        ask(text, "blog/web", "node-2", "tcp/1"),
    )

    assert here.allowed and Kind.ADMIN_RULES not in kinds(here)
    assert accepted.allowed
    told = [step.decision for step in only(accepted).steps if step.kind is Kind.ADMIN_RULES]
    assert told == [Decision.TELLS, Decision.TELLS, Decision.ALLOWS]
    assert not rejected.allowed
    assert lines_of(step_of(rejected, Kind.ADMIN_RULES)) == {"reject any from anyone to 203.0.113.0/24"}
    assert node.allowed and Kind.ADMIN_RULES not in kinds(node)


@pytest.mark.behaviour("MC-01", "MC-02", "MC-03", "MC-04")
def test_multicast() -> None:
    on = CLUSTER.replace("project shop\n", "project shop { multicast }\n") + "policy shop/none { egress {} }"

    heard, off, alone, outside = (
        ask(on, "shop/web", "239.1.1.1", "udp/5"),
        ask(CLUSTER, "shop/web", "239.1.1.1", "udp/5"),
        ask(CLUSTER, "blog/web", "239.1.1.1", "udp/5"),
        ask(on, "node-1", "239.1.1.1", "udp/5"),
    )

    assert heard.allowed and kinds(heard) == [Kind.MULTICAST]
    assert lines_of(step_of(heard, Kind.MULTICAST)) == {"project shop { multicast }"}
    assert not off.allowed and len(only(off).denials) == 1
    assert not alone.allowed and len(only(alone).denials) == 2
    assert not outside.allowed


@pytest.mark.behaviour("ER-16")
def test_an_egress_router_leaves_by_its_own_interface() -> None:
    text = f"""{CLUSTER}
        egress-router shop/gate {{
          source 192.168.100.99  gateway 192.168.100.1  redirect tcp/80 to {OUTSIDE}
        }}
        pod shop/gate {{ node node-1  address 10.128.0.9 }}
        firewall shop {{ deny any to anyone }}
    """

    found = ask(text, "shop/gate", OUTSIDE, "tcp/80")

    assert found.allowed
    assert kinds(found)[0] is Kind.EGRESS_ROUTER
    assert found.hops == ((),)


@pytest.mark.behaviour("ER-01", "ER-16")
@pytest.mark.parametrize(
    ("pod", "is_router"), [("egress-x2z4q", True), ("egress-6b8f4d7c9-x2z4q", True), ("egress-1", False)]
)
def test_pods_that_a_controller_makes_are_its_router(pod: str, is_router: bool) -> None:
    made = controller(router_pod("init", "203.0.113.25"), "Deployment", replicas=1)
    text = f"""{CLUSTER}
        pod shop/{pod} {{ node node-1  address 10.128.0.9 }}
        firewall shop {{ deny any to anyone }}
    """

    found = answer_in(
        cluster_of({"cluster.sdn": text, "router.json": json.dumps(made)}), f"shop/{pod}", OUTSIDE, "tcp/80"
    )

    assert found.allowed == is_router
    assert (kinds(found)[0] is Kind.EGRESS_ROUTER) == is_router
    assert ("router.json" in {origin.source.name for origin in only(found).steps[0].origins}) == is_router


def test_what_nodes_exchange_is_not_judged() -> None:
    found = ask(CLUSTER, "node-1", OUTSIDE, "tcp/1")

    assert found.allowed
    assert kinds(found) == [Kind.NODE]


def test_every_class_of_a_project_is_told() -> None:
    text = f"""{CLUSTER}
        pod shop/web-2 {{ node node-2  address 10.128.2.9  labels app=web }}
        policy blog/web {{ ingress {{ allow any from pods app=web in project shop }} }}
    """

    found = ask(text, "project:shop", "blog/web", "tcp/1")

    assert not found.allowed
    assert {path.sources: path.allowed for path in found.trace.paths} == {
        ("pod shop/db",): False,
        ("pod shop/web", "pod shop/web-2"): True,
    }
