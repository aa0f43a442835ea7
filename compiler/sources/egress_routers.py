"""Egress routers in Kubernetes objects: pods, and what makes pods, with a macvlan annotation (ER-01).

OpenShift SDN gives a pod with the annotation an interface of its own on the network of the node, if it is privileged;
the egress router images set it up from the environment of their containers.  A pod may get its list of destinations
from a ConfigMap, and may belong to a controller that is among the objects, too; so `RouterReader` gathers what has the
annotation while the objects are read, and makes declarations of it when all are known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec
from attrs import define, field, frozen

from compiler import codes
from compiler.declarations import EgressRouter
from compiler.origin import Path
from compiler.sources.config_maps import ConfigMaps
from compiler.sources.environment import read_environment
from compiler.sources.node_affinity import read_node_affinity
from compiler.sources.pods import FINISHED, MACVLAN_ANNOTATION
from compiler.sources.reader import Cursor
from compiler.sources.router_variables import RouterVariables
from compiler.sources.scalars import (
    DEFAULT_PROJECT,
    Metadata,
    number_text,
    read_label_pairs,
    read_metadata,
    read_name,
)
from compiler.values.labels import Selector
from compiler.values.names import refuse_interface, refuse_subdomain

TEMPLATES: Mapping[str, Path] = {
    "Deployment": ("spec", "template"),
    "DeploymentConfig": ("spec", "template"),
    "Pod": (),
    "ReplicationController": ("spec", "template"),
}
"""The kinds that may be egress routers, and where each has its pod."""

DEPLOYMENT_CONFIG_ANNOTATION = "openshift.io/deployment-config.name"
"""The annotation of what a DeploymentConfig made, with its name."""

_MAKERS = {"ReplicaSet": "Deployment", "ReplicationController": "DeploymentConfig"}
"""Who makes objects of a kind, giving them its own name with a suffix behind a dash."""

_MENTION = MACVLAN_ANNOTATION.rpartition("/")[2].encode()
_ESCAPE = b"\\u"

_Name = tuple[str, str, str]
"""Kind, project and name of an object."""


def may_be_router(raw: bytes | msgspec.Raw) -> bool:
    """Whether the compact JSON text of an object may hold the annotation: the others need not be decoded."""
    written = bytes(raw)
    return _MENTION in written or _ESCAPE in written


@frozen
class _Candidate:
    """An object whose pods have the annotation."""

    kind: str
    cursor: Cursor
    template: Cursor
    annotation: Cursor

    @property
    def name(self) -> _Name:
        """What it is called, as far as it is told."""
        metadata = self.cursor.get("metadata")
        project, name = (metadata.get(key) if metadata else None for key in ("namespace", "name"))
        return self.kind, _text(project) or DEFAULT_PROJECT, _text(name)


def _text(cursor: Cursor | None) -> str:
    return cursor.value if cursor is not None and isinstance(cursor.value, str) else ""


def _descend(cursor: Cursor | None, path: Path) -> Cursor | None:
    """The value at a path, without a report if something on the way is no mapping."""
    for step in path:
        cursor = cursor.get(str(step)) if cursor is not None else None
    return cursor


@define
class RouterReader:
    """Gathers what may be egress routers, and the ConfigMaps that they may refer to."""

    config_maps: ConfigMaps = field(factory=ConfigMaps)
    _candidates: list[_Candidate] = field(factory=list)

    def gather(self, kind: str, cursor: Cursor) -> bool:
        """Keeps an object of a kind in TEMPLATES if its pods have the annotation; whether they have."""
        template = _descend(cursor, TEMPLATES[kind])
        annotation = _descend(template, ("metadata", "annotations", MACVLAN_ANNOTATION))
        if template is None or annotation is None:
            return False
        self._candidates.append(_Candidate(kind, cursor, template, annotation))
        return True

    def routers(self) -> Iterator[EgressRouter]:
        """The egress routers among the objects, when all have been gathered.

        What belongs to a controller that is one of them is none of its own; a finished pod is none.
        """
        controllers = {candidate.name for candidate in self._candidates if candidate.kind != "Pod"}
        for candidate in self._candidates:
            if not any(owner in controllers for owner in _owners(candidate)) and not _is_over(candidate):
                yield from _read_candidate(candidate, self.config_maps)


def _owners(candidate: _Candidate) -> Iterator[_Name]:
    """Who owns an object, and who, by their names, owns the owners."""
    project = candidate.name[1]
    metadata = candidate.cursor.mapping("metadata")
    if metadata is None:
        return
    for reference in metadata.mappings("ownerReferences") or ():
        kind, name = _text(reference.get("kind")), _text(reference.get("name"))
        yield kind, project, name
        if kind in _MAKERS:
            yield _MAKERS[kind], project, name.rpartition("-")[0]
    maker = _descend(metadata, ("annotations", DEPLOYMENT_CONFIG_ANNOTATION))
    yield "DeploymentConfig", project, _text(maker)


def _is_over(candidate: _Candidate) -> bool:
    """Whether it is a pod that has finished, or what a deployment has left behind of an older version."""
    if candidate.kind == "Pod":
        return _text(_descend(candidate.cursor, ("status", "phase"))) in FINISHED
    replicas = _descend(candidate.cursor, ("spec", "replicas"))
    makers = (("annotations", DEPLOYMENT_CONFIG_ANNOTATION), ("ownerReferences",))
    owned = any(_descend(candidate.cursor, ("metadata", *maker)) is not None for maker in makers)
    return replicas is not None and replicas.value == 0 and owned


def _read_candidate(candidate: _Candidate, config_maps: ConfigMaps) -> Iterator[EgressRouter]:
    cursor, template = candidate.cursor, candidate.template
    wanted, interface = _read_annotation(candidate.annotation)
    metadata = read_metadata(cursor, candidate.kind, in_project=True)
    spec = template.require("spec", "a pod")
    if not wanted or metadata is None or spec is None or not spec.is_mapping():
        return
    shown = f"{candidate.kind} {metadata.project}/{metadata.name}"
    containers = [*(spec.mappings("initContainers") or ()), *(spec.mappings("containers") or ())]
    if not any(_is_privileged(container) for container in containers):
        cursor.diagnostics.report(codes.NOT_PRIVILEGED, candidate.annotation.origin, name=shown)
    environment = read_environment(containers, metadata.project, config_maps)
    if not environment:
        return
    _check_replicas(candidate, metadata)
    if spec.flag("hostNetwork"):
        reason = "it is on the network of its node, where it gets no interface of its own"
        cursor.diagnostics.report(
            codes.BAD_ROUTER, spec.origin, name=f"{metadata.project}/{metadata.name}", reason=reason
        )
    variables = RouterVariables(cursor, shown, environment)
    source, mode = variables.source(), variables.mode()
    gateway = variables.gateway(source[0] if source else None)
    destinations = variables.destinations(mode) if mode else None
    told_node = spec.filled("nodeName")
    node = read_name(told_node, "node", refuse_subdomain) if told_node else None
    nodes = Selector(
        (*Selector.equal(read_label_pairs(spec.get("nodeSelector"))).requirements, *read_node_affinity(spec))
    )
    if source is None or gateway is None or mode is None or destinations is None:
        return
    yield EgressRouter(
        metadata.project,
        metadata.name,
        cursor.origin,
        mode,
        source[0],
        gateway,
        destinations,
        source[1],
        interface,
        node,
        nodes if nodes.requirements else None,
    )


def _read_annotation(annotation: Cursor) -> tuple[bool, str | None]:
    """Whether the pod wants a macvlan interface, and on which interface of the node; None: the default route's (ER-02).

    A wrong one is reported, and counts as wanting one.
    """
    value = annotation.value
    if isinstance(value, bool | int | float):
        written = str(value).lower() if isinstance(value, bool | float) else number_text(value)
        annotation.diagnostics.report(codes.NOT_A_STRING, annotation.origin, name=MACVLAN_ANNOTATION, value=written)
        return True, None
    text = annotation.string()
    if text is None or text == "true":
        return True, None
    if text == "false":
        return False, None
    reason = "its case is wrong" if text.lower() in ("true", "false") else refuse_interface(text)
    if reason:
        reason = f"expected true, false or the name of an interface, found {text!r}: {reason}"
        annotation.diagnostics.report(codes.BAD_ANNOTATION, annotation.origin, name=MACVLAN_ANNOTATION, reason=reason)
        return True, None
    return True, text


def _is_privileged(container: Cursor) -> bool:
    context = container.mapping("securityContext")
    return context is not None and context.flag("privileged")


def _check_replicas(candidate: _Candidate, metadata: Metadata) -> None:
    """A controller has one replica, which is the default (ER-12)."""
    told = _descend(candidate.cursor, ("spec", "replicas")) if candidate.kind != "Pod" else None
    replicas = told.integer() if told else None
    if told is not None and replicas is not None and replicas != 1:
        name = f"{metadata.project}/{metadata.name}"
        told.diagnostics.report(codes.SEVERAL_REPLICAS, told.origin, name=name, replicas=number_text(replicas))
