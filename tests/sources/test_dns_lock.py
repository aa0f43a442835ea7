"""compiler.sources.dns_lock: a lock file is hostile until it is validated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.diagnostics import Diagnostic, Diagnostics
from compiler.dns_lock import DnsLock, LockedName, lock_text
from compiler.sources.dns_lock import MAX_TTL, read_dns_lock
from compiler.values.prefix import ALL_ONES, parse_address
from tests.compiling import CODE_NAMES, names

ENTRY: dict[str, Any] = {
    "addresses": ["192.0.2.80", "192.0.2.8"],
    "ipv6": ["2001:DB8::80"],
    "ttl": 300,
    "resolved": "2026-03-01T12:00:00Z",
    "server": "192.0.2.53",
}
LOCKED = LockedName(
    "www.example.com",
    (parse_address("192.0.2.8"), parse_address("192.0.2.80")),
    ("2001:db8::80",),
    300,
    "2026-03-01T12:00:00Z",
    "192.0.2.53",
)


def with_entry(name: str = "www.example.com", /, **fields: object) -> str:
    """A lock file of one name, on one line; a field of None is left out."""
    entry = {key: value for key, value in {**ENTRY, **fields}.items() if value is not None}
    return json.dumps({"schema": 1, "names": {name: entry}})


def read(folder: Path, text: str | bytes) -> tuple[DnsLock | None, tuple[Diagnostic, ...]]:
    path = folder / "dns.lock"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    diagnostics = Diagnostics()
    return read_dns_lock(str(path), diagnostics), diagnostics.sorted()


def good(folder: Path, text: str | bytes) -> DnsLock:
    lock, found = read(folder, text)
    assert lock is not None, found
    assert found == ()
    return lock


def refused(folder: Path, text: str | bytes) -> list[tuple[str, str]]:
    """The codes of the findings in a lock file, each with the text from its place on to the end of the line."""
    lock, found = read(folder, text)
    assert lock is None
    told = []
    for one in found:
        assert one.origin is not None
        span = one.origin.span()
        told.append((CODE_NAMES[one.code], one.origin.source.line(span.line)[span.column - 1 :]))
    return told


@pytest.mark.behaviour("EF-08")
@pytest.mark.parametrize("name", ["www.example.com", "www.example.com."])
def test_a_name_and_what_is_known_of_it(tmp_path: Path, name: str) -> None:
    lock = good(tmp_path, with_entry(name))

    assert lock.path == str(tmp_path / "dns.lock")
    assert dict(lock.names) == {"www.example.com": LOCKED}
    assert str(lock.names["www.example.com"].origin) == f"{lock.path}:1:{with_entry(name).index(name)}"


@pytest.mark.behaviour("EF-10")
def test_a_name_that_resolved_to_nothing(tmp_path: Path) -> None:
    locked = good(tmp_path, with_entry(addresses=[], ipv6=None, ttl=0)).names["www.example.com"]

    assert (locked.addresses, locked.ipv6) == ((), ())


def test_equal_addresses_count_once(tmp_path: Path) -> None:
    text = with_entry(addresses=["192.0.2.1"] * 3, ipv6=["::1", "0::1"])
    locked = good(tmp_path, text).names["www.example.com"]

    assert (locked.addresses, locked.ipv6) == ((parse_address("192.0.2.1"),), ("::1",))


@pytest.mark.parametrize("server", ["192.0.2.53", "192.0.2.53#1", "192.0.2.53#65535", "2001:db8::53", "::1#5353"])
def test_servers(tmp_path: Path, server: str) -> None:
    assert good(tmp_path, with_entry(server=server)).names["www.example.com"].server == server


@pytest.mark.parametrize(
    ("fields", "code", "place"),
    [
        ({"addresses": ["192.0.2.300"]}, "BAD_ADDRESS", '"192.0.2.300"'),
        ({"addresses": ["2001:db8::1"]}, "BAD_ADDRESS", '"2001:db8::1"'),
        ({"addresses": [7]}, "WRONG_TYPE", "7]"),
        ({"addresses": [None]}, "WRONG_TYPE", "null"),
        ({"addresses": "192.0.2.1"}, "WRONG_TYPE", '"192.0.2.1"'),
        ({"addresses": None}, "MISSING_FIELD", '{"ipv6"'),
        ({"ipv6": ["192.0.2.1"]}, "BAD_VALUE", '"192.0.2.1"'),
        ({"ipv6": ["2001:db8::/32"]}, "BAD_VALUE", '"2001:db8::/32"'),
        ({"ipv6": [0]}, "WRONG_TYPE", "0]"),
        ({"ttl": -1}, "BAD_NUMBER", "-1"),
        ({"ttl": MAX_TTL + 1}, "BAD_NUMBER", str(MAX_TTL + 1)),
        ({"ttl": 1.5}, "WRONG_TYPE", "1.5"),
        ({"ttl": True}, "WRONG_TYPE", "true"),
        ({"ttl": None}, "MISSING_FIELD", '{"addresses"'),
        ({"resolved": "2026-02-31T12:00:00Z"}, "BAD_VALUE", '"2026-02-31'),
        ({"resolved": "2026-03-01T12:00:00+01:00"}, "BAD_VALUE", '"2026-03-01'),
        ({"resolved": "2026-03-01 12:00:00Z"}, "BAD_VALUE", '"2026-03-01'),
        ({"resolved": "yesterday"}, "BAD_VALUE", '"yesterday"'),
        ({"resolved": 5}, "WRONG_TYPE", '5, "server"'),
        ({"resolved": None}, "MISSING_FIELD", '{"addresses"'),
        ({"server": "ns.example.com"}, "BAD_VALUE", '"ns.example.com"'),
        ({"server": "192.0.2.53#"}, "BAD_VALUE", '"192.0.2.53#'),
        ({"server": "192.0.2.53#0"}, "BAD_VALUE", '"192.0.2.53#'),
        ({"server": "192.0.2.53#65536"}, "BAD_VALUE", '"192.0.2.53#'),
        ({"server": "192.0.2.53#\u0665"}, "BAD_VALUE", '"192.0.2.53#'),
        ({"server": "fe80::1%eth0; rm -r /"}, "BAD_VALUE", '"fe80::1%eth0'),
        ({"server": None}, "MISSING_FIELD", '{"addresses"'),
        ({"adresses": []}, "UNKNOWN_FIELD", '"adresses"'),
    ],
)
def test_what_is_wrong_with_an_entry(tmp_path: Path, fields: dict[str, object], code: str, place: str) -> None:
    ((found, rest),) = refused(tmp_path, with_entry(**fields))

    assert found == code
    assert rest.startswith(place)


@pytest.mark.behaviour("EF-08")
@pytest.mark.parametrize(
    "name",
    ["", ".", "*.example.com", "www..example.com", "WWW.example.com", "www.example.com..", "a b", "ä.de", "x" * 64],
)
def test_what_is_no_name(tmp_path: Path, name: str) -> None:
    text = with_entry(name)

    ((code, rest),) = refused(tmp_path, text)

    assert code == "BAD_DNS_NAME"
    assert rest.startswith(json.dumps(name))


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    text = with_entry("*", addresses=["x"], ttl="1", resolved="now", server="")

    assert sorted(code for code, _ in refused(tmp_path, text)) == [
        "BAD_ADDRESS",
        "BAD_DNS_NAME",
        "BAD_VALUE",
        "BAD_VALUE",
        "WRONG_TYPE",
    ]


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("", "BAD_JSON", ""),
        ('{"schema": 1,', "BAD_JSON", ""),
        ("[]", "WRONG_TYPE", "[]"),
        ("null", "WRONG_TYPE", "null"),
        ('{"names": {}}', "MISSING_FIELD", '{"names": {}}'),
        ('{"schema": 1}', "MISSING_FIELD", '{"schema": 1}'),
        ('{"schema": 1' + "0" * 5000 + "}", "BAD_JSON", "1" + "0" * 5000 + "}"),
        ('{"schema": "1", "names": {}}', "WRONG_TYPE", '"1", "names": {}}'),
        ('{"schema": 1, "names": []}', "WRONG_TYPE", "[]}"),
        ('{"schema": 1, "names": {"a": []}}', "WRONG_TYPE", "[]}}"),
        ('{"schema": 1, "names": {"a": null}}', "WRONG_TYPE", "null}}"),
        ('{"schema": 1, "names": {}, "name": 1}', "UNKNOWN_FIELD", '"name": 1}'),
        ('{"schema": 1, "names": {"a": {}, "a": {}}}', "DUPLICATE_KEY", '"a": {}}}'),
        ('{"schema": 1, "names": {}}\n {"schema": 1, "names": {}}', "BAD_JSON", '{"schema": 1, "names": {}}'),
        ('{"schema": 1, "names": ' + "[" * 2000 + "]" * 2000 + "}", "TOO_DEEP", None),
        (b'{"schema": 1, "names": {"\xff": {}}}', "NOT_TEXT", '\ufffd": {}}}'),
        ("{\0}", "NUL_BYTE", "\0}"),
    ],
)
def test_what_is_no_lock_file(tmp_path: Path, text: str | bytes, code: str, place: str | None) -> None:
    ((found, rest),) = refused(tmp_path, text)

    assert found == code
    assert place in (None, rest)


def test_two_ways_to_write_one_name(tmp_path: Path) -> None:
    text = json.dumps({"schema": 1, "names": {"a.example": ENTRY, "a.example.": ENTRY}})

    ((code, rest),) = refused(tmp_path, text)

    assert code == "DUPLICATE"
    assert rest.startswith('"a.example."')


@pytest.mark.parametrize("schema", [0, 2, -1, 1 << 63])
def test_another_schema_is_told_and_nothing_else(tmp_path: Path, schema: int) -> None:
    lock, (found,) = read(tmp_path, f'{{"schema": {schema}, "hosts": {{}}}}')

    assert lock is None
    assert names([found]) == ["UNSUPPORTED_VERSION"]
    assert found.message == f"a DNS lock file of version '{schema}' is not supported; 1 is"


@pytest.mark.parametrize("name", ["missing.lock", ".", "\0", "x" * 5000])
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    diagnostics = Diagnostics()

    assert read_dns_lock(f"{tmp_path}/{name}", diagnostics) is None

    assert names(diagnostics.sorted()) == ["UNREADABLE"]


LABELS = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
LOCKED_NAMES = st.builds(
    LockedName,
    st.lists(LABELS, min_size=1, max_size=4).map(".".join),
    st.sets(st.integers(0, ALL_ONES), max_size=4).map(lambda found: tuple(sorted(found))),
    st.sets(st.ip_addresses(v=6, network="2001:db8::/32").map(str), max_size=3).map(lambda found: tuple(sorted(found))),
    st.integers(0, MAX_TTL),
    st.datetimes().map(lambda time: f"{time.replace(microsecond=0).isoformat()}Z"),
    st.sampled_from(["192.0.2.53", "127.0.0.1#5353", "2001:db8::53"]),
)


@pytest.mark.behaviour("EF-08", "OUT-01")
@given(st.lists(LOCKED_NAMES, max_size=4, unique_by=lambda locked: locked.name))
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, locked: list[LockedName]) -> None:
    text = lock_text(locked)

    lock = good(tmp_path_factory.mktemp("lock"), text)

    assert dict(lock.names) == {one.name: one for one in locked}
    assert lock_text(reversed(list(lock.names.values()))) == text


def test_a_lock_file_as_it_is_written() -> None:
    other = LockedName("a.example", (), (), 0, "2026-03-01T12:00:01Z", "192.0.2.53#5353")

    assert (
        lock_text([LOCKED, other])
        == """{
  "schema": 1,
  "names": {
    "a.example": {
      "addresses": [],
      "ipv6": [],
      "ttl": 0,
      "resolved": "2026-03-01T12:00:01Z",
      "server": "192.0.2.53#5353"
    },
    "www.example.com": {
      "addresses": [
        "192.0.2.8",
        "192.0.2.80"
      ],
      "ipv6": [
        "2001:db8::80"
      ],
      "ttl": 300,
      "resolved": "2026-03-01T12:00:00Z",
      "server": "192.0.2.53"
    }
  }
}
"""
    )
