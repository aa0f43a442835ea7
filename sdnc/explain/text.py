"""An explanation for people: where the line is, what the bundle says of it, and the statements with their source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from compiler.diagnostics import printable
from sdnc.explain.search import Explained
from sdnc.explain.statements import Seen, SourceTexts, Statement
from sdnc.report.text import excerpt

MAX_LINES = 20
"""Lines, places of a line and statements of a line that are shown; of more, only the number is told."""

_NOTES = {
    Seen.CHANGED: " (the file has changed since the compilation)",
    Seen.UNREADABLE: "",
}


def print_explained(found: Sequence[Explained], sources: SourceTexts, console: Console) -> None:
    """Prints each line with its places and statements.  The console decides whether there are colours."""
    for number, each in enumerate(found[:MAX_LINES]):
        if number:
            console.print()
        for part in _explained(each, sources):
            console.print(part, soft_wrap=True, end="")
    if len(found) > MAX_LINES:
        console.print(Text(f"\n… and {len(found) - MAX_LINES} more lines"), soft_wrap=True)


def _explained(each: Explained, sources: SourceTexts) -> Iterator[Text]:
    yield Text(f"{_safe(each.text)}\n", style="bold")
    for place in each.places[:MAX_LINES]:
        yield Text(f"{place.file.path}:{place.number}\n")
    if len(each.places) > MAX_LINES:
        yield Text(f"… and {len(each.places) - MAX_LINES} more places\n")
    for about in each.about:
        yield Text(f"  {_safe(about)}\n")
    shown = each.statements[:MAX_LINES]
    margin = max((len(str(statement.line)) for statement in shown), default=0)
    yield Text("asked for by\n")
    for statement in shown:
        yield _statement(statement, sources, margin)
    if len(each.statements) > MAX_LINES:
        yield Text(f"… and {len(each.statements) - MAX_LINES} more statements\n")


def _statement(statement: Statement, sources: SourceTexts, margin: int) -> Text:
    origin = sources.origin(statement)
    if origin is not None:
        return excerpt(origin, margin, "bold cyan")
    return Text(f"{' ' * margin}--> {printable(statement)}{_NOTES[sources.seen(statement)]}\n")


def _safe(text: str) -> str:
    """Without characters that a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text)
