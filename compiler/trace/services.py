"""What is behind a service: its endpoints, each with the port that the service's leads to (PN-14, NP-15)."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve, frozen

from compiler.declarations import Endpoints, Service, ServicePort
from compiler.model.model import Endpoint
from compiler.origin import Origin
from compiler.suggest import did_you_mean
from compiler.trace.cluster import Cluster
from compiler.trace.question import End, Traffic
from compiler.trace.steps import Decision, Kind, Step
from compiler.values.prefix import format_address
from compiler.values.services import Protocol


@frozen
class Backend:
    """Where the connections to a port of a service go, and the step that says so."""

    end: End
    traffic: Traffic
    step: Step


def name_of(service: Service) -> str:
    """`shop/api`."""
    return f"{service.project}/{service.name}"


def service_at(cluster: Cluster, address: int) -> Service | None:
    """The service that has an address of the service network."""
    return next((service for service in cluster.model.services if service.address == address), None)


def port_names(service: Service) -> str:
    """The ports of a service in words: `tcp/80, udp/53`."""
    return ", ".join(sorted({str(Traffic(port.protocol.value, port.number)) for port in service.ports})) or "no ports"


def backends(cluster: Cluster, service: Service, traffic: Traffic) -> tuple[Backend, ...] | Step:
    """The endpoints of a service for what a client sends to it; a step that denies where there are none."""
    name = name_of(service)
    found: dict[tuple[End, Traffic], Origin] = {}
    if service.address is None:
        for pod in _selected(cluster, service):
            found[End(pod.address, pod), traffic] = service.origin
        for part in _declared(cluster, service):
            found |= {(cluster.end(address), traffic): part.origin for address in part.addresses}
        text = f"service {name} is headless: its name leads to its endpoints' own addresses"
    else:
        ports = [one for one in service.ports if (one.protocol, one.number) == (traffic.with_ports, traffic.port)]
        if not ports:
            known = {str(Traffic(port.protocol.value, port.number)) for port in service.ports}
            text = f"service {name} has no port {traffic}: it has {port_names(service)}"
            return _denied(f"{text}{did_you_mean(str(traffic), known)}", service)
        for port in ports:
            for end, number, origin in _behind(cluster, service, port):
                found[end, Traffic(traffic.protocol, number)] = origin
        text = ""
    if not found:
        return _denied(f"service {name} has no endpoint for {traffic}", service)
    ordered = sorted(found, key=lambda one: (one[0].address, one[1].port))
    return tuple(
        Backend(end, target, _step(text or f"service {name}: {traffic} goes to {target}", service, found[end, target]))
        for end, target in ordered
    )


def _step(text: str, service: Service, origin: Origin) -> Step:
    origins = tuple(dict.fromkeys((service.origin, origin)))
    return Step(Kind.SERVICE, Decision.TELLS, text, origins, by_flows=False)


def _denied(text: str, service: Service) -> Step:
    reason = "a policy cannot change what a service leads to"
    return Step(Kind.SERVICE, Decision.DENIES, text, (service.origin,), by_flows=False, no_advice=reason)


def _selected(cluster: Cluster, service: Service) -> list[Endpoint]:
    if service.selector is None:
        return []
    selector = service.selector
    return [
        endpoint
        for endpoint in cluster.model.endpoints
        if endpoint.pod.project == service.project and selector.matches(endpoint.pod.labels)
    ]


def _declared(cluster: Cluster, service: Service) -> list[Endpoints]:
    """What Endpoints tell of the service.  Of one with a selector only who is no pod: on the host network, that is."""
    own = (service.project, service.name)
    parts = [part for part in cluster.model.service_endpoints if (part.project, part.name) == own]
    if service.selector is None:
        return parts
    return [
        evolve(part, addresses=others)
        for part in parts
        if (others := tuple(address for address in part.addresses if not cluster.in_pod_network(address)))
    ]


def _behind(cluster: Cluster, service: Service, port: ServicePort) -> Iterator[tuple[End, int, Origin]]:
    """The endpoints of one port, with the port there and where it is said who they are."""
    for pod in _selected(cluster, service):
        for number in _numbers(pod, port):
            yield End(pod.address, pod), number, service.origin
    for part in _declared(cluster, service):
        for end in map(cluster.end, part.addresses):
            yield from ((end, number, part.origin) for number in _told(part, end, port))


def _told(part: Endpoints, end: End, port: ServicePort) -> list[int]:
    """The numbers that Endpoints tell for a port: those of its name.  In the policy language ports have no names."""
    named = [number for name, protocol, number in part.named_ports if (name, protocol) == (port.name, port.protocol)]
    if named or (port.name and part.named_ports):
        return named
    numbers = [port.target] if isinstance(port.target, int) else []
    if isinstance(port.target, str) and end.endpoint:
        numbers = _numbers(end.endpoint, port)
    told = [number for protocol, number in part.ports if protocol is port.protocol]
    return numbers if not told or set(numbers) & set(told) else told


def named_ports(cluster: Cluster, service: Service) -> set[tuple[str, Protocol, int]]:
    """The names by which a client may ask for ports of a service, with what it then calls.

    They are the ports' own and those of the pods' ports that they lead to.  Who asks for a headless service calls its
    endpoints themselves, by their ports.
    """
    found: set[tuple[str, Protocol, int]] = set()
    for port in service.ports:
        numbers = {port.number}
        if service.address is None:
            numbers = {number for _, number, _ in _behind(cluster, service, port)}
        names = {name for name in (port.name, port.target) if isinstance(name, str) and name}
        found |= {(name, port.protocol, number) for name in names for number in numbers}
    return found


def _numbers(pod: Endpoint, port: ServicePort) -> list[int]:
    """The number of a service port's target on a pod; none if the pod has no port of that name."""
    if isinstance(port.target, int):
        return [port.target]
    return [one.number for one in pod.pod.ports if (one.name, one.protocol) == (port.target, port.protocol)]


def nobody(address: int) -> Step:
    """The step of an address of the service network that no service has."""
    text = f"no service has the address {format_address(address)}"
    return Step(Kind.SERVICE, Decision.DENIES, text, by_flows=False, no_advice="name an address that a service has")


def again(address: int) -> Step:
    """The step of a service that leads to an address of the service network."""
    text = f"{format_address(address)} is an address of the service network, and a packet is translated only once"
    reason = "name what is behind the second service as endpoints of the first"
    return Step(Kind.SERVICE, Decision.DENIES, text, by_flows=False, no_advice=reason)
