"""sdnc, the declarative network-policy compiler: the public Python interface.

What is importable from here stays stable; the packages `compiler`, `grammar` and `backends` may change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

# Now, though they are empty: to load the packages later would put them in the place of the functions below.
import sdnc.diff as _diff  # noqa: F401
import sdnc.trace as _trace  # noqa: F401
from compiler.diagnostics import Diagnostic, Diagnostics, Severity
from compiler.pipeline import Compilation, compile_declarations, read
from compiler.sources import read_texts
from compiler.version import VERSION
from sdnc.check import check_sources
from sdnc.compile import render_node, write_bundle
from sdnc.options import read_options

if TYPE_CHECKING:
    from sdnc.diff.difference import Difference
    from sdnc.trace.answer import Answer

__version__ = VERSION

__all__ = [
    "CompileError",
    "Diagnostic",
    "Severity",
    "__version__",
    "check",
    "compile",
    "compile_texts",
    "diff",
    "trace",
]


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
    provenance: bool = False,
    dns_lock: str | Path | None = None,
    on_broken_egress_policy: Literal["error", "drop"] = "error",
) -> tuple[Diagnostic, ...]:
    """Compiles files and folders into a bundle at `out` and returns warnings and notes; options as `sdnc compile` has.

    Raises `CompileError` for errors in the input and OSError if the bundle cannot be written; the old one then stays.
    """
    diagnostics = Diagnostics()
    options = read_options(dns_lock, on_broken_egress_policy, diagnostics)
    compilation = _succeeded(read([str(path) for path in paths], None, diagnostics, options), diagnostics)
    write_bundle(compilation, Path(out), jobs=jobs, provenance=provenance)
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


def diff(
    old: str | Path | Sequence[str | Path] | Compilation,
    new: str | Path | Sequence[str | Path] | Compilation,
    *,
    meaning_only: bool = False,
    dns_lock: str | Path | None = None,
    old_dns_lock: str | Path | None = None,
    on_broken_egress_policy: Literal["error", "drop"] = "error",
) -> Difference:
    """What `sdnc diff` would tell of two versions: each a bundle's folder, files and folders with sources, or what they
    compiled to.

    The result has `.same`, `.meaning` (None if a side is a bundle) and `.rules` (None with `meaning_only`).

    Raises `CompileError` for errors in the input, ValueError for what cannot be compared, OSError if a bundle cannot be
    read.
    """
    from sdnc.diff.difference import difference
    from sdnc.diff.inputs import BadSources, Settings, read_inputs

    settings = Settings(
        None if dns_lock is None else str(dns_lock),
        None if old_dns_lock is None else str(old_dns_lock),
        on_broken_egress_policy,
    )
    try:
        inputs = read_inputs(_version(old), _version(new), None, settings)
    except BadSources as bad:
        raise CompileError(tuple(found for _, findings in bad.sides for found in findings.sorted())) from bad
    return difference(inputs, meaning_only=meaning_only)


def trace(
    paths: Sequence[str | Path],
    source: str,
    destination: str,
    port: str,
    *,
    dns_lock: str | Path | None = None,
    on_broken_egress_policy: Literal["error", "drop"] = "error",
) -> Answer:
    """What `sdnc trace` would tell: may `source` open connections to `destination` in the cluster of files and folders?

    The words are those of the command: `shop/web-1`, `service:shop/api`, `tcp/80`.  The result has `.allowed`, `.trace`
    (its `.paths` have the steps that decide), `.hops` (the flows of each path) and `.report()`, the JSON.

    Raises `CompileError` for errors in the input and ValueError for words that the cluster does not know.
    """
    from sdnc.trace.answer import find_answer

    diagnostics = Diagnostics()
    options = read_options(dns_lock, on_broken_egress_policy, diagnostics)
    answer = find_answer([str(path) for path in paths], None, source, destination, port, diagnostics, options)
    if answer is None:
        raise CompileError(diagnostics.sorted())
    return answer


def _version(given: str | Path | Sequence[str | Path] | Compilation) -> list[str] | Compilation:
    if isinstance(given, Compilation):
        return given
    return [str(given)] if isinstance(given, str | Path) else [str(path) for path in given]


def _succeeded(compilation: Compilation | None, diagnostics: Diagnostics) -> Compilation:
    if compilation is None:
        raise CompileError(diagnostics.sorted())
    return compilation
