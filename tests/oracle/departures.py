"""What each node has to do with packets that are for no pod: those that leave the cluster, and multicast.

`journeys` tells who sends what; here is where it goes from the sender's node, and what becomes of it at the others.
"""

from __future__ import annotations

from collections.abc import Iterator

from backends.ovs.walk import Output
from compiler.declarations import Mode, Pod, ProjectDeclaration
from tests.oracle.evaluator import Node, Oracle, Service
from tests.oracle.hops import NEW, NOWHERE, REPLY, TUN, VXLAN, Hop, Outcome
from tests.oracle.leaving import Way, hosted, is_multicast, leaves, may_leave, receivers, ways_of, ways_out

PLAIN, BY_SERVICE, FROM_OUTSIDE = 0, 1, 2
"""Marks of connections: replies of those that came by way of a service have to go back that way (PN-14), and so have
those that came in from the outside, where what pods start leaves by another node."""

STRANGER = 0xCB007107
"""203.0.113.7: somebody outside of the cluster."""

UNKNOWN_NETID = 9999
"""A NetID that no project of a cluster has."""


def mac(address: int) -> int:
    """The Ethernet address that stands for an address: 0a:58 and its four bytes."""
    return 0x0A58 << 32 | address


def out_of_cluster(
    oracle: Oracle, node: Node, source: int, destination: int, service: Service, state: str, mark: int | None
) -> Outcome:
    """Where the sender's node sends what is for the outside or for a service.

    `mark` is for a new connection.  One that may not leave is not remembered, so that it gets no replies.
    """
    pod = oracle.pods.get(source)
    if pod is None or not leaves(oracle, destination):
        return Outcome.by(TUN, mark=mark)
    if state == REPLY:
        return _by(oracle, node, pod, ways_of(oracle, pod), None)
    ways = ways_out(oracle, pod, destination, service) if may_leave(oracle, pod, destination, service) else ()
    return _by(oracle, node, pod, ways, mark if ways else None)


def returned(oracle: Oracle, node: Node, pod: Pod) -> Outcome:
    """Where a pod's node sends a reply to what came in by its tun0 from the outside."""
    ways = ways_of(oracle, pod)
    here = tuple(way for way in ways if way.source is not None)
    return _by(oracle, node, pod, here or (Way(),), None)


def mark_from_outside(oracle: Oracle, node: Node) -> int:
    """How a node marks connections from the outside: only where what some pod starts does not leave by it."""
    here = [pod for pod in oracle.pods.values() if oracle.node_of(pod) == node]
    away = any(not ways or ways[0].through for ways in (ways_of(oracle, pod) for pod in here))
    return FROM_OUTSIDE if away else PLAIN


def _by(oracle: Oracle, node: Node, pod: Pod, ways: tuple[Way, ...], mark: int | None) -> Outcome:
    assert pod.address is not None
    netid = oracle.netid(pod.address)
    return Outcome.one_of(
        (Output(VXLAN, netid, way.through.address) if way.through else _leaves_as(node, way.source) for way in ways),
        mark=mark,
    )


def to_group(oracle: Oracle, node: Node, source: int) -> Outcome:
    """Where the sender's node sends multicast: to the other nodes that have receivers, and to its own."""
    netid = oracle.netid(source)
    homes = [oracle.node_of(pod) for pod in receivers(oracle, netid)]
    others = {home.address for home in homes if home != node}
    return Outcome.of(*(Output(VXLAN, netid, address) for address in others), *_members(oracle, node, netid))


def elsewhere(oracle: Oracle, node: Node, source: int, destination: int, service: Service, state: str) -> Iterator[Hop]:
    """A pod's packet for the outside, or multicast, comes to each of the other nodes by VXLAN, sent there or not."""
    netid = oracle.netid(source)
    for other in oracle.nodes.values():
        if is_multicast(destination):
            out = Outcome.of(*_members(oracle, other, netid))
        else:
            out = _leaves_here(oracle, other, netid, state)
        if other != node:
            tunnel = (netid, node.address)
            yield Hop(other.name, VXLAN, source, destination, service, out, tunnel, other.address, state)


def strays(oracle: Oracle, node: Node, service: Service) -> Iterator[Hop]:
    """What no node sends to another: for somebody who is not there, or with a NetID that is not the sender's.

    Outside of the cluster it leaves if the node has an egress IP for the NetID; it goes nowhere else.
    """
    others = [other for other in oracle.nodes.values() if other != node]
    inside = [*(other.subnet.network + 5 for other in others), oracle.service_network.network + 10]
    netids = sorted({0, UNKNOWN_NETID, *(project.netid or 0 for project in oracle.projects.values())})
    for other in others:
        sender = other.subnet.network + 5
        for netid in netids:
            known, unknown = (netid, other.address), (netid, STRANGER)
            for destination in (STRANGER, node.address, other.address):
                out = _leaves_here(oracle, node, netid, NEW)
                yield Hop(node.name, VXLAN, sender, destination, service, out, known, node.address)
                yield Hop(node.name, VXLAN, STRANGER, destination, service, NOWHERE, known, node.address)
                yield Hop(node.name, VXLAN, sender, destination, service, NOWHERE, unknown, node.address)
            for destination in inside:
                yield Hop(node.name, VXLAN, sender, destination, service, NOWHERE, known, node.address)


def forged(oracle: Oracle, node: Node, service: Service) -> Iterator[Hop]:
    """Packets with the Ethernet address that stands for an egress IP: the node would send them as that egress IP, so
    it takes them from nobody."""
    for egress_ip in node.egress_addresses if oracle.mode is not Mode.SUBNET else ():
        if not any(_asks(project, egress_ip) for project in oracle.projects.values()):
            continue
        for address, pod in oracle.pods.items():
            home = oracle.node_of(pod)
            port, tunnel = (pod.of_port or 0, None) if home == node else (VXLAN, (oracle.netid(address), home.address))
            for destination in (STRANGER, node.address, oracle.service_network.network + 10):
                yield Hop(
                    node.name,
                    port,
                    address,
                    destination,
                    service,
                    NOWHERE,
                    tunnel,
                    node.address if tunnel else 0,
                    ethernet_source=mac(egress_ip),
                )


def _asks(project: ProjectDeclaration, egress_ip: int) -> bool:
    return egress_ip in [egress.address for egress in project.egress_addresses]


def _leaves_as(node: Node, egress_ip: int | None) -> Output:
    """By the node to the outside; by the sender's Ethernet address the node knows as which egress IP (None: none)."""
    if egress_ip is None:
        return Output(TUN)
    return Output(TUN, ethernet_source=mac(egress_ip), ethernet_destination=mac(node.gateway))


def _leaves_here(oracle: Oracle, node: Node, netid: int, state: str) -> Outcome:
    """What comes by VXLAN leaves as an egress IP of its project, and is remembered, if there is one."""
    here = hosted(oracle, node, netid)
    mark = PLAIN if here and state == NEW else None
    return Outcome.one_of((_leaves_as(node, address) for address in here), mark=mark)


def _members(oracle: Oracle, node: Node, netid: int) -> list[Output]:
    """The ports of the pods on a node that multicast of a NetID reaches."""
    return [Output(pod.of_port or 0) for pod in receivers(oracle, netid) if oracle.node_of(pod) == node]
