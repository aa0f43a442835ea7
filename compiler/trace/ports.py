"""What a question's `--port` means: `tcp/443`, `udp/dns`, `icmp`, `protocol/50`."""

from __future__ import annotations

from collections.abc import Iterable

from compiler.declarations import Service
from compiler.suggest import did_you_mean
from compiler.trace.cluster import Cluster
from compiler.trace.question import ICMP, MAX_PROTOCOL, End, Traffic
from compiler.trace.services import name_of, named_ports, port_names
from compiler.values.ports import MAX_PORT
from compiler.values.services import Protocol

_PROTOCOLS = {protocol.name.lower(): protocol for protocol in Protocol}
_ICMP = "icmp"
_BY_NUMBER = "protocol"
_NOTATION = "write tcp/443, udp/53, sctp/7, icmp, or protocol/50 for an IP protocol by its number"

Named = set[tuple[str, Protocol, int]]
"""Names of ports with what they stand for."""


class BadPort(Exception):
    """Words that name no port; the text says why, and what does."""


def parse_traffic(cluster: Cluster, text: str, end: End | None, service: Service | None) -> Traffic:
    """The protocol and port.  A name is that of a port of the destination: a pod's, or a service's.

    Raises BadPort.
    """
    first, slash, second = text.partition("/")
    if not slash and first == _ICMP:
        return Traffic(ICMP)
    if slash and first == _BY_NUMBER:
        return _by_number(text, second)
    if not slash and first.isascii() and first.isdigit():
        raise BadPort(f"{text!r} names no protocol: write tcp/{text}, or protocol/{text} for an IP protocol")
    protocol = _PROTOCOLS.get(first) if slash else None
    if slash and protocol is None:
        known = (*_PROTOCOLS, _ICMP, _BY_NUMBER)
        raise BadPort(f"there is no protocol {first!r}{did_you_mean(first.lower(), known)}; {_NOTATION}")
    if protocol is not None and second.isascii() and second.isdigit():
        if len(second) > 5 or not 1 <= int(second) <= MAX_PORT:
            raise BadPort(f"{text!r} is no port: a port is 1 to {MAX_PORT}")
        return Traffic(protocol.value, int(second))
    return _by_name(cluster, second if slash else first, protocol, end, service)


def _by_number(text: str, number: str) -> Traffic:
    if not (number.isascii() and number.isdigit()) or len(number) > 3 or int(number) > MAX_PROTOCOL:
        raise BadPort(f"{text!r} is no IP protocol: its number is 0 to {MAX_PROTOCOL}")
    traffic = Traffic(int(number))
    if traffic.with_ports:
        word = traffic.with_ports.name.lower()
        raise BadPort(f"{text!r} is {word}, which has ports: write {word}/PORT")
    return traffic


def _by_name(
    cluster: Cluster, name: str, protocol: Protocol | None, end: End | None, service: Service | None
) -> Traffic:
    """The port of a name; without a protocol, of whatever protocol it is."""
    if service is not None:
        named = named_ports(cluster, service)
        who = f"service {name_of(service)}, which has {port_names(service)},"
    elif end is not None and end.endpoint is not None:
        named = {(one.name, one.protocol, one.number) for one in end.endpoint.pod.ports}
        who = end.name
    else:
        raise BadPort(f"{name!r} is no port: only pods and services have ports with names; {_NOTATION}")
    found = {(kind, number) for called, kind, number in named if called == name and protocol in (None, kind)}
    if not found:
        known = {called for called, _, _ in named}
        raise BadPort(f"{who} has no port {_words(protocol, name)!r}{did_you_mean(name, known)}; {_NOTATION}")
    if len(found) > 1:
        told = _listed(Traffic(kind.value, number) for kind, number in found)
        raise BadPort(f"{name!r} of {who} means several ports: {told}; name one of them")
    ((kind, number),) = found
    return Traffic(kind.value, number)


def _words(protocol: Protocol | None, name: str) -> str:
    return f"{protocol.name.lower()}/{name}" if protocol else name


def _listed(traffic: Iterable[Traffic]) -> str:
    return ", ".join(sorted(map(str, traffic)))
