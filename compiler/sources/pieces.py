"""Where a piece of a string stands in its file: from offsets in the decoded value to offsets in the text.

A string of a JSON or YAML file may be a text of its own, such as a list of destinations, of which a finding tells one
word.  Escapes make the written string longer than its value, and the indentation of a block scalar is no part of it.  A
`PieceMap` holds the *runs* of characters that are written as they are; each begins behind an escape or an indentation.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right

from attrs import frozen

_JSON_ESCAPE = re.compile(r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)")
_YAML_ESCAPE = re.compile(r"\\(?:x.{2}|u.{4}|U.{8}|.)")
_YAML_QUOTE = re.compile("''")
_YAML_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")
_YAML_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
"""The line breaks of YAML 1.1, section 4.2."""
_KEPT_BREAK = re.compile("[\n\u2028\u2029]")
"""What they are in a value."""


@frozen(slots=True, eq=False)
class PieceMap:
    """The runs of one string: where each begins in the value, and where in the text."""

    values: array[int]
    texts: array[int]

    def extent(self, start: int, end: int) -> tuple[int, int]:
        """The offsets in the text of the characters from `start` to before `end` of the value."""
        return self._offset(start), self._offset(end)

    def _offset(self, value: int) -> int:
        run = bisect_right(self.values, value) - 1
        return self.texts[run] + value - self.values[run]


def _escaped(text: str, start: int, end: int, escape: re.Pattern[str]) -> PieceMap:
    """The runs between escapes, each of which stands for one character, in `text[start:end]`."""
    values, texts = array("q", [0]), array("q", [start])
    for found in escape.finditer(text, start, end):
        values.append(values[-1] + found.start() - texts[-1] + 1)
        texts.append(found.end())
    return PieceMap(values, texts)


def json_pieces(text: str, start: int, end: int) -> PieceMap | None:
    """The runs of the JSON value `text[start:end]`; None if it is no string."""
    return _escaped(text, start + 1, end - 1, _JSON_ESCAPE) if text[start] == '"' else None


def yaml_pieces(text: str, start: int, end: int, value: str) -> PieceMap | None:
    """The runs of the YAML scalar that begins at `start` and means `value`.

    None if its lines are folded, so that they are not those of the value.
    """
    properties = _YAML_PROPERTIES.match(text, start, end)
    start = properties.end() if properties else start
    if text[start : start + 1] == "|":
        return _literal(text, start, value)
    if _YAML_BREAK.search(text, start, end):
        return None
    match text[start : start + 1]:
        case '"':
            return _escaped(text, start + 1, end - 1, _YAML_ESCAPE)
        case "'":
            return _escaped(text, start + 1, end - 1, _YAML_QUOTE)
        case ">":
            return None
        case _:
            return PieceMap(array("q", [0]), array("q", [start]))


def _literal(text: str, start: int, value: str) -> PieceMap:
    """A block whose lines are those of the value, each behind its indentation."""
    values, texts = array("q"), array("q")
    header = _YAML_BREAK.search(text, start)
    here = header.end() if header else len(text)
    begin = 0
    for line in _KEPT_BREAK.split(value):
        found = _YAML_BREAK.search(text, here)
        end = found.start() if found else len(text)
        values.append(begin)
        texts.append(end - len(line))
        begin += len(line) + 1
        here = found.end() if found else len(text)
    return PieceMap(values, texts)
