"""NetworkPolicy objects (networking.k8s.io/v1 and extensions/v1beta1, which have one schema; NP-01).

What the API server would refuse is an error here (NP-16), and so is a field that it would silently drop: a
typo in a policy must not open a hole.  What the API server accepts means here what it means there.
"""

from __future__ import annotations

from collections.abc import Iterator

from compiler import codes
from compiler.declarations import BlockPeer, NetworkPolicy, PodPeer, PortName, PortRange, Rule
from compiler.sources.reader import Cursor
from compiler.sources.scalars import (
    number_text,
    read_policy_metadata,
    read_prefix,
    read_protocol,
)
from compiler.sources.selectors import read_selector
from compiler.suggest import did_you_mean
from compiler.values.ipv6 import parse_ipv6_network
from compiler.values.labels import SELECT_ALL, Selector
from compiler.values.names import refuse_port_name
from compiler.values.ports import MAX_PORT
from compiler.values.prefix import Prefix
from compiler.values.services import Protocol

_KIND = "NetworkPolicy"
_INGRESS = "Ingress"
_EGRESS = "Egress"


def read_network_policy(cursor: Cursor) -> Iterator[NetworkPolicy]:
    """The policy; rules, peers and ports that are reported are left out."""
    metadata = read_policy_metadata(cursor, _KIND)
    cursor.only(_KIND, ("apiVersion", "kind", "metadata", "spec", "status"))
    spec = cursor.require("spec", _KIND)
    if spec is None or not spec.is_mapping():
        return
    spec.only("the spec of NetworkPolicy", ("podSelector", "policyTypes", "ingress", "egress"))
    pods = _read_optional_selector(spec, "podSelector")
    ingress = _read_rules(spec, "ingress", "from")
    egress = _read_rules(spec, "egress", "to")
    types = _read_policy_types(spec)
    if metadata is None:
        return
    yield NetworkPolicy(
        metadata.project,
        metadata.name,
        cursor.origin,
        SELECT_ALL if pods is None else pods,  # null and absent select all pods (NP-18)
        ingress if _INGRESS in types else None,
        egress if _EGRESS in types else None,
    )


def _read_policy_types(spec: Cursor) -> frozenset[str]:
    """The directions that the policy governs (NP-03).

    The API server's default holds for an empty list, too; an `egress` without a rule does not count there
    (NP-18).
    """
    elements = spec.elements("policyTypes")
    types = set()
    for element in elements or ():
        name = element.string()
        if name is not None and name not in (_INGRESS, _EGRESS):
            hint = did_you_mean(name, (_INGRESS, _EGRESS))
            spec.diagnostics.report(codes.BAD_POLICY_TYPE, element.origin, value=name, hint=hint)
        elif name is not None:
            types.add(name)
    if elements:
        return frozenset(types)
    return frozenset((_INGRESS, _EGRESS) if spec.elements("egress") else (_INGRESS,))


def _read_rules(spec: Cursor, section: str, peers: str) -> tuple[Rule, ...]:
    rules = []
    for cursor in spec.mappings(section) or ():
        cursor.only(f"a rule of {section}", (peers, "ports"))
        rules.append(Rule(cursor.origin, _read_peers(cursor, peers), _read_ports(cursor)))
    return tuple(rules)


def _read_peers(rule: Cursor, key: str) -> tuple[PodPeer | BlockPeer, ...] | None:
    """The peers; None for everybody, which only an absent or an empty list means (NP-04)."""
    if not rule.elements(key):
        return None if is_empty(rule, key) else ()
    return tuple(peer for cursor in rule.mappings(key) or () for peer in _read_peer(cursor))


def is_empty(cursor: Cursor, key: str) -> bool:
    """Whether a list is absent or has no elements, and not something else that was reported."""
    found = cursor.get(key)
    return found is None or found.value == []


def _read_peer(cursor: Cursor) -> Iterator[PodPeer | BlockPeer]:
    cursor.only("a peer", ("podSelector", "namespaceSelector", "ipBlock"))
    pods = _read_optional_selector(cursor, "podSelector")
    projects = _read_optional_selector(cursor, "namespaceSelector")
    block = cursor.get("ipBlock")
    if block is not None:
        if pods is not None or projects is not None:
            _bad_peer(cursor, "has an ipBlock and a selector")
        yield from _read_block(block)
    elif pods is None and projects is None:
        if all(value.value is None for _, value in cursor.entries()):
            _bad_peer(cursor, "is empty")
    else:
        yield PodPeer(cursor.origin, projects, SELECT_ALL if pods is None else pods)


