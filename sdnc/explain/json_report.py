"""An explanation as JSON.  The schema is in docs/commands.md; fields are added, never changed."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sdnc.explain.search import Explained
from sdnc.explain.statements import SourceTexts, Statement

SCHEMA = 1

MAX_TEXT = 1000
"""Characters of a source's line that is quoted; objects may come as one line of megabytes."""


def json_text(line: str, found: Sequence[Explained], near: Sequence[str], sources: SourceTexts) -> str:
    """The lines that were found for `line`, or else those that are most like it."""
    document = {
        "schema": SCHEMA,
        "line": line,
        "found": [
            {
                "text": each.text,
                "about": each.about,
                "places": [
                    {"node": place.file.node, "file": place.file.path, "line": place.number} for place in each.places
                ],
                "statements": [_statement(statement, sources) for statement in each.statements],
            }
            for each in found
        ],
        "nearest": near,
    }
    return json.dumps(document, indent=2) + "\n"


def _statement(statement: Statement, sources: SourceTexts) -> dict[str, object]:
    origin = sources.origin(statement)
    line = None if origin is None else origin.source.line(statement.line)
    return {
        "file": statement.file,
        "line": statement.line,
        "column": statement.column,
        "source": sources.seen(statement).value,
        "text": None if line is None or len(line) > MAX_TEXT else line,
    }
