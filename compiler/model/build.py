"""Puts declarations together into the `Model`.

Several declarations may tell of one thing, each a part: a Namespace labels, a NetNamespace the NetID.  Parts that
contradict each other are errors; so is what is missing in the end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from compiler import codes
from compiler.declarations import (
    ClusterDeclaration,
    Declaration,
    InterfaceDeclaration,
    Mode,
    NetIdStatement,
    NetworkPolicy,
    NodeDeclaration,
    Pod,
    ProjectDeclaration,
    Service,
)
from compiler.diagnostics import Diagnostics, Related
from compiler.model.model import GLOBAL_PROJECT, Cluster, Endpoint, Model, Node, Project, takes_part
from compiler.model.netids import apply_statements, check_distinct, fill_netids, refuse_netid
from compiler.model.network import check_network
from compiler.model.references import check_references
from compiler.origin import Origin
from compiler.values.labels import NAME_LABEL, NO_LABELS, Labels
from compiler.values.prefix import format_address

DEFAULT_VXLAN_PORT = 4789
"""The port that IANA assigned to VXLAN (RFC 7348)."""

DEFAULT_MTU = 1450
"""OpenShift's default: an Ethernet frame's 1500 bytes less VXLAN's 50."""

T = TypeVar("T")
Named = TypeVar("Named", Pod, NetworkPolicy, Service)


def build_model(declarations: Sequence[Declaration], diagnostics: Diagnostics) -> Model | None:
    """The checked model, or None if anything is wrong (`diagnostics` then holds an error).

    Every check runs that can, so that one run tells of everything.
    """
    of_kind: dict[type, list[Declaration]] = defaultdict(list)
    for declaration in declarations:
        of_kind[type(declaration)].append(declaration)

    def every(kind: type[T]) -> list[T]:
        return [declaration for declaration in of_kind[kind] if isinstance(declaration, kind)]

    cluster = _build_cluster(every(ClusterDeclaration), diagnostics, anything_unread=diagnostics.failed)
    nodes = _build_nodes(every(NodeDeclaration), diagnostics)
    mode = cluster.mode if cluster else None
    projects = _build_projects(every(ProjectDeclaration), every(NetIdStatement), mode, diagnostics)
    pods = _unique(every(Pod), "pod", diagnostics)
    policies = _unique(every(NetworkPolicy), "NetworkPolicy", diagnostics)
    services = _unique(every(Service), "service", diagnostics)
    check_references(pods, policies, services, projects, nodes, diagnostics)
    endpoints = _build_endpoints(pods, every(InterfaceDeclaration), diagnostics)
    if cluster:
        check_network(cluster, nodes, endpoints, diagnostics)
        if cluster.mode is not Mode.NETWORKPOLICY and policies:
            diagnostics.report(codes.POLICIES_IGNORED, None, count=len(policies), mode=cluster.mode.value)
    if cluster is None or diagnostics.failed:
        return None
    return Model(cluster, nodes, projects, endpoints, services, policies)


def _agree(
    what: str,
    told: Iterable[tuple[T | None, Origin]],
    diagnostics: Diagnostics,
    show: Callable[[T], object] = str,
) -> T | None:
    """The one value that everybody tells who tells one; reports DISAGREE for each that differs from the first."""
    first: tuple[T, Origin] | None = None
    for value, origin in told:
        if value is None:
            continue
        if first is None:
            first = (value, origin)
        elif value != first[0]:
            related = (Related("the other", first[1]),)
            one, other = show(value), show(first[0])
            diagnostics.report(codes.DISAGREE, origin, related=related, what=what, one=one, other=other)
    return first[0] if first else None


def _in_order(parts: Iterable[T], origin: Callable[[T], Origin]) -> list[T]:
    return sorted(parts, key=lambda part: origin(part).sort_key())


def _build_cluster(
    parts: list[ClusterDeclaration], diagnostics: Diagnostics, *, anything_unread: bool
) -> Cluster | None:
    """The cluster, or None if something is missing; that is told unless it may be in what could not be read."""
    parts = _in_order(parts, lambda part: part.origin)
    mode = _agree("mode", ((p.mode, p.origin) for p in parts), diagnostics, lambda mode: mode.value)
    networks = _agree(
        "pod networks",
        ((tuple(sorted(p.pod_networks, key=lambda n: n.prefix)) or None, p.origin) for p in parts),
        diagnostics,
        lambda networks: ", ".join(f"{network.prefix} host-bits {network.host_bits}" for network in networks),
    )
    service = _agree("service network", ((p.service_network, p.origin) for p in parts), diagnostics)
    port = _agree("VXLAN port", ((p.vxlan_port, p.origin) for p in parts), diagnostics)
    mtu = _agree("MTU", ((p.mtu, p.origin) for p in parts), diagnostics)
    if not mode or not networks or not service:
        found = {"its mode": mode, "its pod network": networks, "its service network": service}
        missing = ", ".join(what for what, value in found.items() if not value)
        if parts and not diagnostics.failed_in(parts[0].origin.source.name):
            diagnostics.report(codes.NO_CLUSTER, parts[0].origin, what=missing)
        elif not parts and not anything_unread:
            diagnostics.report(codes.NO_CLUSTER, None, what=missing)
        return None
    origins = tuple(part.origin for part in parts)
    return Cluster(mode, networks, service, port or DEFAULT_VXLAN_PORT, mtu or DEFAULT_MTU, origins)


