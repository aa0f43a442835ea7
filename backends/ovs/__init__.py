"""Open vSwitch: flows, groups, ports and the bridge of a node.

Read `pipeline` (what each table does), `fields` (names of registers and tables), `flow` (text), then what writes the
flows: `base` (where a packet comes from), `pods`, `policy`, `routing` (where it goes), `leave` with `groups` (out of
the cluster), `multicast`; and `bridge`.
"""

from __future__ import annotations

from backends.ovs.bridge import bridge_script, ports_text
from backends.ovs.groups import build_groups
from backends.ovs.pipeline import build_flows
from compiler.plan.node import NodePlan

__all__ = ["build_flows", "build_groups", "render"]


def render(plan: NodePlan) -> dict[str, str]:
    """The files of a node, by their path below the node's folder; `groups.txt` only if there are groups."""
    files = {
        "bridge.sh": bridge_script(plan),
        "flows.txt": build_flows(plan).text(),
        "ports.json": ports_text(plan),
    }
    groups = build_groups(plan)
    return files | {"groups.txt": groups.text()} if groups.groups else files
