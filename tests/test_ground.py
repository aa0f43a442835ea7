"""The ground the project stands on: behaviours have tests, dependencies are locked, skips are failures."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tools.behaviours import ROOT, main, read_behaviours, read_markers

COMPLETE_AREAS = ("PN", "NP", "NT", "OUT")


def test_every_marker_names_a_behaviour() -> None:
    behaviours = read_behaviours(ROOT / "docs" / "behaviours.md")

    wrong = [marker for marker in read_markers(ROOT / "tests") if marker.behaviour not in behaviours]

    assert wrong == []


@pytest.mark.parametrize("area", COMPLETE_AREAS)
def test_every_behaviour_of_a_complete_area_has_a_test(area: str) -> None:
    behaviours = [id_ for id_ in read_behaviours(ROOT / "docs" / "behaviours.md") if id_.startswith(f"{area}-")]
    named = {marker.behaviour for marker in read_markers(ROOT / "tests")}

    assert behaviours
    assert [id_ for id_ in behaviours if id_ not in named] == []


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of two behaviours and no tests, on which `make behaviours` works."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "behaviours.md").write_text("## XY: area\n- XY-01 Rules apply in order.\n- XY-02 Twice.\n")
    (tmp_path / "tests").mkdir()
    monkeypatch.setattr("tools.behaviours.ROOT", tmp_path)
    return tmp_path


def write_test(project: Path, text: str) -> None:
    (project / "tests" / "test_it.py").write_text(f"import pytest\n\n{text}")


def test_behaviours_without_a_test_are_printed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_test(project, '@pytest.mark.behaviour("XY-02")\ndef test_a(): ...\n# @pytest.mark.behaviour("XY-01")\n')

    assert main() == 0
    assert capsys.readouterr().out == "XY-01  Rules apply in order.\n"


def test_markers_of_modules_and_parameters_count(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_test(
        project,
        'pytestmark = [pytest.mark.behaviour("XY-01")]\n'
        '@pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.behaviour("XY-02"))])\n'
        "def test_a(x): ...\n",
    )

    assert main() == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("argument", "named"), [('"XY-09"', "XY-09"), ("", "not a literal id"), ("X", "not a literal id")]
)
def test_a_marker_that_names_no_behaviour_is_an_error(
    project: Path, capsys: pytest.CaptureFixture[str], argument: str, named: str
) -> None:
    write_test(project, f"@pytest.mark.behaviour({argument})\ndef test_a(): ...\n")

    assert main() == 1
    assert capsys.readouterr().err == f"tests/test_it.py:3: no such behaviour: {named}\n"


def test_every_locked_package_is_pinned_and_hashed_and_names_no_place() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    entries = re.split(r"\n(?=[a-z0-9])", lock)

    assert all(re.match(r"[a-z0-9-]+==[^ ;]+ ", entry) for entry in entries)
    assert all("--hash=sha256:" in entry for entry in entries)
    assert not re.search(r"://|--index|--extra-index|--find-links|(^|\s)/", lock)


def test_every_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    locked = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements.lock").read_text(encoding="utf-8"), re.M))

    assert {re.split("[<>=~!; ]", name)[0].lower() for name in asked} <= locked


def test_shell_scripts_pass_shellcheck() -> None:
    scripts = [ROOT / ".ci" / "run", *(path for path in (ROOT / "tools").iterdir() if not path.suffix)]
    scripts = [path for path in scripts if path.is_file()]

    checked = subprocess.run(["shellcheck", *scripts], capture_output=True, text=True, check=False)

    assert checked.stdout == ""
    assert checked.returncode == 0


@pytest.mark.parametrize("workers", ["0", "2"])
@pytest.mark.parametrize(
    ("skip", "status"),
    [
        ("", pytest.ExitCode.OK),
        ("@pytest.mark.skip", pytest.ExitCode.TESTS_FAILED),
        ("pytest.skip(allow_module_level=True)", pytest.ExitCode.TESTS_FAILED),
    ],
)
def test_a_skip_fails_the_run(tmp_path: Path, workers: str, skip: str, status: pytest.ExitCode) -> None:
    (tmp_path / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text(encoding="utf-8"))
    (tmp_path / "test_ok.py").write_text("def test_ok(): pass\n")
    (tmp_path / "test_it.py").write_text(f"import pytest\n{skip}\ndef test_it(): pass\n")

    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-n",
            workers,
            "-c",
            "/dev/null",
            "--rootdir",
            tmp_path,
            tmp_path,
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == status, run.stdout
    assert ("a skip counts as a failure" in run.stdout) == bool(skip)
