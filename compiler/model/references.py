"""Checks of names: every project and node that something speaks of exists."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from compiler import codes
from compiler.declarations import EgressFirewall, EgressRouter, NetworkPolicy, Pod, PodPeer, Service
from compiler.diagnostics import Diagnostics
from compiler.model.model import Node, Project, takes_part
from compiler.suggest import did_you_mean
from compiler.values.labels import NAME_LABEL, Operator


def check_references(
    pods: tuple[Pod, ...],
    policies: tuple[NetworkPolicy, ...],
    services: tuple[Service, ...],
    firewalls: Sequence[EgressFirewall],
    routers: Sequence[EgressRouter],
    projects: tuple[Project, ...],
    nodes: tuple[Node, ...],
    diagnostics: Diagnostics,
) -> None:
    """Reports UNKNOWN_PROJECT, UNKNOWN_NODE, and UNKNOWN_PEER for a peer that asks for a project by name."""
    project_names = {project.name for project in projects}
    node_names = {node.name for node in nodes}
    parts: tuple[Pod | NetworkPolicy | Service | EgressFirewall | EgressRouter, ...]
    parts = (*pods, *policies, *services, *firewalls, *routers)
    for part in parts:
        if part.project not in project_names:
            hint = did_you_mean(part.project, project_names)
            origin = part.origin.child("metadata", "namespace")
            diagnostics.report(codes.UNKNOWN_PROJECT, origin, name=part.project, hint=hint)
    placed: tuple[Pod | EgressRouter, ...] = (*(pod for pod in pods if takes_part(pod)), *routers)
    for part in placed:
        if part.node is not None and part.node not in node_names:
            hint = did_you_mean(part.node, node_names)
            diagnostics.report(codes.UNKNOWN_NODE, part.origin.child("spec", "nodeName"), name=part.node, hint=hint)
    for policy in policies:
        _check_peers(policy, project_names, diagnostics)


def _check_peers(policy: NetworkPolicy, projects: Collection[str], diagnostics: Diagnostics) -> None:
    """A selector that selects nothing matches nothing (NP-18); but who asks for a project by name means one."""
    for rule in (*(policy.ingress or ()), *(policy.egress or ())):
        for peer in rule.peers or ():
            for name in _named_projects(peer) if isinstance(peer, PodPeer) else ():
                if name not in projects:
                    hint = did_you_mean(name, projects)
                    diagnostics.report(codes.UNKNOWN_PEER, peer.origin, name=name, hint=hint)


def _named_projects(peer: PodPeer) -> Iterator[str]:
    for requirement in peer.projects.requirements if peer.projects else ():
        if requirement.key == NAME_LABEL and requirement.operator is Operator.IN:
            yield from requirement.values
