"""EgressRouter objects of OpenShift 4 (network.operator.openshift.io/v1): redirecting egress routers (ER-01).

Field names are those of github.com/openshift/api, networkoperator/v1.  As with policies, what the API server would
refuse is an error here, and so is a field that it would silently drop.  sdnc makes macvlan interfaces in private mode
(ER-08): what differs to a router between the modes Bridge, the API's default, and Private is whether it reaches other
macvlan interfaces of its own node.  VEPA and Passthru need another network around the node, and are errors.  So are a
router without a gateway, which ER-04 wants, and the protocol SCTP, which egress routers do not redirect (ER-06).
"""

from __future__ import annotations

from collections.abc import Iterator

from compiler import codes
from compiler.declarations import EgressRouter, Redirect, Redirects, RouterMode
from compiler.diagnostics import Related
from compiler.sources.networkpolicy import read_port_number
from compiler.sources.reader import Cursor
from compiler.sources.router_variables import parse_source
from compiler.sources.scalars import read_address, read_name, read_policy_metadata, read_protocol
from compiler.suggest import did_you_mean
from compiler.values.ipv6 import parse_ipv6
from compiler.values.names import refuse_interface
from compiler.values.services import Protocol

_KIND = "EgressRouter"
_MODES = ("Redirect",)
_LIKE_PRIVATE = ("Bridge", "Private")
_MACVLAN_MODES = (*_LIKE_PRIVATE, "VEPA", "Passthru")


def read_egress_router(cursor: Cursor) -> Iterator[EgressRouter]:
    """The router; rules that are reported are left out."""
    metadata = read_policy_metadata(cursor, _KIND)
    cursor.only(_KIND, ("apiVersion", "kind", "metadata", "spec", "status"))
    spec = cursor.require("spec", _KIND)
    if metadata is None or spec is None or not spec.is_mapping():
        return
    spec.only("the spec of EgressRouter", ("mode", "redirect", "networkInterface", "addresses"))
    name = f"{metadata.project}/{metadata.name}"
    _check_word(spec.get("mode"), _MODES)
    address = _read_address(spec, name)
    destinations = _read_redirects(spec, name)
    interface = _read_interface(spec, name)
    if address is not None and destinations is not None:
        source, length, gateway = address
        yield EgressRouter(
            metadata.project,
            metadata.name,
            cursor.origin,
            RouterMode.INIT,
            source,
            gateway,
            destinations,
            length,
            interface,
        )


def _bad(cursor: Cursor, name: str, reason: str, *related: Related) -> None:
    cursor.diagnostics.report(codes.BAD_ROUTER, cursor.origin, related=related, name=name, reason=reason)


def _check_word(cursor: Cursor | None, words: tuple[str, ...]) -> str | None:
    """The string, one of `words`; None if it is absent or, after a report, something else."""
    text = cursor.string() if cursor else None
    if cursor is None or text is None or text in words:
        return text
    expected = f"{' or '.join(words)}{did_you_mean(text, words)}"
    cursor.diagnostics.report(codes.BAD_VALUE, cursor.origin, field=cursor.name, value=text, expected=expected)
    return None


def _read_address(spec: Cursor, name: str) -> tuple[int, int, int] | None:
    """The source address, its prefix length and the gateway: those of the one IPv4 address."""
    listed = spec.require("addresses", "the spec of EgressRouter")
    entries = (spec.mappings("addresses") if listed else None) or []
    ours = [entry for entry in entries if not _is_ipv6(entry.get("ip"))]
    if listed is None or not isinstance(listed.value, list):
        return None
    if len(ours) != 1:
        _bad(listed, name, f"it has {len(ours)} IPv4 addresses, but needs one")
        return None
    (entry,) = ours
    entry.only("an address of EgressRouter", ("ip", "gateway"))
    told = entry.require("ip", "an address of EgressRouter")
    text = told.string() if told else None
    source = parse_source(text) if text is not None else None
    if told is not None and text is not None and source is None:
        expected = "an IPv4 address with its length, as in 192.168.12.99/24"
        told.diagnostics.report(codes.BAD_VALUE, told.origin, field=told.name, value=text, expected=expected)
    next_hop = entry.require("gateway", "an address of EgressRouter")
    gateway = read_address(next_hop) if next_hop else None
    if source is None or gateway is None:
        return None
    if gateway == source[0]:
        _bad(entry, name, "its source and its gateway are one address")
    return *source, gateway


def _is_ipv6(cursor: Cursor | None) -> bool:
    return cursor is not None and isinstance(cursor.value, str) and parse_ipv6(cursor.value) is not None


def _read_redirects(spec: Cursor, name: str) -> Redirects | None:
    config = spec.require("redirect", "the spec of EgressRouter")
    if config is None or not config.is_mapping():
        return None
    config.only("redirect", ("redirectRules", "fallbackIP"))
    redirects: dict[tuple[Protocol, int], Redirect] = {}
    for rule in config.mappings("redirectRules") or ():
        for redirect in _read_rule(rule, name):
            key = redirect.protocol, redirect.port
            if key in redirects:
                port = f"{redirect.protocol.name}/{redirect.port}"
                _bad(rule, name, f"another rule is for port {port}, too", Related("the other", redirects[key].origin))
            redirects.setdefault(key, redirect)
    told = config.filled("fallbackIP")
    return Redirects(tuple(redirects.values()), read_address(told) if told else None)


def _read_rule(rule: Cursor, name: str) -> Iterator[Redirect]:
    kind = "a rule of redirectRules"
    rule.only(kind, ("destinationIP", "port", "protocol", "targetPort"))
    to, told_port, told_protocol = (rule.require(key, kind) for key in ("destinationIP", "port", "protocol"))
    address = read_address(to) if to else None
    port = read_port_number(told_port) if told_port else None
    protocol = read_protocol(told_protocol) if told_protocol else None
    target = rule.get("targetPort")
    unset = target is None or target.value == 0  # how these objects write that it is not set
    remote = port if target is None or unset else read_port_number(target)
    if told_protocol is not None and protocol is Protocol.SCTP:
        _bad(told_protocol, name, "SCTP is not redirected; TCP and UDP are")
    elif address is not None and port is not None and protocol is not None and remote is not None:
        yield Redirect(rule.origin, protocol, port, address, remote)


def _read_interface(spec: Cursor, name: str) -> str | None:
    """The interface of the node; None: that of the default route."""
    interface = spec.mapping("networkInterface")
    if interface is None:
        return None
    interface.only("networkInterface", ("macvlan",))
    macvlan = interface.mapping("macvlan")
    if macvlan is None:
        return None
    macvlan.only("macvlan", ("mode", "master"))
    told = macvlan.filled("mode")
    mode = _check_word(told, _MACVLAN_MODES)
    if told is not None and mode is not None and mode not in _LIKE_PRIVATE:
        _bad(told, name, f"macvlan interfaces in mode {mode} are not supported; {' and '.join(_LIKE_PRIVATE)} are")
    master = macvlan.filled("master")
    return read_name(master, "interface", refuse_interface) if master else None
