"""The egress firewalls of objects: OpenShift's EgressNetworkPolicy and OVN-Kubernetes' EgressFirewall (EF-02, EF-03).

Field names are those of github.com/openshift/api, network/v1, and of ovn-kubernetes, pkg/crd/egressfirewall/v1.  As
with NetworkPolicy, what the API server would refuse is an error here, and so is a field that it would silently drop.
"""

from __future__ import annotations

from collections.abc import Iterator

from compiler import codes
from compiler.declarations import BlockPeer, EgressFirewall, FirewallRule, NamePeer, PortRange
from compiler.diagnostics import Diagnostics
from compiler.sources.networkpolicy import is_empty, read_port_number
from compiler.sources.reader import Cursor
from compiler.sources.scalars import Metadata, read_policy_metadata, read_prefix, read_protocol
from compiler.suggest import did_you_mean
from compiler.values.ipv6 import parse_ipv6_network
from compiler.values.names import refuse_dns_name
from compiler.values.ports import MAX_PORT
from compiler.values.prefix import WIDTH, Prefix

_OPENSHIFT = "EgressNetworkPolicy"
_OVN = "EgressFirewall"
_OVN_NAME = "default"
"""The one name that OVN-Kubernetes accepts, so that a project has one firewall."""

_ALLOW = "Allow"
_DENY = "Deny"
_CIDR = "cidrSelector"
_NAME = "dnsName"
_NODES = "nodeSelector"

_ZERO_HOST = Prefix(0, WIDTH)
_EVERYWHERE = Prefix(0, 0)


def read_egress_network_policy(cursor: Cursor) -> Iterator[EgressFirewall]:
    """The egress firewall of OpenShift SDN; rules that are reported are left out."""
    metadata = read_policy_metadata(cursor, _OPENSHIFT)
    yield from _read_firewall(cursor, _OPENSHIFT, metadata, ())


def read_egress_firewall(cursor: Cursor) -> Iterator[EgressFirewall]:
    """The egress firewall of OVN-Kubernetes, which has ports besides."""
    metadata = read_policy_metadata(cursor, _OVN, _refuse_ovn_name)
    yield from _read_firewall(cursor, _OVN, metadata, ("ports",))


def _refuse_ovn_name(name: str) -> str | None:
    return None if name == _OVN_NAME else f"OVN-Kubernetes accepts `{_OVN_NAME}` only"


def _read_firewall(
    cursor: Cursor, kind: str, metadata: Metadata | None, fields: tuple[str, ...]
) -> Iterator[EgressFirewall]:
    """The firewall; its rules have the fields `type`, `to` and those in `fields`."""
    cursor.only(kind, ("apiVersion", "kind", "metadata", "spec", "status"))
    spec = cursor.require("spec", kind)
    if spec is None or not spec.is_mapping():
        return
    spec.only(f"the spec of {kind}", ("egress",))
    rules = tuple(rule for entry in spec.mappings("egress") or () for rule in _read_rule(entry, fields))
    if metadata is not None:
        yield EgressFirewall(metadata.project, metadata.name, cursor.origin, rules)


def _read_rule(cursor: Cursor, fields: tuple[str, ...]) -> Iterator[FirewallRule]:
    cursor.only("a rule of egress", ("type", "to", *fields))
    allow = _read_type(cursor)
    to = cursor.require("to", "a rule of egress")
    peer = _read_destination(to) if to is not None and to.is_mapping() else None
    ports = _read_ports(cursor) if "ports" in fields else None
    if allow is not None and peer is not None:
        yield FirewallRule(cursor.origin, allow, (peer,), ports)


def _read_type(rule: Cursor) -> bool | None:
    """Whether the rule allows; the API tells upper from lower case."""
    found = rule.require("type", "a rule of egress")
    text = found.string() if found else None
    if found is None or text is None:
        return None
    if text not in (_ALLOW, _DENY):
        hint = did_you_mean(text.capitalize(), (_ALLOW, _DENY))
        rule.diagnostics.report(codes.BAD_RULE_TYPE, found.origin, value=text, hint=hint)
        return None
    return text == _ALLOW


def _read_destination(to: Cursor) -> BlockPeer | NamePeer | None:
    """Exactly one of a network and a name (EF-02); an empty string is how these objects write neither."""
    to.only("a rule's destination", (_CIDR, _NAME, _NODES))
    nodes = to.get(_NODES)
    if nodes is not None:
        _bad_destination(nodes, f"has a {_NODES}, which is not supported: the addresses of nodes change")
    cidr, name = to.filled(_CIDR), to.filled(_NAME)
    if cidr is not None and name is not None:
        _bad_destination(to, f"has both {_CIDR} and {_NAME}")
    elif cidr is None and name is None and nodes is None:
        _bad_destination(to, f"has neither {_CIDR} nor {_NAME}")
    block = _read_block(cidr) if cidr else None
    named = _read_dns_name(name) if name else None
    return block or named


def _bad_destination(cursor: Cursor, reason: str) -> None:
    cursor.diagnostics.report(codes.BAD_DESTINATION, cursor.origin, reason=reason)


def _read_block(cursor: Cursor) -> BlockPeer | None:
    if isinstance(cursor.value, str) and parse_ipv6_network(cursor.value):
        cursor.diagnostics.report(codes.IPV6_BLOCK, cursor.origin, value=cursor.value)
        return BlockPeer(cursor.origin, None)
    prefix = read_prefix(cursor)
    return None if prefix is None else widened(BlockPeer(cursor.origin, prefix), cursor.diagnostics)


def widened(block: BlockPeer, diagnostics: Diagnostics) -> BlockPeer:
    """The block as an egress firewall takes it: 0.0.0.0/32 stands for all addresses, with a warning (EF-07)."""
    if block.prefix != _ZERO_HOST:
        return block
    diagnostics.report(codes.ZERO_HOST, block.origin)
    return BlockPeer(block.origin, _EVERYWHERE)


def _read_dns_name(cursor: Cursor) -> NamePeer | None:
    """A name to resolve (EF-08); the declaration has it without the trailing dot."""
    text = cursor.string()
    if text is None:
        return None
    if reason := refuse_dns_name(text):
        cursor.diagnostics.report(codes.BAD_DNS_NAME, cursor.origin, value=text, reason=reason)
        return None
    return NamePeer(cursor.origin, text.removesuffix("."))


def _read_ports(rule: Cursor) -> tuple[PortRange, ...] | None:
    """The ports; None for every protocol, which only an absent or an empty list means."""
    if not rule.elements("ports"):
        return None if is_empty(rule, "ports") else ()
    return tuple(port for entry in rule.mappings("ports") or () for port in _read_port(entry))


def _read_port(cursor: Cursor) -> Iterator[PortRange]:
    """One entry: a port of a protocol; without a port, all of them."""
    cursor.only("a port", ("protocol", "port"))
    told = cursor.require("protocol", "a port")
    protocol = read_protocol(told) if told else None
    port = cursor.get("port")
    number = read_port_number(port) if port else None
    if protocol is None or (port is not None and number is None):
        return
    yield PortRange(protocol, 0, MAX_PORT) if number is None else PortRange(protocol, number, number)
