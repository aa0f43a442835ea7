"""`firewall` statements, and the destinations and services of their rules, to declarations (EF-01)."""

from __future__ import annotations

from compiler import codes
from compiler.declarations import BlockPeer, EgressFirewall, FirewallRule, NamePeer, PortName, PortRange
from compiler.sources.dsl.border import Border
from compiler.sources.dsl.policies import LIKE_ADDRESS, Names, block_member, no_services
from compiler.sources.dsl.services import service_member
from compiler.sources.egress import widened
from compiler.values.names import refuse_dns_name
from grammar import syntax
from grammar.syntax import Word

NAME = "firewall"
"""What an egress firewall of the language is called among the project's objects."""


def firewall(statement: syntax.Firewall, names: Names, border: Border) -> EgressFirewall | None:
    """The declaration of a `firewall` block; None after a report if its project's name is not valid."""
    project = border.project(statement.project)
    rules = tuple(_rule(rule, names, border) for rule in statement.rules)
    return EgressFirewall(project, NAME, border.origin(statement.place), rules) if project is not None else None


def _rule(rule: syntax.Permit | syntax.Deny, names: Names, border: Border) -> FirewallRule:
    allow = isinstance(rule, syntax.Permit)
    peers = _destinations(rule.destinations, names, border)
    if isinstance(rule.services, syntax.Any):
        return FirewallRule(border.origin(rule.place), allow, peers)
    if not rule.services:
        no_services(rule.place, "allow" if allow else "deny", border)
    return FirewallRule(border.origin(rule.place), allow, peers, numbered_ports(rule.services, names, border))


def numbered_ports(words: tuple[Word, ...], names: Names, border: Border) -> tuple[PortRange, ...]:
    """The ports of a rule on what leaves the cluster, each once.

    One by name is reported, whether it is written here or comes by a set (BAD_PORT).
    """
    found: dict[PortRange, None] = {}
    for word in words:
        member = service_member(word, border)
        if member is None:
            continue
        names.services.check_references([member], (), border.diagnostics)
        for port in names.services.expand([member]):
            if isinstance(port, PortName):
                written = f"{port.protocol.name.lower()}/{port.name}"
                reason = "outside of the cluster no pod gives the name a number"
                border.report(codes.BAD_PORT, word.place, value=written, reason=reason)
            else:
                found.setdefault(port)
    return tuple(found)


def _destinations(
    given: tuple[syntax.Block, ...] | syntax.Anyone, names: Names, border: Border
) -> tuple[BlockPeer | NamePeer, ...] | None:
    """The destinations, each once; None for everywhere."""
    if isinstance(given, syntax.Anyone):
        return None
    return tuple(dict.fromkeys(peer for block in given for peer in _destination(block, names, border)))


def _destination(block: syntax.Block, names: Names, border: Border) -> tuple[BlockPeer | NamePeer, ...]:
    """What one member of the list stands for: a name, a block, or the blocks of an address set."""
    if is_dns_name(block.what.text):
        return _dns_name(block, border)
    member = block_member(block, border)
    if member is None:
        return ()
    names.addresses.check_references([member], (), border.diagnostics)
    return tuple(widened(peer, border.diagnostics) for peer in names.addresses.expand([member]))


def is_dns_name(text: str) -> bool:
    """Whether a word is meant as a DNS name: it holds a dot, and is neither an address nor a network.

    So a name of one part has to be written with its trailing dot.
    """
    return "." in text and "/" not in text and not LIKE_ADDRESS.fullmatch(text)


def _dns_name(block: syntax.Block, border: Border) -> tuple[NamePeer, ...]:
    """A name to resolve (EF-08), which the declaration has without the trailing dot; none after a report."""
    word = block.what
    for inner in block.excepts:
        border.report(codes.BAD_DESTINATION, inner.place, reason="is a DNS name, which has no `except`")
    if reason := refuse_dns_name(word.text):
        border.report(codes.BAD_DNS_NAME, word.place, value=word.text, reason=reason)
        return ()
    return (NamePeer(border.origin(word.place), word.text.removesuffix(".")),)
