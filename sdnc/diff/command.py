"""The command `sdnc diff`."""

from __future__ import annotations

import sys

import click
from rich.console import Console

from compiler.diagnostics import Severity
from sdnc.diff.difference import NoMeaning, difference
from sdnc.diff.git import Revisions, parse_revisions
from sdnc.diff.inputs import BadSources, Inputs, Settings, read_inputs, read_revisions
from sdnc.diff.json_report import json_text
from sdnc.diff.markdown import markdown_text
from sdnc.diff.sides import BadInput
from sdnc.diff.text import print_text
from sdnc.diff.words import visible
from sdnc.exits import EXIT_DIFFERENT, EXIT_FAULT
from sdnc.report.text import print_text as print_findings
from sdnc.settings import settings


def _parse(_context: click.Context, _option: click.Parameter, text: str | None) -> Revisions | None:
    try:
        return None if text is None else parse_revisions(text)
    except ValueError as reason:
        raise click.BadParameter(str(reason)) from reason


@click.command("diff")
@click.argument("paths", nargs=-1, metavar="[OLD NEW | PATH...]")
@click.option(
    "--git",
    "revisions",
    metavar="REV",
    callback=_parse,
    help="The PATHs at this revision against the files as they are; A..B: at A against at B; A...B: since B left A.",
)
@click.option("--old", "old", multiple=True, metavar="PATH", help="A path of the old version; may be repeated.")
@click.option("--new", "new", multiple=True, metavar="PATH", help="A path of the new version; may be repeated.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(("text", "markdown", "json")),
    default="text",
    help="How to tell: for a terminal, for a pull request, for machines.",
)
@click.option("--verbose", "-v", is_flag=True, help="As text: every change, every pod, every line.")
@click.option("--meaning", is_flag=True, help="Compare the meaning alone, and no rules.")
@click.option("--old-dns-lock", metavar="FILE", help="The DNS lock file of the old version, if it has another.")
@settings
def command(
    paths: tuple[str, ...],
    revisions: Revisions | None,
    old: tuple[str, ...],
    new: tuple[str, ...],
    format_: str,
    verbose: bool,
    meaning: bool,
    old_dns_lock: str | None,
    dns_lock: object,
    on_broken_egress_policy: str,
) -> None:
    """Tell what changes between two versions: who may reach whom, and which rules of which nodes.

    OLD and NEW are each a bundle's folder, or a file or folder with sources, or - for standard input.
    """
    chosen = Settings(None if dns_lock is None else str(dns_lock), old_dns_lock, on_broken_egress_policy)
    try:
        inputs = _inputs(paths, revisions, old, new, chosen)
        found = difference(inputs, meaning_only=meaning)
    except (BadInput, NoMeaning) as reason:
        click.echo(f"sdnc: {reason}", err=True)
        sys.exit(EXIT_FAULT)
    except BadSources as bad:
        console = Console(stderr=True)
        for name, diagnostics in bad.sides:
            click.echo(f"sdnc: {name} have errors", err=True)
            print_findings([each for each in diagnostics.sorted() if each.severity is Severity.ERROR], console)
        sys.exit(EXIT_FAULT)
    for note in found.notes:
        click.echo(f"sdnc: {visible(note)}", err=True)
    match format_:
        case "json":
            click.echo(json_text(found), nl=False)
        case "markdown":
            click.echo(markdown_text(found), nl=False)
        case _:
            print_text(found, Console(), verbose=verbose)
    if not found.same:
        sys.exit(EXIT_DIFFERENT)


def _inputs(
    paths: tuple[str, ...], revisions: Revisions | None, old: tuple[str, ...], new: tuple[str, ...], chosen: Settings
) -> Inputs:
    """The two sides, in whichever of the three ways they were named.  Raises click.UsageError."""
    stdin = sys.stdin.buffer
    if revisions is not None:
        if old or new or chosen.old_dns_lock is not None:
            raise click.UsageError("--git goes with PATHs alone: no --old, --new or --old-dns-lock")
        if not paths:
            raise click.UsageError("--git needs a PATH")
        return read_revisions(revisions, paths, stdin, chosen)
    if old and new and not paths:
        return read_inputs(old, new, stdin, chosen)
    if old or new or len(paths) != 2:
        raise click.UsageError("give OLD and NEW, or --git REV and PATHs, or --old and --new")
    return read_inputs(paths[:1], paths[1:], stdin, chosen)
