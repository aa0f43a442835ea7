"""Egress firewalls of a node: what its tables say, what is shared, which numbers stay."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise
from random import Random

import pytest
from attrs import evolve

from compiler.model.model import AddressRanges, AddressRule
from compiler.origin import Origin
from compiler.plan.firewall import (
    ALLOW_ALL,
    DENY_ALL,
    NO_FIREWALL,
    AddressList,
    FirewallPlan,
    PortEntry,
    ProjectFirewall,
    plan_firewalls,
)
from compiler.policy.firewall import fold_firewalls
from compiler.values.prefix import ALL_ONES, Prefix
from compiler.values.services import Protocol
from tests.policy.lists import (
    ADDRESS_EDGES,
    ADDRESSES,
    PORT_EDGES,
    SERVICES,
    SOURCE,
    Packet,
    allowed,
    first_matching,
    model,
    network,
    random_rules,
    rule,
    tcp,
)

EVERYWHERE: AddressRanges = ((0, ALL_ONES),)
OFFICE = [rule(0, True, network("192.0.2.0/24")), rule(1, False, EVERYWHERE)]
MAIL = [rule(0, True, network("192.0.2.7"), tcp(25)), rule(1, False, EVERYWHERE, tcp(25))]


def plan(*lists: Sequence[AddressRule] | None, netids: Collection[int] = range(100)) -> FirewallPlan:
    """The plan of a node that has pods with these NetIDs; the lists are those of the NetIDs 1, 2, …"""
    return plan_firewalls(fold_firewalls(model(*lists)), netids)


def longest(addresses: AddressList, address: int) -> int | None:
    """The position of the entry that decides about an address."""
    matching = [at for at, entry in enumerate(addresses.entries) if address in entry.prefix]
    return max(matching, key=lambda at: addresses.entries[at].prefix.length, default=None)


def list_allows(planned: FirewallPlan, number: int, address: int) -> bool:
    if number in (ALLOW_ALL, DENY_ALL):
        return number == ALLOW_ALL
    (addresses,) = [one for one in planned.lists if one.number == number]
    entry = longest(addresses, address)
    return entry is None or addresses.entries[entry].allow


def covers(entry: PortEntry, packet: Packet) -> bool:
    return entry.protocol is packet[0] and entry.first <= packet[1] < entry.first + (1 << 16 - entry.length)


def list_for(planned: FirewallPlan, project: ProjectFirewall, packet: Packet) -> int:
    """The number of the list that decides about a packet."""
    if project.policy is None:
        return project.list
    (policy,) = [one for one in planned.policies if one.number == project.policy]
    matching = [entry for entry in policy.entries if covers(entry, packet)]
    return max(matching, key=lambda entry: entry.length).list if matching else policy.otherwise


@pytest.mark.behaviour("EF-01")
def test_tables_say_what_the_rules_say() -> None:
    random = Random(11)
    policies = 0
    for _ in range(60):
        rules = random_rules(random, random.randint(1, 7), random.choice([0.0, 0.5]))
        planned = plan(rules)
        (project,) = planned.projects
        policies += project.policy is not None
        for packet in SERVICES:
            number = list_for(planned, project, packet)
            for address in ADDRESSES:
                assert list_allows(planned, number, address) == allowed(rules, address, packet)
    assert 10 < policies < 50


@pytest.mark.behaviour("EF-01")
@pytest.mark.parametrize("count", [1_000, 10_000])
def test_the_table_of_a_long_list_says_what_its_rules_say(count: int) -> None:
    random = Random(count)
    rules = []
    for position in range(count):
        length = random.randint(12, 32)
        first = random.getrandbits(32) >> 32 - length << 32 - length
        rules.append(rule(position, random.random() < 0.5, ((first, first | ALL_ONES >> length),)))
    (addresses,) = plan(rules).lists
    table = {(entry.prefix.length, entry.prefix.network): entry.allow for entry in addresses.entries}
    edges = [edge + step for one in random.sample(rules, 60) for edge in one.addresses[0] for step in (-1, 0, 1)]
    seen = set()

    for address in {edge & ALL_ONES for edge in edges} | {random.getrandbits(32) for _ in range(60)}:
        matching = (table.get((length, Prefix.covering(address, length).network)) for length in range(32, -1, -1))
        verdict = next((allow for allow in matching if allow is not None), True)
        assert verdict == allowed(rules, address, (None, 0))
        seen.add(verdict)
    assert seen == {True, False}
    assert len(addresses.entries) < count


@pytest.mark.behaviour("EF-01")
def test_lists_are_minimal() -> None:
    (addresses,) = plan(OFFICE).lists

    assert [(str(entry.prefix), entry.allow) for entry in addresses.entries] == [
        ("0.0.0.0/0", False),
        ("192.0.2.0/24", True),
    ]


def test_only_projects_with_pods_on_the_node_are_planned() -> None:
    planned = plan(OFFICE, MAIL, [rule(0, False, network("1.2.3.0/24"))], None, netids={0, 2})

    assert [project.project for project in planned.projects] == ["p2"]
    assert planned == plan([], MAIL, netids={2})
    assert plan(OFFICE, MAIL, netids=()) == NO_FIREWALL
    assert plan() == NO_FIREWALL


@pytest.mark.behaviour("EF-05")
def test_firewalls_that_need_no_table() -> None:
    planned = plan([], [rule(0, False, EVERYWHERE)], None, [rule(0, True, network("1.2.3.4"), tcp(80))])

    assert [(one.policy, one.list) for one in planned.projects] == [
        (None, ALLOW_ALL),
        (None, DENY_ALL),
        (None, DENY_ALL),
        (None, ALLOW_ALL),
    ]
    assert (planned.policies, planned.lists) == ((), ())


def test_equal_firewalls_share_their_tables_however_they_are_written() -> None:
    other = [
        rule(0, True, network("192.0.2.128/25")),
        rule(1, True, network("192.0.2.0/25")),
        rule(2, False, network("0.0.0.0/0")),
        rule(3, True, EVERYWHERE),
    ]
    planned = plan(OFFICE, [moved(one, 2) for one in other])

    (addresses,) = planned.lists
    everywhere, office = addresses.entries
    assert {(one.policy, one.list) for one in planned.projects} == {(None, addresses.number)}
    assert [origin.at for origin in everywhere.origins] == [(1, 1), (2, 2)]
    assert [origin.at for origin in office.origins] == [(1, 0), (2, 0), (2, 1)]


def moved(one: AddressRule, netid: int) -> AddressRule:
    """The rule as one of another project."""
    assert isinstance(one.origin.at, tuple)
    return evolve(one, origin=Origin(SOURCE, (netid, *one.origin.at[1:])))


def test_port_classes_share_lists_with_each_other_and_with_other_projects() -> None:
    web = [
        rule(0, True, network("192.0.2.0/24"), (*tcp(80), *tcp(443))),
        rule(1, True, network("192.0.2.0/24"), tcp(8080)),
        rule(2, False, EVERYWHERE),
    ]
    planned = plan(web, OFFICE)

    (policy,) = planned.policies
    (addresses,) = planned.lists
    assert [(entry.first, entry.length, entry.list) for entry in policy.entries] == [
        (80, 16, addresses.number),
        (443, 16, addresses.number),
        (8080, 16, addresses.number),
    ]
    assert policy.otherwise == DENY_ALL
    assert [(one.policy, one.list) for one in planned.projects] == [
        (policy.number, DENY_ALL),
        (None, addresses.number),
    ]
    assert [[origin.at for origin in entry.origins] for entry in policy.entries] == [[(1, 0)], [(1, 0)], [(1, 1)]]


def test_equal_policies_share_their_tables() -> None:
    planned = plan(MAIL, [moved(one, 2) for one in MAIL])

    (policy,) = planned.policies
    (entry,) = policy.entries
    assert [one.policy for one in planned.projects] == [policy.number, policy.number]
    assert [origin.at for origin in entry.origins] == [(1, 0), (1, 1), (2, 0), (2, 1)]


@pytest.mark.behaviour("OUT-02")
def test_a_new_firewall_renumbers_nobody() -> None:
    random = Random(2)
    lists = [random_rules(random, 5) for _ in range(30)]
    before, after = plan(*lists), plan(*lists, random_rules(random, 5), OFFICE)

    assert set(before.projects) < set(after.projects)
    assert set(before.policies) < set(after.policies)
    assert set(before.lists) < set(after.lists)
    assert len(before.lists) > 20
    numbers = {one.number for one in after.lists} | {one.number for one in after.policies}
    assert numbers.isdisjoint({ALLOW_ALL, DENY_ALL})


@pytest.mark.behaviour("OUT-02")
def test_a_number_does_not_depend_on_the_project() -> None:
    (first,), (second,) = plan(MAIL).policies, plan([], MAIL).policies

    assert first == second
    assert plan(MAIL).lists == plan([], MAIL).lists


@pytest.mark.behaviour("OUT-03")
def test_an_entry_has_the_origins_of_the_rules_that_decide_for_it() -> None:
    random = Random(13)
    entries = 0
    for _ in range(100):
        rules = random_rules(random, random.randint(1, 6), random.choice([0.0, 0.5]))
        planned = plan(rules)
        (project,) = planned.projects
        for addresses in planned.lists:
            packets = [one for one in SERVICES if list_for(planned, project, one) == addresses.number]
            assert packets
            assert [{origin.at for origin in entry.origins} for entry in addresses.entries] == expected_address_origins(
                rules, addresses, packets
            )
            entries += len(addresses.entries)
    assert entries > 300


def expected_address_origins(
    rules: Sequence[AddressRule], addresses: AddressList, packets: Sequence[Packet]
) -> list[set[object]]:
    """The rules that decide where an entry is the longest match: all pieces that no bound divides are tried."""
    bounds = {bound for entry in addresses.entries for bound in (entry.prefix.network, entry.prefix.last + 1)}
    deciding: list[set[int | None]] = [set() for _ in addresses.entries]
    for address in sorted(bounds.union(ADDRESS_EDGES) - {ALL_ONES + 1}):
        entry = longest(addresses, address)
        if entry is not None:
            deciding[entry].update(first_matching(rules, address, packet) for packet in packets)
    return [{(1, at) for at in positions if at is not None} or {(1, 999)} for positions in deciding]


@pytest.mark.behaviour("OUT-03")
def test_a_port_entry_has_the_origins_of_the_rules_for_its_ports() -> None:
    random = Random(17)
    entries = 0
    for _ in range(100):
        rules = random_rules(random, random.randint(1, 6), 0.7)
        for policy in plan(rules).policies:
            for protocol in Protocol:
                own = [entry for entry in policy.entries if entry.protocol is protocol]
                bounds = {bound for one in own for bound in (one.first, one.first + (1 << 16 - one.length))}
                expected: list[set[int]] = [set() for _ in own]
                for port in sorted(bounds.union(PORT_EDGES) - {65536}):
                    matching = [at for at, entry in enumerate(own) if covers(entry, (protocol, port))]
                    if matching:
                        at = max(matching, key=lambda at: own[at].length)
                        firsts = {first_matching(rules, address, (protocol, port)) for address in ADDRESSES}
                        expected[at] |= {one for one in firsts if one is not None and rules[one].ports is not None}
                told = [{origin.at for origin in entry.origins} for entry in own]
                assert told == [{(1, one) for one in positions} or {(1, 999)} for positions in expected]
                entries += len(own)
    assert entries > 100


def test_port_ranges_are_prefixes_as_few_as_can_be() -> None:
    (policy,) = plan([rule(0, False, EVERYWHERE, tcp(1, 65535))]).policies

    assert [(entry.first, entry.length, entry.list) for entry in policy.entries] == [
        (0, 0, DENY_ALL),
        (0, 16, ALLOW_ALL),
    ]


def test_texts_tell_the_shorter_way_in_one_line() -> None:
    many = [rule(i, False, network(f"192.0.2.{2 * i}")) for i in range(100)]
    planned = plan(OFFICE, many, MAIL)
    texts = {one.list: "" for one in planned.projects} | {one.number: one.text for one in planned.lists}
    office, hosts, _ = (texts[one.list] for one in planned.projects)

    assert office == "allows only 192.0.2.0/24"
    assert hosts == "denies 192.0.2.0, 192.0.2.2, 192.0.2.4, 97 more"
    assert planned.policies[0].text == "tcp/25 allows only 192.0.2.7; else allows everything"


def test_plans_are_sorted() -> None:
    random = Random(4)
    planned = plan(*(random_rules(random, 6) for _ in range(20)))

    for numbers in (
        [one.netid for one in planned.projects],
        [one.number for one in planned.policies],
        [one.number for one in planned.lists],
    ):
        assert all(one < other for one, other in pairwise(numbers))
