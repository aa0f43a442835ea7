"""Parts put together: what several declarations tell of one thing has to agree, and names are unique."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from compiler import codes
from compiler.diagnostics import Diagnostics, Related
from compiler.origin import Origin

T = TypeVar("T")


class _Named(Protocol):
    """A declaration of a thing that has a name in its project."""

    @property
    def project(self) -> str:
        """The project's name."""

    @property
    def name(self) -> str:
        """The name inside the project."""

    @property
    def origin(self) -> Origin:
        """Where it was declared."""


Named = TypeVar("Named", bound=_Named)


def agree(
    what: str,
    told: Iterable[tuple[T | None, Origin]],
    diagnostics: Diagnostics,
    show: Callable[[T], object] = str,
) -> T | None:
    """The one value that everybody tells who tells one; reports DISAGREE for each that differs from the first."""
    first: tuple[T, Origin] | None = None
    for value, origin in told:
        if value is None:
            continue
        if first is None:
            first = (value, origin)
        elif value != first[0]:
            related = (Related("the other", first[1]),)
            one, other = show(value), show(first[0])
            diagnostics.report(codes.DISAGREE, origin, related=related, what=what, one=one, other=other)
    return first[0] if first else None


def in_order(parts: Iterable[T], origin: Callable[[T], Origin]) -> list[T]:
    """The parts in the order of their places, so that the order of the input does not matter (OUT-01)."""
    return sorted(parts, key=lambda part: origin(part).sort_key())


def grouped(parts: Iterable[T], name: Callable[[T], str]) -> list[tuple[str, list[T]]]:
    """The parts of each name, sorted by name; those of one name in the order in which they came."""
    groups: dict[str, list[T]] = defaultdict(list)
    for part in parts:
        groups[name(part)].append(part)
    return sorted(groups.items())


def unique(parts: Iterable[Named], what: str, diagnostics: Diagnostics) -> tuple[Named, ...]:
    """The parts sorted by name; reports DUPLICATE for a name that occurs again."""
    seen: dict[tuple[str, str], Named] = {}
    for part in parts:
        first = seen.setdefault((part.project, part.name), part)
        if first is not part:
            first, again = in_order((first, part), lambda part: part.origin)
            diagnostics.report(
                codes.DUPLICATE,
                again.origin,
                related=(Related("first defined here", first.origin),),
                what=what,
                name=f"{part.project}/{part.name}",
            )
    return tuple(seen[key] for key in sorted(seen))
