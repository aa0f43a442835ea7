"""Runs the command `sdnc`, in this process or in one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner, Result

from sdnc.cli import cli
from tests.paths import EXAMPLES, ROOT

SHOP = str(EXAMPLES / "shop")


def invoke(*arguments: str | Path, stdin: str | bytes | None = None) -> Result:
    """Runs the command in this process; faults come out as they are."""
    return CliRunner().invoke(cli, [str(argument) for argument in arguments], input=stdin)


def run(
    *arguments: str | Path,
    stdin: str = "",
    cwd: Path | None = None,
    **environment: str,
) -> subprocess.CompletedProcess[str]:
    """Runs `python -m sdnc` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "sdnc", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        check=False,
    )


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
