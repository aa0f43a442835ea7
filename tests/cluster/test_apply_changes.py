"""Policies change by `sdnc apply` while packets pass: what both policies allow goes on, what neither allows never
passes, and what the new one denies is cut."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise

import pytest

from tests.cluster.appliers import Changing
from tests.cluster.changing import ADDRESSES, NODES, TRANSFERS, cluster, flights, random_cluster
from tests.cluster.connections import PATIENCE, SILENCE
from tests.cluster.stream import Flight, Stream
from tests.cluster.transfer import Transfer
from tests.cluster.verdicts import Passage, Version, always, never, passages
from tests.lab import Lab

CHANGES = 50
SEED = 1867
TRIED, CONTROLS = 50, 8
"""So many connections that no moment of a change allows are tried, and beside them such that every moment allows."""

PLACES = (*ADDRESSES, "outside", *(node.name for node in NODES))


def transfers(lab: Lab, stack: ExitStack) -> list[Transfer]:
    """Long transfers from web-1 to each of the three places."""
    return [
        stack.enter_context(Transfer(lab, "shop/web-1", line.server, line.address, line.port)) for line in TRANSFERS
    ]


def some(rng: random.Random, flights: list[Flight], most: int) -> list[Flight]:
    """So many of them, or all."""
    return rng.sample(flights, min(most, len(flights)))


def wrong(stream: Stream, expected: dict[int, dict[Flight, set[Passage]]]) -> Iterator[str]:
    """What arrived and should not have, or from another source, and what should have and did not."""
    heard: dict[tuple[int, Flight], set[str]] = {}
    for number, flight, source in stream.arrived:
        heard.setdefault((number, flight), set()).add(source)
    for number, flight in stream.sent:
        ways = expected[number][flight]
        sources = heard.get((number, flight), set())
        if not any(passes for passes, _ in ways):
            if sources:
                longest = max(stream.longest[number, flight, source] for source in sources)
                yield f"change {number}: {flight} leaked, under way for up to {longest:.3f} s"
        elif not sources:
            yield f"change {number}: {flight} did not arrive"
        elif not sources <= {source or flight.source for _, source in ways}:
            yield f"change {number}: {flight} came from {sources}"


@pytest.mark.behaviour("NP-11", "EF-01", "EI-07", "AR-01")
def test_fifty_changes_lose_no_byte_and_let_nothing_pass_that_neither_policy_allows(changing: Changing) -> None:
    rng, lab = random.Random(SEED), changing.cluster.lab
    versions = [Version(random_cluster(rng)) for _ in range(CHANGES + 1)]
    tried = flights()
    expected: dict[int, dict[Flight, set[Passage]]] = {}
    for version in versions:
        changing.compile(version.text)
    changing.apply(versions[0].text)

    with ExitStack() as stack:
        running = transfers(lab, stack)
        stream = stack.enter_context(Stream(lab, tried, PLACES))
        for number, (old, new) in enumerate(pairwise(versions), start=1):
            expected[number] = {flight: passages((old, new), flight) for flight in tried}
            stream.round(
                number, [*some(rng, never(expected[number]), TRIED), *some(rng, always(expected[number]), CONTROLS)]
            )
            changing.apply(new.text, nodes=rng.sample(list(changing.drivers), 2), at_once=number % 5 > 0)
        stream.round(0, ())
        whole = [transfer.finish() for transfer in running]

    assert stream.fault is None
    assert list(wrong(stream, expected)) == []
    assert whole == [True] * len(TRANSFERS), [transfer.fault for transfer in running]


CUTS = (
    (0, "policy shop/api { select app=api ingress { allow tcp/7002 from anyone  allow any from project blog } }"),
    (0, "policy shop/web { select app=web egress { allow tcp/7002-7003 to anyone } }"),
    (1, "policy shop/api { select app=api ingress { allow udp from anyone  allow tcp/7001 from anyone } }"),
    (2, "firewall shop { deny any to 203.0.113.0/24 }"),
    (2, "admin-rules 10-all { drop tcp/7003 from project shop to anyone }"),
)
"""Which of the transfers is cut, and by what."""


@pytest.mark.behaviour("NP-11", "EF-01", "AR-02")
@pytest.mark.parametrize(("number", "denial"), CUTS)
def test_a_transfer_that_the_new_policy_denies_is_cut_and_no_other(
    changing: Changing, number: int, denial: str
) -> None:
    changing.apply(cluster())

    with ExitStack() as stack:
        running = transfers(changing.cluster.lab, stack)
        before = [transfer.moves(PATIENCE) for transfer in running]
        changing.apply(cluster(denial))
        # What was under way arrives.
        running[number].moves(SILENCE)
        during = [transfer.moves(SILENCE) for transfer in running]
        changing.apply(cluster())
        after = running[number].moves(PATIENCE)
        whole = [transfer.finish() for transfer in running]

    assert before == [True] * 3
    assert during == [place != number for place in range(3)]
    # That it goes on shows that nothing but the policy held it back.
    assert (after, whole) == (True, [True] * 3)