def _bad_peer(cursor: Cursor, reason: str) -> None:
    cursor.diagnostics.report(codes.BAD_PEER, cursor.origin, reason=reason)


def _read_optional_selector(cursor: Cursor, key: str) -> Selector | None:
    found = cursor.get(key)
    return None if found is None else read_selector(found)


def _read_block(cursor: Cursor) -> Iterator[BlockPeer]:
    """An ipBlock (NP-07, NP-19); each exception lies strictly inside its network."""
    if not cursor.is_mapping():
        return
    cursor.only("an ipBlock", ("cidr", "except"))
    cidr = cursor.require("cidr", "an ipBlock")
    exceptions = cursor.elements("except") or []
    if cidr is None:
        return
    if isinstance(cidr.value, str) and (network := parse_ipv6_network(cidr.value)):
        cursor.diagnostics.report(codes.IPV6_BLOCK, cidr.origin, value=cidr.value)
        for exception in exceptions:
            text = exception.string()
            inner = parse_ipv6_network(text) if text is not None else None
            if text is not None and not (inner and inner != network and inner in network):
                _bad_except(exception, cidr.value)
        yield BlockPeer(cursor.origin, None)
        return
    prefix = read_prefix(cidr)
    excepts = [found for exception in exceptions if (found := _read_except(exception, prefix))]
    if prefix is not None:
        yield BlockPeer(cursor.origin, prefix, excepts)


def _read_except(cursor: Cursor, prefix: Prefix | None) -> Prefix | None:
    if isinstance(cursor.value, str) and parse_ipv6_network(cursor.value):
        _bad_except(cursor, str(prefix))
        return None
    found = read_prefix(cursor)
    if found is not None and prefix is not None and not (prefix.covers(found) and prefix != found):
        _bad_except(cursor, str(prefix))
        return None
    return found


def _bad_except(cursor: Cursor, cidr: str) -> None:
    cursor.diagnostics.report(codes.BAD_EXCEPT, cursor.origin, value=cursor.value, cidr=cidr)


def _read_ports(rule: Cursor) -> tuple[PortRange | PortName, ...] | None:
    """The ports; None for every port and protocol, which only an absent or an empty list means (NP-04)."""
    if not rule.elements("ports"):
        return None if is_empty(rule, "ports") else ()
    return tuple(port for cursor in rule.mappings("ports") or () for port in _read_port(cursor))


def _read_port(cursor: Cursor) -> Iterator[PortRange | PortName]:
    """One entry: all ports of a protocol, one, a range (NP-08, NP-09), or a name (NP-10)."""
    cursor.only("a port", ("protocol", "port", "endPort"))
    protocol = read_protocol(cursor.get("protocol"))
    port, end = cursor.get("port"), cursor.get("endPort")
    if port is None:
        if end is not None:
            _bad_port(end, end.value, "endPort needs a port")
        elif protocol:
            yield PortRange(protocol, 0, MAX_PORT)
    elif isinstance(port.value, str):
        if reason := refuse_port_name(port.value):
            _bad_port(port, port.value, reason)
        elif end is not None:
            _bad_port(end, end.value, "endPort needs a numeric port, not a name")
        elif protocol:
            yield PortName(protocol, port.value)
    else:
        yield from _read_range(port, end, protocol)


def _read_range(port: Cursor, end: Cursor | None, protocol: Protocol | None) -> Iterator[PortRange]:
    if isinstance(port.value, bool) or not isinstance(port.value, int):
        port.wrong("a port number or the name of a port")
        return
    first = read_port_number(port)
    last = read_port_number(end) if end else first
    if end is not None and first is not None and last is not None and last < first:
        _bad_port(end, last, f"endPort is below port {first}")
    elif first is not None and last is not None and protocol:
        yield PortRange(protocol, first, last)


def read_port_number(cursor: Cursor) -> int | None:
    """A port number, 1 to 65535; reports BAD_PORT."""
    number = cursor.integer()
    if number is not None and not 1 <= number <= MAX_PORT:
        _bad_port(cursor, number_text(number), f"it is not within 1 to {MAX_PORT}")
        return None
    return number


def _bad_port(cursor: Cursor, value: object, reason: str) -> None:
    shown = number_text(value) if isinstance(value, int) else value
    cursor.diagnostics.report(codes.BAD_PORT, cursor.origin, value=shown, reason=reason)
