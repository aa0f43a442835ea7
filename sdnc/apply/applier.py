"""What the applier does, in order: settle what an earlier one has left, tell the log, change the node, record it.

Everything here needs the lock (`lock`).  The node itself is changed by an `Engine`; what is recorded is in the `Store`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from sdnc.apply import log
from sdnc.apply.confirm import (
    CHANGING,
    WAITING,
    Pending,
    boot_id,
    boottime,
    read_pending,
    remove_pending,
    write_pending,
)
from sdnc.apply.engine import ApplyFailed, Observer, Outcome, Plan
from sdnc.apply.node_bundle import NodeBundle
from sdnc.apply.report import Action, Failure, Report, Result, StepLines
from sdnc.apply.state import BadState, Snapshot, read_snapshot, snapshot_text
from sdnc.apply.store import Store
from sdnc.apply.system import System
from sdnc.signals import held_back


class Engine(Protocol):
    """What changes the node; the module `engine` is the one that there is."""

    def plan(self, system: System, bundle: NodeBundle, previous: tuple[NodeBundle, ...]) -> Plan:
        """What putting the bundle in force would do.  Raises `ApplyFailed`."""

    def put_in_force(
        self, system: System, bundle: NodeBundle, previous: tuple[NodeBundle, ...], observer: Observer
    ) -> Outcome:
        """Puts a bundle in force.  Raises `ApplyFailed`, after having put back what was there."""

    def put_back(self, system: System, snapshot: Snapshot, observer: Observer) -> Outcome:
        """Puts back what was there.  Raises `ApplyFailed`."""


class Refused(Exception):
    """It is not done, and nothing was changed; the message tells why, in one line."""


WatchdogStarter = Callable[[Store, str], None]
"""Starts a watchdog for the pending change with a key.  Raises OSError if it does not run."""


@dataclass(slots=True)
class _Steps:
    """Tells of steps, and of nothing before them."""

    tell: Callable[[str], None]

    def before(self, plan: Plan) -> None:
        pass

    def step(self, name: str) -> None:
        self.tell(name)


@dataclass(slots=True)
class _Change(_Steps):
    """Makes ready for a change when the engine is about to begin with it."""

    prepare: Callable[[Plan], None]
    snapshot: Snapshot | None = field(default=None, init=False)

    def before(self, plan: Plan) -> None:
        self.prepare(plan)
        self.snapshot = plan.snapshot


@dataclass(frozen=True, slots=True)
class Applier:
    """One run; whoever makes it holds the store's lock.  `tell` gets the name of each step before it is taken."""

    store: Store
    system: System
    engine: Engine
    start_watchdog: WatchdogStarter
    tell: Callable[[str], None] = lambda name: None

    def apply(self, bundle: NodeBundle, seconds: int | None = None) -> Report:
        """Puts a bundle in force; with `seconds`, until that time is over, unless it is accepted before.

        Raises `Refused`, `BadStore` and OSError before anything was changed; what goes wrong later is in the report.
        """
        notes = self._settle()
        if (waiting := read_pending(self.store)) is not None:
            raise Refused(
                f"a change waits to be accepted until {waiting.until}: `sdnc apply --accept` keeps it, "
                "`sdnc apply --roll-back` takes it back"
            )
        current, previous = self._known(notes)
        if current is not None and current.node != bundle.node:
            raise Refused(
                f"this is node {current.node}, and the bundle is for {bundle.node}; "
                f"if the node has another name now, remove {self.store.current}"
            )
        blank = Report(Action.APPLY, Result.FAILED, bundle.node, bundle.digest, current.digest if current else "")
        pending = _pending(bundle, seconds) if seconds else None
        change = _Change(self.tell, lambda plan: self._prepare(bundle, blank.previous, plan, pending))
        with held_back():
            try:
                outcome = self.engine.put_in_force(self.system, bundle, previous, change)
            except ApplyFailed as failed:
                failure = failure_of(failed)
                if change.snapshot is not None:
                    self._end_failed(failure, bundle)
                return replace(blank, failure=failure, notes=tuple(notes))
            steps = tuple(StepLines(name) for name in outcome.steps)
            told = replace(blank, differences=outcome.differences, steps=steps, notes=(*notes, *outcome.notes))
            try:
                if pending is not None and change.snapshot is not None:
                    pending = _waiting(pending)
                    write_pending(self.store, pending)
                    told = replace(told, result=Result.WAITING, pending=pending)
                else:
                    self._record(bundle)
                    told = replace(told, result=Result.CHANGED if change.snapshot else Result.UNCHANGED)
                self._log(told)
            except OSError as reason:
                failure = self._undo(f"it cannot be recorded: {reason}", bundle, blank.previous, change)
                return replace(told, result=Result.FAILED, pending=None, failure=failure)
            if told.result is not Result.WAITING:
                self.store.forget_others()
            return told

    def check(self, bundle: NodeBundle) -> Report:
        """Whether what is there is what the bundle wants.  Raises `Refused`, `BadStore`, OSError."""
        notes = self._settle()
        if (waiting := read_pending(self.store)) is not None:
            notes.append(f"a change waits to be accepted until {waiting.until}")
        plan, told = self._plan(Action.CHECK, bundle, notes)
        return replace(told, result=Result.DRIFT if plan.differences else Result.NO_DRIFT)

    def dry_run(self, bundle: NodeBundle) -> Report:
        """The steps that `apply` would take.  Raises `Refused`, `BadStore`, OSError."""
        notes = []
        if (waiting := read_pending(self.store)) is not None:
            lapsed = waiting.lapsed()
            notes.append(
                f"a change has to be taken back first: {lapsed}"
                if lapsed
                else f"a change waits to be accepted until {waiting.until}; no other is made before"
            )
        plan, told = self._plan(Action.DRY_RUN, bundle, notes)
        steps = tuple(StepLines(step.name, step.lines) for step in plan.steps)
        return replace(told, result=Result.WOULD_CHANGE if plan.differences else Result.UNCHANGED, steps=steps)

    def accept(self) -> Report:
        """Keeps the change that waits.  Raises `Refused` if there is none or its time is over, `BadStore`, OSError."""
        if notes := self._settle():
            raise Refused("; ".join(notes))
        pending = read_pending(self.store)
        if pending is None:
            raise Refused("no change waits to be accepted")
        current = self.store.read_current(lambda message: None)
        told = Report(
            Action.ACCEPT, Result.ACCEPTED, pending.node, pending.digest, current.digest if current is not None else ""
        )
        with held_back():
            self.store.set_current(pending.digest)
            try:
                self._log(told)
                remove_pending(self.store)
            except OSError:
                self.store.set_current(told.previous or None)
                raise
            self.store.forget_others()
        return told

    def roll_back(self) -> Report:
        """Takes back the change that waits.  Raises `Refused` if there is none, or if it cannot be taken back,
        `BadStore`, OSError.
        """
        pending = read_pending(self.store)
        if pending is None:
            raise Refused("no change waits to be accepted")
        return self.take_back(pending, pending.lapsed() or "it was asked for")

    def take_back(self, pending: Pending, reason: str) -> Report:
        """Puts back what was there before a change.  Raises `Refused` if that is not possible; the change then stays
        pending, and the next applier tries again.
        """
        begun = Report(Action.ROLL_BACK, Result.ROLLED_BACK, pending.node, pending.digest)
        with held_back():
            try:
                snapshot = read_snapshot(self.store.snapshot.read_text(encoding="utf-8"))
                if pending.state == WAITING:
                    # The change was whole: what other people have taken away since, they have taken away.
                    snapshot = replace(snapshot, state=replace(snapshot.state, foreign=frozenset(), foreign_groups={}))
                # A full disk must not keep the change in force, so the log may lack it.
                begin = {"action": "roll-back", "phase": "begin", "node": pending.node, "digest": pending.digest}
                with suppress(OSError):
                    log.append(self.store.log, begin | {"reason": reason})
                outcome = self.engine.put_back(self.system, snapshot, _Steps(self.tell))
            except (ApplyFailed, BadState, OSError) as failure:
                told = failure_of(failure)
                with suppress(OSError):
                    self._log(replace(begun, result=Result.FAILED, failure=told), reason)
                raise Refused(f"a change could not be taken back ({reason}): {told.reason}") from failure
            remove_pending(self.store)
            self.store.forget(pending.digest)
            steps = tuple(StepLines(name) for name in outcome.steps)
            done = replace(begun, differences=outcome.differences, steps=steps, notes=outcome.notes)
            with suppress(OSError):
                self._log(done, reason)
        return done

    def _settle(self) -> list[str]:
        """Takes back a change whose time is over, and tells so."""
        pending = read_pending(self.store)
        if pending is None or not (reason := pending.lapsed()):
            return []
        self.take_back(pending, reason)
        return [f"the change to bundle {pending.digest[:16]} is taken back: {reason}"]

    def _known(self, notes: list[str]) -> tuple[NodeBundle | None, tuple[NodeBundle, ...]]:
        """The bundle in force, and all whose chains may be there."""
        current = self.store.read_current(notes.append)
        unfinished = self.store.read_unfinished(notes.append)
        return current, ((current,) if current else ()) + unfinished

    def _plan(self, action: Action, bundle: NodeBundle, notes: list[str]) -> tuple[Plan, Report]:
        current, previous = self._known(notes)
        try:
            plan = self.engine.plan(self.system, bundle, previous)
        except ApplyFailed as failure:
            raise Refused(failure_of(failure).reason) from failure
        digest = current.digest if current else ""
        told = Report(action, Result.NO_DRIFT, bundle.node, bundle.digest, digest, plan.differences)
        return plan, replace(told, notes=(*notes, *plan.notes))

    def _prepare(self, bundle: NodeBundle, previous: str, plan: Plan, pending: Pending | None) -> None:
        """Everything that has to be on disk, and alive, before the first change."""
        try:
            self.store.keep(bundle)
            begin = {"action": "apply", "phase": "begin", "node": bundle.node, "digest": bundle.digest}
            log.append(self.store.log, begin | {"previous": previous or None, "confirm": pending and pending.seconds})
            if pending is not None:
                self.store.write(self.store.snapshot, snapshot_text(plan.snapshot))
                write_pending(self.store, pending)
                self.start_watchdog(self.store, pending.key)
        except OSError as reason:
            remove_pending(self.store)
            self.store.forget(bundle.digest)
            raise Refused(f"the state directory cannot be used: {reason}; nothing was changed") from reason

    def _record(self, bundle: NodeBundle) -> None:
        self.store.keep(bundle)
        self.store.set_current(bundle.digest)

    def _undo(self, reason: str, bundle: NodeBundle, previous: str, change: _Change) -> Failure:
        """Puts back what was there, because the change cannot be recorded."""
        if change.snapshot is None:
            return Failure("", reason)
        try:
            self.engine.put_back(self.system, change.snapshot, _Steps(self.tell))
            self.store.set_current(previous or None)
            failure = Failure("record", reason)
        except (ApplyFailed, OSError) as failed:
            failure = Failure("record", reason, put_back=False, trouble=failure_of(failed).reason)
        self._end_failed(failure, bundle)
        return failure

    def _end_failed(self, failure: Failure, bundle: NodeBundle) -> None:
        """Logs that the old state is there again.  What is not put back stays pending, if it is: the watchdog tries
        again.
        """
        if failure.put_back:
            remove_pending(self.store)
            self.store.forget(bundle.digest)
        with suppress(OSError):
            self._log(Report(Action.APPLY, Result.FAILED, bundle.node, bundle.digest, failure=failure))

    def _log(self, report: Report, reason: str = "") -> None:
        event: dict[str, object] = {
            "action": report.action.value,
            "phase": "end",
            "node": report.node,
            "digest": report.digest,
            "previous": report.previous or None,
            "result": report.result.value,
            "differences": len(report.differences),
            "steps": [step.name for step in report.steps],
        }
        if reason:
            event["reason"] = reason
        if report.failure is not None:
            event |= {"step": report.failure.step, "reason": report.failure.reason, "put_back": report.failure.put_back}
        log.append(self.store.log, event)


def failure_of(failed: Exception) -> Failure:
    """What an exception tells."""
    if isinstance(failed, ApplyFailed):
        return Failure(failed.step, failed.reason, failed.put_back, failed.trouble)
    return Failure("", str(failed) or type(failed).__name__)


def _pending(bundle: NodeBundle, seconds: int) -> Pending:
    """A change that is about to begin."""
    key = secrets.token_hex(8)
    return Pending(key, CHANGING, boot_id(), 0.0, seconds, "-", bundle.node, bundle.digest)


def _waiting(pending: Pending) -> Pending:
    """The change is made, and its time begins now."""
    until = datetime.now(UTC) + timedelta(seconds=pending.seconds)
    return replace(
        pending,
        state=WAITING,
        deadline=boottime() + pending.seconds,
        until=until.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
