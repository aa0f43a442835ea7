"""Diagnostics for a person: the message, the line with a caret under the place, and the way out."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from compiler.diagnostics import Diagnostic, Severity, printable
from compiler.origin import Origin
from sdnc.report.json_report import count

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.NOTE: "bold cyan"}

MAX_SHOWN = 200
"""Findings that are shown with their lines; of more, only the number is told."""

BEFORE = 50
AFTER = 60
"""Characters of a line that are shown before and behind the place; objects may come as one line of megabytes."""


def print_text(found: Sequence[Diagnostic], console: Console) -> None:
    """Prints findings and, if there are any, their number.  The console decides whether there are colours."""
    for each in found[:MAX_SHOWN]:
        console.print(_finding(each), soft_wrap=True)
    if len(found) > MAX_SHOWN:
        console.print(Text(f"… and {len(found) - MAX_SHOWN} more\n"), soft_wrap=True)
    if found:
        console.print(Text(summary(found)), soft_wrap=True)


def summary(found: Sequence[Diagnostic]) -> str:
    """`2 errors, 1 warning`."""
    counts = [(severity.value, count(found, severity)) for severity in Severity]
    told = [f"{number} {name}{'s' if number != 1 else ''}" for name, number in counts if number]
    return ", ".join(told) or "no findings"


def _finding(each: Diagnostic) -> Text:
    style = _STYLES[each.severity]
    text = Text()
    text.append(f"{each.severity.value}[{each.code.id}]", style=style).append(f": {each.message}\n", style="bold")
    margin = 0
    if each.origin is not None:
        margin = len(str(each.origin.span().line))
        text.append(excerpt(each.origin, margin, style))
    for other in each.related:
        text.append(f"{' ' * margin} = note: {other.text}: {_name(other.origin)}\n")
    return text.append(f"{' ' * margin} = help: {each.code.help}\n")


def _name(origin: Origin) -> str:
    span = origin.span()
    return f"{printable(origin.source.name)}:{span.line}:{span.column}"


def excerpt(origin: Origin, margin: int, style: str) -> Text:
    """The name of a place, and its line with a caret under it; line numbers take `margin` characters."""
    span, line = origin.span(), origin.source.line(origin.span().line)
    start = max(0, span.column - 1 - BEFORE)
    stop = min(len(line), span.column - 1 + AFTER)
    shown = "".join(c if c.isprintable() else " " for c in line[start:stop])
    before, after = "…" if start else "", "…" if stop < len(line) else ""
    width = max(1, min(span.end_column - 1, stop) - (span.column - 1))
    space = " " * margin
    return Text.assemble(
        f"{space}--> {_name(origin)}\n{space} |\n",
        f"{span.line} | {before}{shown}{after}\n{space} | ",
        " " * (len(before) + span.column - 1 - start),
        ("^" * width, style),
        "\n",
    )
