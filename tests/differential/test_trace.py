"""Random clusters on a real Open vSwitch, against the oracle.

Each cluster is compiled, each node's groups and flows are loaded into a switch, and ofproto/trace is asked
where every packet of `tests/oracle/questions.py` goes: pod to pod on one node and by VXLAN, through a service,
from and to nodes and the outside, out of the cluster by egress firewalls and egress IPs, multicast, answers,
later packets of a connection, ARP, and packets that lie about who sent them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given

from compiler.declarations import Declaration
from tests.compiling import declare
from tests.lab import DummySwitch
from tests.oracle.clusters import OUTSIDE, UNUSED_PORT, Drawn, clusters, repeatable
from tests.oracle.compiled import NAMES, compile_flows
from tests.oracle.evaluator import Oracle
from tests.oracle.questions import hops
from tests.oracle.real import load, traced

CLUSTERS = 300
HOPS = 90
"""Packets that are asked for a cluster, about."""

HARD = sorted((Path(__file__).parent / "clusters").glob("*.sdn"))
"""Clusters that a compiler got wrong, or easily could."""


def trace_cluster(switch: DummySwitch, declarations: Sequence[Declaration], limit: int, tally: Counter[str]) -> None:
    """Asserts that every hop goes where the oracle says, and counts the hops."""
    asked = hops(Oracle(declarations, NAMES), OUTSIDE, limit, UNUSED_PORT)
    for node, flows in compile_flows(declarations).items():
        load(switch, flows)
        for hop in asked:
            if hop.node == node:
                outcome, text = traced(switch, hop)
                assert outcome == hop.expected, f"{hop}\n{outcome}\n{text}"
                tally["dropped" if outcome.dropped else "through"] += 1
                tally["shared"] += len(outcome.choices) > 1
    tally["clusters"] += 1


@pytest.mark.behaviour("PN-03", "PN-04", "PN-11", "PN-13", "PN-14", "PN-15", "NT-01")
@pytest.mark.behaviour("NP-02", "NP-04", "NP-05", "NP-06", "NP-07", "NP-08", "NP-09", "NP-10", "NP-11", "NP-12")
@pytest.mark.behaviour("NP-14", "NP-15", "NP-17", "NP-18")
@pytest.mark.behaviour("EF-01", "EF-05", "EF-06", "EF-08", "EI-01", "EI-02", "EI-03", "EI-06")
@pytest.mark.behaviour("MC-01", "MC-02", "MC-03", "MC-04")
def test_random_clusters(switch: DummySwitch) -> None:
    tally: Counter[str] = Counter()

    @repeatable(CLUSTERS)
    @given(clusters())
    def check(drawn: Drawn) -> None:
        trace_cluster(switch, drawn.declarations, HOPS, tally)

    check()
    assert tally["clusters"] >= CLUSTERS
    assert tally["through"] >= 15_000
    assert tally["dropped"] >= 10_000
    assert tally["shared"] >= 100


@pytest.mark.behaviour("PN-03", "NP-02", "NP-05", "NP-07", "NP-10", "NT-01", "EF-01", "EI-03", "MC-04")
@pytest.mark.parametrize("path", HARD, ids=lambda path: path.stem)
def test_hard_clusters(switch: DummySwitch, path: Path) -> None:
    tally: Counter[str] = Counter()
    trace_cluster(switch, declare(path.read_text()), 1000, tally)
    assert min(tally["through"], tally["dropped"]) >= 100
