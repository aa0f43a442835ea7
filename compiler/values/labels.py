"""Labels and label selectors (Kubernetes API: LabelSelector), canonical by construction.

`matchLabels` is written as `In` with one value, so that both notations of one selector are equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum

from attrs import field, frozen

NAME_LABEL = "kubernetes.io/metadata.name"
"""The label that every project has, with its name as the value (NP-06)."""


def _sorted_items(labels: Mapping[str, str] | Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(dict(labels).items()))


@frozen(slots=True, order=True)
class Labels:
    """Key/value pairs, sorted by key; hashable."""

    items: tuple[tuple[str, str], ...] = field(default=(), converter=_sorted_items)

    def get(self, key: str) -> str | None:
        """The value of `key`, or None."""
        return next((value for name, value in self.items if name == key), None)

    def __str__(self) -> str:
        return ", ".join(f"{key}={value}" for key, value in self.items) or "none"


NO_LABELS = Labels()


class Operator(Enum):
    """The operators of LabelSelectorRequirement."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values)))


@frozen(slots=True)
class Requirement:
    """One condition on one key.  `values` is empty for Exists and DoesNotExist."""

    key: str
    operator: Operator
    values: tuple[str, ...] = field(default=(), converter=_unique)

    def matches(self, labels: Labels) -> bool:
        """Whether labels fulfil it; NotIn and DoesNotExist hold for a missing key (NP-06)."""
        value = labels.get(self.key)
        match self.operator:
            case Operator.IN:
                return value is not None and value in self.values
            case Operator.NOT_IN:
                return value is None or value not in self.values
            case Operator.EXISTS:
                return value is not None
            case Operator.DOES_NOT_EXIST:
                return value is None

    def __str__(self) -> str:
        match self.operator:
            case Operator.IN if len(self.values) == 1:
                return f"{self.key}={self.values[0]}"
            case Operator.IN:
                return f"{self.key} in ({','.join(self.values)})"
            case Operator.NOT_IN:
                return f"{self.key} notin ({','.join(self.values)})"
            case Operator.EXISTS:
                return self.key
            case Operator.DOES_NOT_EXIST:
                return f"!{self.key}"


def _canonical(requirements: Iterable[Requirement]) -> tuple[Requirement, ...]:
    return tuple(sorted(set(requirements), key=str))


@frozen(slots=True)
class Selector:
    """All requirements together; without one it selects everything."""

    requirements: tuple[Requirement, ...] = field(default=(), converter=_canonical)

    @classmethod
    def equal(cls, labels: Mapping[str, str] | Iterable[tuple[str, str]]) -> Selector:
        """The selector that `matchLabels` writes."""
        return cls(Requirement(key, Operator.IN, (value,)) for key, value in dict(labels).items())

    def matches(self, labels: Labels) -> bool:
        """Whether labels fulfil every requirement."""
        return all(requirement.matches(labels) for requirement in self.requirements)

    def __str__(self) -> str:
        """Canonical text, in the notation of `kubectl get -l`; `*` for the empty selector."""
        return ",".join(map(str, self.requirements)) or "*"


SELECT_ALL = Selector()
