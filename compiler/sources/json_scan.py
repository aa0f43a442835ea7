"""Scans of JSON text for what the decoders do not tell: where a key is doubled, where nesting goes too deep.

Each is one pass of a regular expression over tokens, in Python, and therefore only run when the fast checks
of `json_text` have found that there is something to look for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from json import loads

from attrs import frozen

MAX_DEPTH = 200
"""Levels of nesting of one object; the deepest objects of Kubernetes (schemas of custom resources) have some
60.
"""

_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_STRUCTURE = re.compile(rf"({_STRING})(\s*:)?|[{{}}\[\]]", re.DOTALL)
_CONSTANT = re.compile(rf"{_STRING}|(-?(?:NaN|Infinity))", re.DOTALL)
_LONG_NUMBER = re.compile(rf"{_STRING}|([0-9]{{1000,}})", re.DOTALL)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


@frozen(slots=True)
class Found:
    """A piece of the text, by offsets, and what it holds."""

    start: int
    end: int
    text: str


def duplicate_keys(text: str, start: int, end: int) -> Iterator[Found]:
    """Every key in the valid JSON `text[start:end]` that its mapping holds already, in order."""
    open_mappings: list[set[str]] = []
    for token in _STRUCTURE.finditer(text, start, end):
        match text[token.start()]:
            case "{" | "[":
                open_mappings.append(set())
            case "}" | "]":
                open_mappings.pop()
            case _ if token.group(2):
                quoted = token.group(1)
                key: str = loads(quoted) if "\\" in quoted else quoted[1:-1]
                if key in open_mappings[-1]:
                    yield Found(token.start(), token.end(1), key)
                open_mappings[-1].add(key)


def too_deep(text: str, start: int, end: int) -> Found | None:
    """The first bracket that is nested deeper than MAX_DEPTH, if there is one."""
    if text.count("{", start, end) + text.count("[", start, end) <= MAX_DEPTH:
        return None
    depth = 0
    for token in _STRUCTURE.finditer(text, start, end):
        match text[token.start()]:
            case "{" | "[":
                depth += 1
                if depth > MAX_DEPTH:
                    return Found(token.start(), token.end(), token.group())
            case "}" | "]":
                depth -= 1
    return None


def value_end(text: str, start: int) -> int:
    """The offset behind the valid JSON mapping or list that begins at `start`, however deep it is."""
    depth = 0
    for token in _STRUCTURE.finditer(text, start):
        match text[token.start()]:
            case "{" | "[":
                depth += 1
            case "}" | "]":
                depth -= 1
                if depth == 0:
                    return token.end()
    return len(text)


def find_oddity(text: str, start: int) -> Found | None:
    """What one JSON decoder takes and another does not: NaN, Infinity, half a surrogate pair, endless
    numbers.
    """
    for pattern in (_CONSTANT, _LONG_NUMBER):
        for token in pattern.finditer(text, start):
            if token.group(1):
                return Found(token.start(1), token.end(1), token.group(1))
    half = _SURROGATE.search(text, start)
    return Found(half.start(), half.end(), half.group()) if half else None
