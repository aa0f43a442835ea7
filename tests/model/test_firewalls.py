"""Egress firewalls by NetID, and what is refused."""

from __future__ import annotations

import time

import pytest

from compiler.declarations import BlockPeer, EgressFirewall, FirewallRule, NamePeer, PortRange
from compiler.diagnostics import Diagnostic, Severity
from compiler.dns_lock import DnsLock, LockedName
from compiler.model.firewalls import EVERYWHERE
from compiler.model.model import AddressRanges, Firewall, Model
from compiler.options import DEFAULTS, BrokenEgress, Options
from compiler.origin import Origin, Span
from compiler.sources.dsl import dsl_source
from compiler.values.prefix import Prefix, format_address, parse_address
from compiler.values.services import Protocol
from tests.compiling import CLUSTER, MULTITENANT, SUBNET, built, declare, names

FILE = dsl_source("firewalls", "")
DROP = Options(broken_egress=BrokenEgress.DROP)
PROJECTS = """
project shop { netid 20 }
project web { netid 30 }
project api { netid 30 }
project monitoring { netid 0 }
"""


def at(line: int) -> Origin:
    return Origin(FILE, Span(line, 1, 2))


def block(text: str, *excepts: str) -> BlockPeer:
    return BlockPeer(at(1), Prefix.parse(text)[0], [Prefix.parse(one)[0] for one in excepts])


def rule(*peers: BlockPeer | NamePeer, allow: bool = False) -> FirewallRule:
    return FirewallRule(at(1), allow, peers or None)


def firewall(project: str, *rules: FirewallRule, line: int = 1) -> EgressFirewall:
    return EgressFirewall(project, "default", at(line), rules or (rule(),))


def lock(**names: str) -> Options:
    """Options with a lock file; the addresses of a name are separated by spaces."""
    return Options(
        DnsLock(
            "dns.lock",
            {
                name: LockedName(
                    name,
                    tuple(parse_address(address) for address in addresses.split()),
                    (),
                    300,
                    "2026-03-01T12:00:00Z",
                    "192.0.2.53",
                    at(99),
                )
                for name, addresses in names.items()
            },
        )
    )


def built_with(
    *firewalls: EgressFirewall, options: Options = DEFAULTS, cluster: str = MULTITENANT
) -> tuple[Model | None, tuple[Diagnostic, ...]]:
    return built([*declare(cluster + PROJECTS), *firewalls], options)


def good(*firewalls: EgressFirewall, options: Options = DEFAULTS) -> tuple[Firewall, ...]:
    model, found = built_with(*firewalls, options=options)
    assert model is not None, found
    return model.firewalls


def refused(*firewalls: EgressFirewall, options: Options = DEFAULTS) -> list[str]:
    model, found = built_with(*firewalls, options=options)
    assert model is None
    return names(found)


def text(ranges: AddressRanges) -> str:
    return " ".join(f"{format_address(first)}-{format_address(last)}" for first, last in ranges)


def addresses(*peers: BlockPeer | NamePeer, options: Options = DEFAULTS) -> str:
    """The addresses of a rule with these peers."""
    ((one,),) = [firewall.rules or () for firewall in good(firewall("shop", rule(*peers)), options=options)]
    return text(one.addresses)


def test_firewalls_are_sorted_by_netid_with_their_rules_in_order() -> None:
    ports = (PortRange(Protocol.TCP, 443, 443),)
    rules = (rule(block("192.0.2.0/24"), allow=True), FirewallRule(at(7), False, None, ports))
    isolated = declare(MULTITENANT, "project b { netid 40 }\nproject a { netid 50 }")

    model, _ = built([*isolated, firewall("a"), firewall("b", *rules)])

    assert model is not None
    first, second = model.firewalls
    assert (first.project, first.netid, second.project, second.netid) == ("b", 40, "a", 50)
    assert [(each.allow, each.addresses, each.ports) for each in first.rules or ()] == [
        (True, ((parse_address("192.0.2.0"), parse_address("192.0.2.255")),), None),
        (False, EVERYWHERE, ports),
    ]
    assert [str(each.origin) for each in first.rules or ()] == ["firewalls:1:1", "firewalls:7:1"]


