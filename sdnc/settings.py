"""The arguments and options that the commands share which compile sources."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from compiler.options import BrokenEgress

Command = TypeVar("Command", bound=Callable[..., None])

PATHS = click.argument("paths", nargs=-1, required=True, metavar="PATH...")
"""The sources: files, folders, and `-` for standard input."""

TEXT_OR_JSON = click.option(
    "--format",
    "format_",
    type=click.Choice(("text", "json")),
    default="text",
    help="How to tell: for people, or for machines.",
)
"""How a command tells its result; it gets `format_`."""


def settings(command: Command) -> Command:
    """Adds the options that every command has that compiles; `sdnc.options.read_options` reads them."""
    dns_lock = click.option(
        "--dns-lock",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="The addresses of the DNS names in egress firewalls, as `sdnc resolve` writes them.",
    )
    broken = click.option(
        "--on-broken-egress-policy",
        type=click.Choice([each.value for each in BrokenEgress]),
        default=BrokenEgress.ERROR.value,
        show_default=True,
        help="A project that shares its NetID, or has several egress firewalls: refuse it, or drop what leaves it.",
    )
    return dns_lock(broken(command))
