"""The folder of one run: its files, and the lock that tells a living run from a killed one.

Everything a run leaves on the machine hangs on its folder's name: the files are in it, the network
namespaces are named `<folder name>-…`, the daemons have their pid files in it. So one function, `clean`,
takes down a run that ends and one that was killed. The owner holds a lock on the folder as long as it lives;
a folder whose lock is free is a leftover, which the next run cleans.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from tests.lab.namespaces import remove_all

_LOCK = "lock"


@contextmanager
def run_directory() -> Iterator[Path]:
    """Clean the leftovers of killed runs, give a new run folder, and clean that one at the end."""
    with _guard():
        _clean_leftovers()
        folder = Path(tempfile.mkdtemp(prefix=_prefix()))
        lock = _locked(folder)
    if lock is None:
        raise BlockingIOError(f"{folder}: the lock of a new folder is taken")
    with lock:
        try:
            yield folder
        finally:
            clean(folder)


def clean(folder: Path) -> None:
    """Take down what belongs to a run folder: its daemons, its namespaces, its files."""
    pid_files = list(folder.rglob("*.pid"))
    for path in pid_files:
        pid = _daemon(path, folder)
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    remove_all(f"{folder.name}-")
    # A daemon that still dies may be writing its log, so wait for it before the files go.
    deadline = time.monotonic() + 5.0
    while any(_daemon(path, folder) for path in pid_files) and time.monotonic() < deadline:
        time.sleep(0.005)
    shutil.rmtree(folder, ignore_errors=True)


def _clean_leftovers() -> None:
    for folder in sorted(Path(tempfile.gettempdir()).glob(f"{_prefix()}*")):
        lock = _locked(folder)
        if lock is not None:
            with lock:
                clean(folder)


def _prefix() -> str:
    # Each user cleans only what is his own.
    return f"sdnc-lab-{os.getuid()}-"


@contextmanager
def _guard() -> Iterator[None]:
    # Between making a folder and locking it nobody may look for leftovers.
    path = Path(tempfile.gettempdir()) / f"sdnc-lab-{os.getuid()}.guard"
    with path.open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        yield


def _locked(folder: Path) -> IO[str] | None:
    """Return the folder's lock, held; None if its owner lives. Closing the file gives the lock back."""
    try:
        lock = (folder / _LOCK).open("w")
    except FileNotFoundError:  # its owner has just removed it
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def _daemon(pid_file: Path, folder: Path) -> int | None:
    """Return the process of a pid file, if it still is a daemon of this folder and no zombie."""
    try:
        pid = int(pid_file.read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return pid if str(folder).encode() in command else None
