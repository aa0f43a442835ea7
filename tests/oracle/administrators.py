"""Administrator's rules, naively (AR): what those of one node do with a packet, rule by rule.

A node asks its rules about what leaves it by other interfaces than the pod network's: what its own pods send, and what
comes from pods of other nodes to leave with an egress IP.  What is for the node itself, or for an egress IP that it
has, does not pass by them (AR-01).  Where the behaviours leave something open, this is how they are read:

- "accept" ends the way through the rules, as does falling out at their end; nothing tells the two apart.
- A limit, and a log with a rate, count all that their rule speaks of; one that counts something else is another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from compiler.declarations import (
    AdminLimit,
    AdminLog,
    AdminRule,
    AdminRules,
    AdminVerdict,
    BlockPeer,
    Mode,
    NodeDeclaration,
    PortRange,
    ProjectSource,
)
from compiler.values.labels import NO_LABELS
from compiler.values.ports import MAX_PORT
from compiler.values.prefix import ALL_ONES, Prefix
from compiler.values.services import Protocol
from tests.oracle.evaluator import Node, Oracle, Service, in_block, names_port, selects

Counted = tuple[AdminLog | AdminLimit, object, object, object]
"""What counts packets, and the sources, destinations and ports that it counts, in one way for equal sets."""

Steps = tuple[tuple[int, bool], ...]
"""A set of numbers: the first of each range, whether or not it belongs to the set; neighbours differ."""

Treatment = tuple[AdminLog | AdminVerdict | Counted, ...]
"""What is done with a packet, in order; a verdict that refuses it stands at the end."""

REFUSING = (AdminVerdict.DROP, AdminVerdict.REJECT)


def treatment(
    oracle: Oracle, rules: Iterable[AdminRule], node: Node, source: int, destination: int, service: Service
) -> Treatment:
    """What the rules of a node do with a pod's packet that leaves by it."""
    if destination == node.address or destination in hosted_by(oracle, node):
        return ()
    done: list[AdminLog | AdminVerdict | Counted] = []
    for rule in rules:
        if not _speaks_of(oracle, rule, source, destination, service):
            continue
        if rule.action is AdminVerdict.ACCEPT:
            break
        done.append(_step(rule))
        if rule.action in REFUSING:
            break
    return tuple(done)


def passes(done: Treatment) -> bool:
    """Whether a packet gets through."""
    return not done or done[-1] not in REFUSING


def hosted_by(oracle: Oracle, node: Node) -> set[int]:
    """The egress IPs that a node has: those that a project asks for."""
    if oracle.mode is Mode.SUBNET:
        return set()
    asked = {egress.address for project in oracle.projects.values() for egress in project.egress_addresses}
    return asked & {*node.egress_addresses}


def _step(rule: AdminRule) -> AdminLog | AdminVerdict | Counted:
    action = rule.action
    if isinstance(action, AdminVerdict) or (isinstance(action, AdminLog) and action.rate is None):
        return action
    sources = rule.sources or ()
    projects = frozenset(source.project for source in sources if isinstance(source, ProjectSource))
    blocks = [source for source in sources if isinstance(source, BlockPeer)]
    ports = None if rule.ports is None else tuple(_numbers(rule.ports, protocol) for protocol in Protocol)
    everywhere = (BlockPeer(rule.origin, Prefix(0, 0)),)
    return (
        action,
        (projects, _addresses(everywhere if rule.sources is None else blocks)),
        _addresses(everywhere if rule.destinations is None else rule.destinations),
        ports,
    )


def _addresses(blocks: Sequence[BlockPeer]) -> Steps:
    prefixes = [each for block in blocks if block.prefix is not None for each in (block.prefix, *block.excepts)]
    ends = {0, *(end for prefix in prefixes for end in (prefix.network, prefix.last + 1))} - {ALL_ONES + 1}
    return _steps([(end, any(in_block(block, end) for block in blocks)) for end in sorted(ends)])


def _numbers(ports: Iterable[PortRange], protocol: Protocol) -> Steps:
    asked = [port for port in ports if port.protocol is protocol]
    ends = {0, *(end for port in asked for end in (port.first, port.last + 1))} - {MAX_PORT + 1}
    return _steps([(end, any(port.first <= end <= port.last for port in asked)) for end in sorted(ends)])


def _steps(ranges: Sequence[tuple[int, bool]]) -> Steps:
    return tuple(each for number, each in enumerate(ranges) if number == 0 or each[1] != ranges[number - 1][1])


def rules_of(oracle: Oracle, node: Node) -> list[AdminRule]:
    """All rules of a node, in order."""
    (labels,) = [
        each.labels or NO_LABELS
        for each in oracle.declarations
        if isinstance(each, NodeDeclaration) and each.name == node.name
    ]
    blocks = [each for each in oracle.declarations if isinstance(each, AdminRules)]
    here = [block for block in blocks if block.nodes is None or selects(block.nodes, labels)]
    return [rule for block in sorted(here, key=lambda block: block.name) for rule in block.rules]


def _speaks_of(oracle: Oracle, rule: AdminRule, source: int, destination: int, service: Service) -> bool:
    if rule.sources is not None and not any(_is_from(oracle, each, source) for each in rule.sources):
        return False
    if rule.destinations is not None and not any(in_block(each, destination) for each in rule.destinations):
        return False
    return rule.ports is None or any(names_port(port, None, service) for port in rule.ports)


def _is_from(oracle: Oracle, source: BlockPeer | ProjectSource, address: int) -> bool:
    if isinstance(source, BlockPeer):
        return in_block(source, address)
    return oracle.pods[address].project == source.project
