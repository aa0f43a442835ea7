"""Reads the DNS lock file (`compiler/dns_lock.py` has the format) as any other input: hostile until it is validated."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from compiler import codes
from compiler.diagnostics import Diagnostics
from compiler.dns_lock import SCHEMA, DnsLock, LockedName
from compiler.origin import Origin
from compiler.sources.files import decode
from compiler.sources.json_text import JsonDocument, decode_object, json_documents
from compiler.sources.positions import KeyStep
from compiler.sources.reader import Cursor
from compiler.sources.scalars import number_text, read_address, read_number
from compiler.values.ipv6 import is_ipv6_address, parse_ipv6
from compiler.values.names import refuse_dns_name
from compiler.values.ports import MAX_PORT
from compiler.values.prefix import parse_address

MAX_TTL = (1 << 31) - 1
"""The longest time to live, in seconds (RFC 2181, section 8)."""

_FILE = "a DNS lock file"
_NAME = "a name of the DNS lock file"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_PORT = re.compile(r"[1-9]\d{0,4}", re.ASCII)

T = TypeVar("T")


def read_dns_lock(path: str, diagnostics: Diagnostics) -> DnsLock | None:
    """The lock file at `path`; None if anything in it is wrong, which `diagnostics` then tells with its place."""
    try:
        data = Path(path).read_bytes()
    except (OSError, ValueError) as fault:  # ValueError: a NUL in the path
        reason = fault.strerror if isinstance(fault, OSError) and fault.strerror else str(fault)
        diagnostics.report(codes.UNREADABLE, None, path=path, reason=reason)
        return None
    return parse_dns_lock(path, data, diagnostics)


def parse_dns_lock(path: str, data: bytes, diagnostics: Diagnostics) -> DnsLock | None:
    """As `read_dns_lock`, for the content of a file that messages call `path`."""
    documents = [
        document
        for file in decode(path, data, diagnostics)
        for document in json_documents(path, file.text, diagnostics)
    ]
    cursor = _only_document(documents, diagnostics)
    names = list(_read_names(cursor)) if cursor else []
    if diagnostics.failed_in(path):
        return None
    return DnsLock(path, {name.name: name for name in names})


def _only_document(documents: list[JsonDocument], diagnostics: Diagnostics) -> Cursor | None:
    if not documents:
        return None
    first, *more = documents
    for other in more:
        reason = "a lock file holds one document"
        diagnostics.report(codes.BAD_JSON, Origin(other.source), reason=reason)
    return decode_object(first.compact, first, (), diagnostics)


def _read_names(cursor: Cursor) -> Iterator[LockedName]:
    if not cursor.is_mapping():
        return
    told = cursor.require("schema", _FILE)
    schema = told.integer() if told else None
    if told is not None and schema is not None and schema != SCHEMA:
        # Nothing can be said of the fields of a schema that nobody here knows.
        cursor.diagnostics.report(
            codes.UNSUPPORTED_VERSION, told.origin, kind=_FILE, version=number_text(schema), supported=SCHEMA
        )
        return
    cursor.only(_FILE, ("schema", "names"))
    names = cursor.require("names", _FILE)
    if names is None or not names.is_mapping():
        return
    seen: set[str] = set()
    for key, value in names.entries():
        # Two ways to write one name, with and without the trailing dot, are no doubled key for the decoder.
        name = key.removesuffix(".")
        origin = names.origin.child(KeyStep(key))
        if reason := refuse_dns_name(key):
            cursor.diagnostics.report(codes.BAD_DNS_NAME, origin, value=key, reason=reason)
        elif name in seen:
            cursor.diagnostics.report(codes.DUPLICATE, origin, what="DNS name", name=name)
        seen.add(name)
        locked = _read_name(name, origin, value)
        if locked is not None:
            yield locked


def _read_name(name: str, origin: Origin, cursor: Cursor) -> LockedName | None:
    if not cursor.is_mapping():
        return None
    cursor.only(_NAME, ("addresses", "ipv6", "ttl", "resolved", "server"))
    addresses = _read_list(cursor, "addresses", read_address) if cursor.require("addresses", _NAME) else []
    ipv6 = _read_list(cursor, "ipv6", _read_ipv6)
    ttl = cursor.require("ttl", _NAME)
    seconds = read_number(ttl, "TTL", 0, MAX_TTL) if ttl else None
    resolved = _read_text(cursor, "resolved", _is_time, "a time in UTC, as 2026-03-01T12:00:00Z")
    server = _read_text(cursor, "server", _is_server, "an address, or an address, # and a port")
    if seconds is None or resolved is None or server is None:
        return None
    return LockedName(name, tuple(sorted(set(addresses))), tuple(sorted(set(ipv6))), seconds, resolved, server, origin)


def _read_list(cursor: Cursor, key: str, read: Callable[[Cursor], T | None]) -> list[T]:
    return [value for element in cursor.elements(key) or () if (value := read(element)) is not None]


def _read_ipv6(cursor: Cursor) -> str | None:
    """An IPv6 address in the one way that RFC 5952 writes it."""
    text = cursor.string()
    if text is None:
        return None
    found = parse_ipv6(text)
    if found is None or not is_ipv6_address(text):
        cursor.diagnostics.report(
            codes.BAD_VALUE, cursor.origin, field=cursor.name, value=text, expected="an IPv6 address"
        )
        return None
    return str(found.ip)


def _read_text(cursor: Cursor, key: str, accepts: Callable[[str], bool], expected: str) -> str | None:
    found = cursor.require(key, _NAME)
    text = found.string() if found else None
    if found is not None and text is not None and not accepts(text):
        cursor.diagnostics.report(codes.BAD_VALUE, found.origin, field=found.name, value=text, expected=expected)
        return None
    return text


def _is_time(text: str) -> bool:
    """Whether `text` is a time of RFC 3339 in UTC, in whole seconds."""
    if not _TIME.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:  # the 31st of February
        return False
    return True


def _is_server(text: str) -> bool:
    """Whether `text` is an address, IPv4 or IPv6, with an optional `#PORT`."""
    address, mark, port = text.partition("#")
    if mark and not (_PORT.fullmatch(port) and int(port) <= MAX_PORT):
        return False
    if is_ipv6_address(address):
        return True
    try:
        parse_address(address)
    except ValueError:
        return False
    return True
