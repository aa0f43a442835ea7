"""Label selectors of objects (Kubernetes API: LabelSelector), checked as the API server does (NP-16)."""

from __future__ import annotations

from collections.abc import Iterator

from compiler import codes
from compiler.sources.reader import Cursor
from compiler.sources.scalars import read_label_pairs, report_label
from compiler.suggest import did_you_mean
from compiler.values.labels import Operator, Requirement, Selector
from compiler.values.names import refuse_label_key, refuse_label_value

_KIND = "a selector"
_REQUIREMENT = "a requirement of matchExpressions"
_OPERATORS = {operator.value: operator for operator in Operator}
_WITH_VALUES = (Operator.IN, Operator.NOT_IN)


def read_selector(cursor: Cursor) -> Selector:
    """The selector in a mapping; parts that are reported are left out."""
    if not cursor.is_mapping():
        return Selector()
    cursor.only(_KIND, ("matchLabels", "matchExpressions"))
    requirements = [
        Requirement(key, Operator.IN, (value,)) for key, value in read_label_pairs(cursor.get("matchLabels"))
    ]
    for expression in cursor.mappings("matchExpressions") or ():
        requirements.extend(_read_requirement(expression))
    return Selector(requirements)


def _read_requirement(cursor: Cursor) -> Iterator[Requirement]:
    cursor.only(_REQUIREMENT, ("key", "operator", "values"))
    key = _read_key(cursor)
    operator = _read_operator(cursor)
    values = _read_values(cursor)
    if operator is None:
        return
    if operator in _WITH_VALUES and values == []:
        _bad(cursor, f"{operator.value} needs values")
    elif operator not in _WITH_VALUES and values != []:
        _bad(cursor, f"{operator.value} takes no values")
    elif key is not None and values is not None:
        yield Requirement(key, operator, tuple(values))


def _read_key(cursor: Cursor) -> str | None:
    found = cursor.require("key", _REQUIREMENT)
    key = found.string() if found else None
    if found and key is not None and (reason := refuse_label_key(key)):
        report_label(found, "label key", key, reason)
        return None
    return key


def _read_operator(cursor: Cursor) -> Operator | None:
    found = cursor.require("operator", _REQUIREMENT)
    name = found.string() if found else None
    if found and name is not None and name not in _OPERATORS:
        _bad(found, f"unknown operator {name!r}{did_you_mean(name, _OPERATORS)}")
    return _OPERATORS.get(name or "")


def _read_values(cursor: Cursor) -> list[str] | None:
    """The values; empty if there are none, None if one of them is wrong."""
    elements = cursor.elements("values")
    if elements is None:
        return [] if cursor.get("values") is None else None
    values = []
    for element in elements:
        value = element.string()
        if value is not None and (reason := refuse_label_value(value)):
            report_label(element, "label value", value, reason)
        elif value is not None:
            values.append(value)
    return values if len(values) == len(elements) else None


def _bad(cursor: Cursor, reason: str) -> None:
    cursor.diagnostics.report(codes.BAD_SELECTOR, cursor.origin, reason=reason)
