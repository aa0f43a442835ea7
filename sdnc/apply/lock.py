"""One applier at a time: a lock on a file of the state directory (flock(2)).

The kernel gives the lock up when the last process that inherited it ends.  The programs that an applier starts inherit
it, so that after the death of an applier the next one waits for what is still at work.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LOOK_AGAIN = 0.05
"""Seconds between two attempts."""


class LockTaken(Exception):
    """Another applier is at work; the message tells which process."""


@contextmanager
def locked(
    path: Path, timeout: float | None = None, waiting: Callable[[str], None] = lambda message: None
) -> Iterator[int]:
    """Holds the lock on a file while the block runs, and gives the descriptor that children may inherit.

    `timeout` is in seconds; None: for ever.  `waiting` is called once with a message if the lock is not free.  Raises
    `LockTaken` when the time is over, OSError if the file cannot be made.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _take(handle, timeout, waiting)
        with suppress(OSError):  # the lock holds on a full disk, too; only who has it is not told
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield handle
    finally:
        os.close(handle)


def _take(handle: int, timeout: float | None, waiting: Callable[[str], None]) -> None:
    end = None if timeout is None else time.monotonic() + timeout
    told = False
    while not _try(handle):
        if end is not None and time.monotonic() >= end:
            raise LockTaken(f"{_holder(handle)}; nothing was changed")
        if not told:
            waiting(f"{_holder(handle)}; waiting" + ("" if timeout is None else f" up to {timeout:g} s"))
            told = True
        time.sleep(_LOOK_AGAIN)


def _try(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(handle: int) -> str:
    """Who holds the lock, as far as the file tells: it is empty for a moment after the lock was taken."""
    told = os.pread(handle, 32, 0).decode("ascii", "replace").strip()
    if not told.isdigit():
        return "another applier is at work"
    if Path(f"/proc/{told}").exists():
        return f"another applier is at work (process {told})"
    return f"another applier (process {told}) has ended, but a program that it started is still at work"
