"""compiler.sources.files: paths to texts."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest

from compiler import codes
from compiler.diagnostics import Code, Diagnostics
from compiler.sources import read_sources
from compiler.sources.files import Format, InputFile, guess_format, read_paths


def _names(*paths: Path | str, stdin: BytesIO | None = None) -> tuple[list[str], Diagnostics]:
    diagnostics = Diagnostics()
    files = read_paths([str(path) for path in paths], stdin, diagnostics)
    return [file.name for file in files], diagnostics


def _codes(diagnostics: Diagnostics) -> list[str]:
    return [found.code.id for found in diagnostics.sorted()]


def test_a_folder_is_searched_for_known_suffixes(tmp_path: Path) -> None:
    for name in ("b/c.yaml", "a.json", "d.sdn", "e.yml", "f.txt", ".hidden/g.yaml", ".h.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")

    names, diagnostics = _names(tmp_path)

    assert names == [f"{tmp_path}/{name}" for name in ("a.json", "b/c.yaml", "d.sdn", "e.yml")]
    assert _codes(diagnostics) == []


@pytest.mark.behaviour("OUT-01")
def test_the_order_of_paths_does_not_matter_and_a_file_counts_once(tmp_path: Path) -> None:
    first, second = tmp_path / "a.json", tmp_path / "b.json"
    first.write_text("{}")
    second.write_text("{}")

    forward, _ = _names(first, second, tmp_path)
    backward, _ = _names(tmp_path, second, first)

    assert forward == backward == [str(first), str(second)]


def test_display_names_are_as_the_user_wrote_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "objects").mkdir()
    (tmp_path / "objects" / "a.json").write_text("{}")
    monkeypatch.chdir(tmp_path)

    names, _ = _names("objects")

    assert names == ["objects/a.json"]


def test_loops_of_links_are_harmless(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "self.json").symlink_to(tmp_path / "self.json")

    names, diagnostics = _names(tmp_path)

    assert names == [f"{tmp_path}/a.json"]
    assert _codes(diagnostics) == [codes.UNREADABLE.id]


def test_a_folder_that_is_a_link_is_entered(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.json").write_text("{}")
    (tmp_path / "link").symlink_to(tmp_path / "real")

    names, _ = _names(tmp_path / "link")

    assert names == [f"{tmp_path}/link/a.json"]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("missing.json", codes.UNREADABLE),
        ("empty", codes.NO_INPUT),
        ("a" * 5000, codes.UNREADABLE),
        ("nul\0.json", codes.UNREADABLE),
    ],
)
def test_what_cannot_be_read_is_reported(tmp_path: Path, path: str, code: Code) -> None:
    (tmp_path / "empty").mkdir()

    names, diagnostics = _names(f"{tmp_path}/{path}")

    assert names == []
    assert _codes(diagnostics) == [code.id]


def test_standard_input_is_read_and_its_format_guessed() -> None:
    diagnostics = Diagnostics()

    files = read_paths(["-"], BytesIO(b'\xef\xbb\xbf {"kind": "List"}'), diagnostics)

    assert files == (InputFile("-", ' {"kind": "List"}', Format.JSON),)


def test_no_standard_input_is_reported() -> None:
    names, diagnostics = _names("-")

    assert names == []
    assert _codes(diagnostics) == [codes.UNREADABLE.id]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('\n {"kind": "Pod"}', Format.JSON),
        ("[]", Format.JSON),
        ("# objects\napiVersion: v1\n", Format.YAML),
        ("---\nkind: Pod\n", Format.YAML),
        ('"kind": Pod\n', Format.YAML),
        ("project shop\n", Format.DSL),
        ("# nothing\n", Format.DSL),
        ("", Format.DSL),
    ],
)
def test_the_format_of_a_nameless_text(text: str, expected: Format) -> None:
    assert guess_format(text) is expected


@pytest.mark.behaviour("NP-01")
def test_files_of_all_formats_mix(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "one"}}')
    (tmp_path / "b.yaml").write_text("apiVersion: v1\nkind: Namespace\nmetadata: {name: two}\n")
    (tmp_path / "c.sdn").write_text("project three\n")
    diagnostics = Diagnostics()

    declarations = read_sources([str(tmp_path)], None, diagnostics)

    assert sorted(getattr(one, "name", "") for one in declarations) == ["one", "three", "two"]
    assert _codes(diagnostics) == []
