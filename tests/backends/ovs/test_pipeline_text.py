"""The table of tables in the docstring of backends/ovs/pipeline.py, held against the flows of all modes."""

from __future__ import annotations

import re

import pytest

from backends.ovs import build_flows, pipeline
from backends.ovs.fields import Register, Table
from backends.ovs.pipeline import HEADLINES
from tests.backends.ovs.leaving import leaving_plans
from tests.backends.ovs.reading import Line, read_flows
from tests.backends.ovs.small import MODES, small_cluster

ROW = re.compile(r"^\| ([0-9]+) \| (.+?) \|([^|]*)\|$", re.MULTILINE)


def documented() -> dict[int, set[str]]:
    """For each table, what stands in the column `next`."""
    assert pipeline.__doc__
    return {
        int(table): set(filter(None, re.split("[, ]+", after))) for table, _, after in ROW.findall(pipeline.__doc__)
    }


def texts() -> list[str]:
    """The flow files of small clusters in all modes, with firewalls, egress IPs and multicast and without."""
    plain = [files["flows.txt"] for mode in MODES for files in small_cluster(mode).values()]
    leaving = (plan for mode in ("multitenant", "networkpolicy") for plan in leaving_plans(mode).values())
    return [*plain, *(build_flows(plan).text() for plan in leaving)]


def lines() -> list[Line]:
    return [line for text in texts() for line in read_flows(text)]


def found() -> dict[int, set[str]]:
    """For each table that flows use, where its flows send packets: to tables, groups, ports 1 and 2, pods."""
    after: dict[int, set[str]] = {}
    for line in lines():
        after.setdefault(line.table, set()).update(filter(None, map(_goes_to, line.actions)))
    return after


def _goes_to(action: str) -> str | None:
    verb, _, where = action.partition(":")
    if verb == "goto_table":
        return where
    if verb == "group":
        return verb
    if verb == "output":
        return where if where in ("1", "2") else "pod"
    return None


def test_every_table_that_flows_use_is_documented() -> None:
    assert set(documented()) == set(found()) == {int(table) for table in Table}


@pytest.mark.parametrize("table", Table)
def test_the_column_next_says_where_flows_go(table: Table) -> None:
    assert documented()[table] == found()[table]


def test_packets_only_go_on_to_higher_tables() -> None:
    """Open vSwitch refuses a goto_table to the same or a lower table (OpenFlow 1.3, section 5.1)."""
    for line in lines():
        gotos = [int(after) for action in line.actions if (after := action.removeprefix("goto_table:")) != action]
        assert all(after > line.table for after in gotos)


def test_every_table_has_a_headline() -> None:
    assert set(HEADLINES) == set(Table)


def test_every_register_is_matched_or_moved_somewhere() -> None:
    text = "".join(texts())

    assert [register for register in Register if register.match not in text and register.nxm not in text] == []
