"""Merging of administrator's rules: fewer rules, and each packet fares as before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations, groupby

import pytest
from attrs import evolve
from hypothesis import given

from compiler.declarations import AdminLimit, AdminLog, AdminVerdict, BlockPeer
from compiler.origin import Origin, Source, Span
from compiler.plan.admin_rules import AdminRulePlan
from compiler.plan.merge_admin_rules import AdminMatch, merge_admin_rules
from compiler.values.prefix import format_address
from compiler.values.services import Protocol, ServiceSet
from tests.backends.iptables.deciding import PACKETS, RULES, Packet, decided_by_rules
from tests.backends.iptables.plans import ORIGIN, admin_rule, networks

ACCEPT, DROP, REJECT = AdminVerdict
LOG = AdminLog("mail ")
ANY = "0.0.0.0-255.255.255.255"
MAIL, OFFICE = "198.51.100.0/24", "203.0.113.0/24"


def told(match: AdminMatch) -> tuple[object, str, str, str]:
    """A rule in words: action, services, sources, destinations."""

    def words(ranges: Sequence[tuple[int, int]]) -> str:
        return " ".join(f"{format_address(first)}-{format_address(last)}" for first, last in ranges)

    return match.action, str(match.services), words(match.sources), words(match.destinations)


def decided_by_matches(matches: Iterable[AdminMatch], packet: Packet) -> list[str]:
    """What merged rules do with a packet, in the words of `decided_by_rules`."""
    hit = [
        admin_rule(match.action)
        for match in matches
        if _is_in(match.sources, packet.source)
        and _is_in(match.destinations, packet.destination)
        and _is_at(match.services, packet)
    ]
    return decided_by_rules(hit, packet)


def _is_in(ranges: Sequence[tuple[int, int]], address: int) -> bool:
    return any(first <= address <= last for first, last in ranges)


def _is_at(services: ServiceSet, packet: Packet) -> bool:
    try:
        return packet.port in services.ports(Protocol(packet.protocol))
    except ValueError:
        return services.other


@pytest.mark.behaviour("AR-02")
@given(RULES)
def test_every_packet_fares_as_before(rules: list[AdminRulePlan]) -> None:
    merged = merge_admin_rules(rules)

    assert len(merged) <= len(rules)
    for packet in PACKETS:
        assert decided_by_matches(merged, packet) == decided_by_rules(rules, packet)


@given(RULES)
def test_what_can_be_merged_is_merged(rules: list[AdminRulePlan]) -> None:
    for (_, action), run in groupby(merge_admin_rules(rules), lambda match: (match.block, match.action)):
        parts = [(match.sources, match.destinations, match.services) for match in run]
        assert all(all(part) for part in parts)
        if isinstance(action, AdminVerdict):
            alike = [sum(a == b for a, b in zip(one, other, strict=True)) for one, other in combinations(parts, 2)]
            assert all(equal < 2 for equal in alike)


@pytest.mark.behaviour("AR-02")
@pytest.mark.parametrize(
    ("rules", "merged"),
    [
        (
            [admin_rule(DROP, None, [MAIL], ["tcp/80"]), admin_rule(DROP, None, [MAIL], ["tcp/443", "udp/443"])],
            [(DROP, "tcp/80,443 udp/443", ANY, "198.51.100.0-198.51.100.255")],
        ),
        (
            [admin_rule(DROP, ["10.128.0.2/32"]), admin_rule(DROP, ["10.128.0.3/32"])],
            [(DROP, "any", "10.128.0.2-10.128.0.3", ANY)],
        ),
        (
            [admin_rule(REJECT, None, [MAIL], ["tcp/25"]), admin_rule(REJECT, None, [OFFICE], ["tcp/25"])],
            [(REJECT, "tcp/25", ANY, "198.51.100.0-198.51.100.255 203.0.113.0-203.0.113.255")],
        ),
        (
            [
                admin_rule(DROP, None, [MAIL], ["tcp/25"]),
                admin_rule(DROP, None, [OFFICE], ["tcp/80"]),
                admin_rule(DROP, None, [MAIL], ["tcp/80"]),
                admin_rule(DROP, None, [OFFICE], ["tcp/25"]),
            ],
            [(DROP, "tcp/25,80", ANY, "198.51.100.0-198.51.100.255 203.0.113.0-203.0.113.255")],
        ),
        ([admin_rule(ACCEPT, []), admin_rule(ACCEPT, None, None, []), admin_rule(LOG, None, [])], []),
    ],
    ids=["ports", "sources", "destinations", "two-steps", "nothing"],
)
def test_rules_side_by_side_become_one(rules: list[AdminRulePlan], merged: list[object]) -> None:
    assert [told(match) for match in merge_admin_rules(rules)] == merged


@pytest.mark.behaviour("AR-02")
@pytest.mark.parametrize(
    "rules",
    [
        [admin_rule(LOG, None, None, ["tcp/25"]), admin_rule(LOG, None, None, ["tcp/26"])],
        [admin_rule(AdminLimit(at_once=5), None, None, ["tcp/25"]), admin_rule(AdminLimit(at_once=5))],
        [admin_rule(DROP, None, None, ["tcp/25"]), admin_rule(REJECT, None, None, ["tcp/26"])],
        [admin_rule(DROP, None, None, ["tcp/25"]), admin_rule(LOG), admin_rule(DROP, None, None, ["tcp/26"])],
        [admin_rule(DROP, None, None, ["tcp/25"]), admin_rule(ACCEPT), admin_rule(DROP, None, None, ["tcp/26"])],
        [admin_rule(DROP, None, None, ["tcp/25"], "a"), admin_rule(DROP, None, None, ["tcp/26"], "b")],
        [admin_rule(DROP, [MAIL], None, ["tcp/25"]), admin_rule(DROP, [OFFICE], None, ["tcp/26"])],
    ],
    ids=["logs", "limits", "verdicts", "log-between", "verdict-between", "blocks", "two-differences"],
)
def test_others_stay_as_they_are(rules: list[AdminRulePlan]) -> None:
    merged = merge_admin_rules(rules)

    assert [match.action for match in merged] == [rule.action for rule in rules]


def test_a_rule_that_matches_nothing_keeps_no_neighbours_apart() -> None:
    rules = [admin_rule(DROP, None, None, ["tcp/25"]), admin_rule(LOG, []), admin_rule(DROP, None, None, ["tcp/26"])]

    assert len(merge_admin_rules(rules)) == 1


@pytest.mark.behaviour("OUT-03")
def test_a_merged_rule_has_the_origins_of_all() -> None:
    one, other = (Origin(Source(name, "", lambda path: Span(1, 1, 2))) for name in ("a.sdn", "b.sdn"))
    rules = [
        evolve(admin_rule(DROP, None, None, ["tcp/25"]), origin=one),
        evolve(admin_rule(DROP, None, None, ["tcp/26"]), origin=other),
    ]

    assert [match.origins for match in merge_admin_rules(rules)] == [(one, other)]


def test_a_block_of_which_nothing_is_left_matches_nothing() -> None:
    whole = networks("10.0.0.0/8 except 10.0.0.0/9 10.128.0.0/9")

    assert merge_admin_rules([evolve(admin_rule(DROP), sources=whole)]) == ()
    assert merge_admin_rules([evolve(admin_rule(DROP), destinations=(BlockPeer(ORIGIN, None),))]) == ()
