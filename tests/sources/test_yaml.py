"""compiler.sources.yaml_text and yaml_scalars."""

from __future__ import annotations

from typing import Any

import pytest

from compiler.diagnostics import Diagnostics
from compiler.sources.yaml_scalars import resolve_plain
from compiler.sources.yaml_text import yaml_documents


def load(text: str) -> Any:
    diagnostics = Diagnostics()
    (cursor,) = yaml_documents("a.yaml", text, diagnostics)
    assert diagnostics.sorted() == ()
    return cursor.value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("nULL", "nULL"),
        ("true", True),
        ("on", True),
        ("No", False),
        ("0", 0),
        ("-17", -17),
        ("1_000", 1000),
        ("0x1F", 31),
        ("0b101", 5),
        ("010", 8),
        ("0o10", 8),
        ("08", 8.0),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-.inf", float("-inf")),
        ("1e99999", "1e99999"),
        ("0x", "0x"),
        ("0b", "0b"),
        ("0x_", "0x_"),
        (".", "."),
        ("-", "-"),
        ("10.0.0.1", "10.0.0.1"),
        ("12:30", "12:30"),
        ("2024-01-01", "2024-01-01"),
        ("web", "web"),
        ("１", "１"),
    ],
)
def test_plain_scalars(text: str, value: object) -> None:
    found = resolve_plain(text)

    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'yes'", "yes"),
        ("!!str yes", "yes"),
        ("! yes", "yes"),
        ("!!int '7'", 7),
        ("!!float 7", 7.0),
        ("!!bool off", False),
        ("!!seq [1]", [1]),
        ("!!map {a: 1}", {"a": 1}),
        ("|\n  a\n  b\n", "a\nb\n"),
        (">\n  a\n  b\n", "a b\n"),
        ("[a, 'b', \"\\u0063\"]", ["a", "b", "c"]),
        ("{<<: {a: 1, b: 2}, b: 3}", {"b": 3, "a": 1}),
        ("{<<: [{a: 1}, {a: 2, b: 2}]}", {"a": 1, "b": 2}),
        ("{'<<': 1}", {"<<": 1}),
        ("[&x {a: [1]}, *x]", [{"a": [1]}, {"a": [1]}]),
        ("[&x 1, &x 2, *x]", [1, 2, 2]),
    ],
)
def test_values(text: str, value: object) -> None:
    assert load(text) == value


def test_an_alias_is_located_where_its_anchor_is_and_its_key_where_it_is_used() -> None:
    (cursor,) = yaml_documents("a.yaml", "a: &x\n  b: 1\nc: *x\n", Diagnostics())

    place = cursor.source.locate(("c", "b"))

    assert (place.line, place.column) == (2, 6)


def test_anchors_end_with_their_document() -> None:
    diagnostics = Diagnostics()

    documents = list(yaml_documents("a.yaml", "a: &x 1\n---\nb: *x\n---\nc: 1\n", diagnostics))

    assert [cursor.value for cursor in documents] == [{"a": 1}, {"c": 1}]
    (found,) = diagnostics.sorted()
    assert str(found.origin) == "a.yaml:3:4"
