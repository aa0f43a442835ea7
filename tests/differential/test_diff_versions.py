"""`compare` against brute force: random clusters and versions of them that differ in one thing, in several, in all.

The oracle judges every connection, way out, multicast domain and treatment by administrator's rules on both sides, one
packet at a time; a comparison has to tell exactly those that differ, once.  Versions of one cluster are compared each
with each, in both directions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import permutations, product
from random import Random

import pytest

from compiler.compare.comparison import Comparison
from tests.oracle.comparisons import checked, judged
from tests.oracle.edits import EDITS, Edit, admin_rules, another_pod, egress_ip_moves, node_rest
from tests.oracle.evaluator import Service
from tests.oracle.rewrites import REWRITES
from tests.oracle.versions import Draw, Version

CHUNKS = range(8)
"""Parts of a test, so that several processes share it."""


def parts(comparison: Comparison) -> Iterator[str]:
    """What there was to tell."""
    for part in ("connections", "sources", "handling", "multicast", "settings"):
        if getattr(comparison, part):
            yield part
    if any(change.but for change in comparison.connections):
        yield "with DNS apart"


def edited(seed: int, count: int, edits: Sequence[Edit] = EDITS) -> list[Version]:
    """A random cluster and up to `count` versions of it, each made of one that was there by one edit."""
    draw = Draw(Random(seed))
    versions = [draw.version()]
    for _ in range(2 * count):
        version = draw.one(edits)(draw, draw.one(versions))
        if version not in versions and len(versions) <= count:
            versions.append(version)
    return versions


@pytest.mark.parametrize("chunk", CHUNKS)
def test_versions_of_one_cluster(chunk: int) -> None:
    tally: Counter[str] = Counter()
    for seed in range(chunk, 80, len(CHUNKS)):
        questions, versions = judged(edited(seed, 6))
        tally += checked(questions, permutations(versions, 2), parts)
    assert tally["pairs"] >= 200
    assert min(tally["same"], tally["connections"], tally["sources"] + tally["multicast"]) >= 5


@pytest.mark.behaviour("AR-01", "AR-02")
@pytest.mark.parametrize("chunk", CHUNKS)
def test_versions_of_administrators_rules(chunk: int) -> None:
    """More of what decides how packets are treated where they leave."""
    tally: Counter[str] = Counter()
    edits = (admin_rules, admin_rules, admin_rules, node_rest, egress_ip_moves, another_pod)
    for seed in range(1000 + chunk, 1032, len(CHUNKS)):
        questions, versions = judged(edited(seed, 5, edits))
        tally += checked(questions, permutations(versions, 2), parts)
    assert tally["pairs"] >= 50
    assert tally["connections"] + tally["handling"] >= 5


def test_one_of_a_range_stands_for_all() -> None:
    """What the brute force does not ask about is as what it asks about."""
    verdicts: Counter[bool] = Counter()
    for seed in range(20):
        random = Random(seed)
        questions, versions = judged(edited(seed, 3))
        for version, pod in product(versions, questions.pods):
            for address in questions.senders:
                number, (first, last) = random.choice([*enumerate(questions.services)])
                service = Service(first.protocol, random.randint(first.port, last))
                other = random.randrange(address, next(bound for bound in questions.bounds if bound > address))

                verdict = version.judge.allows(other, pod, service)
                assert verdict == bool(version.connections.get((address, pod), 0) >> number & 1)
                verdicts[verdict] += 1

                if address in questions.outside:
                    verdict = version.judge.allows(pod, other, service)
                    assert verdict == bool(version.connections.get((pod, address), 0) >> number & 1)
                    verdicts[verdict] += 1
    assert min(verdicts.values()) >= 1000


@pytest.mark.parametrize("chunk", CHUNKS)
def test_clusters_that_have_nothing_to_do_with_each_other(chunk: int) -> None:
    tally: Counter[str] = Counter()
    for seed in range(chunk, 40, len(CHUNKS)):
        draw = Draw(Random(f"unrelated {seed}"))
        questions, versions = judged(draw.version() for _ in range(3))
        tally += checked(questions, permutations(versions, 2), parts)
    assert tally["pairs"] >= 12
    assert tally["connections"] == tally["pairs"]


@pytest.mark.behaviour("OUT-01")
@pytest.mark.parametrize("chunk", CHUNKS)
def test_the_same_in_other_words(chunk: int) -> None:
    """Statements in another order, split, doubled, hidden: the comparison says that nothing differs."""
    rewritten: Counter[str] = Counter()
    for seed in range(chunk, 80, len(CHUNKS)):
        draw = Draw(Random(f"rewritten {seed}"))
        version = draw.version()
        others = {rewrite.__name__: rewrite(draw, version) for rewrite in REWRITES}
        told = {name: other for name, other in others.items() if other != version}
        questions, versions = judged([version, *told.values()])
        if versions:
            assert len(versions) == 1 + len(told)
            rewritten.update(told.keys())
            tally = checked(questions, ((versions[0], other) for other in versions[1:]), parts)
            assert tally["same"] == tally["pairs"]
    assert len(rewritten) >= len(REWRITES) - 1
