"""YAML text to documents.

The parser is PyYAML's binding of libyaml, asked for its events; composing them here, and not with PyYAML's
loader, gives what hostile input needs: limits on depth and on what aliases expand to, duplicate keys found,
only the core tags, and a position for each of it.  Scalars mean what they mean to kubectl (YAML 1.1: `yes`
and `on` are booleans, `010` is eight), but timestamps stay strings.  Merge keys (`<<`) work.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Any

import yaml
from attrs import define, field, frozen

from compiler import codes
from compiler.diagnostics import Code, Diagnostic, Diagnostics
from compiler.origin import LineIndex, Path, Source, Span
from compiler.sources.json_scan import MAX_DEPTH
from compiler.sources.pieces import PieceMap, yaml_pieces
from compiler.sources.positions import KeyStep, origin_at, split_piece, whole_source
from compiler.sources.reader import Cursor
from compiler.sources.yaml_scalars import CORE_TAG, NotOfTag, resolve_plain, resolve_tagged

MAX_EXPANDED = 100_000
"""How many values the aliases of one document may stand for."""

MAX_FAULTS = 100
"""Faults of a file's syntax after which the rest of it is not read."""

_MERGE = "<<"


@frozen(slots=True, eq=False)
class _Node:
    """A composed value: a scalar, a list of nodes, or a dict of keys to their nodes; where it is, and how
    many values.
    """

    value: Any
    start: int
    end: int
    size: int = 1


@frozen(slots=True)
class _Entry:
    """A member of a mapping, and where its key is."""

    start: int
    end: int
    node: _Node


class _Stop(Exception):
    """The rest of the text cannot be composed; the fault has been noted."""


def yaml_documents(name: str, text: str, diagnostics: Diagnostics) -> Iterator[Cursor]:
    """The documents of a YAML stream that have no fault; empty ones are left out.

    Reports BAD_YAML, DUPLICATE_KEY, YAML_TAG, YAML_ALIAS and TOO_DEEP.  Documents before a syntax error are
    delivered.
    """
    whole = whole_source(name, text)
    locator = _YamlLocator(text, whole.lines)
    composer = _Composer(whole)
    for index, node in enumerate(composer.documents()):
        faults = composer.take_faults()
        diagnostics.extend(faults)
        if not faults and node.value is not None:
            source = Source(name, text, partial(locator.locate, index), whole.lines)
            yield Cursor(_plain(node), source, (), diagnostics)
    diagnostics.extend(composer.take_faults())


def _plain(node: _Node) -> object:
    match node.value:
        case dict() as members:
            return {key: _plain(entry.node) for key, entry in members.items()}
        case list() as elements:
            return [_plain(element) for element in elements]
        case scalar:
            return scalar


