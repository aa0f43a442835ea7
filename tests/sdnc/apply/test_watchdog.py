"""A change that nobody accepts is taken back, whoever is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from sdnc.apply import watchdog
from sdnc.apply.confirm import CHANGING, Pending, boottime, read_pending, write_pending
from sdnc.apply.lock import locked
from sdnc.apply.node_bundle import NodeBundle
from sdnc.apply.report import Result
from tests.paths import ROOT
from tests.sdnc.apply.fakes import HALF, Node, node_at, script
from tests.sdnc.running import ENDING, wait_until


@pytest.fixture
def node(tmp_path: Path, old: NodeBundle) -> Node:
    """A node that the old bundle is in force on."""
    made = node_at(tmp_path)
    made.run(lambda applier: applier.apply(old))
    return made


@pytest.fixture
def folder(tmp_path: Path, new: NodeBundle, node: Node) -> Path:
    """The folder of the new bundle."""
    node.store.keep(new)
    kept = node.store.folder / "bundles" / new.digest[:16]
    return Path(kept.rename(tmp_path / "new")) / "nodes" / "node-1"


def watchdogs(key: str) -> list[int]:
    """The processes that watch over the change with this key."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if key.encode() in command.split(b"\0"):
            found.append(int(process.name))
    return found


@contextmanager
def applying(node: Node, folder: Path, seconds: int) -> Iterator[subprocess.Popen[str]]:
    """An applier in a process and a group of its own, in the middle of a change.  It is told to go on by `go`."""
    place = node.engine.node.parent
    with subprocess.Popen(
        script("apply", place, folder, str(seconds)),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,
    ) as process:
        try:
            wait_until((place / "midway").exists)
            yield process
        finally:
            process.kill()


def go(node: Node) -> None:
    (node.engine.node.parent / "go").touch()


def pending(node: Node) -> Pending:
    found = read_pending(node.store)
    assert found is not None
    return found


def ended(node: Node, key: str) -> bool:
    return not watchdogs(key)


def test_a_change_that_nobody_accepts(node: Node, folder: Path, old: NodeBundle, new: NodeBundle) -> None:
    go(node)
    with applying(node, folder, 1) as process:
        said, _ = process.communicate()
    assert said == "waiting\n"

    wait_until(lambda: read_pending(node.store) is None)

    assert node.in_force == old.digest
    assert '"reason": "it was not accepted in time"' in node.store.log.read_text()


def test_a_change_that_is_accepted(node: Node, folder: Path, new: NodeBundle) -> None:
    go(node)
    with applying(node, folder, 600) as process:
        process.communicate()
    key = pending(node).key
    assert len(watchdogs(key)) == 1

    assert node.run(lambda applier: applier.accept()).result is Result.ACCEPTED

    wait_until(lambda: ended(node, key))
    assert node.in_force == new.digest


def test_an_applier_that_is_killed_half_way(node: Node, folder: Path, old: NodeBundle) -> None:
    with applying(node, folder, 600) as process:
        key = pending(node).key
        assert (node.in_force, pending(node).state) == (HALF, CHANGING)
        process.kill()
        process.wait()

        wait_until(lambda: read_pending(node.store) is None)

    assert node.in_force == old.digest
    assert "was killed before it was done" in node.store.log.read_text()
    wait_until(lambda: ended(node, key))


@pytest.mark.parametrize("number", ENDING)
def test_signals_wait_until_the_change_is_done(
    node: Node, folder: Path, old: NodeBundle, number: signal.Signals
) -> None:
    """A signal to the whole group, such as a terminal sends, does not break a change, and no watchdog dies of it."""
    with applying(node, folder, 600) as process:
        key = pending(node).key
        os.killpg(process.pid, number)
        go(node)
        process.wait()

    assert pending(node).key == key
    assert len(watchdogs(key)) == 1
    assert node.run(lambda applier: applier.roll_back()).result is Result.ROLLED_BACK
    wait_until(lambda: ended(node, key))


def test_the_watchdog_is_nobodys_child(node: Node, folder: Path) -> None:
    """Neither a session that ends nor a terminal that hangs up reaches it."""
    with applying(node, folder, 600) as process:
        (pid,) = watchdogs(pending(node).key)
        session, group = os.getsid(pid), os.getpgid(pid)
        streams = {Path(f"/proc/{pid}/fd/{number}").readlink() for number in (0, 1, 2)}
        inherited = [fd.readlink() for fd in Path(f"/proc/{pid}/fd").iterdir()]
        ignored = int(Path(f"/proc/{pid}/status").read_text().partition("SigIgn:")[2].split()[0], 16)
        blocked = int(Path(f"/proc/{pid}/status").read_text().partition("SigBlk:")[2].split()[0], 16)
        folder_of = Path(f"/proc/{pid}/cwd").readlink()
        go(node)
        process.wait()

    assert session not in (os.getsid(0), pid)  # who leads no session gets no terminal either
    assert group not in (os.getpgid(0), process.pid)
    assert streams == {Path(os.devnull)}
    assert folder_of == Path("/")
    assert all(ignored >> number - 1 & 1 for number in (signal.SIGHUP, signal.SIGINT))
    assert blocked == 0
    # It waits for the lock by a descriptor of its own; one of the applier's would keep it taken for ever.
    assert inherited.count(node.store.lock) == 1
    node.run(lambda applier: applier.accept())


