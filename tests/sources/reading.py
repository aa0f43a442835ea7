"""What the tests of the sources share: read one text, and say what was reported."""

from __future__ import annotations

from textwrap import dedent
from typing import TypeVar

from compiler.declarations import Declaration
from compiler.diagnostics import Diagnostics, Severity
from compiler.sources import read_texts
from tests.compiling import CODE_NAMES

T = TypeVar("T", bound=Declaration)


def read(text: str, name: str = "a.yaml") -> tuple[tuple[Declaration, ...], list[str]]:
    """The declarations in a text, and the reports as `CODE:LINE:COLUMN`, notes left out."""
    diagnostics = Diagnostics()
    declarations = read_texts({name: dedent(text).lstrip("\n")}, diagnostics)
    told = []
    for found in diagnostics.sorted():
        if found.severity is not Severity.NOTE:
            place = found.origin.span() if found.origin else None
            code = CODE_NAMES[found.code]
            told.append(f"{code}:{place.line}:{place.column}" if place else code)
    return declarations, told


def read_one(kind: type[T], text: str, name: str = "a.yaml") -> T:
    """The one declaration in a text without faults."""
    declarations, told = read(text, name)
    assert told == []
    (declaration,) = declarations
    assert isinstance(declaration, kind)
    return declaration
