"""The command `sdnc`.

Exit statuses are the same everywhere: 0 good, 1 the input has errors, 2 usage or a fault of the surroundings, 128 and
its number for a signal.
Results go to standard output, findings and progress to standard error (`check` has nothing but findings, so they are
its result).
"""

from __future__ import annotations

import gc
import io
import os
import signal
import sys
from concurrent.futures import BrokenExecutor
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from compiler.diagnostics import Diagnostics
from compiler.options import Options
from compiler.pipeline import Compilation, read
from compiler.sources import read_sources
from compiler.sources.files import STDIN, read_paths
from compiler.suggest import did_you_mean
from compiler.version import VERSION
from sdnc.bundle import NotABundle
from sdnc.check import check_sources
from sdnc.compile import write_bundle
from sdnc.exits import EXIT_ERRORS, EXIT_FAULT, EXIT_SIGNAL
from sdnc.options import read_options
from sdnc.pod_network import pod_network
from sdnc.report import MACHINE_FORMATS
from sdnc.report.text import print_text
from sdnc.settings import PATHS, settings
from sdnc.signals import end_on_signals

if TYPE_CHECKING:
    from sdnc.resolve.servers import Server


def main() -> None:
    """The entry point: faults of the surroundings are told in one line, with exit status 2."""
    # A compilation makes a lot that lives to its end and next to nothing in circles: looking for those takes half of
    # the time.
    gc.disable()
    end_on_signals()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        sys.exit(cli(prog_name="sdnc", standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(EXIT_FAULT)
    except (OSError, BrokenExecutor) as error:
        click.echo(f"sdnc: {error}", err=True)
        sys.exit(EXIT_FAULT)


class _Commands(click.Group):
    """The commands; those of `_ELSEWHERE` are loaded when they are asked for, so that none pays for another."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *_ELSEWHERE})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _ELSEWHERE:
            command: click.Command = import_module(_ELSEWHERE[cmd_name]).command
            return command
        return super().get_command(ctx, cmd_name)

    def invoke(self, ctx: click.Context) -> object:
        """Where the reader of the output has gone, click and rich have a status that here means "different"."""
        try:
            return super().invoke(ctx)
        except (BrokenPipeError, SystemExit) as end:
            if not isinstance(end, BrokenPipeError) and not isinstance(end.__context__, BrokenPipeError):
                raise
        # What is still to be written when Python ends has to go somewhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_SIGNAL + signal.SIGPIPE)


_ELSEWHERE = {
    "apply": "sdnc.apply.command",
    "diff": "sdnc.diff.command",
    "explain": "sdnc.explain.command",
    "trace": "sdnc.trace.command",
}


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="sdnc")
def cli() -> None:
    """Compiles network policy into what the nodes of an Open vSwitch cluster network run.

    A PATH is a file or a folder with policy files (*.sdn) and Kubernetes or OpenShift objects (*.json, *.yaml), or -
    for standard input.
    """


cli.add_command(pod_network)


@cli.command()
@PATHS
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The bundle's folder.")
@click.option("--node", "nodes", multiple=True, metavar="NODE", help="Only this node; may be repeated.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=len(os.sched_getaffinity(0)),
    help="Worker processes; by default as many as there are processors.",
)
@click.option(
    "--provenance", is_flag=True, help="Put the statements (file and line) behind every line into the bundle, too."
)
@click.option(
    "--transition-from",
    "older",
    multiple=True,
    metavar="OLD",
    help="The sources of what the nodes run now; may be repeated. Compiles what both allow: the first of two rounds.",
)
@settings
def compile(
    paths: tuple[str, ...],
    output: Path,
    nodes: tuple[str, ...],
    jobs: int,
    provenance: bool,
    older: tuple[str, ...],
    dns_lock: Path | None,
    on_broken_egress_policy: str,
) -> None:
    """Compile PATHs into a bundle: for every node its flows, ports and set-up script."""
    if dns_lock is not None and _real(dns_lock).is_relative_to(_real(output)):
        raise click.BadParameter(f"{dns_lock} is inside the output {output}", param_hint="--dns-lock")
    if STDIN in paths and STDIN in older:
        raise click.BadParameter("standard input is among the PATHs", param_hint="--transition-from")
    diagnostics = Diagnostics()
    options = read_options(dns_lock, on_broken_egress_policy, diagnostics)
    compilation = read(paths, sys.stdin.buffer, diagnostics, options)
    if compilation is not None and older:
        compilation = _between(older, compilation, options, diagnostics)
    errors = Console(stderr=True)
    print_text(diagnostics.sorted(), errors)
    if compilation is None:
        sys.exit(EXIT_ERRORS)
    _check_nodes(compilation, nodes)
    total = len(set(nodes)) or len(compilation.model.nodes)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    hidden = not errors.is_terminal or total == 1
    # Worker processes are forked, so there must be no thread that refreshes the display.
    progress = Progress(*columns, console=errors, transient=True, auto_refresh=False, disable=hidden)
    with progress:
        task = progress.add_task("compiling nodes", total=total)

        def advance(node: str) -> None:
            progress.advance(task)
            progress.refresh()

        try:
            digests = write_bundle(compilation, output, nodes=nodes, jobs=jobs, provenance=provenance, progress=advance)
        except NotABundle as reason:
            click.echo(f"sdnc: {reason}; it stays as it is", err=True)
            sys.exit(EXIT_FAULT)
    model = compilation.model
    click.echo(
        f"{output}: {len(digests)} files for {total} of {len(model.nodes)} nodes "
        f"({len(model.endpoints)} pods, {len(model.policies)} policies)"
    )


def _between(
    older: tuple[str, ...], compilation: Compilation, options: Options, diagnostics: Diagnostics
) -> Compilation | None:
    """What the older sources and the compilation both allow; findings about the older ones are told if they do not
    compile."""
    from compiler.transition import transition

    found = Diagnostics()
    old = read(older, sys.stdin.buffer, found, options)
    if old is None:
        diagnostics.extend(found.sorted())
        return None
    return transition(old, compilation, diagnostics)


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _check_no_source(option: str, written: Path, paths: tuple[str, ...]) -> None:
    """A file that would destroy a source is not written."""
    real = _real(written)
    for source in read_paths([path for path in paths if path != STDIN], None, Diagnostics()):
        if _real(Path(source.name)) == real:
            raise click.BadParameter(f"{written} is one of the sources", param_hint=option)


def _check_nodes(compilation: Compilation, nodes: tuple[str, ...]) -> None:
    known = {node.name for node in compilation.model.nodes}
    for name in nodes:
        if name not in known:
            raise click.BadParameter(f"there is no node {name!r}{did_you_mean(name, known)}", param_hint="--node")


@cli.command()
@PATHS
@click.option(
    "--format",
    "format_",
    type=click.Choice(("text", *MACHINE_FORMATS)),
    default="text",
    help="How to tell: for people, or for machines.",
)
@click.option(
    "--against",
    "older",
    multiple=True,
    metavar="OLD",
    help="An older snapshot: a file or folder; may be repeated. Tells which host names changed since.",
)
@settings
def check(
    paths: tuple[str, ...], format_: str, older: tuple[str, ...], dns_lock: Path | None, on_broken_egress_policy: str
) -> None:
    """Check PATHs and tell everything that is wrong with them."""
    if STDIN in paths and STDIN in older:
        raise click.BadParameter("standard input is among the PATHs", param_hint="--against")
    diagnostics = Diagnostics()
    options = read_options(dns_lock, on_broken_egress_policy, diagnostics)
    check_sources(paths, older, sys.stdin.buffer, diagnostics, options)
    found = diagnostics.sorted()
    if format_ == "text":
        print_text(found, Console())
        if not found:
            click.echo("no findings")
    else:
        click.echo(MACHINE_FORMATS[format_](found), nl=False)
    if diagnostics.failed:
        sys.exit(EXIT_ERRORS)


def _parse_servers(_context: click.Context, _option: click.Parameter, texts: tuple[str, ...]) -> tuple[Server, ...]:
    from sdnc.resolve.servers import parse_server

    try:
        return tuple(map(parse_server, texts))
    except ValueError as reason:
        raise click.BadParameter(f"{reason}; write ADDRESS or ADDRESS#PORT") from reason


@cli.command()
@PATHS
@click.option(
    "--dns-lock",
    metavar="FILE",
    required=True,
    type=click.Path(path_type=Path),
    help="The file to keep the addresses in.",
)
@click.option(
    "--server",
    "servers",
    multiple=True,
    metavar="ADDRESS[#PORT]",
    callback=_parse_servers,
    help="Ask this name server; may be repeated. By default those of /etc/resolv.conf.",
)
@click.option(
    "--timeout",
    type=click.IntRange(min=1, max=3600),
    default=5,
    show_default=True,
    metavar="SECONDS",
    help="How long the lookup of a name may take.",
)
@click.option("--watch", is_flag=True, help="Go on: look every name up again when its TTL ends.")
def resolve(paths: tuple[str, ...], dns_lock: Path, servers: tuple[Server, ...], timeout: int, watch: bool) -> None:
    """Look up the DNS names in the egress firewalls of PATHs, and keep their addresses in a lock file."""
    # Loading what talks to the network takes longer than a small compilation.
    from sdnc.resolve.command import resolve_names, resolver
    from sdnc.resolve.lock_file import LockFile, NotALockFile
    from sdnc.resolve.names import names_of

    _check_no_source("--dns-lock", dns_lock, paths)
    diagnostics = Diagnostics()
    names = names_of(read_sources(paths, sys.stdin.buffer, diagnostics))
    try:
        file = LockFile.open(dns_lock, diagnostics)
    except NotALockFile as reason:
        raise click.BadParameter(f"{reason}; it stays as it is", param_hint="--dns-lock") from reason
    print_text(diagnostics.sorted(), Console(stderr=True))
    if file is None or diagnostics.failed:
        sys.exit(EXIT_ERRORS)
    if watch and not names:
        click.echo("sdnc: no egress firewall names a host, so there is nothing to watch", err=True)
        watch = False
    if not resolve_names(names, file, resolver(servers, timeout), watch=watch):
        sys.exit(EXIT_FAULT)
