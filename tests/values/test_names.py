from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.values.names import (
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
]

BAD: list[tuple[Check, list[str]]] = [
    (refuse_label, ["", "-a", "a-", "a.b", "A", "a_b", "x" * 64, "ä"]),
    (refuse_subdomain, ["", "a..b", ".a", "a.", "A", "-a.b", "a/b", "x" * 254]),
    (refuse_label_key, ["", "/", "/a", "a/", "a/b/c", "-a", "a_", "A.com/x", "x" * 64, "a b"]),
    (refuse_label_value, ["-a", "a-", "a b", "x" * 64, "a/b"]),
    (refuse_port_name, ["", "80", "-a", "a-", "a--b", "Http", "x" * 16, "a.b"]),
    (refuse_interface, ["", "-a", ".a", "..", "a b", "a/b", "x" * 16]),
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
