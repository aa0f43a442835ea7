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
    "accept": "services such as tcp/80, or any",
    "address": "an address such as 10.128.0.5",
    "allow": "services such as tcp/80, or any",
    "at": "a rate such as 10/minute",
    "deny": "services such as tcp/80, or any",
    "deploy": "pod or replication-controller",
    "drop": "services such as tcp/80, or any",
    "egress-cidr": "a network such as 192.168.100.64/26",
    "egress-ip": "an address such as 192.168.100.50",
    "endpoint": "an address such as 203.0.113.7",
    "except": "a network such as 10.128.0.0/23",
    "fallback": "an address such as 203.0.113.27",
    "forward": "a port such as tcp/80",
    "from": "a peer such as project shop, or anyone",
    "gateway": "an address such as 192.168.12.1",
    "host-bits": "a number",
    "image": "an image such as registry.example.com/egress-router:v3",
    "limit": "a rate such as 20/second, or a number of connections",
    "log": 'a prefix such as "mail "',
    "mode": "subnet, multitenant or networkpolicy",
    "mtu": "a number",
    "netid": "a number",
    "nodes": "a selector such as zone=edge, or all",
    "of-port": "a number",
    "once": "services such as tcp/80, or any",
    "platform": "openstack, rhev, vsphere, aws or azure",
    "pods": "a selector such as app=web, or all",
    "projects": "a selector such as team=web, or all",
    "redirect": "a port such as tcp/80",
    "reject": "services such as tcp/80, or any",
    "select": "a selector such as app=web, or all",
    "source": "an address such as 192.168.12.99/24",
    "subnet": "a network such as 10.128.0.0/23",
    "vxlan-port": "a number",
}
"""What a word behind this keyword is; elsewhere it is a name."""

_AFTER_WHERE = {
    ("allow", "all"): "a host such as *.example.com, a network, or all",
    ("deny", "all"): "a host such as *.example.com, a network, or all",
    ("source", "any"): "services such as tcp/80, or any",
}
"""What it is where the second keyword fits, too: the first one means something else there."""


@frozen(slots=True)
class Fault:
    """A syntax error: where, what could have stood there, what does, and a hint (with its separator)."""

    place: Place
    expected: str
    found: str
    hint: str = ""

    def __str__(self) -> str:
        return f"expected {self.expected}, found {self.found}{self.hint}"


def alternatives(words: Iterable[str]) -> str:
    """Words as a choice: `a, b or c`."""
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def expectation(accepted: Collection[str], statements: Collection[str], after: str) -> str:
    """What the parser could have gone on with, in words.

    `accepted` are the keywords and marks that fit, with `WORD` for a word and `$END`; `statements` are the
    keywords that begin a statement; `after` is the word before.
    """
    if "WORD" in accepted and after in _AFTER:
        return next((_AFTER_WHERE[key] for fits in accepted if (key := (after, fits)) in _AFTER_WHERE), _AFTER[after])
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
    listed = alternatives([*keywords, *words, *marks])
    if len(listed) <= MAX_LISTED:
        return listed
    return "an item of the block or '}'" if "}" in fitting else "something else"


def meant(word: str, keywords: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The keyword that `word` is a misspelling of, or None."""
    if len(word) > MAX_GUESS:
        return None
    return next(iter(get_close_matches(word.lower(), sorted(set(keywords)), n=1, cutoff=cutoff)), None)
