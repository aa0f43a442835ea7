"""What the administrator's rules make of packets, by both flavours of iptables."""

from __future__ import annotations

import errno
import socket
import time
from contextlib import ExitStack

import pytest
from attrs import evolve

from backends.iptables.chains import ADMIN, ADMIN_JUMP, ADMIN_RULES
from compiler.declarations import (
    AdminLimit,
    AdminLog,
    AdminRule,
    AdminRules,
    AdminVerdict,
    ProjectSource,
    Rate,
)
from compiler.plan.admin_rules import AdminRulePlan
from compiler.plan.node import NodePlan, plan_node
from compiler.values.labels import Selector
from tests.backends.iptables.plans import ORIGIN, admin_rule, networks, node_plan
from tests.cluster import egress
from tests.cluster.bundle import Cluster
from tests.cluster.egress import ELSEWHERE, FOO, LISTED
from tests.cluster.host import OUTSIDE, POD, SHOP_POD, Flavour, Host
from tests.cluster.leaving import PATIENCE, connected, listening, send
from tests.compiling import CLUSTER, compiled, declare
from tests.lab.namespaces import Namespace
from tests.lab.probes import Outcome, Probe, Prober

ACCEPT, DROP, REJECT = AdminVerdict
WAIT = 0.4  # seconds; nothing heard for so long counts as lost


def tried(prober: Prober, start: Namespace, address: str, port: int = 8080) -> Outcome:
    (outcome,) = prober.run([Probe(start, address, "tcp", port)], WAIT)
    return outcome


@pytest.mark.behaviour("AR-01", "AR-02")
def test_verdicts_in_their_order(bare: Host, flavour: Flavour) -> None:
    rules = [
        admin_rule(ACCEPT, [f"{POD}/32"], [f"{OUTSIDE}/32"], ["tcp/80-81"]),
        admin_rule(REJECT, None, None, ["tcp/80", "udp/80"]),
        admin_rule(DROP, None, None, ["tcp/81", "udp/81"]),
    ]
    bare.put(flavour, node_plan(rules=rules))
    pod, other = bare.pods[POD], bare.pods[SHOP_POD]

    with listening(bare, 80, 81, 82), ExitStack() as stack:
        assert connected(stack, pod, 80, 81) == [True, True]
        assert connected(stack, other, 80, 82) == [False, True]
        with other.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
            client.settimeout(WAIT)
            assert client.connect_ex((OUTSIDE, 81)) in (errno.EAGAIN, errno.ETIMEDOUT)
    for port, refused in ((80, True), (81, False)):
        with other.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(PATIENCE if refused else WAIT)
            client.connect((OUTSIDE, port))
            client.send(b"hello")
            with pytest.raises(ConnectionRefusedError if refused else TimeoutError):
                client.recv(64)


@pytest.mark.behaviour("AR-02", "AR-04")
def test_accept_leaves_the_nodes_own_rules_in_force(bare: Host, flavour: Flavour, prober: Prober) -> None:
    """No pod sends VXLAN, whatever the administrator accepts."""
    bare.put(flavour, node_plan(rules=[admin_rule(ACCEPT)]))
    for port in (4789, 4790):
        prober.listen(bare.outside, "udp", port)

    outcomes = prober.run([Probe(bare.pods[POD], OUTSIDE, "udp", port) for port in (4789, 4790)], WAIT)

    assert [outcome.answered for outcome in outcomes] == [False, True]


@pytest.mark.behaviour("AR-02")
def test_logs_count_and_limited_logs_count_less(bare: Host, flavour: Flavour) -> None:
    rules = [
        admin_rule(AdminLog("all "), None, None, ["udp/9000"]),
        admin_rule(AdminLog("few ", Rate(5, "hour")), None, None, ["udp/9000"]),
        admin_rule(AdminLog("none "), None, None, ["udp/9001"]),
    ]
    bare.put(flavour, node_plan(rules=rules))

    send(bare.pods[POD], 20)

    assert bare.packets(flavour, ADMIN_RULES) == [20, 5, 0]