def _grouped(parts: Iterable[T], name: Callable[[T], str]) -> list[tuple[str, list[T]]]:
    groups: dict[str, list[T]] = defaultdict(list)
    for part in parts:
        groups[name(part)].append(part)
    return sorted(groups.items())


def _build_nodes(parts: list[NodeDeclaration], diagnostics: Diagnostics) -> tuple[Node, ...]:
    nodes = []
    for name, told in _grouped(_in_order(parts, lambda p: p.origin), lambda part: part.name):
        what = f"node {name}"
        address = _agree(f"{what}, address", ((p.address, p.origin) for p in told), diagnostics, format_address)
        subnet = _agree(f"{what}, subnet", ((p.subnet, p.origin) for p in told), diagnostics)
        labels = _agree(f"{what}, labels", ((p.labels, p.origin) for p in told), diagnostics)
        if address is None or subnet is None:
            lacks = " and ".join(
                lack for lack, value in (("an address", address), ("a subnet", subnet)) if value is None
            )
            diagnostics.report(codes.INCOMPLETE_NODE, told[0].origin, name=name, what=lacks)
            continue
        nodes.append(Node(name, address, subnet, labels or NO_LABELS, told[0].origin))
    return tuple(nodes)


def _with_name(name: str, labels: Labels | None) -> Labels:
    """The labels with the one that every project has (NP-06); the API server lets no object change it."""
    return Labels({**dict(labels.items if labels else ()), NAME_LABEL: name})


def _build_projects(
    parts: list[ProjectDeclaration],
    statements: list[NetIdStatement],
    mode: Mode | None,
    diagnostics: Diagnostics,
) -> tuple[Project, ...]:
    labels: dict[str, Labels] = {GLOBAL_PROJECT: _with_name(GLOBAL_PROJECT, None)}
    told_netids: dict[str, int | None] = {GLOBAL_PROJECT: None}
    origins: dict[str, Origin | None] = {GLOBAL_PROJECT: None}
    isolated: set[str] = set()
    for name, told in _grouped(_in_order(parts, lambda p: p.origin), lambda part: part.name):
        what = f"project {name}"
        labels[name] = _with_name(name, _agree(f"{what}, labels", ((p.labels, p.origin) for p in told), diagnostics))
        netid = _agree(f"{what}, NetID", ((p.netid, p.origin) for p in told), diagnostics)
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


def _unique(parts: list[Named], what: str, diagnostics: Diagnostics) -> tuple[Named, ...]:
    """The parts sorted by name; reports DUPLICATE for a name that occurs again."""
    seen: dict[tuple[str, str], Named] = {}
    for part in parts:
        first = seen.setdefault((part.project, part.name), part)
        if first is not part:
            first, again = _in_order((first, part), lambda part: part.origin)
            diagnostics.report(
                codes.DUPLICATE,
                again.origin,
                related=(Related("first defined here", first.origin),),
                what=what,
                name=f"{part.project}/{part.name}",
            )
    return tuple(seen[key] for key in sorted(seen))


def _build_endpoints(
    pods: tuple[Pod, ...], interfaces: list[InterfaceDeclaration], diagnostics: Diagnostics
) -> tuple[Endpoint, ...]:
    """The pods of the pod network, with the ports that the bridges' interfaces tell; those win over what is asked
    for.
    """
    by_address: dict[int, list[InterfaceDeclaration]] = defaultdict(list)
    for interface in _in_order(interfaces, lambda part: part.origin):
        if interface.address is not None:
            by_address[interface.address].append(interface)
    endpoints = []
    for pod in pods:
        if not takes_part(pod) or pod.address is None or pod.node is None:
            continue
        found = by_address.get(pod.address, [])
        told = found[0] if found else pod
        endpoints.append(Endpoint(pod, pod.node, pod.address, told.of_port, told.interface))
        for other in found[1:]:
            diagnostics.report(
                codes.ADDRESS_TWICE,
                other.origin,
                related=(Related(f"interface {found[0].interface}", found[0].origin),),
                what=f"interface {other.interface}",
                address=format_address(pod.address),
                other=f"interface {found[0].interface}",
            )
    return tuple(endpoints)
