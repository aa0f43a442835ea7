"""Rules that never decide and ways around the firewall, held against trying every kind of packet."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from attrs import evolve

from compiler import codes
from compiler.declarations import Endpoints, Route, Service
from compiler.diagnostics import Code, Diagnostic, Diagnostics
from compiler.model.model import AddressRanges, AddressRule
from compiler.origin import Origin
from compiler.policy.firewall import fold_firewalls
from compiler.policy.firewall_checks import MAX_RELATED, check_firewalls
from compiler.values.labels import SELECT_ALL
from compiler.values.prefix import ALL_ONES, parse_address
from compiler.values.services import Protocol
from tests.policy.lists import (
    CELLS,
    INSIDE,
    SERVICES,
    SOURCE,
    cell_ranges,
    first_matching,
    model,
    network,
    random_rules,
    rule,
    tcp,
)

EVERYWHERE: AddressRanges = ((0, ALL_ONES),)
Finding = tuple[int, Code, tuple[int, ...]]
"""The position of a rule, what is wrong with it, and the positions of the rules that hide it."""


def position(origin: Origin | None) -> int:
    assert origin is not None
    assert isinstance(origin.at, tuple)
    return int(origin.at[1])


def check(*lists: Sequence[AddressRule] | None, **more: Any) -> list[Diagnostic]:
    """The findings for firewalls of p1, p2, …; `more` are other fields of the model."""
    diagnostics = Diagnostics()
    cluster = evolve(model(*lists), **more)
    check_firewalls(cluster, fold_firewalls(cluster), diagnostics)
    return list(diagnostics.sorted())


def findings(rules: Sequence[AddressRule]) -> list[Finding]:
    return sorted(
        (position(one.origin), one.code, tuple(position(other.origin) for other in one.related)) for one in check(rules)
    )


def expected(rules: Sequence[AddressRule]) -> list[Finding]:
    """The findings by definition: every kind of packet is tried."""
    leaving = [
        (cell, service, first_matching(rules, CELLS[cell][0], service))
        for cell in range(len(CELLS))
        if cell not in INSIDE
        for service in SERVICES
    ]
    first = {decider for _, _, decider in leaving}
    result: list[Finding] = []
    for at, one in enumerate(rules):
        if at in first or not one.addresses:
            continue
        matching = {
            decider
            for cell, service, decider in leaving
            if decider is not None and first_matching([one], CELLS[cell][0], service) == 0
        }
        inside = all(any(CELLS[cell][0] <= a and b <= CELLS[cell][1] for cell in INSIDE) for a, b in one.addresses)
        result.append((at, codes.RULE_INSIDE if inside else codes.RULE_HIDDEN, tuple(sorted(matching))))
    return result


@pytest.mark.behaviour("EF-12")
@pytest.mark.parametrize("ports", [0.0, 0.5, 0.9])
def test_every_rule_that_never_decides_is_reported_and_no_other(ports: float) -> None:
    random = Random(7)
    counts = {codes.RULE_HIDDEN: 0, codes.RULE_INSIDE: 0}
    together = quiet = 0
    for _ in range(500):
        rules = random_rules(random, random.randint(1, 9), ports)

        result = findings(rules)

        assert result == expected(rules)
        quiet += not result
        for _, code, hidden_by in result:
            counts[code] += 1
            together += len(hidden_by) > 1
    assert min(*counts.values(), together, quiet) > 30


@pytest.mark.behaviour("EF-12")
def test_several_rules_hide_one_together() -> None:
    rules = [
        rule(0, True, network("192.0.2.0/25")),
        rule(1, False, network("198.51.100.0/24")),
        rule(2, False, network("192.0.2.128/25")),
        rule(3, True, network("192.0.2.0/24")),
    ]

    (finding,) = check(rules)

    assert finding.code is codes.RULE_HIDDEN
    assert "rule 1 (allow 192.0.2.0/25) and rule 3 (deny 192.0.2.128/25)" in finding.message
    assert [position(one.origin) for one in finding.related] == [0, 2]


@pytest.mark.behaviour("EF-12")
def test_rules_with_ports_hide_one_only_if_they_speak_of_all_its_ports() -> None:
    half = [rule(0, True, EVERYWHERE, tcp(1, 100)), rule(1, True, EVERYWHERE, tcp(90, 200))]

    assert findings([*half, rule(2, False, EVERYWHERE, tcp(50, 201))]) == []
    assert findings([*half, rule(2, False, EVERYWHERE, tcp(50, 200))]) == [(2, codes.RULE_HIDDEN, (0, 1))]
    assert findings([*half, rule(2, False, EVERYWHERE)]) == []


@pytest.mark.behaviour("EF-12")
def test_all_ports_of_all_protocols_are_not_everything() -> None:
    """ICMP has no ports."""
    ports = [one for protocol in Protocol for one in (evolve(tcp(0, 65535)[0], protocol=protocol),)]

    assert findings([rule(0, True, EVERYWHERE, ports), rule(1, False, EVERYWHERE)]) == []


@pytest.mark.behaviour("EF-12", "EF-13")
@pytest.mark.parametrize("addresses", ["10.129.0.0/16", "172.30.0.10", "224.0.0.0/4", "10.128.0.0/14, 239.1.2.3"])
def test_a_rule_about_the_cluster_itself_never_decides(addresses: str) -> None:
    rules = [rule(0, True, network(addresses)), rule(1, False, EVERYWHERE)]

    assert findings(rules) == [(0, codes.RULE_INSIDE, ())]


@pytest.mark.behaviour("EF-12", "EF-13")
def test_what_lies_in_the_cluster_keeps_no_rule_from_being_hidden() -> None:
    rules = [rule(0, True, network("10.0.0.0/9, 10.132.0.0/14")), rule(1, False, network("10.0.0.0/9, 10.128.0.0/13"))]

    assert findings(rules) == [(1, codes.RULE_HIDDEN, (0,))]


def test_a_rule_without_addresses_or_ports_is_no_finding() -> None:
    assert findings([rule(0, False, EVERYWHERE), rule(1, True, ()), rule(2, True, EVERYWHERE, ())]) == []


def test_many_rules_that_hide_one_are_cut() -> None:
    count = 5_000
    rules = [rule(i, True, ((i << 4, (i << 4) + 15),)) for i in range(count)]

    (finding,) = check([*rules, rule(count, False, ((0, (count << 4) - 1),))])

    assert "and rule 3 (allow 0.0.0.32/28) and 4997 more" in finding.message
    assert len(finding.related) == MAX_RELATED


@pytest.mark.behaviour("EF-12")
@pytest.mark.parametrize("ports", [0.0, 0.5])
def test_a_long_list_of_which_a_few_rules_come_twice(ports: float) -> None:
    random = Random(3)
    count, twice = 9_800, 200
    rules = []
    for at in range(count):
        first = at * 300_000
        told = tcp(random.randrange(100) * 10, 1_000) if random.random() < ports else None
        rules.append(rule(at, random.random() < 0.5, ((first, first + random.randrange(250_000)),), told))
    again = [rule(count + i, True, one.addresses, one.ports) for i, one in enumerate(rules[:twice])]

    assert findings([*rules, *again]) == [(count + i, codes.RULE_HIDDEN, (i,)) for i in range(twice)]


# Ways around (EF-11)

DENIED, ALSO_DENIED, FINE = map(parse_address, ("203.0.113.7", "203.0.113.9", "1.2.3.4"))
FIREWALL = [rule(0, False, network("203.0.113.0/24")), rule(1, False, network("1.2.3.0/24"), tcp(25))]
SERVICE = Service("p1", "api", Origin(SOURCE, (50, 0)), address=parse_address("172.30.0.10"))
ROUTE = Route("p1", "www", Origin(SOURCE, (60, 0)), services=("other", "api"))


def endpoints(*addresses: int, ports: tuple[tuple[Protocol, int], ...] = ()) -> Endpoints:
    return Endpoints("p1", "api", Origin(SOURCE, (70, 0)), addresses, ports)


def bypasses(*parts: Endpoints, services: tuple[Service, ...] = (SERVICE,), **more: Any) -> list[Diagnostic]:
    lists = more.pop("lists", (FIREWALL,))
    return check(*lists, services=services, service_endpoints=parts, **more)


@pytest.mark.behaviour("EF-11")
def test_a_service_and_its_route_lead_to_a_denied_address() -> None:
    service, route = bypasses(endpoints(ALSO_DENIED, DENIED, FINE), routes=(ROUTE,))

    assert (service.code, service.origin) == (codes.SERVICE_BYPASSES, SERVICE.origin)
    assert "service p1/api leads to 203.0.113.7" in service.message
    assert [one.origin.at for one in service.related] == [(70, 0), (1, 0)]
    assert (route.code, route.origin) == (codes.ROUTE_BYPASSES, ROUTE.origin)
    assert "route p1/www leads to service p1/api with the address 203.0.113.7" in route.message


@pytest.mark.behaviour("EF-11")
def test_several_slices_of_one_service_are_one_finding() -> None:
    (finding,) = bypasses(endpoints(ALSO_DENIED), endpoints(DENIED), endpoints(FINE))

    assert "203.0.113.7" in finding.message


@pytest.mark.behaviour("EF-11")
def test_ports_count_if_they_are_told() -> None:
    smtp, web = (Protocol.TCP, 25), (Protocol.TCP, 80)

    assert bypasses(endpoints(FINE)) == []
    assert bypasses(endpoints(FINE, ports=(web,))) == []
    assert [one.code for one in bypasses(endpoints(FINE, ports=(web, smtp)))] == [codes.SERVICE_BYPASSES]


@pytest.mark.behaviour("EF-11")
def test_what_is_no_way_around() -> None:
    pod, service = parse_address("10.129.0.1"), parse_address("172.30.1.1")
    with_selector = evolve(SERVICE, selector=SELECT_ALL)
    everything = ([rule(0, False, EVERYWHERE)],)

    assert bypasses(endpoints(pod, service), lists=everything, routes=(ROUTE,)) == []
    assert bypasses(endpoints(DENIED), services=(with_selector,), routes=(ROUTE,)) == []
    assert bypasses(evolve(endpoints(DENIED), project="elsewhere")) == []
    assert bypasses(evolve(endpoints(DENIED), project="p2"), lists=(FIREWALL, [])) == []
    assert bypasses(endpoints(DENIED), lists=()) == []


@pytest.mark.behaviour("EF-11")
def test_endpoints_without_a_service_are_reported_themselves() -> None:
    (finding,) = bypasses(endpoints(DENIED), services=())

    assert finding.origin == endpoints().origin


@pytest.mark.behaviour("EF-05", "EF-11")
def test_a_broken_firewall_denies_every_endpoint() -> None:
    (finding,) = bypasses(endpoints(FINE), lists=(None,))

    assert finding.code is codes.SERVICE_BYPASSES
    assert [one.origin.at for one in finding.related] == [(70, 0), (1, 999)]


@pytest.mark.behaviour("EF-11")
def test_projects_of_one_netid_have_its_firewall() -> None:
    cluster = model(None)
    other = evolve(cluster.projects[0], name="other")

    (finding,) = bypasses(
        evolve(endpoints(FINE), project="other"), services=(), projects=(other, *cluster.projects), lists=(None,)
    )

    assert "service other/api" in finding.message


def test_cells_inside_the_cluster_are_those_of_the_cluster() -> None:
    assert cell_ranges(INSIDE) == network("10.128.0.0/14, 172.30.0.0/16, 224.0.0.0/4")


def possible(rules: Sequence[AddressRule]) -> set[int]:
    """The rules that decide something, if the names of rules have the addresses that suit them."""
    found = set()
    for at, one in enumerate(rules):
        # Names before it have no address, its own have all.
        earlier = [evolve(other, addresses=lasting(other)) for other in rules[:at]]
        whole = one if one.lasting is None else evolve(one, addresses=EVERYWHERE)
        for cell, service in ((c, s) for c in range(len(CELLS)) if c not in INSIDE for s in SERVICES):
            if first_matching([*earlier, whole], CELLS[cell][0], service) == at:
                found.add(at)
    return found


def lasting(one: AddressRule) -> AddressRanges:
    return one.addresses if one.lasting is None else one.lasting


@pytest.mark.behaviour("EF-12")
@pytest.mark.parametrize("ports", [0.0, 0.5])
def test_a_rule_is_hidden_whatever_addresses_names_will_have(ports: float) -> None:
    random = Random(11)
    hidden_names = hidden_others = saved = 0
    for _ in range(300):
        rules = [
            evolve(one, lasting=one.addresses[: random.randint(0, 1)]) if random.random() < 0.4 else one
            for one in random_rules(random, random.randint(1, 8), ports)
        ]

        result = {at for at, _, _ in findings(rules)}

        can = possible(rules)
        assert result == {at for at, one in enumerate(rules) if at not in can and (one.addresses or one.lasting == ())}
        hidden_names += sum(rules[at].lasting is not None for at in result)
        hidden_others += sum(rules[at].lasting is None for at in result)
        saved += len({at for at, _, _ in expected(rules)} - result)
    assert min(hidden_names, hidden_others, saved) > 10


@pytest.mark.behaviour("EF-12")
def test_a_name_hides_nothing_and_is_hidden_by_everything() -> None:
    named = evolve(rule(0, True, network("192.0.2.1")), lasting=())
    same = evolve(named, origin=rule(1, True, ()).origin)
    address = rule(2, False, network("192.0.2.1"))
    everything = rule(3, False, EVERYWHERE)
    late = evolve(named, origin=rule(4, True, ()).origin)

    assert findings([named, same, address, everything, late]) == [(4, codes.RULE_HIDDEN, (2, 3))]
