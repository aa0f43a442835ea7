"""Diagnostics as SARIF 2.1.0 (OASIS), which code-scanning services show beside the lines of a pull request."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from urllib.parse import quote

from compiler.diagnostics import Diagnostic, Severity
from compiler.origin import Origin
from compiler.version import VERSION

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}


def sarif_text(found: Sequence[Diagnostic]) -> str:
    """One run of one tool, with a rule for each code that was raised."""
    codes = {each.code.id: each.code for each in found}
    log = {
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "sdnc",
                        "version": VERSION,
                        "rules": [
                            {
                                "id": code.id,
                                "shortDescription": {"text": code.message},
                                "help": {"text": code.help},
                                "defaultConfiguration": {"level": _LEVELS[code.severity]},
                            }
                            for _, code in sorted(codes.items())
                        ],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [
                    {
                        "ruleId": each.code.id,
                        "level": _LEVELS[each.severity],
                        "message": {"text": each.message},
                        "locations": [_location(each.origin)] if each.origin else [],
                        "relatedLocations": [
                            {**_location(other.origin), "message": {"text": other.text}} for other in each.related
                        ],
                    }
                    for each in found
                ],
            }
        ],
    }
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _location(origin: Origin) -> dict[str, object]:
    span = origin.span()
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(os.fsencode(origin.source.name))},
            "region": {"startLine": span.line, "startColumn": span.column, "endColumn": span.end_column},
        }
    }
