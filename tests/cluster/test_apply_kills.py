"""The applier dies, or one of its commands fails, at each command that changes the node, in turn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve, frozen

from tests.cluster.apply import TABLES, Texts, changed, quick_programs
from tests.cluster.apply_driver import TOLD, Driver, Event
from tests.cluster.everything import Node, running_node

FEWEST = 10
"""A change that touches everything takes at least so many commands."""

EACH = 4
"""The disk is full at each fourth command only: nothing is written until all are done."""

OPTIONAL = ("ovs-appctl --timeout=30 revalidator/wait", "ipset destroy")
"""Commands without which the change is as good: waiting for the datapath, and taking away what is in nobody's way."""


@frozen
class Bench:
    """A node, the process that applies, and how the node is with the old bundle and with the new one."""

    node: Node
    driver: Driver
    before: Texts
    after: Texts
    programs: Path
    commands: tuple[str, ...]
    """Those of an undisturbed change from the old bundle to the new one."""

    def put_old(self) -> None:
        """Puts the old bundle in force, as it was at the beginning."""
        self.node.remove_macvlan()
        run = self.driver.run(self.node.old.node("node-1"))
        assert run.result.status == 0, run.result.told
        assert changed(self.before, self.node.applier.texts()) == {}

    def put_new(self) -> None:
        """Puts the new bundle in force by the plain command; nothing is left to do then."""
        run = self.driver.run(self.node.new.node("node-1"))
        assert run.result.status == 0, run.result.told
        assert changed(self.after, self.node.applier.texts()) == {}
        check = self.driver.run(self.node.new.node("node-1"), "--check")
        assert (check.result.status, check.commands) == (0, ()), check.result.told


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("kills")
    programs = quick_programs(folder)
    with running_node(folder) as node, Driver(node.applier, programs) as driver:
        blank = Bench(node, driver, {}, {}, programs, ())
        run = driver.run(node.old.node("node-1"))
        assert run.result.status == 0, run.result.told
        before = node.applier.texts()
        run = driver.run(node.new.node("node-1"))
        assert run.result.status == 0, run.result.told
        ready = evolve(blank, before=before, after=node.applier.texts(), commands=run.commands)
        ready.put_old()
        yield ready


def test_the_change_touches_everything(bench: Bench) -> None:
    assert set(changed(bench.before, bench.after)) == set(bench.before)
    assert len(bench.commands) >= FEWEST


@pytest.mark.parametrize("event", ["killed before", "killed during", "killed after"])
def test_a_killed_applier_leaves_no_mixture_and_the_next_ends_in_the_new_state(bench: Bench, event: Event) -> None:
    between: dict[str, set[str]] = {table: set() for table in TABLES}

    # What follows one command is what comes before the next, so that only the last is of interest afterwards.
    last = len(bench.commands)
    for number in range(last if event == "killed after" else 1, last + 1):
        run = bench.driver.run(bench.node.new.node("node-1"), event=event, at=number)
        assert run.result.status == -9
        bench.node.free()
        found = bench.node.applier.texts()
        assert list(mixtures(bench.before, found, bench.after)) == [], bench.commands[number - 1]
        for table in TABLES:
            between[table] |= {found[table]} - {bench.before[table], bench.after[table]}
        bench.put_new()
        bench.put_old()

    # Each table has one state between the two, if it has one, in which what either forbids is forbidden.
    for table, texts in between.items():
        assert len(texts) <= 1, table
        for text in texts:
            assert refusals(bench.before[table]) | refusals(bench.after[table]) <= refusals(text), table


@pytest.mark.parametrize("event", ["fails before", "fails after"])
def test_a_command_that_fails_is_told_and_everything_is_put_back(bench: Bench, event: Event) -> None:
    # As above.
    last = len(bench.commands)
    for number in range(last if event == "fails after" else 1, last + 1):
        command = bench.commands[number - 1]
        run = bench.driver.run(bench.node.new.node("node-1"), event=event, at=number)
        if command.startswith(OPTIONAL):
            assert run.result.status == 0, (command, run.result.told)
            bench.put_old()
            continue
        bench.node.remove_macvlan()

        assert run.result.status == 2, (command, run.result.told)
        assert TOLD in run.result.err, command
        assert changed(bench.before, bench.node.applier.texts()) == {}, command
        check = bench.driver.run(bench.node.old.node("node-1"), "--check")
        assert check.result.status == 0, check.result.told


def test_a_disk_that_is_full_at_any_moment_is_told_and_everything_is_put_back(bench: Bench) -> None:
    node, new = bench.node, bench.node.new.node("node-1")

    with Driver(
        evolve(node.applier, state=node.applier.state.with_name("small")), bench.programs, small_disk=True
    ) as driver:
        driver.run(node.old.node("node-1"))
        for number in range(0, len(bench.commands) + 1, EACH):
            run = driver.run(new, event="disk is full before", at=number)
            node.remove_macvlan()

            assert run.result.status == 2, (number, run.result.told)
            assert "No space left" in run.result.err
            # Before the first change it is found out that nothing can be recorded.
            assert (number > 0) or run.commands == ()
            assert changed(bench.before, node.applier.texts()) == {}, number
        # With space again it is as ever.
        assert driver.run(new).result.status == 0
        assert changed(bench.after, node.applier.texts()) == {}
        assert driver.run(node.old.node("node-1")).result.status == 0
        bench.put_old()


def mixtures(old: Texts, found: Texts, new: Texts) -> Iterator[str]:
    """What of a node is neither as it was nor as it shall be; tables of iptables have a state between, see above."""
    if found["openflow"] not in (old["openflow"], new["openflow"]):
        yield f"flows: {changed({'': old['openflow']}, {'': found['openflow']})}"
    before, now, after = (set(texts["addresses"].splitlines()) for texts in (old, found, new))
    if not (now <= before | after and (before <= now or after <= now)):
        yield f"addresses: {sorted(now)}"
    for target in ("bridge", "sets"):
        strange = set(found[target].splitlines()) - set(old[target].splitlines()) - set(new[target].splitlines())
        # A set tells, beside what is in it, how many rules refer to it, but not in what ipset saves.
        if strange:
            yield f"{target}: {sorted(strange)}"


def refusals(table: str) -> set[str]:
    """The rules of a table that refuse something, whatever chain they are in."""
    rules = (line.split(" ", 2)[2] for line in table.splitlines() if line.startswith("-A"))
    return {rule for rule in rules if "-j DROP" in rule or "REJECT" in rule}
