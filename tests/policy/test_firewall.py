"""Folded egress firewalls, held against trying rule after rule."""

from __future__ import annotations

from itertools import pairwise, product
from random import Random

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from compiler.model.model import AddressRanges, AddressRule
from compiler.policy.firewall import FirewallFunction, PortClass, fold_firewalls
from compiler.values.prefix import ALL_ONES
from compiler.values.services import Protocol
from tests.policy.lists import (
    ADDRESSES,
    CELLS,
    SERVICES,
    allowed,
    cell_ranges,
    first_matching,
    fold,
    model,
    network,
    random_rules,
    rule,
    tcp,
)

EVERYWHERE: AddressRanges = ((0, ALL_ONES),)

rule_lists = st.builds(random_rules, st.randoms(use_true_random=False), st.integers(0, 8))


def verdicts(rules: tuple[AddressRule, ...]) -> list[bool]:
    """What a list says of every kind of packet there is at its edges."""
    return [allowed(rules, address, service) for address in ADDRESSES for service in SERVICES]


def assert_canonical(function: FirewallFunction) -> None:
    for denied in (function.otherwise, *(one.denied for one in function.ports)):
        assert all(first <= last for first, last in denied)
        assert all(one[1] + 1 < other[0] for one, other in pairwise(denied))
    places = [(one.protocol.value, one.first, one.last) for one in function.ports]
    assert places == sorted(places)
    assert all(0 <= one.first <= one.last <= 65535 and one.denied != function.otherwise for one in function.ports)
    for one, other in pairwise(function.ports):
        if one.protocol is other.protocol:
            assert one.last < other.first
            assert one.last + 1 < other.first or one.denied != other.denied


@pytest.mark.behaviour("EF-01")
@given(rule_lists)
def test_the_first_match_decides_and_no_match_allows(rules: tuple[AddressRule, ...]) -> None:
    folded = fold(rules)

    assert folded.function is not None
    assert_canonical(folded.function)
    for address, (protocol, port) in product(ADDRESSES, SERVICES):
        assert folded.function.allows(address, protocol, port) == allowed(rules, address, (protocol, port))


@given(rule_lists)
def test_who_decides_is_told_for_every_packet(rules: tuple[AddressRule, ...]) -> None:
    folded = fold(rules)

    for address, (protocol, port) in product(ADDRESSES, SERVICES):
        groups = [
            group
            for group in folded.groups[1:]
            if any(one.protocol is protocol and one.first <= port <= one.last for one in group.ports or ())
        ]
        assert len(groups) <= 1
        (decider,) = (groups or folded.groups)[0].deciders.between(address, address)
        first = first_matching(rules, address, (protocol, port))
        assert decider == (len(rules) if first is None else first)
        assert folded.decider(address, protocol, port) is (None if first is None else rules[first])


def split(rules: tuple[AddressRule, ...], random: Random) -> tuple[AddressRule, ...]:
    """One rule as two, each with some of its addresses."""
    at = random.randrange(len(rules))
    inside = [cell for cell, (first, _) in enumerate(CELLS) if any(a <= first <= b for a, b in rules[at].addresses)]
    one = random.sample(inside, random.randint(0, len(inside)))
    other = [cell for cell in inside if cell not in one or random.random() < 0.3]
    parts = [evolve(rules[at], addresses=cell_ranges(cells)) for cells in (one, other)]
    return (*rules[:at], *parts, *rules[at + 1 :])


def split_ports(rules: tuple[AddressRule, ...], random: Random) -> tuple[AddressRule, ...]:
    """One rule as several: one for each of its ranges of ports."""
    at = random.randrange(len(rules))
    ports = rules[at].ports
    parts = [rules[at]] if ports is None else [evolve(rules[at], ports=(one,)) for one in ports]
    return (*rules[:at], *parts, *rules[at + 1 :])


def repeat(rules: tuple[AddressRule, ...], random: Random) -> tuple[AddressRule, ...]:
    """A rule once more, somewhere behind, with the opposite action: it decides nothing there."""
    at = random.randrange(len(rules))
    behind = random.randint(at + 1, len(rules))
    return (*rules[:behind], evolve(rules[at], allow=not rules[at].allow), *rules[behind:])


def say_the_default(rules: tuple[AddressRule, ...], random: Random) -> tuple[AddressRule, ...]:
    return (*rules, rule(len(rules), True, EVERYWHERE, random.choice([None, tcp(80)])))


def swap(rules: tuple[AddressRule, ...], random: Random) -> tuple[AddressRule, ...]:
    """Two neighbours with one action the other way round."""
    at = random.randrange(len(rules))
    if at + 1 == len(rules) or rules[at].allow != rules[at + 1].allow:
        return rules
    return (*rules[:at], rules[at + 1], rules[at], *rules[at + 2 :])


