"""Gets a node from what is there to what a bundle wants, and back if that fails.

Going back is the same work: what was there before is what is wanted.  Repairing what a killed run has left is, too: it
is just another state that is there.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol

from sdnc.apply.addresses import check_place
from sdnc.apply.differences import Difference, differences
from sdnc.apply.node_bundle import NodeBundle
from sdnc.apply.open_vswitch import check_daemon, check_ports
from sdnc.apply.reading import in_words_of, read_state
from sdnc.apply.state import NoPlace, Snapshot, State, scope_of, wanted_state
from sdnc.apply.steps import Step, steps
from sdnc.apply.system import CommandFailed, System

READ_BACK = "reading back"
"""The name of the last step, which holds what is there against what is wanted."""

_ATTEMPTS = 3
"""How often putting back is tried: somebody else may change a table between the look at it and the change."""


class ApplyFailed(Exception):
    """A bundle could not be put in force.

    `step` is the name of the step that failed ("" before the first), `reason` is one line.  `put_back` tells whether
    all is as it was before (also if nothing was changed), and `trouble` why not.
    """

    def __init__(self, step: str, reason: str, *, put_back: bool = True, trouble: str = "") -> None:
        self.step, self.reason, self.put_back, self.trouble = step, reason, put_back, trouble
        super().__init__(f"{step}: {reason}" if step else reason)


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done: `snapshot` is what is there, `wanted` what shall be; `notes` what the user should know."""

    snapshot: Snapshot
    wanted: State
    differences: tuple[Difference, ...]
    steps: tuple[Step, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done: the differences that were there before, and the names of the steps taken; both empty: nothing."""

    differences: tuple[Difference, ...]
    steps: tuple[str, ...]
    notes: tuple[str, ...]


class Observer(Protocol):
    """Who wants to know what happens."""

    def before(self, plan: Plan) -> None:
        """Called once, before the first change, if there is one.  What it raises ends the run; nothing has changed."""

    def step(self, name: str) -> None:
        """Called before each step, those that put back included."""


def plan(system: System, bundle: NodeBundle, previous: Iterable[NodeBundle] = ()) -> Plan:
    """What putting a bundle in force would do.  `previous` are those whose chains and addresses may be there.

    Raises `ApplyFailed` if it cannot be done: a program is missing, or something of other people's is in the way.
    """
    wanted = wanted_state(bundle, system.datapath_type)
    scope = scope_of(bundle, *previous)
    _check_programs(system, _programs(system, wanted))
    try:
        check_daemon(system)
        there = read_state(system, scope)
        _check_programs(system, _programs(system, there))  # for putting back
        check_place(there.addresses, wanted.addresses)
        told, in_the_way = in_words_of(system, there, wanted)
        check_ports(there, wanted)
    except (CommandFailed, NoPlace) as reason:
        raise ApplyFailed("", str(reason)) from reason
    except (KeyError, ValueError) as reason:
        raise ApplyFailed("", f"what a program prints is not understood: {reason!r}") from reason
    if in_the_way:
        raise ApplyFailed(
            "", f"a flow or group of somebody else's has the place of one of the bundle's: {in_the_way[0]}"
        )
    wanted = replace(wanted, foreign=there.foreign, foreign_groups=there.foreign_groups)
    found = differences(told, wanted)
    planned = steps(told, wanted, system.iptables) if found else ()
    return Plan(Snapshot(scope, there), wanted, found, planned, _notes(there))


def _programs(system: System, state: State) -> list[str]:
    """The programs that getting to a state may need."""
    needed = ["ovs-vsctl", "ovs-ofctl", "ovs-appctl", "ip", f"{system.iptables}-save", f"{system.iptables}-restore"]
    needed += ["cat", "tee"]
    needed += ["ipset"] if state.sets else []
    needed += ["arping"] if state.addresses.labelled else []
    needed += ["sh", "nsenter"] if state.macvlans else []
    return needed


def _check_programs(system: System, needed: Iterable[str]) -> None:
    if missing := system.missing(needed):
        raise ApplyFailed("", f"not installed: {', '.join(missing)}")


def _notes(there: State) -> tuple[str, ...]:
    if not there.foreign:
        return ()
    cookies = sorted({flow.partition(",")[0].removeprefix("cookie=") for flow in there.foreign})
    count = len(there.foreign)
    flows = "1 flow of others stays" if count == 1 else f"{count} flows of others stay"
    return (f"{flows} (cookie {', '.join(cookies)})",)


def put_in_force(system: System, bundle: NodeBundle, previous: Iterable[NodeBundle], observer: Observer) -> Outcome:
    """Puts a bundle in force and reads back; changes nothing if nothing differs.

    Raises `ApplyFailed`, when what was there before is put back; and what `observer.before` raises.
    """
    planned = plan(system, bundle, previous)
    if not planned.differences:
        return Outcome((), (), planned.notes)
    observer.before(planned)
    progress = _Progress(observer)
    try:
        _go(system, planned.steps, planned.snapshot, planned.wanted, progress)
    except BaseException as reason:
        told = _told(reason)
        try:
            put_back(system, planned.snapshot, observer)
        except ApplyFailed as trouble:
            raise ApplyFailed(progress.name, told, put_back=False, trouble=str(trouble)) from reason
        raise ApplyFailed(progress.name, told) from reason
    return Outcome(planned.differences, tuple(step.name for step in planned.steps), planned.notes)


def put_back(system: System, snapshot: Snapshot, observer: Observer) -> Outcome:
    """Puts back what was there when the snapshot was made.  Raises `ApplyFailed`."""
    progress = _Progress(observer)
    found: tuple[Difference, ...] = ()
    taken: list[str] = []
    failure: Exception | None = None
    others: State | None = None
    for _ in range(_ATTEMPTS):
        try:
            read = read_state(system, snapshot.scope)
            # What others have put there since must be known, in case that the switch forgets it.
            others = others or read
            snapshot = replace(snapshot, state=_with_foreign(snapshot.state, others))
            there, _ = in_words_of(system, read, snapshot.state)
            left = differences(there, snapshot.state)
            found = found or left
            if not left:
                return Outcome(found, tuple(taken), ())
            planned = steps(there, snapshot.state, system.iptables)
            taken += (step.name for step in planned)
            _go(system, planned, snapshot, snapshot.state, progress)
        except Exception as reason:  # whatever it is, it is tried again, and told
            failure = reason
        else:
            return Outcome(found, tuple(taken), ())
    raise ApplyFailed(progress.name, _told(failure), put_back=False) from failure


def _with_foreign(state: State, others: State) -> State:
    """A state with what other people have in another one, too."""
    groups = {**others.foreign_groups, **state.foreign_groups}
    return replace(state, foreign=state.foreign | others.foreign, foreign_groups=groups)


class _NotReached(Exception):
    """All steps were taken, and something still differs."""


class _Progress:
    """Remembers the step that is under way."""

    def __init__(self, observer: Observer) -> None:
        self.name = ""
        self._observer = observer

    def begin(self, name: str) -> None:
        self.name = name
        with suppress(Exception):  # a terminal that is gone stops nobody half-way
            self._observer.step(name)


def _go(system: System, planned: Iterable[Step], snapshot: Snapshot, wanted: State, progress: _Progress) -> None:
    """Takes the steps and reads back."""
    for step in planned:
        progress.begin(step.name)
        step.run(system)
    progress.begin(READ_BACK)
    there, _ = in_words_of(system, read_state(system, snapshot.scope), wanted)
    if left := differences(there, wanted):
        first = left[0]
        more = f", and {len(left) - 1} more" if len(left) > 1 else ""
        raise _NotReached(f"{first.where}: {first.kind.value} {first.what}{more}")


def _told(reason: BaseException | None) -> str:
    return str(reason) or type(reason).__name__
