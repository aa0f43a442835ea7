"""Statements about the cluster network, its nodes and its projects, to declarations."""

from __future__ import annotations

from compiler import codes
from compiler.declarations import (
    ClusterDeclaration,
    Mode,
    NetIdAction,
    NetIdStatement,
    NodeDeclaration,
    PodNetwork,
    ProjectDeclaration,
)
from compiler.sources.dsl.border import Border, first
from compiler.values import names
from compiler.values.limits import MAX_MTU, MAX_NETID, MIN_MTU
from compiler.values.ports import MAX_PORT
from compiler.values.prefix import WIDTH
from grammar import syntax


def cluster(statement: syntax.Cluster, border: Border) -> ClusterDeclaration:
    """The declaration of a `cluster` block (PN-01, PN-12, PN-13)."""
    border.once("the cluster", statement.items)
    mode = first(statement.items, syntax.Mode)
    services = first(statement.items, syntax.ServiceNetwork)
    vxlan = first(statement.items, syntax.VxlanPort)
    mtu = first(statement.items, syntax.Mtu)
    networks = (_pod_network(i, border) for i in statement.items if isinstance(i, syntax.PodNetwork))
    return ClusterDeclaration(
        border.origin(statement.place),
        mode=_mode(mode, border) if mode else None,
        pod_networks=tuple(network for network in networks if network),
        service_network=border.network(services.network) if services else None,
        vxlan_port=border.number(vxlan.number, "VXLAN port", 1, MAX_PORT) if vxlan else None,
        mtu=border.number(mtu.number, "MTU", MIN_MTU, MAX_MTU) if mtu else None,
    )


def _mode(item: syntax.Mode, border: Border) -> Mode | None:
    known = {mode.value: mode for mode in Mode}
    if item.name.text not in known:
        *others, last = known
        expected, found = f"{', '.join(others)} or {last}", repr(item.name.text)
        border.report(codes.WRONG_TYPE, item.name.place, field="mode", expected=expected, found=found)
    return known.get(item.name.text)


def _pod_network(item: syntax.PodNetwork, border: Border) -> PodNetwork | None:
    prefix = border.network(item.network)
    host_bits = border.number(item.host_bits, "host-bits", 0, WIDTH)
    if prefix is None or host_bits is None:
        return None
    return PodNetwork(prefix, host_bits, border.origin(item.place))


def node(statement: syntax.Node, border: Border) -> NodeDeclaration | None:
    """The declaration of a `node` block; None after a report if its name is not valid."""
    border.once(f"node {statement.name.text}", statement.items)
    name = border.name(statement.name, "node", names.refuse_subdomain)
    address = first(statement.items, syntax.Address)
    subnet = first(statement.items, syntax.Subnet)
    given_address = border.address(address.address) if address else None
    given_subnet = border.network(subnet.network) if subnet else None
    labels = border.labels(statement.items)
    if name is None:
        return None
    return NodeDeclaration(name, border.origin(statement.place), given_address, given_subnet, labels)


def project(statement: syntax.Project, border: Border) -> ProjectDeclaration | None:
    """The declaration of a `project` (PN-02, NP-14); None after a report if its name is not valid."""
    border.once(f"project {statement.name.text}", statement.items)
    name = border.project(statement.name)
    netid = first(statement.items, syntax.Netid)
    number = border.number(netid.number, "NetID", 0, MAX_NETID) if netid else None
    isolated = first(statement.items, syntax.Isolated) is not None
    labels = border.labels(statement.items)
    if name is None:
        return None
    return ProjectDeclaration(name, border.origin(statement.place), labels, number, isolated)


def netid_statement(
    statement: syntax.Join | syntax.Isolate | syntax.MakeGlobal, border: Border
) -> NetIdStatement | None:
    """The declaration of a `join`, `isolate` or `global` (PN-05, PN-07); None if a name is not valid."""
    target: str | None = None
    match statement:
        case syntax.Join():
            action, target = NetIdAction.JOIN, border.project(statement.target)
        case syntax.Isolate():
            action = NetIdAction.ISOLATE
        case syntax.MakeGlobal():
            action = NetIdAction.GLOBAL
    origin = border.origin(statement.place)
    which = statement.projects
    valid = target is not None or action is not NetIdAction.JOIN
    if isinstance(which, syntax.ProjectsWhere):
        selector = border.selector(which.selector)
        return NetIdStatement(action, origin, selector=selector, target=target) if valid else None
    given = tuple(name for name in map(border.project, which) if name is not None)
    return NetIdStatement(action, origin, names=given, target=target) if valid and given else None
