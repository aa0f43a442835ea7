"""sdnc, the declarative network-policy compiler: the public Python interface.

What is importable from here stays stable; the packages `compiler`, `grammar` and `backends` may change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from compiler.diagnostics import Diagnostic, Diagnostics, Severity
from compiler.pipeline import Compilation, compile_declarations, read
from compiler.sources import read_texts
from compiler.version import VERSION
from sdnc.compile import render_node, write_bundle

__version__ = VERSION

__all__ = ["CompileError", "Diagnostic", "Severity", "__version__", "check", "compile", "compile_texts"]


class CompileError(Exception):
    """The input has errors; `diagnostics` has all findings."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        super().__init__(f"{len(diagnostics)} findings, the first: {diagnostics[0].message}")
        self.diagnostics = diagnostics


def check(paths: Sequence[str | Path]) -> tuple[Diagnostic, ...]:
    """Everything that `sdnc check` would tell of files and folders."""
    diagnostics = Diagnostics()
    read([str(path) for path in paths], None, diagnostics)
    return diagnostics.sorted()


def compile(paths: Sequence[str | Path], out: str | Path, *, jobs: int = 1) -> tuple[Diagnostic, ...]:
    """Compiles files and folders into a bundle at `out` and returns warnings and notes.

    Raises `CompileError` for errors in the input and OSError if the bundle cannot be written; the old one then stays.
    """
    diagnostics = Diagnostics()
    compilation = _succeeded(read([str(path) for path in paths], None, diagnostics), diagnostics)
    write_bundle(compilation, Path(out), jobs=jobs)
    return diagnostics.sorted()


def compile_texts(texts: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The files of every node, for sources in memory: `{"node-1": {"flows.txt": ...}}` for `{"shop.sdn": ...}`.

    Raises `CompileError` for errors in the input.
    """
    diagnostics = Diagnostics()
    declarations = read_texts(texts, diagnostics)
    compilation = _succeeded(compile_declarations(declarations, diagnostics), diagnostics)
    return {node.name: render_node(compilation, node) for node in compilation.model.nodes}


def _succeeded(compilation: Compilation | None, diagnostics: Diagnostics) -> Compilation:
    if compilation is None:
        raise CompileError(diagnostics.sorted())
    return compilation