@pytest.mark.behaviour("AR-02")
def test_a_rate_of_a_log_goes_on_when_rules_change(bare: Host, flavour: Flavour) -> None:
    log = admin_rule(AdminLog("few ", Rate(5, "hour")))
    bare.put(flavour, node_plan(rules=[log]))
    send(bare.pods[POD], 20)

    bare.put(flavour, node_plan(rules=[log, admin_rule(DROP, None, None, ["tcp/25"])]))
    send(bare.pods[POD], 20)

    assert bare.packets(flavour, ADMIN_RULES) == [0, 0]


@pytest.mark.behaviour("AR-02")
@pytest.mark.parametrize("per_source", [False, True], ids=["together", "per-source"])
def test_new_connections_above_a_rate_are_refused(bare: Host, flavour: Flavour, per_source: bool) -> None:
    limit = AdminLimit(rate=Rate(3, "hour"), per_source=per_source)
    bare.put(flavour, node_plan(rules=[admin_rule(limit, None, None, ["tcp/80", "tcp/82", "udp/9000"])]))

    with listening(bare, 80, 81, 82), ExitStack() as stack:
        assert connected(stack, bare.pods[POD], 80, 82, 80, 80, 82) == [True, True, True, False, False]
        assert connected(stack, bare.pods[POD], 81, 81, 81, 81) == [True] * 4
        assert connected(stack, bare.pods[SHOP_POD], 80, 80) == [per_source, per_source]


@pytest.mark.behaviour("AR-02")
def test_a_stream_of_datagrams_is_one_connection(bare: Host, flavour: Flavour, prober: Prober) -> None:
    """Nobody answers it, so that conntrack takes each of its packets for the first."""
    limit = AdminLimit(rate=Rate(2, "hour"))
    bare.put(flavour, node_plan(rules=[admin_rule(limit, None, None, ["udp/9000"]), admin_rule(AdminLog("on "))]))

    send(bare.pods[POD], 10)
    assert bare.packets(flavour, ADMIN_RULES) == [10, 10]
    for _ in range(3):
        send(bare.pods[POD], 1)

    assert bare.packets(flavour, ADMIN_RULES) == [13, 11]


@pytest.mark.behaviour("AR-02")
@pytest.mark.parametrize("per_source", [False, True], ids=["together", "per-source"])
def test_connections_at_one_time_above_a_number_are_refused(bare: Host, flavour: Flavour, per_source: bool) -> None:
    """The ports take several lines; one number holds for all."""
    ports = range(80, 120, 2)
    limit = AdminLimit(at_once=3, per_source=per_source)
    rules = [admin_rule(limit, None, None, [*(f"tcp/{port}" for port in ports), "udp/9000"])]
    bare.put(flavour, node_plan(rules=rules))
    pod, other = bare.pods[POD], bare.pods[SHOP_POD]

    with listening(bare, 81, *ports), ExitStack() as stack:
        with ExitStack() as first:
            assert connected(first, pod, 80) == [True]
            assert connected(stack, pod, 118, 80, 80, 118) == [True, True, False, False]
            bare.load(flavour)
            assert connected(stack, pod, 80, 81) == [False, True]
            assert connected(stack, other, 82) == [per_source]
        time.sleep(0.1)  # the kernel takes a few ticks to forget connections that it refused
        assert connected(stack, pod, 80, 80) == [True, False]


@pytest.mark.behaviour("AR-01")
def test_what_does_not_leave_the_cluster_does_not_pass(bare: Host, flavour: Flavour, prober: Prober) -> None:
    """A service's traffic leaves tun0 and goes back into it."""
    bare.put(flavour, node_plan(rules=[admin_rule(AdminLog("seen "))]))
    for place in (bare.outside, bare.node, bare.pods[POD]):
        prober.listen(place, "tcp", 8080)
    bare.iptables(flavour, f"-t nat -A PREROUTING -d 172.30.0.9 -j DNAT --to-destination {POD}")
    bare.iptables(flavour, "-t nat -A POSTROUTING -o tun0 -j MASQUERADE")

    assert tried(prober, bare.pods[SHOP_POD], "172.30.0.9").answered
    assert tried(prober, bare.pods[SHOP_POD], POD).answered
    assert tried(prober, bare.pods[SHOP_POD], "10.128.0.1").answered
    assert bare.packets(flavour, ADMIN_RULES) == [0]
    assert tried(prober, bare.pods[SHOP_POD], OUTSIDE).answered
    assert bare.packets(flavour, ADMIN_RULES) != [0]


