"""Projects: what Namespaces, NetNamespaces and the policy language tell of each, and its NetID in the end (PN-02)."""

from __future__ import annotations

from collections.abc import Iterable

from compiler import codes
from compiler.declarations import Mode, NetIdStatement, ProjectDeclaration
from compiler.diagnostics import Diagnostics
from compiler.model.model import GLOBAL_PROJECT, Project
from compiler.model.netids import apply_statements, check_distinct, fill_netids, refuse_netid
from compiler.model.parts import agree, grouped, in_order
from compiler.origin import Origin
from compiler.values.labels import NAME_LABEL, Labels


def build_projects(
    parts: Iterable[ProjectDeclaration],
    statements: Iterable[NetIdStatement],
    mode: Mode | None,
    diagnostics: Diagnostics,
) -> tuple[Project, ...]:
    """All projects, sorted by name, `default` always among them; the statements count if `mode` is known.

    Reports DISAGREE, BAD_NETID, and what `apply_statements` and `check_distinct` report.
    """
    labels: dict[str, Labels] = {GLOBAL_PROJECT: _with_name(GLOBAL_PROJECT, None)}
    told_netids: dict[str, int | None] = {GLOBAL_PROJECT: None}
    origins: dict[str, Origin | None] = {GLOBAL_PROJECT: None}
    isolated: set[str] = set()
    for name, told in grouped(in_order(parts, lambda p: p.origin), lambda part: part.name):
        what = f"project {name}"
        labels[name] = _with_name(name, agree(f"{what}, labels", ((p.labels, p.origin) for p in told), diagnostics))
        netid = agree(f"{what}, NetID", ((p.netid, p.origin) for p in told), diagnostics)
        origins[name] = next((p.origin for p in told if p.netid is not None), told[0].origin)
        if netid is not None and (reason := refuse_netid(name, netid)):
            diagnostics.report(codes.BAD_NETID, origins[name], netid=netid, project=name, reason=reason)
            netid = None
        told_netids[name] = netid
        if any(p.isolated for p in told):
            isolated.add(name)
    netids = fill_netids(told_netids)
    if mode is not None:
        netids = apply_statements(netids, labels, statements, mode, diagnostics)
    if mode is Mode.NETWORKPOLICY:
        check_distinct(netids, origins, diagnostics)
    return tuple(Project(name, labels[name], netids[name], name in isolated, origins[name]) for name in sorted(labels))


def _with_name(name: str, labels: Labels | None) -> Labels:
    """The labels with the one that every project has (NP-06); the API server lets no object change it."""
    return Labels({**dict(labels.items if labels else ()), NAME_LABEL: name})
