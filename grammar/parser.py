"""Text of the policy language to its syntax tree, with all of its syntax errors, not only the first.

After an error the parser keeps the statements that were complete and goes on at the next statement
(`_resume`).  Time is linear in the text for each of at most `MAX_FAULTS` errors, and the depth of the
parser's stack is bounded by the grammar.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import attrs
from attrs import frozen
from lark import Lark, Token, Transformer, Tree, UnexpectedToken
from lark.lexer import PatternStr
from lark.parsers.lalr_interactive_parser import InteractiveParser
from lark.tree import Meta

from grammar import syntax
from grammar.faults import Fault, expectation, meant
from grammar.syntax import Place, Statement, Word

MAX_FAULTS = 100
"""Syntax errors that one file may have before the rest of it is left unread."""


@frozen
class Parsed:
    """The statements that could be read, in the order of the text, and what is wrong with the rest."""

    statements: tuple[Statement, ...]
    faults: tuple[Fault, ...] = ()


class _AnyWord:
    """Makes words readable everywhere, so that a misspelt keyword is an unexpected *word* to the parser."""

    always_accept = ("WORD", "OPEN_STRING")

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        """Lark's hook behind the lexer: changes nothing."""
        return stream


@cache
def _lark() -> Lark:
    return Lark.open(
        "policy.lark",
        rel_to=__file__,
        parser="lalr",
        propagate_positions=True,
        maybe_placeholders=False,
        postlex=_AnyWord(),
    )


@cache
def _spelling() -> dict[str, str]:
    """The text of each keyword and mark by the name of its terminal; other terminals stand for themselves."""
    texts = {
        terminal.name: terminal.pattern.value
        for terminal in _lark().terminals
        if isinstance(terminal.pattern, PatternStr)
    }
    return {**texts, "_IN_SET": texts["IN"], "_NEXT_PEER": texts["COMMA"]}


def _accepted(parser: InteractiveParser) -> set[str]:
    """The terminals that the parser could go on with."""
    terminals: set[str] = parser.accepts()  # type: ignore[no-untyped-call]
    return terminals


def _spell(terminals: Iterable[str]) -> frozenset[str]:
    return frozenset(_spelling().get(name, name) for name in terminals)


@cache
def _keywords() -> frozenset[str]:
    return frozenset(text for text in _spelling().values() if text[0].isalpha())


@cache
def _statement_keywords() -> frozenset[str]:
    """The keywords that begin a statement."""
    return _spell(_accepted(_lark().parse_interactive(""))) & _keywords()


@frozen
class _Text:
    """The text from offset `base` on, which turns Lark's positions in it into places of the whole text."""

    whole: str
    base: int = 0
    line: int = 1
    column: int = 1

    @property
    def rest(self) -> str:
        """What is still to be parsed."""
        return self.whole[self.base :]

    def at(self, offset: int) -> _Text:
        """The text from the later `offset` of the whole on."""
        line = self.line + self.whole.count("\n", self.base, offset)
        return _Text(self.whole, offset, line, offset - self.whole.rfind("\n", 0, offset))

    def place(self, meta: Meta | Token) -> Place:
        """The place of a tree or token: its first line, as far as the first brace."""
        line, column = meta.line or 1, meta.column or 1
        start, end = self.base + (meta.start_pos or 0), self.base + (meta.end_pos or 0)
        for stop in ("\n", "{"):
            found = self.whole.find(stop, start + 1, end)
            end = end if found < 0 else found
        length = len(self.whole[start:end].rstrip())
        column += self.column - 1 if line == 1 else 0
        return Place(line + self.line - 1, column, column + max(length, 1))


def _class_name(rule: str) -> str:
    return "".join(part.capitalize() for part in rule.split("_"))


@cache
def _classes() -> dict[str, type[Any]]:
    return {name: cls for name, cls in vars(syntax).items() if isinstance(cls, type) and attrs.has(cls)}


class _Builder(Transformer[Token, Any]):
    """Makes an instance of the rule's class from its place and its children; without a class, a tuple."""

    def __init__(self, text: _Text) -> None:
        super().__init__(visit_tokens=True)
        self._text = text

    def __default__(self, data: str, children: list[Any], meta: Meta) -> Any:
        cls = _classes().get(_class_name(data))
        return cls(self._text.place(meta), *children) if cls else tuple(children)

    def __default_token__(self, token: Token) -> Word:
        place = self._text.place(token)
        return Word(place, token[1:-1], quoted=True) if token.startswith('"') else Word(place, str(token))


