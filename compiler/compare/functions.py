"""What one class of pods may do, as a function from ends to services, and where two such functions differ.

Sets of ends are integers over the atoms of `worlds.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from attrs import field, frozen

from compiler.compare.services import common
from compiler.origin import Origin
from compiler.policy.bits import EVERYTHING as ALL_ENDS
from compiler.values.services import EVERYTHING, NOTHING, ServiceSet


@frozen(slots=True)
class Permission:
    """Some ends may be talked to with `services`; `origins` are the rules that say so."""

    ends: int
    services: ServiceSet
    origins: tuple[Origin, ...] = field(default=(), eq=False)


@frozen(slots=True)
class Governed:
    """What governs a class of pods in one direction: all that it permits, and the policies that forbid the rest."""

    permissions: tuple[Permission, ...]
    origins: tuple[Origin, ...] = field(default=(), eq=False)

    def parts(self, within: int) -> list[tuple[int, ServiceSet]]:
        """The ends of a set, those together that may use the same services."""
        parts = [(within, NOTHING)]
        for permission in self.permissions:
            inside = permission.ends
            if not inside & within:
                continue
            split = []
            for ends, services in parts:
                if ends & inside:
                    split.append((ends & inside, services | permission.services))
                if ends & ~inside:
                    split.append((ends & ~inside, services))
            parts = split
        together: dict[ServiceSet, int] = {}
        for ends, services in parts:
            together[services] = together.get(services, 0) | ends
        return [(ends, services) for services, ends in together.items() if ends]

    def granting(self, ends: int, services: ServiceSet) -> Iterable[Origin]:
        """The rules by which some of the ends may use some of the services."""
        for permission in self.permissions:
            if permission.ends & ends and common(permission.services, services):
                yield from permission.origins


OPEN = Governed((Permission(ALL_ENDS, EVERYTHING),))
"""No policy: everything passes (NP-02)."""

ABSENT = Governed(())
"""Not there: nothing passes."""

Part = tuple[int, ServiceSet, ServiceSet]
"""Ends with what they may use on the old and on the new side."""


@frozen(slots=True)
class Pair:
    """Ends (`members`) that are governed alike on each side."""

    members: int
    old: Governed
    new: Governed

    def parts(self, within: int) -> list[Part]:
        """The ends of a set, those together that may use the same services on both sides."""
        if self.old is self.new:
            return [(ends, services, services) for ends, services in self.old.parts(within)]
        return [(ends, old, new) for whole, old in self.old.parts(within) for ends, new in self.new.parts(whole)]

    def differences(self, within: int) -> list[Part]:
        """The parts that differ."""
        if touched := self._touched(within):
            return [part for part in self.parts(touched) if part[1] != part[2]]
        return []

    def _touched(self, within: int) -> int:
        """The ends of a set of which one side says what the other one does not say in the same way."""
        if self.old is self.new:
            return 0
        sides = [_written(side.permissions, within) for side in (self.old, self.new)]
        touched = 0
        for one, other in (sides, sides[::-1]):
            for ends, _ in one - other:
                touched |= ends
        return touched


def _written(permissions: Sequence[Permission], within: int) -> Counter[tuple[int, ServiceSet]]:
    return Counter((ends, each.services) for each in permissions if (ends := each.ends & within))
