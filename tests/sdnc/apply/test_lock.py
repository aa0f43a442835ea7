"""Two appliers at once: one waits, or refuses and tells which process is at work."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sdnc.apply.lock import LockTaken, locked
from tests.sdnc.running import running

HOLD = """
import sys, time
from pathlib import Path
from sdnc.apply.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""

LEAVE_A_CHILD = """
import subprocess, sys
from pathlib import Path
from sdnc.apply.lock import locked
with locked(Path(sys.argv[1])) as handle:
    child = subprocess.Popen(["sleep", "60"], pass_fds=[handle], stdout=subprocess.DEVNULL)
    print(child.pid, flush=True)
    sys.stdin.readline()
"""


@contextmanager
def holder(lock: Path, code: str = HOLD) -> Iterator[tuple[subprocess.Popen[str], str]]:
    with running("-c", code, lock) as process:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()


def test_the_second_refuses_and_tells_who_holds_it(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with holder(lock) as (process, _), pytest.raises(LockTaken) as caught, locked(lock, 0):
        pass

    assert str(caught.value) == f"another applier is at work (process {process.pid}); nothing was changed"


def test_the_second_waits_and_tells_so(tmp_path: Path) -> None:
    lock, told = tmp_path / "lock", list[str]()
    with holder(lock) as (process, _):
        assert process.stdin is not None

        def let_go(message: str) -> None:
            told.append(message)
            process.communicate("\n")

        with locked(lock, 30, let_go):
            holding = lock.read_text()

    assert told == [f"another applier is at work (process {process.pid}); waiting up to 30 s"]
    assert holding == f"{os.getpid()}\n"


def test_a_killed_holder_holds_no_more(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with holder(lock) as (process, _):
        process.kill()
        process.wait()

        with locked(lock, 0):
            pass


def test_the_lock_stays_until_the_last_program_has_ended(tmp_path: Path) -> None:
    """A program that a killed applier had started is still at work on the node."""
    lock = tmp_path / "lock"
    with holder(lock, LEAVE_A_CHILD) as (process, child):
        process.kill()
        process.wait()
        with pytest.raises(LockTaken) as caught, locked(lock, 0):
            pass
        os.kill(int(child), 9)
        with locked(lock, 30):
            pass

    assert str(caught.value) == (
        f"another applier (process {process.pid}) has ended, but a program that it started is still at work; "
        "nothing was changed"
    )


def test_other_children_do_not_hold_it(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with locked(lock), subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        pass_on = Path(f"/proc/{child.pid}/fd")
        assert not any(fd.readlink() == lock for fd in pass_on.iterdir())
        child.communicate(b"\n")
