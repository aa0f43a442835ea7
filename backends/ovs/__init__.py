"""Open vSwitch: flows, groups, ports and the bridge of a node.

Read `pipeline` (what each table does), `fields` (names of registers and tables), `flow` (text), then what writes the
flows: `base` (where a packet comes from), `pods`, `policy`, `routing` (where it goes), `leave` with `groups` (out of
the cluster), `multicast`; and `bridge`.
"""

from __future__ import annotations

from backends.lines import File
from backends.ovs.bridge import bridge_script, bridge_settings, ports_file
from backends.ovs.groups import build_groups
from backends.ovs.pipeline import build_flows
from compiler.plan.node import NodePlan

__all__ = ["bridge_settings", "build_flows", "build_groups", "render"]


def render(plan: NodePlan) -> dict[str, File]:
    """The files of a node, by their path below the node's folder; `groups.txt` only if there are groups."""
    flows, groups = build_flows(plan), build_groups(plan)
    files = {
        "bridge.sh": File(bridge_script(plan), plan.everywhere),
        "flows.txt": File(flows.text(), plan.everywhere, flows.lines),
        "ports.json": ports_file(plan),
    }
    return files | {"groups.txt": File(groups.text(), plan.everywhere, groups.lines)} if groups.groups else files
