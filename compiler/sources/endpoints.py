"""Where connections end: Endpoints (v1), EndpointSlice (discovery.k8s.io/v1) and Route (route.openshift.io/v1).

A dump of a cluster has one or two of these for each service, made by the control plane, and all that matters of them
are addresses, ports and names.  So fields that sdnc does not know are left alone here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from compiler.declarations import Endpoints, HostClaim, Route
from compiler.sources.host_names import read_route_claim
from compiler.sources.networkpolicy import read_port_number
from compiler.sources.reader import Cursor
from compiler.sources.scalars import read_address, read_metadata, read_name, read_protocol
from compiler.values.ipv6 import is_ipv6_address
from compiler.values.names import refuse_label
from compiler.values.services import Protocol

SERVICE_LABEL = "kubernetes.io/service-name"
"""The label of an EndpointSlice that names its Service."""

_SERVICE = "Service"
_IPV4 = "IPv4"

_NamedPorts = tuple[tuple[str, Protocol, int], ...]


def read_endpoints(cursor: Cursor) -> Iterator[Endpoints]:
    """The endpoints of the Service of the same name: a declaration for each subset, whose ports are its own.

    Addresses that are not ready count, too: they may be in a moment.  There are Endpoints without a Service, of which
    programs make locks; their names may hold dots.
    """
    metadata = read_metadata(cursor, "Endpoints", in_project=True)
    for subset in cursor.mappings("subsets") or ():
        entries = (*(subset.mappings("addresses") or ()), *(subset.mappings("notReadyAddresses") or ()))
        told = (entry.require("ip", "an address of Endpoints") for entry in entries)
        addresses = _read_addresses(found for found in told if found)
        ports = _read_ports(subset)
        if metadata is not None and addresses:
            yield Endpoints(metadata.project, metadata.name, subset.origin, addresses, _numbers(ports), ports)


def read_endpoint_slice(cursor: Cursor) -> Iterator[Endpoints]:
    """The endpoints that a slice tells of its Service; none if it has no Service, or has no IPv4 addresses."""
    metadata = read_metadata(cursor, "EndpointSlice", in_project=True)
    told = cursor.require("addressType", "EndpointSlice")
    family = told.string() if told else None
    service = metadata.labels.get(SERVICE_LABEL) if metadata else None
    if metadata is None or service is None or family != _IPV4:
        return
    entries = cursor.mappings("endpoints") or ()
    addresses = _read_addresses(found for entry in entries for found in entry.elements("addresses") or ())
    ports = _read_ports(cursor)
    if addresses and not refuse_label(service):
        yield Endpoints(metadata.project, service, cursor.origin, addresses, _numbers(ports), ports)


def _read_addresses(found: Iterable[Cursor]) -> tuple[int, ...]:
    """The IPv4 addresses, each once; IPv6 ones are those of another network."""
    ours = (cursor for cursor in found if not (isinstance(cursor.value, str) and is_ipv6_address(cursor.value)))
    addresses = (read_address(cursor) for cursor in ours)
    return tuple(dict.fromkeys(address for address in addresses if address is not None))


def _read_ports(cursor: Cursor) -> _NamedPorts:
    """The ports; none where an entry has no number, which stands for all ports."""
    ports: list[tuple[str, Protocol, int]] = []
    every = False
    for entry in cursor.mappings("ports") or ():
        protocol = read_protocol(entry.filled("protocol"))
        told = entry.get("port")
        number = read_port_number(told) if told else None
        every = every or told is None
        if protocol is not None and number is not None:
            name = entry.get("name")
            ports.append((name.value if name and isinstance(name.value, str) else "", protocol, number))
    return () if every else tuple(dict.fromkeys(ports))


def _numbers(ports: _NamedPorts) -> tuple[tuple[Protocol, int], ...]:
    return tuple(dict.fromkeys((protocol, number) for _, protocol, number in ports))


def read_route(cursor: Cursor) -> Iterator[Route | HostClaim]:
    """The Services that a Route leads to, whatever their weights, and the host that it claims."""
    metadata = read_metadata(cursor, "Route", in_project=True)
    spec = cursor.require("spec", "Route")
    if spec is None or not spec.is_mapping():
        return
    to = spec.require("to", "the spec of Route")
    first = [to] if to is not None and to.is_mapping() else []
    backends = (*first, *(spec.mappings("alternateBackends") or ()))
    services = tuple(dict.fromkeys(name for backend in backends for name in _read_backend(backend)))
    if metadata is not None:
        yield Route(metadata.project, metadata.name, cursor.origin, services)
    yield from read_route_claim(cursor, spec, metadata)


def _read_backend(backend: Cursor) -> Iterator[str]:
    """The name of the Service, the one kind that the API accepts, and takes where none is told."""
    kind = backend.filled("kind")
    if kind is not None and kind.string() != _SERVICE:
        return
    named = backend.require("name", "a destination of Route")
    name = read_name(named, "service", refuse_label) if named else None
    if name is not None:
        yield name
