"""Runs the command `sdnc`, in this process or in one of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from click.testing import CliRunner, Result

from sdnc.cli import cli
from tests.paths import EXAMPLES, ROOT

SHOP = str(EXAMPLES / "shop")

ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
"""The signals that end the command."""


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


@contextmanager
def running(*arguments: str | Path, ignored: bool = False) -> Iterator[subprocess.Popen[str]]:
    """The interpreter in a session of its own.  What runs the tests may ignore signals, as a shell's background does,
    and children would inherit that."""

    def dispositions() -> None:
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN if ignored else signal.SIG_DFL)

    with subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=dispositions,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_until(holds: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
