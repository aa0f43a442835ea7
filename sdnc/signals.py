"""What ends the command early: Ctrl-C, a terminal that hangs up, a supervisor that has waited long enough.

Each of these unwinds the command like an exception, so that nothing is left behind: no staging folder, no temporary
file, no worker process.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from sdnc.exits import EXIT_SIGNAL

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_PR_SET_PDEATHSIG = 1


def end_on_signals() -> None:
    """Makes each signal of `ENDING` raise SystemExit with what a shell tells of it: 128 and the number of the signal.

    What was ignored at the start (nohup(1), a shell's background) stays ignored.
    """
    for ending in ENDING:
        if signal.getsignal(ending) is not signal.SIG_IGN:
            signal.signal(ending, _end)


def _end(number: int, _: FrameType | None) -> None:
    # A second signal must not interrupt the cleaning up.
    for ending in ENDING:
        signal.signal(ending, signal.SIG_IGN)
    # A signal to the whole group ends the workers, too.  That their pool's thread then stumbles over work that is being
    # cancelled (concurrent.futures, InvalidStateError) is nobody's concern any more.
    threading.excepthook = _say_nothing
    sys.exit(EXIT_SIGNAL + number)


def _say_nothing(_: threading.ExceptHookArgs) -> None:
    """What is left of the command when it ends by a signal has nothing to tell."""


@contextmanager
def held_back() -> Iterator[None]:
    """Signals of `ENDING` wait until the block is over: for forks, whose hooks in Python swallow exceptions, and while
    handlers change."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def obey_parent(parent: int) -> None:
    """In a worker that was forked while signals were held back: it ends when process `parent` says so, or is no more.

    prctl(2), PR_SET_PDEATHSIG: a parent that is killed can tell nobody, so the kernel does.
    """
    # These reach the whole process group; the parent alone decides what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
    if os.getppid() != parent:  # it ended before the kernel was asked
        signal.raise_signal(signal.SIGTERM)
