"""sdnc, the declarative network-policy compiler: the public Python interface.

What is importable from here stays stable; the packages `compiler`, `grammar` and `backends` may change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from compiler.diagnostics import Diagnostic, Diagnostics, Severity
from compiler.pipeline import Compilation, compile_declarations, read
from compiler.sources import read_texts
from compiler.version import VERSION
from sdnc.check import check_sources
from sdnc.compile import render_node, write_bundle
from sdnc.options import read_options

__version__ = VERSION

__all__ = ["CompileError", "Diagnostic", "Severity", "__version__", "check", "compile", "compile_texts"]


class CompileError(Exception):
    """The input has errors; `diagnostics` has all findings."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        super().__init__(f"{len(diagnostics)} findings, the first: {diagnostics[0].message}")
        self.diagnostics = diagnostics


def check(
    paths: Sequence[str | Path],
    *,
    against: Sequence[str | Path] = (),
    dns_lock: str | Path | None = None,
    on_broken_egress_policy: Literal["error", "drop"] = "error",
) -> tuple[Diagnostic, ...]:
    """Everything that `sdnc check` would tell of files and folders, with the same options."""
    diagnostics = Diagnostics()
    options = read_options(dns_lock, on_broken_egress_policy, diagnostics)
    check_sources([str(path) for path in paths], [str(path) for path in against], None, diagnostics, options)
    return diagnostics.sorted()


def compile(
    paths: Sequence[str | Path],
    out: str | Path,
    *,
    jobs: int = 1,
    dns_lock: str | Path | None = None,
    on_broken_egress_policy: Literal["error", "drop"] = "error",
) -> tuple[Diagnostic, ...]:
    """Compiles files and folders into a bundle at `out` and returns warnings and notes; options as `sdnc compile` has.

    Raises `CompileError` for errors in the input and OSError if the bundle cannot be written; the old one then stays.
    """
    diagnostics = Diagnostics()
    options = read_options(dns_lock, on_broken_egress_policy, diagnostics)
    compilation = _succeeded(read([str(path) for path in paths], None, diagnostics, options), diagnostics)
    write_bundle(compilation, Path(out), jobs=jobs)
    return diagnostics.sorted()


def compile_texts(
    texts: Mapping[str, str],
    *,
    dns_lock: str | Path | None = None,
    on_broken_egress_policy: Literal["error", "drop"] = "error",
) -> dict[str, dict[str, str]]:
    """The files of every node, for sources in memory: `{"node-1": {"flows.txt": ...}}` for `{"shop.sdn": ...}`.

    Files that are of no node, the objects of egress routers, are not among them.

    `dns_lock` is the path of a file.

    Raises `CompileError` for errors in the input.
    """
    diagnostics = Diagnostics()
    options = read_options(dns_lock, on_broken_egress_policy, diagnostics)
    declarations = read_texts(texts, diagnostics)
    compilation = _succeeded(compile_declarations(declarations, diagnostics, options), diagnostics)
    return {node.name: render_node(compilation, node) for node in compilation.model.nodes}


def _succeeded(compilation: Compilation | None, diagnostics: Diagnostics) -> Compilation:
    if compilation is None:
        raise CompileError(diagnostics.sorted())
    return compilation
