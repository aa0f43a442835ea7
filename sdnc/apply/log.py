"""The log of what was applied when: a file to which lines of JSON are appended (docs/apply.md has the fields).

A line is on disk before the next step begins.  A line that did not fit on the disk is taken back, so that the file only
ever has whole lines.
"""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

LOGIN = Path("/proc/self/loginuid")
"""Where the kernel tells the uid that was logged in with (proc(5))."""

_NOBODY = 0xFFFFFFFF
"""That uid if no login began the process."""


def append(path: Path, event: Mapping[str, object]) -> None:
    """Appends an event with the time, the user and the process.  Raises OSError; the file is then as it was."""
    known = {"time": now(), "user": user(), "pid": os.getpid()}
    line = (json.dumps(known | dict(event)) + "\n").encode()
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        size = os.fstat(handle).st_size
        # What a crash of the machine has cut off must not swallow this line.
        if size and os.pread(handle, 1, size - 1) != b"\n":
            line = b"\n" + line
        try:
            left = line
            while left:
                left = left[os.write(handle, left) :]
            os.fsync(handle)
        except OSError:
            os.ftruncate(handle, size)
            raise
    finally:
        os.close(handle)


def now() -> str:
    """The time in UTC, as 2024-05-06T07:08:09Z."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def user() -> str:
    """The name of the user who logged in, whoever he has become since (su, sudo); without a login, of the process's.

    The kernel keeps it (/proc/self/loginuid); where it does not, sudo tells it.
    """
    uid = int(LOGIN.read_text()) if LOGIN.exists() else _NOBODY
    if uid == _NOBODY:
        if sudo := os.environ.get("SUDO_USER"):
            return sudo
        uid = os.geteuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
