"""iptables.rules of egress routers: golden files, and what has to hold of each; tests/cluster has packets."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from backends.macvlan import build_rules
from compiler.declarations import DnsProxy, HttpProxy, Redirects
from tests.backends.macvlan.plans import DNS, HERE, HTTP, PAGE, SOURCE, egress_router, origin, redirects
from tests.paths import ROOT

MODES: dict[str, Redirects | HttpProxy | DnsProxy] = {
    "page": PAGE,
    "no-fallback": redirects("80 tcp 203.0.113.25", "53 udp 203.0.113.53", "53 tcp 203.0.113.53 5353"),
    "single": redirects(fallback="203.0.113.25"),
    "http-proxy": HTTP,
    "dns-proxy": DNS,
}


def rules(destinations: Redirects | HttpProxy | DnsProxy, chain: str) -> list[str]:
    """The rules of a chain, without its name."""
    start = f"-A {chain} "
    lines = build_rules(egress_router(destinations)).text().splitlines()
    return [line.removeprefix(start) for line in lines if line.startswith(start)]


@pytest.mark.parametrize("mode", MODES)
def test_iptables_rules(mode: str, golden: SnapshotAssertion) -> None:
    assert build_rules(egress_router(MODES[mode])).text() == golden


@pytest.mark.behaviour("ER-07")
def test_the_fallback_is_behind_the_listed_ports() -> None:
    assert rules(PAGE, "EGRESS-ROUTER") == [
        "-p tcp -m tcp --dport 80 -j DNAT --to-destination 203.0.113.25:80",
        "-p tcp -m tcp --dport 8080 -j DNAT --to-destination 203.0.113.26:80",
        "-p tcp -m tcp --dport 8443 -j DNAT --to-destination 203.0.113.26:443",
        "-p tcp -j DNAT --to-destination 203.0.113.27",
        "-p udp -j DNAT --to-destination 203.0.113.27",
    ]


@pytest.mark.behaviour("ER-07")
@pytest.mark.parametrize("mode", MODES)
def test_what_arrives_by_macvlan0_is_neither_redirected_nor_accepted(mode: str) -> None:
    accepted = [rule for chain in ("INPUT", "FORWARD") for rule in rules(MODES[mode], chain) if "ACCEPT" in rule]
    replies = ("RELATED,ESTABLISHED", "--ctdir REPLY")

    assert all(rule.startswith("-i eth0 ") for rule in rules(MODES[mode], "PREROUTING"))
    assert all(rule.startswith(("-i eth0 ", "-i lo ")) or any(part in rule for part in replies) for rule in accepted)


@pytest.mark.behaviour("ER-07")
@pytest.mark.parametrize("mode", MODES)
def test_what_leaves_by_macvlan0_has_the_source_address(mode: str) -> None:
    assert rules(MODES[mode], "POSTROUTING") == [f"-o macvlan0 -j SNAT --to-source {SOURCE}"]


@pytest.mark.behaviour("ER-05")
@pytest.mark.parametrize(("mode", "ports"), [("http-proxy", [8080]), ("dns-proxy", [8080, 8081])])
def test_a_proxy_redirects_nothing_and_is_reached_at_its_ports(mode: str, ports: list[int]) -> None:
    assert rules(MODES[mode], "EGRESS-ROUTER") == []
    opened = [rule for rule in rules(MODES[mode], "INPUT") if "--dport" in rule]
    assert opened == [f"-i eth0 -p tcp -m tcp --dport {port} -j ACCEPT" for port in ports]


@pytest.mark.behaviour("OUT-03")
def test_each_rule_names_its_statement() -> None:
    tables = build_rules(egress_router(PAGE)).tables

    found = {rule.text.partition(" -j DNAT ")[2]: rule.origins for rule in tables["nat"] if " -j DNAT " in rule.text}
    assert found == {
        "--to-destination 203.0.113.25:80": (origin("line", 0),),
        "--to-destination 203.0.113.26:80": (origin("line", 1),),
        "--to-destination 203.0.113.26:443": (origin("line", 2),),
        "--to-destination 203.0.113.27": (HERE,),
    }
    assert all(rule.origins for table in tables.values() for rule in table)


def test_the_rules_that_the_document_shows_are_real() -> None:
    page = (ROOT / "docs" / "egress-routers.md").read_text()
    shown = [line for line in page.splitlines() if line.startswith("-A ")]

    assert shown == [rule.text for rule in build_rules(egress_router(PAGE)).tables["nat"]]
