"""What `sdnc trace --why-not` suggests is true: a random cluster with all that is suggested allows what it denied.

Once as declarations, to which rules of the policy language are added, and once as Kubernetes objects, to which the
suggested JSON is.
"""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given

from compiler.trace import Cluster, trace
from compiler.trace.steps import How
from tests.compiling import compiled
from tests.oracle.advised import (
    advice_of,
    follow_in_declarations,
    follow_in_objects,
    placed,
    read_objects,
)
from tests.oracle.asked import questions, with_services
from tests.oracle.clusters import OUTSIDE, Drawn, clusters, repeatable
from tests.oracle.compiled import NAMES, OPTIONS
from tests.oracle.evaluator import Oracle

CLUSTERS = 120
QUESTIONS = 30


@pytest.mark.behaviour("NP-02", "NP-04", "NP-05", "NP-07", "EF-01", "EI-02", "MC-02", "PN-05")
def test_suggested_rules_allow_what_was_denied() -> None:
    tally: Counter[object] = Counter()

    @repeatable(CLUSTERS)
    @given(clusters())
    def check(drawn: Drawn) -> None:
        declarations = placed(with_services(drawn.declarations))
        oracle = Oracle(declarations, NAMES)
        cluster = Cluster(compiled(declarations, OPTIONS), declarations)
        for asked in questions(declarations, oracle, OUTSIDE, QUESTIONS) if oracle.pods else ():
            found = trace(cluster, asked.sender, asked.receiver, asked.port)
            if found.allowed or (advice := advice_of(found)) is None:
                continue
            changed = follow_in_declarations(declarations, advice)
            after = trace(Cluster(compiled(changed, OPTIONS), changed), asked.sender, asked.receiver, asked.port)
            assert after.allowed, f"{asked}\n{advice}\n{after.paths}"
            tally.update(one.how for one in advice)
            tally["several"] += len(advice) > 1

    check()
    assert tally[How.INGRESS] >= 150
    assert tally[How.EGRESS] >= 60
    assert tally[How.BEFORE] >= 15
    assert tally[How.STATEMENT] >= 50
    assert tally["several"] >= 50


@pytest.mark.behaviour("NP-01", "NP-16", "EF-02", "EF-03")
def test_suggested_json_allows_what_was_denied() -> None:
    tally: Counter[object] = Counter()

    @repeatable(CLUSTERS)
    @given(clusters())
    def check(drawn: Drawn) -> None:
        declarations = read_objects(drawn.objects)
        oracle = Oracle(drawn.declarations, NAMES)
        cluster = Cluster(compiled(declarations, OPTIONS), declarations)
        for asked in questions(drawn.declarations, oracle, OUTSIDE, QUESTIONS) if oracle.pods else ():
            found = trace(cluster, asked.sender, asked.receiver, asked.port)
            if found.allowed or (advice := advice_of(found)) is None:
                continue
            objects, statements = follow_in_objects(drawn.objects, advice)
            changed = read_objects(objects, statements)
            after = trace(Cluster(compiled(changed, OPTIONS), changed), asked.sender, asked.receiver, asked.port)
            assert after.allowed, f"{asked}\n{advice}\n{after.paths}"
            tally.update(one.how for one in advice)

    check()
    assert tally[How.INGRESS] >= 150
    assert tally[How.EGRESS] >= 60
    assert tally[How.BEFORE] >= 15
    assert tally[How.STATEMENT] >= 50
