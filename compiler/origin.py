"""Where a value was written: the file, and the place in it.

Everything that a source reads carries an `Origin`, so that a diagnostic, and later an explanation of one flow, can name
file, line and column.  Decoders of big JSON keep no positions.  An origin from an object file therefore holds a *path*
(`items`, 3, `spec`, `ingress`, 0), and the path is turned into a `Span` by a second scan of the text, only when
somebody asks.  An origin from the DSL holds its span from the start, because the parser has it anyway.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable
from functools import cached_property
from itertools import accumulate

from attrs import Factory, field, frozen

Step = str | int
"""One step of a path into a document: a mapping key or a list index."""

Path = tuple[Step, ...]


@frozen(slots=True, order=True)
class Span:
    """A piece of one line: 1-based line, 1-based column of its first and of the column behind its last character."""

    line: int
    column: int
    end_column: int


class LineIndex:
    """Where each line of a text begins, looked for when somebody asks first.

    Lines end with a newline character only: a lone carriage return or a Unicode line separator stays inside its line,
    whatever the format's own rules call a line.
    """

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def _starts(self) -> array[int]:
        """The offset of each line, and of the one that would follow the last."""
        return array("q", accumulate((len(line) + 1 for line in self._text.split("\n")), initial=0))

    def line(self, number: int) -> str:
        """The text of line `number` (1-based) without its end; empty behind the last line."""
        if number >= len(self._starts):
            return ""
        return self._text[self._starts[number - 1] : self._starts[number] - 1].rstrip("\r")

    def span(self, start: int, end: int) -> Span:
        """The span of the characters from offset `start` to before `end`; of several lines the part in the first."""
        line = bisect_right(self._starts, start)
        first = self._starts[line - 1]
        end = max(min(end, self._starts[line] - 1), start)
        if self._text[end - 1 : end] == "\r" and end > start + 1:
            end -= 1
        return Span(line, start - first + 1, max(end, start + 1) - first + 1)


@frozen(slots=True, eq=False)
class Source:
    """One file that was read.

    `name` is the path as the user wrote it (`-` for standard input), `text` the decoded content, `locate` turns a path
    into the document into a span of `text`; it never fails: a path that does not exist gives its longest prefix that
    does.  `lines` is shared by the documents of one file, so that its lines are looked for once.
    """

    name: str
    text: str = field(repr=False)
    locate: Callable[[Path], Span] = field(repr=False)
    lines: LineIndex = field(repr=False, default=Factory(lambda source: LineIndex(source.text), takes_self=True))

    def line(self, number: int) -> str:
        """The text of line `number` (1-based) without its end; empty behind the last line."""
        return self.lines.line(number)


@frozen(slots=True)
class Origin:
    """A place in a source: a span, or a path that is turned into one on demand."""

    source: Source
    at: Span | Path = ()

    def span(self) -> Span:
        """The place as line and columns."""
        return self.at if isinstance(self.at, Span) else self.source.locate(self.at)

    def child(self, *steps: Step) -> Origin:
        """The origin of a value inside this one; of a DSL value, the value's own place."""
        return self if isinstance(self.at, Span) else Origin(self.source, self.at + steps)

    def sort_key(self) -> tuple[str, tuple[tuple[bool, int, str], ...]]:
        """A fixed order of origins that needs no scan of the text: by file, then span or path."""
        steps = (self.at.line, self.at.column) if isinstance(self.at, Span) else self.at
        return (
            self.source.name,
            tuple((True, 0, step) if isinstance(step, str) else (False, step, "") for step in steps),
        )

    def __str__(self) -> str:
        span = self.span()
        return f"{self.source.name}:{span.line}:{span.column}"
