"""A shell script as the list of its commands."""

from __future__ import annotations


def commands_of(script: str) -> list[str]:
    """The commands of a script: lines without comments, continued lines joined."""
    joined = script.replace("\\\n", " ")
    return [line.strip() for line in joined.splitlines() if line.strip() and not line.strip().startswith("#")]
