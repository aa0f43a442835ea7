"""Which packets a cluster is asked about: every pair of ends, services at the borders of every port that a policy or
an egress firewall names, and addresses at the borders of every network that one names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import product
from random import Random
from zlib import crc32

from attrs import frozen

from compiler.declarations import EgressFirewall, NamePeer, PortRange
from tests.oracle.departures import forged, strays
from tests.oracle.evaluator import Oracle, Service, within
from tests.oracle.hops import ESTABLISHED, ICMP, REPLY, SCTP, TCP, TUN, UDP, Hop
from tests.oracle.journeys import (
    REDIRECT,
    arp,
    every_error,
    from_node,
    from_pod,
    from_service,
    refused,
    replies,
    replies_of_services,
)
from tests.oracle.leaving import Way, ways_of

PING, ESP = Service(ICMP, 8), Service(50)
"""IP protocols without ports: an ICMP echo request, IPsec's ESP."""

MAX_PORT = 65535
DNS = (Service(TCP, 53), Service(UDP, 53))
MULTICAST = 0xE0000001
GROUPS = (MULTICAST, 0xEFFFFFFF)
"""Addresses of multicast groups: the first that hosts join, the last."""

_CONFUSED = {TCP: UDP, UDP: SCTP, SCTP: TCP}

Journey = Callable[[int, int, Service], Iterator[Hop]]
"""Hops from a source to a destination, for a service."""


def services(oracle: Oracle) -> list[Service]:
    """Each port that a policy names or a pod has, with its neighbours, and with another protocol."""
    rules = [rule for policy in oracle.policies for rule in (*(policy.ingress or ()), *(policy.egress or ()))]
    ports = [port for rule in rules for port in rule.ports or () if isinstance(port, PortRange)]
    ports += [PortRange(port.protocol, port.number, port.number) for pod in oracle.pods.values() for port in pod.ports]
    return _around(ports)


def services_outside(oracle: Oracle, project: str) -> list[Service]:
    """Each port that a project's egress firewall names, with its neighbours, and with another protocol."""
    rules = [rule for firewall in _firewalls(oracle, project) for rule in firewall.rules]
    return _around(port for rule in rules for port in rule.ports or ())


def _around(ports: Iterable[PortRange]) -> list[Service]:
    borders = {(TCP, 1), (UDP, 53)}
    for port in ports:
        around = (port.first - 1, port.first, port.last, port.last + 1)
        borders |= {(port.protocol.value, number) for number in around}
    asked = {Service(protocol, min(max(number, 0), MAX_PORT)) for protocol, number in borders}
    asked |= {Service(_CONFUSED[service.protocol], service.port) for service in asked}
    return [PING, ESP, *sorted(asked, key=lambda service: (service.protocol, service.port))]


def _firewalls(oracle: Oracle, project: str) -> list[EgressFirewall]:
    return [each for each in oracle.declarations if isinstance(each, EgressFirewall) and each.project == project]


def destinations(oracle: Oracle, project: str) -> list[int]:
    """The first and last address of every network that a project's egress firewall names, those of its names, and
    their neighbours; none that is inside the cluster."""
    borders: set[int] = set()
    rules = [rule for firewall in _firewalls(oracle, project) for rule in firewall.rules]
    for peer in (peer for rule in rules for peer in rule.peers or ()):
        if isinstance(peer, NamePeer):
            borders.update(oracle.names[peer.name])
        else:
            borders.update(
                end for block in (peer.prefix, *peer.excepts) if block for end in (block.network, block.last)
            )
    around = {address + step for address in borders for step in (-1, 0, 1)}
    inside = (*oracle.pod_networks, oracle.service_network)
    return sorted(
        address
        for address in around
        if 0 < address < 0xFFFFFFFF and not any(within(address, network) for network in inside)
    )


