"""The checks of an HTTP proxy against the list that they stand for."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.declarations import HttpProxy, ProxyHost
from compiler.plan.http_proxy import AccessCheck, access_checks
from compiler.values.prefix import Prefix, parse_address
from tests.backends.proxy.routers import PAGE, http_proxy, origin

pytestmark = pytest.mark.behaviour("ER-09")

A, B, C, OTHER = "10.0.0.1", "10.0.0.2", "10.0.1.1", "203.0.113.5"


def names(host: ProxyHost, name: str | None) -> bool:
    return name is not None and (name == host.name or (host.subdomains and name.endswith(f".{host.name}")))


def listed(proxy: HttpProxy, name: str | None, addresses: Collection[int]) -> bool:
    """Whether the list allows a request, by its own words: the first line that matches decides, for each address."""

    def allows(address: int) -> bool:
        for rule in proxy.rules:
            match rule.to:
                case Prefix() as network:
                    matches = address in network
                case ProxyHost() as host:
                    matches = names(host, name)
                case None:
                    matches = True
            if matches:
                return rule.allow
        return False

    return all(allows(address) for address in addresses)


def checked(checks: Sequence[AccessCheck], name: str | None, addresses: Collection[int]) -> bool:
    """Whether the checks allow a request, as a proxy takes them."""
    for check in checks:
        host = check.host is None or names(check.host, name)
        inside = check.addresses is None or any(
            first <= address <= last for address in addresses for first, last in check.addresses
        )
        if host and inside:
            return check.allow
    raise AssertionError("no check decides")


def allowed(lines: Sequence[str], name: str | None, *addresses: str) -> bool:
    return checked(access_checks(http_proxy(*lines)), name, {parse_address(address) for address in addresses})


LINES = st.sampled_from(
    [
        "10.0.0.1",
        "10.0.0.0/24",
        "10.0.1.0/24",
        "10.0.0.0/23",
        "0.0.0.0/0",
        "a.example",
        "*.example",
        "b.a.example",
        "*.b.a.example",
    ]
).flatmap(lambda to: st.sampled_from([to, f"!{to}"]))


@settings(max_examples=500)
@given(st.lists(LINES, max_size=7), st.booleans(), st.data())
def test_the_checks_say_what_the_list_says(lines: list[str], rest: bool, data: st.DataObject) -> None:
    proxy = http_proxy(*lines, *(["*"] if rest else []))
    checks = access_checks(proxy)

    for name in (None, "a.example", "b.a.example", "example", "other.test"):
        texts = data.draw(st.sets(st.sampled_from([A, B, C, OTHER]), min_size=1, max_size=3 if name else 1))
        addresses = {parse_address(text) for text in texts}
        assert checked(checks, name, addresses) == listed(proxy, name, addresses), (name, texts)


@given(st.lists(LINES, max_size=7))
def test_no_two_checks_have_one_condition(lines: list[str]) -> None:
    conditions = [(check.host, check.addresses) for check in access_checks(http_proxy(*lines))]

    assert len(set(conditions)) == len(conditions)


def test_the_example_of_the_page() -> None:
    assert not allowed(PAGE, "example.com", OTHER)
    assert not allowed(PAGE, "www.example.com", OTHER)
    assert allowed(PAGE, "notexample.com", OTHER)
    assert not allowed(PAGE, None, "192.168.1.5")
    assert allowed(PAGE, None, "192.168.2.5")
    assert not allowed(PAGE, "inside.test", OTHER, "192.168.1.5")


def test_the_order_of_lines_decides() -> None:
    assert not allowed(("!10.0.0.1", "10.0.0.0/24"), None, A)
    assert allowed(("10.0.0.0/24", "!10.0.0.1"), None, A)
    assert not allowed(("!*.example", "a.example"), "a.example", A)
    assert allowed(("a.example", "!*.example", "*"), "a.example", A)


def test_what_no_line_matches_is_denied_unless_the_last_line_is_a_star() -> None:
    assert not allowed(("a.example",), "b.example", A)
    assert not allowed((), None, A)
    assert allowed(("!a.example", "*"), "b.example", A)


def test_a_name_with_an_allowed_address_opens_no_other() -> None:
    assert allowed(("10.0.0.0/24",), "any.test", A, B)
    assert not allowed(("10.0.0.0/24",), "any.test", A, OTHER)
    assert allowed(("10.0.0.0/24", OTHER), "any.test", A, OTHER)


def test_a_name_without_an_address_is_allowed_by_name_only() -> None:
    assert allowed(("a.example",), "a.example")
    assert not allowed(("10.0.0.0/24",), "a.example")


@pytest.mark.behaviour("OUT-03")
def test_a_check_names_its_lines() -> None:
    checks = access_checks(http_proxy("10.0.0.0/24", "!bad.test", "good.test"))

    assert [check.origins for check in checks] == [
        (origin(2), origin(1)),
        (origin(3),),
        (),
        (origin(1),),
        (),
    ]
