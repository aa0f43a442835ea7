"""Which lines differ in what the nodes run, by the statement that asked for them.

Nodes are compared one by one, so that only one node's files of each side are in memory.  A line of a chain that stands
elsewhere in it is gone in one place and new in another; the order of anything else means nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from difflib import SequenceMatcher
from functools import partial

from attrs import field, frozen

from sdnc.diff.lines import NODE, Line, Section, Sections, sections, without_scripts
from sdnc.diff.sides import CLUSTER, NO_TEXT, KnownBy, NodeText, Side
from sdnc.diff.statements import Statement, by_comment, chosen, moved_places, placed


@frozen
class ChangedLine:
    """A line that is new (`added`) or gone on some nodes (`nodes`, sorted; none: it is no node's).

    `where` is what it is in: `flows`, `chain filter SDNC-ADMIN-RULES`.
    """

    added: bool
    where: str
    text: str
    nodes: tuple[str, ...]

    @property
    def count(self) -> int:
        """In how many places it changes."""
        return max(1, len(self.nodes))


@frozen
class StatementChange:
    """The lines that change because of one statement.

    `text` is what it is called (`policy shop/api`; "" if only its place is known), `place` where it stands, in the new
    version if it is there (`FILE:LINE`; "" if nobody knows).
    """

    text: str
    place: str
    lines: tuple[ChangedLine, ...] = field(repr=False)

    @property
    def added(self) -> int:
        """How many lines are new, each node's counted."""
        return sum(line.count for line in self.lines if line.added)

    @property
    def removed(self) -> int:
        """How many lines are gone, each node's counted."""
        return sum(line.count for line in self.lines if not line.added)

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes that the lines are on."""
        return tuple(sorted({node for line in self.lines for node in line.nodes}))


@frozen
class RuleChanges:
    """All lines that differ: by statement, those with the most lines first.

    `nodes_added` and `nodes_removed` are nodes on one side only, with the number of their lines, which are in no
    statement.  `known_by` is what tells statements apart here.
    """

    known_by: KnownBy = field(eq=False)
    statements: tuple[StatementChange, ...] = ()
    nodes_added: tuple[tuple[str, int], ...] = ()
    nodes_removed: tuple[tuple[str, int], ...] = ()

    @property
    def same(self) -> bool:
        """Whether every node runs the same."""
        return not (self.statements or self.nodes_added or self.nodes_removed)

    @property
    def added(self) -> int:
        """How many lines are new."""
        return sum(each.added for each in self.statements) + sum(count for _, count in self.nodes_added)

    @property
    def removed(self) -> int:
        """How many lines are gone."""
        return sum(each.removed for each in self.statements) + sum(count for _, count in self.nodes_removed)

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes that run something else."""
        changed = {node for each in self.statements for node in each.nodes}
        return tuple(sorted(changed.union(name for name, _ in (*self.nodes_added, *self.nodes_removed))))


_Told = Callable[[Line], Statement]
"""The statement that a changed line is told with."""


def compare_rules(old: Side, new: Side) -> RuleChanges:
    """The lines that differ between two versions.  Raises what reading a bundle raises."""
    known_by, tellers = _attribution(old, new)
    gathered = _Gathered()
    alone: dict[bool, list[tuple[str, int]]] = {True: [], False: []}
    for node in sorted({CLUSTER} | old.nodes | new.nodes):
        before = old.files(node, known_by) if node in old.nodes | {CLUSTER} else NO_TEXT
        after = new.files(node, known_by) if node in new.nodes | {CLUSTER} else NO_TEXT
        if before.texts == after.texts:
            continue
        if node != CLUSTER and (node in old.nodes) != (node in new.nodes):
            there = after if node in new.nodes else before
            count = sum(len(section.lines) for section in sections(without_scripts(there.texts)).values())
            alone[node in new.nodes].append((node, count))
        else:
            _compare_node(node, before, after, tellers, gathered)
    return RuleChanges(known_by, gathered.statements(), tuple(alone[True]), tuple(alone[False]))


_Pairs = list[tuple[Line, Line]]
"""Lines that both versions have."""

_Tellers = Callable[[NodeText, NodeText, _Pairs], tuple[_Told, _Told]]
"""Who a line that is gone, and one that is new, is told with, on one node."""


def _attribution(old: Side, new: Side) -> tuple[KnownBy, _Tellers]:
    if old.declared is not None and new.declared is not None:
        changed = new.declared.changed_from(old.declared)
        if len(changed) == 1:
            (only,) = changed
            told = new.declared.named(only) or old.declared.named(only)
            if told is not None:
                return KnownBy.NAME, partial(_by_only, told)
        return KnownBy.NAME, partial(_by_name, changed)
    if old.has_provenance and new.has_provenance:
        return KnownBy.PLACE, _by_place
    return KnownBy.COMMENT, lambda before, after, pairs: (by_comment, by_comment)


def _by_only(told: Statement, _before: NodeText, _after: NodeText, _pairs: _Pairs) -> tuple[_Told, _Told]:
    """Everything is the doing of the one statement that changed."""
    return lambda line: told, lambda line: told


def _by_name(changed: frozenset[str], before: NodeText, after: NodeText, _pairs: _Pairs) -> tuple[_Told, _Told]:
    def of(text: NodeText) -> _Told:
        return lambda line: chosen(text.behind(line), changed.__contains__) or by_comment(line)

    return of(before), of(after)


def _by_place(before: NodeText, after: NodeText, pairs: _Pairs) -> tuple[_Told, _Told]:
    moved = moved_places(pairs, before.behind, after.behind)
    stayed = frozenset(moved.values())

    def tell_old(line: Line) -> Statement:
        found = chosen(before.behind(line), lambda key: key not in moved)
        if found is None:
            return by_comment(line)
        if found.key in moved:
            return placed(moved[found.key])
        return Statement(f"old {found.key}", "", 0, None, f"{found.place} (old)")

    def tell_new(line: Line) -> Statement:
        return chosen(after.behind(line), lambda key: key not in stayed) or by_comment(line)

    return tell_old, tell_new


@frozen
class _Gathered:
    """What one comparison gathers: for each statement its lines and their nodes."""

    _nodes: dict[Statement, dict[tuple[bool, str, str], list[str]]] = field(factory=lambda: defaultdict(dict))
    _new: dict[str, Statement] = field(factory=dict)

    def add(self, statement: Statement, added: bool, where: str, text: str, node: str) -> None:
        self._nodes[statement].setdefault((added, where, text), []).append(node)
        if added:
            self._new.setdefault(statement.key, statement)

    def statements(self) -> tuple[StatementChange, ...]:
        changes = [
            StatementChange(
                statement.text,
                self._new.get(statement.key, statement).place,
                tuple(
                    ChangedLine(added, where, text, tuple(sorted(node for node in nodes if node)))
                    for (added, where, text), nodes in sorted(lines.items(), key=lambda item: item[0][1:] + item[0][:1])
                ),
            )
            for statement, lines in self._nodes.items()
        ]
        return tuple(sorted(changes, key=lambda each: (-each.added - each.removed, each.text, each.place)))


def _compare_node(node: str, before: NodeText, after: NodeText, tellers: _Tellers, gathered: _Gathered) -> None:
    old, new = _sections_of_both(before.texts, after.texts)
    pairs: list[tuple[Line, Line]] = []
    differing: list[tuple[str, bool, Line]] = []
    for where in sorted(old.keys() | new.keys()):
        one, other = old.get(where, Section(())), new.get(where, Section(()))
        for line, same in _differences(one, other):
            if line is not None and same is not None:
                pairs.append((line, same))
            elif line is not None:
                differing.append((where, False, line))
            elif same is not None:
                differing.append((where, True, same))
    if not differing:
        return
    tell_old, tell_new = tellers(before, after, pairs)
    for where, added, line in differing:
        gathered.add((tell_new if added else tell_old)(line), added, where, line.text, node)


def _sections_of_both(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[Sections, Sections]:
    """The lines of both versions; scripts only if `node.json`, which says the same, has no difference."""
    if NODE in old and NODE in new and old[NODE] != new[NODE]:
        old, new = without_scripts(old), without_scripts(new)
    # Files that are equal need no look into.
    same = {path for path in old.keys() & new.keys() if old[path] == new[path]}
    return (
        sections({path: text for path, text in old.items() if path not in same}),
        sections({path: text for path, text in new.items() if path not in same}),
    )


def _differences(old: Section, new: Section) -> Iterator[tuple[Line | None, Line | None]]:
    """Lines that both have as pairs, and the others alone."""
    if old.ordered or new.ordered:
        yield from _ordered_differences(old.lines, new.lines)
        return
    after = {line.text: line for line in new.lines}
    before = {line.text: line for line in old.lines}
    for line in old.lines:
        yield line, after.get(line.text)
    for line in new.lines:
        if line.text not in before:
            yield None, line


def _ordered_differences(old: tuple[Line, ...], new: tuple[Line, ...]) -> Iterator[tuple[Line | None, Line | None]]:
    # Comparing is quadratic in what is left when the common beginning and end are gone.
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    yield from zip(old[:start], new[:start], strict=True)
    one, other = old[start : len(old) - end], new[start : len(new) - end]
    matcher = SequenceMatcher(None, [line.text for line in one], [line.text for line in other], autojunk=False)
    for kind, first, last, other_first, other_last in matcher.get_opcodes():
        if kind == "equal":
            yield from zip(one[first:last], other[other_first:other_last], strict=True)
        else:
            yield from ((line, None) for line in one[first:last])
            yield from ((None, line) for line in other[other_first:other_last])
    yield from zip(old[len(old) - end :], new[len(new) - end :], strict=True)
