"""haproxy.cfg: what is in it, and that haproxy reads it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from backends.proxy.haproxy import haproxy_file
from compiler.declarations import DnsProxy, Forward
from compiler.values.prefix import ALL_ONES
from tests.backends.proxy.programs import haproxy_faults
from tests.backends.proxy.routers import dns_proxy, origin, router

pytestmark = pytest.mark.behaviour("ER-10")

DOCUMENTED = ("80 203.0.113.25", "100 example.com", "8080 203.0.113.26 80", "8443 foobar.com 443")
"""The example of the OpenShift 3.11 documentation."""


def text_of(*lines: str) -> str:
    proxy = dns_proxy(*lines)
    return haproxy_file(router(proxy), proxy).text


def test_the_documented_file(golden: SnapshotAssertion) -> None:
    assert text_of(*DOCUMENTED) == golden


@pytest.mark.parametrize("lines", [DOCUMENTED, ("80 203.0.113.25",), ("443 www.example.com",)], ids=" ".join)
def test_haproxy_finds_no_fault(tmp_path: Path, lines: tuple[str, ...]) -> None:
    assert haproxy_faults(text_of(*lines), tmp_path) == []


LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z])?", fullmatch=True)
HOSTS = st.lists(LABELS, min_size=1, max_size=4).map(lambda labels: ".".join([*labels, "test"]))
PORTS = st.integers(1, 65535)


@settings(max_examples=15)
@given(
    forwards=st.lists(
        st.builds(Forward, st.just(origin(1)), PORTS, st.integers(0, ALL_ONES) | HOSTS, PORTS),
        max_size=20,
        unique_by=lambda forward: forward.port,
    ).filter(bool)
)
def test_haproxy_finds_no_fault_in_any_file(tmp_path_factory: pytest.TempPathFactory, forwards: list[Forward]) -> None:
    proxy = DnsProxy(tuple(forwards))

    assert haproxy_faults(haproxy_file(router(proxy), proxy).text, tmp_path_factory.mktemp("haproxy")) == []


def test_haproxy_is_a_judge_that_finds_faults(tmp_path: Path) -> None:
    assert haproxy_faults(text_of(*DOCUMENTED) + "    balance perhaps\n", tmp_path) != []


def test_the_order_of_lines_does_not_matter() -> None:
    assert text_of(*DOCUMENTED) == text_of(*reversed(DOCUMENTED))


@pytest.mark.behaviour("OUT-05")
@pytest.mark.parametrize("name", ["a b", "a\nserver x 10.0.0.1", '"', "a#b", "$HOME", "a\\", "", "{ src }"])
def test_a_name_that_is_none_gets_into_no_file(name: str) -> None:
    proxy = DnsProxy((Forward(origin(1), 80, name, 80),))

    with pytest.raises(ValueError, match="not a word"):
        haproxy_file(router(proxy), proxy)
