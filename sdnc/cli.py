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
import sys
from concurrent.futures import BrokenExecutor
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from compiler.diagnostics import Diagnostics
from compiler.pipeline import Compilation, read
from compiler.sources.files import STDIN, read_paths
from compiler.suggest import did_you_mean
from compiler.version import VERSION
from sdnc.bundle import NotABundle
from sdnc.compile import write_bundle
from sdnc.provenance import write_provenance
from sdnc.report import MACHINE_FORMATS
from sdnc.report.text import print_text
from sdnc.signals import end_on_signals

EXIT_ERRORS = 1
EXIT_FAULT = 2

_PATHS = click.argument("paths", nargs=-1, required=True, metavar="PATH...")


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


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="sdnc")
def cli() -> None:
    """Compiles network policy into what the nodes of an Open vSwitch cluster network run.

    A PATH is a file or a folder with policy files (*.sdn) and Kubernetes or OpenShift objects (*.json, *.yaml), or -
    for standard input.
    """


@cli.command()
@_PATHS
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The bundle's folder.")
@click.option("--node", "nodes", multiple=True, metavar="NODE", help="Only this node; may be repeated.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=len(os.sched_getaffinity(0)),
    help="Worker processes; by default as many as there are processors.",
)
@click.option(
    "--provenance",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write, as JSON, the statements (file and line) behind every flow.",
)
def compile(paths: tuple[str, ...], output: Path, nodes: tuple[str, ...], jobs: int, provenance: Path | None) -> None:
    """Compile PATHs into a bundle: for every node its flows, ports and set-up script."""
    if provenance is not None:
        _check_provenance(provenance, paths, output)
    diagnostics = Diagnostics()
    compilation = read(paths, sys.stdin.buffer, diagnostics)
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
            if provenance is not None:
                write_provenance(compilation, provenance, nodes)
            digests = write_bundle(compilation, output, nodes=nodes, jobs=jobs, progress=advance)
        except NotABundle as reason:
            click.echo(f"sdnc: {reason}; it stays as it is", err=True)
            sys.exit(EXIT_FAULT)
    model = compilation.model
    click.echo(
        f"{output}: {len(digests)} files for {total} of {len(model.nodes)} nodes "
        f"({len(model.endpoints)} pods, {len(model.policies)} policies)"
    )


def _check_provenance(provenance: Path, paths: tuple[str, ...], output: Path) -> None:
    """Where the file would destroy sources, or be destroyed with the old bundle, it is not written."""
    real = Path(os.path.realpath(provenance))
    if real.is_relative_to(os.path.realpath(output)):
        raise click.BadParameter(f"{provenance} is inside the output {output}", param_hint="--provenance")
    for source in read_paths([path for path in paths if path != STDIN], None, Diagnostics()):
        if Path(source.name).resolve() == real:
            raise click.BadParameter(f"{provenance} is one of the sources", param_hint="--provenance")


def _check_nodes(compilation: Compilation, nodes: tuple[str, ...]) -> None:
    known = {node.name for node in compilation.model.nodes}
    for name in nodes:
        if name not in known:
            raise click.BadParameter(f"there is no node {name!r}{did_you_mean(name, known)}", param_hint="--node")


@cli.command()
@_PATHS
@click.option(
    "--format",
    "format_",
    type=click.Choice(("text", *MACHINE_FORMATS)),
    default="text",
    help="How to tell: for people, or for machines.",
)
def check(paths: tuple[str, ...], format_: str) -> None:
    """Check PATHs and tell everything that is wrong with them."""
    diagnostics = Diagnostics()
    read(paths, sys.stdin.buffer, diagnostics)
    found = diagnostics.sorted()
    if format_ == "text":
        print_text(found, Console())
        if not found:
            click.echo("no findings")
    else:
        click.echo(MACHINE_FORMATS[format_](found), nl=False)
    if diagnostics.failed:
        sys.exit(EXIT_ERRORS)
