"""Diagnostics as JSON.  The schema is in docs/commands.md; fields are added, never changed."""

from __future__ import annotations

import json
from collections.abc import Sequence

from compiler.diagnostics import Diagnostic, Severity
from compiler.origin import Origin


def count(found: Sequence[Diagnostic], severity: Severity) -> int:
    """How many findings of a severity there are."""
    return sum(each.severity is severity for each in found)


def place(origin: Origin | None) -> dict[str, object] | None:
    """A place in a file: 1-based line and columns, `end_column` behind the last character."""
    if origin is None:
        return None
    span = origin.span()
    return {
        "file": origin.source.name,
        "line": span.line,
        "column": span.column,
        "end_column": span.end_column,
    }


def json_text(found: Sequence[Diagnostic]) -> str:
    """`{"schema": 1, "errors": N, "warnings": N, "notes": N, "diagnostics": [...]}`."""
    report = {
        "schema": 1,
        "errors": count(found, Severity.ERROR),
        "warnings": count(found, Severity.WARNING),
        "notes": count(found, Severity.NOTE),
        "diagnostics": [
            {
                "code": each.code.id,
                "severity": each.severity.value,
                "message": each.message,
                "help": each.code.help,
                "place": place(each.origin),
                "related": [{"text": other.text, "place": place(other.origin)} for other in each.related],
            }
            for each in found
        ],
    }
    return json.dumps(report, indent=2, ensure_ascii=False) + "\n"
