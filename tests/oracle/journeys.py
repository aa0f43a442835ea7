"""What each node has to do with the packets of a connection: the oracle's verdicts, turned into ports and tunnels.

A receiver's node is asked for packets that the sender's would never let out, too, so that each end's
judgement is tried on its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve

from backends.ovs.walk import Output
from compiler.declarations import Mode, Pod
from tests.oracle.departures import (
    BY_SERVICE,
    FROM_OUTSIDE,
    PLAIN,
    STRANGER,
    elsewhere,
    mac,
    mark_from_outside,
    out_of_cluster,
    returned,
    to_group,
)
from tests.oracle.evaluator import Node, Oracle, Service, within
from tests.oracle.hops import ICMP, NEW, NOWHERE, RELATED, RELATED_REPLY, REPLY, TUN, UDP, VXLAN, Hop, Outcome
from tests.oracle.leaving import is_multicast, leaves

REDIRECT = Service(ICMP, 5)
"""An ICMP redirect; the node's would lead pods past service translation."""


def from_pod(oracle: Oracle, pod: Pod, destination: int, service: Service, state: str = NEW) -> Iterator[Hop]:
    """A pod sends to somebody else: in a new connection, or in the forward direction of a known one."""
    address, port, node = _home(oracle, pod)
    if service == Service(UDP, oracle.vxlan_port) or not oracle.sends(pod, destination, service):
        out = NOWHERE
    else:
        out = _route(oracle, node, address, destination, service, state, PLAIN)
    yield Hop(node.name, port, address, destination, service, out.not_back_to(port), ct_state=state)
    yield from _arrival(oracle, node, address, destination, service, state)


def from_service(oracle: Oracle, pod: Pod, destination: int, service: Service) -> Iterator[Hop]:
    """A pod's packet to a service comes back from its node with the address behind the service (PN-14)."""
    address, _, node = _home(oracle, pod)
    out = NOWHERE
    if oracle.sends(pod, destination, service) and service != REDIRECT and not is_multicast(destination):
        out = _route(oracle, node, address, destination, service, NEW, BY_SERVICE)
    yield Hop(node.name, TUN, address, destination, service, out.not_back_to(TUN))
    yield from _arrival(oracle, node, address, destination, service, NEW)


def from_node(oracle: Oracle, node: Node, source: int, destination: int, service: Service) -> Iterator[Hop]:
    """A node sends, with an address of its own (NT-01) or one outside of the cluster that it forwards."""
    out = NOWHERE
    if service != REDIRECT and not is_multicast(destination):
        mark = PLAIN if source == node.gateway else mark_from_outside(oracle, node)
        out = _route(oracle, node, source, destination, service, NEW, mark)
    yield Hop(node.name, TUN, source, destination, service, out.not_back_to(TUN))
    yield from _arrival(oracle, node, source, destination, service, NEW)


def replies(oracle: Oracle, pod: Pod, destination: int, service: Service, state: str) -> Iterator[Hop]:
    """A pod answers: in networkpolicy mode whatever the policies say (NP-11), on both nodes."""
    address, port, node = _home(oracle, pod)
    judged = oracle.mode is not Mode.NETWORKPOLICY
    out = _route(oracle, node, address, destination, service, state, PLAIN, judged=judged)
    if service != Service(UDP, oracle.vxlan_port):
        yield Hop(node.name, port, address, destination, service, out.not_back_to(port), ct_state=state)
        if leaves(oracle, destination):
            back = returned(oracle, node, pod)
            yield Hop(node.name, port, address, destination, service, back, None, 0, state, FROM_OUTSIDE)
    yield from _arrival(oracle, node, address, destination, service, state, judged=judged)


def errors(oracle: Oracle, pod: Pod, destination: int, about: tuple[int, int], state: str) -> Iterator[Hop]:
    """A pod sends an ICMP error about a connection.  In networkpolicy mode it passes whatever the policies say if the
    pod is the end that has to send it (NP-11), and is dropped if not.
    """
    address, port, node = _home(oracle, pod)
    unreachable = Service(ICMP, 3)
    judged = oracle.mode is not Mode.NETWORKPOLICY
    end = about[1] if state == RELATED_REPLY else about[0]
    out = NOWHERE
    if judged or end == address:
        out = _route(oracle, node, address, destination, unreachable, state, PLAIN, judged=judged)
    hop = Hop(node.name, port, address, destination, unreachable, out.not_back_to(port), ct_state=state)
    for each in (hop, *_arrival(oracle, node, address, destination, unreachable, state, judged=judged)):
        yield evolve(each, about=about)
    if leaves(oracle, destination):
        yield evolve(hop, about=about, ct_mark=FROM_OUTSIDE)


