"""compiler.sources.pieces: a piece of a string in its file, in every notation that keeps its lines."""

from __future__ import annotations

import json

import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from compiler.diagnostics import Diagnostics
from compiler.origin import LineIndex, Origin, Source
from compiler.sources.json_locate import JsonLocator
from compiler.sources.positions import piece_of
from compiler.sources.yaml_text import yaml_documents

PIECES = st.integers(0, 30)
SPELT = {"\n": "\\n", "\t": "\\t", '"': '\\"', "\\": "\\\\", "ä": "\\xe4", "→": "\\u2192", "🙂": "\\U0001F642"}
texts = st.text(st.sampled_from("ab '#:\t\n\"\\ä→🙂"), min_size=1)
blocks = st.lists(st.text(st.sampled_from("ab '#:\"\\ä→🙂\t"), max_size=5), min_size=1, max_size=5).map(
    lambda lines: "\n".join(["x", *lines, "y"])
)


def piece(value: str, first: int, length: int) -> tuple[int, int]:
    """A piece of one character or more, inside of one line of the value."""
    start = first % len(value)
    end = min(start + 1 + length, len(value))
    line_end = value.find("\n", start + 1, end)
    return start, end if line_end < 0 else line_end


def there(text: str, source: Source, path: tuple[str, ...], start: int, end: int) -> str:
    """What is written at the place of a piece."""
    span = piece_of(Origin(source, path), start, end).span()
    return text.split("\n")[span.line - 1][span.column - 1 : span.end_column - 1]


@given(texts, PIECES, PIECES, st.booleans())
@example("🙂\n80", 2, 1, True)
def test_json(value: str, first: int, length: int, ascii_only: bool) -> None:
    text = json.dumps({"a": {"b": value}}, indent=1, ensure_ascii=ascii_only)
    source = Source("a.json", text, JsonLocator(text, 0, len(text), LineIndex(text)).locate)
    start, end = piece(value, first, length)

    found = there(text, source, ("a", "b"), start, end)

    assert found == json.dumps(value[start:end], ensure_ascii=ascii_only)[1:-1]


def yaml_source(text: str, value: str) -> Source:
    """The source of a document in which `a.b` is the value."""
    (cursor,) = yaml_documents("a.yaml", text, Diagnostics())
    assert cursor.value == {"a": {"b": value}}
    return cursor.source


@given(texts, PIECES, PIECES)
def test_double_quoted_yaml(value: str, first: int, length: int) -> None:
    text = f'# x\na:\n  b: &c !!str "{"".join(SPELT.get(c, c) for c in value)}" # y\n'
    start, end = piece(value, first, length)

    found = there(text, yaml_source(text, value), ("a", "b"), start, end)

    assert found == "".join(SPELT.get(c, c) for c in value[start:end])


@given(texts.filter(lambda value: "\n" not in value and not value.isspace()), PIECES, PIECES)
def test_single_quoted_yaml(value: str, first: int, length: int) -> None:
    text = f"a: {{b: '{value.replace(chr(39), chr(39) * 2)}'}}\n"
    start, end = piece(value, first, length)

    found = there(text, yaml_source(text, value), ("a", "b"), start, end)

    assert found == value[start:end].replace("'", "''")


@given(blocks, PIECES, PIECES, st.sampled_from(["|", "|-", "|+", "| # why", "|2", "&c |"]), st.booleans())
def test_literal_yaml(value: str, first: int, length: int, style: str, windows: bool) -> None:
    value += "" if style == "|-" else "\n"
    lines = "".join(f"{'    ' if line else ''}{line}\n" for line in value.removesuffix("\n").split("\n"))
    text = f"a:\n  b: {style}\n{lines}"
    start, end = piece(value.rstrip("\n"), first, length)

    source = yaml_source(text.replace("\n", "\r\n" if windows else "\n"), value)

    assert there(source.text, source, ("a", "b"), start, end) == value[start:end] or value[start] == "\n"


@given(blocks, PIECES, PIECES)
def test_folded_yaml_is_told_as_a_whole(value: str, first: int, length: int) -> None:
    lines = "".join(f"    {line}\n" for line in value.split("\n"))
    text = f"a:\n  b: >\n{lines}"
    source = yaml_source(text, yaml.safe_load(text)["a"]["b"])

    assert there(text, source, ("a", "b"), *piece(value, first, length)) == ">"


@given(st.text(st.sampled_from("abc "), min_size=1).filter(lambda value: value == value.strip()), PIECES, PIECES)
def test_plain_yaml(value: str, first: int, length: int) -> None:
    text = f"a:\n  b: {value}\n"
    start, end = piece(value, first, length)

    assert there(text, yaml_source(text, value), ("a", "b"), start, end) == value[start:end]
