"""NetNamespaces with other NetIDs: what joining, isolating and making global changes in a cluster (PN-05 to PN-08).

The numbers come from the same functions as those of a compilation (`compiler/model/netids.py`), so that the objects
that come out, fed back in the place of the old ones, mean what the same statement in the policy language means.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import yaml

from compiler import codes
from compiler.declarations import ClusterDeclaration, Declaration, NetIdStatement, ProjectDeclaration
from compiler.diagnostics import Diagnostics
from compiler.model.cluster import agreed_mode
from compiler.model.netids import fill_netids
from compiler.model.parts import in_order
from compiler.model.projects import build_projects
from compiler.sources.yaml_scalars import resolve_plain

Object = Mapping[str, object]

_HEAD = {"apiVersion": "network.openshift.io/v1", "kind": "NetNamespace"}


def renumbered(
    declarations: Sequence[Declaration], statement: NetIdStatement, diagnostics: Diagnostics
) -> tuple[Object, ...]:
    """The NetNamespaces that change, by name, each as it was read but for its `netid`; none after an error.

    `declarations` are those of objects: what tells a NetID is a NetNamespace.  A project that has none gets a new one
    if its NetID would be another without: it changes, or somebody joins it.

    Reports NO_CLUSTER if nothing tells the mode, and what `build_projects` reports.
    """
    clusters = in_order((one for one in declarations if isinstance(one, ClusterDeclaration)), lambda one: one.origin)
    parts = in_order((one for one in declarations if isinstance(one, ProjectDeclaration)), lambda one: one.origin)
    mode = agreed_mode(clusters, diagnostics)
    if mode is None and not diagnostics.failed:
        diagnostics.report(codes.NO_CLUSTER, None, what="its mode")
    projects = build_projects(parts, (statement,), mode, diagnostics)
    if diagnostics.failed:
        return ()
    wanted = {project.name: project.netid for project in projects}
    told = {part.name: part.netid for part in parts if part.netid is not None}
    written = {part.name: part.written for part in reversed(parts) if part.written is not None}
    return tuple(_object(name, netid, written.get(name)) for name, netid in sorted(_changes(told, wanted).items()))


def _changes(told: Mapping[str, int], wanted: Mapping[str, int]) -> dict[str, int]:
    """The fewest numbers to tell, beside those of `told` that stay, for every project to get the one it should have.

    A project of which nothing tells a number gets one that is free, so that telling another project's can move it.
    """
    changes = {name: wanted[name] for name, netid in told.items() if netid != wanted[name]}
    while True:
        found = fill_netids({**dict.fromkeys(wanted), **told, **changes})
        missing = {name: netid for name, netid in wanted.items() if found[name] != netid}
        if not missing:
            return changes
        changes |= missing


def _object(name: str, netid: int, written: Object | None) -> Object:
    if written is None:
        return {**_HEAD, "metadata": {"name": name}, "netname": name, "netid": netid}
    return {**_HEAD, **written, "netid": netid}


def objects_text(objects: Sequence[Object], form: str) -> str:
    """One object, or a List of several, as text; `form` is `json` or `yaml`."""
    whole = objects[0] if len(objects) == 1 else {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    if form == "json":
        return json.dumps(whole, indent=2) + "\n"
    return yaml.dump(whole, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


class _Dumper(yaml.SafeDumper):
    """Writes every value out, and quotes every string that readers of Kubernetes' YAML take for something else."""

    def ignore_aliases(self, data: object) -> bool:
        """No anchors: what is the same twice is written twice."""
        return True

    def represent_text(self, data: str) -> yaml.ScalarNode:
        """A string: quoted if a reader would make it a number, a boolean or null, escaped where it is not printable.

        Readers disagree about which characters end a line, and fold what they take for lines.
        """
        plain = isinstance(resolve_plain(data), str) and data not in ("y", "Y", "n", "N")
        style = (None if plain else "'") if data.isprintable() else '"'
        return self.represent_scalar("tag:yaml.org,2002:str", data, style)


_Dumper.add_representer(str, _Dumper.represent_text)
