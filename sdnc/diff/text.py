"""A difference for a terminal: the summary, what changes in meaning, then the rules by statement.

Short first: without `verbose` as much as fits a screen for a small change, and a number for the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from sdnc.diff.difference import Difference
from sdnc.diff.words import ADDED, CHANGED, REMOVED, Item, meaning_items, rule_items, summary, title_of_rules, visible

MAX_MEANING, MAX_RULES, MAX_LINE = 12, 8, 300
"""Changes in meaning, statements, and characters of a line that are shown without `verbose`."""

_STYLES = {ADDED: "green", REMOVED: "red", CHANGED: "yellow"}


def print_text(difference: Difference, console: Console, *, verbose: bool) -> None:
    """Prints a difference; the console decides whether there are colours.  Lines are not broken."""
    console.print(Text(summary(difference), style="bold"), soft_wrap=True)
    rules = [] if difference.rules is None else rule_items(difference.rules)
    parts = ((meaning_items(difference), MAX_MEANING, ""), (rules, MAX_RULES, title_of_rules(difference)))
    hidden = False
    for items, limit, title in parts:
        if not items:
            continue
        console.print(Text(f"\n{title}" if title else ""), soft_wrap=True)
        shown = items if verbose else items[:limit]
        for line in _lines(shown, verbose):
            console.print(line, soft_wrap=True)
        if len(items) > len(shown):
            console.print(Text(f"  … and {len(items) - len(shown):,} more"), soft_wrap=True)
        hidden = hidden or len(items) > len(shown) or any(item.more for item in shown)
    if hidden and not verbose:
        console.print(Text("\n--verbose shows every line", style="dim"), soft_wrap=True)


def _lines(items: Sequence[Item], verbose: bool) -> Iterator[Text]:
    for item in items:
        yield _cut(Text.assemble((f"{item.sign} ", "bold"), visible(item.text), style=_STYLES[item.sign]), verbose)
        for detail in item.details:
            yield _cut(Text(f"    {visible(detail)}"), verbose)
        for line in item.more if verbose else ():
            style = _STYLES.get(line[:1], "") if line[1:2] == " " else "dim"
            yield Text(f"    {visible(line)}", style=style)


def _cut(text: Text, verbose: bool) -> Text:
    if not verbose and len(text) > MAX_LINE:
        text.right_crop(len(text) - MAX_LINE)
        text.append("…")
    return text
