"""Lists of destinations to their syntax, line by line: an error in one line leaves the others as they are.

Lines end with a newline character, which a carriage return may precede (Windows).  Words are separated by spaces and
tabs.  Time is linear in the text.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache
from typing import Any, Generic, TypeVar

from attrs import frozen
from lark import Lark, Token, Transformer, UnexpectedToken
from lark.tree import Meta

from grammar.destinations.syntax import (
    Address,
    Allow,
    Deny,
    Domain,
    Everything,
    Fallback,
    Forward,
    HostName,
    Network,
    Redirect,
)
from grammar.faults import Fault, alternatives, meant
from grammar.syntax import Place, Word

MAX_FAULTS = 100
"""Wrong lines of one list after which the rest of it is left unread."""

_REDIRECTS = "redirects.lark"
_HTTP_PROXY = "http_proxy.lark"
_DNS_PROXY = "dns_proxy.lark"

_EXPECTED = {
    "PORT": "a port",
    "PROTOCOL": "tcp or udp",
    "ADDRESS": "an address",
    "NETWORK": "a network",
    "NAME": "a host name",
    "DOMAIN": "*.DOMAIN",
    "_EVERYTHING": "*",
    "$END": "the end of the line",
}
"""What the terminals are called in messages, in the order of the messages."""

_PROTOCOLS = ("tcp", "udp")

_CLASSES: dict[str, type[Any]] = {
    "address": Address,
    "allow": Allow,
    "deny": Deny,
    "domain": Domain,
    "everything": Everything,
    "fallback": Fallback,
    "forward": Forward,
    "host_name": HostName,
    "network": Network,
    "redirect": Redirect,
}

Line = TypeVar("Line", covariant=True)


@frozen
class Parsed(Generic[Line]):
    """The lines of a list that could be read, in their order, and what is wrong with the others."""

    lines: tuple[Line, ...]
    faults: tuple[Fault, ...] = ()


def parse_redirects(text: str) -> Parsed[Redirect | Fallback]:
    """The lines of EGRESS_DESTINATION; raises nothing, whatever the text."""
    return _parse(_REDIRECTS, text)


def parse_http_proxy(text: str) -> Parsed[Allow | Deny | Everything]:
    """The lines of EGRESS_HTTP_PROXY_DESTINATION; raises nothing, whatever the text."""
    return _parse(_HTTP_PROXY, text)


def parse_dns_proxy(text: str) -> Parsed[Forward]:
    """The lines of EGRESS_DNS_PROXY_DESTINATION; raises nothing, whatever the text."""
    return _parse(_DNS_PROXY, text)


class _AnyWord:
    """Makes words readable everywhere, so that what does not fit is an unexpected *word* to the parser."""

    always_accept = ("WORD",)

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        """Lark's hook behind the lexer: changes nothing."""
        return stream


@cache
def _lark(grammar: str) -> Lark:
    return Lark.open(
        grammar,
        rel_to=__file__,
        parser="lalr",
        propagate_positions=True,
        maybe_placeholders=False,
        postlex=_AnyWord(),
    )


def _parse(grammar: str, text: str) -> Parsed[Any]:
    lark = _lark(grammar)
    found: list[Any] = []
    faults: list[Fault] = []
    for number, line in enumerate(text.split("\n"), 1):
        written = line.removesuffix("\r")
        try:
            found.extend(_Builder(number).transform(lark.parse(written)))
        except UnexpectedToken as error:
            faults.append(_fault(number, written, error))
            if len(faults) == MAX_FAULTS:
                break
    return Parsed(tuple(found), tuple(faults))


class _Builder(Transformer[Token, Any]):
    """Makes an instance of the rule's class from its place and its children; of the start, the tuple of them."""

    def __init__(self, line: int) -> None:
        super().__init__(visit_tokens=True)
        self._line = line

    def __default__(self, data: str, children: list[Any], meta: Meta) -> Any:
        if data == "start":
            return tuple(child for child in children if not isinstance(child, Word))
        return _CLASSES[data](Place(self._line, meta.column, meta.end_column), *children)

    def __default_token__(self, token: Token) -> Word:
        return Word(_place(self._line, token), str(token))


def _place(line: int, token: Token) -> Place:
    column = token.column or 1
    return Place(line, column, column + max(len(token), 1))


def _fault(number: int, line: str, error: UnexpectedToken) -> Fault:
    """The error in words."""
    token = error.token
    accepted: Collection[str] = error.interactive_parser.accepts()  # type: ignore[no-untyped-call]
    if token.type == "$END":
        column = len(line.rstrip(" \t")) + 1
        place, found = Place(number, column, column + 1), "the end of the line"
    else:
        place, found = _place(number, token), f"'{token}'"
    # An empty line is right, but nothing that one would write instead of a wrong word.
    at_start = place.column == len(line) - len(line.lstrip(" \t")) + 1
    expected = [words for name, words in _EXPECTED.items() if name in accepted and not (at_start and name == "$END")]
    return Fault(place, alternatives(expected), found, _hint(token, accepted))


def _hint(token: Token, accepted: Collection[str]) -> str:
    if token.startswith("#"):
        return "; a comment stands on a line of its own"
    if "PROTOCOL" in accepted and (wanted := meant(token, _PROTOCOLS)):
        return f"; did you mean '{wanted}'?"
    if token == "*" and "DOMAIN" in accepted:
        return "; what no line allows is denied anyway"
    return ""
