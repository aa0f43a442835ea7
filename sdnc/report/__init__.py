"""Diagnostics for people and machines: one module for each format of `--format`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from compiler.diagnostics import Diagnostic
from sdnc.report.github import github_text
from sdnc.report.json_report import json_text
from sdnc.report.sarif import sarif_text

MACHINE_FORMATS: Mapping[str, Callable[[Sequence[Diagnostic]], str]] = {
    "json": json_text,
    "sarif": sarif_text,
    "github": github_text,
}
"""The formats that are the same on a terminal and in a file; `text` is `sdnc.report.text`, which knows colours."""