@frozen
class _Kind:
    """A kind of traffic: its share of all questions, who may send to whom, which services, and what then happens."""

    share: float
    ends: list[tuple[int, int]]
    services: list[Service]
    journey: Journey

    def questions(self, limit: int, random: Random) -> Iterator[Hop]:
        """All services between all ends, or as many of both as the share allows."""
        count = int(limit * self.share)
        rounds = min(len(self.services), -(-count // max(len(self.ends), 1)))
        ends = random.sample(self.ends, len(self.ends))
        some = [random.sample(self.services, rounds) for _ in ends]
        chosen = [
            (*pair, services[index]) for index in range(rounds) for pair, services in zip(ends, some, strict=True)
        ]
        for source, destination, service in chosen[:count]:
            yield from self.journey(source, destination, service)


def _kinds(oracle: Oracle, strangers: list[int]) -> Iterator[_Kind]:
    pods, nodes, asked = oracle.pods, list(oracle.nodes.values()), services(oracle)
    own = [address for node in nodes for address in (node.address, node.gateway)]
    inside = list(product(pods, pods))
    apart = [(a, b) for a, b in inside if a != b]
    away = list(product(pods, [*own, *strangers, nodes[0].subnet.last - 1, MULTICAST]))

    yield _Kind(0.3, apart, asked, lambda a, b, s: from_pod(oracle, pods[a], b, s))
    yield _Kind(0.06, apart, asked, lambda a, b, s: from_pod(oracle, pods[a], b, s, ESTABLISHED))
    yield _Kind(0.12, away, asked, lambda a, b, s: from_pod(oracle, pods[a], b, s))
    yield _Kind(0.12, inside, asked, lambda a, b, s: from_service(oracle, pods[a], b, s))
    yield _Kind(0.02, away, asked, lambda a, b, s: from_service(oracle, pods[a], b, s))
    for project in (judged := sorted({pod.project for pod in pods.values() if _firewalls(oracle, pod.project)})):
        own = [address for address, pod in pods.items() if pod.project == project]
        borders = list(product(own, destinations(oracle, project)))
        named = services_outside(oracle, project)
        yield _Kind(0.2 / len(judged), borders, named, lambda a, b, s: from_pod(oracle, pods[a], b, s))
        yield _Kind(0.04 / len(judged), borders, named, lambda a, b, s: from_pod(oracle, pods[a], b, s, ESTABLISHED))
    groups = list(product(pods, GROUPS))
    yield _Kind(0.06, groups, asked, lambda a, b, s: from_pod(oracle, pods[a], b, s))
    dns = [(address, node.address) for address in pods for node in nodes]
    yield _Kind(0.03, dns, list(DNS), lambda a, b, s: from_pod(oracle, pods[a], b, s))
    yield _Kind(0.01, dns, list(DNS), lambda a, b, s: from_pod(oracle, pods[a], b, s, ESTABLISHED))
    yield _Kind(0.05, apart, asked, lambda a, b, s: replies(oracle, pods[a], b, s, REPLY))
    yield _Kind(0.05, away, asked, lambda a, b, s: replies(oracle, pods[a], b, s, REPLY))
    yield _Kind(0.005, apart, [PING], lambda a, b, _: every_error(oracle, pods[a], b))
    yield _Kind(0.002, away, [PING], lambda a, b, _: every_error(oracle, pods[a], b))
    by_egress_ip = [(a, b) for a, b in away if ways_of(oracle, pods[a]) != (Way(),)]
    yield _Kind(0.001, by_egress_ip, [PING], lambda a, b, _: every_error(oracle, pods[a], b))
    with_redirect = [*asked, REDIRECT]
    yield _Kind(0.05, apart, with_redirect, lambda a, b, s: replies_of_services(oracle, pods[a], pods[b], s))
    for node in nodes:
        senders = list(product([node.address, node.gateway, *strangers], [*pods, MULTICAST]))
        yield _Kind(0.2 / len(nodes), senders, with_redirect, partial(from_node, oracle, node))


def _arp_requests(oracle: Oracle, strangers: list[int], limit: int, random: Random) -> Iterator[Hop]:
    """Pods and nodes ask for everybody."""
    own = [address for node in oracle.nodes.values() for address in (node.address, node.gateway)]
    asking = [(oracle.node_of(pod), pod.of_port or 0, address) for address, pod in oracle.pods.items()]
    asking += [(node, TUN, node.gateway) for node in oracle.nodes.values()]
    requests = [(*who, wanted) for who in asking for wanted in (*oracle.pods, *own, *strangers)]
    for node, port, source, wanted in random.sample(requests, min(len(requests), limit // 15)):
        yield from arp(oracle, node, port, source, wanted)


def hops(oracle: Oracle, outside: Iterable[int], limit: int, unused_port: int) -> list[Hop]:
    """Some `limit` hops of a cluster, chosen at random, but the same in every run: some of each kind of traffic."""
    # Of names and addresses, which say little of a cluster, but do not change when declarations get another field.
    told = [(pod.project, pod.name, address) for address, pod in oracle.pods.items()]
    random = Random(crc32(repr((oracle.mode.value, len(oracle.declarations), told)).encode()))
    strangers = [*outside, oracle.service_network.network + 10]
    found = [hop for kind in _kinds(oracle, strangers) for hop in kind.questions(limit, random)]
    found += _arp_requests(oracle, strangers, limit, random)
    for node in oracle.nodes.values():
        for kind in (partial(refused, strange_port=unused_port), strays, forged):
            lies = list(kind(oracle, node, random.choice(services(oracle))))
            found += random.sample(lies, min(len(lies), limit // 10))
    return found
