"""The administrator's rules: blocks in the order of their names, and what they speak of exists (AR-02)."""

from __future__ import annotations

from collections.abc import Iterable

from compiler import codes
from compiler.declarations import AdminRules, ProjectSource
from compiler.diagnostics import Diagnostics, Related
from compiler.model.model import Node, Project
from compiler.model.parts import in_order
from compiler.suggest import did_you_mean


def build_admin_rules(
    parts: Iterable[AdminRules], projects: Iterable[Project], nodes: tuple[Node, ...], diagnostics: Diagnostics
) -> tuple[AdminRules, ...]:
    """The blocks sorted by name; reports DUPLICATE, UNKNOWN_PROJECT and SELECTS_NO_NODE."""
    names = {project.name for project in projects}
    blocks: dict[str, AdminRules] = {}
    for part in in_order(parts, lambda part: part.origin):
        first = blocks.setdefault(part.name, part)
        if first is not part:
            related = (Related("first defined here", first.origin),)
            diagnostics.report(codes.DUPLICATE, part.origin, related=related, what="admin-rules", name=part.name)
        if part.nodes is not None and not any(part.nodes.matches(node.labels) for node in nodes):
            diagnostics.report(codes.SELECTS_NO_NODE, part.origin, selector=part.nodes)
        for source in (source for rule in part.rules for source in rule.sources or ()):
            if isinstance(source, ProjectSource) and source.project not in names:
                hint = did_you_mean(source.project, names)
                diagnostics.report(codes.UNKNOWN_PROJECT, source.origin, name=source.project, hint=hint)
    return tuple(blocks[name] for name in sorted(blocks))
