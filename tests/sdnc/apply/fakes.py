"""An engine whose node is a file: what is in force is the digest of a bundle in it.

Processes of their own use it, too: it may be told to stay in the middle of a change until it is killed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sdnc.apply.applier import Applier
from sdnc.apply.differences import Difference, Kind
from sdnc.apply.engine import ApplyFailed, Observer, Outcome, Plan
from sdnc.apply.lock import locked
from sdnc.apply.node_bundle import NodeBundle, read_node_bundle
from sdnc.apply.report import Report
from sdnc.apply.state import Snapshot, State, scope_of, wanted_state
from sdnc.apply.steps import Step
from sdnc.apply.store import Store, open_store
from sdnc.apply.system import Command, System
from sdnc.apply.watchdog import main

NOTHING = "nothing"
"""What is in force on a node that no bundle has been applied to."""

HALF = "half"
"""What is there in the middle of a change."""


FOREIGN = "cookie=0x5, table=200, priority=7 actions=drop"
"""A flow of somebody else's that is on the node."""


@dataclass
class FakeEngine:
    """`node` is the file.  `failing` and `broken` make changes and putting back fail; `midway` is called in the middle
    of a change, `calls` are what was done.
    """

    node: Path
    failing: str = ""
    broken: int = 0
    midway: Callable[[], object] = lambda: None
    calls: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    restored: frozenset[str] = frozenset()
    """Other people's flows that putting back asked for."""

    def plan(self, system: System, bundle: NodeBundle, previous: tuple[NodeBundle, ...]) -> Plan:
        if self.failing == "plan":
            raise ApplyFailed("", "the program ovs-ofctl is missing")
        self.known = [each.digest for each in previous]
        there = self.node.read_text()
        differs = there != bundle.digest
        found = (Difference(Kind.CHANGED, "flows", bundle.digest, there),) if differs else ()
        wanted = wanted_state(bundle, "netdev")
        steps = (Step("flows", (Command(("load", bundle.digest[:8])),)),) if differs else ()
        return Plan(
            Snapshot(scope_of(bundle), _state(wanted, there)), wanted, found, steps, ("1 flow of others stays",)
        )

    def put_in_force(
        self, system: System, bundle: NodeBundle, previous: tuple[NodeBundle, ...], observer: Observer
    ) -> Outcome:
        plan = self.plan(system, bundle, previous)
        if not plan.differences:
            return Outcome((), (), plan.notes)
        observer.before(plan)
        self.calls.append("change")
        observer.step("flows")
        there = self.node.read_text()
        self.node.write_text(HALF)
        self.midway()
        if self.failing:
            if self.broken:
                raise ApplyFailed("flows", self.failing, put_back=False, trouble="the switch is gone")
            self.node.write_text(there)
            raise ApplyFailed("flows", self.failing)
        self.node.write_text(bundle.digest)
        return Outcome(plan.differences, ("flows",), plan.notes)

    def put_back(self, system: System, snapshot: Snapshot, observer: Observer) -> Outcome:
        self.calls.append("put back")
        self.restored = snapshot.state.foreign
        if self.broken:
            self.broken -= 1
            raise ApplyFailed("flows", "the switch is gone", put_back=False, trouble="the switch is gone")
        observer.step("flows")
        self.node.write_text(snapshot.state.forwarding)
        return Outcome((), ("flows",), ())


def _state(wanted: State, there: str) -> State:
    """A state in which what is in force has a place that goes through a snapshot."""
    return replace(wanted, forwarding=there, foreign=frozenset([FOREIGN]))


@dataclass
class Node:
    """A node, its state directory and the applier on it."""

    store: Store
    engine: FakeEngine
    watched: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    @property
    def in_force(self) -> str:
        return self.engine.node.read_text()

    def run(self, do: Callable[[Applier], Report]) -> Report:
        """Has an applier do something, with the lock."""
        with locked(self.store.lock, 30) as handle:
            system = System({}, (handle,))
            return do(Applier(self.store, system, self.engine, self._watch, self.told.append))

    def _watch(self, store: Store, key: str) -> None:
        assert store == self.store
        self.watched.append(key)


def node_at(folder: Path) -> Node:
    """The node that lives in a folder."""
    state = folder / "node"
    if not state.exists():
        state.write_text(NOTHING)
    return Node(open_store(folder / "state"), FakeEngine(state))


def script(*arguments: str | Path) -> list[str]:
    """The command line that runs this module: `apply FOLDER BUNDLE SECONDS` or `watchdog NODE STATE KEY`."""
    return [sys.executable, "-m", "tests.sdnc.apply.fakes", *map(str, arguments)]


def _start(node: Path) -> Callable[[Store, str], None]:
    """Starts this module as the watchdog, just as the real one is started."""
    from sdnc.apply import watchdog

    def start(store: Store, key: str) -> None:
        watchdog.start(store, key, arguments=["-m", "tests.sdnc.apply.fakes", "watchdog", str(node)])

    return start


def _apply(folder: Path, bundle: Path, seconds: int) -> None:
    """Applies a bundle; in the middle of the change it stays until the file `go` is there."""

    def midway() -> None:
        (folder / "midway").touch()
        while not (folder / "go").exists():
            time.sleep(0.02)

    node = node_at(folder)
    node.engine.midway = midway
    with locked(node.store.lock, 30) as handle:
        applier = Applier(node.store, System({}, (handle,)), node.engine, _start(node.engine.node))
        report = applier.apply(read_node_bundle(bundle), seconds)
    print(report.result.value, flush=True)


def _main(arguments: Sequence[str]) -> None:
    match arguments:
        case ["apply", folder, bundle, seconds]:
            _apply(Path(folder), Path(bundle), int(seconds))
        case ["watchdog", node, state, key]:
            main(state, key, FakeEngine(Path(node)))


if __name__ == "__main__":
    _main(sys.argv[1:])
