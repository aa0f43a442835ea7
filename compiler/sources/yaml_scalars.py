"""What a YAML scalar means: the core types of YAML 1.1, as kubectl reads them.

https://yaml.org/type/ has the types.  Left out are sexagesimal numbers (`12:30`), timestamps and binary data,
which stay strings or are refused: no object of Kubernetes has any.
"""

from __future__ import annotations

import re

CORE_TAG = "tag:yaml.org,2002:"

MAX_DIGITS = 100
"""Longer numbers stay strings: no field takes them, and converting digits costs the square of their number.
"""

_NULL = re.compile(r"~|null|Null|NULL|")
_TRUE = re.compile(r"true|True|TRUE|yes|Yes|YES|on|On|ON")
_FALSE = re.compile(r"false|False|FALSE|no|No|NO|off|Off|OFF")
_DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9_]*)", re.ASCII)
_BASED = re.compile(r"([-+]?)0(?:(b)([01_]+)|(x)([0-9a-fA-F_]+)|(o?)([0-7_]+))", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]{1,4})?", re.ASCII)
_SPECIAL = re.compile(r"([-+]?)\.(?:(inf|Inf|INF)|nan|NaN|NAN)")


class NotOfTag(Exception):
    """The text is no value of the type that the tag names."""


def resolve_plain(text: str) -> object:
    """The value of a plain scalar: null, a boolean, a number, or else the text itself.

    >>> resolve_plain("yes"), resolve_plain("0x1f"), resolve_plain("10.5"), resolve_plain("10.0.0.1")
    (True, 31, 10.5, '10.0.0.1')
    """
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text):
        return True
    if _FALSE.fullmatch(text):
        return False
    if not (text[0].isdigit() or text[0] in "+-.") or len(text) > MAX_DIGITS:
        return text
    if _DECIMAL.fullmatch(text):
        return int(text.replace("_", ""))
    if based := _BASED.fullmatch(text):
        return _based_integer(based) if any(c.isalnum() for c in text[2:]) or text[1:].isdigit() else text
    if _FLOAT.fullmatch(text):
        return float(text.replace("_", ""))
    if special := _SPECIAL.fullmatch(text):
        return float(special[1] + "inf") if special[2] else float("nan")
    return text


def _based_integer(match: re.Match[str]) -> int:
    sign, binary, binary_digits, hexadecimal, hexadecimal_digits, _, octal_digits = match.groups()
    if binary:
        digits, base = binary_digits, 2
    elif hexadecimal:
        digits, base = hexadecimal_digits, 16
    else:
        digits, base = octal_digits, 8
    return int(sign + digits.replace("_", ""), base)


def resolve_tagged(tag: str, text: str) -> object:
    """The value of a scalar with a tag.  Raises KeyError for a tag that is not allowed, NotOfTag for a text
    it does not fit.
    """
    wanted = {"str": str, "null": type(None), "bool": bool, "int": int, "float": float}[tag.removeprefix(CORE_TAG)]
    if wanted is str:
        return text
    value = resolve_plain(text)
    if wanted is float and type(value) is int:
        return float(value)
    if type(value) is not wanted:
        raise NotOfTag(f"{text!r} is no {tag.removeprefix(CORE_TAG)}")
    return value
