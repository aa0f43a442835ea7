"""Where things are in the project's folder."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"

CLUSTERS = sorted(path for path in EXAMPLES.iterdir() if path.is_dir() and path.name not in ("apply", "ci"))
"""The examples that are clusters."""


def lock_of(example: Path) -> Path | None:
    """The DNS lock file of an example, if it has one."""
    path = example / "dns.lock"
    return path if path.exists() else None
