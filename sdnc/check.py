"""Checks sources, and compares them with an older snapshot: the work of `sdnc check`, without its terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from compiler.diagnostics import Diagnostics, Severity
from compiler.host_names import compare_hosts
from compiler.options import Options
from compiler.pipeline import compile_declarations
from compiler.sources import read_sources


def check_sources(
    paths: Sequence[str],
    older: Sequence[str],
    stdin: BinaryIO | None,
    diagnostics: Diagnostics,
    options: Options,
) -> None:
    """Reports everything that is wrong with the files and folders `paths`; if `older` has some, too, also which hosts
    changed since (HN-01).

    An older snapshot need not be a whole cluster: it is read, and errors in it are told, but it is not compiled.
    """
    declarations = read_sources(paths, stdin, diagnostics)
    compile_declarations(declarations, diagnostics, options)
    if older:
        findings = Diagnostics()
        compare_hosts(read_sources(older, stdin, findings), declarations, diagnostics)
        diagnostics.extend(tuple(found for found in findings.sorted() if found.severity is Severity.ERROR))