def every_error(oracle: Oracle, pod: Pod, destination: int) -> Iterator[Hop]:
    """Errors about the connections between a pod and the one that it sends the error to, and about those of others,
    whose addresses differ from the pod's as little as they can.
    """
    address, _, node = _home(oracle, pod)
    neighbours = [address ^ 1 << bit for bit in range(32 - node.subnet.length)]
    others = [other for other in oracle.pods if other not in (address, destination)]
    for end in (address, *others[:1], STRANGER, *neighbours):
        for about in ((destination, end), (end, destination)):
            for state in (RELATED, RELATED_REPLY):
                yield from errors(oracle, pod, destination, about, state)


def replies_of_services(oracle: Oracle, client: Pod, server: Pod, service: Service) -> Iterator[Hop]:
    """A pod answers to a client that called a service: the client's node has to undo the translation (PN-14)."""
    address, _, home = _home(oracle, client)
    sender, port, node = _home(oracle, server)
    if home == node and port != client.of_port and service != Service(UDP, oracle.vxlan_port):
        yield Hop(node.name, port, sender, address, service, _to_gateway(home), None, 0, REPLY, BY_SERVICE)
    for hop in _arrival(oracle, node, sender, address, service, REPLY):
        yield evolve(hop, expected=_to_gateway(home), ct_mark=BY_SERVICE)
    if service != REDIRECT:
        delivered = Outcome.by(client.of_port or 0)
        virtual = oracle.service_network.network + 10
        for mark in (PLAIN, BY_SERVICE):
            yield Hop(home.name, TUN, virtual, address, service, delivered, None, 0, REPLY, mark)


def arp(oracle: Oracle, node: Node, in_port: int, source: int, wanted: int) -> Iterator[Hop]:
    """A pod, or a node with its gateway's address, asks who has an address of the pod network."""
    there = _node_at(oracle, wanted)
    out = NOWHERE
    if there == node:
        out = _answer_arp(oracle, node, wanted)
    elif there is not None:
        out = Outcome.by(VXLAN, oracle.netid(source), there.address)
        tunnel = (oracle.netid(source), node.address)
        answer = _answer_arp(oracle, there, wanted)
        yield Hop(there.name, VXLAN, source, wanted, None, answer, tunnel, there.address)
    yield Hop(node.name, in_port, source, wanted, None, out.not_back_to(in_port))


def refused(oracle: Oracle, node: Node, service: Service, strange_port: int) -> Iterator[Hop]:
    """Packets that no node lets in, in any mode (PN-11).  `strange_port` is an OpenFlow port of no pod of the node."""
    here = [pod for pod in oracle.pods.values() if pod.node == node.name]
    others = [other for other in oracle.nodes.values() if other != node]
    elsewhere = [other.subnet.network + 5 for other in others]
    nobody = node.subnet.last - 1
    vxlan = Service(UDP, oracle.vxlan_port)
    for pod in here:
        address, port, _ = _home(oracle, pod)
        neighbours = [other.address or 0 for other in here if other != pod]
        for target in (*neighbours, node.gateway):
            for lie in (node.gateway, node.address, STRANGER, nobody, *elsewhere, *neighbours):
                yield Hop(node.name, port, lie, target, service, NOWHERE)
                yield Hop(node.name, port, lie, target, service, NOWHERE, ct_state=REPLY)
                yield Hop(node.name, port, lie, target, None, NOWHERE)
            yield Hop(node.name, strange_port, address, target, service, NOWHERE)
            yield Hop(node.name, strange_port, address, target, None, NOWHERE)
            yield Hop(node.name, port, address, target, vxlan, NOWHERE)
        yield Hop(node.name, port, address, others[0].address if others else STRANGER, vxlan, NOWHERE)
        for sender in (STRANGER, node.address):
            forged = (0, sender)
            yield Hop(node.name, VXLAN, STRANGER, address, service, NOWHERE, forged, node.address)
            yield Hop(node.name, VXLAN, STRANGER, address, service, NOWHERE, forged, node.address, REPLY)
            yield Hop(node.name, VXLAN, nobody, address, None, NOWHERE, forged, node.address)
        for source in (*elsewhere, nobody):
            yield Hop(node.name, TUN, source, address, service, NOWHERE)
        for source in (*elsewhere, nobody, STRANGER, node.address):
            yield Hop(node.name, TUN, source, address, None, NOWHERE)
    for other in others:
        known = (0, other.address)
        for destination in (STRANGER, node.address, oracle.service_network.network + 10, *elsewhere):
            yield Hop(node.name, VXLAN, STRANGER, destination, service, NOWHERE, known, node.address)
            yield Hop(node.name, VXLAN, other.gateway, destination, None, NOWHERE, known, node.address)


