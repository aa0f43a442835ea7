"""The programs by which the applier reads and changes the node.  Everything that touches the node goes through here.

Programs get argument lists, never a shell's text, and their input by a pipe.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from time import sleep
from typing import TextIO

_LONG = 300
"""How many characters of a command, or of what it says, are shown."""

SECONDS = 120
"""How long a program may take; a daemon that hangs must not keep the applier for ever."""

_AT_ONCE = 64
"""So many programs run at the same time at most."""

_C_LOCALE = {"LC_ALL": "C"}


@dataclass(frozen=True, slots=True)
class Command:
    """A program that changes the node: its arguments and its input.

    `is_optional`: it may fail, in which case it is tried once more a second later.  `is_parallel`: it runs at the same
    time as those beside it that are so, too.
    """

    argv: tuple[str, ...]
    stdin: str = ""
    is_optional: bool = False
    is_parallel: bool = False

    def lines(self) -> tuple[str, ...]:
        """The command as lines for a reader; its input is indented."""
        return (_shown(self.argv), *(f"    {line}" for line in self.stdin.splitlines()))


def _shown(argv: Sequence[str]) -> str:
    """A command in one line; a whole script, and what is long, is left out."""
    line = shlex.join("…" if "\n" in word else word for word in argv)
    return line if len(line) <= _LONG else f"{line[:_LONG]}…"


class CommandFailed(Exception):
    """A program ended with another status than it should, is missing (status 127), cannot be started (126), or took
    too long (124).
    """

    def __init__(self, argv: Sequence[str], status: int, stderr: str) -> None:
        self.argv, self.status, self.stderr = tuple(argv), status, stderr
        told = " ".join(stderr.split())[-_LONG:] or f"it ended with status {status}"
        super().__init__(f"{_shown(argv)}: {told}")


class BadEnvironment(ValueError):
    """A variable of the environment has a value that it cannot have; the message tells which."""


class System:
    """The node that the process runs on.

    `environ` is the environment: `SDNC_IPTABLES` ("nft" or "legacy") chooses a flavour of iptables,
    `SDNC_DATAPATH_TYPE` ("system", the default, or "netdev") Open vSwitch's datapath.  `descriptors` are handed on to
    all programs: while one of them has the lock's open, the lock stays taken.  Raises `BadEnvironment`.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ, descriptors: Iterable[int] = ()) -> None:
        flavour = environ.get("SDNC_IPTABLES", "")
        self.datapath_type = environ.get("SDNC_DATAPATH_TYPE", "") or "system"
        if flavour not in ("", "nft", "legacy"):
            raise BadEnvironment(f"SDNC_IPTABLES must be nft or legacy, not {flavour!a}")
        if self.datapath_type not in ("system", "netdev"):
            raise BadEnvironment(f"SDNC_DATAPATH_TYPE must be system or netdev, not {self.datapath_type!a}")
        self.iptables = f"iptables-{flavour}" if flavour else "iptables"
        self._environ = {**environ, **_C_LOCALE}
        self._descriptors = tuple(descriptors)

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: str = "",
        changes: bool = False,
        statuses: Iterable[int] = (0,),
        seconds: float = SECONDS,
    ) -> str:
        """Runs a program to its end and returns what it printed.

        `changes` tells whether it changes the node; `statuses` are the exit statuses that are no failure.  Raises
        `CommandFailed`.
        """
        # All of the input is in a file before the program starts.  From a pipe, a program whose applier is killed would
        # take the part that it got for the whole.
        try:
            with os.fdopen(os.memfd_create("stdin"), "w+", encoding="utf-8") as file:
                file.write(stdin)
                file.seek(0)
                status, out, told = self._run(argv, file, seconds)
        except FileNotFoundError as reason:
            raise CommandFailed(argv, 127, f"the program {argv[0]} is missing") from reason
        except OSError as reason:  # there are too many processes or files, or no memory is left
            raise CommandFailed(argv, 126, f"it cannot be started: {reason}") from reason
        except subprocess.TimeoutExpired as reason:
            raise CommandFailed(argv, 124, f"it did not end within {seconds:g} seconds") from reason
        if status not in statuses:
            raise CommandFailed(argv, status, told)
        return out

    def _run(self, argv: Sequence[str], stdin: TextIO, seconds: float) -> tuple[int, str, str]:
        """The exit status of a program, and what it wrote to its two outputs.

        Raises subprocess.TimeoutExpired when all that it has started is killed, OSError if it cannot be started.
        """
        with subprocess.Popen(
            list(argv),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=self._environ,
            cwd="/",
            pass_fds=self._descriptors,
            start_new_session=True,  # Ctrl-C is for the applier, which puts back what was there
        ) as process:
            try:
                out, told = process.communicate(timeout=seconds)
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                raise
            return process.returncode, out, told

    def change(self, commands: Iterable[Command]) -> None:
        """Runs commands that change the node.  Raises `CommandFailed`, when those that run beside it have ended."""
        for is_parallel, group in groupby(commands, lambda command: command.is_parallel):
            if is_parallel:
                beside = list(group)
                with ThreadPoolExecutor(max_workers=min(len(beside), _AT_ONCE)) as threads:
                    done = [threads.submit(self._change, command) for command in beside]
                for each in done:
                    each.result()
            else:
                for command in group:
                    self._change(command)

    def _change(self, command: Command) -> None:
        if not command.is_optional:
            self.run(command.argv, stdin=command.stdin, changes=True)
            return
        try:
            self.run(command.argv, stdin=command.stdin, changes=True)
        except CommandFailed:
            sleep(1)
            with suppress(CommandFailed):
                self.run(command.argv, stdin=command.stdin, changes=True)

    def missing(self, programs: Iterable[str]) -> list[str]:
        """Those of the programs that are not there, in order."""
        path = self._environ.get("PATH")
        return [program for program in dict.fromkeys(programs) if shutil.which(program, path=path) is None]
