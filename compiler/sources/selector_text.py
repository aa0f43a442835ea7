"""Label selectors as kubectl's `--selector` has them: `team=a,tier in (web, db),!legacy`.

The notation is that of `labels.Parse` of k8s.io/apimachinery, without `<` and `>`, which no selector of pods, projects
or nodes has.
"""

from __future__ import annotations

import re

from compiler.values.labels import Operator, Requirement, Selector
from compiler.values.names import refuse_label_key, refuse_label_value

_WORD = r"[^\s=!,()<>]+"
_REQUIREMENT = re.compile(
    rf"""\s*(?:
        !\s*(?P<absent>{_WORD})
      | (?P<key>{_WORD})(?:
            \s*(?P<sign>==?|!=)\s*(?P<value>{_WORD})?
          | \s+(?P<set>in|notin)\s*\((?P<values>[^()=!<>]*)\)
        )?
    )\s*(?P<end>,|$)""",
    re.VERBOSE,
)
_OPERATORS = {
    "=": Operator.IN,
    "==": Operator.IN,
    "in": Operator.IN,
    "!=": Operator.NOT_IN,
    "notin": Operator.NOT_IN,
}


def parse_selector(text: str) -> Selector:
    """The selector; of an empty text the one that selects everything.

    Raises ValueError with what is wrong.

    >>> str(parse_selector("tier in (web,db), !legacy,team==a"))
    '!legacy,team=a,tier in (db,web)'
    """
    requirements: list[Requirement] = []
    position, more = 0, bool(text.strip())
    while more:
        found = _REQUIREMENT.match(text, position)
        if found is None:
            rest = text[position:].strip()
            raise ValueError(f"cannot read {rest!r}" if rest else "it ends with a comma")
        requirements.append(_requirement(found))
        position, more = found.end(), found["end"] == ","
    return Selector(requirements)


def _requirement(found: re.Match[str]) -> Requirement:
    key = found["absent"] or found["key"]
    if reason := refuse_label_key(key):
        raise ValueError(f"label key {key!r}: {reason}")
    if found["absent"]:
        return Requirement(key, Operator.DOES_NOT_EXIST)
    word = found["sign"] or found["set"]
    if word is None:
        return Requirement(key, Operator.EXISTS)
    told = found["values"].split(",") if found["set"] else [found["value"] or ""]
    values = [value.strip() for value in told]
    for value in values:
        if reason := refuse_label_value(value):
            raise ValueError(f"label value {value!r}: {reason}")
    return Requirement(key, _OPERATORS[word], values)
