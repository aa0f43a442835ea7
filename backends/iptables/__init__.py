"""iptables: the node's own chains, and the egress IPs on its primary interface.

Read `chains` (what the chains are, and the jumps to them), then `rules` (what is in them), `admin_rules` (what the
administrators want in them), `sets` (addresses, where a rule has many) and `scripts`.
"""

from __future__ import annotations

from backends.iptables.rules import build_rules
from backends.iptables.scripts import addresses_script, iptables_script
from backends.iptables.sets import sets_file
from backends.lines import File
from compiler.plan.node import NodePlan

__all__ = ["build_rules", "render"]


def render(plan: NodePlan) -> dict[str, File]:
    """The files of a node, by their path below the node's folder.  Every node has all of them: one that hosts no egress
    IP any more has to lose the addresses and rules of those that it had.  Only `ipsets.txt` is absent without sets.
    """
    rules = build_rules(plan)
    files = {
        "addresses.sh": addresses_script(plan),
        "iptables.rules": File(rules.text(), plan.everywhere, rules.lines),
        "iptables.sh": File(iptables_script(rules), plan.everywhere),
    }
    if rules.sets:
        files["ipsets.txt"] = File(sets_file(rules.sets.values()), plan.everywhere, rules.set_lines)
    return files
