"""A difference in words: the summary, and for each change a line with its sign and what belongs to it.

The formats for people share it; they add colours or a fence, and cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from attrs import frozen

from compiler.compare.comparison import (
    Comparison,
    ConnectionChange,
    Exit,
    HandlingChange,
    MulticastChange,
    Party,
    PodAt,
    RouterChange,
    SourceChange,
)
from compiler.model.model import AddressRanges
from compiler.origin import Origin
from compiler.values.prefix import format_address
from sdnc.diff.difference import Difference
from sdnc.diff.rules import ChangedLine, RuleChanges, StatementChange
from sdnc.diff.sides import KnownBy

ADDED, REMOVED, CHANGED = "+", "-", "~"

_FEW = 3
"""So many statements and names are told without being asked for more."""


@frozen
class Item:
    """One change: its sign, its line, the lines that explain it, and those for whoever wants to know everything."""

    sign: str
    text: str
    details: tuple[str, ...] = ()
    more: tuple[str, ...] = ()


def summary(difference: Difference) -> str:
    """The whole difference in one line."""
    if difference.same:
        return "same meaning" if difference.rules is None else "no difference"
    meaning = [] if difference.meaning is None else ["same meaning"]
    if difference.meaning is not None and not difference.meaning.same:
        meaning = [", ".join(_meaning_counts(difference.meaning))]
    return "; ".join(meaning + ([] if difference.rules is None else [_rule_counts(difference.rules)]))


def _meaning_counts(meaning: Comparison) -> Iterator[str]:
    allowed = sum(change.allowed for change in meaning.connections)
    denied = len(meaning.connections) - allowed
    if allowed:
        yield f"{count(allowed, 'connection')} {'becomes' if allowed == 1 else 'become'} allowed"
    if denied:
        yield (
            f"{denied} denied"
            if allowed
            else f"{count(denied, 'connection')} {'becomes' if denied == 1 else 'become'} denied"
        )
    if projects := {change.project for change in meaning.sources}:
        yield f"{count(len(projects), 'project')} {'leaves' if len(projects) == 1 else 'leave'} by other ways"
    if meaning.handling:
        yield f"{count(len(meaning.handling), 'treatment')} by administrator's rules {_change(len(meaning.handling))}"
    for number, what in (
        (len(meaning.multicast), "multicast change"),
        (len(meaning.routers), "egress router change"),
        (len(meaning.settings), "setting change"),
    ):
        if number:
            yield count(number, what)
    for pods, what in ((meaning.pods_added, "new"), (meaning.pods_removed, "gone")):
        if pods:
            yield f"{count(len(pods), 'pod')} {what}"


def _rule_counts(rules: RuleChanges) -> str:
    number = rules.added + rules.removed
    if not number:
        return "no rule changes"
    nodes = f" on {count(len(rules.nodes), 'node')}" if rules.nodes else ""
    return f"{count(number, 'rule')}{nodes} {_change(number)} (+{rules.added} -{rules.removed})"


def _change(number: int) -> str:
    return "changes" if number == 1 else "change"


def count(number: int, what: str) -> str:
    """`1 rule`, `1,200 rules`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def meaning_items(difference: Difference) -> list[Item]:
    """What changes in meaning, settings of the whole network first."""
    meaning = difference.meaning
    if meaning is None:
        return []
    return [
        *(Item(CHANGED, f"{change.what}: {change.old} -> {change.new}") for change in meaning.settings),
        *(_connection(change, difference) for change in meaning.connections),
        *(_source(change, difference) for change in meaning.sources),
        *(_handling(change, difference) for change in meaning.handling),
        *(_multicast(change, difference) for change in meaning.multicast),
        *(_router(change, difference) for change in meaning.routers),
        *_pods(ADDED, "new", meaning.pods_added),
        *_pods(REMOVED, "gone", meaning.pods_removed),
    ]


def _connection(change: ConnectionChange, difference: Difference) -> Item:
    but = f" (but for {change.but} at a pod's own node)" if change.but else ""
    return Item(
        ADDED if change.allowed else REMOVED,
        f"{change.sources.text} -> {change.destinations.text}: {change.services}{but}",
        _statements(difference, change.old, change.new, "nothing spoke of it", "nothing speaks of it"),
        (*_members("from", change.sources), *_members("to", change.destinations)),
    )


def _source(change: SourceChange, difference: Difference) -> Item:
    who = change.pods.text if change.pods.size else f"project {change.project}"
    return Item(
        CHANGED,
        f"{who} leaves as {_exits(change.old)} -> {_exits(change.new)}",
        _statements(difference, change.old_origins, change.new_origins),
        tuple(_members("pods", change.pods)),
    )


