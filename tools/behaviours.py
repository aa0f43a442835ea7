"""Holds the tests against docs/behaviours.md.

Each behaviour has an id and at least one test that names it: `@pytest.mark.behaviour("NP-03")`. As a program
(`make behaviours`) this prints the behaviours that no test names, one a line, and exits with 0. A marker that
names an id which does not exist, or no id, goes to standard error, and the exit status is 1. It needs the
standard library only, so it works before there is a virtual environment.
"""

import ast
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
_BEHAVIOUR = re.compile(r"- ([A-Z]{2,}-[0-9]{2}) (.+)")


class Marker(NamedTuple):
    """One argument of a marker and its place (`path:line`); None where it is no literal id."""

    place: str
    behaviour: str | None


def read_behaviours(document: Path) -> dict[str, str]:
    """The behaviours of a document of lines `- ID text`: id -> text, in the document's order."""
    lines = document.read_text(encoding="utf-8").splitlines()
    return {found[1]: found[2] for line in lines if (found := _BEHAVIOUR.match(line))}


def read_markers(tests: Path) -> list[Marker]:
    """Every use of `pytest.mark.behaviour` below the folder `tests`: on anything pytest lets it mark.

    Raises SyntaxError for a test module that is not Python.
    """
    return [
        Marker(f"{path.relative_to(tests.parent)}:{line}", behaviour)
        for path in sorted(tests.rglob("*.py"))
        for line, behaviour in _markers_of(ast.parse(path.read_text(encoding="utf-8"), str(path)))
    ]


def _markers_of(module: ast.Module) -> Iterator[tuple[int, str | None]]:
    for node in ast.walk(module):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="mark"), attr="behaviour"), args=args):
                for arg in args or [ast.Constant(None)]:
                    literal = arg.value if isinstance(arg, ast.Constant) else None
                    yield node.lineno, literal if isinstance(literal, str) else None


def main() -> int:
    """Prints what is missing; returns the exit status."""
    behaviours = read_behaviours(ROOT / "docs" / "behaviours.md")
    markers = read_markers(ROOT / "tests")
    named = {marker.behaviour for marker in markers}
    for behaviour, text in behaviours.items():
        if behaviour not in named:
            print(f"{behaviour}  {textwrap.shorten(text, 90, placeholder='…')}")
    wrong = [marker for marker in markers if marker.behaviour not in behaviours]
    for marker in wrong:
        print(f"{marker.place}: no such behaviour: {marker.behaviour or 'not a literal id'}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
