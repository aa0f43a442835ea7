"""Statements about the cluster network, its nodes and its projects, to declarations."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import TypeVar

from compiler import codes
from compiler.declarations import (
    ClusterDeclaration,
    EgressAddress,
    EgressNetwork,
    Mode,
    NetIdAction,
    NetIdStatement,
    NodeDeclaration,
    Platform,
    PodNetwork,
    ProjectDeclaration,
)
from compiler.sources.dsl.border import Border, first
from compiler.values import names
from compiler.values.limits import MAX_MTU, MAX_NETID, MIN_MTU
from compiler.values.ports import MAX_PORT
from compiler.values.prefix import WIDTH, Prefix, parse_address
from grammar import syntax
from grammar.syntax import Word

E = TypeVar("E", bound=Enum)


def cluster(statement: syntax.Cluster, border: Border) -> ClusterDeclaration:
    """The declaration of a `cluster` block (PN-01, PN-12, PN-13, ER-15, HN-01)."""
    border.once("the cluster", statement.items)
    mode = first(statement.items, syntax.Mode)
    services = first(statement.items, syntax.ServiceNetwork)
    vxlan = first(statement.items, syntax.VxlanPort)
    mtu = first(statement.items, syntax.Mtu)
    platform = first(statement.items, syntax.Platform)
    changes = first(statement.items, syntax.AllowHostnameChanges)
    networks = (_pod_network(i, border) for i in statement.items if isinstance(i, syntax.PodNetwork))
    return ClusterDeclaration(
        border.origin(statement.place),
        mode=_member(mode.name, Mode, "mode", border) if mode else None,
        pod_networks=tuple(network for network in networks if network),
        service_network=border.network(services.network) if services else None,
        vxlan_port=border.number(vxlan.number, "VXLAN port", 1, MAX_PORT) if vxlan else None,
        mtu=border.number(mtu.number, "MTU", MIN_MTU, MAX_MTU) if mtu else None,
        platform=_member(platform.name, Platform, "platform", border) if platform else None,
        allow_hostname_changes=True if changes else None,
    )


def _member(word: Word, kind: type[E], what: str, border: Border) -> E | None:
    """The member of an enumeration that has the word as its value; reports WRONG_TYPE."""
    known = {member.value: member for member in kind}
    if word.text not in known:
        *others, last = known
        expected, found = f"{', '.join(others)} or {last}", repr(word.text)
        border.report(codes.WRONG_TYPE, word.place, field=what, expected=expected, found=found)
    return known.get(word.text)


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
    networks = first(statement.items, syntax.EgressCidr)
    given_address, underlay = _node_address(address.address, border) if address else (None, None)
    given_subnet = border.network(subnet.network) if subnet else None
    labels = border.labels(statement.items)
    egress_addresses = _egress_addresses(statement.items, border)
    egress_networks = _egress_networks(networks, border) if networks else ()
    if name is None:
        return None
    return NodeDeclaration(
        name,
        border.origin(statement.place),
        given_address,
        given_subnet,
        labels,
        underlay,
        egress_addresses,
        egress_networks,
    )


def _node_address(word: Word, border: Border) -> tuple[int | None, Prefix | None]:
    """A node's address and, if it is written with a length, the network that it lies in; reports BAD_ADDRESS, BAD_CIDR.

    That the address has host bits is the rule here.
    """
    if "/" not in word.text:
        return border.address(word), None
    try:
        return parse_address(word.text.partition("/")[0]), Prefix.parse(word.text)[0]
    except ValueError:
        border.report(codes.BAD_CIDR, word.place, value=word.text)
        return None, None


def _egress_addresses(
    items: Iterable[syntax.NodeItem | syntax.ProjectItem], border: Border
) -> tuple[EgressAddress, ...]:
    """The egress IPs that a node hosts, or a project asks for (EI-01)."""
    item = first(items, syntax.EgressIp)
    found = border.addresses(item.addresses, "egress IP") if item else {}
    return tuple(EgressAddress(address, border.origin(word.place)) for address, word in found.items())


def _egress_networks(item: syntax.EgressCidr, border: Border) -> tuple[EgressNetwork, ...]:
    """The networks of which a node takes egress IPs (EI-08)."""
    return tuple(
        EgressNetwork(prefix, border.origin(word.place))
        for word in item.networks
        if (prefix := border.network(word)) is not None
    )


def project(statement: syntax.Project, border: Border) -> ProjectDeclaration | None:
    """The declaration of a `project` (PN-02, NP-14, MC-01); None after a report if its name is not valid."""
    border.once(f"project {statement.name.text}", statement.items)
    name = border.project(statement.name)
    netid = first(statement.items, syntax.Netid)
    number = border.number(netid.number, "NetID", 0, MAX_NETID) if netid else None
    isolated = first(statement.items, syntax.Isolated) is not None
    multicast = first(statement.items, syntax.Multicast) is not None
    labels = border.labels(statement.items)
    addresses = _egress_addresses(statement.items, border)
    if name is None:
        return None
    return ProjectDeclaration(name, border.origin(statement.place), labels, number, isolated, addresses, multicast)


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
