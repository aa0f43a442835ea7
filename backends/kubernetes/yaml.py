"""Kubernetes objects as YAML: keys sorted, one way to write each value, strings quoted where YAML could misread them.

Readers disagree about what is a plain string (`no`, `1e3`, `0o14`), so only what starts like a name and is no word of
YAML stays without quotes.  Double quotes are those of JSON, which YAML reads alike (YAML 1.2, section 1.3).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

Value = bool | int | str | Sequence["Value"] | Mapping[str, "Value"]
"""What an object is made of; no mapping or sequence is empty."""

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9._/-]*", re.ASCII)
_WORDS = {"true", "false", "yes", "no", "on", "off", "y", "n", "null"}
"""What YAML 1.1 or 1.2 reads as something else than a string, in lower case."""

_ASCII = re.compile(r"[\n -~]*", re.ASCII)
_LINE = re.compile(r"[!-~](?:[ -~]*[!-~])?", re.ASCII)


def yaml_text(value: Mapping[str, Value]) -> str:
    """A document, without the line that separates it from another one.

    Raises ValueError for a string with anything but printable ASCII and ends of lines: no checked value has it.

    >>> print(yaml_text({"name": "web", "ready": "true", "ports": [80, 443], "hosts": "a\\nb\\n"}), end="")
    hosts: |
      a
      b
    name: web
    ports:
    - 80
    - 443
    ready: "true"
    """
    return "".join(f"{line}\n" for line in _lines(value))


def _lines(value: Value) -> Iterator[str]:
    if isinstance(value, str):
        yield from _block(value) if _is_block(value) else [_word(value)]
    elif isinstance(value, Mapping):
        for key in sorted(value):
            yield from _behind(f"{_word(key)}:", value[key])
    elif isinstance(value, Sequence):
        for item in value:
            first, *rest = _lines(item)
            yield f"- {first}"
            yield from (f"  {line}" for line in rest)
    else:
        yield json.dumps(value)


def _behind(key: str, value: Value) -> Iterator[str]:
    """A key and its value: a scalar begins on the same line, a sequence stands in the column of its key."""
    if isinstance(value, str | int):
        first, *rest = _lines(value)
        yield f"{key} {first}"
        yield from (f"  {line}" for line in rest)
    else:
        yield key
        indent = "  " if isinstance(value, Mapping) else ""
        yield from (f"{indent}{line}" for line in _lines(value))


def _is_block(text: str) -> bool:
    """Whether a text is lines that a literal block keeps as they are (YAML 1.2, section 8.1.2)."""
    return text.endswith("\n") and all(map(_LINE.fullmatch, text[:-1].split("\n")))


def _block(text: str) -> list[str]:
    return ["|", *text[:-1].split("\n")]


def _word(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    if not _ASCII.fullmatch(text):
        raise ValueError(f"not plain text: {text!r}")
    return json.dumps(text)
