"""An applier that takes the steps of `sdnc.apply.engine` in a wrong order: what the tests of the order have to notice.

As a program: the order, the node's folder of the bundle in force, and that of the next.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from sdnc.apply import engine
from sdnc.apply.node_bundle import read_node_bundle
from sdnc.apply.steps import Step
from sdnc.apply.system import System

ORDERS = ("reversed", "nothing between")
_BETWEEN = "old and new"
"""In the names of the steps to what old and new rules forbid together."""

_PAUSE = 0.05
"""Seconds between two steps, so that something can pass."""


def ordered(steps: Sequence[Step], order: str) -> list[Step]:
    """The steps in another order: the last first, or without the states between old and new."""
    if order == "reversed":
        return list(reversed(steps))
    return [step for step in steps if _BETWEEN not in step.name]


def _apply(order: str, old: str, new: str) -> None:
    system = System()
    plan = engine.plan(system, read_node_bundle(Path(new)), [read_node_bundle(Path(old))])
    for step in ordered(plan.steps, order):
        step.run(system)
        time.sleep(_PAUSE)


if __name__ == "__main__":
    _apply(*sys.argv[1:])
