"""iptables.rules: golden files to look at, and what has to hold of each; tests/cluster/test_iptables.py has packets."""

from __future__ import annotations

import re
from itertools import product

import pytest
from syrupy.assertion import SnapshotAssertion

from backends.ethernet import mac_of
from backends.iptables import render
from backends.iptables.chains import ADMIN, JUMPS, REFUSE
from compiler.plan.node import NodePlan
from compiler.values.prefix import parse_address
from tests.backends.iptables.plans import HOSTED, LAB_IP, NODE, SHOP_IP, TWO_NETWORKS, node_plan

PLANS = {
    "no-egress-ip": node_plan(),
    "egress-ips": node_plan(SHOP_IP, LAB_IP),
    "two-networks": node_plan(SHOP_IP, network=TWO_NETWORKS),
}
MODES = ("subnet", "multitenant", "networkpolicy")


def rules(plan: NodePlan) -> str:
    return render(plan)["iptables.rules"].text


def chains(plan: NodePlan) -> dict[str, dict[str, list[str]]]:
    """The rules of each chain of each table, comments left out."""
    tables: dict[str, dict[str, list[str]]] = {}
    for line in rules(plan).splitlines():
        match line.split(maxsplit=2):
            case [table] if table.startswith("*"):
                chains: dict[str, list[str]] = tables.setdefault(table[1:], {})
            case [chain, "-", "[0:0]"]:
                assert chain[1:] not in chains
                chains[chain[1:]] = []
            case ["-A", chain, rule]:
                chains[chain].append(re.sub(r' ?-m comment --comment "[^"]*"', "", rule).strip())
            case _:
                assert line == "COMMIT" or line.startswith("#")
    return tables


@pytest.mark.parametrize("name", PLANS)
def test_iptables_rules(name: str, golden: SnapshotAssertion) -> None:
    assert rules(PLANS[name]) == golden


@pytest.mark.behaviour("AR-04")
@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_only_chains_of_the_nodes_own_are_named(plan: NodePlan) -> None:
    """A chain that the file names is emptied, so that no built-in chain and not the administrators' may be in it."""
    for table, own in chains(plan).items():
        targets = {jump.rule.split()[-1] for jump in JUMPS if jump.table == table} - {ADMIN}
        inner = {"nat": {"OPENSHIFT-MASQUERADE-2"}, "filter": {"SDNC-ADMIN-RULES", "SDNC-ADMIN-REJECT"}}
        assert own.keys() == targets | inner.get(table, set())
    assert ADMIN not in rules(plan)


@pytest.mark.behaviour("AR-04")
def test_chains_have_names_that_the_kernel_takes() -> None:
    names = {chain for own in chains(PLANS["egress-ips"]).values() for chain in own} | {ADMIN}

    assert all(len(name) <= 28 for name in names)  # XT_EXTENSION_MAXNAMELEN less the end


@pytest.mark.behaviour("AR-04")
@pytest.mark.parametrize("mode", MODES)
def test_the_chains_do_not_depend_on_the_mode(mode: str) -> None:
    assert rules(node_plan(SHOP_IP, mode=mode)) == rules(node_plan(SHOP_IP))


@pytest.mark.behaviour("EI-01")
def test_each_hosted_address_has_a_mark_and_a_translation_of_each_pod_network() -> None:
    own = chains(node_plan(SHOP_IP, LAB_IP, network=TWO_NETWORKS))

    assert own["mangle"]["OPENSHIFT-EGRESS-IPS"] == [
        f"-i tun0 -m mac --mac-source {mac_of(parse_address(address))} -j MARK --set-xmark {number << 16:#x}/0x3fff0000"
        for address, (_, number) in HOSTED.items()
    ]
    assert own["nat"]["OPENSHIFT-MASQUERADE"] == [
        *(
            f"-s {network} ! -o tun0 -m mark --mark {number << 16:#x}/0x3fff0000 -j SNAT --to-source {address}"
            for (address, (_, number)), network in product(HOSTED.items(), ("10.128.0.0/14", "10.132.0.0/14"))
        ),
        "-s 10.128.0.0/14 -j OPENSHIFT-MASQUERADE-2",
        "-s 10.132.0.0/14 -j OPENSHIFT-MASQUERADE-2",
    ]
    assert own["nat"]["OPENSHIFT-MASQUERADE-2"] == [
        "-d 10.128.0.0/14 -j RETURN",
        "-d 10.132.0.0/14 -j RETURN",
        "-j MASQUERADE",
    ]


@pytest.mark.behaviour("EI-07")
def test_new_connections_to_hosted_addresses_are_rejected_before_anything_is_accepted() -> None:
    filter_chains = chains(node_plan(SHOP_IP, LAB_IP))["filter"]
    rejections = [f"-m conntrack --ctstate NEW --ctorigdst {address} -j {REFUSE}" for address in HOSTED]

    for chain in ("OPENSHIFT-FIREWALL-ALLOW", "OPENSHIFT-FIREWALL-FORWARD"):
        found = filter_chains[chain]
        first = next(place for place, rule in enumerate(found) if rule.endswith("ACCEPT"))
        assert [rule for rule in found[:first] if rule.endswith(REFUSE)] == rejections
    assert "ctorigdst" not in rules(node_plan())


@pytest.mark.behaviour("PN-13")
def test_the_vxlan_port_is_that_of_the_cluster() -> None:
    text = rules(PLANS["two-networks"])

    assert set(re.findall(r"--dport (\d+)", text)) == {"4790"}
    assert f"-d {NODE}/32 -p udp -m udp --dport 4790" in text


@pytest.mark.behaviour("OUT-02")
def test_another_address_adds_lines_and_changes_none() -> None:
    one, two = (set(rules(plan).splitlines()) for plan in (node_plan(SHOP_IP), node_plan(SHOP_IP, LAB_IP)))

    assert one < two
    assert all("egress IP of project lab" in line for line in two - one)
