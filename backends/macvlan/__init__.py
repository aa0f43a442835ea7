"""macvlan: the scripts that make an egress router of a pod, and the rules that are in force inside it.

Read `rules` (what is in `iptables.rules`), then `scripts` (the rest: the interface, address and routes, and what the
platform has to be told).  docs/egress-routers.md says how the files are used.
"""

from __future__ import annotations

from backends.lines import File
from backends.macvlan.rules import build_rules
from backends.macvlan.scripts import macvlan_script, platform_steps, setup_script
from compiler.plan.node import NodePlan

__all__ = ["build_rules", "render"]


def render(plan: NodePlan) -> dict[str, File]:
    """The files of each egress router that the node may run, by their path below the node's folder."""
    files: dict[str, File] = {}
    for router in plan.routers:
        folder, origins = f"egress-routers/{router.name}", (router.router.origin,)
        rules = build_rules(router.router)
        files[f"{folder}/macvlan.sh"] = File(macvlan_script(plan, router.router), origins)
        files[f"{folder}/setup.sh"] = File(setup_script(plan, router.router), origins)
        files[f"{folder}/iptables.rules"] = File(rules.text(), origins, rules.lines)
        if steps := platform_steps(plan, router.router):
            files[f"{folder}/platform.txt"] = File(steps, origins)
    return files
