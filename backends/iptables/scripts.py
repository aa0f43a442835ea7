"""The scripts of a node: one puts the chains in force, one keeps the egress IPs on the primary interface."""

from __future__ import annotations

from itertools import groupby

from backends.iptables.chains import ADDRESSES, ADMIN, ADMIN_JUMP, JUMPS, LIMIT, TABLES
from backends.iptables.rules import RuleFile
from backends.templates import template
from compiler.plan.node import NodePlan
from compiler.values.prefix import format_address


def iptables_script(rules: RuleFile) -> str:
    """A POSIX shell script that loads `ipsets.txt` and `iptables.rules` and puts the jumps, and changes nothing the
    second time.
    """
    tables = {
        table: [
            (chain, [jump.rule for jump in jumps])
            for chain, jumps in groupby((jump for jump in JUMPS if jump.table == table), lambda jump: jump.chain)
        ]
        for table in TABLES
    }
    return template("backends.iptables", "iptables.sh.j2").render(
        node=rules.node,
        admin=ADMIN,
        admin_jump=ADMIN_JUMP,
        tables=tables,
        limit=LIMIT,
        addresses=ADDRESSES,
        sets=" ".join(rules.sets),
    )


def addresses_script(plan: NodePlan) -> str:
    """A POSIX shell script that gives the primary interface the egress IPs that the node hosts, and no others."""
    return template("backends.iptables", "addresses.sh.j2").render(
        node=plan.node.name,
        address=format_address(plan.node.address),
        egress_ips=" ".join(format_address(hosted.address) for hosted in plan.egress_ips.hosted),
    )
