"""What `sdnc resolve` does between the command line and the network."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Coroutine, Sequence

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from compiler.diagnostics import printable
from sdnc.resolve.lock_file import LockFile
from sdnc.resolve.lookup import Resolver
from sdnc.resolve.servers import Server, system_servers
from sdnc.resolve.session import Session
from sdnc.signals import ENDING, held_back


def resolver(servers: Sequence[Server], timeout: float) -> Resolver:
    """Asks these servers or, if there are none, those of /etc/resolv.conf, as the file is at each lookup.

    `timeout` is the seconds that one lookup may take.  Raises OSError if there is no server.
    """
    if servers:
        return Resolver(lambda: servers, timeout)
    system_servers()
    return Resolver(system_servers, timeout)


def resolve_names(names: Sequence[str], file: LockFile, resolver: Resolver, *, watch: bool) -> bool:
    """Looks names up, writes the lock file and prints what changed; with `watch` until a signal comes.

    Whether every name was resolved.  Raises OSError if the file cannot be written, and SystemExit for a signal.
    """
    session = Session(names, resolver, lambda line: click.echo(f"sdnc: {printable(line)}", err=True))

    def save() -> list[str]:
        lines = file.update(names, session.answers)
        for line in lines:
            click.echo(line)
        return lines

    if watch:
        # The command is to run for months; what one lookup leaves behind in circles is no longer little.
        gc.enable()
        _run(session.for_ever(save))
    else:
        _run(_once(session))
        if not save():
            click.echo("unchanged")
    return not session.unresolved


async def _once(session: Session) -> None:
    errors = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as progress:
        task = progress.add_task("resolving names", total=len(session.questions()))
        await session.once(lambda: progress.advance(task))


def _run(main: Coroutine[None, None, None]) -> None:
    """Runs `main` to its end, or until a signal of `ENDING` comes: it is cancelled then, and SystemExit is raised.

    An event loop takes signals between its steps.  An exception in the middle of one, as `end_on_signals` has it, would
    leave tasks that nobody waits for.
    """
    received: list[int] = []

    async def supervised() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def end(number: int) -> None:
            received.append(number)
            # A loop that closes gives a signal its default back, and a second one would kill the command then.
            with held_back():
                for other in heeded:
                    loop.remove_signal_handler(other)
                    signal.signal(other, signal.SIG_IGN)
            task.cancel()

        for number in heeded:
            loop.add_signal_handler(number, end, number)
        await main

    before = {number: signal.getsignal(number) for number in ENDING}
    heeded = [number for number in ENDING if before[number] is not signal.SIG_IGN]
    try:
        asyncio.run(supervised())
    except asyncio.CancelledError:
        sys.exit(128 + received[0])
    finally:
        for number in heeded if not received else ():
            signal.signal(number, before[number])
