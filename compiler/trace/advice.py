"""What would let a denied packet pass: for each step that denies, the smallest rule to add, and where.

A rule is written as what it is added to: in the policy language, or as JSON, which YAML takes as well, for an object.
Statements of the policy language may stand beside objects, so they are what is advised where nothing is there yet.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

from compiler.declarations import AdminRule, AdminRules, NetIdStatement, NetworkPolicy
from compiler.model.model import AddressRule, EgressIp, Endpoint
from compiler.origin import Origin, Span
from compiler.policy.firewall import FoldedFirewall
from compiler.policy.ir import Direction
from compiler.trace.cluster import Cluster
from compiler.trace.question import End, Traffic
from compiler.trace.steps import Advice, How
from compiler.values.labels import NAME_LABEL, Labels
from compiler.values.prefix import format_address

VOLATILE = frozenset({"pod-template-hash", "controller-revision-hash", "pod-template-generation"})
"""Labels that tell a pod's version, not its part: a rule that names them is stale with the next deployment."""

MAX_NAME = 200
"""Characters of a suggested policy's name."""

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]*")
_KEYWORDS = {"all", "in", "notin", "pods", "project", "projects", "from", "to", "except", "allow", "any", "anyone"}


def advise_policy(
    cluster: Cluster,
    direction: Direction,
    pod: Endpoint,
    peer: End,
    traffic: Traffic,
    policies: Sequence[NetworkPolicy],
) -> Advice:
    """A rule for the policy that governs the fewest pods; a policy of its own where only the project isolates."""
    how = How.INGRESS if direction is Direction.INGRESS else How.EGRESS
    project = pod.pod.project
    rule = _rule_text(direction, peer, traffic, project)
    if not policies:
        name = _free_name(cluster, project, f"allow {traffic} from {peer.name} to {pod.pod.name}")
        labels = _lasting(pod.pod.labels)
        select = f"select {_selector_text(labels)}  " if labels else ""
        return Advice(How.STATEMENT, f"policy {project}/{name} {{ {select}{how.value} {{ {rule} }} }}")
    pods = [one for one in cluster.model.endpoints if one.pod.project == project]
    chosen = min(policies, key=lambda one: (sum(one.pods.matches(other.pod.labels) for other in pods), one.name))
    if not is_language(chosen.origin):
        rule = json.dumps(_rule_object(direction, peer, traffic, project))
    kind = "policy" if is_language(chosen.origin) else "NetworkPolicy"
    return Advice(how, rule, f"{kind} {project}/{chosen.name}", chosen.origin)


def advise_firewall(firewall: FoldedFirewall, rule: AddressRule, receiver: End, traffic: Traffic) -> Advice:
    """A rule before the one that denies."""
    address = format_address(receiver.address)
    owner = f"the egress firewall of project {firewall.project}"
    if is_language(rule.origin):
        return Advice(How.BEFORE, f"allow {_services_text(traffic)} to {address}", owner, rule.origin)
    written: dict[str, object] = {"type": "Allow", "to": {"cidrSelector": f"{address}/32"}}
    # Only one of the two kinds of objects knows ports, and one that has some is of that kind.
    if traffic.with_ports and any(other.ports is not None for other in firewall.rules):
        written["ports"] = _ports_object(traffic)
    return Advice(How.BEFORE, json.dumps(written), owner, rule.origin)


def advise_admin(block: AdminRules, rule: AdminRule, sender: Endpoint, receiver: End, traffic: Traffic) -> Advice:
    """A rule that accepts, before the one that refuses."""
    services = _services_text(traffic)
    text = f"accept {services} from project {sender.pod.project} to {format_address(receiver.address)}"
    return Advice(How.BEFORE, text, f"admin-rules {block.name}", rule.origin)


def advise_host(cluster: Cluster, sender: Endpoint, asked: Iterable[EgressIp]) -> tuple[Advice, ...]:
    """A node that hosts one of the project's egress IPs: the pod's own if it can, else the first that can."""
    automatic = cluster.automatic_hosts()
    nodes = sorted(cluster.model.nodes, key=lambda node: (node.name != sender.node, node.name))
    for one in asked:
        for node in nodes:
            if node.name not in automatic and (node.underlay is None or one.address in node.underlay):
                text = f"node {_word(node.name)} {{ egress-ip {format_address(one.address)} }}"
                return (Advice(How.STATEMENT, text),)
    return ()


