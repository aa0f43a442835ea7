"""The output of `ovs-vsctl --format=json list Interface`: which interface of a bridge has which OpenFlow
port.

The format is that of ovs-vsctl(8), option --format=json: `headings`, and `data` with one list of cells for
each row; a cell holds a value in the notation of RFC 7047, section 5.1: an atom, `["set", […]]`, `["map",
[[key, value], …]]`, `["uuid", …]`.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from compiler import codes
from compiler.declarations import InterfaceDeclaration
from compiler.sources.reader import Cursor
from compiler.sources.scalars import read_name
from compiler.values.ipv6 import is_ipv6_address
from compiler.values.names import refuse_interface
from compiler.values.prefix import parse_address

_TABLE = "the output of ovs-vsctl list Interface"
_COLUMNS = ("name", "ofport", "external_ids")


@frozen(slots=True)
class _Cell:
    """A value of OVSDB, taken out of its notation: `value` is an atom, a list for a set, a dict for a map."""

    cursor: Cursor
    value: object


def is_interface_table(value: object) -> bool:
    """Whether a document looks like a table that ovs-vsctl printed."""
    return isinstance(value, dict) and "headings" in value and "data" in value


def read_interfaces(cursor: Cursor) -> Iterator[InterfaceDeclaration]:
    """The interfaces that have an OpenFlow port; those without (-1, or no number at all) are left out."""
    headings = [heading.string() for heading in cursor.elements("headings") or ()]
    missing = [column for column in _COLUMNS if column not in headings]
    for column in missing:
        heading = cursor.get("headings") or cursor
        cursor.diagnostics.report(codes.MISSING_FIELD, heading.origin, kind=_TABLE, field=column)
    if missing:
        return
    for row in cursor.elements("data") or ():
        cells = row.children()
        if cells is None or len(cells) != len(headings):
            row.wrong(f"a list of {len(headings)} values")
            continue
        named = dict(zip(headings, map(_unwrap, cells), strict=True))
        yield from _read_interface(*(named[column] for column in _COLUMNS))


def _read_interface(name: _Cell, port: _Cell, ids: _Cell) -> Iterator[InterfaceDeclaration]:
    if port.value == [] or port.value == -1:
        return
    if isinstance(port.value, bool) or not isinstance(port.value, int):
        port.cursor.wrong("an integer")
        return
    address = _pod_address(ids)
    if address is None and isinstance(name.value, str) and refuse_interface(name.value):
        return  # no pod's: patch ports may have longer names
    interface = read_name(name.cursor, "interface", refuse_interface)
    if interface is not None:
        yield InterfaceDeclaration(interface, port.value, name.cursor.origin, address)


def _pod_address(ids: _Cell) -> int | None:
    """The address in external_ids `ip`; None if there is none, or one of IPv6."""
    if not isinstance(ids.value, dict):
        ids.cursor.wrong("a map of OVSDB")
        return None
    text = ids.value.get("ip")
    if text is None or (isinstance(text, str) and is_ipv6_address(text)):
        return None
    try:
        return parse_address(str(text))
    except ValueError:
        ids.cursor.diagnostics.report(codes.BAD_ADDRESS, ids.cursor.origin, value=text)
        return None


def _unwrap(cursor: Cursor) -> _Cell:
    match cursor.value:
        case ["set", list() as members]:
            return _Cell(cursor, members[0] if len(members) == 1 else members)
        case ["map", list() as pairs] if all(_is_pair(pair) for pair in pairs):
            return _Cell(cursor, dict(pairs))
        case value:
            return _Cell(cursor, value)


def _is_pair(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str)
