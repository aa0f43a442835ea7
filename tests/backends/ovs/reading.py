"""Reads flow files back into lines that have the strict form of a flow.

What packets they let through is `backends/ovs/walk.py`'s to say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from attrs import frozen

_VALUE = r"[0-9a-zA-Z+.:/-]+"
_ACTION = (
    r"drop|goto_table:\d+|output:(?:\d+|NXM_NX_REG2\[\])|load:(?:0|0x[0-9a-f]+)->NXM_NX_REG\d+\[\]"
    r"|move:NXM_NX_[A-Z0-9_]+\[[0-9.]*\]->NXM_NX_[A-Z0-9_]+\[[0-9.]*\]|set_field:[0-9a-f.:]+->(?:tun_dst|eth_src|eth_dst)"
    r"|group:\d+"
    r"|ct\(table=0,zone=1\)|ct\(commit,zone=1,exec\(move:NXM_NX_REG8\[\]->NXM_NX_CT_MARK\[\]\)\)"
    r"|note:[0-9a-f]{2}(?:\.[0-9a-f]{2})*"
)
FLOW = re.compile(
    rf"table=(?P<table>\d+), priority=(?P<priority>\d+)(?P<match>(?:,[a-z0-9_]+(?:={_VALUE})?)*)"
    rf" actions=(?P<actions>(?:{_ACTION})(?:,(?:{_ACTION}))*)",
    re.ASCII,
)
"""The only form that a flow has."""

_ACTIONS = re.compile(_ACTION)


@frozen
class Line:
    """A flow that was read back."""

    table: int
    priority: int
    match: Mapping[str, str]
    actions: tuple[str, ...]


def read_flows(text: str) -> list[Line]:
    """The flows of a file.  Raises ValueError for a line that is neither empty, nor a comment, nor a flow."""
    lines = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("#") or not line:
            continue
        found = FLOW.fullmatch(line)
        if found is None:
            raise ValueError(f"line {number} is no flow: {line!r}")
        fields = dict(part.partition("=")[::2] for part in found["match"].split(",") if part)
        actions = tuple(action.group() for action in _ACTIONS.finditer(found["actions"]))
        lines.append(Line(int(found["table"]), int(found["priority"]), fields, actions))
    return lines
