"""`sdnc apply --confirm`: a change that nobody accepts is taken back, whatever becomes of the applier."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from attrs import frozen

from tests.cluster.appliers import Changing
from tests.cluster.apply import Result, Texts, changed, finished, quick_programs
from tests.cluster.apply_driver import Driver
from tests.cluster.changing import TRANSFERS, cluster
from tests.cluster.connections import PATIENCE
from tests.cluster.everything import NODE, Node, running_node
from tests.cluster.transfer import Transfer
from tests.sdnc.running import wait_until

LONG = "600"


@frozen
class Ready:
    """A node with the old bundle in force, and how it is then."""

    node: Node
    driver: Driver
    old: Texts

    def try_new(self, seconds: str) -> Result:
        """Puts the new bundle in force, to be accepted."""
        return self.driver.run(self.node.new.node(NODE.name), "--confirm", seconds).result

    def ask(self, *options: str) -> Result:
        """Runs the command with options only."""
        return self.driver.run(*options).result

    def is_old(self) -> bool:
        """Whether everything is as it was, and nothing waits."""
        return not (self.node.applier.state / "pending.json").exists() and not changed(
            self.old, self.node.applier.texts()
        )

    def is_new(self) -> bool:
        """Whether the new bundle is in force."""
        return self.driver.run(self.node.new.node(NODE.name), "--check").result.status == 0

    def watchdogs(self) -> list[int]:
        """The processes that watch over a change of this node."""
        words = [b"sdnc.apply.watchdog", os.fsencode(self.node.applier.state)]
        found = []
        for command in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):  # it has ended meanwhile
                if all(word in command.read_bytes().split(b"\0") for word in words):
                    found.append(int(command.parent.name))
        return found


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Node, Driver]]:
    folder = tmp_path_factory.mktemp("confirm")
    with running_node(folder) as node, Driver(node.applier, quick_programs(folder)) as driver:
        yield node, driver


@pytest.fixture
def ready(running: tuple[Node, Driver]) -> Iterator[Ready]:
    node, driver = running
    if (node.applier.state / "pending.json").exists():
        driver.run("--roll-back")
    node.remove_macvlan()
    result = driver.run(node.old.node(NODE.name)).result
    assert result.status == 0, result.told
    yield Ready(node, driver, node.applier.texts())
    driver.run("--roll-back")


def test_what_is_accepted_from_another_process_in_time_stays(ready: Ready) -> None:
    tried = ready.try_new("3")
    accepted = ready.node.applier.run("--accept")
    time.sleep(4)

    assert (tried.status, accepted.status) == (0, 0), tried.told + accepted.told
    assert ready.is_new()
    again = ready.ask("--accept")
    assert (again.status, "no change waits" in again.err) == (2, True)


def test_what_nobody_accepts_is_taken_back_and_cannot_be_accepted_then(ready: Ready) -> None:
    tried = ready.try_new("2")
    new = ready.node.applier.texts()
    wait_until(ready.is_old)
    late = ready.ask("--accept")

    assert (tried.status, late.status) == (0, 2), tried.told + late.told
    assert changed(ready.old, new) != {}
    *_, last = (ready.node.applier.state / "log.jsonl").read_text().splitlines()
    assert json.loads(last)["result"] == "rolled-back"


def test_while_a_change_waits_no_other_is_made_and_it_can_be_taken_back_at_once(ready: Ready) -> None:
    ready.try_new(LONG)
    other = ready.driver.run(ready.node.old.node(NODE.name)).result
    still_new = ready.is_new()
    back = ready.ask("--roll-back")

    assert (other.status, still_new, back.status) == (2, True, 0), other.told + back.told
    assert "--accept" in other.err
    ready.node.remove_macvlan()
    assert ready.is_old()


def test_it_is_taken_back_when_the_applier_was_killed_in_the_middle(ready: Ready) -> None:
    commands = ready.driver.run(ready.node.new.node(NODE.name)).commands
    ready.node.remove_macvlan()
    ready.driver.run(ready.node.old.node(NODE.name))

    for number in range(1, len(commands) + 1):
        run = ready.driver.run(ready.node.new.node(NODE.name), "--confirm", LONG, event="killed during", at=number)
        assert run.result.status == -signal.SIGKILL
        # Long before the time to accept it is over.
        wait_until(ready.is_old)
        ready.node.remove_macvlan()


def test_it_is_taken_back_when_the_applier_and_its_whole_session_are_killed_afterwards(ready: Ready) -> None:
    process = ready.node.applier.start(ready.node.new.node(NODE.name), "--confirm", "3")
    result = finished(process)
    new = ready.is_new()
    # Nobody of that session may be left: the watchdog is in another.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    wait_until(ready.is_old)

    assert (result.status, new) == (0, True), result.told


def test_whoever_comes_next_takes_it_back_when_the_watchdog_was_killed(ready: Ready) -> None:
    ready.try_new("2")
    watchdogs = ready.watchdogs()
    for pid in watchdogs:
        os.kill(pid, signal.SIGKILL)
    time.sleep(2.5)
    left = ready.node.applier.texts()

    check = ready.driver.run(ready.node.old.node(NODE.name), "--check").result

    assert len(watchdogs) == 1
    assert changed(ready.old, left) != {}
    assert check.status == 0, check.told
    assert "taken back" in check.told
    assert ready.is_old()


def test_a_transfer_survives_that_a_change_is_taken_back(changing: Changing) -> None:
    applier, line = changing.appliers["node-1"], TRANSFERS[0]
    changing.apply(cluster())
    before = applier.texts()
    cut = changing.compile(cluster("policy shop/web { select app=web egress {} }"))

    with Transfer(changing.cluster.lab, "shop/web-1", line.server, line.address, line.port) as transfer:
        moved = transfer.moves(PATIENCE)
        applier.apply(cut, "--confirm", "2")
        cut_off = not transfer.moves(0.4) or not transfer.moves(0.4)
        wait_until(lambda: not changed(before, applier.texts()))
        goes_on = transfer.moves(PATIENCE)
        whole = transfer.finish()

    assert (moved, cut_off, goes_on, whole) == (True, True, True, True)
