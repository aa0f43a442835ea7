"""`pod` and `service` statements to declarations."""

from __future__ import annotations

from compiler import codes
from compiler.declarations import Endpoints, NamedPort, Pod, Service, ServicePort
from compiler.sources.dsl.border import Border, first
from compiler.sources.dsl.services import port_number, single_port
from compiler.values import names
from compiler.values.labels import NO_LABELS
from compiler.values.limits import FIRST_POD_PORT, LAST_POD_PORT
from compiler.values.services import Protocol
from grammar import syntax
from grammar.syntax import Word


def pod(statement: syntax.Pod, border: Border) -> Pod | None:
    """The declaration of a `pod` block; None after a report if its name is not valid."""
    border.once(f"pod {statement.name.text}", statement.items)
    name = border.in_project(statement.name, "pod", names.refuse_subdomain)
    node = first(statement.items, syntax.OnNode)
    address = first(statement.items, syntax.Address)
    of_port = first(statement.items, syntax.OfPort)
    interface = first(statement.items, syntax.Interface)
    on_node = border.name(node.name, "node", names.refuse_subdomain) if node else None
    given_address = border.address(address.address) if address else None
    number = border.number(of_port.number, "of-port", FIRST_POD_PORT, LAST_POD_PORT) if of_port else None
    veth = border.name(interface.name, "interface", names.refuse_interface) if interface else None
    labels = border.labels(statement.items)
    ports = _named_ports(statement, border)
    if name is None:
        return None
    return Pod(
        *name,
        border.origin(statement.place),
        node=on_node,
        address=given_address,
        labels=labels or NO_LABELS,
        ports=ports,
        host_network=first(statement.items, syntax.HostNetwork) is not None,
        finished=first(statement.items, syntax.Finished) is not None,
        of_port=number,
        interface=veth,
    )


def _named_ports(statement: syntax.Pod, border: Border) -> tuple[NamedPort, ...]:
    """The pod's ports; one name stands for one number of a protocol (DUPLICATE)."""
    ports: dict[tuple[str, Protocol], NamedPort] = {}
    for item in statement.items:
        if not isinstance(item, syntax.NamedPort):
            continue
        name = _port_name(item.name, border)
        port = single_port(item.port, border)
        if name is None or port is None:
            continue
        named = NamedPort(name, *port)
        if ports.setdefault((name, named.protocol), named) is not named:
            border.report(codes.DUPLICATE, item.place, what="port", name=name)
    return tuple(ports.values())


def _port_name(word: Word, border: Border) -> str | None:
    if reason := names.refuse_port_name(word.text):
        border.report(codes.BAD_PORT, word.place, value=word.text, reason=reason)
        return None
    return word.text


def service(statement: syntax.Service, border: Border) -> tuple[Service | Endpoints, ...]:
    """The declarations of a `service` block, its manual endpoints among them; none if its name is not valid."""
    border.once(f"service {statement.name.text}", statement.items)
    name = border.in_project(statement.name, "service", names.refuse_label)
    address = first(statement.items, syntax.Address)
    select = first(statement.items, syntax.Select)
    given_address = border.address(address.address) if address else None
    selector = border.selector(select.selector) if select else None
    ports = (_service_port(i, border) for i in statement.items if isinstance(i, syntax.ServicePort))
    found = tuple(port for port in ports if port)
    endpoint = first(statement.items, syntax.Endpoint)
    addresses = border.addresses(endpoint.addresses, "endpoint") if endpoint else {}
    if endpoint and select:
        border.report(codes.ENDPOINT_AND_SELECT, endpoint.place, name=statement.name.text)
    if name is None:
        return ()
    declared = Service(*name, border.origin(statement.place), given_address, selector, found)
    if endpoint is None:
        return (declared,)
    targets = ((port.protocol, port.target) for port in found)
    # A target's name is the name of a pod's port, and there is no pod.
    numbers = tuple(dict.fromkeys((protocol, target) for protocol, target in targets if isinstance(target, int)))
    return declared, Endpoints(*name, border.origin(endpoint.place), tuple(addresses), numbers)


def _service_port(item: syntax.ServicePort, border: Border) -> ServicePort | None:
    port = single_port(item.port, border)
    if port is None:
        return None
    protocol, number = port
    if item.target is None:
        return ServicePort(protocol, number, number)
    if item.target.text.isascii() and item.target.text.isdigit():
        target: int | str | None = port_number(item.target, border)
    else:
        target = _port_name(item.target, border)
    return None if target is None else ServicePort(protocol, number, target)
