"""`policy` statements, and the peers and services of their rules, to declarations."""

from __future__ import annotations

import re
from collections.abc import Collection

from attrs import frozen

from compiler import codes
from compiler.declarations import BlockPeer, NetworkPolicy, PodPeer, Rule
from compiler.sources.dsl.border import Border, first
from compiler.sources.dsl.services import ServiceMember, service_member
from compiler.sources.dsl.sets import Reference, SetTable, is_set_name
from compiler.values import names
from compiler.values.ipv6 import parse_ipv6
from compiler.values.labels import NAME_LABEL, SELECT_ALL, Selector
from compiler.values.prefix import Prefix
from grammar import syntax
from grammar.syntax import Place, Word

RESERVED_NAMES = frozenset({"anyone", "pods", "project", "projects"})
"""What an address set cannot be called."""

LIKE_ADDRESS = re.compile(r"[0-9]+(\.[0-9]+)+(/[0-9]*)?|.*:.*", re.ASCII)


@frozen
class Names:
    """What policies and firewalls refer to by name: the sets, and the projects of the DSL files for hints."""

    addresses: SetTable[BlockPeer]
    services: SetTable[ServiceMember]
    projects: Collection[str]


def policy(statement: syntax.Policy, names_: Names, border: Border) -> NetworkPolicy | None:
    """The declaration of a `policy` block; None after a report if its name is not valid."""
    border.once(f"policy {statement.name.text}", statement.items)
    name = border.in_project(statement.name, "policy", names.refuse_subdomain)
    select = first(statement.items, syntax.Select)
    ingress = first(statement.items, syntax.Ingress)
    egress = first(statement.items, syntax.Egress)
    pods = border.selector(select.selector) if select else SELECT_ALL
    accepted = tuple(_rule(rule, names_, border) for rule in ingress.rules) if ingress else None
    sent = tuple(_rule(rule, names_, border) for rule in egress.rules) if egress else None
    if ingress is None and egress is None:
        border.report(codes.NO_DIRECTION, statement.place, name=statement.name.text)
    return NetworkPolicy(*name, border.origin(statement.place), pods, accepted, sent) if name else None


def _rule(allow: syntax.Allow, names_: Names, border: Border) -> Rule:
    peers = None if isinstance(allow.peers, syntax.Anyone) else _peers(allow.peers, names_, border)
    if isinstance(allow.services, syntax.Any):
        return Rule(border.origin(allow.place), peers, None)
    found = [member for word in allow.services if (member := service_member(word, border))]
    names_.services.check_references(found, (), border.diagnostics)
    if not allow.services:
        no_services(allow.place, "allow", border)
    return Rule(border.origin(allow.place), peers, names_.services.expand(found))


def no_services(place: Place, keyword: str, border: Border) -> None:
    """Reports a rule whose services were left out."""
    expected = f"services such as tcp/80, or any, behind {keyword}"
    border.report(codes.BAD_SYNTAX, place, expected=expected, found="none", hint="")


def _peers(peers: tuple[syntax.Peer, ...], names_: Names, border: Border) -> tuple[PodPeer | BlockPeer, ...]:
    found: dict[PodPeer | BlockPeer, None] = {}
    for peer in peers:
        match peer:
            case syntax.Block():
                block = block_member(peer, border)
                members = (block,) if block else ()
                names_.addresses.check_references(members, names_.projects, border.diagnostics)
                expanded = names_.addresses.expand(members)
                if len(peers) == 1:
                    return expanded
                found.update(dict.fromkeys(expanded))
            case syntax.PodPeer():
                _check_no_addresses(peer.pods, names_.addresses, border)
                projects = _scope(peer.scope, names_.addresses, border) if peer.scope else None
                pods = border.selector(peer.pods)
                found.setdefault(PodPeer(border.origin(peer.place), projects, pods))
            case syntax.ProjectPeer():
                projects = _scope(peer.scope, names_.addresses, border)
                found.setdefault(PodPeer(border.origin(peer.place), projects))
    return tuple(found)


def _scope(scope: syntax.Scope, addresses: SetTable[BlockPeer], border: Border) -> Selector:
    """The projects that are meant; one named is the one with the label that every project has (NP-06)."""
    if isinstance(scope, syntax.SelectedProjects):
        _check_no_addresses(scope.selector, addresses, border)
        return border.selector(scope.selector)
    name = border.project(scope.name)
    return Selector.equal({NAME_LABEL: name or ""})


def _check_no_addresses(selector: syntax.Selector, addresses: SetTable[BlockPeer], border: Border) -> None:
    """Reports what reads as a label key, as the grammar has it, but was hardly meant so."""
    for requirement in selector.requirements:
        if not isinstance(requirement, syntax.Exists) or requirement.key.quoted:
            continue
        word = requirement.key
        if word.text in addresses or LIKE_ADDRESS.fullmatch(word.text):
            border.report(codes.LOOKS_LIKE_ADDRESS, word.place, word=word.text)


def block_member(block: syntax.Block, border: Border) -> BlockPeer | Reference | None:
    """A member of a list of addresses: a block, or the name of an address set; None after a report."""
    origin = border.origin(block.place)
    text = block.what.text
    if is_set_name(text) and not block.excepts:
        return Reference(text, origin)
    if ":" in text:
        return _ipv6_block(block, border)
    prefix = border.network_or_address(block.what) if "." in text else border.network(block.what)
    excepts = [_inside(word, prefix, border) for word in block.excepts]
    if prefix is None:
        return None
    return BlockPeer(origin, prefix, [inner for inner in excepts if inner])


def _inside(word: Word, outer: Prefix | None, border: Border) -> Prefix | None:
    inner = border.network_or_address(word)
    if inner and outer and not (outer.covers(inner) and outer.length < inner.length):
        border.report(codes.BAD_EXCEPT, word.place, value=word.text, cidr=outer)
        return None
    return inner


def _ipv6_block(block: syntax.Block, border: Border) -> BlockPeer | None:
    """An IPv6 block is checked, matches nothing, and gets a warning (NP-19)."""
    words = [block.what, *block.excepts]
    networks = [parse_ipv6(word.text) for word in words]
    for word, network in zip(words, networks, strict=True):
        if network is None:
            border.report(codes.BAD_CIDR, word.place, value=word.text)
    if None in networks:
        return None
    outer, *excepts = (network for network in networks if network)
    for word, inner in zip(block.excepts, excepts, strict=True):
        if inner not in outer or inner == outer:
            border.report(codes.BAD_EXCEPT, word.place, value=word.text, cidr=outer)
    border.report(codes.IPV6_BLOCK, block.place, value=block.what.text)
    return BlockPeer(border.origin(block.place), None)
