"""The list of diagnostics: declared once, raised somewhere, with the fields that its messages need, and documented."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator

import pytest
from attrs import frozen

from compiler import codes
from compiler.diagnostics import MAX_FOUND, MAX_VALUE, Code, Diagnostics, Severity, printable
from compiler.origin import Origin, Source, Span, Step
from compiler.suggest import did_you_mean
from tests.paths import ROOT
from tools.diagnostics_doc import STAGES, declared, document

SOURCE = Source("a.sdn", "one\ntwo\n", lambda path: Span(2, 1, 4))


@frozen
class Raised:
    """A call that raises a diagnostic."""

    place: str
    code: str
    fields: frozenset[str]


def raised() -> Iterator[Raised]:
    """Every call in the code base whose first argument is `codes.SOMETHING`."""
    for folder in ("compiler", "sdnc", "backends"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                match node:
                    case ast.Call(args=[ast.Attribute(ast.Name("codes"), attr=code), *_], keywords=keywords):
                        fields = frozenset(str(keyword.arg) for keyword in keywords) - {"related"}
                        yield Raised(f"{path.relative_to(ROOT)}:{node.lineno}", code, fields)


def mentioned() -> Counter[str]:
    """How often each code is mentioned outside its declaration."""
    return Counter(
        node.attr
        for folder in ("compiler", "sdnc", "backends")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "codes"
        if node.attr.isupper()
    )


def test_ids_are_unique_well_formed_and_in_order() -> None:
    ids = [code.id for code in vars(codes).values() if isinstance(code, Code)]

    assert len(set(ids)) == len(ids)
    assert ids == sorted(ids)
    assert all(re.fullmatch(r"SDN[0-9]{3}", id_) and id_[3] in STAGES for id_ in ids)


@pytest.mark.parametrize("name", declared())
def test_every_code_is_raised_somewhere(name: str) -> None:
    assert name in {call.code for call in raised()}


def test_codes_are_mentioned_only_where_they_are_raised() -> None:
    """So that the test of the fields sees every one."""
    assert mentioned() == Counter(call.code for call in raised())


def test_every_report_gives_the_fields_of_its_message() -> None:
    wrong = [call for call in raised() if call.fields != declared()[call.code].fields()]

    assert wrong == []


@pytest.mark.parametrize("name", declared())
def test_every_code_has_a_message_and_a_way_out(name: str) -> None:
    code = declared()[name]

    assert code.message == code.message.strip()
    assert not code.message.endswith(".")
    assert code.help.endswith((".", "?"))
    assert code.message.isprintable()
    assert "{" not in code.help


def test_the_document_is_up_to_date() -> None:
    """`python -m tools.diagnostics_doc > docs/diagnostics.md` renews it."""
    assert (ROOT / "docs" / "diagnostics.md").read_text(encoding="utf-8") == document()
    assert all(f"| {code.id} |" in document() for code in declared().values())


def at(line: int, column: int = 1) -> Origin:
    return Origin(SOURCE, Span(line, column, column + 1))


def test_the_sink_sorts_and_tells_each_finding_once() -> None:
    diagnostics = Diagnostics()
    diagnostics.report(codes.UNKNOWN_PROJECT, at(2), name="b", hint="")
    diagnostics.report(codes.UNKNOWN_PROJECT, at(1, 5), name="a", hint="")
    diagnostics.report(codes.UNKNOWN_PROJECT, at(1, 2), name="a", hint="")
    diagnostics.report(codes.NO_INPUT, None, path="x")
    diagnostics.report(codes.UNKNOWN_PROJECT, at(2), name="b", hint="")

    places = [str(found.origin) for found in diagnostics.sorted()]

    assert places == ["None", "a.sdn:1:2", "a.sdn:1:5", "a.sdn:2:1"]


@pytest.mark.behaviour("OUT-05")
def test_of_very_many_findings_in_a_file_the_rest_is_counted_and_costs_nothing() -> None:
    located: list[tuple[Step, ...]] = []

    def locate(path: tuple[Step, ...]) -> Span:
        located.append(path)
        return Span(1, len(located), len(located) + 1)

    class Name(str):
        shown = 0

        def __str__(self) -> str:
            Name.shown += 1
            return "a"

    many = Source("many.json", "", locate)
    diagnostics = Diagnostics()
    for number in range(MAX_FOUND + 7):
        diagnostics.report(codes.SELECTS_NONE, Origin(many, (number,)), selector="x")
    for number in range(MAX_FOUND + 3):
        diagnostics.report(codes.UNKNOWN_PROJECT, Origin(many, (number,)), name=Name(), hint="")
    diagnostics.report(codes.NUL_BYTE, at(1))
    found = diagnostics.sorted()

    assert len(located) == 2 * MAX_FOUND
    assert Name.shown == MAX_FOUND
    assert diagnostics.failed and diagnostics.failed_in("many.json")
    assert Counter(one.code.id for one in found) == {"SDN219": MAX_FOUND, "SDN207": MAX_FOUND, "SDN103": 1, "SDN901": 2}
    assert [one.message for one in found if one.code is codes.TOO_MANY] == [
        "3 more findings of severity error in many.json are not told",
        "7 more findings of severity warning in many.json are not told",
    ]


def test_an_error_behind_very_many_warnings_fails() -> None:
    diagnostics = Diagnostics()
    for line in range(MAX_FOUND + 1):
        diagnostics.report(codes.SELECTS_NONE, at(line), selector="x")

    diagnostics.report(codes.NUL_BYTE, at(5))

    assert diagnostics.failed_in("a.sdn")
    assert codes.NUL_BYTE in {found.code for found in diagnostics.sorted()}


def test_findings_without_a_place_are_all_kept() -> None:
    diagnostics = Diagnostics()

    for number in range(MAX_FOUND + 1):
        diagnostics.report(codes.NO_INPUT, None, path=number)

    assert len(diagnostics.sorted()) == MAX_FOUND + 1


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("shpo", ["shop", "web"], "; did you mean 'shop'?"),
        ("x", ["shop", "web"], ""),
        ("s" * 65, ["s" * 65 + "t"], ""),
        ("taem-0700-dev", [f"team-{n:04}-dev" for n in range(1000)], "; did you mean 'team-0700-dev'?"),
        ("team-0700-dve", [f"team-{n:04}-dev" for n in range(1000)], ""),
        ("shop", [f"shop{n}" for n in range(20_000)], ""),
    ],
)
def test_near_misses(word: str, known: list[str], hint: str) -> None:
    assert str(did_you_mean(word, known)) == hint


@pytest.mark.parametrize(
    ("code", "failed"), [(codes.NUL_BYTE, True), (codes.SELECTS_NONE, False), (codes.UNKNOWN_KINDS, False)]
)
def test_only_errors_fail(code: Code, failed: bool) -> None:
    diagnostics = Diagnostics()
    assert not diagnostics.failed

    diagnostics.report(code, None, selector="x", kinds="x")

    assert diagnostics.failed == failed == (code.severity is Severity.ERROR)


@pytest.mark.behaviour("OUT-05")
def test_users_values_are_cut_and_made_printable() -> None:
    assert printable("a\x1b[31m\nb\u2028") == "a\\x1b[31m\\nb\\u2028"
    assert printable("x" * 10_000_000) == "x" * MAX_VALUE + "… (10000000 characters)"
