"""A cluster, compiled: the text of each node's flow file."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.declarations import Declaration
from tests.compiling import compiled, flow_files


def compile_flows(declarations: Sequence[Declaration]) -> dict[str, str]:
    """Each node's flow file.  Raises AssertionError with what the compiler reports if it refuses the cluster."""
    return {node: flows.text() for node, flows in flow_files(compiled(declarations)).items()}
