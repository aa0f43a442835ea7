"""Diagnostics as workflow commands of GitHub Actions, which it shows beside the lines of a pull request."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.diagnostics import Diagnostic, Severity

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def github_text(found: Sequence[Diagnostic]) -> str:
    """One line for each finding: `::error file=shop.sdn,line=3,col=5,...::message`."""
    return "".join(f"{_command(each)}\n" for each in found)


def _command(each: Diagnostic) -> str:
    properties = {"title": each.code.id}
    if each.origin is not None:
        span = each.origin.span()
        properties = {
            "file": each.origin.source.name,
            "line": str(span.line),
            "col": str(span.column),
            "endColumn": str(span.end_column),
            **properties,
        }
    listed = ",".join(f"{name}={_escape(value, ':,')}" for name, value in properties.items())
    return f"::{_COMMANDS[each.severity]} {listed}::{_escape(f'{each.message}. {each.code.help}')}"


def _escape(text: str, special: str = "") -> str:
    """Percent, line ends and, in properties, separators as `%XX`."""
    return "".join(f"%{ord(c):02X}" if c in "%\r\n" + special else c for c in text)
