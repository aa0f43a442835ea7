"""Which names of objects are valid."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.values.names import (
    refuse_dns_name,
    refuse_interface,
    refuse_label,
    refuse_label_key,
    refuse_label_value,
    refuse_port_name,
    refuse_subdomain,
)

Check = Callable[[str], str | None]

GOOD: list[tuple[Check, list[str]]] = [
    (refuse_label, ["a", "0", "shop", "a-b", "a--b", "x" * 63]),
    (refuse_subdomain, ["a", "web-1", "web.example.com", "0.0", "x" * 253]),
    (refuse_label_key, ["app", "App_1.x", "example.com/app", "x" * 63, f"{'a' * 63}.example/{'x' * 63}"]),
    (refuse_label_value, ["", "a", "A.b_c-d", "x" * 63]),
    (refuse_port_name, ["http", "a", "8080-tcp", "x" * 15]),
    (refuse_interface, ["veth1a2b3c4d", "eth0.100", "A_b-c", "x" * 15]),
    (refuse_dns_name, ["www.foo.com", "www.foo.com.", "intranet", "4.3.in-addr.arpa", "a." * 126 + "a."]),
]

BAD: list[tuple[Check, list[str]]] = [
    (refuse_label, ["", "-a", "a-", "a.b", "A", "a_b", "x" * 64, "ä"]),
    (refuse_subdomain, ["", "a..b", ".a", "a.", "A", "-a.b", "a/b", "x" * 254]),
    (refuse_label_key, ["", "/", "/a", "a/", "a/b/c", "-a", "a_", "A.com/x", "x" * 64, "a b"]),
    (refuse_label_value, ["-a", "a-", "a b", "x" * 64, "a/b"]),
    (refuse_port_name, ["", "80", "-a", "a-", "a--b", "Http", "x" * 16, "a.b"]),
    (refuse_interface, ["", "-a", ".a", "..", "a b", "a/b", "x" * 16]),
    (refuse_dns_name, ["", ".", "a..", ".a", "a..b", "-a.b", "a_b.c", "a.b/c", "x" * 64 + ".a", "a." * 126 + "aa"]),
    (refuse_dns_name, ["*", "*.foo.com", "www.*.com", "Www.foo.com", "É.com", "1.2.3.4", "10.0.0.1.", "a.1", "1"]),
]

HOSTILE = ["\n", "a\n", "a\0b", "$(id)", "`id`", "a;b", "a'b", 'a"b', "a\\b", "../a", "a\u2028b", "ａ", "١", "a b"]


@pytest.mark.parametrize(("check", "name"), [(check, name) for check, names in GOOD for name in names])
def test_good_names_pass(check: Check, name: str) -> None:
    assert check(name) is None


@pytest.mark.behaviour("NP-16", "OUT-05")
@pytest.mark.parametrize(("check", "name"), [(check, name) for check, names in BAD for name in names])
def test_bad_names_are_refused_with_a_reason(check: Check, name: str) -> None:
    assert check(name)


@pytest.mark.behaviour("OUT-05")
@pytest.mark.parametrize("check", [check for check, _ in GOOD])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_refused_everywhere(check: Check, name: str) -> None:
    assert check(name)


@pytest.mark.behaviour("OUT-05")
@given(st.text(max_size=20), st.sampled_from([check for check, _ in GOOD]))
def test_what_passes_is_harmless_in_a_script(name: str, check: Check) -> None:
    if check(name) is None:
        assert re.fullmatch(r"[A-Za-z0-9._/-]*", name, re.ASCII)
        assert not name.startswith(("-", ".", "/"))


@pytest.mark.behaviour("EF-08")
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("*.foo.com", "a wildcard cannot be resolved"),
        ("www.Foo.com", "upper case is not allowed"),
        ("x" * 64 + ".com", "one of its parts has more than 63 characters"),
        ("10.0.0.1", "its last part is a number, as in an address"),
    ],
)
def test_why_a_dns_name_is_refused(name: str, reason: str) -> None:
    assert refuse_dns_name(name) == reason
