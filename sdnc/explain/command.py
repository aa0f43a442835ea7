"""The command `sdnc explain`: which statements asked for a line of a bundle."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console

from compiler.diagnostics import Diagnostics
from compiler.pipeline import Compilation, read
from sdnc.exits import EXIT_ERRORS, EXIT_FAULT
from sdnc.explain.bundle import BadBundle, from_bundle, from_sources, open_bundle, read_bundle
from sdnc.explain.json_report import json_text
from sdnc.explain.search import NotTold, explain, find, nearest
from sdnc.explain.statements import SourceTexts
from sdnc.explain.text import print_explained
from sdnc.options import read_options
from sdnc.provenance import BadProvenance
from sdnc.report.text import print_text
from sdnc.settings import TEXT_OR_JSON, settings


class _Explain(click.Command):
    """Takes a rule such as `-A CHAIN …` for the LINE that it is: no option has a blank in it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = args[: args.index("--")] if "--" in args else args
        rules = [each for each in own if each.startswith("-") and " " in each.strip() and "=" not in each.split()[0]]
        if rules:
            args = [each for each in args if each not in rules]
            args += rules if "--" in args else ["--", *rules]
        return super().parse_args(ctx, args)


@click.command(cls=_Explain, name="explain")
@click.argument("bundle", metavar="BUNDLE", type=click.Path(path_type=Path))
@click.argument("line", metavar="LINE")
@click.option("--node", metavar="NODE", help="Look at this node only.")
@click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="PATH",
    help="Compile these sources to know the statements; may be repeated. For a bundle without provenance.",
)
@TEXT_OR_JSON
@settings
def command(
    bundle: Path,
    line: str,
    node: str | None,
    sources: tuple[str, ...],
    format_: str,
    dns_lock: Path | None,
    on_broken_egress_policy: str,
) -> None:
    """Name the statements that asked for a LINE of BUNDLE.

    LINE is a flow, a group, a rule of iptables or any other line, as the bundle has it or as the programs of a node
    print it; a flow may be its match alone. BUNDLE may be the folder of one node in a bundle.
    """
    try:
        folder, node = open_bundle(bundle, node)
        files = read_bundle(folder, node)
        places = find(files, line)
        if sources:
            told = from_sources(_compiled(sources, dns_lock, on_broken_egress_policy), files)
        else:
            told = from_bundle(folder)
        found, digests = explain(places, told)
    except (BadBundle, BadProvenance) as reason:
        click.echo(f"sdnc: {reason}", err=True)
        sys.exit(EXIT_FAULT)
    except NotTold:
        click.echo(
            f"sdnc: {bundle} has no provenance: compile it with --provenance, or name its sources with --source",
            err=True,
        )
        sys.exit(EXIT_FAULT)
    near = () if places else nearest(files, line)
    texts = SourceTexts.read(digests, {statement.file for each in found for statement in each.statements})
    if format_ == "json":
        click.echo(json_text(line, found, near, texts), nl=False)
    elif found:
        print_explained(found, texts, Console())
    if not found:
        _not_found(near)


def _compiled(sources: tuple[str, ...], dns_lock: Path | None, on_broken_egress_policy: str) -> Compilation:
    diagnostics = Diagnostics()
    options = read_options(dns_lock, on_broken_egress_policy, diagnostics)
    compilation = read(sources, sys.stdin.buffer, diagnostics, options)
    if compilation is None:
        print_text(diagnostics.sorted(), Console(stderr=True))
        sys.exit(EXIT_FAULT)
    return compilation


def _not_found(near: tuple[str, ...]) -> None:
    click.echo("sdnc: there is no such line in the bundle", err=True)
    if near:
        click.echo("The nearest:", err=True)
    for text in near:
        click.echo(f"  {text}", err=True)
    sys.exit(EXIT_ERRORS)
