"""Both levels of a comparison together: what changes in meaning, and which lines do."""

from __future__ import annotations

from attrs import field, frozen

from compiler.compare.compare import compare
from compiler.compare.comparison import Comparison
from compiler.origin import Origin
from sdnc.diff.inputs import Inputs
from sdnc.diff.rules import RuleChanges, compare_rules
from sdnc.diff.sides import Side, Sources
from sdnc.diff.statements import Declared, place_of


@frozen
class Told:
    """A statement as people are told of it: `place` is `FILE:LINE`, `text` what it is called (`policy shop/api`)."""

    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.place} ({self.text})" if self.text else self.place


@frozen
class Difference:
    """The difference of two versions of a cluster.

    `meaning` is None where there is none to compare: a bundle has rules only, and of nothing everything is new.
    `rules` is None if only the meaning was asked for.  `notes` are about the input, one line each.
    """

    meaning: Comparison | None
    rules: RuleChanges | None
    notes: tuple[str, ...] = ()
    _old: Declared | None = field(default=None, repr=False, eq=False)
    _new: Declared | None = field(default=None, repr=False, eq=False)

    @property
    def same(self) -> bool:
        """Whether everything that was compared is the same."""
        return (self.meaning is None or self.meaning.same) and (self.rules is None or self.rules.same)

    def told(self, origin: Origin, old: bool) -> Told:
        """The statement at a place in the old, or in the new sources."""
        declared = self._old if old else self._new
        return Told(place_of(origin), declared.statement(origin).text if declared else "")


class NoMeaning(ValueError):
    """Only the meaning was asked for, and a side has none."""


def difference(inputs: Inputs, *, meaning_only: bool = False) -> Difference:
    """Compares the two sides.  Raises `NoMeaning` if `meaning_only` is asked of a bundle, or of nothing; what
    `compare_rules` raises."""
    old, new = inputs.old, inputs.new
    meaning, notes = None, inputs.notes
    if isinstance(old, Sources) and isinstance(new, Sources):
        if old.compilation is not None and new.compilation is not None:
            meaning = compare(old.compilation, new.compilation)
    else:
        notes = (*notes, f"{_bundles(old, new)}: a bundle holds rules only, so no meaning is compared")
    if meaning is None and meaning_only:
        raise NoMeaning(notes[-1])
    rules = None if meaning_only else compare_rules(old, new)
    return Difference(meaning, rules, notes, old.declared, new.declared)


def _bundles(old: Side, new: Side) -> str:
    return ", ".join(side.title for side in (old, new) if not isinstance(side, Sources))
