"""What sdnc has to say about its input: declared once, raised by code, collected, never thrown.

A `Code` is declared once, in `compiler/codes.py`, with its severity, its message and the way out.  Whoever finds
something wrong calls `Diagnostics.report(CODE, origin, field=...)` and goes on, so that one run tells everything.
The sink is passed to those who may report; there is no global one.
"""

from __future__ import annotations

from collections import Counter

from attrs import field, frozen

from compiler import codes
from compiler.codes import Code, Severity
from compiler.origin import Origin

__all__ = ["MAX_FOUND", "MAX_VALUE", "Code", "Diagnostic", "Diagnostics", "Related", "Severity", "printable"]

MAX_VALUE = 200
"""Characters of a user's value that a message repeats; what is longer is cut, so that a 10 MB name stays a message."""

MAX_FOUND = 1000
"""Findings of one severity that are kept of one file; of more, only the number is told.  Nobody reads so many, and
telling where each of a million is takes hours.
"""


@frozen
class Related:
    """Another place that belongs to a diagnostic, with what it is ("first defined here")."""

    text: str
    origin: Origin


@frozen
class Diagnostic:
    """One finding: its code, the finished message, where it is (None: nowhere in the input), and related places."""

    code: Code
    message: str
    origin: Origin | None = None
    related: tuple[Related, ...] = ()

    @property
    def severity(self) -> Severity:
        """The severity that the code declares."""
        return self.code.severity

    def sort_key(self) -> tuple[str, int, int, str, str]:
        """Orders by file, line, column, code and message, so that output does not depend on the order of discovery."""
        if self.origin is None:
            return ("", 0, 0, self.code.id, self.message)
        span = self.origin.span()
        return (self.origin.source.name, span.line, span.column, self.code.id, self.message)


def printable(value: object) -> str:
    """`value` as it may appear in a message: control characters escaped, cut to `MAX_VALUE` characters."""
    text = str(value)
    if len(text) > MAX_VALUE:
        text = f"{text[:MAX_VALUE]}… ({len(text)} characters)"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _diagnostic(
    code: Code, origin: Origin | None, *, related: tuple[Related, ...] = (), **fields: object
) -> Diagnostic:
    """A finding with its message; user values in the fields are made printable here."""
    message = code.message.format(**{name: printable(value) for name, value in fields.items()})
    return Diagnostic(code, message, origin, related)


@frozen
class Diagnostics:
    """Collects diagnostics; the one mutable thing that passes between the stages."""

    _found: list[Diagnostic] = field(factory=list)
    _counts: Counter[tuple[Severity, str]] = field(factory=Counter)
    """How many there were by severity and file, those that are not kept included; the file `""` is none."""

    def report(self, code: Code, origin: Origin | None, *, related: tuple[Related, ...] = (), **fields: object) -> None:
        """Adds one finding.  `fields` fill the code's message, and are asked for their text only if it is kept."""
        if self._keeps(code, origin):
            self._found.append(_diagnostic(code, origin, related=related, **fields))

    def extend(self, others: tuple[Diagnostic, ...]) -> None:
        """Adds findings that another sink collected."""
        self._found.extend(other for other in others if self._keeps(other.code, other.origin))

    def _keeps(self, code: Code, origin: Origin | None) -> bool:
        """Counts a finding; whether it is one of the first of its file.  What is in no file is always kept."""
        key = (code.severity, "" if origin is None else origin.source.name)
        self._counts[key] += 1
        return origin is None or self._counts[key] <= MAX_FOUND

    @property
    def failed(self) -> bool:
        """Whether there was an error."""
        return any(severity is Severity.ERROR for severity, _ in self._counts)

    def failed_in(self, source: str) -> bool:
        """Whether an error is in the file of this name: what seems to be missing there may only not have been read."""
        return (Severity.ERROR, source) in self._counts

    def sorted(self) -> tuple[Diagnostic, ...]:
        """All findings in a fixed order, equal ones once; a note for each file that has more than are kept."""
        more = [
            _diagnostic(codes.TOO_MANY, None, count=count - MAX_FOUND, severity=severity.value, path=name)
            for (severity, name), count in self._counts.items()
            if name and count > MAX_FOUND
        ]
        unique = {found.sort_key(): found for found in (*self._found, *more)}
        return tuple(unique[key] for key in sorted(unique))
