"""From a path to its place in JSON text: the second scan, which runs only when somebody asks for a position.

A file of a big cluster is one `List` of 100,000 items, and thousands of origins may be asked for their
lines.  So the offsets of the items are found once, with the fast decoder, and a path is followed from its
item on.  What lies beside the path is skipped with the decoder of the standard library, once for each
mapping and list however many of its members are asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from json import JSONDecoder

import msgspec
from attrs import frozen

from compiler.origin import LineIndex, Path, Span, Step
from compiler.sources.json_scan import value_end
from compiler.sources.pieces import PieceMap, json_pieces
from compiler.sources.positions import KeyStep, split_piece

_SPACE = re.compile(r"[ \t\n\r]*")
# Numbers are skipped, not converted: a number of a million digits costs nothing.
_SKIPPER = JSONDecoder(parse_int=len, parse_float=len, strict=False)


class _Items(msgspec.Struct):
    items: list[msgspec.Raw] = []


@frozen(slots=True)
class _Member:
    """Where a member of a mapping or list is: its key, the end of the key, its value.  An index stands nowhere,
    so the value's place is taken.
    """

    key: int
    key_end: int
    value: int


@frozen(slots=True)
class _Opened:
    """A mapping or list: the members that were passed so far, and the rest."""

    passed: dict[Step, _Member]
    rest: Iterator[tuple[Step, _Member]]

    def member(self, step: Step) -> _Member | None:
        """The member of this key or index; None if there is none."""
        if step not in self.passed:
            for other, where in self.rest:
                self.passed.setdefault(other, where)
                if other == step:
                    break
        return self.passed.get(step)


class JsonLocator:
    """Finds paths in the valid JSON document that begins at `start` and ends before the offset `end`."""

    def __init__(self, text: str, start: int, end: int, lines: LineIndex) -> None:
        self._text = text
        self._start = start
        self._end = end
        self._lines = lines
        self._opened: dict[int, _Opened] = {}
        self._spans: dict[tuple[Path, bool], Span] = {}
        self._pieces: dict[int, PieceMap | None] = {}

    @cached_property
    def _items(self) -> list[int]:
        """Where each element of the top-level list `items` begins."""
        items = self._enter("items", self._start)
        if items is None:
            return []
        offsets = []
        known = items.value
        document = msgspec.json.decode(self._text[self._start : self._end], type=_Items)
        for item in document.items:
            # Between two items there is only space and a comma, so the first occurrence is the item.
            written = str(item, "utf-8")
            found = self._text.find(written, known, self._end)
            offsets.append(found)
            known = found + len(written)
        return offsets

    def extent(self, path: Path) -> tuple[int, int]:
        """The offsets of the first character of a value, and of the one behind its last; of a key if the path
        ends with a `KeyStep`, of a piece of a string if it ends with two `Offset`s; of the longest prefix that
        exists.
        """
        path, piece = split_piece(path)
        here, rest = self._start, path
        match path:
            case ("items", int(index), *_) if 0 <= index < len(self._items):
                here, rest = self._items[index], path[2:]
        for step in rest:
            member = self._enter(step, here)
            if member is None:
                break
            if isinstance(step, KeyStep):
                return member.key, member.key_end
            here = member.value
        if piece and here not in self._pieces:
            self._pieces[here] = json_pieces(self._text, here, skip_value(self._text, here))
        pieces = self._pieces[here] if piece else None
        return pieces.extent(*piece) if piece and pieces else (here, skip_value(self._text, here))

    def locate(self, path: Path) -> Span:
        """The span of what `extent` finds; remembered, as sorting and telling a finding both ask for it."""
        wanted = path, bool(path) and isinstance(path[-1], KeyStep)
        if wanted not in self._spans:
            self._spans[wanted] = self._lines.span(*self.extent(path))
        return self._spans[wanted]

    def _enter(self, step: Step, start: int) -> _Member | None:
        """Where one member of the mapping or list is that begins at `start`; None: no such one."""
        if start not in self._opened:
            self._opened[start] = _Opened({}, self._members(start))
        return self._opened[start].member(step)

    def _members(self, start: int) -> Iterator[tuple[Step, _Member]]:
        """The members of a mapping with their keys, of a list with their indexes; none of anything else."""
        text = self._text
        if text[start] not in "{[":
            return
        here = skip_space(text, start + 1)
        index = 0
        while text[here] not in "]}":
            if text[start] == "[":
                yield index, _Member(here, here, here)
                index += 1
            else:
                key, key_end = _SKIPPER.raw_decode(text, here)
                value = skip_space(text, skip_space(text, key_end) + 1)
                yield key, _Member(here, key_end, value)
                here = value
            here = skip_space(text, skip_value(text, here))
            if text[here] == ",":
                here = skip_space(text, here + 1)


def skip_space(text: str, start: int) -> int:
    """The offset of the first character from `start` on that is no white space."""
    found = _SPACE.match(text, start)
    return found.end() if found else start


def skip_value(text: str, start: int) -> int:
    """The offset behind the JSON value that begins at `start`.  Raises JSONDecodeError if there is none."""
    try:
        return _SKIPPER.raw_decode(text, start)[1]
    except RecursionError:
        return value_end(text, start)