def advise_multicast(cluster: Cluster, netid: int) -> tuple[Advice, ...]:
    """Multicast for all projects that share a NetID (MC-02)."""
    enabled = {origin for domain in cluster.model.multicast for origin in domain.origins}
    names = [
        project.name for project in cluster.model.projects if project.netid == netid and project.origin not in enabled
    ]
    return tuple(Advice(How.STATEMENT, f"project {_word(name)} {{ multicast }}") for name in names)


def advise_join(cluster: Cluster, one: str, other: str) -> tuple[tuple[Advice, ...], str]:
    """A statement that gives two projects one NetID; why there is none, if there is none."""
    netids = {cluster.projects[name].netid for name in (one, other)}
    for firewall in cluster.model.firewalls:
        if firewall.netid in netids:
            return (), f"project {firewall.project} has an egress firewall, so it cannot share its NetID (EF-05)"
    for egress_ip in cluster.model.egress_ips:
        if egress_ip.netid in netids:
            return (), f"project {egress_ip.project} has an egress IP, so it cannot share its NetID (EI-06)"
    for moved, target in ((one, other), (other, one)):
        if not _is_renumbered(cluster, moved):
            return (Advice(How.STATEMENT, f"join {_word(moved)} to {_word(target)}"),), ""
    return (), "both projects are joined, isolated or made global by statements, which have to change"


def _is_renumbered(cluster: Cluster, project: str) -> bool:
    """Whether a statement says what a project's NetID is: a second one would have to say the same."""
    labels = cluster.projects[project].labels
    return any(
        isinstance(statement, NetIdStatement)
        and (project in statement.names or (statement.selector is not None and statement.selector.matches(labels)))
        for statement in cluster.declarations
    )


def is_language(origin: Origin) -> bool:
    """Whether something was written in the policy language, and not as an object."""
    return isinstance(origin.at, Span)


def _rule_text(direction: Direction, peer: End, traffic: Traffic, project: str) -> str:
    preposition = "from" if direction is Direction.INGRESS else "to"
    return f"allow {_services_text(traffic)} {preposition} {_peer_text(peer, project)}"


def _services_text(traffic: Traffic) -> str:
    """Only `any` allows what has no ports (NP-04)."""
    return str(traffic) if traffic.with_ports else "any"


def _peer_text(peer: End, project: str) -> str:
    if peer.endpoint is None:
        return format_address(peer.address)
    pod = peer.endpoint.pod
    labels = _lasting(pod.labels)
    if not labels:
        return f"project {_word(pod.project)}"
    scope = "" if pod.project == project else f" in project {_word(pod.project)}"
    return f"pods {_selector_text(labels)}{scope}"


def _rule_object(direction: Direction, peer: End, traffic: Traffic, project: str) -> dict[str, object]:
    if peer.endpoint is None:
        who: dict[str, object] = {"ipBlock": {"cidr": f"{format_address(peer.address)}/32"}}
    else:
        pod = peer.endpoint.pod
        who = {"podSelector": {"matchLabels": _lasting(pod.labels)}}
        if pod.project != project:
            who["namespaceSelector"] = {"matchLabels": {NAME_LABEL: pod.project}}
    rule: dict[str, object] = {"from" if direction is Direction.INGRESS else "to": [who]}
    return rule | ({"ports": _ports_object(traffic)} if traffic.with_ports else {})


def _ports_object(traffic: Traffic) -> list[dict[str, object]]:
    assert traffic.with_ports is not None
    return [{"protocol": traffic.with_ports.name, "port": traffic.port}]


def _lasting(labels: Labels) -> dict[str, str]:
    """The labels that say what a pod is."""
    return {key: value for key, value in labels.items if key not in VOLATILE}


def _selector_text(labels: dict[str, str]) -> str:
    return ", ".join(f"{_word(key)}={_word(value)}" for key, value in labels.items())


def _word(text: str) -> str:
    """A word of the policy language, in quotes where it could be taken for something else."""
    return text if _PLAIN.fullmatch(text) and text not in _KEYWORDS else f'"{text}"'


def _free_name(cluster: Cluster, project: str, words: str) -> str:
    """A name that no policy of the project has."""
    taken = {policy.name for policy in cluster.model.policies if policy.project == project}
    name = re.sub("[^a-z0-9]+", "-", words)[:MAX_NAME].rstrip("-")
    names = (name, *(f"{name}-{number}" for number in range(2, len(taken) + 3)))
    return next(each for each in names if each not in taken)
