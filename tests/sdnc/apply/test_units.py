"""The units of systemd in examples/apply: systemd takes them, and what they run exists."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from sdnc.apply.command import STATE
from tests.paths import EXAMPLES
from tests.sdnc.running import invoke

UNITS = EXAMPLES / "apply"
SERVICES = ("sdnc-apply.service", "sdnc-drift.service")
COMMAND = "/usr/local/bin/sdnc"


def verified(folder: Path, edit: tuple[str, str] = ("", "")) -> tuple[int, str]:
    """What `systemd-analyze verify` says of the units, where their command exists."""
    for unit in UNITS.glob("sdnc-*"):
        text = unit.read_text().replace(COMMAND, "/bin/true")
        (folder / unit.name).write_text(text.replace(*edit) if edit[0] else text)
    done = subprocess.run(
        ["systemd-analyze", "verify", *sorted(folder.iterdir())], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stderr


def test_systemd_takes_them(tmp_path: Path) -> None:
    assert verified(tmp_path) == (0, "")


def test_systemd_would_tell_of_a_slip(tmp_path: Path) -> None:
    assert "Unknown key" in verified(tmp_path, ("RemainAfterExit=", "RemainsAfterExit="))[1]


@pytest.mark.parametrize("name", SERVICES)
def test_what_they_run_is_a_command_line_of_sdnc(name: str) -> None:
    (line,) = re.findall(r"^ExecStart=(.+)$", (UNITS / name).read_text(), re.MULTILINE)
    program, command, *arguments = shlex.split(line)

    assert (program, command, arguments[0]) == (COMMAND, "apply", f"{STATE}/current/nodes/${{SDNC_NODE}}")
    # The rest is taken; only the folder is not there.
    assert "is missing" in invoke("apply", "/nonexistent/nodes/node-1", *arguments[1:]).stderr


@pytest.mark.parametrize("name", SERVICES)
def test_they_wait_for_a_bundle_to_be_applied(name: str) -> None:
    assert f"ConditionPathExists={STATE}/current\n" in (UNITS / name).read_text()


def test_the_page_tells_where_each_file_goes() -> None:
    page = (UNITS / "README.md").read_text()

    assert [path.name for path in UNITS.iterdir() if f"`{path.name}`" not in page] == ["README.md"]
