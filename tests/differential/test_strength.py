"""The oracle's questions are sharp enough: a flow that is missing does not go unnoticed.

Each flow of the hard clusters' nodes is left out in turn, and some hop of the oracle has to tell.  One of each
kind has to be missed: a kind is a table, a priority and the fields that are matched.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.compiling import declare
from tests.oracle.clusters import OUTSIDE, UNUSED_PORT
from tests.oracle.compiled import compile_flows
from tests.oracle.evaluator import Oracle
from tests.oracle.flowtable import FlowTable
from tests.oracle.hops import Hop
from tests.oracle.questions import hops

CLUSTERS = sorted((Path(__file__).parent / "clusters").glob("*.sdn"))
HOPS = 6000

NOT_MISSED = {
    r"table=101, priority=100,udp,nw_frag=yes actions=drop": "no hop is a fragment; test_conntrack.py sends some",
    r"table=\d+, priority=0 actions=(drop|note:\S+)": "no flow drops as well; the note is the applier's",
    r"table=0, priority=150,in_port=\d actions=drop": "neither port is a pod's, so table 20 drops",
    r"table=31, priority=100,ip,nw_dst=172\.30\.0\.0/16 \S+": "services and the outside have one port",
}
"""Flows that make no difference, and why they are there."""


def judge_flows(path: Path) -> Iterator[tuple[str, bool]]:
    """Each flow of each node of a cluster, and whether a hop goes another way without it."""
    declarations = declare(path.read_text())
    asked = hops(Oracle(declarations), OUTSIDE, HOPS, UNUSED_PORT)
    for node, text in compile_flows(declarations).items():
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        table = FlowTable.of(lines)
        met: dict[str, list[Hop]] = defaultdict(list)
        for hop in asked:
            if hop.node == node:
                assert table.run(hop) == hop.expected
                for line in table.flows_of(hop):
                    met[line].append(hop)
        for line in lines:
            without = FlowTable.of(other for other in lines if other != line)
            yield line, any(without.run(hop) != hop.expected for hop in met[line])


def kind_of(line: str) -> str:
    """Table, priority and fields of a flow; a bit of an address is a field of its own."""
    match = line.partition(" actions=")[0]
    return re.sub(r"=(?!\S*/0\.)[^,\s]*(?=,|$)", "", match.replace("table=", "").replace("priority=", ""))


def test_a_missing_flow_is_noticed() -> None:
    missed: set[str] = set()
    not_missed: dict[str, str] = {}
    for path in CLUSTERS:
        for line, is_missed in judge_flows(path):
            if is_missed:
                missed.add(kind_of(line))
            elif not any(re.fullmatch(pattern, line) for pattern in NOT_MISSED):
                not_missed[kind_of(line)] = line

    assert [not_missed[kind] for kind in sorted(not_missed.keys() - missed)] == []
    assert len(missed) > 80
