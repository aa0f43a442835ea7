"""Node affinity in a pod's spec: what it requires of its node beyond nodeSelector (Kubernetes API: NodeSelector)."""

from __future__ import annotations

from compiler import codes
from compiler.sources.reader import Cursor
from compiler.sources.selectors import read_selector
from compiler.values.labels import Requirement

_REQUIRED = ("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")


def read_node_affinity(spec: Cursor) -> tuple[Requirement, ...]:
    """What a pod's spec requires of the labels of its node, all of it together.

    Reports what is no selector of one kind of nodes: several terms are alternatives, which sdnc does not read, and a
    term without requirements selects no node.
    """
    required: Cursor | None = spec
    for key in _REQUIRED:
        required = required.mapping(key) if required else None
    if required is None:
        return ()
    terms = required.mappings("nodeSelectorTerms") or []
    requirements: list[Requirement] = []
    for term in terms:
        requirements.extend(read_selector(term).requirements)
    if len(terms) != 1:
        _refuse(required, f"it has {len(terms)} nodeSelectorTerms; sdnc reads one")
    elif not terms[0].elements("matchExpressions"):
        _refuse(required, "its node selector has no requirement, so it selects no node")
    return tuple(requirements)


def _refuse(cursor: Cursor, reason: str) -> None:
    cursor.diagnostics.report(codes.BAD_SELECTOR, cursor.origin, reason=reason)
