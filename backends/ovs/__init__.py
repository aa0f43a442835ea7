"""Open vSwitch: flows, ports and the bridge of a node.

Read `pipeline` (what each table does), `fields` (names of registers and tables), `flow` (text), then `base`, `pods`
and `policy`, which write the flows, and `bridge`.
"""

from __future__ import annotations

from backends.ovs.bridge import bridge_script, ports_text
from backends.ovs.pipeline import build_flows
from compiler.plan.node import NodePlan

__all__ = ["build_flows", "render"]


def render(plan: NodePlan) -> dict[str, str]:
    """The files of a node, by their path below the node's folder."""
    return {
        "bridge.sh": bridge_script(plan),
        "flows.txt": build_flows(plan).text(),
        "ports.json": ports_text(plan),
    }
