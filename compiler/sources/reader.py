"""Typed access to decoded JSON or YAML, which reports what is wrong and goes on.

A `Cursor` stands on one value and knows its origin.  Its methods return the value in the type asked for, or
None after a report; so a reader is written as if everything was right, and still all errors of an object are
told at once.  A value of null counts as absent, as the Kubernetes API has it, but not as an element of a
list.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from compiler import codes
from compiler.diagnostics import Diagnostics
from compiler.origin import Origin, Path, Source, Step
from compiler.sources.positions import KeyStep, path_text
from compiler.suggest import did_you_mean


def type_name(value: object) -> str:
    """What a decoded value is called in messages."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case str():
            return "a string"
        case int():
            return "an integer"
        case float():
            return "a number"
        case list():
            return "a list"
        case _:
            return "a mapping"


@frozen(slots=True)
class Cursor:
    """A decoded value, the path that leads to it in its source, and where to report.

    The first `root` steps of the path lead to the object that the value belongs to.
    """

    value: object
    source: Source
    path: Path
    diagnostics: Diagnostics
    root: int = 0

    @property
    def origin(self) -> Origin:
        """Where the value was written."""
        return Origin(self.source, self.path)

    @property
    def name(self) -> str:
        """The path inside the object, as in `spec.ingress[0]`."""
        return path_text(self.path[self.root :])

    def as_object(self) -> Cursor:
        """The same value as the root of names in messages."""
        return Cursor(self.value, self.source, self.path, self.diagnostics, len(self.path))

    def _child(self, step: Step, value: object) -> Cursor:
        return Cursor(value, self.source, (*self.path, step), self.diagnostics, self.root)

    def wrong(self, expected: str) -> None:
        """Reports that the value is not what it should be."""
        found = type_name(self.value)
        self.diagnostics.report(
            codes.WRONG_TYPE, self.origin, field=self.name or "the document", expected=expected, found=found
        )

    def is_mapping(self) -> bool:
        """Whether the value is a mapping; reports if not."""
        if isinstance(self.value, dict):
            return True
        self.wrong("a mapping")
        return False

    def get(self, key: str) -> Cursor | None:
        """The value of a key; None if it is absent or null, or if this is no mapping."""
        value = self.value.get(key) if isinstance(self.value, dict) else None
        return None if value is None else self._child(key, value)

    def filled(self, key: str) -> Cursor | None:
        """As `get`, but an empty string counts as absent, as the API server has it for most fields."""
        found = self.get(key)
        return None if found is None or found.value == "" else found

    def require(self, key: str, kind: str) -> Cursor | None:
        """As `get`, but reports MISSING_FIELD."""
        found = self.get(key)
        if found is None and isinstance(self.value, dict):
            self.diagnostics.report(codes.MISSING_FIELD, self.origin, kind=kind, field=key)
        return found

    def only(self, kind: str, fields: Iterable[str]) -> None:
        """Reports every key of the mapping that is not among `fields`."""
        if not isinstance(self.value, dict):
            return
        known = tuple(fields)
        for key in self.value:
            if key not in known:
                self.diagnostics.report(
                    codes.UNKNOWN_FIELD,
                    self.origin.child(KeyStep(key)),
                    field=key,
                    kind=kind,
                    hint=did_you_mean(key, known),
                )

    def mapping(self, key: str) -> Cursor | None:
        """The mapping under a key; None if it is absent or, after a report, something else."""
        found = self.get(key)
        return found if found is not None and found.is_mapping() else None

    def entries(self) -> list[tuple[str, Cursor]]:
        """The keys of a mapping with their values, nulls included; none if this is no mapping."""
        if not isinstance(self.value, dict):
            return []
        return [(key, self._child(key, value)) for key, value in self.value.items()]

    def children(self) -> list[Cursor] | None:
        """The elements of a list, nulls included; None if this is no list."""
        if not isinstance(self.value, list):
            return None
        return [self._child(index, value) for index, value in enumerate(self.value)]

    def elements(self, key: str) -> list[Cursor] | None:
        """The elements of the list under a key, nulls included; None if it is absent or, after a report, no
        list.
        """
        found = self.get(key)
        if found is None:
            return None
        children = found.children()
        if children is None:
            found.wrong("a list")
        return children

    def mappings(self, key: str) -> list[Cursor] | None:
        """As `elements`; elements that are no mappings are reported and left out."""
        elements = self.elements(key)
        return None if elements is None else [element for element in elements if element.is_mapping()]

    def string(self) -> str | None:
        """The value as a string; reports anything else."""
        if isinstance(self.value, str):
            return self.value
        self.wrong("a string")
        return None

    def text(self, key: str) -> str | None:
        """The string under a key; None if it is absent or wrong."""
        found = self.get(key)
        return None if found is None else found.string()

    def integer(self) -> int | None:
        """The value as an integer; reports anything else, booleans and 1.0 included."""
        if isinstance(self.value, int) and not isinstance(self.value, bool):
            return self.value
        self.wrong("an integer")
        return None

    def flag(self, key: str) -> bool:
        """The boolean under a key; False if it is absent or wrong."""
        found = self.get(key)
        if found is None:
            return False
        if isinstance(found.value, bool):
            return found.value
        found.wrong("true or false")
        return False
