"""Which statements are behind each flow (OUT-03), as a file beside the bundle.

It is no part of the bundle: where a statement stands depends on how the sources are laid out, and the bundle does not.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Collection
from pathlib import Path

from backends.ovs import build_flows
from compiler.origin import Origin
from compiler.pipeline import Compilation
from compiler.plan.node import plan_node
from sdnc.compile import chosen_nodes


def provenance(compilation: Compilation, nodes: Collection[str] = ()) -> dict[str, dict[str, list[str]]]:
    """For each node and each line of its flow file, the statements as `FILE:LINE:COLUMN`, sorted."""
    places: dict[Origin, str] = {}

    def place(origin: Origin) -> str:
        if origin not in places:
            places[origin] = str(origin)
        return places[origin]

    return {
        node.name: {
            str(flow): sorted({place(origin) for origin in flow.origins})
            for flow in build_flows(plan_node(compilation.model, compilation.policy, node)).flows()
        }
        for node in chosen_nodes(compilation.model, nodes)
    }


def write_provenance(compilation: Compilation, path: Path, nodes: Collection[str] = ()) -> None:
    """Writes the provenance of some nodes (none named: all) as JSON, whole or not at all.  Raises OSError."""
    text = json.dumps({"schema": 1, "nodes": provenance(compilation, nodes)}, indent=1, sort_keys=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text + "\n")
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink()
        raise
