"""Emitted files, and the statements behind their lines (OUT-03)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from attrs import field, frozen

from compiler.origin import Origin


@frozen
class Line:
    """A line and the statements that ask for it (OUT-03)."""

    text: str
    origins: tuple[Origin, ...] = field(eq=False)


@frozen
class File:
    """An emitted file: its text, and the statements behind it.

    `lines` gives the lines that have statements of their own, without their indentation, in the order in which they
    stand in the text; it works only when asked, so that who wants no statements pays nothing.  `origins` are the
    statements behind all other lines.
    """

    text: str
    origins: tuple[Origin, ...] = field(eq=False, repr=False)
    lines: Callable[[], Iterable[Line]] = field(default=tuple, eq=False, repr=False)
