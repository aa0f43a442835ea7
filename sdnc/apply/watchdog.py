"""The watchdog of a change that waits to be accepted: a process of its own, which takes the change back in time.

It lives from before the first change on.  Whoever made the change holds the lock until it is done or dead, so the
watchdog waits for the lock: when it gets it and the change is not done, its maker was killed.  Then it sleeps until the
deadline, takes the lock again, and takes the change back unless somebody has accepted it.

It is in a session of its own and ignores what a terminal sends, so that neither Ctrl-C nor a connection that breaks
ends it.  Where systemd runs, it is in a scope of its own, too: systemd ends all processes of a service or a login
together.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from sdnc.apply import engine
from sdnc.apply.applier import Applier, Engine, Refused
from sdnc.apply.confirm import Pending, boottime, read_pending
from sdnc.apply.lock import locked
from sdnc.apply.store import BadStore, Store
from sdnc.apply.system import System

_MODULE = ("-m", "sdnc.apply.watchdog")

_START = 30
"""Seconds that the watchdog may take to start."""

_LOOK = 0.5
"""Seconds between two looks at the clock, and at whether the change is still pending."""

ATTEMPTS, _PAUSE = 60, 5.0
"""So many times it tries to take a change back, and the seconds between."""

SYSTEMD = Path("/run/systemd/system")
"""It is there if systemd is the init system (sd_booted(3))."""


def start(store: Store, key: str, systemd: Path = SYSTEMD, arguments: Sequence[str] = _MODULE) -> None:
    """Starts the watchdog of the pending change `key`.  When this returns, it lives.  Raises OSError if it does not.

    `arguments` are those by which the interpreter comes to `main`.
    """
    command = [sys.executable, "-P", *arguments, str(store.folder), key]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    scope = ["systemd-run", "--scope", "--quiet", "--collect", f"--unit=sdnc-confirm-{key}"]
    attempts = [[*scope, *command], command] if systemd.is_dir() and shutil.which(scope[0]) else [command]
    trouble = ""
    for attempt in attempts:
        try:
            done = subprocess.run(
                attempt,
                env=environment,
                cwd="/",
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_START,
                check=False,
            )
        except subprocess.TimeoutExpired:
            trouble = f"it did not start within {_START} seconds"
            continue
        if done.returncode == 0:
            return
        trouble = " ".join(done.stderr.split())[-300:]
    raise OSError(f"the watchdog does not start: {trouble}")


def main(folder: str, key: str, engine: Engine = engine) -> None:
    """The process that `start` starts: it ends at once, and leaves the watchdog behind."""
    store = Store(Path(folder))
    if _pending(store, key) is None:
        sys.exit(f"no change {key} is pending")
    # Before the fork: when `start` returns, nothing that is sent to its process group reaches the watchdog any more.
    os.setsid()
    os.chdir("/")
    for ignored in (signal.SIGHUP, signal.SIGINT):
        signal.signal(ignored, signal.SIG_IGN)
    if os.fork():
        os._exit(0)
    # The maker of the change holds signals back, and its children inherit that.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    watch(store, key, engine)


def watch(store: Store, key: str, engine: Engine, attempts: int = ATTEMPTS, pause: float = _PAUSE) -> None:
    """Ends when the change `key` is not pending any more; when its time is over, takes it back."""
    while attempts:
        with locked(store.lock) as handle:
            pending = _pending(store, key)
            if pending is None:
                return
            if reason := pending.lapsed():
                try:
                    Applier(store, System(descriptors=(handle,)), engine, start).take_back(pending, reason)
                    return
                except Refused:  # the log has it
                    attempts -= 1
        if reason:
            time.sleep(pause)
            continue
        while boottime() < pending.deadline and _pending(store, key) is not None:
            time.sleep(max(0.0, min(_LOOK, pending.deadline - boottime())))


def _pending(store: Store, key: str) -> Pending | None:
    """The change, if it is still pending."""
    try:
        pending = read_pending(store)
    except BadStore:
        return None
    return pending if pending is not None and pending.key == key else None


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
