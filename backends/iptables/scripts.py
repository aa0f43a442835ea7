"""The scripts of a node: one puts the chains in force, one keeps the egress IPs on the primary interface."""

from __future__ import annotations

from backends.iptables.chains import ADDRESSES, APPENDED, JUMPS, LIMIT, TABLES, by_chain
from backends.iptables.rules import RuleFile
from backends.lines import File, Line
from backends.templates import template
from compiler.plan.node import NodePlan
from compiler.values.prefix import format_address


def iptables_script(rules: RuleFile) -> str:
    """A POSIX shell script that loads `ipsets.txt` and `iptables.rules` and puts the jumps, and changes nothing the
    second time.
    """
    return template("backends.iptables", "iptables.sh.j2").render(
        node=rules.node,
        tables=TABLES,
        jumps=by_chain(JUMPS),
        appended=by_chain(APPENDED),
        limit=LIMIT,
        addresses=ADDRESSES,
        sets=" ".join(rules.sets),
    )


def addresses_script(plan: NodePlan) -> File:
    """A POSIX shell script that gives the primary interface the egress IPs that the node hosts, and no others."""
    egress_ips = " ".join(format_address(hosted.address) for hosted in plan.egress_ips.hosted)
    text = template("backends.iptables", "addresses.sh.j2").render(
        node=plan.node.name, address=format_address(plan.node.address), egress_ips=egress_ips
    )
    origins = tuple(origin for hosted in plan.egress_ips.hosted for origin in hosted.origins)
    return File(text, plan.everywhere, lambda: (Line(f"egress_ips='{egress_ips}'", origins or plan.everywhere),))
