"""What decides about a pod's packets that leave the cluster: egress firewall, egress IPs, administrator's rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import evolve

from compiler.declarations import AdminLimit, AdminLog, AdminRule, AdminVerdict, BlockPeer, Mode, ProjectSource
from compiler.model.model import EgressIp, Endpoint, Node
from compiler.origin import Origin
from compiler.trace.advice import advise_admin, advise_firewall, advise_host
from compiler.trace.cluster import Cluster
from compiler.trace.question import End, Traffic
from compiler.trace.steps import Decision, Kind, Step, Way
from compiler.values.prefix import format_address
from compiler.values.services import Protocol

DNS = tuple(Traffic(protocol.value, 53) for protocol in (Protocol.TCP, Protocol.UDP))


def firewall(cluster: Cluster, sender: Endpoint, receiver: End, traffic: Traffic) -> Iterator[Step]:
    """The step of the project's egress firewall (EF-01); none in subnet mode."""
    kind = Kind.EGRESS_FIREWALL
    if cluster.model.cluster.mode is Mode.SUBNET:
        return
    if is_own_dns(cluster, sender, receiver, traffic):
        text = "DNS to the pod's own node passes before the rules (EF-06)"
        yield Step(kind, Decision.ALLOWS, text, (cluster.nodes[sender.node].origin,))
        return
    folded = cluster.firewalls.get(cluster.projects[sender.pod.project].netid)
    if folded is None:
        yield Step(kind, Decision.ALLOWS, "the project has no egress firewall")
        return
    if folded.function is None:
        text = (
            "the project shares its NetID, or has several egress firewalls: everything that leaves is dropped (EF-05)"
        )
        reason = "give the project a NetID of its own and one egress firewall"
        yield Step(kind, Decision.DENIES, text, folded.origins, no_advice=reason)
        return
    rule = folded.decider(receiver.address, traffic.with_ports, traffic.port)
    if folded.function.allows(receiver.address, traffic.with_ports, traffic.port):
        text = f"{_ordinal(folded.rules, rule)} allows it" if rule else "no rule speaks of it, so it is allowed"
        yield Step(kind, Decision.ALLOWS, text, (rule.origin,) if rule else folded.origins)
        return
    assert rule is not None
    advice = advise_firewall(folded, rule, receiver, traffic)
    text = f"{_ordinal(folded.rules, rule)} denies it"
    yield Step(kind, Decision.DENIES, text, (rule.origin,), advice=(advice,))


def _ordinal(rules: Iterable[object], rule: object) -> str:
    position = next(number for number, one in enumerate(rules, 1) if one is rule)
    return f"rule {position}, the first that matches,"


def is_own_dns(cluster: Cluster, sender: Endpoint, receiver: End, traffic: Traffic) -> bool:
    """Whether it is DNS to the address of the pod's own node, which has a way of its own (EF-06)."""
    is_judged = cluster.model.cluster.mode is not Mode.SUBNET
    return is_judged and receiver.address == cluster.nodes[sender.node].address and traffic in DNS


def egress_ip(cluster: Cluster, sender: Endpoint, receiver: End, traffic: Traffic) -> tuple[Step, tuple[Way, ...]]:
    """The step of the project's egress IPs (EI-01 to EI-03), and the ways out: without any, it is dropped."""
    own = cluster.nodes[sender.node]
    asked = cluster.egress_ips(cluster.projects[sender.pod.project].netid)
    if not asked or is_own_dns(cluster, sender, receiver, traffic):
        text = "it leaves by the pod's own node, with the node's address as its source"
        return Step(Kind.EGRESS_IP, Decision.ALLOWS, text), (Way(own),)
    hosted = [one for one in asked if one.node is not None]
    chosen = [one for one in hosted if one.node == sender.node] or hosted
    if not chosen:
        addresses = ", ".join(format_address(one.address) for one in asked)
        text = f"no node hosts the project's egress IP {addresses}, so nothing leaves (EI-02)"
        advice = advise_host(cluster, sender, asked)
        reason = "" if advice else f"no node can host {addresses}: none has it in its network"
        return Step(Kind.EGRESS_IP, Decision.DENIES, text, _origins(asked), advice=advice, no_advice=reason), ()
    ways = tuple(Way(cluster.nodes[one.node or ""], one.address) for one in chosen)
    if chosen[0].node == sender.node:
        words = [format_address(one.address) for one in chosen]
        text = f"it leaves by the pod's own node as {' or '.join(words)}"
    else:
        words = [f"{one.node} as {format_address(one.address)}" for one in chosen]
        text = f"it leaves by node {' or '.join(words)}"
    return Step(Kind.EGRESS_IP, Decision.ALLOWS, text, _origins(chosen)), ways


