"""Questions to `sdnc trace` about a cluster, in its words, with the naive evaluator's answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from random import Random
from typing import TypeVar
from zlib import crc32

from attrs import frozen

from compiler.declarations import Declaration, Mode, Pod, ServicePort
from compiler.declarations import Service as ServiceDeclaration
from compiler.values.labels import SELECT_ALL, Selector
from compiler.values.prefix import format_address
from compiler.values.services import Protocol
from tests.oracle.evaluator import Node, Oracle, Service, selects
from tests.oracle.hops import ICMP
from tests.oracle.leaving import is_multicast, leaves, may_leave, receivers, ways_out
from tests.oracle.objects import ORIGIN
from tests.oracle.questions import MULTICAST, destinations, services, services_outside

_WORDS = {6: "tcp", 17: "udp", 132: "sctp"}
VIRTUAL = 0xAC1E0000
"""172.30.0.0: the first address of the service network."""

SELECTORS = (SELECT_ALL, Selector.equal({"app": "a"}))
PORTS = (
    ServicePort(Protocol.TCP, 80, 8080, "web"),
    ServicePort(Protocol.TCP, 81, "http"),
    ServicePort(Protocol.UDP, 53, 53),
    ServicePort(Protocol.UDP, 54, 4789),
)


@frozen
class Question:
    """What is asked, and whether it is allowed."""

    sender: str
    receiver: str
    port: str
    allowed: bool


def with_services(declarations: Sequence[Declaration]) -> tuple[Declaration, ...]:
    """A cluster with two services for each project that has pods."""
    projects = sorted({one.project for one in declarations if isinstance(one, Pod)})
    added = (
        ServiceDeclaration(project, f"service-{index}", ORIGIN, VIRTUAL + 20 + 2 * number + index, selector, PORTS)
        for number, project in enumerate(projects)
        for index, selector in enumerate(SELECTORS)
    )
    return (*declarations, *added)


def port_text(service: Service) -> str:
    """A service in the notation of `--port`."""
    if service.protocol in _WORDS:
        return f"{_WORDS[service.protocol]}/{service.port}"
    return "icmp" if service.protocol == ICMP else f"protocol/{service.protocol}"


def questions(
    declarations: Sequence[Declaration], oracle: Oracle, outside: Sequence[int], limit: int
) -> list[Question]:
    """Some `limit` questions, chosen at random, the same in every run: of each kind about as many."""
    told = [(pod.project, pod.name, address) for address, pod in oracle.pods.items()]
    random = Random(crc32(repr((oracle.mode.value, len(declarations), told)).encode()))
    kinds = [list(kind) for kind in _kinds(declarations, oracle, outside, random)]
    filled = [kind for kind in kinds if kind]
    chosen = [ask for kind in filled for ask in random.sample(kind, min(len(kind), 1 + limit // len(filled)))]
    return [ask() for ask in chosen]


_T = TypeVar("_T")
_Ask = Callable[[], Question]


def _kinds(
    declarations: Sequence[Declaration], oracle: Oracle, outside: Sequence[int], random: Random
) -> Iterator[Iterator[_Ask]]:
    asked = [service for service in services(oracle) if service.port or service.protocol not in _WORDS]
    pods, nodes = list(oracle.pods.values()), list(oracle.nodes.values())
    addresses = [node.address for node in nodes] + [node.gateway for node in nodes]
    hosted = [address for node in nodes for address in node.egress_addresses]
    away = [*outside, *addresses, *hosted, nodes[0].subnet.last - 1]
    vxlan = Service(17, oracle.vxlan_port)

    def some(*more: Service) -> list[Service]:
        return [*random.sample(asked, min(8, len(asked))), *more]

    def to_pod(sender: Pod, receiver: Pod, service: Service) -> _Ask:
        return lambda: Question(
            _pod(sender), _pod(receiver), port_text(service), _inside(oracle, sender, receiver, service)
        )

    def to_address(sender: Pod, address: int, service: Service) -> _Ask:
        return lambda: Question(
            _pod(sender), format_address(address), port_text(service), _to_address(oracle, sender, address, service)
        )

    def from_node(node: Node, receiver: Pod, service: Service) -> _Ask:
        both = (node.address, node.gateway)
        return lambda: Question(
            f"node:{node.name}",
            _pod(receiver),
            port_text(service),
            all(oracle.accepts(receiver, address, service) for address in both),
        )

    def from_address(address: int, receiver: Pod, service: Service) -> _Ask:
        return lambda: Question(
            format_address(address), _pod(receiver), port_text(service), oracle.accepts(receiver, address, service)
        )

    def from_project(name: str, receiver: Pod, service: Service) -> _Ask:
        members = [pod for pod in pods if pod.project == name]
        others = [pod for pod in members if pod != receiver] or members
        return lambda: Question(
            f"project:{name}",
            _pod(receiver),
            port_text(service),
            all(_inside(oracle, pod, receiver, service) for pod in others),
        )

    def to_service(sender: Pod, service: ServiceDeclaration, port: ServicePort) -> _Ask:
        called = Service(port.protocol.value, port.number)
        return lambda: Question(
            _pod(sender),
            f"service:{service.project}/{service.name}",
            port_text(called),
            _to_service(oracle, sender, service, port),
        )

    yield (to_pod(*each) for each in product(pods, pods, some(vxlan)))
    yield (to_address(*each) for each in product(pods, away, some(vxlan, Service(17, 53), Service(6, 53))))

    def few(things: Sequence[_T]) -> list[_T]:
        return random.sample(things, min(8, len(things)))

    outward = {
        project: [one for one in services_outside(oracle, project) if one.port or one.protocol not in _WORDS]
        for project in sorted({pod.project for pod in pods})
    }
    at_borders = [
        (pod, *each)
        for pod in pods
        for each in product(few(destinations(oracle, pod.project)), few(outward[pod.project]))
    ]
    yield (to_address(*each) for each in at_borders)
    yield (to_address(pod, MULTICAST, service) for pod, service in product(pods, some()))
    yield (from_node(*each) for each in product(nodes, pods, some()))
    yield (from_address(*each) for each in product((*outside, *addresses), pods, some()))
    yield (from_project(*each) for each in product(sorted({pod.project for pod in pods}), pods, some()))
    declared = [one for one in declarations if isinstance(one, ServiceDeclaration)]
    yield (to_service(*each) for each in product(pods, declared, PORTS))


def _pod(pod: Pod) -> str:
    return f"pod:{pod.project}/{pod.name}"


def _is_vxlan(oracle: Oracle, service: Service) -> bool:
    return service == Service(17, oracle.vxlan_port)


def _inside(oracle: Oracle, sender: Pod, receiver: Pod, service: Service) -> bool:
    """What a pod sends to itself does not leave it."""
    assert sender.address is not None and receiver.address is not None
    refused = _is_vxlan(oracle, service) and sender != receiver
    return not refused and oracle.allows(sender.address, receiver.address, service)


def _to_address(oracle: Oracle, sender: Pod, address: int, service: Service) -> bool:
    assert sender.address is not None
    if _is_vxlan(oracle, service) or not oracle.sends(sender, address, service):
        return False
    if is_multicast(address):
        netid = oracle.netid(sender.address)
        return any(pod != sender for pod in receivers(oracle, netid))
    if not leaves(oracle, address):
        return oracle.is_node(address)
    passes = may_leave(oracle, sender, address, service) and bool(ways_out(oracle, sender, address, service))
    return passes and not _is_hosted(oracle, address)


def _is_hosted(oracle: Oracle, address: int) -> bool:
    """Whether a node rejects new connections to an address because it is an egress IP of a project (EI-07)."""
    if oracle.mode is Mode.SUBNET or not any(address in node.egress_addresses for node in oracle.nodes.values()):
        return False
    return any(address == one.address for project in oracle.projects.values() for one in project.egress_addresses)


def _to_service(oracle: Oracle, sender: Pod, service: ServiceDeclaration, port: ServicePort) -> bool:
    """All of its endpoints have to be reached, and there has to be one (PN-14, NP-15)."""
    assert service.selector is not None
    behind = [
        (pod, number)
        for pod in oracle.pods.values()
        if pod.project == service.project and selects(service.selector, pod.labels)
        for number in _numbers(pod, port)
    ]
    called = Service(port.protocol.value, port.number)
    verdicts = []
    for pod, number in behind:
        assert sender.address is not None and pod.address is not None
        target = Service(port.protocol.value, number)
        refused = _is_vxlan(oracle, target) or _is_vxlan(oracle, called)
        verdicts.append(not refused and oracle.allows(sender.address, pod.address, target))
    return bool(behind) and all(verdicts)


def _numbers(pod: Pod, port: ServicePort) -> list[int]:
    if isinstance(port.target, int):
        return [port.target]
    return [one.number for one in pod.ports if (one.name, one.protocol) == (port.target, port.protocol)]