@define
class _Composer:
    """Builds nodes out of parser events; notes faults and goes on where that makes sense."""

    _source: Source
    _faults: Diagnostics = field(init=False, factory=Diagnostics)
    _anchors: dict[str, _Node | None] = field(init=False, factory=dict)
    _count: int = field(init=False, default=0)
    _expanded: int = field(init=False, default=0)
    _parser: Any = field(init=False, default=None)

    def documents(self) -> Iterator[_Node]:
        """The root node of each document; ends early, with a fault, where the text is not YAML."""
        # The marks of events count characters, as Python's strings do.
        self._parser = yaml.CSafeLoader(self._source.text)
        try:
            while (event := self._next()) is not None:
                if isinstance(event, yaml.DocumentStartEvent):
                    self._anchors.clear()
                    self._expanded = 0
                    yield self._node(self._next(), 0)
        except _Stop:
            return

    def take_faults(self) -> tuple[Diagnostic, ...]:
        """The faults found since the last call."""
        faults, self._faults = self._faults, Diagnostics()
        return faults.sorted()

    def _fault(self, code: Code, start: int, end: int, **fields: str | int) -> None:
        self._faults.report(code, origin_at(self._source, start, end), related=(), **fields)
        self._count += 1
        if self._count >= MAX_FAULTS:
            raise _Stop

    def _next(self) -> Any:
        try:
            return self._parser.get_event()
        except yaml.MarkedYAMLError as fault:
            mark = fault.problem_mark or fault.context_mark
            place = mark.index if mark else 0
            reason = ", ".join(part for part in (fault.context, fault.problem) if part)
            self._fault(codes.BAD_YAML, place, place + 1, reason=reason)
        except yaml.reader.ReaderError as fault:
            self._fault(codes.BAD_YAML, fault.position, fault.position + 1, reason=fault.reason)
        except yaml.YAMLError as fault:
            self._fault(codes.BAD_YAML, 0, 1, reason=str(fault))
        raise _Stop

    def _until(self, ending: type) -> Iterator[Any]:
        """The events up to the one that ends a collection; who asks takes those inside of it."""
        while not isinstance(event := self._next(), ending):
            yield event

    def _node(self, event: Any, depth: int) -> _Node:
        start, end = event.start_mark.index, event.end_mark.index
        if isinstance(event, yaml.AliasEvent):
            return self._alias(str(event.anchor), start, end)
        if isinstance(event, yaml.ScalarEvent):
            node = self._scalar(event, start, end)
        else:
            if depth >= MAX_DEPTH:
                self._fault(codes.TOO_DEEP, start, end, limit=MAX_DEPTH)
                raise _Stop
            if event.anchor:
                self._anchors[event.anchor] = None
            is_mapping = isinstance(event, yaml.MappingStartEvent)
            self._check_tag(event.tag, "map" if is_mapping else "seq", start, end)
            node = self._mapping(start, depth) if is_mapping else self._sequence(start, depth)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, anchor: str, start: int, end: int) -> _Node:
        if anchor not in self._anchors:
            self._fault(codes.BAD_YAML, start, end, reason=f"undefined alias {anchor!r}")
            return _Node(None, start, end)
        node = self._anchors[anchor]
        self._expanded += node.size if node else MAX_EXPANDED + 1  # an alias inside its own anchor never ends
        if node is None or self._expanded > MAX_EXPANDED:
            self._fault(codes.YAML_ALIAS, start, end, limit=MAX_EXPANDED)
            raise _Stop
        return node

    def _check_tag(self, tag: str | None, allowed: str, start: int, end: int) -> None:
        if tag not in (None, "!", CORE_TAG + allowed):
            self._fault(codes.YAML_TAG, start, end, tag=tag)

    def _scalar(self, event: Any, start: int, end: int) -> _Node:
        tag, text = event.tag, event.value
        if tag is None and event.implicit[0]:
            return _Node(resolve_plain(text), start, end)
        if tag is None or tag == "!":
            return _Node(text, start, end)
        try:
            return _Node(resolve_tagged(tag, text), start, end)
        except NotOfTag as fault:
            self._fault(codes.BAD_YAML, start, end, reason=str(fault))
        except KeyError:
            self._fault(codes.YAML_TAG, start, end, tag=tag)
        return _Node(None, start, end)

    def _sequence(self, start: int, depth: int) -> _Node:
        elements = []
        for event in self._until(yaml.SequenceEndEvent):
            elements.append(self._node(event, depth + 1))
        end = elements[-1].end if elements else start + 1
        return _Node(elements, start, end, 1 + sum(element.size for element in elements))

    def _mapping(self, start: int, depth: int) -> _Node:
        members: dict[str, _Entry] = {}
        merged: list[_Node] = []
        end = start + 1
        for event in self._until(yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            node = self._node(self._next(), depth + 1)
            end = node.end
            if key.value == _MERGE and isinstance(event, yaml.ScalarEvent) and event.implicit[0]:
                merged.append(node)
            elif not isinstance(key.value, str):
                self._fault(codes.BAD_YAML, key.start, key.end, reason="a key that is not a string; quote it")
            elif key.value in members:
                self._fault(codes.DUPLICATE_KEY, key.start, key.end, key=key.value)
            else:
                # An alias as key stands where the anchor is; the event knows better.
                members[key.value] = _Entry(event.start_mark.index, event.end_mark.index, node)
        for node in merged:
            self._merge(node, members)
        return _Node(members, start, end, 1 + sum(1 + entry.node.size for entry in members.values()))

    def _merge(self, node: _Node, members: dict[str, _Entry]) -> None:
        """Adds the members that are not there yet: of one mapping, or of several, the first of which wins."""
        for source in node.value if isinstance(node.value, list) else [node]:
            if not isinstance(source.value, dict):
                self._fault(codes.BAD_YAML, source.start, source.end, reason="a merge key needs a mapping")
                return
            for key, entry in source.value.items():
                members.setdefault(key, entry)


class _YamlLocator:
    """Finds paths in the documents of a YAML stream, which it composes again as far as it is asked."""

    def __init__(self, text: str, lines: LineIndex) -> None:
        self._text = text
        self._lines = lines
        self._pieces: dict[int, PieceMap | None] = {}
        self._passed: list[_Node] = []
        self._rest = _Composer(whole_source("", text)).documents()

    def _document(self, index: int) -> _Node:
        self._passed.extend(islice(self._rest, max(0, index + 1 - len(self._passed))))
        return self._passed[index]

    def locate(self, index: int, path: Path) -> Span:
        """The span of a value, of a key if the path ends with a `KeyStep`, or of a piece of a string if it ends
        with two `Offset`s; of the longest prefix that exists.
        """
        path, piece = split_piece(path)
        node = self._document(index)
        for step in path:
            match node.value, step:
                case dict() as members, str() if step in members:
                    entry = members[step]
                    if isinstance(step, KeyStep):
                        return self._lines.span(entry.start, entry.end)
                    node = entry.node
                case list() as elements, int() if 0 <= step < len(elements):
                    node = elements[step]
                case _:
                    break
        pieces = self._pieces_of(node) if piece else None
        return self._lines.span(*(pieces.extent(*piece) if piece and pieces else (node.start, node.end)))

    def _pieces_of(self, node: _Node) -> PieceMap | None:
        if node.start not in self._pieces:
            value = node.value
            known = yaml_pieces(self._text, node.start, node.end, value) if isinstance(value, str) else None
            self._pieces[node.start] = known
        return self._pieces[node.start]
