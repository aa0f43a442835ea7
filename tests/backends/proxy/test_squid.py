"""squid.conf: what is in it, and that squid reads it."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from backends.proxy.squid import squid_file
from compiler.declarations import HttpProxy, ProxyHost, ProxyRule
from tests.backends.proxy.programs import squid_faults
from tests.backends.proxy.routers import PAGE, http_proxy, origin, router

pytestmark = pytest.mark.behaviour("ER-09")


def text_of(*lines: str) -> str:
    proxy = http_proxy(*lines)
    return squid_file(router(proxy), proxy).text


def test_the_file_of_the_page(golden: SnapshotAssertion) -> None:
    assert text_of(*PAGE) == golden


@pytest.mark.parametrize(
    "lines",
    [
        PAGE,
        ("*",),
        ("www.example.com",),
        ("10.0.0.1", "*.example.com"),
        ("10.0.0.0/8", "!bad.test", "*.test"),
        ("!0.0.0.0/0", "*"),
        ("0.0.0.0/0",),
        ("0.0.0.0/32", "255.255.255.255/32", "0.0.0.0/1"),
        ("*.a.test", "a.test", "!b.a.test", "*.b.a.test"),
        ("10.0.0.0/8", "!bad.test", "!*.bad.test", "!bad.test"),
    ],
    ids=" ".join,
)
def test_squid_finds_no_fault(tmp_path: Path, lines: tuple[str, ...]) -> None:
    assert squid_faults(text_of(*lines), tmp_path) == []


PREFIXES = st.builds(
    lambda octets, length: (".".join(map(str, octets)), length),
    st.tuples(*[st.integers(0, 255)] * 4),
    st.integers(0, 32),
).map(lambda pair: f"{pair[0]}/{pair[1]}")
LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z])?", fullmatch=True)
HOSTS = st.lists(LABELS, min_size=1, max_size=4).map(lambda labels: ".".join([*labels, "test"]))
LINES = st.one_of(PREFIXES, HOSTS, HOSTS.map(lambda host: f"*.{host}")).flatmap(
    lambda to: st.sampled_from([to, f"!{to}"])
)


def proxy_of(lines: list[str]) -> HttpProxy:
    """As `http_proxy`, of hosts that begin with a digit, too."""
    hosts = [line.removeprefix("!") for line in lines]
    return HttpProxy(
        tuple(
            http_proxy(line).rules[0]
            if not host.endswith("test")
            else ProxyRule(
                origin(1), line == host, ProxyHost(host.removeprefix("*."), subdomains=host.startswith("*."))
            )
            for line, host in zip(lines, hosts, strict=True)
        )
    )


@settings(max_examples=15)
@given(lines=st.lists(LINES, max_size=30))
def test_squid_finds_no_fault_in_any_list(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    proxy = proxy_of(lines)

    assert squid_faults(squid_file(router(proxy), proxy).text, tmp_path_factory.mktemp("squid")) == []


def test_squid_is_a_judge_that_finds_faults(tmp_path: Path) -> None:
    assert squid_faults(text_of(*PAGE) + "http_access perhaps all\n", tmp_path) != []
    assert squid_faults(text_of(*PAGE) + "acl twice dst 10.0.0.0/8 10.0.0.0/8\n", tmp_path) != []


@pytest.mark.behaviour("OUT-02")
def test_a_new_line_in_the_list_changes_no_other() -> None:
    before = text_of("!a.test", "!10.0.0.1", "*").splitlines()
    after = text_of("!a.test", "!b.test", "!10.0.0.1", "*").splitlines()

    new = [line for line in after if line not in before]
    assert [line for line in after if line not in new] == before
    assert len(new) == 2
    assert "b.test" in new[0]


@pytest.mark.behaviour("OUT-05")
@pytest.mark.parametrize(
    "name",
    [
        '"/etc/shadow"',
        "a b",
        "a\nhttp_access allow all",
        "a#",
        "a%macro{x}",
        "${process_name}",
        "parameters(x)",
        "",
        "\u0430.test",
    ],
)
def test_a_name_that_is_none_gets_into_no_file(name: str) -> None:
    proxy = HttpProxy((ProxyRule(origin(1), True, ProxyHost(name)),))

    with pytest.raises(ValueError, match="not a word"):
        squid_file(router(proxy), proxy)
    with pytest.raises(ValueError, match="not a word"):
        squid_file(evolve(router(proxy), project=f" {name}"), http_proxy("*"))
