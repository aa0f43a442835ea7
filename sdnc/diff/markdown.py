"""A difference as a comment on a pull request: Markdown as GitHub shows it.

Everything that comes from the input stands in a fenced block, longer than any run of backticks in it: there it is no
markup and mentions nobody.  GitHub takes no comment of more than 65,536 characters, so long ones are cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sdnc.diff.difference import Difference
from sdnc.diff.words import ADDED, REMOVED, Item, meaning_items, rule_items, summary, title_of_rules, visible

MAX_CHARACTERS = 65_000
"""What GitHub takes as one comment, less what people put around it, such as a mark to find it by."""

OPEN = 30
"""Changes in meaning that are seen without opening anything."""

_RESERVE = 1_000
"""Characters kept for headings, and the lines that say what was cut."""


def markdown_text(difference: Difference) -> str:
    """The comment, of at most `MAX_CHARACTERS` characters."""
    meaning = meaning_items(difference)
    rules = [] if difference.rules is None else rule_items(difference.rules)
    parts = [f"**sdnc diff:** {summary(difference)}\n"]
    room = MAX_CHARACTERS - _RESERVE - len(parts[0])
    if difference.notes:
        block = _fenced([visible(note) for note in difference.notes], room // 4)
        parts.append(block)
        room -= len(block)
    for title, items in (("", meaning[:OPEN]), (f"{len(meaning) - OPEN:,} more changes", meaning[OPEN:])):
        if items:
            block = _block(title, list(_lines(items, members=bool(title))), room)
            parts.append(block)
            room -= len(block)
    if rules:
        parts.append(_block(title_of_rules(difference).capitalize(), list(_lines(rules, members=True)), room))
    return "\n".join(parts)


def _lines(items: Sequence[Item], *, members: bool) -> Iterator[str]:
    """As a `diff` block, in which GitHub colours lines that begin with + and -."""
    for item in items:
        yield f"{item.sign if item.sign in (ADDED, REMOVED) else '!'} {visible(item.text)}"
        for detail in item.details:
            yield f"    {visible(detail)}"
        for line in item.more if members else ():
            signed = line[:1] in (ADDED, REMOVED) and line[1:2] == " "
            yield visible(line) if signed else f"    {visible(line)}"


def _block(title: str, lines: list[str], room: int) -> str:
    """Lines in a fence; with a title behind which they are folded."""
    fenced = _fenced(lines, room)
    return f"<details><summary>{title}</summary>\n\n{fenced}\n</details>\n" if title else fenced


def _fenced(lines: Sequence[str], room: int) -> str:
    """A fenced block of the lines that fit `room` characters, and a line that tells how many do not."""
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    room -= 2 * len(fence)
    kept: list[str] = []
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    cut = f"\n{len(lines) - len(kept):,} lines cut: a comment holds no more. `sdnc diff` tells them.\n"
    if not kept:
        return cut
    body = "\n".join(kept)
    return f"{fence}diff\n{body}\n{fence}\n" + (cut if len(kept) < len(lines) else "")