@pytest.mark.parametrize(
    ("peers", "expected"),
    [
        ((block("192.0.2.7/32"),), "192.0.2.7-192.0.2.7"),
        ((block("0.0.0.0/0"),), "0.0.0.0-255.255.255.255"),
        ((block("192.0.2.128/25"), block("192.0.2.0/25")), "192.0.2.0-192.0.2.255"),
        ((block("192.0.2.0/24"), block("192.0.2.16/28")), "192.0.2.0-192.0.2.255"),
        ((block("192.0.2.0/24"), block("198.51.100.0/24")), "192.0.2.0-192.0.2.255 198.51.100.0-198.51.100.255"),
        ((block("192.0.2.0/24", "192.0.2.0/26"),), "192.0.2.64-192.0.2.255"),
        ((block("192.0.2.0/24", "192.0.2.192/26"),), "192.0.2.0-192.0.2.191"),
        (
            (block("192.0.2.0/24", "192.0.2.64/26", "192.0.2.80/28", "192.0.2.9/32"),),
            "192.0.2.0-192.0.2.8 192.0.2.10-192.0.2.63 192.0.2.128-192.0.2.255",
        ),
        ((block("192.0.2.0/24", "192.0.2.0/25", "192.0.2.128/25"),), ""),
        ((block("192.0.2.0/25", "192.0.2.64/26"), block("192.0.2.64/27")), "192.0.2.0-192.0.2.95"),
        ((BlockPeer(at(1), None),), ""),
    ],
)
def test_the_addresses_of_a_rule_are_written_in_one_way(peers: tuple[BlockPeer, ...], expected: str) -> None:
    assert addresses(*peers) == expected


def test_a_rule_whose_peers_all_went_wrong_speaks_of_nobody() -> None:
    ((one,),) = [each.rules or () for each in good(firewall("shop", FirewallRule(at(1), False, ())))]

    assert one.addresses == ()


@pytest.mark.behaviour("EF-04")
@pytest.mark.parametrize("options", [DEFAULTS, DROP])
@pytest.mark.parametrize("project", ["default", "monitoring"])
def test_a_global_project_has_no_firewall(project: str, options: Options) -> None:
    assert refused(firewall(project), options=options) == ["FIREWALL_GLOBAL"]


@pytest.mark.behaviour("EF-04")
def test_default_is_global_in_networkpolicy_mode_too() -> None:
    model, found = built([*declare(CLUSTER), firewall("default")])

    assert model is None
    assert names(found) == ["FIREWALL_GLOBAL"]


@pytest.mark.behaviour("EF-05")
def test_a_project_that_shares_its_netid_has_no_firewall() -> None:
    model, (found,) = built_with(firewall("web", line=3))

    assert model is None
    assert names([found]) == ["FIREWALL_SHARED"]
    assert found.message == "project web has an egress firewall, but shares NetID 30 with api"
    assert str(found.origin) == "firewalls:3:1"


@pytest.mark.behaviour("EF-05")
def test_a_project_has_one_firewall() -> None:
    model, (found,) = built_with(firewall("shop", line=8), firewall("shop", line=3))

    assert model is None
    assert names([found]) == ["FIREWALL_TWICE"]
    assert (str(found.origin), str(found.related[0].origin)) == ("firewalls:8:1", "firewalls:3:1")


@pytest.mark.behaviour("EF-05")
def test_every_way_to_break_a_firewall_is_told() -> None:
    assert sorted(refused(firewall("web", line=1), firewall("web", line=2), firewall("api", line=3))) == [
        "FIREWALL_SHARED",
        "FIREWALL_SHARED",
        "FIREWALL_TWICE",
    ]


@pytest.mark.behaviour("EF-05")
def test_a_joined_project_counts_as_sharing() -> None:
    declarations = [*declare(MULTITENANT + PROJECTS, "join shop to web"), firewall("shop")]

    model, found = built(declarations)

    assert model is None
    assert names(found) == ["FIREWALL_SHARED"]


@pytest.mark.behaviour("EF-05")
def test_a_broken_firewall_drops_if_the_user_wants_it() -> None:
    firewalls = (firewall("web", line=1), firewall("web", line=2), firewall("shop", line=3), firewall("shop", line=4))

    model, found = built_with(*firewalls, options=DROP)

    assert model is not None
    assert [(one.project, one.netid, one.rules) for one in model.firewalls] == [("shop", 20, None), ("web", 30, None)]
    assert {one.severity for one in found} == {Severity.WARNING}
    assert [one.message for one in found] == [
        "the egress firewall of project web is broken (the project shares NetID 30 with api and the project has 2 of"
        " them): everything that leaves is dropped",
        "the egress firewall of project shop is broken (the project has 2 of them): everything that leaves is dropped",
    ]
    assert [str(origin) for origin in model.firewalls[1].origins] == ["firewalls:1:1", "firewalls:2:1"]


