"""Reads sources, compiles them and asks them one question: the work of `sdnc trace`, without its terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from attrs import frozen

from compiler.diagnostics import Diagnostics
from compiler.options import Options
from compiler.pipeline import compile_declarations
from compiler.sources import read_sources
from compiler.trace import Cluster, Trace, trace
from sdnc.trace.json_report import trace_report
from sdnc.trace.walking import Hop, Switches


@frozen
class Answer:
    """A trace, and the flows that each of its paths meets."""

    trace: Trace
    hops: tuple[tuple[Hop, ...], ...]

    @property
    def allowed(self) -> bool:
        """The verdict."""
        return self.trace.allowed

    def report(self, *, why_not: bool = False) -> dict[str, object]:
        """The report that `--format json` prints, as values of JSON."""
        return trace_report(self.trace, self.hops, why_not=why_not)


def find_answer(
    paths: Sequence[str],
    stdin: BinaryIO | None,
    sender: str,
    receiver: str,
    port: str,
    diagnostics: Diagnostics,
    options: Options,
) -> Answer | None:
    """The answer to a question about the cluster of files and folders; None if they have errors, which are reported.

    Raises NotUnderstood for words that the cluster does not know, and InternalFault.
    """
    declarations = read_sources(paths, stdin, diagnostics)
    compilation = compile_declarations(declarations, diagnostics, options)
    return None if compilation is None else answer_in(Cluster(compilation, declarations), sender, receiver, port)


def answer_in(cluster: Cluster, sender: str, receiver: str, port: str) -> Answer:
    """The answer of a compiled cluster.  Raises NotUnderstood and InternalFault."""
    found = trace(cluster, sender, receiver, port)
    switches = Switches(cluster)
    return Answer(found, tuple(switches.hops(path) for path in found.paths))
