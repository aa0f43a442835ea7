"""The command `sdnc apply`: its options, what it tells, and its exit status."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from sdnc.apply import engine
from sdnc.apply.applier import Applier, Refused, failure_of
from sdnc.apply.confirm import MOST_SECONDS
from sdnc.apply.lock import LockTaken, locked
from sdnc.apply.node_bundle import BadBundle, read_node_bundle
from sdnc.apply.report import Action, Report, Result, failure_text, json_text, text
from sdnc.apply.store import BadStore, open_store
from sdnc.apply.system import BadEnvironment, System
from sdnc.apply.watchdog import start
from sdnc.exits import EXIT_ERRORS, EXIT_FAULT

STATE = "/var/lib/sdnc"
"""The state directory, unless another is told."""

_EXITS = {Result.DRIFT: EXIT_ERRORS, Result.FAILED: EXIT_FAULT}


@click.command("apply")
@click.argument("folder", required=False, metavar="BUNDLE/nodes/NODE", type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Tell what differs from the bundle, and change nothing.")
@click.option("--dry-run", is_flag=True, help="Tell the steps that would be taken, and change nothing.")
@click.option(
    "--confirm",
    "seconds",
    type=click.IntRange(1, MOST_SECONDS),
    metavar="SECONDS",
    help="Take the change back after so many seconds, unless --accept comes before.",
)
@click.option("--accept", is_flag=True, help="Keep the change that waits for it.")
@click.option("--roll-back", is_flag=True, help="Take back at once the change that waits to be accepted.")
@click.option(
    "--state",
    metavar="DIR",
    default=STATE,
    show_default=True,
    type=click.Path(path_type=Path, readable=False),
    help="Where the lock, the log and the last applied bundle are.",
)
@click.option(
    "--lock-timeout",
    metavar="SECONDS",
    default=30,
    show_default=True,
    type=click.IntRange(min=0),
    help="How long to wait for another applier.",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(("text", "json")),
    default="text",
    help="How to tell: for people, or for machines.",
)
def command(
    folder: Path | None,
    check: bool,
    dry_run: bool,
    seconds: int | None,
    accept: bool,
    roll_back: bool,
    state: Path,
    lock_timeout: int,
    format_: str,
) -> None:
    """Put a node's folder of a bundle in force on this node, as root."""
    action = _action(folder, check, dry_run, seconds, accept, roll_back)
    _keep_standard_streams()
    report = _run(action, folder, seconds, state, lock_timeout)
    if format_ == "json":
        click.echo(json_text(report), nl=False)
    else:
        click.echo(text(report), nl=False)
    if report.failure is not None:
        click.echo(f"sdnc: {failure_text(report.failure)}", err=True)
    sys.exit(_EXITS.get(report.result, 0))


def _action(
    folder: Path | None, check: bool, dry_run: bool, seconds: int | None, accept: bool, roll_back: bool
) -> Action:
    """What is asked for.  Raises click.UsageError if that is several things, or not enough."""
    asked = {
        "--check": (check, Action.CHECK),
        "--dry-run": (dry_run, Action.DRY_RUN),
        "--accept": (accept, Action.ACCEPT),
        "--roll-back": (roll_back, Action.ROLL_BACK),
    }
    chosen = [(option, action) for option, (given, action) in asked.items() if given]
    if len(chosen) > 1:
        raise click.UsageError(f"{chosen[0][0]} and {chosen[1][0]} do not go together")
    option, action = chosen[0] if chosen else ("", Action.APPLY)
    if seconds is not None and chosen:
        raise click.UsageError(f"--confirm and {option} do not go together")
    if action in (Action.ACCEPT, Action.ROLL_BACK):
        if folder is not None:
            raise click.UsageError(f"{option} takes no folder: it is about the change that waits")
    elif folder is None:
        raise click.UsageError("a node's folder of a bundle is missing: BUNDLE/nodes/NODE")
    return action


def _run(action: Action, folder: Path | None, seconds: int | None, state: Path, timeout: float) -> Report:
    """Takes the lock, and does what is asked for; what keeps it from being done is in the report."""
    try:
        if os.geteuid() != 0:
            raise Refused("sdnc apply changes the node, and has to be run as root")
        bundle = read_node_bundle(folder) if folder is not None else None
        store = open_store(state)
        with locked(store.lock, timeout, lambda message: click.echo(f"sdnc: {message}", err=True)) as handle:
            applier = Applier(store, System(descriptors=(handle,)), engine, start, _tell)
            match action, bundle:
                case Action.ACCEPT, None:
                    return applier.accept()
                case Action.ROLL_BACK, None:
                    return applier.roll_back()
                case Action.CHECK, bundle if bundle is not None:
                    return applier.check(bundle)
                case Action.DRY_RUN, bundle if bundle is not None:
                    return applier.dry_run(bundle)
                case _, bundle if bundle is not None:
                    return applier.apply(bundle, seconds)
                case _:
                    raise AssertionError(action)
    except (BadBundle, BadEnvironment, BadStore, LockTaken, MemoryError, OSError, Refused) as reason:
        return Report(action, Result.FAILED, failure=failure_of(reason))


def _keep_standard_streams() -> None:
    """Where one is closed, the lock, or a program's output, must not take its number."""
    while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(handle)


def _tell(step: str) -> None:
    """Progress: the step that is about to be taken."""
    if sys.stderr is not None and sys.stderr.isatty():
        click.echo(f"{step} …", err=True)