@pytest.mark.behaviour("EF-05")
def test_a_netid_is_dropped_once_whoever_of_its_projects_has_a_firewall() -> None:
    one, both = good(firewall("api"), options=DROP), good(firewall("web"), firewall("api"), options=DROP)

    assert one == both == (Firewall("api", 30, None, ()),)


@pytest.mark.behaviour("EF-05")
def test_a_firewall_in_order_is_in_force_where_broken_ones_drop() -> None:
    (one,) = good(firewall("shop"), options=DROP)

    assert one.rules is not None


@pytest.mark.behaviour("EF-05", "EF-08")
def test_names_of_a_firewall_that_drops_do_not_matter() -> None:
    broken = firewall("web", rule(NamePeer(at(1), "www.example.com")))

    assert good(broken, options=DROP)[0].rules is None
    assert sorted(refused(broken)) == ["FIREWALL_SHARED", "NAME_NOT_LOCKED"]


@pytest.mark.behaviour("EF-08")
def test_names_have_the_addresses_of_the_lock_file() -> None:
    options = lock(**{"www.example.com": "192.0.2.8 192.0.2.9 198.51.100.1"})

    found = addresses(NamePeer(at(1), "www.example.com"), block("192.0.2.10/31"), options=options)

    assert found == "192.0.2.8-192.0.2.11 198.51.100.1-198.51.100.1"


@pytest.mark.behaviour("EF-08")
@pytest.mark.parametrize(
    ("options", "reason"),
    [(DEFAULTS, "no lock file is given"), (lock(other="192.0.2.1"), "dns.lock does not have the name")],
)
@pytest.mark.parametrize("allow", [True, False])
def test_a_name_without_addresses_in_the_lock_file(options: Options, reason: str, allow: bool) -> None:
    model, (found,) = built_with(
        firewall("shop", rule(NamePeer(at(5), "www.example.com"), allow=allow)), options=options
    )

    assert model is None
    assert names([found]) == ["NAME_NOT_LOCKED"]
    assert found.message == f"the addresses of 'www.example.com' are not known: {reason}"
    assert str(found.origin) == "firewalls:5:1"


@pytest.mark.behaviour("EF-10")
def test_denying_a_name_that_resolves_to_nothing_is_an_error() -> None:
    model, (found,) = built_with(firewall("shop", rule(NamePeer(at(5), "gone"))), options=lock(gone=""))

    assert model is None
    assert names([found]) == ["DENIED_NAME_EMPTY"]
    assert (str(found.origin), str(found.related[0].origin)) == ("firewalls:5:1", "firewalls:99:1")


@pytest.mark.behaviour("EF-10")
def test_allowing_a_name_that_resolves_to_nothing_is_a_warning() -> None:
    model, found = built_with(firewall("shop", rule(NamePeer(at(5), "gone"), allow=True)), options=lock(gone=""))

    assert model is not None
    assert names(found) == ["ALLOWED_NAME_EMPTY"]
    assert [one.addresses for one in model.firewalls[0].rules or ()] == [()]


@pytest.mark.behaviour("EF-01")
def test_subnet_mode_counts_what_it_ignores() -> None:
    firewalls = (firewall("default"), firewall("web"), firewall("shop", rule(NamePeer(at(5), "www.example.com"))))

    model, (found,) = built_with(*firewalls, cluster=SUBNET)

    assert model is not None
    assert model.firewalls == ()
    assert found.message == "3 egress firewalls are ignored in subnet mode"


@pytest.mark.parametrize("cluster", [MULTITENANT, SUBNET])
def test_the_project_has_to_exist(cluster: str) -> None:
    model, found = built_with(firewall("shpo"), cluster=cluster)

    assert model is None
    assert "UNKNOWN_PROJECT" in names(found)
    assert any("did you mean 'shop'?" in one.message for one in found)


def test_a_cluster_without_a_mode_is_told_alone() -> None:
    model, found = built_with(firewall("default"), cluster="")

    assert model is None
    assert names(found) == ["NO_CLUSTER"]


def test_ten_thousand_rules_take_no_time() -> None:
    many = tuple(rule(block(f"10.{i >> 8}.{i & 255}.0/24", f"10.{i >> 8}.{i & 255}.7/32")) for i in range(10_000))
    declarations = [*declare(MULTITENANT + PROJECTS), firewall("shop", *many)]
    start = time.process_time()

    model, _ = built(declarations)

    assert model is not None and len(model.firewalls[0].rules or ()) == 10_000
    assert time.process_time() - start < 2
