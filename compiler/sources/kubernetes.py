"""Namespace, Node and Service objects of Kubernetes (v1).  Pods, of which there are many, have a module of
their own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TypeVar

from compiler import codes
from compiler.declarations import NodeDeclaration, ProjectDeclaration, Service, ServicePort
from compiler.sources.networkpolicy import read_port_number
from compiler.sources.reader import Cursor
from compiler.sources.scalars import (
    Metadata,
    read_address,
    read_label_pairs,
    read_metadata,
    read_protocol,
)
from compiler.values.ipv6 import is_ipv6_address
from compiler.values.labels import NAME_LABEL, Labels, Selector
from compiler.values.names import refuse_label, refuse_port_name
from compiler.values.prefix import Prefix

T = TypeVar("T")

ISOLATION_ANNOTATION = "net.beta.kubernetes.io/network-policy"
"""The annotation that denied ingress to a project before NetworkPolicy could (NP-14)."""

UNDERLAY_ANNOTATION = "k8s.ovn.org/node-primary-ifaddr"
"""The annotation with the addresses of a node's primary interface, `{"ipv4": "ADDRESS/LENGTH"}`, by OVN-Kubernetes."""


def read_namespace(cursor: Cursor) -> Iterator[ProjectDeclaration]:
    """A project's labels, and whether the legacy annotation isolates it."""
    metadata = read_metadata(cursor, "Namespace", refuse_label)
    if metadata is None:
        return
    labels = metadata.labels
    if labels.get(NAME_LABEL) is not None:  # the API server lets nobody change it
        labels = Labels({**dict(labels.items), NAME_LABEL: metadata.name})
    yield ProjectDeclaration(metadata.name, cursor.origin, labels, isolated=_is_isolated(metadata))


def _is_isolated(metadata: Metadata) -> bool:
    return _judge_annotation(metadata, ISOLATION_ANNOTATION, _judge_isolation) or False


def _judge_annotation(metadata: Metadata, name: str, judge: Callable[[object], tuple[str, T]]) -> T | None:
    """What `judge` makes of the JSON in an annotation; None if it is absent or, after a report, wrong."""
    annotation = metadata.annotations.get(name) if metadata.annotations else None
    text = annotation.string() if annotation else None
    if annotation is None or text is None:
        return None
    try:
        reason, found = judge(json.loads(text))
    except (ValueError, RecursionError) as fault:
        reason, found = f"invalid JSON: {fault}", None
    if reason:
        annotation.diagnostics.report(codes.BAD_ANNOTATION, annotation.origin, name=name, reason=reason)
        return None
    return found


def _judge_isolation(value: object) -> tuple[str, bool]:
    """Why the annotation's value is wrong (empty: it is not), and whether it isolates."""
    match value:
        case {"ingress": {"isolation": "DefaultDeny"}}:
            return "", True
        case {"ingress": {"isolation": other}}:
            return f"unknown isolation {other!r}, DefaultDeny is the only one", False
        case {"ingress": dict()}:
            return "", False
        case {"ingress": _}:
            return "ingress is no mapping", False
        case dict():
            return "", False
        case _:
            return "it is no JSON mapping", False


def _judge_underlay(value: object) -> tuple[str, Prefix | None]:
    """Why the annotation's value is wrong (empty: it is not), and the network on the primary interface."""
    match value:
        case {"ipv4": None | ""}:
            return "", None
        case {"ipv4": str(text)}:
            try:
                return "", Prefix.parse(text)[0]
            except ValueError:
                return f"ipv4: expected an address with its length, found {text!r}", None
        case {"ipv4": _}:
            return "ipv4 is no string", None
        case dict():
            return "", None
        case _:
            return "it is no JSON mapping", None


def read_node(cursor: Cursor) -> Iterator[NodeDeclaration]:
    """A node's labels, its first internal IPv4 address, and the network that an annotation tells."""
    metadata = read_metadata(cursor, "Node")
    status = cursor.mapping("status")
    address = None
    for entry in (status.mappings("addresses") if status else None) or ():
        told = entry.get("address")
        if entry.text("type") != "InternalIP" or told is None or address is not None:
            continue
        if not (isinstance(told.value, str) and is_ipv6_address(told.value)):
            address = read_address(told)
    if metadata is not None:
        underlay = _judge_annotation(metadata, UNDERLAY_ANNOTATION, _judge_underlay)
        yield NodeDeclaration(metadata.name, cursor.origin, address, labels=metadata.labels, underlay=underlay)


def read_service(cursor: Cursor) -> Iterator[Service]:
    """A service: its IPv4 address in the service network, what it selects, its ports."""
    metadata = read_metadata(cursor, "Service", refuse_label, in_project=True)
    spec = cursor.mapping("spec")
    if metadata is None:
        return
    if spec is None:
        yield Service(metadata.project, metadata.name, cursor.origin)
        return
    pairs = tuple(read_label_pairs(spec.get("selector")))
    ports = tuple(port for entry in spec.mappings("ports") or () for port in _read_port(entry))
    selector = Selector.equal(pairs) if pairs else None
    yield Service(metadata.project, metadata.name, cursor.origin, _cluster_address(spec), selector, ports)


def _cluster_address(spec: Cursor) -> int | None:
    """The IPv4 address among `clusterIP` and `clusterIPs`; None for a headless service."""
    candidates = [found for found in (spec.get("clusterIP"), *(spec.elements("clusterIPs") or ())) if found]
    for candidate in candidates:
        if candidate.value in ("", "None"):
            continue
        if not (isinstance(candidate.value, str) and is_ipv6_address(candidate.value)):
            return read_address(candidate)
    return None


def _read_port(cursor: Cursor) -> Iterator[ServicePort]:
    protocol = read_protocol(cursor.filled("protocol"))
    told = cursor.require("port", "a port of Service")
    number = read_port_number(told) if told else None
    target = cursor.filled("targetPort")
    if target is None or target.value == 0:
        where: int | str | None = number
    elif isinstance(target.value, str):
        where = target.value
        if reason := refuse_port_name(where):
            target.diagnostics.report(codes.BAD_PORT, target.origin, value=where, reason=reason)
    else:
        where = read_port_number(target)
    if protocol and number is not None and where is not None:
        name = cursor.get("name")
        yield ServicePort(protocol, number, where, name.value if name and isinstance(name.value, str) else "")