@pytest.mark.parametrize("rewrite", [split, split_ports, repeat, say_the_default, swap])
def test_another_way_to_write_a_list_folds_to_the_same(rewrite: object) -> None:
    random = Random(1)
    assert callable(rewrite)
    changed = 0
    for _ in range(200):
        rules = random_rules(random, random.randint(1, 6))
        other = rewrite(rules, random)
        changed += other != rules

        assert verdicts(rules) == verdicts(other)
        assert fold(rules).function == fold(other).function
    assert changed > 20


def test_functions_are_equal_only_if_lists_decide_alike() -> None:
    """Every list of up to two rules over few addresses and ports, against every other."""
    pieces = [cell_ranges([]), cell_ranges([0]), cell_ranges([1]), cell_ranges([0, 1])]
    single = [
        rule(0, allow, addresses, ports)
        for allow in (True, False)
        for addresses in pieces
        for ports in (None, tcp(0, 79), tcp(80, 65535), tcp(0, 65535))
    ]
    lists = [(), *((one,) for one in single), *product(single, repeat=2)]
    meanings: dict[tuple[bool, ...], set[FirewallFunction | None]] = {}
    services = [(None, 0), (Protocol.TCP, 0), (Protocol.TCP, 80), (Protocol.UDP, 80)]
    for rules in lists:
        meaning = tuple(allowed(rules, CELLS[cell][0], service) for cell in (0, 1) for service in services)
        meanings.setdefault(meaning, set()).add(fold(rules).function)

    assert len(lists) == 1 + 32 + 32 * 32
    assert all(len(functions) == 1 for functions in meanings.values())
    assert len({function for functions in meanings.values() for function in functions}) == len(meanings) > 30


def test_the_example_of_the_module() -> None:
    rules = [
        rule(0, True, network("192.0.2.0/24"), tcp(443)),
        rule(1, False, network("192.0.2.0/25")),
        rule(2, True, network("192.0.2.0/24"), tcp(80)),
    ]

    assert fold(rules).function == FirewallFunction(
        network("192.0.2.0/25"), (PortClass(Protocol.TCP, 443, 443, denied=()),)
    )


@pytest.mark.behaviour("EF-01")
def test_the_order_counts() -> None:
    """The example of OpenShift's documentation, and the other way round."""
    rules = [rule(0, True, network("1.2.3.0/24")), rule(1, False, EVERYWHERE)]
    address = network("1.2.3.4")[0][0]
    forth, back = fold(rules).function, fold(rules[::-1]).function

    assert forth is not None and back is not None
    assert forth.allows(address, Protocol.TCP, 80)
    assert not forth.allows(address + 256, Protocol.TCP, 80)
    assert not back.allows(address, Protocol.TCP, 80)
    assert back == FirewallFunction(EVERYWHERE)


def test_a_rule_without_addresses_divides_no_ports() -> None:
    assert len(fold([rule(0, False, (), tcp(80)), rule(1, False, EVERYWHERE)]).groups) == 1


@pytest.mark.behaviour("EF-05")
def test_a_broken_firewall_has_no_function() -> None:
    first, broken, last = fold_firewalls(model([rule(0, False, EVERYWHERE)], None, []))

    assert (broken.project, broken.netid, broken.function) == ("p2", 2, None)
    assert broken.origins
    assert (first.netid, last.netid, last.function) == (1, 3, FirewallFunction())


@pytest.mark.behaviour("EF-01")
@pytest.mark.parametrize(("count", "ports"), [(1_000, 0.0), (10_000, 0.0), (10_000, 0.02), (1_000, 0.5)])
def test_long_lists_say_what_their_rules_say(count: int, ports: float) -> None:
    random = Random(count)
    rules = []
    for position in range(count):
        length = random.randint(12, 32)
        network = random.getrandbits(32) >> 32 - length << 32 - length
        first = random.randrange(200) * 300
        told = tcp(first, first + random.randrange(600)) if random.random() < ports else None
        rules.append(rule(position, random.random() < 0.5, ((network, network | ALL_ONES >> length),), told))
    function = fold(rules).function
    edges = [edge + step for one in random.sample(rules, 25) for edge in one.addresses[0] for step in (-1, 0, 1)]
    addresses = {edge & ALL_ONES for edge in edges} | {random.getrandbits(32) for _ in range(25)}
    services = [(None, 0), (Protocol.UDP, 53), (Protocol.TCP, random.randrange(60_000))]

    assert function is not None
    seen = set()
    for address, service in product(addresses, services):
        verdict = function.allows(address, *service)
        assert verdict == allowed(rules, address, service)
        seen.add(verdict)
    assert seen == {True, False}
