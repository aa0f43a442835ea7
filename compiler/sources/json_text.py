"""JSON text to documents: fast where it is big, exact where it matters.

The file of a cluster is one `List` with up to 100,000 objects.  `msgspec` checks its syntax in one pass and
cuts it into the raw text of each object, which costs some 5 ms per megabyte; an object is decoded only if its
kind is used.

Duplicate keys, which most decoders drop silently, are found like this.  An object that is decoded in full
(`decode_object`) goes through the standard library's decoder with a hook that compares counts: twice the time
of msgspec, and nothing beside the reading itself.  Pods, of which there are many, are decoded in part
(`pods`); for the parts that matter `has_duplicates` writes what was decoded again and compares
lengths, which works because the text was compacted before.  Either says only that there is one; `json_scan`
then finds it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from json import JSONDecodeError, JSONDecoder, loads

import msgspec
from attrs import frozen

from compiler import codes
from compiler.diagnostics import Diagnostics
from compiler.origin import Path, Source
from compiler.sources.json_locate import JsonLocator, skip_space, skip_value
from compiler.sources.json_scan import MAX_DEPTH, Found, duplicate_keys, find_oddity, too_deep
from compiler.sources.positions import origin_at, whole_source
from compiler.sources.reader import Cursor

MAX_DUPLICATES = 100
"""Doubled keys of one object that are reported."""

_RAW_MAPPING = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ENCODER = msgspec.json.Encoder()


@frozen(slots=True)
class JsonDocument:
    """One document of a file: its compact text, and where it was written."""

    compact: bytes
    source: Source
    locator: JsonLocator


class _Duplicate(Exception):
    """A mapping holds a key twice."""


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        raise _Duplicate
    return mapping


_DECODER = JSONDecoder(object_pairs_hook=_unique)


def json_documents(name: str, text: str, diagnostics: Diagnostics) -> Iterator[JsonDocument]:
    """The documents of a JSON text: one, or several one after the other.  Reports BAD_JSON, TOO_DEEP."""
    whole = whole_source(name, text)
    try:
        compact = msgspec.json.format(text.encode(), indent=-1)
    except (msgspec.DecodeError, RecursionError) as fault:
        if "trailing characters" not in str(fault):
            _refuse(whole, 0, fault, diagnostics)
            return
    else:
        yield _document(whole, skip_space(text, 0), len(text), compact)
        return
    for start, end in _split(text):
        try:
            compact = msgspec.json.format(text[start:end].encode(), indent=-1)
        except (msgspec.DecodeError, RecursionError) as fault:
            _refuse(whole, start, fault, diagnostics)
            return
        yield _document(whole, start, end, compact)


def _split(text: str) -> Iterator[tuple[int, int]]:
    """Where each document of a text begins and ends; a last one that is broken ends with the text."""
    end = 0
    while (start := skip_space(text, end)) < len(text):
        try:
            end = skip_value(text, start)
        except ValueError:
            end = len(text)
        yield start, end


def _document(whole: Source, start: int, end: int, compact: bytes) -> JsonDocument:
    locator = JsonLocator(whole.text, start, end, whole.lines)
    return JsonDocument(compact, Source(whole.name, whole.text, locator.locate, whole.lines), locator)


def raw_members(raw: bytes | msgspec.Raw) -> dict[str, msgspec.Raw] | None:
    """The undecoded members of a mapping; None if it is none."""
    try:
        return _RAW_MAPPING.decode(raw)
    except msgspec.ValidationError:
        return None


def has_duplicates(raw: bytes | msgspec.Raw, members: dict[str, msgspec.Raw]) -> bool:
    """Whether members of the compact text of a mapping are missing in what was decoded from it.

    Also true where a key is written with an escape, as the text is then written differently: the caller
    goes on with the exact way.
    """
    return len(_ENCODER.encode(members)) != len(memoryview(raw))


def decode_object(
    raw: bytes | msgspec.Raw, document: JsonDocument, path: Path, diagnostics: Diagnostics
) -> Cursor | None:
    """The decoded value at `path`; None after a report of DUPLICATE_KEY, TOO_DEEP or BAD_JSON."""
    text = str(raw, "utf-8")
    if too_deep(text, 0, len(text)):
        start, end = document.locator.extent(path)
        _refuse_deep(document.source, start, end, diagnostics)
        return None
    try:
        value: object = _DECODER.decode(text)
    except _Duplicate:
        report_duplicates(document, path, diagnostics)
        return None
    except ValueError as fault:  # a number too long to convert
        _bad_json(document.source, *document.locator.extent(path), str(fault), diagnostics)
        return None
    return Cursor(value, document.source, path, diagnostics, len(path))


def report_duplicates(document: JsonDocument, path: Path, diagnostics: Diagnostics) -> bool:
    """Reports the doubled keys in the value at `path`, the first hundred; False if there is none."""
    text = document.source.text
    start, end = document.locator.extent(path)
    found = False
    for key in islice(duplicate_keys(text, start, end), MAX_DUPLICATES):
        found = True
        diagnostics.report(codes.DUPLICATE_KEY, origin_at(document.source, key.start, key.end), key=key.text)
    return found


def _refuse(whole: Source, start: int, fault: Exception, diagnostics: Diagnostics) -> None:
    if isinstance(fault, RecursionError):
        _refuse_deep(whole, start, len(whole.text), diagnostics)
    else:
        _bad_json(whole, start, len(whole.text), str(fault), diagnostics)


def _refuse_deep(source: Source, start: int, end: int, diagnostics: Diagnostics) -> None:
    found = too_deep(source.text, start, end) or Found(start, start + 1, "")
    diagnostics.report(codes.TOO_DEEP, origin_at(source, found.start, found.end), limit=MAX_DEPTH)


def _bad_json(source: Source, start: int, end: int, reason: str, diagnostics: Diagnostics) -> None:
    """Reports BAD_JSON where the standard library's decoder, which tells offsets in characters, finds the
    fault.
    """
    text = source.text
    place: Found | None
    try:
        loads(text[start:end])
    except JSONDecodeError as fault:
        place = Found(start + fault.pos, start + fault.pos + 1, "")
        reason = fault.msg[:1].lower() + fault.msg[1:]
    except (ValueError, RecursionError):
        place = find_oddity(text, start)
        reason = "a number too long to be meant" if place else reason
    else:
        place = find_oddity(text, start)
        reason = f"{place.text} is no JSON value" if place else reason.removeprefix("JSON is malformed: ")
    where = origin_at(source, place.start, place.end) if place else origin_at(source, start, start + 1)
    diagnostics.report(codes.BAD_JSON, where, reason=reason)