def _origins(egress_ips: Iterable[EgressIp]) -> tuple[Origin, ...]:
    return tuple(dict.fromkeys(origin for one in egress_ips for origin in one.origins))


def to_egress_ip(cluster: Cluster, receiver: End, translated_by: Node | None = None) -> Iterator[Step]:
    """New connections to a hosted egress IP are rejected by its node (EI-07).

    Unless that node itself translated a service's address to it, which it knows.
    """
    for one in cluster.model.egress_ips:
        if one.address == receiver.address and one.node is not None:
            if translated_by is not None and translated_by.name == one.node:
                continue
            address = format_address(one.address)
            text = f"{address} is an egress IP of project {one.project}: node {one.node} rejects new connections to it"
            reason = "nothing can be opened to an egress IP (EI-07)"
            yield Step(Kind.EGRESS_IP, Decision.DENIES, text, one.origins, by_flows=False, no_advice=reason)


def admin_rules(
    cluster: Cluster, sender: Endpoint, receiver: End, traffic: Traffic, nodes: Iterable[Node]
) -> Iterator[Step]:
    """The steps of the administrator's rules (AR-01) on the nodes by which it leaves.

    A node asks them of what it forwards: not of what is for the node itself.
    """
    for node in dict.fromkeys(nodes):
        if receiver.node is None or receiver.node.name != node.name:
            yield from _admin_rules(cluster, sender, receiver, traffic, node)


def _admin_rules(cluster: Cluster, sender: Endpoint, receiver: End, traffic: Traffic, node: Node) -> Iterator[Step]:
    where = "" if node.name == sender.node else f" on node {node.name}"
    blocks = [block for block in cluster.model.admin_rules if block.nodes is None or block.nodes.matches(node.labels)]
    for block, rule in [(one, rule) for one in blocks for rule in one.rules]:
        if not _matches(rule, sender, receiver, traffic):
            continue
        match rule.action:
            case AdminVerdict.ACCEPT:
                yield _admin_step(Decision.ALLOWS, f"a rule of {block.name} accepts it{where}", rule)
                return
            case AdminVerdict():
                step = _admin_step(Decision.DENIES, f"a rule of {block.name} {rule.action.value}s it{where}", rule)
                yield evolve(step, advice=(advise_admin(block, rule, sender, receiver, traffic),))
                return
            case AdminLog():
                yield _admin_step(Decision.TELLS, f"a rule of {block.name} logs it{where}", rule)
            case AdminLimit():
                yield _admin_step(Decision.TELLS, f"a rule of {block.name} limits new connections{where}", rule)
    if blocks:
        text = f"no rule refuses it{where}"
        yield Step(Kind.ADMIN_RULES, Decision.ALLOWS, text, by_flows=False)


def _admin_step(decision: Decision, text: str, rule: AdminRule) -> Step:
    return Step(Kind.ADMIN_RULES, decision, text, (rule.origin,), by_flows=False)


def _matches(rule: AdminRule, sender: Endpoint, receiver: End, traffic: Traffic) -> bool:
    return (
        (rule.sources is None or any(_is_source(source, sender) for source in rule.sources))
        and (rule.destinations is None or any(_is_in(block, receiver.address) for block in rule.destinations))
        and (
            rule.ports is None
            or any(
                port.protocol is traffic.with_ports and port.first <= traffic.port <= port.last for port in rule.ports
            )
        )
    )


def _is_source(source: BlockPeer | ProjectSource, sender: Endpoint) -> bool:
    if isinstance(source, ProjectSource):
        return source.project == sender.pod.project
    return _is_in(source, sender.address)


def _is_in(block: BlockPeer, address: int) -> bool:
    return block.prefix is not None and address in block.prefix and not any(address in inner for inner in block.excepts)
