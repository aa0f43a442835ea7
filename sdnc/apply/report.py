"""What the applier tells: as text for people, and as JSON with a schema (docs/apply.md)."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from enum import Enum

from sdnc.apply.confirm import Pending
from sdnc.apply.differences import Difference

SCHEMA = 1
"""Raised when a field of the JSON goes or gets another meaning."""

MOST_LISTED = 200
"""So many differences are listed in text."""

_DIGITS = 16
"""So many digits of a digest are shown in text."""


class Action(Enum):
    """What was asked for."""

    APPLY = "apply"
    CHECK = "check"
    DRY_RUN = "dry-run"
    ACCEPT = "accept"
    ROLL_BACK = "roll-back"


class Result(Enum):
    """What came of it."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    WAITING = "waiting"
    DRIFT = "drift"
    NO_DRIFT = "no-drift"
    WOULD_CHANGE = "would-change"
    ACCEPTED = "accepted"
    ROLLED_BACK = "rolled-back"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong: in which step ("": before the first), why, and whether all is as it was before; if not, why."""

    step: str
    reason: str
    put_back: bool = True
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class StepLines:
    """A step, and what it does or would do in lines; those of steps that were taken are not told."""

    name: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """All that there is to tell.  `digest` is that of the bundle, `previous` that of the one in force before.

    `notes` are what the user should know beside: flows of others, a change that was taken back before.
    """

    action: Action
    result: Result
    node: str = ""
    digest: str = ""
    previous: str = ""
    differences: tuple[Difference, ...] = ()
    steps: tuple[StepLines, ...] = ()
    notes: tuple[str, ...] = ()
    pending: Pending | None = None
    failure: Failure | None = None


def json_text(report: Report) -> str:
    """The report as JSON."""
    pending, failure = report.pending, report.failure
    told = {
        "schema": SCHEMA,
        "action": report.action.value,
        "result": report.result.value,
        "node": report.node or None,
        "digest": report.digest or None,
        "previous": report.previous or None,
        "differences": [
            {"kind": each.kind.value, "where": each.where, "what": each.what, "found": each.found}
            for each in report.differences
        ],
        "steps": [{"name": step.name, "lines": list(step.lines)} for step in report.steps],
        "notes": list(report.notes),
        "pending": pending and {"digest": pending.digest, "seconds": pending.seconds, "until": pending.until},
        "failure": failure
        and {
            "step": failure.step,
            "reason": failure.reason,
            "put_back": failure.put_back,
            "trouble": failure.trouble,
        },
    }
    return json.dumps(told, indent=2) + "\n"


def text(report: Report) -> str:
    """The report for people, failure left out: that is no result."""
    lines = [*_differences(report), *_headline(report)]
    if report.result is Result.WOULD_CHANGE:
        for number, step in enumerate(report.steps, 1):
            lines += [f"{number}. {step.name}", *(f"   {line}" for line in step.lines)]
    lines += [f"note: {note}" for note in report.notes]
    return "".join(f"{line}\n" for line in lines)


def _headline(report: Report) -> list[str]:
    bundle = f"{report.node}: bundle {report.digest[:_DIGITS]}"
    match report.result:
        case Result.CHANGED | Result.WAITING:
            lines = [f"{bundle} is in force: {_counted(report.differences)}"]
            lines += [f"  {step.name}" for step in report.steps]
            if report.pending is not None:
                lines.append(
                    f"It is taken back in {report.pending.seconds} s, at {report.pending.until}, "
                    "unless `sdnc apply --accept` comes before."
                )
            return lines
        case Result.UNCHANGED:
            return [f"{bundle} is in force already: nothing to do"]
        case Result.DRIFT:
            return [f"{bundle} is not what is in force: {_counted(report.differences)}"]
        case Result.NO_DRIFT:
            return [f"{bundle} is in force: no drift"]
        case Result.WOULD_CHANGE:
            return [f"{bundle} would be put in force: {_counted(report.differences)}"]
        case Result.ACCEPTED:
            return [f"{bundle} is accepted"]
        case Result.ROLLED_BACK:
            return [f"{bundle} is taken back: what was there before it is in force again"]
        case Result.FAILED:
            return []


def _differences(report: Report) -> list[str]:
    """Each difference in a line, where they are what was asked for."""
    if report.result is not Result.DRIFT:
        return []
    lines = [
        f"{each.kind.value} {each.where}: {each.what}" + (f" (there is: {each.found})" if each.found else "")
        for each in report.differences[:MOST_LISTED]
    ]
    more = len(report.differences) - MOST_LISTED
    return [*lines, f"… and {more} more"] if more > 0 else lines


def _counted(differences: tuple[Difference, ...]) -> str:
    """How many differences there are, and in what."""
    where = Counter(each.where.partition(" ")[0] for each in differences)
    shown = ", ".join(f"{name}: {count}" for name, count in where.items())
    return f"{len(differences)} difference{'s' if len(differences) != 1 else ''} ({shown})"


def failure_text(failure: Failure) -> str:
    """What went wrong, in one line."""
    if not failure.put_back:
        return f"step {failure.step}: {failure.reason}; what was there could NOT be put back: {failure.trouble}"
    if failure.step:
        return f"step {failure.step}: {failure.reason}; what was there before is put back"
    return failure.reason