def test_a_watchdog_that_is_killed(node: Node, folder: Path, old: NodeBundle) -> None:
    """Whoever comes next does its work."""
    go(node)
    with applying(node, folder, 600) as process:
        process.communicate()
    (pid,) = watchdogs(pending(node).key)
    os.kill(pid, signal.SIGKILL)
    write_pending(node.store, replace(pending(node), deadline=boottime()))

    report = node.run(lambda applier: applier.check(old))

    assert (node.in_force, report.result) == (old.digest, Result.NO_DRIFT)
    assert "it was not accepted in time" in report.notes[0]


def test_applier_and_watchdog_killed_and_the_node_started_anew(node: Node, folder: Path, old: NodeBundle) -> None:
    with applying(node, folder, 600) as process:
        (pid,) = watchdogs(pending(node).key)
        os.kill(pid, signal.SIGKILL)
        process.kill()
        process.wait()
    write_pending(node.store, replace(pending(node), boot="3f0f9fd6-0a6b-4a4f-9a56-5d7c1f6b9a10"))

    report = node.run(lambda applier: applier.apply(old))

    assert (node.in_force, report.result) == (old.digest, Result.UNCHANGED)
    assert "is taken back" in report.notes[0]


def waiting(node: Node, bundle: NodeBundle) -> Pending:
    """A change that waits, over which nobody watches."""
    node.run(lambda applier: applier.apply(bundle, 600))
    return pending(node)


def test_the_watchdog_tries_again(node: Node, new: NodeBundle, old: NodeBundle) -> None:
    change = waiting(node, new)
    write_pending(node.store, replace(change, deadline=boottime()))
    node.engine.broken = 2

    watchdog.watch(node.store, change.key, node.engine, pause=0)

    assert (node.in_force, read_pending(node.store)) == (old.digest, None)
    assert node.engine.calls.count("put back") == 3


def test_the_watchdog_gives_up_at_last(node: Node, new: NodeBundle) -> None:
    change = waiting(node, new)
    write_pending(node.store, replace(change, deadline=boottime()))
    node.engine.broken = 9

    watchdog.watch(node.store, change.key, node.engine, attempts=2, pause=0)

    assert (node.in_force, pending(node).key) == (new.digest, change.key)


def test_the_watchdog_of_another_change_leaves_this_one_alone(node: Node, new: NodeBundle) -> None:
    change = waiting(node, new)
    write_pending(node.store, replace(change, deadline=boottime()))

    watchdog.watch(node.store, "0123456789abcdef", node.engine)

    assert (node.in_force, pending(node).key) == (new.digest, change.key)


def test_the_watchdog_leaves_what_it_cannot_read(node: Node, new: NodeBundle) -> None:
    change = waiting(node, new)
    node.store.pending.write_text("{")

    watchdog.watch(node.store, change.key, node.engine)

    assert node.in_force == new.digest


@contextmanager
def changing(node: Node, bundle: NodeBundle) -> Iterator[str]:
    """The key of a change that this process is at work with, so that its watchdog waits."""
    change = waiting(node, bundle)
    with locked(node.store.lock, 0):
        yield change.key
        node.store.pending.unlink()


def test_the_real_watchdog_starts_from_anywhere(
    node: Node, new: NodeBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with changing(node, new) as key:
        watchdog.start(node.store, key, systemd=tmp_path / "none")

        assert len(watchdogs(key)) == 1
    wait_until(lambda: ended(node, key))


def test_a_watchdog_without_a_change_does_not_start(node: Node, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="the watchdog does not start: no change 0123 is pending"):
        watchdog.start(node.store, "0123", systemd=tmp_path / "none")


SYSTEMD_RUN = """#!/bin/sh
printf '%s\\n' "$@" >{calls}
while :; do
    case $1 in --*) shift ;; *) break ;; esac
done
{rest}
"""


@pytest.mark.parametrize(("rest", "by_itself"), [('exec "$@"', False), ("echo no bus >&2; exit 1", True)])
def test_where_systemd_runs_the_watchdog_has_a_scope_of_its_own(
    node: Node, new: NodeBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rest: str, by_itself: bool
) -> None:
    """systemd ends all processes of a service or of a login; what is in another scope goes on."""
    calls = tmp_path / "calls"
    (tmp_path / "systemd-run").write_text(SYSTEMD_RUN.format(calls=calls, rest=rest))
    (tmp_path / "systemd-run").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with changing(node, new) as key:
        watchdog.start(node.store, key, systemd=tmp_path)

        assert len(watchdogs(key)) == 1
        assert calls.read_text().splitlines()[:5] == [
            "--scope",
            "--quiet",
            "--collect",
            f"--unit=sdnc-confirm-{key}",
            sys.executable,
        ]
    wait_until(lambda: ended(node, key))


def test_a_watchdog_that_hangs_is_told_of(
    node: Node, new: NodeBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "_START", 0.2)

    with pytest.raises(OSError, match=r"it did not start within 0\.2 seconds"):
        watchdog.start(node.store, "key", tmp_path / "none", ["-c", "import time; time.sleep(60)"])
