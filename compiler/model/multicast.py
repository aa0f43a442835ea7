"""Multicast: within which NetIDs it is on (MC-01, MC-02)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from compiler import codes
from compiler.declarations import Mode, ProjectDeclaration
from compiler.diagnostics import Diagnostics
from compiler.model.model import Cluster, MulticastDomain, Project
from compiler.model.sharing import Sharing, listed
from compiler.origin import Origin


def build_multicast(
    declared: Iterable[ProjectDeclaration],
    projects: Iterable[Project],
    cluster: Cluster | None,
    diagnostics: Diagnostics,
) -> tuple[MulticastDomain, ...]:
    """The NetIDs all of whose projects have multicast on, sorted; none in subnet mode, or if nothing tells the mode.

    The project `default` is among `projects` even if nothing declares it.  Reports IGNORED_IN_SUBNET and
    MULTICAST_PARTLY.
    """
    enabled: dict[str, list[Origin]] = defaultdict(list)
    for part in sorted(declared, key=lambda part: part.origin.sort_key()):
        if part.multicast:
            enabled[part.name].append(part.origin)
    if cluster is None or not enabled:
        return ()
    if cluster.mode is Mode.SUBNET:
        diagnostics.report(codes.IGNORED_IN_SUBNET, None, count=len(enabled), what="projects with multicast")
        return ()
    domains = []
    for netid, names in sorted(Sharing.of(projects).projects.items()):
        on = [name for name in names if name in enabled]
        off = [name for name in names if name not in enabled]
        if on and off:
            origin = enabled[on[0]][0]
            diagnostics.report(codes.MULTICAST_PARTLY, origin, netid=netid, on=listed(on), off=listed(off))
        elif on:
            domains.append(MulticastDomain(netid, tuple(origin for name in on for origin in enabled[name])))
    return tuple(domains)
