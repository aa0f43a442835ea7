"""Which statements are behind each flow, group, iptables rule and proxy line (OUT-03), as a file beside the bundle.

It is no part of the bundle: where a statement stands depends on how the sources are laid out, and the bundle does not.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

from backends import iptables, macvlan
from backends.ovs import build_flows, build_groups
from backends.proxy import proxy_lines
from compiler.origin import Origin
from compiler.pipeline import Compilation
from compiler.plan.node import NodePlan, plan_node
from sdnc.compile import chosen_nodes
from sdnc.files import write_atomically


def provenance(compilation: Compilation, nodes: Collection[str] = ()) -> dict[str, dict[str, list[str]]]:
    """For each node and each line of its flows, groups and rules, the statements as `FILE:LINE:COLUMN`, sorted.

    Before a line of an egress router is the name of its folder: `egress-routers/shop_db: -A EGRESS-ROUTER …`.
    """
    places: dict[Origin, str] = {}

    def place(origin: Origin) -> str:
        if origin not in places:
            places[origin] = str(origin)
        return places[origin]

    return {
        node.name: {
            line: sorted({place(origin) for origin in origins})
            for line, origins in _lines(
                plan_node(compilation.model, compilation.policy, compilation.firewalls, node)
            ).items()
        }
        for node in chosen_nodes(compilation.model, nodes)
    }


def _lines(plan: NodePlan) -> dict[str, tuple[Origin, ...]]:
    flows = {str(flow): flow.origins for flow in build_flows(plan).flows()}
    groups = {group.line: group.origins for group in build_groups(plan).groups}
    return flows | groups | iptables.build_rules(plan).origins() | _router_lines(plan)


def _router_lines(plan: NodePlan) -> dict[str, tuple[Origin, ...]]:
    lines: dict[str, tuple[Origin, ...]] = {}
    for router in plan.routers:
        told = [(line.text, line.origins) for line in proxy_lines(router.router)]
        for rules in macvlan.build_rules(router.router).tables.values():
            told += [(rule.text, rule.origins) for rule in rules]
        lines |= {f"egress-routers/{router.name}: {text}": origins for text, origins in told}
    return lines


def write_provenance(compilation: Compilation, path: Path, nodes: Collection[str] = ()) -> None:
    """Writes the provenance of some nodes (none named: all) as JSON, whole or not at all.  Raises OSError."""
    text = json.dumps({"schema": 1, "nodes": provenance(compilation, nodes)}, indent=1, sort_keys=True)
    write_atomically(path, text + "\n")