def _build(text: _Text, tree: Tree[Token]) -> tuple[Statement, ...]:
    statements: tuple[Statement, ...] = _Builder(text).transform(Tree("statements", tree.children))
    return statements


_WORD_BEFORE = re.compile(r'([^ \t\r\n{}(),;=!"#]+)[ \t\r\n]*$')
_REACH = 200
"""Characters that are looked at to find the word before an error."""


def _fault(text: _Text, error: UnexpectedToken, accepted: set[str]) -> Fault:
    """The error in words."""
    token = error.token
    start = text.base + (token.start_pos or 0)
    before = _WORD_BEFORE.search(text.whole, max(text.base, start - _REACH), start)
    after = before[1] if before else ""
    if token.type == "$END":
        found = "the end of the file"
    elif token.type == "OPEN_STRING":
        found = "a string without its closing quote"
    else:
        found = str(token) if token.startswith('"') else f"'{token}'"
    hint = ""
    fitting = _spell(accepted)
    if token.type == "WORD" and (wanted := meant(token, fitting & _keywords())):
        hint = f"; did you mean '{wanted}'?"
    elif after not in _keywords() and (
        wanted := meant(after, fitting & _keywords(), 0.7) or meant(after, _keywords(), 0.8)
    ):
        hint = f"; did you mean '{wanted}' instead of '{after}'?"
    return Fault(text.place(token), expectation(fitting, _statement_keywords(), after), found, hint)


_ALSO_INSIDE = frozenset({"node", "project", "services"})
"""Statement keywords that have another meaning inside of blocks."""

_TOKEN = re.compile(r'#[^\n]*|"[^"\r\n]*"?|\n|[{};]|[^ \t\r\n{}(),;=!"#]+|[(),=!]')


def _resume(text: _Text, start: int, error: int) -> int:
    """The offset in the whole text at which the statement behind a broken one begins.

    `start` is where the broken statement begins, `error` the token that does not fit.  A statement keyword
    begins a new statement if it is the first word of its line (or follows `}` or `;`) and no brace is open.
    A forgotten brace must not hide the rest of the file, so it does, too, if it stands as far left as the
    broken statement, and has no meaning inside of blocks, or is the very token that does not fit, or the
    broken statement's own lines are indented.
    """
    keywords = _statement_keywords()
    margin = start - text.whole.rfind("\n", 0, start)
    line_start, depth, first, after_end = start, 0, False, False
    indented: bool | None = None
    for match in _TOKEN.finditer(text.whole, start):
        token = match[0]
        if token == "\n":
            line_start, first = match.end(), True
            continue
        if token[0] == "#":
            continue
        column = match.start() - line_start + 1
        if first and indented is None:
            indented = column > margin
        if match.start() > start and token in keywords and (first or after_end):
            apart = indented or match.start() == error or token not in _ALSO_INSIDE
            hanging = first and column <= margin and apart
            if hanging or (depth == 0 and match.start() >= error):
                return match.start()
        depth = max(0, depth + (token == "{") - (token == "}"))
        first, after_end = False, token in "};"
    return len(text.whole)


def _finished(parser: InteractiveParser, accepted: set[str]) -> tuple[Tree[Token], bool]:
    """The statements before the error, and whether it stands between two statements, not inside of one."""
    if "$END" in accepted:
        tree: Tree[Token] = parser.feed_eof()  # type: ignore[no-untyped-call]
        return tree, True
    for value in parser.parser_state.value_stack:
        if isinstance(value, Tree) and value.data == "_statements":
            return value, False
    return Tree("start", []), False


def _broken_start(parser: InteractiveParser) -> int | None:
    """The offset at which the unfinished statement on the stack begins."""
    for value in parser.parser_state.value_stack:
        if isinstance(value, Token):
            return value.start_pos
    return None


def parse(text: str) -> Parsed:
    """The statements of `text` and its syntax errors; raises nothing, whatever the text."""
    statements: list[Statement] = []
    faults: list[Fault] = []
    rest = _Text(text)
    while len(faults) < MAX_FAULTS:
        try:
            statements += _build(rest, _lark().parse(rest.rest))
            break
        except UnexpectedToken as error:
            parser = error.interactive_parser
            accepted = _accepted(parser)
            faults.append(_fault(rest, error, accepted))
            wrong = rest.base + (error.token.start_pos or 0)
            begun = _broken_start(parser)
            done, between = _finished(parser, accepted)
            statements += _build(rest, done)
            start = wrong if between or begun is None else rest.base + begun
            rest = rest.at(_resume(rest, start, wrong))
    return Parsed(tuple(statements), tuple(faults))