def _home(oracle: Oracle, pod: Pod) -> tuple[int, int, Node]:
    """A pod's address, OpenFlow port and node."""
    assert pod.address is not None and pod.of_port is not None
    return pod.address, pod.of_port, oracle.node_of(pod)


def _node_at(oracle: Oracle, address: int) -> Node | None:
    return next((node for node in oracle.nodes.values() if within(address, node.subnet)), None)


def _route(
    oracle: Oracle,
    node: Node,
    source: int,
    destination: int,
    service: Service,
    state: str,
    mark: int,
    *,
    judged: bool = True,
) -> Outcome:
    """Where a node sends what its pods, or it itself, may send; `mark` is for a new connection."""
    there = _node_at(oracle, destination)
    remembered = mark if state == NEW else None
    if there == node:
        return _deliver(oracle, node, source, destination, service, remembered, judged=judged)
    if there is not None:
        return Outcome.by(VXLAN, oracle.netid(source), there.address, mark=remembered)
    if is_multicast(destination):
        return to_group(oracle, node, source)
    if any(within(destination, network) for network in oracle.pod_networks):
        # Nobody is there.  That the connection is remembered does not matter: no reply will come.
        return Outcome.of(mark=remembered)
    return out_of_cluster(oracle, node, source, destination, service, state, remembered)


def _to_gateway(node: Node) -> Outcome:
    """To a node that has to undo service translation: its stack takes only what is sent to its own address."""
    return Outcome.of(Output(TUN, ethernet_destination=mac(node.gateway)))


def _deliver(
    oracle: Oracle,
    node: Node,
    source: int,
    destination: int,
    service: Service,
    mark: int | None,
    *,
    judged: bool,
) -> Outcome:
    """Where a node sends what is for its own subnet."""
    if destination == node.gateway:
        return Outcome.by(TUN)
    pod = oracle.pods.get(destination)
    if pod is None or (judged and not oracle.accepts(pod, source, service)):
        return NOWHERE
    return Outcome.by(pod.of_port or 0, mark=mark)


def _arrival(
    oracle: Oracle,
    node: Node,
    source: int,
    destination: int,
    service: Service,
    state: str,
    *,
    judged: bool = True,
) -> Iterator[Hop]:
    """The second hop, if the destination is on another node than the sender; one at each other node if on none."""
    if source in oracle.pods and (is_multicast(destination) or leaves(oracle, destination)):
        yield from elsewhere(oracle, node, source, destination, service, state)
        return
    there = _node_at(oracle, destination)
    if there is None or there == node:
        return
    remembered = PLAIN if state == NEW else None
    out = _deliver(oracle, there, source, destination, service, remembered, judged=judged)
    tunnel = (oracle.netid(source), node.address)
    yield Hop(there.name, VXLAN, source, destination, service, out, tunnel, there.address, state)


def _answer_arp(oracle: Oracle, node: Node, wanted: int) -> Outcome:
    """Who is asked on the node that the address belongs to."""
    if wanted == node.gateway:
        return Outcome.by(TUN)
    pod = oracle.pods.get(wanted)
    return NOWHERE if pod is None else Outcome.by(pod.of_port or 0)
