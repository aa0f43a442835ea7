"""`sdnc trace` on random clusters, against the oracle: the verdict, and that the flows carry it out.

Each question is asked in words, as on the command line.  The flows of every path are walked, too: a disagreement
between verdict and flows would be an InternalFault.
"""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given

from compiler.trace import Cluster, trace
from sdnc.trace.walking import Switches
from tests.compiling import compiled
from tests.oracle.asked import questions, with_services
from tests.oracle.clusters import OUTSIDE, Drawn, clusters, repeatable
from tests.oracle.compiled import NAMES, OPTIONS
from tests.oracle.evaluator import Oracle

CLUSTERS = 250
QUESTIONS = 70


@pytest.mark.behaviour("PN-03", "PN-04", "PN-11", "PN-14", "NT-01", "NP-02", "NP-04", "NP-05", "NP-07", "NP-10")
@pytest.mark.behaviour("NP-12", "NP-15", "EF-01", "EF-05", "EF-06", "EI-01", "EI-02", "EI-03", "EI-07", "MC-02")
def test_verdicts_are_the_oracles() -> None:
    tally: Counter[str] = Counter()

    @repeatable(CLUSTERS)
    @given(clusters())
    def check(drawn: Drawn) -> None:
        declarations = with_services(drawn.declarations)
        oracle = Oracle(declarations, NAMES)
        if not oracle.pods:
            return
        cluster = Cluster(compiled(declarations, OPTIONS), declarations)
        switches = Switches(cluster)
        for asked in questions(declarations, oracle, OUTSIDE, QUESTIONS):
            found = trace(cluster, asked.sender, asked.receiver, asked.port)
            assert found.allowed == asked.allowed, f"{asked}\n{found}\n{found.paths}"
            for path in found.paths:
                assert path.allowed == (not path.met[-1].denies)
                tally["hops"] += len(switches.hops(path))
                tally.update(f"{step.kind.value} {step.decision.value}" for step in path.met)
            tally["allowed" if found.allowed else "denied"] += 1

    check()
    assert tally["allowed"] > 6_000
    assert tally["denied"] > 4_000
    assert tally["hops"] > 12_000
    for met in (
        "ingress-policy denies",
        "egress-policy denies",
        "egress-firewall denies",
        "egress-ip denies",
        "pod-network denies",
        "multicast allows",
        "sender denies",
        "node allows",
        "self allows",
    ):
        assert tally[met] >= 100, (met, tally)