NODES_AND_PODS = f"""
{CLUSTER}
project shop {{}}
project blog {{}}
pod blog/blog-1 {{ node node-1  address {POD} }}
pod shop/web-1 {{ node node-1  address {SHOP_POD} }}
pod shop/web-2 {{ node node-2  address 10.128.2.3 }}
"""


def plan_of(name: str, *blocks: AdminRules) -> NodePlan:
    """The plan of a node of NODES_AND_PODS with blocks of administrator's rules."""
    compilation = compiled(declare(NODES_AND_PODS))
    model = evolve(compilation.model, admin_rules=blocks)
    (node,) = (node for node in model.nodes if node.name == name)
    return plan_node(model, compilation.policy, compilation.firewalls, node)


@pytest.mark.behaviour("AR-02")
def test_a_project_is_its_pods_on_the_node(bare: Host, flavour: Flavour) -> None:
    rule = AdminRule(ORIGIN, REJECT, (ProjectSource(ORIGIN, "shop"), *networks("203.0.113.0/24")))
    plan = plan_of("node-1", AdminRules("10-shop", ORIGIN, None, (rule,)))
    bare.put(flavour, plan)

    with listening(bare, 80), ExitStack() as stack:
        assert connected(stack, bare.pods[POD], 80) == [True]
        assert connected(stack, bare.pods[SHOP_POD], 80) == [False]
    assert sources(plan.admin_rules[0]) == [f"{SHOP_POD}/32", "203.0.113.0/24"]
    assert sources(plan_of("node-2", AdminRules("10-shop", ORIGIN, None, (rule,))).admin_rules[0]) == [
        "10.128.2.3/32",
        "203.0.113.0/24",
    ]


def sources(rule: AdminRulePlan) -> list[str]:
    return [str(block.prefix) for block in rule.sources or ()]


@pytest.mark.behaviour("AR-02")
def test_nodes_that_are_not_selected_and_projects_without_pods_have_no_rules(bare: Host, flavour: Flavour) -> None:
    everywhere = AdminRule(ORIGIN, REJECT)
    of_blog = AdminRule(ORIGIN, REJECT, (ProjectSource(ORIGIN, "blog"),))
    plan = plan_of(
        "node-2",
        AdminRules("10-edge", ORIGIN, Selector.equal({"zone": "edge"}), (everywhere,)),
        AdminRules("20-blog", ORIGIN, None, (of_blog,)),
    )

    bare.put(flavour, plan)

    assert bare.listed(flavour, "filter", ADMIN) == [ADMIN_JUMP]
    assert bare.listed(flavour, "filter", ADMIN_RULES) == []


@pytest.mark.behaviour("AR-01", "AR-02")
def test_what_the_egress_firewall_denies_never_reaches_the_chain(egress_cluster: Cluster) -> None:
    rules = f"""
    firewall shop {{ allow any to {LISTED}, {FOO}  deny any to anyone }}
    admin-rules 10-seen {{ log "seen " any from project shop to anyone  reject any from anyone to {FOO} }}
    """
    egress_cluster.install({"cluster.sdn": egress.cluster(rules)})

    def seen() -> tuple[int, int]:
        shown = egress_cluster.lab.run("node-1", ["iptables", "-v", "-S"]).splitlines()
        return (
            sum(int(line.split(" -c ")[1].split()[0]) for line in shown if line.startswith(f"-A {ADMIN} ")),
            sum(int(line.split(" -c ")[1].split()[0]) for line in shown if "-j LOG" in line),
        )

    denied = egress.attempts(["shop/web-1"], {ELSEWHERE: False})
    assert egress_cluster.mismatches(denied) == {}
    assert seen() == (0, 0)
    judged = egress.attempts(["shop/web-1"], {LISTED: True, FOO: False})
    assert egress_cluster.mismatches(judged) == {}
    passed, logged = seen()
    assert passed == logged > 0