def _exits(exits: Iterable[Exit]) -> str:
    return " or ".join(f"{format_address(each.address)} ({each.node})" for each in exits) or "nothing (dropped)"


def _handling(change: HandlingChange, difference: Difference) -> Item:
    old, new = ("; ".join(each) or "nothing" for each in (change.old, change.new))
    but = " (but for addresses of a pod's own node and of those by which it leaves)" if change.but_local else ""
    return Item(
        CHANGED,
        f"{change.sources.text} -> {change.destinations.text}: {change.services}{but}: {old} -> {new}",
        _statements(difference, change.old_origins, change.new_origins),
        (*_members("from", change.sources), *_members("to", change.destinations)),
    )


def _multicast(change: MulticastChange, difference: Difference) -> Item:
    return Item(
        ADDED if change.allowed else REMOVED,
        f"multicast: {change.sources.text} -> {change.destinations.text}",
        _statements(difference, change.old, change.new),
        (*_members("from", change.sources), *_members("to", change.destinations)),
    )


def _router(change: RouterChange, difference: Difference) -> Item:
    sign = CHANGED if change.what else ADDED if change.new else REMOVED
    settings = tuple(f"{what}: {old} -> {new}" for what, old, new in change.what)
    old, new = ((origin,) if origin else () for origin in (change.old, change.new))
    return Item(sign, f"egress router {change.router}", (*settings, *_statements(difference, old, new)))


def _pods(sign: str, what: str, pods: Sequence[PodAt]) -> Iterator[Item]:
    if pods:
        names = [f"{pod.name} ({format_address(pod.address)})" for pod in pods]
        yield Item(sign, f"{count(len(pods), 'pod')} {what}: {few(names)}", more=tuple(names[_FEW:]))


def _statements(
    difference: Difference,
    old: Sequence[Origin],
    new: Sequence[Origin],
    no_old: str = "",
    no_new: str = "",
) -> tuple[str, ...]:
    """The statements behind a change, each side in a line; no line if there are none on either side."""
    if not old and not new:
        return ()
    before = few([str(told) for told in dict.fromkeys(difference.told(origin, True) for origin in old)]) or no_old
    after = few([str(told) for told in dict.fromkeys(difference.told(origin, False) for origin in new)]) or no_new
    return tuple(f"{side}: {told}" for side, told in (("old", before), ("new", after)) if told)


def few(texts: Sequence[str]) -> str:
    """The first of some texts, and how many more there are."""
    more = f" and {len(texts) - _FEW:,} more" if len(texts) > _FEW else ""
    return ", ".join(texts[:_FEW]) + more


def _members(side: str, party: Party) -> Iterator[str]:
    names = [
        *(f"{pod.name} ({format_address(pod.address)})" for pod in party.pods),
        *(f"{node.name} ({format_address(node.address)})" for node in party.nodes),
        *ranges_text(party.ranges),
    ]
    if names:
        yield f"{side}: {', '.join(names)}"


def ranges_text(ranges: AddressRanges) -> list[str]:
    """Each range as `FIRST` or `FIRST-LAST`."""
    return [
        format_address(first) if first == last else f"{format_address(first)}-{format_address(last)}"
        for first, last in ranges
    ]


def rule_items(rules: RuleChanges) -> list[Item]:
    """Which lines change: nodes that come and go, then statement by statement."""
    return [
        *(Item(ADDED, f"node {name} is new: {count(number, 'rule')}") for name, number in rules.nodes_added),
        *(Item(REMOVED, f"node {name} is gone: {count(number, 'rule')}") for name, number in rules.nodes_removed),
        *map(_statement, rules.statements),
    ]


def title_of_rules(difference: Difference) -> str:
    """What the rules are sorted by."""
    by_comment = difference.rules is not None and difference.rules.known_by is KnownBy.COMMENT
    return "rules by what they are for" if by_comment else "rules by statement"


def _statement(change: StatementChange) -> Item:
    nodes = f" on {count(len(change.nodes), 'node')}" if change.nodes else ""
    place = f" ({change.place})" if change.text and change.place else change.place
    return Item(
        CHANGED,
        f"+{change.added} -{change.removed}{nodes}: {change.text}{place}",
        more=tuple(_line(line) for line in change.lines),
    )


def _line(line: ChangedLine) -> str:
    nodes = f"  [{few(line.nodes)}]" if line.nodes else ""
    return f"{ADDED if line.added else REMOVED} {line.where}: {line.text}{nodes}"


def visible(text: str) -> str:
    """The text with control and other invisible characters escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
