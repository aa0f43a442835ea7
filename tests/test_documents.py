"""The documents say what is: quoted output is real, links lead somewhere, options exist, the map of imports holds."""

from __future__ import annotations

import ast
import doctest
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import click
import pytest

from backends.ovs.fields import Register, Table
from sdnc.cli import cli
from tools.renew_documents import FENCE, ROOT, Mismatch, documents, renewed, workspace

PAGES = documents()
BY_NAME = {str(path.relative_to(ROOT)): path for path in PAGES}
KINDS = {"console", "flows", "json", "pycon", "python", "sdn", "sh", "text", "yaml"}

LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\((?P<target>[^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} (?P<text>.+)$", re.MULTILINE)
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
COMMAND = re.compile(r"(?:^\$ |`)sdnc (?P<name>[a-z]+(?:-[a-z]+)*)", re.MULTILINE)
MAP_ROW = re.compile(r"^\| `(?P<folder>\w+)/` \| .* \| (?P<imports>[^|]*) \|$", re.MULTILINE)
ALL_FOLDERS = {"grammar", "compiler", "backends", "sdnc"}


def text_of(name: str) -> str:
    return BY_NAME[name].read_text(encoding="utf-8")


def without_blocks(page: str) -> str:
    return re.sub(r"^```.*?^```$", "", page, flags=re.DOTALL | re.MULTILINE)


def commands() -> Iterator[tuple[str, click.Command]]:
    yield "", cli
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        yield name, command
        for below, inner in command.commands.items() if isinstance(command, click.Group) else ():
            yield f"{name} {below}", inner


def options(command: click.Command) -> set[str]:
    known = {name for option in command.params if isinstance(option, click.Option) for name in option.opts}
    return {name for name in known if name.startswith("--")} | {"--help"}


def anchors(page: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them: lower case, no punctuation, hyphens for spaces."""
    return {
        re.sub(r"[^\w\- ]", "", heading["text"].lower()).replace(" ", "-")
        for heading in HEADING.finditer(without_blocks(page))
    }


@pytest.mark.parametrize("name", BY_NAME)
def test_what_a_page_quotes_is_as_it_is_now(name: str) -> None:
    page = text_of(name)

    with workspace() as place:
        assert renewed(page, place) == page, "`make documents` renews it"


@pytest.mark.parametrize("name", BY_NAME)
def test_blocks_are_of_known_kinds(name: str) -> None:
    kinds = {block["info"].split()[0] for block in FENCE.finditer(text_of(name))}

    assert kinds <= KINDS
    assert text_of(name).count("\n```") == 2 * len(FENCE.findall(text_of(name)))


@pytest.mark.parametrize("name", BY_NAME)
def test_sessions_in_python_run(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    sessions = [block["body"] for block in FENCE.finditer(text_of(name)) if block["info"] == "pycon"]
    parser, failures = doctest.DocTestParser(), list[str]()

    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    runner.run(parser.get_doctest("".join(sessions), {}, name, name, 0), out=failures.append)

    assert failures == []


@pytest.mark.parametrize("name", BY_NAME)
def test_links_lead_to_a_file_and_a_heading(name: str) -> None:
    lost = []
    for link in LINK.finditer(without_blocks(text_of(name))):
        path, _, anchor = unquote(link["target"]).partition("#")
        if ":" in path:
            continue
        target = (BY_NAME[name].parent / path).resolve() if path else BY_NAME[name]
        if not target.exists() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            lost.append(link["target"])

    assert lost == []


def test_readme_names_only_commands_and_options_that_exist() -> None:
    known = set().union(*(options(command) for _, command in commands()))
    # Those of other programs, which README shows, too.
    known |= {"--bundle", "--noflush", "--pods"}
    page = text_of("README.md")

    assert {found["name"] for found in COMMAND.finditer(page)} <= set(cli.list_commands(click.Context(cli)))
    assert set(OPTION.findall(page)) <= known


@pytest.mark.parametrize("name", [name for name, _ in commands()])
def test_every_option_of_a_command_is_described(name: str) -> None:
    """`docs/commands.md` has a section for each command, with every option of it."""
    command = dict(commands())[name]
    sections = re.split(r"^## ", text_of("docs/commands.md"), flags=re.MULTILINE)
    heading = f"`sdnc {name}`" if name else "`sdnc`"
    (section,) = [section for section in sections if section.startswith(f"{heading}\n")]

    assert sorted(option for option in options(command) if f"`{option}" not in section) == []


def test_every_table_and_register_is_described() -> None:
    page = text_of("docs/tables.md")

    assert [int(row) for row in re.findall(r"^\| \[(\d+)\]", page, re.MULTILINE)] == list(Table)
    assert [register for register in Register if f"| {register.match} | `{register.name}` |" not in page] == []


def test_every_example_is_listed() -> None:
    examples = {path.name for path in (ROOT / "examples").iterdir() if path.is_dir()}

    assert set(re.findall(r"^\| \[([\w-]+)\]", text_of("examples/README.md"), re.MULTILINE)) == examples


def test_every_target_of_make_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {found for path in PAGES for found in re.findall(r"`make ([a-z]+)", path.read_text(encoding="utf-8"))}

    assert named <= targets


def test_the_map_of_imports_holds() -> None:
    """docs/ARCHITECTURE.md has a table of what each folder may import."""
    allowed = {
        row["folder"]: set(re.findall(r"`([\w.]+)`", row["imports"]))
        for row in MAP_ROW.finditer(text_of("docs/ARCHITECTURE.md"))
    }
    wrong = [
        f"{path.relative_to(ROOT)}: {module}"
        for folder in ALL_FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        for module in imported(path)
        if module.split(".")[0] in ALL_FOLDERS - {folder}
        and not any(f"{module}.".startswith(f"{name}.") for name in allowed[folder])
    ]

    assert allowed.keys() >= ALL_FOLDERS
    assert wrong == []


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names)
            case ast.ImportFrom(module=str(module)):
                yield module


def test_a_block_that_is_no_part_of_its_file_is_told() -> None:
    with workspace() as place, pytest.raises(Mismatch):
        renewed("```sdn examples/shop/shop.sdn\nno such statement\n```\n", place)


def test_output_that_is_not_as_it_was_is_renewed() -> None:
    with workspace() as place:
        page = renewed("```console\n$ echo one\nold\n$ echo two\n```\n", place)

    assert page == "```console\n$ echo one\none\n$ echo two\ntwo\n```\n"
