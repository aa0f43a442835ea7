"""The command `sdnc trace`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
from rich.console import Console

from compiler.diagnostics import Diagnostics
from compiler.trace import InternalFault, NotUnderstood
from sdnc.exits import EXIT_ERRORS, EXIT_FAULT
from sdnc.options import read_options
from sdnc.report.text import print_text
from sdnc.settings import PATHS, TEXT_OR_JSON, settings
from sdnc.trace.answer import find_answer
from sdnc.trace.text import print_trace


@click.command("trace")
@PATHS
@click.option("--from", "sender", required=True, metavar="A", help="Who sends: a pod, a project, a node or an address.")
@click.option("--to", "receiver", required=True, metavar="B", help="To whom: a pod, a service, a node or an address.")
@click.option("--port", required=True, help="tcp/443, udp/dns, icmp, or protocol/50 for an IP protocol by its number.")
@click.option("--why-not", is_flag=True, help="Also tell everything that would have to be allowed, and how.")
@TEXT_OR_JSON
@settings
def command(
    paths: tuple[str, ...],
    sender: str,
    receiver: str,
    port: str,
    why_not: bool,
    format_: str,
    dns_lock: Path | None,
    on_broken_egress_policy: str,
) -> None:
    """Tell whether A may open connections to B in the cluster of PATHs, and which statements say so.

    Exit status: 0 allowed, 1 denied, 2 anything else.
    """
    diagnostics = Diagnostics()
    options = read_options(dns_lock, on_broken_egress_policy, diagnostics)
    try:
        answer = find_answer(paths, sys.stdin.buffer, sender, receiver, port, diagnostics, options)
    except NotUnderstood as reason:
        raise click.BadParameter(str(reason), param_hint=reason.option) from reason
    except InternalFault as reason:
        click.echo(f"sdnc: internal fault, verdict and flows disagree: {reason}; please report it", err=True)
        sys.exit(EXIT_FAULT)
    print_text(diagnostics.sorted(), Console(stderr=True))
    if answer is None:
        sys.exit(EXIT_FAULT)
    if format_ == "json":
        click.echo(json.dumps(answer.report(why_not=why_not), indent=2, ensure_ascii=False))
    else:
        print_trace(answer.trace, answer.hops, Console(), why_not=why_not)
    if not answer.allowed:
        sys.exit(EXIT_ERRORS)
