"""`compare` on all pairs of clusters up to a bound that differ in one choice, against brute force."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, islice, product

import pytest

from compiler.declarations import BlockPeer, Declaration, EgressFirewall, FirewallRule, NetworkPolicy, Pod, PortRange
from compiler.values.prefix import Prefix, parse_address
from compiler.values.services import Protocol
from tests.oracle.comparisons import checked, judged
from tests.oracle.objects import ORIGIN
from tests.oracle.small import NETWORK, PEERS, PORTS, SUBJECTS, clusters_of_one
from tests.oracle.versions import Version

POLICIES = len(SUBJECTS) * 2 * (1 + len(PEERS) * len(PORTS))
"""Of one labelling of the pods: each subject, each direction, no rule or one of some peers and ports."""

CHUNKS = range(2)
"""Parts of a test, so that several processes share it."""

TOP, HALF = (Prefix.parse(text)[0] for text in ("203.0.113.0/24", "203.0.113.128/25"))
HTTPS = PortRange(Protocol.TCP, 443, 443)
RULES = tuple(
    FirewallRule(ORIGIN, allow, None if prefix is None else (BlockPeer(ORIGIN, prefix),), ports)
    for allow, prefix, ports in product((True, False), (None, TOP, HALF), (None, (HTTPS,)))
)


def choices(version: Version) -> tuple[object, ...]:
    """What was chosen for the version's policy: whom it selects, the direction, the peers, the ports."""
    (policy,) = version.every(NetworkPolicy)
    rules = policy.ingress if policy.egress is None else policy.egress
    rule = rules[0] if rules else None
    return policy.pods, policy.egress is None, rule and rule.peers, rule and rule.ports, rule is None


def numbered(told: Sequence[tuple[object, ...]]) -> list[tuple[int, ...]]:
    """The same choices as numbers, which are faster to compare."""
    numbers: dict[object, int] = {}
    return [tuple(numbers.setdefault((place, one), len(numbers)) for place, one in enumerate(each)) for each in told]


def differ_in_one(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether two policies were made with one choice that differs."""
    return sum(a != b for a, b in zip(one, other, strict=True)) == 1


@pytest.mark.parametrize("chunk", CHUNKS)
def test_all_policies_that_differ_in_one_choice(chunk: int) -> None:
    """With the label on the first pod of project `a` and on that of `b`."""
    labelled = (True, False, True)
    start = [*product((False, True), repeat=3)].index(labelled) * POLICIES
    versions = [Version(cluster, {}) for cluster in islice(clusters_of_one(), start, start + POLICIES)]
    assert len({choices(version) for version in versions}) == POLICIES

    questions, clusters = judged(versions)
    told = list(zip(numbered([choices(version) for version in versions]), clusters, strict=True))
    pairs = [(one[1], other[1]) for one, other in combinations(told, 2) if differ_in_one(one[0], other[0])]
    turned = [pair if number % 2 else pair[::-1] for number, pair in enumerate(pairs)]
    tally = checked(questions, turned[chunk :: len(CHUNKS)])

    # 3 pairs of subjects, 142 rules and directions; another direction; 91 pairs of peers; 10 of ports; no rule
    assert len(pairs) == 3 * 142 + 3 * 71 + 6 * 5 * 91 + 6 * 14 * 10 + 6 == 4215
    assert tally["pairs"] >= len(pairs) // len(CHUNKS)
    assert 0 < tally["same"] < tally["pairs"] // 2


def firewalls() -> Iterator[tuple[Declaration, ...]]:
    """Every cluster with a firewall of up to two rules."""
    pods = [
        Pod(project, "pod", ORIGIN, "node-1", parse_address("10.128.0.2") + number, of_port=11 + number)
        for number, project in enumerate("ab")
    ]
    for length in range(3):
        for rules in product(RULES, repeat=length):
            yield (*NETWORK, *pods, EgressFirewall("a", "default", ORIGIN, rules))


def one_edit_apart(one: tuple[FirewallRule, ...], other: tuple[FirewallRule, ...]) -> bool:
    """Whether a rule was added or replaced, or two rules exchanged."""
    if len(one) == len(other):
        return sum(a != b for a, b in zip(one, other, strict=True)) == 1 or one == other[::-1]
    short, long = sorted((one, other), key=len)
    return len(long) - len(short) == 1 and short in (long[1:], long[:-1])


@pytest.mark.parametrize("chunk", CHUNKS)
def test_all_firewalls_that_are_one_edit_apart(chunk: int) -> None:
    questions, clusters = judged(Version(cluster, {}) for cluster in firewalls())
    told = [(cluster.judge.version.every(EgressFirewall)[0].rules, cluster) for cluster in clusters]
    pairs = [(one[1], other[1]) for one, other in combinations(told, 2) if one_edit_apart(one[0], other[0])]
    turned = [pair if number % 2 else pair[::-1] for number, pair in enumerate(pairs)]
    tally = checked(questions, turned[chunk :: len(CHUNKS)])

    assert len(clusters) == 1 + 12 + 12**2
    # one added to none; one replaced; one added before or behind, twice the same but once; exchanged; one of two
    assert len(pairs) == 12 + 66 + (2 * 12 * 12 - 12) + 66 + 2 * 12 * 66 == 2004
    assert tally["pairs"] >= len(pairs) // len(CHUNKS)
    assert 0 < tally["same"] < tally["pairs"]
