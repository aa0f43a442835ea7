"""The command `sdnc pod-network`: `oc adm pod-network` for people who keep their objects in files.

It reads objects and prints the NetNamespaces that change, for `oc replace -f -`; it asks no cluster.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from typing import TypeVar

import click
from rich.console import Console

from compiler import codes
from compiler.declarations import Declaration, NetIdAction, NetIdStatement
from compiler.diagnostics import Diagnostics
from compiler.sources.documents import read_objects
from compiler.sources.files import STDIN, Format, read_paths
from compiler.sources.positions import origin_at, whole_source
from compiler.sources.selector_text import parse_selector
from compiler.values.labels import Selector
from sdnc.exits import EXIT_ERRORS
from sdnc.net_namespaces import objects_text, renumbered
from sdnc.report.text import print_text

COMMAND_LINE = "command line"
"""The name, in findings, of the source that the command line is."""

Command = TypeVar("Command", bound=Callable[..., None])


def _common(command: Command) -> Command:
    """The arguments and options that every command of the group has."""
    projects = click.argument("projects", nargs=-1, metavar="[PROJECT]...")
    selector = click.option(
        "--selector", metavar="SELECTOR", help="Label selector of projects, instead of their names."
    )
    files = click.option(
        "-f",
        "--filename",
        "paths",
        multiple=True,
        default=(STDIN,),
        metavar="PATH",
        help="A file or folder with objects, or - for standard input, as without the option; may be repeated.",
    )
    output = click.option(
        "-o",
        "--output",
        "form",
        type=click.Choice(("yaml", "json")),
        default="yaml",
        show_default=True,
        help="How to print the objects.",
    )
    return projects(selector(files(output(command))))


@click.group("pod-network")
def pod_network() -> None:
    """Print the NetNamespaces that change when projects are joined, isolated or made global.

    The objects read have to tell the mode (ClusterNetwork) and the projects (Namespace, NetNamespace).
    """


@pod_network.command("join-projects")
@click.option("--to", "target", metavar="PROJECT", help="Join the network of this project.")
@_common
def join_projects(
    projects: tuple[str, ...], target: str | None, selector: str | None, paths: tuple[str, ...], form: str
) -> None:
    """Join projects to the network of another."""
    if not target:
        raise click.UsageError("must provide --to=<project_name>")
    _run(NetIdAction.JOIN, projects, selector, target, paths, form)


@pod_network.command("isolate-projects")
@_common
def isolate_projects(projects: tuple[str, ...], selector: str | None, paths: tuple[str, ...], form: str) -> None:
    """Give projects networks of their own."""
    _run(NetIdAction.ISOLATE, projects, selector, None, paths, form)


@pod_network.command("make-projects-global")
@_common
def make_projects_global(projects: tuple[str, ...], selector: str | None, paths: tuple[str, ...], form: str) -> None:
    """Let projects reach all others, and all others them."""
    _run(NetIdAction.GLOBAL, projects, selector, None, paths, form)


def _run(
    action: NetIdAction,
    projects: tuple[str, ...],
    selector: str | None,
    target: str | None,
    paths: tuple[str, ...],
    form: str,
) -> None:
    statement = _statement(action, projects, selector, target)
    diagnostics = Diagnostics()
    objects = renumbered(_read(paths, diagnostics), statement, diagnostics)
    print_text(diagnostics.sorted(), Console(stderr=True))
    if diagnostics.failed:
        sys.exit(EXIT_ERRORS)
    if objects:
        click.echo(objects_text(objects, form), nl=False)
    else:
        click.echo("no NetNamespace changes", err=True)


def _statement(
    action: NetIdAction, projects: tuple[str, ...], selector: str | None, target: str | None
) -> NetIdStatement:
    """What the command line asks for; raises click.UsageError as `oc adm pod-network` refuses it."""
    selected: Selector | None = None
    if selector is not None:
        try:
            selected = parse_selector(selector)
        except ValueError as reason:
            raise click.UsageError(f"--selector=<project_selector> must be a valid label selector: {reason}") from None
        if projects:
            raise click.UsageError("either specify --selector=<project_selector> or projects but not both")
    elif not projects:
        raise click.UsageError("must provide --selector=<project_selector> or projects")
    words = [click.get_current_context().command_path]
    words += [f"--to={shlex.quote(target)}"] if target is not None else []
    words += [f"--selector={shlex.quote(selector)}"] if selector is not None else map(shlex.quote, projects)
    text = " ".join(words)
    return NetIdStatement(action, origin_at(whole_source(COMMAND_LINE, text), 0, len(text)), projects, selected, target)


def _read(paths: tuple[str, ...], diagnostics: Diagnostics) -> tuple[Declaration, ...]:
    """What the objects declare; reports NO_OBJECTS for a file of the policy language, which has statements for this."""
    files = read_paths(paths, sys.stdin.buffer, diagnostics)
    for file in files:
        if file.format is Format.DSL:
            diagnostics.report(codes.NO_OBJECTS, None, path=file.name)
    return read_objects(files, diagnostics)
