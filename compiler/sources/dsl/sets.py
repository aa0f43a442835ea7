"""Address sets and service sets: names for parts of rules, which may refer to each other across files.

A set is expanded where a rule uses it, by one walk over the sets that it reaches; so the time is linear in
what is reached, however the sets are nested.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Generic, TypeVar

from attrs import field, frozen

from compiler import codes
from compiler.diagnostics import Diagnostics, Related
from compiler.origin import Origin
from compiler.suggest import did_you_mean

Member = TypeVar("Member")

_SET_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*", re.ASCII)
MAX_SET_NAME = 63


def refuse_set_name(name: str, reserved: Collection[str]) -> str | None:
    """Why `name` is no name of a set, or None."""
    if name in reserved:
        return "the word has a meaning in rules"
    if len(name) > MAX_SET_NAME:
        return f"it has {len(name)} characters, at most {MAX_SET_NAME} are allowed"
    if not _SET_NAME.fullmatch(name):
        return "only letters, digits, - and _ are allowed, with a letter first"
    return None


def is_set_name(text: str) -> bool:
    """Whether a word in a list of addresses or services is meant as a set's name."""
    return _SET_NAME.fullmatch(text) is not None


@frozen(slots=True)
class Reference:
    """A set's name where a member stands."""

    name: str
    origin: Origin = field(eq=False)


@frozen(slots=True)
class NamedSet(Generic[Member]):
    """A set as it was written."""

    name: str
    members: tuple[Member | Reference, ...]
    origin: Origin = field(eq=False)


@frozen
class SetTable(Generic[Member]):
    """All sets of one kind (`address` or `service`) by name.

    `complete` is False if parts of the input could not be read: an unknown name is not reported then.
    """

    kind: str
    complete: bool
    _sets: dict[str, NamedSet[Member]] = field(factory=dict)
    _expanded: dict[str, tuple[Member, ...]] = field(factory=dict)

    def add(self, new: NamedSet[Member], diagnostics: Diagnostics) -> None:
        """Adds a set; reports DUPLICATE."""
        before = self._sets.setdefault(new.name, new)
        if before is not new:
            related = (Related("first defined here", before.origin),)
            what = f"{self.kind} set"
            diagnostics.report(codes.DUPLICATE, new.origin, related=related, what=what, name=new.name)

    def __contains__(self, name: str) -> bool:
        return name in self._sets

    def check(self, projects: Collection[str], diagnostics: Diagnostics) -> None:
        """Reports sets that do not exist (UNKNOWN_SET) and sets that contain themselves (SET_CYCLE)."""
        for named in self._sets.values():
            self.check_references(named.members, projects, diagnostics)
        self._check_cycles(diagnostics)

    def check_references(
        self, members: Iterable[Member | Reference], projects: Collection[str], diagnostics: Diagnostics
    ) -> None:
        """Reports UNKNOWN_SET for each member that refers to no set; `projects` may have been meant."""
        for member in members:
            if not isinstance(member, Reference) or member.name in self._sets or not self.complete:
                continue
            hint: object = did_you_mean(member.name, self._sets)
            if self.kind == "address" and member.name in projects:
                hint = f"; write `project {member.name}` for the project"
            diagnostics.report(codes.UNKNOWN_SET, member.origin, kind=self.kind, name=member.name, hint=hint)

    def expand(self, members: Iterable[Member | Reference]) -> tuple[Member, ...]:
        """The members with each set replaced by what is in it, each once, in the order of the text.

        Of a single set, which many rules may use, it is looked for once.
        """
        given = tuple(members)
        if len(given) != 1 or not isinstance(given[0], Reference):
            return self._walk(given)
        name = given[0].name
        if name not in self._expanded:
            self._expanded[name] = self._walk(given)
        return self._expanded[name]

    def _walk(self, members: Iterable[Member | Reference]) -> tuple[Member, ...]:
        found: dict[Member, None] = {}
        entered: set[str] = set()
        stack: list[Iterator[Member | Reference]] = [iter(members)]
        while stack:
            for member in stack[-1]:
                if not isinstance(member, Reference):
                    found.setdefault(member)
                elif member.name in self._sets and member.name not in entered:
                    entered.add(member.name)
                    stack.append(iter(self._sets[member.name].members))
                    break
            else:
                stack.pop()
        return tuple(found)

    def _references(self, name: str) -> Iterator[Reference]:
        for member in self._sets[name].members:
            if isinstance(member, Reference) and member.name in self._sets:
                yield member

    def _check_cycles(self, diagnostics: Diagnostics) -> None:
        """Depth-first, with the path as the keys of a dict, so that depth costs no recursion."""
        done: set[str] = set()
        for start in sorted(self._sets):
            if start in done:
                continue
            path = {start: self._references(start)}
            while path:
                name, references = next(reversed(path.items()))
                reference = next(references, None)
                if reference is None:
                    done.add(name)
                    del path[name]
                elif reference.name in path:
                    self._report_cycle(list(path), reference, diagnostics)
                elif reference.name not in done:
                    path[reference.name] = self._references(reference.name)

    def _report_cycle(self, path: list[str], reference: Reference, diagnostics: Diagnostics) -> None:
        cycle = [*path[path.index(reference.name) :], reference.name]
        text = " → ".join(cycle)
        diagnostics.report(codes.SET_CYCLE, reference.origin, kind=self.kind, name=reference.name, cycle=text)
