"""A change that goes over the nodes in two rounds, as docs/apply.md tells: what both policies allow, then the new one.

Where the one policy denies a connection at its sender and the other at its receiver, a sender's node with the one and
a receiver's node with the other let it pass.  With the round in between they never do, which real packets try.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import pytest
from attrs import frozen

from tests.cluster.appliers import Changing
from tests.cluster.bundle import Bundle
from tests.cluster.changing import ADDRESSES, NODE_OF, cluster, flights, random_cluster
from tests.cluster.stream import Flight, Stream
from tests.cluster.verdicts import Version, always, never, passages

CHANGES = 4
SEED = 1867
TRIED, CONTROLS = 40, 8
PLACES = tuple(ADDRESSES)
INSIDE = [flight for flight in flights() if flight.place in ADDRESSES and flight.destination in ADDRESSES.values()]


@frozen
class Change:
    """From one policy to another, and connections that neither allows, but a mixture of nodes does."""

    old: str
    new: str
    between: Bundle
    mixed: tuple[Flight, ...]
    allowed: tuple[Flight, ...]


def changes(folder: Path) -> Iterator[Change]:
    """Random changes of which the nodes could make a mixture."""
    rng = random.Random(SEED)
    old = random_cluster(rng)
    for number in range(1000):
        new = random_cluster(rng)
        found = mixed(old, new)
        if found:
            try:
                between = compile_between(old, new, folder / f"between-{number}")
            except ValueError:  # some lists of administrator's rules have nothing between them (SDN270)
                continue
            both = always({flight: passages((Version(old), Version(new)), flight) for flight in INSIDE})
            tried = tuple(rng.sample(found, min(len(found), TRIED)))
            yield Change(old, new, between, tried, tuple(rng.sample(both, min(len(both), CONTROLS))))
            old = new


def mixed(old: str, new: str) -> list[Flight]:
    """The connections that neither policy allows, but some nodes with the one and some with the other do."""
    one, other = Version(old), Version(new)
    apart = [never({flight: passages((version,), flight) for flight in INSIDE}) for version in (one, other)]
    both = [flight for flight in apart[0] if flight in apart[1]]
    silent = never({flight: passages((one, other), flight) for flight in both})
    return [flight for flight in both if flight not in silent]


def compile_between(old: str, new: str, folder: Path) -> Bundle:
    """The bundle of what both policies allow.  Raises ValueError if there is none."""
    folder.mkdir()
    source = folder / "old.sdn"
    source.write_text(old)
    return Bundle.of_sources({"new.sdn": new}, folder, ["--transition-from", source])


def put(changing: Changing, bundle: Bundle, nodes: Sequence[str]) -> None:
    """Puts a bundle in force on one node after the other."""
    for node in nodes:
        result = changing.drivers[node].run(bundle.node(node)).result
        assert result.status == 0, result.told


def heard(stream: Stream, number: int, flight: Flight) -> int:
    """How many packets of a connection arrived in a round."""
    return sum(count for (told, arrived, _), count in stream.arrived.items() if (told, arrived) == (number, flight))


@pytest.mark.behaviour("NP-02", "NP-11")
def test_with_a_round_in_between_nothing_passes_that_neither_policy_allows(changing: Changing, tmp_path: Path) -> None:
    rng = random.Random(SEED)
    tried = list(islice(changes(tmp_path), CHANGES))
    assert len(tried) == CHANGES
    changing.apply(tried[0].old)

    with Stream(changing.cluster.lab, INSIDE, PLACES) as stream:
        for number, change in enumerate(tried, start=1):
            changing.apply(change.old)
            stream.round(number, [*change.mixed, *change.allowed])
            for bundle in (change.between, changing.compile(change.new)):
                put(changing, bundle, rng.sample(list(changing.drivers), len(changing.drivers)))
        stream.round(0, ())

    assert stream.fault is None
    for number, change in enumerate(tried, start=1):
        assert [str(flight) for flight in change.mixed if heard(stream, number, flight)] == []
        assert all(heard(stream, number, flight) for flight in change.allowed)


AT_SENDER = "policy shop/web { select app=web  egress { allow tcp/7001-7003 to anyone } }\n"
AT_RECEIVER = "policy shop/api { select app=api  ingress { allow tcp/7001-7003 from anyone } }\n"
DENIED = Flight("shop/web-1", ADDRESSES["shop/web-1"], ADDRESSES["shop/api-2"], "udp", 8001)


@pytest.mark.parametrize("with_round", [False, True])
def test_without_it_something_does(changing: Changing, tmp_path: Path, with_round: bool) -> None:
    old, new = cluster(AT_SENDER), cluster(AT_RECEIVER)
    assert DENIED in mixed(old, new)
    changing.apply(old)
    # The sender's node has the new policy, which lets it out, before the receiver's has, which would keep it out.
    nodes = [NODE_OF["shop/web-1"], NODE_OF["shop/api-2"]]

    with Stream(changing.cluster.lab, [DENIED], PLACES) as stream:
        stream.round(1, [DENIED])
        if with_round:
            put(changing, compile_between(old, new, tmp_path / "between"), nodes)
        put(changing, changing.compile(new), nodes)
        stream.round(0, ())

    assert stream.fault is None
    assert stream.sent[1, DENIED] > 0
    assert (heard(stream, 1, DENIED) > 0) != with_round
