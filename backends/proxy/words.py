"""Words of configuration files.

What has no quotes that could be trusted everywhere is checked instead (OUT-05).
"""

from __future__ import annotations

import re

_WORD = re.compile(r"[A-Za-z0-9._:/-]+", re.ASCII)


def word(value: str) -> str:
    """The value itself, which squid and haproxy take as one word that means nothing but itself.

    squid reads a file where a value stands in double quotes.  Everything that comes here was checked at the border;
    raises ValueError for what was not.
    """
    if not _WORD.fullmatch(value):
        raise ValueError(f"not a word of a configuration file: {value!r}")
    return value
