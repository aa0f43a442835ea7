"""Which statements are behind each line of a bundle (OUT-03): the files below `provenance/`.

`sdnc compile --provenance` writes one for each node, `provenance/NODE.json`, and one for what is no node's.  They are
there only on demand: where a statement stands depends on how the sources are laid out, and the rest of a bundle does
not.

    {"schema": 1, "folder": "nodes/node-1",
     "sources": {"shop.sdn": "…"},                     SHA-256 of each file's text
     "statements": ["shop.sdn:3:1", "shop.sdn:9:5"],   sorted by file, line and column
     "sets": [[0], [0, 1]],                            statements that stand behind a line together
     "files": {"flows.txt": [0, 0, 0, 1, …]}}          for each line of the file: which of the sets
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path, PurePosixPath

import msgspec
from attrs import field, frozen

from backends.lines import File
from compiler.bundles import NODES
from compiler.origin import Origin

SCHEMA = 1

FOLDER = "provenance"
"""Where the files are in a bundle."""

CLUSTER = "_cluster"
"""The name of the file for what is no node's; no node has such a name."""

_STATEMENT = re.compile(r"(?s:.+):[1-9][0-9]{0,9}:[1-9][0-9]{0,9}")

_Key = tuple[str, int, int]


@frozen
class Places:
    """Where origins are, each looked for once: a path into an object is found by a scan of its file."""

    _known: dict[Origin, _Key] = field(factory=dict)
    _digests: dict[str, str] = field(factory=dict)

    def key(self, origin: Origin) -> _Key:
        """File, line and column."""
        if origin not in self._known:
            source, span = origin.source, origin.span()
            self._known[origin] = (source.name, span.line, span.column)
            if source.name not in self._digests:
                self._digests[source.name] = text_digest(source.text)
        return self._known[origin]

    def digest(self, name: str) -> str:
        """The digest of a file that an origin was in."""
        return self._digests[name]


def text_digest(text: str) -> str:
    """What tells whether a source is as it was: the SHA-256 of its text in UTF-8, without a byte order mark."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def lines_of(files: Mapping[str, File]) -> dict[str, dict[str, tuple[Origin, ...]]]:
    """For each path the lines that have statements of their own, flows and rules, and those statements.

    Lines are without their indentation.  A line that stands in a file twice has the statements of both.
    """
    told: dict[str, dict[str, tuple[Origin, ...]]] = {}
    for path, file in files.items():
        of_file = told.setdefault(path, {})
        for line in file.lines():
            of_file[line.text] = of_file.get(line.text, ()) + line.origins
    return told


def provenance_path(node: str | None) -> str:
    """The path in the bundle of a node's file; None: of the file for what is no node's."""
    return f"{FOLDER}/{CLUSTER if node is None else node}.json"


def make_provenance(node: str | None, files: Mapping[str, File], places: Places) -> Provenance:
    """The provenance of a node's files, given by their paths below the node's folder; without a node, of the files that
    are no node's, by their paths in the bundle.
    """
    numbers: dict[frozenset[_Key], int] = {}
    # Most lines share their tuple of origins with others, and a tuple is faster told by where it is than by what it is.
    seen: dict[int, tuple[tuple[Origin, ...], int]] = {}

    def number(origins: tuple[Origin, ...]) -> int:
        if id(origins) not in seen:
            keys = frozenset(map(places.key, origins))
            seen[id(origins)] = origins, numbers.setdefault(keys, len(numbers))
        return seen[id(origins)][1]

    of_files = {path: [number(origins) for origins in _by_line(files[path])] for path in sorted(files)}
    statements = {key: i for i, key in enumerate(sorted({key for keys in numbers for key in keys}))}
    return Provenance(
        _Document(
            SCHEMA,
            "" if node is None else f"{NODES}/{node}",
            {name: places.digest(name) for name in sorted({name for name, _, _ in statements})},
            [f"{name}:{line}:{column}" for name, line, column in statements],
            [sorted(statements[key] for key in keys) for keys in numbers],
            of_files,
        )
    )


def _by_line(file: File) -> Iterator[tuple[Origin, ...]]:
    """The origins of each line of a file.  Raises ValueError if a line that has some is not there: a fault of sdnc."""
    told = iter(file.lines())
    line = next(told, None)
    for text in file.text.splitlines():
        if line is not None and text.lstrip(" ") == line.text:
            yield line.origins
            line = next(told, None)
        else:
            yield file.origins
    if line is not None:
        raise ValueError(f"no such line in its file: {line.text}")


class BadProvenance(ValueError):
    """A file that is not what `sdnc compile --provenance` wrote; the message tells why."""


class _Document(msgspec.Struct):
    schema: int
    folder: str
    sources: dict[str, str]
    statements: list[str]
    sets: list[list[int]]
    files: dict[str, list[int]]


@frozen
class Provenance:
    """The statements behind the lines of a node's files, or of those that are no node's."""

    _document: _Document

    @property
    def sources(self) -> Mapping[str, str]:
        """The digest (`text_digest`) of each source that a statement is in, by its name."""
        return self._document.sources

    def text(self) -> str:
        """The file."""
        return msgspec.json.encode(self._document).decode() + "\n"

    def statements(self, path: str, number: int) -> tuple[str, ...]:
        """The statements behind line `number` (from 1) of a file, given by its path in the bundle, as
        `FILE:LINE:COLUMN`; none if there is no such line."""
        lines = self._document.files.get(str(PurePosixPath(path).relative_to(self._document.folder)), [])
        if number > len(lines):
            return ()
        return tuple(self._document.statements[i] for i in self._document.sets[lines[number - 1]])


def read_provenance(bundle: Path, node: str | None) -> Provenance | None:
    """The provenance of a node, or of what is no node's; None if the bundle has none.

    Raises `BadProvenance`, and OSError if it cannot be read.
    """
    path = bundle / provenance_path(node)
    try:
        document = msgspec.json.decode(path.read_bytes(), type=_Document)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as reason:
        raise BadProvenance(f"{path}: {reason}") from reason
    if document.schema != SCHEMA:
        raise BadProvenance(f"{path}: schema {document.schema} is not known")
    statements, sets = len(document.statements), len(document.sets)
    if any(not 0 <= i < statements for each in document.sets for i in each) or any(
        not 0 <= i < sets for lines in document.files.values() for i in lines
    ):
        raise BadProvenance(f"{path}: a number in it leads nowhere")
    if not all(map(_STATEMENT.fullmatch, document.statements)):
        raise BadProvenance(f"{path}: a statement in it is no FILE:LINE:COLUMN")
    return Provenance(document)
