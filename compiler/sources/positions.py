"""Places in texts and documents: from offsets to origins, and paths as people write them."""

from __future__ import annotations

from compiler.origin import Origin, Path, Source, Span, Step


class KeyStep(str):
    """The last step of a path that means the key itself, not its value: where an unknown field is written."""

    __slots__ = ()


class Offset(int):
    """One of the last two steps of a path that means a piece of a string: the offset in it, counted in the decoded
    characters, at which the piece begins, or before which it ends.
    """

    __slots__ = ()


def piece_of(origin: Origin, start: int, end: int) -> Origin:
    """The place of the characters from `start` to before `end` of the string at `origin`."""
    return origin.child(Offset(start), Offset(end))


def split_piece(path: Path) -> tuple[Path, tuple[int, int] | None]:
    """The path to a value, and the piece of it that is meant; None: all of it."""
    match path:
        case (*most, Offset() as start, Offset() as end):
            return tuple(most), (start, end)
        case _:
            return path, None


def whole_source(name: str, text: str) -> Source:
    """A source without an inner structure: every path leads to its first character."""
    return Source(name, text, _first_character)


def origin_at(source: Source, start: int, end: int) -> Origin:
    """The place of the characters from offset `start` to before `end`."""
    return Origin(source, source.lines.span(start, end))


def _first_character(_path: Path) -> Span:
    return Span(1, 1, 2)


def path_text(path: tuple[Step, ...]) -> str:
    """A path as people write it: `spec.ingress[0].from`."""
    parts = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in path]
    return "".join(parts).removeprefix(".")
