"""What a syntax error says: expected this, found that, and perhaps the keyword that was meant."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches

from attrs import frozen

from grammar.syntax import Place

MAX_GUESS = 40
"""Longer words are not compared with keywords: it would take time, and nobody misspells so much."""

MAX_LISTED = 80
"""Characters of a list of alternatives; a longer one helps nobody."""

_AFTER = {
    "address": "an address such as 10.128.0.5",
    "allow": "services such as tcp/80, or any",
    "except": "a network such as 10.128.0.0/23",
    "from": "a peer such as project shop, or anyone",
    "host-bits": "a number",
    "mode": "subnet, multitenant or networkpolicy",
    "mtu": "a number",
    "netid": "a number",
    "of-port": "a number",
    "pods": "a selector such as app=web, or all",
    "projects": "a selector such as team=web, or all",
    "select": "a selector such as app=web, or all",
    "subnet": "a network such as 10.128.0.0/23",
    "vxlan-port": "a number",
}
"""What a word behind this keyword is; elsewhere it is a name."""


@frozen(slots=True)
class Fault:
    """A syntax error: where, what could have stood there, what does, and a hint (with its separator)."""

    place: Place
    expected: str
    found: str
    hint: str = ""

    def __str__(self) -> str:
        return f"expected {self.expected}, found {self.found}{self.hint}"


def _alternatives(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def expectation(accepted: Collection[str], statements: Collection[str], after: str) -> str:
    """What the parser could have gone on with, in words.

    `accepted` are the keywords and marks that fit, with `WORD` for a word and `$END`; `statements` are the
    keywords that begin a statement; `after` is the word before.
    """
    if "WORD" in accepted and after in _AFTER:
        return _AFTER[after]
    fitting = set(accepted) - {"$END", ";", "*"}
    words: list[str] = []
    if "WORD" in fitting:
        fitting -= {"WORD"}
        words.append("a name")
    if fitting.issuperset(statements):
        fitting -= set(statements)
        words.append("a statement")
    keywords = sorted(text for text in fitting if text[0].isalpha())
    marks = sorted(f"'{text}'" for text in fitting if not text[0].isalpha())
    listed = _alternatives([*keywords, *words, *marks])
    if len(listed) <= MAX_LISTED:
        return listed
    return "an item of the block or '}'" if "}" in fitting else "something else"


def meant(word: str, keywords: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The keyword that `word` is a misspelling of, or None."""
    if len(word) > MAX_GUESS:
        return None
    return next(iter(get_close_matches(word.lower(), sorted(set(keywords)), n=1, cutoff=cutoff)), None)
