"""What people write in other words in a cluster (see `versions`): it changes nothing, whatever the cluster.

A rewrite gives a version back as it is where it has nothing to rewrite.
"""

from __future__ import annotations

from typing import TypeVar

from attrs import evolve

from compiler.declarations import (
    AdminRule,
    AdminRules,
    BlockPeer,
    EgressFirewall,
    FirewallRule,
    NetworkPolicy,
    NodeDeclaration,
    Pod,
    PodPeer,
    PortName,
    PortRange,
    ProjectDeclaration,
    Rule,
)
from compiler.values.labels import SELECT_ALL
from compiler.values.prefix import Prefix
from tests.oracle.edits import Edit, pick
from tests.oracle.objects import ORIGIN
from tests.oracle.versions import Draw, Version

AnyRule = TypeVar("AnyRule", Rule, FirewallRule, AdminRule)
AnyPort = TypeVar("AnyPort", PortRange, PortRange | PortName)

WHOLE = Prefix(0, 0)


def shuffled(draw: Draw, version: Version) -> Version:
    """All statements in another order."""
    return evolve(version, declarations=tuple(draw.random.sample(version.declarations, len(version.declarations))))


def policy_in_other_words(draw: Draw, version: Version) -> Version:
    """A policy under another name, with its rules in another order, twice, or one for each peer and port."""
    old = pick(draw, version, NetworkPolicy)
    if old is None:
        return version

    def reworded(rules: tuple[Rule, ...] | None) -> tuple[Rule, ...] | None:
        if rules is None:
            return None
        apart = [split for rule in rules for split in _split(rule)]
        return tuple(draw.random.sample(apart * 2, len(apart) * 2))

    return version.replaced(
        old, evolve(old, name="reworded", ingress=reworded(old.ingress), egress=reworded(old.egress))
    )


def policy_in_two(draw: Draw, version: Version) -> Version:
    """A policy as two that select the same pods: one for each direction, or one with the last rule."""
    old = pick(draw, version, NetworkPolicy)
    if old is None or not old.ingress:
        return version
    first = evolve(old, ingress=old.ingress[:-1])
    second = evolve(old, name="second", ingress=old.ingress[-1:], egress=None)
    return version.replaced(old, first, second)


def _split(rule: Rule) -> list[Rule]:
    return [
        Rule(ORIGIN, peers, ports)
        for peers in ([None] if rule.peers is None else [(peer,) for each in rule.peers for peer in _halves(each)])
        for ports in ([None] if rule.ports is None else [(port,) for port in rule.ports])
    ]


def _halves(peer: PodPeer | BlockPeer) -> list[PodPeer | BlockPeer]:
    """A block without holes as two halves; everything else as it is."""
    if not isinstance(peer, BlockPeer) or peer.prefix is None or peer.excepts or peer.prefix.length == 32:
        return [peer]
    length = peer.prefix.length + 1
    ends = (peer.prefix.network, peer.prefix.last)
    return [BlockPeer(ORIGIN, Prefix.covering(end, length)) for end in ends]


def firewall_in_other_words(draw: Draw, version: Version) -> Version:
    """A firewall with every rule twice, blocks in halves, and a rule behind that allows the rest."""
    old = pick(draw, version, EgressFirewall)
    if old is None:
        return version
    rules = [half for rule in old.rules for half in _firewall_halves(rule) * 2]
    allowing = FirewallRule(ORIGIN, True, (BlockPeer(ORIGIN, WHOLE),))
    return version.replaced(old, evolve(old, rules=(*rules, allowing)))


def _firewall_halves(rule: FirewallRule) -> list[FirewallRule]:
    if rule.peers is None or len(rule.peers) != 1 or not isinstance(rule.peers[0], BlockPeer):
        return [rule]
    return [evolve(rule, peers=(half,)) for half in _halves(rule.peers[0]) if isinstance(half, BlockPeer)]


def egress_ips_in_other_order(draw: Draw, version: Version) -> Version:
    """A project's egress IPs in the other order, and a node's."""
    old, node = draw.one(version.every(ProjectDeclaration)), draw.one(version.every(NodeDeclaration))
    changed = version.replaced(old, evolve(old, egress_addresses=old.egress_addresses[::-1]))
    return changed.replaced(node, evolve(node, egress_addresses=node.egress_addresses[::-1]))


def ports_in_two(draw: Draw, version: Version) -> Version:
    """All ports of TCP as two ranges, wherever they stand; the same for UDP."""

    def split(rules: tuple[AnyRule, ...]) -> tuple[AnyRule, ...]:
        return tuple(_with_split_ports(rule) for rule in rules)

    for policy in version.every(NetworkPolicy):
        version = version.replaced(
            policy,
            evolve(
                policy, ingress=policy.ingress and split(policy.ingress), egress=policy.egress and split(policy.egress)
            ),
        )
    for each in version.every(EgressFirewall):
        version = version.replaced(each, evolve(each, rules=split(each.rules)))
    for block in version.every(AdminRules):
        version = version.replaced(block, evolve(block, rules=split(block.rules)))
    return version


def _with_split_ports(rule: AnyRule) -> AnyRule:
    return (
        rule if rule.ports is None else evolve(rule, ports=tuple(part for port in rule.ports for part in _parts(port)))
    )


def _parts(port: AnyPort) -> list[AnyPort]:
    if isinstance(port, PortName) or not port.first <= 100 < port.last:
        return [port]
    return [evolve(port, first=101), evolve(port, last=100)]


def hidden_policy(draw: Draw, version: Version) -> Version:
    """One more policy that says what another says already."""
    old = pick(draw, version, NetworkPolicy)
    return version if old is None else version.with_more(evolve(old, name="again"))


def node_renamed(draw: Draw, version: Version) -> Version:
    """A node has another name: packets do not show it."""
    old = draw.one(version.every(NodeDeclaration))
    for pod in version.every(Pod):
        if pod.node == old.name:
            version = version.replaced(pod, evolve(pod, node="renamed"))
    return version.replaced(old, evolve(old, name="renamed"))


def policy_of_nobody(draw: Draw, version: Version) -> Version:
    """One more policy, of a project without pods."""
    nobody = ProjectDeclaration("nobody", ORIGIN, netid=300)
    return version.with_more(nobody, evolve(draw.policy("idle"), project="nobody", pods=SELECT_ALL))


REWRITES: tuple[Edit, ...] = (
    shuffled,
    policy_in_other_words,
    policy_in_two,
    firewall_in_other_words,
    egress_ips_in_other_order,
    ports_in_two,
    hidden_policy,
    node_renamed,
    policy_of_nobody,
)
