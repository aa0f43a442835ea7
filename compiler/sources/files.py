"""From the paths on the command line to the texts of input files: the first step of every command.

A path is a file, a folder that is searched for files with the known suffixes, or `-` for standard input.
What comes out is sorted and holds each file once, so that the order of the arguments does not matter
(OUT-01).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import BinaryIO

from attrs import frozen

from compiler import codes
from compiler.bundles import is_bundle
from compiler.diagnostics import Diagnostics
from compiler.sources.positions import origin_at, whole_source

STDIN = "-"
"""The path, and the display name, of standard input."""


class Format(Enum):
    """How the text of a file is to be read."""

    DSL = "dsl"
    JSON = "json"
    YAML = "yaml"


SUFFIXES: Mapping[str, Format] = {
    ".sdn": Format.DSL,
    ".json": Format.JSON,
    ".yaml": Format.YAML,
    ".yml": Format.YAML,
}

_YAML_OBJECT = re.compile(r"^(?:---|%YAML|- |[\"']?(?:apiVersion|kind|metadata|items)[\"']?[ \t]*:)", re.MULTILINE)


@frozen(slots=True)
class InputFile:
    """The text of one file and how to read it.  `name` is what the user wrote; inside a folder, joined with
    the rest.
    """

    name: str
    text: str
    format: Format


def read_paths(paths: Sequence[str], stdin: BinaryIO | None, diagnostics: Diagnostics) -> tuple[InputFile, ...]:
    """Reads every file that `paths` name, sorted by name.

    Reports UNREADABLE, NOT_TEXT, NUL_BYTE, and NO_INPUT for a folder without any file to read.  `stdin` is
    read if `-` is among the paths; None means that there is no standard input.
    """
    names: dict[Path, str] = {}
    files: list[InputFile] = []
    for path in sorted(set(paths)):
        if path == STDIN:
            files.extend(_read_stdin(stdin, diagnostics))
        else:
            for name, real in _expand(path, diagnostics):
                names.setdefault(real, name)
    for name in names.values():
        try:
            data = Path(name).read_bytes()
        except OSError as fault:
            _unreadable(name, fault, diagnostics)
        else:
            files.extend(decode(name, data, diagnostics))
    return tuple(sorted(files, key=lambda file: file.name))


def decode(name: str, data: bytes, diagnostics: Diagnostics) -> Iterator[InputFile]:
    """The text of one file, or nothing and a report if it is not text."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        _not_text(name, data, fault, diagnostics)
        return
    yield from text_file(name, text, diagnostics)


def text_file(name: str, text: str, diagnostics: Diagnostics) -> Iterator[InputFile]:
    """The input file of a text that is in memory, or nothing and a report if it holds a NUL."""
    nul = text.find("\0")
    if nul >= 0:
        diagnostics.report(codes.NUL_BYTE, origin_at(whole_source(name, text), nul, nul + 1))
        return
    yield InputFile(name, text, SUFFIXES.get(Path(name).suffix) or guess_format(text))


def guess_format(text: str) -> Format:
    """The format of a text whose name tells nothing: JSON begins with a bracket, YAML objects have telling
    keys.
    """
    if text.lstrip()[:1] in ("{", "["):
        return Format.JSON
    return Format.YAML if _YAML_OBJECT.search(text) else Format.DSL


def _read_stdin(stdin: BinaryIO | None, diagnostics: Diagnostics) -> Iterator[InputFile]:
    if stdin is None:
        diagnostics.report(codes.UNREADABLE, None, path=STDIN, reason="there is no standard input")
        return
    try:
        data = stdin.read()
    except OSError as fault:
        _unreadable(STDIN, fault, diagnostics)
        return
    yield from decode(STDIN, data, diagnostics)


def _expand(path: str, diagnostics: Diagnostics) -> Iterator[tuple[str, Path]]:
    """The display name and the real path of each file that an argument stands for."""
    if not path:
        diagnostics.report(codes.UNREADABLE, None, path="''", reason="the path is empty")
        return
    try:
        top = Path(path)
        if not top.is_dir():
            yield path, _real(top)
            return
    except (OSError, ValueError) as fault:  # too long, a NUL inside
        _unreadable(path, fault, diagnostics)
        return
    found = False
    for file in _walk(top, set(), diagnostics):
        found = True
        yield str(file), _real(file)
    if not found:
        diagnostics.report(codes.NO_INPUT, None, path=path)


def _real(path: Path) -> Path:
    """The path without links; of a link that leads to itself, the link."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        return path.absolute()


def _walk(folder: Path, seen: set[Path], diagnostics: Diagnostics) -> Iterator[Path]:
    """Files with a known suffix below a folder.

    A folder that links lead to again is entered once.  A bundle is not entered: it holds what comes out, not what goes
    in, and so `sdnc compile . -o out` works again and again.
    """
    real = _real(folder)
    if real in seen or is_bundle(folder):
        return
    seen.add(real)
    try:
        entries = sorted(folder.iterdir())
    except OSError as fault:
        _unreadable(str(folder), fault, diagnostics)
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _walk(entry, seen, diagnostics)
        elif entry.suffix in SUFFIXES and (entry.is_file() or entry.is_symlink()):
            yield entry


def _unreadable(path: str, fault: Exception, diagnostics: Diagnostics) -> None:
    reason = fault.strerror if isinstance(fault, OSError) and fault.strerror else str(fault)
    diagnostics.report(codes.UNREADABLE, None, path=path, reason=reason)


def _not_text(name: str, data: bytes, fault: UnicodeDecodeError, diagnostics: Diagnostics) -> None:
    # Decoded again with the bad bytes replaced, so that the diagnostic can show the line.
    text = data.decode("utf-8", errors="replace")
    start = len(data[: fault.start].decode("utf-8", errors="replace"))
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        reason = "it looks like UTF-16"
    else:
        reason = f"byte {data[fault.start]:#04x}, {fault.reason}"
    origin = origin_at(whole_source(name, text), start, start + 1)
    diagnostics.report(codes.NOT_TEXT, origin, path=name, reason=reason)
