"""Runs `sdnc apply` again and again, each time in a forked process, and lets it be killed or fail at a certain command.

The forks save the start of an interpreter for each run.  As a program it reads a line of JSON for each run and answers
with one: the command's arguments, what shall happen to it and at which of the commands that change the node; its exit
status (less than 0: the signal that ended it), what it printed, and all commands that were to change the node.
`Driver` is the other end.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from attrs import frozen

from sdnc.apply.system import CommandFailed, System
from sdnc.cli import main
from tests.cluster.apply import Applier, Result

Event = Literal[
    "", "killed before", "killed during", "killed after", "fails before", "fails after", "disk is full before"
]
"""What happens at a command: SIGKILL to the applier before it starts the command, as soon as it has started it, or when
it has ended; the command is told to have failed, without having been run or after it was; or nothing more can be
written to the state directory."""

TOLD = "this was to fail"


_SMALL_DISK = 'mkdir -p "$STATE"; mount -t tmpfs -o size=1m,nr_inodes=200,mode=700 none "$STATE"; exec "$@"'
_FILLER = "filler"


@frozen
class Run:
    """How a run ended."""

    result: Result
    commands: tuple[str, ...]
    """What it ran, or was about to run, that changes the node."""


class Driver:
    """A process that runs the command on a node, as a context manager."""

    def __init__(self, applier: Applier, programs: Path | None = None, *, small_disk: bool = False) -> None:
        """`programs` is a folder whose programs the command finds before the machine's; `small_disk`: the state
        directory is on a file system of its own, of a megabyte, which only these runs see."""
        self._applier = applier
        self._around = ["unshare", "--mount", "sh", "-euc", _SMALL_DISK, "sh"] if small_disk else []
        self._environment = applier.environment
        if programs is not None:
            self._environment |= {"PATH": f"{programs}:{self._environment['PATH']}"}

    def __enter__(self) -> Self:
        inside = ["ip", "netns", "exec", self._applier.lab.namespace(self._applier.node).name]
        self._process = subprocess.Popen(
            [*inside, *self._around, sys.executable, "-m", "tests.cluster.apply_driver"],
            env={**self._environment, "STATE": str(self._applier.state)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, where: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=30)

    def run(self, *arguments: str | Path, event: Event = "", at: int = 0) -> Run:
        """Runs the command; `event` happens at the command that changes the node with this number, from 1; 0: before
        anything."""
        assert self._process.stdin is not None and self._process.stdout is not None
        words = ["apply", "--state", str(self._applier.state), *map(str, arguments)]
        self._process.stdin.write(json.dumps({"arguments": words, "event": event, "at": at}) + "\n")
        self._process.stdin.flush()
        told = json.loads(self._process.stdout.readline())
        return Run(Result(told["status"], told["out"], told["err"]), tuple(told["commands"]))


def _serve() -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            pid = os.fork()
            if pid == 0:
                _apply(folder, **asked)
            _, status = os.waitpid(pid, 0)
            shutil.rmtree(Path(os.environ["STATE"]) / _FILLER, ignore_errors=True)
            read = {stream: (folder / stream).read_text() for stream in ("out", "err")}
            commands = (folder / "commands").read_text().splitlines()
        print(json.dumps({"status": os.waitstatus_to_exitcode(status), "commands": commands, **read}), flush=True)


def _apply(folder: Path, arguments: Sequence[str], event: Event, at: int) -> None:
    """The forked process: the command, as if it had been started by itself."""
    for stream, number in (("out", 1), ("err", 2)):
        os.dup2(os.open(folder / stream, os.O_CREAT | os.O_WRONLY | os.O_APPEND), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    commands = os.open(folder / "commands", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    _disturb(event, at, commands)
    sys.argv = ["sdnc", *arguments]
    status = 1
    try:
        main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _disturb(event: Event, at: int, commands: int) -> None:
    """Makes the event happen in this process."""
    run, count = System.run, 0
    if event == "disk is full before" and at == 0:
        _fill_disk()

    def disturbed(self: System, argv: Sequence[str], *, changes: bool = False, **rest: Any) -> str:
        nonlocal count
        if not changes:
            return run(self, argv, changes=changes, **rest)
        count += 1
        os.write(commands, " ".join(argv).replace("\n", " ").encode() + b"\n")
        if count != at:
            return run(self, argv, changes=changes, **rest)
        if event == "killed before":
            os.kill(os.getpid(), signal.SIGKILL)
        if event == "disk is full before":
            _fill_disk()
        if event == "fails before":
            raise CommandFailed(argv, 1, TOLD)
        with _killed_after_start(event == "killed during"):
            out = run(self, argv, changes=changes, **rest)
        if event == "killed after":
            os.kill(os.getpid(), signal.SIGKILL)
        if event == "fails after":
            raise CommandFailed(argv, 1, TOLD)
        return out

    System.run = disturbed  # type: ignore[method-assign]


def _fill_disk() -> None:
    """Nothing is left of the state directory's file system; a driver with a small disk has to have it."""
    folder = Path(os.environ["STATE"]) / _FILLER
    folder.mkdir()
    with (folder / "bytes").open("wb", buffering=0) as filler, suppress(OSError):
        while filler.write(bytes(1024)):
            pass
    # Files need more than what is in them.
    with suppress(OSError):
        for number in itertools.count():
            (folder / str(number)).touch()


@contextmanager
def _killed_after_start(wanted: bool) -> Iterator[None]:
    start = subprocess.Popen.__init__

    def last(self: subprocess.Popen[str], *arguments: Any, **rest: Any) -> None:
        start(self, *arguments, **rest)
        os.kill(os.getpid(), signal.SIGKILL)

    if wanted:
        subprocess.Popen.__init__ = last  # type: ignore[method-assign,assignment]
    yield


if __name__ == "__main__":
    _serve()
