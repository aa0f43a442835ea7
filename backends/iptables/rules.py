"""What is in the node's own chains, as a file for `iptables-restore --noflush` (iptables-restore(8)).

In such a file a line `:CHAIN` makes the chain or empties it, so loading the file again leaves what is there.  It names
the node's own chains only: everything else in the tables stays (AR-04).  The jumps to the chains cannot be in it, since
each loading would add them once more; `iptables.sh` puts them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from attrs import field, frozen

from backends.ethernet import mac_of
from backends.iptables.admin_rules import build_admin_rules
from backends.iptables.chains import (
    ALLOW,
    ANTI_SPOOFING,
    EGRESS_IPS,
    FORWARD,
    GUARD,
    MASQUERADE,
    MASQUERADE_2,
    NOTRACK,
    REFUSE,
    TABLES,
    TUN,
    Chains,
    Rule,
)
from backends.iptables.sets import AddressSet
from backends.lines import Line
from compiler.origin import Origin
from compiler.plan.egress_ips import MARK_MASK, HostedAddress
from compiler.plan.node import NodePlan
from compiler.values.prefix import WIDTH, Prefix, format_address

_SET = re.compile("--match-set ([^ ]+)")


@frozen
class RuleFile:
    """The chains of a node by table, in the order of the file, and the sets of addresses that they refer to."""

    node: str
    tables: dict[str, Chains]
    sets: dict[str, AddressSet] = field(factory=dict)

    def text(self) -> str:
        """The file for `iptables-restore --noflush`."""
        lines = [f"# The node's own chains on {self.node}.  iptables.sh loads this file and puts the jumps to them."]
        for table, chains in self.tables.items():
            lines += [f"*{table}", *(f":{chain} - [0:0]" for chain in chains)]
            lines += [f"-A {chain} {rule.text}" for chain, rules in chains.items() for rule in rules]
            lines.append("COMMIT")
        return "\n".join(lines) + "\n"

    def lines(self) -> Iterator[Line]:
        """The rules as lines, each with the statements behind it."""
        for chains in self.tables.values():
            for chain, rules in chains.items():
                for rule in rules:
                    yield Line(f"-A {chain} {rule.text}", rule.origins)

    def set_lines(self) -> Iterator[Line]:
        """The lines of the sets: behind a set are the statements of the rules that refer to it."""
        origins: dict[str, tuple[Origin, ...]] = defaultdict(tuple)
        for line in self.lines():
            for name in _SET.findall(line.text):
                origins[name] += line.origins
        for name in sorted(self.sets):
            for text in self.sets[name].lines():
                yield Line(text, origins[name])


def build_rules(plan: NodePlan) -> RuleFile:
    """The rules of one node.

    Every value in them is a number, an address or a name that was checked at the border (OUT-05).
    """
    admin = build_admin_rules(plan.admin_rules)
    made = {"raw": _raw(plan), "mangle": _mangle(plan), "nat": _nat(plan), "filter": _filter(plan) | admin.chains}
    tables = {
        table: {
            chain: [rule if rule.origins else Rule(rule.text, plan.everywhere) for rule in rules]
            for chain, rules in made[table].items()
        }
        for table in TABLES
    }
    return RuleFile(plan.node.name, tables, admin.sets)


def _raw(plan: NodePlan) -> Chains:
    node = Prefix(plan.node.address, WIDTH)
    return {
        # Behind tun0 the flows see to it that a pod's address is the pod's; the switch takes what it gets from the node
        # with a local pod's address for that pod's traffic on its way back from service translation.
        ANTI_SPOOFING: [
            _rule(f"-i {TUN}", "pods, checked by the flows", "RETURN"),
            _rule("-i lo", "the node itself", "RETURN"),
            *(_rule(f"-s {network}", "not a pod", "DROP") for network in _networks(plan)),
        ],
        # Only VXLAN of the node's own address: what comes for an egress IP has to be tracked, to be rejected.
        NOTRACK: [
            _rule(f"{end} {node} {_vxlan(plan)}", "disable conntrack for vxlan", "CT --notrack") for end in ("-d", "-s")
        ],
    }


def _mangle(plan: NodePlan) -> Chains:
    # The flows tell the node by the source MAC: a mark of theirs would not survive every datapath's tun0.
    return {
        EGRESS_IPS: [
            _of_project(
                hosted,
                f"-i {TUN} -m mac --mac-source {mac_of(hosted.address)}",
                f"MARK --set-xmark {hosted.mark:#x}/{MARK_MASK:#x}",
            )
            for hosted in plan.egress_ips.hosted
        ],
        # Services are translated by now, and the administrators' chain, whose ACCEPT ends the filter table, is not yet
        # asked.  A packet unknown to conntrack would leave with the pod's own address.
        GUARD: [
            _no_vxlan(plan),
            *(
                _rule(f"-s {network} -m conntrack --ctstate INVALID", "attempted resend after connection close", "DROP")
                for network in _networks(plan)
            ),
        ],
    }


def _nat(plan: NodePlan) -> Chains:
    # Not back into tun0: what the node translates to a pod has not left the cluster, and the pod's node has to see the
    # answer.
    return {
        MASQUERADE: [
            *(
                _of_project(
                    hosted,
                    f"-s {network} ! -o {TUN} -m mark --mark {hosted.mark:#x}/{MARK_MASK:#x}",
                    f"SNAT --to-source {format_address(hosted.address)}",
                )
                for hosted in plan.egress_ips.hosted
                for network in _networks(plan)
            ),
            *(
                _rule(f"-s {network}", "masquerade pod-to-external traffic", MASQUERADE_2)
                for network in _networks(plan)
            ),
        ],
        MASQUERADE_2: [
            *(_rule(f"-d {network}", "masquerade pod-to-external traffic", "RETURN") for network in _networks(plan)),
            Rule("-j MASQUERADE"),
        ],
    }


def _filter(plan: NodePlan) -> Chains:
    # By the destination that the sender wrote: a service on that address would have rewritten it.
    rejected = [
        _of_project(hosted, f"-m conntrack --ctstate NEW --ctorigdst {format_address(hosted.address)}", REFUSE)
        for hosted in plan.egress_ips.hosted
    ]
    return {
        ALLOW: [
            *rejected,
            _no_vxlan(plan),
            _rule(f"-d {Prefix(plan.node.address, WIDTH)} {_vxlan(plan)}", "VXLAN incoming", "ACCEPT"),
            _rule(f"-i {TUN}", "from SDN to localhost", "ACCEPT"),
        ],
        FORWARD: [
            *rejected,
            *(_rule(f"-d {network}", "forward traffic to SDN", "ACCEPT") for network in _networks(plan)),
            *(_rule(f"-s {network}", "forward traffic from SDN", "ACCEPT") for network in _networks(plan)),
        ],
    }


def _rule(match: str, comment: str, target: str, origins: Iterable[Origin] = ()) -> Rule:
    return Rule(f'{match} -m comment --comment "{comment}" -j {target}', tuple(origins))


def _of_project(hosted: HostedAddress, match: str, target: str) -> Rule:
    return _rule(match, f"egress IP of project {hosted.project}", target, hosted.origins)


def _no_vxlan(plan: NodePlan) -> Rule:
    return _rule(f"-i {TUN} {_vxlan(plan)}", "no pod sends VXLAN", "DROP")


def _vxlan(plan: NodePlan) -> str:
    return f"-p udp -m udp --dport {plan.cluster.vxlan_port}"


def _networks(plan: NodePlan) -> list[Prefix]:
    return [network.prefix for network in plan.cluster.pod_networks]
