"""A line of an emitted file, with the statements behind it."""

from __future__ import annotations

from attrs import field, frozen

from compiler.origin import Origin


@frozen
class Line:
    """A line and the statements that ask for it (OUT-03)."""

    text: str
    origins: tuple[Origin, ...] = field(eq=False)
