"""The statements that an explanation names, with the text of their sources where it is still the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from pathlib import Path

from attrs import field, frozen

from compiler.origin import Origin, Source, Span
from compiler.sources.positions import whole_source
from sdnc.provenance import text_digest


class Seen(Enum):
    """What became of a source since the compilation."""

    SAME = "same"
    CHANGED = "changed"
    UNREADABLE = "unreadable"


@frozen
class Statement:
    """A statement: the source's name as it was compiled, line and column (from 1)."""

    file: str
    line: int
    column: int

    @classmethod
    def parse(cls, text: str) -> Statement:
        """From `FILE:LINE:COLUMN`.  Raises ValueError."""
        file, line, column = text.rsplit(":", 2)
        return cls(file, int(line), int(column))

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@frozen
class SourceTexts:
    """The sources by name; only those whose text is that of the compilation are shown."""

    _sources: Mapping[str, Source | Seen] = field(factory=dict)

    @classmethod
    def read(cls, digests: Mapping[str, str], names: Iterable[str]) -> SourceTexts:
        """Reads the sources of these names from the disk; `digests` are those of the compilation."""
        return cls({name: _read(name, digests.get(name)) for name in set(names)})

    def seen(self, statement: Statement) -> Seen:
        """What became of the source of a statement."""
        source = self._sources[statement.file]
        return source if isinstance(source, Seen) else Seen.SAME

    def origin(self, statement: Statement) -> Origin | None:
        """The place of a statement in its source; None if that is not as it was."""
        source = self._sources[statement.file]
        if isinstance(source, Seen):
            return None
        return Origin(source, Span(statement.line, statement.column, statement.column + 1))


def _read(name: str, digest: str | None) -> Source | Seen:
    path = Path(name)
    try:
        if not path.is_file():  # never a pipe or a device
            return Seen.UNREADABLE
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, ValueError):
        return Seen.UNREADABLE
    return whole_source(name, text) if text_digest(text) == digest else Seen.CHANGED
