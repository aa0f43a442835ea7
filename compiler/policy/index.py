"""An index over labels that evaluates a selector with one `&` or `|` for each requirement, however many things have
labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from attrs import frozen

from compiler.policy.bits import bits_of
from compiler.values.labels import Labels, Operator, Requirement, Selector


@frozen
class LabelIndex:
    """For each label, and each key alone, the set of the cells that have it."""

    cells: int
    by_label: Mapping[tuple[str, str], int]
    by_key: Mapping[str, int]

    @classmethod
    def of(cls, labelled: Iterable[tuple[int, Labels]]) -> LabelIndex:
        """The index over cells and their labels."""
        cells: list[int] = []
        by_label: dict[tuple[str, str], list[int]] = defaultdict(list)
        by_key: dict[str, list[int]] = defaultdict(list)
        for cell, labels in labelled:
            cells.append(cell)
            for label in labels.items:
                by_label[label].append(cell)
                by_key[label[0]].append(cell)
        return cls(
            bits_of(cells),
            {label: bits_of(having) for label, having in by_label.items()},
            {key: bits_of(having) for key, having in by_key.items()},
        )

    def select(self, selector: Selector) -> int:
        """The set of the cells whose labels the selector matches (NP-06)."""
        cells = self.cells
        for requirement in selector.requirements:
            cells &= self._fulfil(requirement)
        return cells

    def _fulfil(self, requirement: Requirement) -> int:
        match requirement.operator:
            case Operator.IN:
                return self._any(requirement)
            case Operator.NOT_IN:
                return self.cells & ~self._any(requirement)
            case Operator.EXISTS:
                return self.by_key.get(requirement.key, 0)
            case Operator.DOES_NOT_EXIST:
                return self.cells & ~self.by_key.get(requirement.key, 0)

    def _any(self, requirement: Requirement) -> int:
        having = 0
        for value in requirement.values:
            having |= self.by_label.get((requirement.key, value), 0)
        return having
