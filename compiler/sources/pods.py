"""Pod objects (v1), the one kind of which a cluster has 100,000.

There are two ways.  `PodReader.read` takes the raw JSON of a pod, decodes the few fields that matter into
typed structs, and shares the labels of pods that are written alike; it knows only pods without any fault.
`read_pod` takes a cursor, from JSON or YAML, is ten times slower, and reports everything.  The first leaves
to the second whatever is not plain.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from compiler import codes
from compiler.declarations import NamedPort, Pod
from compiler.origin import Origin
from compiler.sources.json_text import has_duplicates, raw_members
from compiler.sources.networkpolicy import read_port_number
from compiler.sources.reader import Cursor
from compiler.sources.scalars import (
    DEFAULT_PROJECT,
    Metadata,
    read_address,
    read_metadata,
    read_name,
    read_protocol,
)
from compiler.values.ipv6 import is_ipv6_address
from compiler.values.labels import Labels
from compiler.values.limits import FIRST_POD_PORT, LAST_POD_PORT
from compiler.values.names import (
    refuse_label,
    refuse_label_key,
    refuse_label_value,
    refuse_port_name,
    refuse_subdomain,
)
from compiler.values.ports import MAX_PORT
from compiler.values.prefix import parse_address
from compiler.values.services import Protocol

OFPORT_ANNOTATION = "sdnc.dev/ofport"
"""The annotation that asks for an OpenFlow port."""

MACVLAN_ANNOTATION = "pod.network.openshift.io/assign-macvlan"
"""The annotation that asks for a macvlan interface, as egress routers do (ER-02)."""

FINISHED = ("Succeeded", "Failed")
"""The phases of a pod that has ended."""

_SIDECAR = "Always"
_PROTOCOLS = {protocol.name: protocol for protocol in Protocol}
_NULL = msgspec.Raw(b"null")
_RAW_LIST = msgspec.json.Decoder(list[msgspec.Raw] | None)
_IN_CONTAINERS = (b'"ports"', b'"restartPolicy"', b"\\u")  # the last: a key may be written with escapes


class _Port(msgspec.Struct):
    containerPort: int  # noqa: N815 (the field's name in the API)
    name: str | None = None
    protocol: str | None = None


class _Container(msgspec.Struct):
    ports: list[_Port] | None = None
    restartPolicy: str | None = None  # noqa: N815


class _Annotations(msgspec.Struct):
    ofport: msgspec.Raw = msgspec.field(default=_NULL, name=OFPORT_ANNOTATION)
    macvlan: msgspec.Raw = msgspec.field(default=_NULL, name=MACVLAN_ANNOTATION)


_NO_ANNOTATIONS = _Annotations()


class _Metadata(msgspec.Struct):
    name: str
    namespace: str | None = None
    labels: msgspec.Raw = _NULL
    annotations: _Annotations | None = None


class _Spec(msgspec.Struct):
    nodeName: str | None = None  # noqa: N815
    hostNetwork: bool | None = None  # noqa: N815
    containers: list[_Container] | None = None
    initContainers: list[_Container] | None = None  # noqa: N815


class _Address(msgspec.Struct):
    ip: str | None = None


class _Status(msgspec.Struct):
    phase: str | None = None
    podIP: str | None = None  # noqa: N815
    podIPs: list[_Address] | None = None  # noqa: N815


class _Pod(msgspec.Struct):
    metadata: _Metadata
    spec: _Spec
    status: _Status


class _NotPlain(Exception):
    """The pod has something that only the careful reader can judge."""


class PodReader:
    """Reads pods without faults, fast.  Keeps what pods share: labels, and the names that were checked."""

    def __init__(self) -> None:
        self._decoder = msgspec.json.Decoder(_Pod)
        self._labels_decoder = msgspec.json.Decoder(dict[str, str])
        self._labels: dict[bytes, Labels] = {}
        self._projects: set[str] = set()
        self._nodes: set[str] = set()

    def read(self, raw: bytes | msgspec.Raw, origin: Origin) -> Pod | None:
        """The pod in compact JSON text, or None if `read_pod` has to look at it."""
        try:
            return self._read(raw, origin)
        except (_NotPlain, ValueError, RecursionError):  # msgspec's errors are ValueErrors
            return None

    def _read(self, raw: bytes | msgspec.Raw, origin: Origin) -> Pod:
        _check_duplicates(raw)
        pod = self._decoder.decode(raw)
        metadata, spec, status = pod.metadata, pod.spec, pod.status
        project = metadata.namespace or DEFAULT_PROJECT
        if project not in self._projects:
            _expect(not refuse_label(project))
            self._projects.add(project)
        if spec.nodeName and spec.nodeName not in self._nodes:
            _expect(not refuse_subdomain(spec.nodeName))
            self._nodes.add(spec.nodeName)
        _expect(not refuse_subdomain(metadata.name))
        # What is rare is for the careful reader: an annotation that sdnc reads, an address that only podIPs tells.
        _expect(metadata.annotations is None or metadata.annotations == _NO_ANNOTATIONS)
        _expect(bool(status.podIP) or not status.podIPs)
        return Pod(
            project,
            metadata.name,
            origin,
            spec.nodeName or None,
            parse_address(status.podIP) if status.podIP else None,
            self._read_labels(metadata.labels),
            _named_ports(spec),
            bool(spec.hostNetwork),
            status.phase in FINISHED,
        )

    def _read_labels(self, raw: msgspec.Raw) -> Labels:
        written = bytes(raw)
        labels = self._labels.get(written)
        if labels is None:
            # Valid labels need no escape, so each key and each value is written with two quotation marks.
            pairs = self._labels_decoder.decode(written) if written != b"null" else {}
            _expect(written.count(b'"') == 4 * len(pairs))
            _expect(not any(refuse_label_key(key) or refuse_label_value(pairs[key]) for key in pairs))
            labels = self._labels[written] = Labels(pairs)
        return labels


def _expect(plain: bool) -> None:
    if not plain:
        raise _NotPlain


def _check_duplicates(raw: bytes | msgspec.Raw) -> None:
    """Looks for doubled keys wherever `_Pod` reads, but in labels; `_read_labels` looks there."""
    pod = _unique_members(raw)
    for key in ("metadata", "spec", "status"):
        if key in pod:
            members = _unique_members(pod[key])
            for containers in ("containers", "initContainers"):
                if containers in members:
                    _check_containers(members[containers])


def _unique_members(raw: bytes | msgspec.Raw) -> dict[str, msgspec.Raw]:
    members = raw_members(raw)
    if members is None or has_duplicates(raw, members):
        raise _NotPlain
    return members


def _check_containers(raw: msgspec.Raw) -> None:
    """Of containers, their ports are read, and of init containers whether they restart."""
    written = bytes(raw)
    if not any(mark in written for mark in _IN_CONTAINERS):
        return
    for container in _RAW_LIST.decode(raw) or ():
        members = _unique_members(container)
        for port in _RAW_LIST.decode(members.get("ports", _NULL)) or ():
            _unique_members(port)


def _named_ports(spec: _Spec) -> Iterable[NamedPort]:
    ports = []
    sidecars = [c for c in spec.initContainers or () if c.restartPolicy == _SIDECAR]
    for container in (*(spec.containers or ()), *sidecars):
        for port in container.ports or ():
            protocol = _PROTOCOLS.get(port.protocol or "TCP")
            if protocol is None or not 1 <= port.containerPort <= MAX_PORT:
                raise _NotPlain
            if port.name:
                _expect(not refuse_port_name(port.name))
                ports.append(NamedPort(port.name, protocol, port.containerPort))
    return ports


def read_pod(cursor: Cursor) -> Iterator[Pod]:
    """The pod under a cursor; everything that is wrong with it is reported."""
    metadata = read_metadata(cursor, "Pod", in_project=True)
    spec = cursor.require("spec", "Pod")
    status = cursor.mapping("status")
    if spec is None or not spec.is_mapping():
        return
    told_node = spec.filled("nodeName")
    node = read_name(told_node, "node", refuse_subdomain) if told_node else None
    ports = tuple(_read_ports(spec))
    host_network = spec.flag("hostNetwork")
    address = _read_pod_address(status) if status else None
    finished = status is not None and status.text("phase") in FINISHED
    if metadata is None:
        return
    yield Pod(
        metadata.project,
        metadata.name,
        cursor.origin,
        node,
        address,
        metadata.labels,
        ports,
        host_network,
        finished,
        _read_ofport(metadata),
    )


def _read_pod_address(status: Cursor) -> int | None:
    """The IPv4 address among `podIP` and `podIPs`; None if there is none yet."""
    listed = [entry.filled("ip") for entry in status.mappings("podIPs") or ()]
    for told in (status.filled("podIP"), *listed):
        if told and not (isinstance(told.value, str) and is_ipv6_address(told.value)):
            return read_address(told)
    return None


def _read_ports(spec: Cursor) -> Iterator[NamedPort]:
    """The named ports of the containers, and of init containers that keep running (sidecars)."""
    containers = spec.mappings("containers") or []
    sidecars = [c for c in spec.mappings("initContainers") or () if c.text("restartPolicy") == _SIDECAR]
    for container in (*containers, *sidecars):
        for port in container.mappings("ports") or ():
            protocol = read_protocol(port.filled("protocol"))
            told = port.require("containerPort", "a port of a container")
            number = read_port_number(told) if told else None
            name = port.filled("name")
            if name is None:
                continue
            checked = read_name(name, "port", refuse_port_name)
            if protocol and number is not None and checked is not None:
                yield NamedPort(checked, protocol, number)


def _read_ofport(metadata: Metadata) -> int | None:
    told = metadata.annotations.get(OFPORT_ANNOTATION) if metadata.annotations else None
    text = told.string() if told else None
    if told is None or text is None:
        return None
    if text.isascii() and text.isdigit() and len(text) <= 5 and FIRST_POD_PORT <= int(text) <= LAST_POD_PORT:
        return int(text)
    told.diagnostics.report(
        codes.BAD_ANNOTATION,
        told.origin,
        name=OFPORT_ANNOTATION,
        reason=f"expected a number from {FIRST_POD_PORT} to {LAST_POD_PORT}, found {text!r}",
    )
    return None
