"""A change that waits to be accepted: what is told of it on disk, and when its time is over.

    changing    the applier is at work, and holds the lock
    waiting     it is done; `sdnc apply --accept` keeps the change, or its time comes

Before the first change, `snapshot.json` and `pending.json` are on disk and a watchdog lives (`watchdog`).  Who gets the
lock and finds a change whose time is over, the watchdog or any later applier, takes it back.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from sdnc.apply.checks import BadText, Members, load_json
from sdnc.apply.store import BadStore, Store

SCHEMA = 1
CHANGING, WAITING = "changing", "waiting"
MOST_SECONDS = 86400
"""The longest time to accept a change: a day."""

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Pending:
    """A change that waits to be accepted.

    `key` tells it from other changes, `boot` is the id of the boot that it was made in, `deadline` the seconds of
    CLOCK_BOOTTIME (which goes on while the machine sleeps) until which it can be accepted, `seconds` how long that is,
    `until` the same as a time of day.
    """

    key: str
    state: str
    boot: str
    deadline: float
    seconds: int
    until: str
    node: str
    digest: str

    def lapsed(self) -> str:
        """Why the change has to be taken back now; "" while it may be accepted.  Only who holds the lock may ask."""
        if self.state == CHANGING:
            return "the applier that made it was killed before it was done"
        if self.boot != boot_id():
            return "the node was started anew before it was accepted"
        if boottime() >= self.deadline:
            return "it was not accepted in time"
        return ""


def boot_id() -> str:
    """What tells this run of the kernel from others (random(4))."""
    return _BOOT_ID.read_text().strip()


def boottime() -> float:
    """Seconds since the boot, sleep included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def write_pending(store: Store, pending: Pending) -> None:
    """Puts it on disk, whole or not at all.  Raises OSError."""
    store.write(store.pending, json.dumps({"schema": SCHEMA, **asdict(pending)}, indent=2) + "\n")


def read_pending(store: Store) -> Pending | None:
    """The change that waits; None if there is none.  Raises `BadStore` if the file is damaged."""
    try:
        text = store.pending.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        told = Members("it", load_json(text))
        if told.number("schema", range(2**31)) != SCHEMA:
            raise BadText(f"its schema is not {SCHEMA}: it is of another version of sdnc")
        deadline = told.take("deadline")
        if not isinstance(deadline, int | float):
            raise BadText("its deadline is no number")
        return Pending(
            key=told.text("key", str.isalnum),
            state=told.text("state", lambda state: state in (CHANGING, WAITING)),
            boot=told.text("boot", bool),
            deadline=float(deadline),
            seconds=told.number("seconds", range(1, MOST_SECONDS + 1)),
            until=told.text("until", bool),
            node=told.text("node", bool),
            digest=told.text("digest", str.isalnum),
        )
    except (BadText, UnicodeDecodeError) as reason:
        raise BadStore(f"{store.pending} is damaged: {reason}") from reason


def remove_pending(store: Store) -> None:
    """Nothing waits any more."""
    store.pending.unlink(missing_ok=True)
    store.snapshot.unlink(missing_ok=True)
