"""`sdnc check`: findings, formats, exit statuses."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from compiler.version import VERSION
from sdnc.report.text import AFTER, BEFORE, MAX_SHOWN
from tests.compiling import CLUSTER
from tests.sdnc.running import SHOP, invoke, run

BAD = f"{CLUSTER}\nproject shop\npod shop/a {{ node node-1 address 10.128.2.5 }}\npod shoop/b {{ node node-1 }}\n"


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    """A file with two errors, in lines 11 and 12."""
    path = tmp_path / "bad.sdn"
    path.write_text(BAD)
    return path


LINE = BAD.split("\n").index("pod shop/a { node node-1 address 10.128.2.5 }") + 1


def test_good_input_has_no_findings() -> None:
    result = invoke("check", SHOP)

    assert (result.exit_code, result.stdout, result.stderr) == (0, "no findings\n", "")


def test_errors_are_shown_with_their_line_and_a_caret(bad: Path) -> None:
    result = invoke("check", bad)

    assert result.exit_code == 1
    assert result.stdout == (
        "error[SDN212]: pod shop/a: address 10.128.2.5 is not inside 10.128.0.0/23\n"
        f"  --> {bad}:{LINE}:1\n"
        "   |\n"
        f"{LINE} | pod shop/a {{ node node-1 address 10.128.2.5 }}\n"
        "   | ^^^^^^^^^^\n"
        "   = help: Choose one that is.\n"
        "\n"
        "error[SDN207]: there is no project 'shoop'; did you mean 'shop'?\n"
        f"  --> {bad}:{LINE + 1}:1\n"
        "   |\n"
        f"{LINE + 1} | pod shoop/b {{ node node-1 }}\n"
        "   | ^^^^^^^^^^^\n"
        "   = help: Define it, or correct the name.\n"
        "\n"
        "2 errors\n"
    )


def test_related_places_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.sdn"
    path.write_text(f"{CLUSTER}\nproject a\npod a/a {{ node node-1 address 10.128.0.5 }}\n" * 2)

    result = invoke("check", path)

    assert re.search(r"^ +(= note: first defined here: .*a\.sdn:\d+:1)$", result.stdout, re.MULTILINE)


def test_warnings_are_no_failure(tmp_path: Path) -> None:
    path = tmp_path / "a.sdn"
    path.write_text(CLUSTER.replace("networkpolicy", "multitenant") + "global projects team=nobody\n")

    result = invoke("check", path)

    assert result.exit_code == 0
    assert "warning[SDN219]" in result.stdout
    assert result.stdout.endswith("1 warning\n")


@pytest.mark.parametrize("before", [0, BEFORE, BEFORE + 1, 5000])
@pytest.mark.parametrize("behind", [0, 5000])
def test_long_lines_are_cut_around_the_place(tmp_path: Path, before: int, behind: int) -> None:
    namespace = '{"apiVersion":"v1","kind":"Namespace","metadata":{"name":'
    path = tmp_path / "a.json"
    path.write_text(" " * before + namespace + '"BAD"}}' + " " * behind)

    result = invoke("check", path)

    shown, carets = (line.partition("| ")[2] for line in result.stdout.split("\n")[3:5])
    assert len(shown) <= BEFORE + AFTER + 2
    assert shown[carets.index("^") : carets.rindex("^") + 1] == '"BAD"'
    assert shown.startswith("…")
    assert shown.endswith("…") == (behind > 0)


@pytest.mark.behaviour("OUT-05")
def test_terminal_codes_in_the_input_are_not_sent_to_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"a\x7f\u009b31m\u202eb"}}')

    result = invoke("check", path)

    assert result.exit_code == 1
    assert all(line.isprintable() for line in result.stdout.split("\n"))


def test_markup_in_the_input_is_text(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"[bold red]x[/]"}}')

    assert "'[bold red]x[/]' is not a valid name" in invoke("check", path).stdout


def test_many_findings_are_cut(tmp_path: Path) -> None:
    path = tmp_path / "a.sdn"
    path.write_text(CLUSTER + "".join(f"pod no-{i}/p {{ node node-1 }}\n" for i in range(MAX_SHOWN + 7)))

    result = invoke("check", path)

    assert result.stdout.count("error[") == MAX_SHOWN
    assert "… and 7 more\n" in result.stdout
    assert result.stdout.endswith(f"\n{MAX_SHOWN + 7} errors\n")


def test_json(bad: Path) -> None:
    result = invoke("check", "--format", "json", bad)
    report = json.loads(result.stdout)

    assert result.exit_code == 1
    assert (report["schema"], report["errors"], report["warnings"], report["notes"]) == (1, 2, 0, 0)
    assert report["diagnostics"][0] == {
        "code": "SDN212",
        "severity": "error",
        "message": "pod shop/a: address 10.128.2.5 is not inside 10.128.0.0/23",
        "help": "Choose one that is.",
        "place": {"file": str(bad), "line": LINE, "column": 1, "end_column": 11},
        "related": [],
    }


def test_json_of_nothing() -> None:
    assert json.loads(invoke("check", "--format", "json", SHOP).stdout)["diagnostics"] == []


def test_sarif(bad: Path) -> None:
    log = json.loads(invoke("check", "--format", "sarif", bad).stdout)
    (sarif_run,) = log["runs"]

    assert log["version"] == "2.1.0"
    assert sarif_run["tool"]["driver"]["version"] == VERSION
    assert [rule["id"] for rule in sarif_run["tool"]["driver"]["rules"]] == ["SDN207", "SDN212"]
    assert [(found["ruleId"], found["level"]) for found in sarif_run["results"]] == [
        ("SDN212", "error"),
        ("SDN207", "error"),
    ]
    (location,) = sarif_run["results"][0]["locations"]
    assert location["physicalLocation"]["region"] == {"startLine": LINE, "startColumn": 1, "endColumn": 11}


def test_sarif_of_a_finding_without_a_place(tmp_path: Path) -> None:
    log = json.loads(invoke("check", "--format", "sarif", tmp_path / "missing.sdn").stdout)

    assert log["runs"][0]["results"][0]["locations"] == []


@pytest.mark.parametrize(
    ("name", "uri"), [("a b.sdn", "a%20b.sdn"), ("50%.sdn", "50%25.sdn"), ("a:b.sdn", "a%3Ab.sdn")]
)
def test_names_of_files_are_uris_in_sarif(tmp_path: Path, name: str, uri: str) -> None:
    (tmp_path / name).write_text("project UPPER")

    log = json.loads(invoke("check", "--format", "sarif", tmp_path / name).stdout)

    location = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == f"{tmp_path}/{uri}"


def test_github(bad: Path) -> None:
    result = invoke("check", "--format", "github", bad)

    assert result.exit_code == 1
    assert result.stdout.split("\n")[0] == (
        f"::error file={bad},line={LINE},col=1,endColumn=11,title=SDN212"
        "::pod shop/a: address 10.128.2.5 is not inside 10.128.0.0/23. Choose one that is."
    )


def test_github_escapes_what_would_end_a_property(tmp_path: Path) -> None:
    folder = tmp_path / "a,b:c%"
    folder.mkdir()
    path = folder / "x.sdn"
    path.write_text("project UPPER")

    (line,) = (line for line in invoke("check", "--format", "github", path).stdout.splitlines() if "SDN201" in line)

    assert f"file={tmp_path}/a%2Cb%3Ac%25/x.sdn,line=1," in line


def test_an_unknown_format_is_wrong_usage() -> None:
    assert invoke("check", "--format", "xml", SHOP).exit_code == 2


@pytest.mark.parametrize("text", [BAD, CLUSTER])
def test_standard_input(text: str) -> None:
    result = invoke("check", "-", stdin=text)

    assert result.exit_code == int(text == BAD)
    assert ("--> -:" in result.stdout) == (text == BAD)


def test_paths_are_needed() -> None:
    assert invoke("check").exit_code == 2


@pytest.mark.parametrize("format_", ["text", "json", "sarif", "github"])
def test_what_cannot_be_read_is_an_error(tmp_path: Path, format_: str) -> None:
    result = invoke("check", "--format", format_, tmp_path / "missing.sdn")

    assert result.exit_code == 1
    assert "SDN101" in result.stdout


def test_no_colours_but_on_a_terminal(bad: Path) -> None:
    assert "\x1b" not in invoke("check", bad).stdout
    assert "\x1b" not in run("check", bad).stdout


@pytest.mark.parametrize("format_", ["text", "json", "sarif", "github"])
@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_names_and_encodings_that_are_not_utf_8_are_no_fault(tmp_path: Path, format_: str, encoding: str) -> None:
    path = tmp_path / os.fsdecode(b"\xff\xc3\xa4.sdn")
    path.write_text("project UPPER …")

    ran = run("check", "--format", format_, path, PYTHONIOENCODING=encoding)

    assert (ran.returncode, ran.stderr) == (1, "")
    assert "SDN201" in ran.stdout
