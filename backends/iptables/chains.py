"""The node's own chains, and how the built-in chains come to them.

Names, order and comments are those of openshift-sdn where it has the chain, so that its operators recognise them.

    raw     PREROUTING   ANTI_SPOOFING   who says to be a pod and is not
    raw     PREROUTING   NOTRACK         VXLAN between nodes is not tracked
    raw     OUTPUT       NOTRACK
    mangle  PREROUTING   EGRESS_IPS      marks what leaves with an egress IP
    mangle  FORWARD      GUARD           what no pod may send, whatever an administrator accepts
    nat     POSTROUTING  MASQUERADE      source address: an egress IP, or (MASQUERADE_2) the node's own
    filter  INPUT        ALLOW           VXLAN and pods reach the node
    filter  FORWARD      ADMIN           the administrators' chain: what they put there by hand,
                         ADMIN_RULES     and the rules that the sources state for them
    filter  FORWARD      FORWARD         pods reach the outside, and the outside pods
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import field, frozen

from compiler.origin import Origin

TUN = "tun0"
"""The node's interface on its pod network."""

ANTI_SPOOFING = "OPENSHIFT-ANTI-SPOOFING"
NOTRACK = "OPENSHIFT-NOTRACK"
EGRESS_IPS = "OPENSHIFT-EGRESS-IPS"
GUARD = "OPENSHIFT-FORWARD-GUARD"
MASQUERADE = "OPENSHIFT-MASQUERADE"
MASQUERADE_2 = "OPENSHIFT-MASQUERADE-2"
ALLOW = "OPENSHIFT-FIREWALL-ALLOW"
FORWARD = "OPENSHIFT-FIREWALL-FORWARD"

REFUSE = "REJECT --reject-with icmp-port-unreachable"
"""The target that tells the sender by an ICMP error."""

ADMIN = "OPENSHIFT-ADMIN-OUTPUT-RULES"
"""Belongs to the administrators: it is made where it lacks; but for the jump to ADMIN_RULES nothing is put into it."""

ADMIN_RULES = "SDNC-ADMIN-RULES"
ADMIN_REJECT = "SDNC-ADMIN-REJECT"
"""What a rule that rejects jumps to: TCP gets a reset, everything else an ICMP error."""
LIMIT = "SDNC-LIMIT-"
"""The beginning of the name of a limit's chain; sixteen hexadecimal digits follow."""
ADDRESSES = "sdnc-"
"""The beginning of the name of a set of addresses (ipset); sixteen hexadecimal digits follow."""


@frozen
class Rule:
    """A rule of a chain: what follows `-A CHAIN`, as `iptables-save` prints it; then a load that changes nothing is
    seen to change nothing.  `origins` are the statements that ask for it (OUT-03; none: the cluster's).
    """

    text: str
    origins: tuple[Origin, ...] = field(default=(), eq=False)


Chains = dict[str, list[Rule]]
"""The rules of each chain of a table."""


@frozen
class Jump:
    """A rule in a chain that is not the node's own, mostly a built-in one, that leads to a chain of the node's own.

    `rule` is as `iptables -S` prints it behind the chain's name: that text is what the rule is recognised by.
    """

    table: str
    chain: str
    rule: str


JUMPS = (
    Jump("raw", "PREROUTING", f'-m comment --comment "pod addresses come from pods only" -j {ANTI_SPOOFING}'),
    Jump("raw", "PREROUTING", f'-m comment --comment "disable conntrack for vxlan" -j {NOTRACK}'),
    Jump("raw", "OUTPUT", f'-m comment --comment "disable conntrack for vxlan" -j {NOTRACK}'),
    Jump("mangle", "PREROUTING", f'-m comment --comment "marks of egress IPs" -j {EGRESS_IPS}'),
    Jump("mangle", "FORWARD", f'-m comment --comment "not for administrators to accept" -j {GUARD}'),
    Jump("nat", "POSTROUTING", f'-m comment --comment "rules for masquerading OpenShift traffic" -j {MASQUERADE}'),
    Jump("filter", "INPUT", f'-m comment --comment "firewall overrides" -j {ALLOW}'),
    Jump("filter", "FORWARD", f'-i {TUN} ! -o {TUN} -m comment --comment "administrator overrides" -j {ADMIN}'),
    Jump("filter", "FORWARD", f'-m comment --comment "firewall overrides" -j {FORWARD}'),
)
"""All jumps.  Those of one chain stand in this order: the administrator decides before the node lets anything pass."""

ADMIN_JUMP = f'-m comment --comment "rules of the policy sources" -j {ADMIN_RULES}'
"""The last rule of ADMIN, unless administrators append more."""

APPENDED = (Jump("filter", ADMIN, ADMIN_JUMP),)
"""The rules at the end of chains that are not the node's own.  These are made where they lack, and never emptied."""

TABLES = tuple(dict.fromkeys(jump.table for jump in JUMPS))


def by_chain(jumps: Iterable[Jump]) -> dict[str, dict[str, list[str]]]:
    """The rules of jumps by table and chain; those of a chain in their order."""
    tables: dict[str, dict[str, list[str]]] = {table: {} for table in TABLES}
    for jump in jumps:
        tables[jump.table].setdefault(jump.chain, []).append(jump.rule)
    return tables
