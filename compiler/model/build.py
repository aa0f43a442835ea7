"""Puts declarations together into the `Model`.

Several declarations may tell of one thing, each a part: a Namespace labels, a NetNamespace the NetID.  Parts that
contradict each other are errors; so is what is missing in the end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TypeVar

from compiler import codes
from compiler.declarations import (
    AdminRules,
    ClusterDeclaration,
    Declaration,
    EgressFirewall,
    EgressRouter,
    Endpoints,
    HostClaim,
    InterfaceDeclaration,
    Mode,
    NetIdStatement,
    NetworkPolicy,
    NodeDeclaration,
    Pod,
    ProjectDeclaration,
    Route,
    Service,
)
from compiler.diagnostics import Diagnostics, Related
from compiler.host_names import check_hosts
from compiler.model.admin_rules import build_admin_rules
from compiler.model.cluster import build_cluster
from compiler.model.egress_ips import build_egress_ips
from compiler.model.firewalls import build_firewalls
from compiler.model.model import Endpoint, Model, Node, takes_part
from compiler.model.multicast import build_multicast
from compiler.model.network import check_network
from compiler.model.parts import agree, grouped, in_order, unique
from compiler.model.projects import build_projects
from compiler.model.references import check_references
from compiler.model.routers import build_routers
from compiler.options import DEFAULTS, Options
from compiler.values.labels import NO_LABELS
from compiler.values.prefix import format_address

T = TypeVar("T")


def build_model(
    declarations: Sequence[Declaration], diagnostics: Diagnostics, options: Options = DEFAULTS
) -> Model | None:
    """The checked model, or None if anything is wrong (`diagnostics` then holds an error).

    Every check runs that can, so that one run tells of everything.
    """
    of_kind: dict[type, list[Declaration]] = defaultdict(list)
    for declaration in declarations:
        of_kind[type(declaration)].append(declaration)

    def every(kind: type[T]) -> list[T]:
        return [declaration for declaration in of_kind[kind] if isinstance(declaration, kind)]

    cluster = build_cluster(every(ClusterDeclaration), diagnostics, anything_unread=diagnostics.failed)
    node_parts, project_parts = every(NodeDeclaration), every(ProjectDeclaration)
    nodes = _build_nodes(node_parts, diagnostics)
    mode = cluster.mode if cluster else None
    projects = build_projects(project_parts, every(NetIdStatement), mode, diagnostics)
    pods = unique(every(Pod), "pod", diagnostics)
    policies = unique(every(NetworkPolicy), "NetworkPolicy", diagnostics)
    services = unique(every(Service), "service", diagnostics)
    routes = unique(every(Route), "route", diagnostics)
    routers = unique(every(EgressRouter), "egress router", diagnostics)
    check_references(pods, policies, services, every(EgressFirewall), routers, projects, nodes, diagnostics)
    endpoints = _build_endpoints(pods, every(InterfaceDeclaration), diagnostics)
    if cluster:
        check_network(cluster, nodes, endpoints, diagnostics)
        if cluster.mode is not Mode.NETWORKPOLICY and policies:
            diagnostics.report(codes.POLICIES_IGNORED, None, count=len(policies), mode=cluster.mode.value)
    firewalls = build_firewalls(every(EgressFirewall), projects, cluster, options, diagnostics)
    egress_ips = build_egress_ips(project_parts, node_parts, projects, nodes, cluster, diagnostics)
    multicast = build_multicast(project_parts, projects, cluster, diagnostics)
    placed = build_routers(routers, project_parts, node_parts, nodes, cluster, diagnostics)
    admin_rules = build_admin_rules(every(AdminRules), projects, nodes, diagnostics)
    host_claims = check_hosts(every(HostClaim), diagnostics)
    if cluster is None or diagnostics.failed:
        return None
    return Model(
        cluster,
        nodes,
        projects,
        endpoints,
        services,
        policies,
        firewalls,
        egress_ips,
        multicast,
        _sorted_endpoints(every(Endpoints)),
        routes,
        placed,
        admin_rules,
        host_claims,
    )


def _build_nodes(parts: list[NodeDeclaration], diagnostics: Diagnostics) -> tuple[Node, ...]:
    nodes = []
    for name, told in grouped(in_order(parts, lambda p: p.origin), lambda part: part.name):
        what = f"node {name}"
        address = agree(f"{what}, address", ((p.address, p.origin) for p in told), diagnostics, format_address)
        subnet = agree(f"{what}, subnet", ((p.subnet, p.origin) for p in told), diagnostics)
        labels = agree(f"{what}, labels", ((p.labels, p.origin) for p in told), diagnostics)
        underlay = agree(f"{what}, network of its address", ((p.underlay, p.origin) for p in told), diagnostics)
        if address is None or subnet is None:
            lacks = " and ".join(
                lack for lack, value in (("an address", address), ("a subnet", subnet)) if value is None
            )
            diagnostics.report(codes.INCOMPLETE_NODE, told[0].origin, name=name, what=lacks)
            continue
        nodes.append(Node(name, address, subnet, labels or NO_LABELS, told[0].origin, underlay))
    return tuple(nodes)


def _sorted_endpoints(parts: list[Endpoints]) -> tuple[Endpoints, ...]:
    """By project and name; a service may have several, one for each EndpointSlice."""

    def key(part: Endpoints) -> tuple[object, ...]:
        ports = tuple((protocol.value, port) for protocol, port in part.ports)
        return part.project, part.name, part.addresses, ports, part.origin.sort_key()

    return tuple(sorted(parts, key=key))


def _build_endpoints(
    pods: tuple[Pod, ...], interfaces: list[InterfaceDeclaration], diagnostics: Diagnostics
) -> tuple[Endpoint, ...]:
    """The pods of the pod network, with the ports that the bridges' interfaces tell; those win over what is asked
    for.
    """
    by_address: dict[int, list[InterfaceDeclaration]] = defaultdict(list)
    for interface in in_order(interfaces, lambda part: part.origin):
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
