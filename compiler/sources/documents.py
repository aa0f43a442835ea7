"""From the documents of JSON and YAML files to declarations: which object is of which kind, and who reads it.

Objects come single, in a `List`, or in a list of one kind (`PodList`), whose items may leave out their kind.
Kinds that sdnc does not use are counted, and told in one note for the whole run.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import msgspec
from attrs import define, field, frozen

from compiler import codes
from compiler.declarations import Declaration
from compiler.diagnostics import MAX_VALUE, Diagnostics
from compiler.origin import Origin, Path
from compiler.sources import config_maps
from compiler.sources.egress import read_egress_firewall, read_egress_network_policy
from compiler.sources.egress_router_object import read_egress_router
from compiler.sources.egress_routers import TEMPLATES, RouterReader, may_be_router
from compiler.sources.endpoints import read_endpoint_slice, read_endpoints, read_route
from compiler.sources.files import Format, InputFile
from compiler.sources.host_names import read_ingress
from compiler.sources.interfaces import is_interface_table, read_interfaces
from compiler.sources.json_text import (
    JsonDocument,
    decode_object,
    has_duplicates,
    json_documents,
    raw_members,
    report_duplicates,
)
from compiler.sources.kubernetes import read_namespace, read_node, read_service
from compiler.sources.networkpolicy import read_network_policy
from compiler.sources.openshift import (
    read_cluster_network,
    read_host_subnet,
    read_master_config,
    read_net_namespace,
    read_node_config,
)
from compiler.sources.pods import PodReader, read_pod
from compiler.sources.reader import Cursor
from compiler.sources.yaml_text import yaml_documents
from compiler.suggest import did_you_mean

_POLICY_LIKE = re.compile("Policy|Policies|Firewall")
"""Kinds of which somebody may believe that they are enforced."""

_CORE = ("v1",)
_OPENSHIFT = ("v1", "network.openshift.io/v1")
_LIST = "List"


@frozen
class _Kind:
    """A kind of object: its versions (`apiVersion`), and the function that reads one."""

    versions: tuple[str, ...]
    read: Callable[[Cursor], Iterable[Declaration]]


def _at_the_end(_cursor: Cursor) -> Iterable[Declaration]:
    """Nothing yet: what is read when all objects are known."""
    return ()


_KINDS: Mapping[str, _Kind] = {
    "ClusterNetwork": _Kind(_OPENSHIFT, read_cluster_network),
    config_maps.KIND: _Kind(config_maps.VERSIONS, _at_the_end),
    "Deployment": _Kind(("apps/v1", "apps/v1beta2", "apps/v1beta1", "extensions/v1beta1"), _at_the_end),
    "DeploymentConfig": _Kind(("v1", "apps.openshift.io/v1"), _at_the_end),
    "EgressFirewall": _Kind(("k8s.ovn.org/v1",), read_egress_firewall),
    "EgressNetworkPolicy": _Kind(_OPENSHIFT, read_egress_network_policy),
    "EgressRouter": _Kind(("network.operator.openshift.io/v1",), read_egress_router),
    "EndpointSlice": _Kind(("discovery.k8s.io/v1", "discovery.k8s.io/v1beta1"), read_endpoint_slice),
    "Endpoints": _Kind(_CORE, read_endpoints),
    "HostSubnet": _Kind(_OPENSHIFT, read_host_subnet),
    "Ingress": _Kind(("networking.k8s.io/v1", "networking.k8s.io/v1beta1", "extensions/v1beta1"), read_ingress),
    "MasterConfig": _Kind(_CORE, read_master_config),
    "Namespace": _Kind(_CORE, read_namespace),
    "NetNamespace": _Kind(_OPENSHIFT, read_net_namespace),
    "NetworkPolicy": _Kind(("networking.k8s.io/v1", "extensions/v1beta1"), read_network_policy),
    "Node": _Kind(_CORE, read_node),
    "NodeConfig": _Kind(_CORE, read_node_config),
    "Pod": _Kind(_CORE, read_pod),
    "ReplicationController": _Kind(_CORE, _at_the_end),
    "Route": _Kind(("v1", "route.openshift.io/v1"), read_route),
    "Service": _Kind(_CORE, read_service),
}


class _Head(msgspec.Struct):
    """What an object says it is; empty: nothing."""

    kind: str = ""
    apiVersion: str = ""  # noqa: N815 (the field's name in the API)


_NO_HEAD = _Head()
_HEAD_DECODER = msgspec.json.Decoder(_Head)


def read_objects(files: Sequence[InputFile], diagnostics: Diagnostics) -> tuple[Declaration, ...]:
    """The declarations of all JSON and YAML files, in the order of the files."""
    run = _Run(diagnostics)
    for file in files:
        if file.format is Format.JSON:
            for document in json_documents(file.name, file.text, diagnostics):
                run.read_json(document)
        elif file.format is Format.YAML:
            for cursor in yaml_documents(file.name, file.text, diagnostics):
                run.read_object(cursor, _NO_HEAD)
    run.end()
    if run.unknown:
        diagnostics.report(codes.UNKNOWN_KINDS, None, kinds=_count_text(run.unknown))
    for kind, count in sorted(run.unknown.items()):
        if _POLICY_LIKE.search(kind):
            hint = did_you_mean(kind, _KINDS)
            diagnostics.report(codes.NOT_ENFORCED, None, count=count, kind=kind, hint=hint)
    return tuple(run.declarations)


def _count_text(unknown: Counter[str]) -> str:
    """`3 Secret, 1 Route`, the most first, as many as a message holds."""
    parts = [f"{number} {kind}" for kind, number in sorted(unknown.items(), key=lambda pair: (-pair[1], pair[0]))]
    shown = len(parts)
    while shown > 1 and len(", ".join(parts[:shown])) > MAX_VALUE - len(" and 1000 more kinds"):
        shown -= 1
    more = f" and {len(parts) - shown} more kinds" if shown < len(parts) else ""
    return ", ".join(parts[:shown]) + more


@define
class _Run:
    """What one run gathers."""

    diagnostics: Diagnostics
    declarations: list[Declaration] = field(factory=list)
    unknown: Counter[str] = field(factory=Counter)
    pods: PodReader = field(factory=PodReader)
    routers: RouterReader = field(factory=RouterReader)

    def end(self) -> None:
        """Reads what needed all objects to be known, and counts what nothing needed."""
        self.declarations.extend(self.routers.routers())
        if unused := self.routers.config_maps.unused:
            self.unknown[config_maps.KIND] += unused

    def read_json(self, document: JsonDocument) -> None:
        """Reads a document; of a list, each item on its own, so that only the kinds in use are decoded."""
        members = raw_members(document.compact)
        items = _items(members) if members else None
        if members is None or items is None:
            self._read_raw(document.compact, document, (), _NO_HEAD)
            return
        if has_duplicates(document.compact, members) and report_duplicates(document, (), self.diagnostics):
            return
        inherited = _inherited(_head(document.compact) or _NO_HEAD)
        for index, raw in enumerate(items):
            self._read_raw(raw, document, ("items", index), inherited)

    def _read_raw(self, raw: bytes | msgspec.Raw, document: JsonDocument, path: Path, inherited: _Head) -> None:
        head = _head(raw)
        if head is not None:
            kind, version = head.kind or inherited.kind, head.apiVersion or inherited.apiVersion
            if kind == "Pod" and version in _CORE:
                pod = self.pods.read(raw, Origin(document.source, path))
                if pod is not None:
                    self.declarations.append(pod)
                    return
            elif kind and version and kind not in _KINDS and not kind.endswith(_LIST):
                self.unknown[kind] += 1
                return
            elif kind == config_maps.KIND and version in config_maps.VERSIONS:
                opened = partial(decode_object, bytes(raw), document, path, self.diagnostics)
                self.routers.config_maps.add_raw(raw, opened)
                return
            elif kind in TEMPLATES and version in _KINDS[kind].versions and not may_be_router(raw):
                self.unknown[kind] += 1
                return
        cursor = decode_object(raw, document, path, self.diagnostics)
        if cursor is not None:
            self.read_object(cursor, inherited)

    def read_object(self, cursor: Cursor, inherited: _Head) -> None:
        """Reads an object, or the objects of a list.  `inherited` is the kind that a list gives its items."""
        if not cursor.is_mapping():
            return
        if is_interface_table(cursor.value):
            self.declarations.extend(read_interfaces(cursor))
            return
        kind = _told(cursor, "kind", inherited.kind)
        version = _told(cursor, "apiVersion", inherited.apiVersion)
        if kind is None or version is None:
            return
        items = cursor.get("items")
        if kind == _LIST or (kind.endswith(_LIST) and items is not None):
            for item in cursor.elements("items") or ():
                self.read_object(item.as_object(), _inherited(_Head(kind, version)))
        elif self._is_known(cursor, kind, version):
            self.declarations.extend(_KINDS[kind].read(cursor))
            if kind == config_maps.KIND:
                self.routers.config_maps.add(cursor)
            elif kind in TEMPLATES and not self.routers.gather(kind, cursor) and kind != "Pod":
                self.unknown[kind] += 1

    def _is_known(self, cursor: Cursor, kind: str, version: str) -> bool:
        """Whether the object is of a kind in use; counts it if not, and reports a version that is not
        supported.

        Others call their objects Node or NetworkPolicy, too; their API groups are names of domains that are
        not Kubernetes'.
        """
        known = _KINDS.get(kind)
        if known and version in known.versions:
            return True
        group = version.rpartition("/")[0]
        groups = {supported.rpartition("/")[0] for supported in known.versions} if known else set()
        if known and ("." not in group or group.endswith(".k8s.io") or group in groups):
            told = cursor.get("apiVersion") or cursor
            versions = ", ".join(known.versions)
            self.diagnostics.report(
                codes.UNSUPPORTED_VERSION, told.origin, kind=kind, version=version, supported=versions
            )
        else:
            # As kubectl names it where others give a kind the same name: NetworkPolicy.crd.projectcalico.org.
            self.unknown[f"{kind}.{group}" if known else kind] += 1
        return False


def _items(members: dict[str, msgspec.Raw]) -> list[msgspec.Raw] | None:
    """The raw items of a document that is a list; None if it is none, or not well-formed."""
    try:
        if not msgspec.json.decode(members.get("kind", b'""'), type=str).endswith(_LIST):
            return None
        return msgspec.json.decode(members.get("items", b"null"), type=list[msgspec.Raw])
    except msgspec.ValidationError:
        return None


def _head(raw: bytes | msgspec.Raw) -> _Head | None:
    """The head of an object; None if it is not well-formed."""
    try:
        return _HEAD_DECODER.decode(raw)
    except msgspec.ValidationError:
        return None


def _inherited(head: _Head) -> _Head:
    """What a list tells of its items: a PodList of v1 that they are Pods of v1."""
    kind = head.kind.removesuffix(_LIST)
    return _Head(kind, head.apiVersion) if kind else _NO_HEAD


def _told(cursor: Cursor, key: str, inherited: str) -> str | None:
    """The string under a key, else what the list tells; reports if there is neither."""
    if cursor.get(key) is None and inherited:
        return inherited
    found = cursor.require(key, "an object")
    return found.string() if found else None
