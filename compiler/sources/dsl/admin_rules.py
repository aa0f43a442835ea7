"""`admin-rules` statements to declarations (AR-02)."""

from __future__ import annotations

import re

from compiler import codes
from compiler.declarations import (
    AdminLimit,
    AdminLog,
    AdminRule,
    AdminRules,
    AdminVerdict,
    BlockPeer,
    ProjectSource,
    Rate,
)
from compiler.sources.dsl.border import Border, digits, first
from compiler.sources.dsl.firewalls import numbered_ports
from compiler.sources.dsl.policies import Names, block_member, no_services
from compiler.sources.dsl.routers import selected_nodes
from compiler.suggest import did_you_mean
from compiler.values.limits import MAX_CONNECTIONS, MAX_LOG_PREFIX, MAX_RATE
from compiler.values.names import refuse_label
from grammar import syntax
from grammar.syntax import Word

UNITS = ("second", "minute", "hour", "day")
"""What a rate may be per: the units of the iptables matches limit and hashlimit (iptables-extensions, man page)."""

_LOG_PREFIX = re.compile(r"[A-Za-z0-9 !#%&()*+,./:;<=>?@\[\]^_{|}~-]+", re.ASCII)
_SHOWN = 40

Action = AdminVerdict | AdminLog | AdminLimit


def admin_rules(statement: syntax.AdminRules, names: Names, border: Border) -> AdminRules | None:
    """The declaration of an `admin-rules` block; None after a report if its name is not valid."""
    border.once(f"admin-rules {statement.name.text}", statement.items)
    name = border.name(statement.name, "block of admin rules", refuse_label)
    nodes = selected_nodes(first(statement.items, syntax.OnNodes), border)
    given = (_rule(item, names, border) for item in statement.items if isinstance(item, syntax.AdminRule))
    rules = tuple(rule for rule in given if rule)
    return AdminRules(name, border.origin(statement.place), nodes, rules) if name is not None else None


def _rule(rule: syntax.AdminRule, names: Names, border: Border) -> AdminRule | None:
    action = _action(rule.action, border)
    ports = None
    if not isinstance(rule.services, syntax.Any):
        if not rule.services:
            no_services(rule.place, "the action", border)
        ports = numbered_ports(rule.services, names, border)
    sources = _sources(rule.sources, names, border)
    destinations = _destinations(rule.destinations, names, border)
    return AdminRule(border.origin(rule.place), action, sources, destinations, ports) if action else None


def _sources(
    given: tuple[syntax.NamedProject | syntax.Block, ...] | syntax.Anyone, names: Names, border: Border
) -> tuple[BlockPeer | ProjectSource, ...] | None:
    """The sources, each once; None for everybody.  Whether a project exists is the model's to say."""
    if isinstance(given, syntax.Anyone):
        return None
    found: dict[BlockPeer | ProjectSource, None] = {}
    for source in given:
        if isinstance(source, syntax.Block):
            found.update(dict.fromkeys(_blocks(source, names, border)))
        elif (project := border.project(source.name)) is not None:
            found.setdefault(ProjectSource(border.origin(source.place), project))
    return tuple(found)


def _destinations(
    given: tuple[syntax.Block, ...] | syntax.Anyone, names: Names, border: Border
) -> tuple[BlockPeer, ...] | None:
    """The destinations, each once; None for everywhere."""
    if isinstance(given, syntax.Anyone):
        return None
    return tuple(dict.fromkeys(block for member in given for block in _blocks(member, names, border)))


def _blocks(block: syntax.Block, names: Names, border: Border) -> tuple[BlockPeer, ...]:
    """A block, or the blocks of an address set; reports UNKNOWN_SET and what is wrong with an address."""
    member = block_member(block, border)
    members = () if member is None else (member,)
    names.addresses.check_references(members, names.projects, border.diagnostics)
    return names.addresses.expand(members)


def _action(action: syntax.AdminAction, border: Border) -> Action | None:
    """What the rule does; None after a report."""
    match action:
        case syntax.Accept():
            return AdminVerdict.ACCEPT
        case syntax.Drop():
            return AdminVerdict.DROP
        case syntax.Reject():
            return AdminVerdict.REJECT
        case syntax.Log():
            prefix = _log_prefix(action.prefix, border)
            rate = _rate(action.rate, border) if action.rate else None
            valid = prefix is not None and (rate is not None or action.rate is None)
            return AdminLog(prefix, rate) if prefix is not None and valid else None
        case syntax.LimitRate():
            rate = _rate(action.rate, border)
            return AdminLimit(rate, per_source=action.per_source is not None) if rate else None
        case syntax.LimitAtOnce():
            count = border.number(action.count, "connections at once", 1, MAX_CONNECTIONS)
            return AdminLimit(at_once=count, per_source=action.per_source is not None) if count else None


def _log_prefix(word: Word, border: Border) -> str | None:
    """The prefix of a LOG target (iptables-extensions, man page: up to 29 letters); reports BAD_ADMIN_RULE.

    A prefix that begins with - would be an option to `iptables-restore` of iptables 1.4.
    """
    reason = None
    if not 1 <= len(word.text) <= MAX_LOG_PREFIX:
        reason = f"a log prefix has 1 to {MAX_LOG_PREFIX} characters, not {len(word.text)}"
    elif not _LOG_PREFIX.fullmatch(word.text):
        reason = "a log prefix has printable ASCII characters only, and no quotes, backslashes and dollar signs"
    elif word.text.startswith("-"):
        reason = "a log prefix does not begin with -"
    elif not word.text.strip():
        reason = "a log prefix is more than spaces"
    if reason:
        border.report(codes.BAD_ADMIN_RULE, word.place, reason=reason)
        return None
    return word.text


def _rate(word: Word, border: Border) -> Rate | None:
    """A rate `COUNT/UNIT`; reports BAD_ADMIN_RULE and BAD_NUMBER."""
    text, slash, unit = word.text.partition("/")
    if not slash or not (text.isascii() and text.isdigit()):
        reason = f"{word.text[:_SHOWN]!r} is no rate such as 20/second"
        border.report(codes.BAD_ADMIN_RULE, word.place, reason=reason)
        return None
    if unit not in UNITS:
        hint = did_you_mean(unit, UNITS)
        reason = f"a rate is per second, minute, hour or day, not per {unit[:_SHOWN]!r}{hint}"
        border.report(codes.BAD_ADMIN_RULE, word.place, reason=reason)
        return None
    count = digits(text)
    if count is None or not 1 <= count <= MAX_RATE:
        border.report(codes.BAD_NUMBER, word.place, what="rate", value=text, low=1, high=MAX_RATE)
        return None
    return Rate(count, unit)
