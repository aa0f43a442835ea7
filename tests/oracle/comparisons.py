"""What is wrong with a `Comparison` of two versions: what it says beside all differences, or leaves out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TypeVar

from compiler.compare.compare import compare
from compiler.compare.comparison import Comparison, NodeAt, Party, PodAt
from compiler.diagnostics import Diagnostics
from compiler.pipeline import compile_declarations
from tests.oracle.differences import Change, Connections, Judged
from tests.oracle.version_questions import Questions
from tests.oracle.versions import Version

Key = TypeVar("Key")
Value = TypeVar("Value")
Sortable = TypeVar("Sortable", PodAt, NodeAt, tuple[int, int])


def judged(versions: Iterable[Version]) -> tuple[Questions, list[Judged]]:
    """Those versions that compile, judged with the same questions."""
    compiled = [
        (version, compile_declarations(version.declarations, Diagnostics(), version.options())) for version in versions
    ]
    good = [(version, compilation) for version, compilation in compiled if compilation is not None]
    questions = Questions.of([version for version, _ in good])
    return questions, [Judged.of(version, compilation, questions) for version, compilation in good]


def faults(change: Change, comparison: Comparison) -> list[str]:
    """What is wrong; empty: nothing."""
    found = [
        *_connections(change, comparison),
        *_sources(change, comparison),
        *_handling(change, comparison),
        *_multicast(change, comparison),
        *_pods(change, comparison),
        *_settings(change, comparison),
        *_ends(change, comparison),
        *_parties(change, comparison),
    ]
    return found


def checked(
    questions: Questions,
    pairs: Iterable[tuple[Judged, Judged]],
    more: Callable[[Comparison], Iterable[str]] = lambda comparison: (),
) -> Counter[str]:
    """Asserts that every pair's comparison is right; how many there were, how many of them the same, and for how many
    `more` told each of its words.
    """
    tally: Counter[str] = Counter()
    for old, new in pairs:
        comparison = compare(old.compilation, new.compilation)
        found = faults(Change(old, new, questions), comparison)
        assert not found, "\n".join([*found[:5], "old:", *old.told(), "new:", *new.told()])
        tally["pairs"] += 1
        tally["same"] += comparison.same
        tally.update(more(comparison))
    return tally


def _connections(change: Change, comparison: Comparison) -> Iterator[str]:
    told: dict[bool, Connections] = {True: {}, False: {}}
    for each in comparison.connections:
        listed = change.listed(each)
        if not listed:
            yield f"an empty change: {each}"
        for pair, services in listed.items():
            if services & (told[True].get(pair, 0) | told[False].get(pair, 0)):
                yield f"twice: {pair} in {each}"
            told[each.allowed][pair] = told[each.allowed].get(pair, 0) | services
    for allowed, connections in told.items():
        yield from _unequal(f"becomes allowed={allowed}", change.changed(allowed=allowed), connections)


def _unequal(what: str, expected: Mapping[Key, Value], told: Mapping[Key, Value]) -> Iterator[str]:
    if expected != told:
        for key in expected.keys() | told.keys():
            if expected.get(key) != told.get(key):
                yield f"{what}: {key}: expected {expected.get(key)}, told {told.get(key)}"


def _sources(change: Change, comparison: Comparison) -> Iterator[str]:
    """Pods that are there on both sides, with their ways out, if they differ; egress IPs of no such pod's project."""
    old, new = change.old.judge, change.new.judge
    expected = {}
    for end in change.questions.pods:
        before, after = old.pod(end), new.pod(end)
        if before is None or after is None:
            continue
        ways = old.exits(before), new.exits(after)
        if old.seen(ways[0]) != new.seen(ways[1]):
            expected[end] = ways
    told = {}
    for each in comparison.sources:
        for end in each.pods.pods:
            if end in told or not end.name.startswith(f"{each.project}/"):
                yield f"wrong pod: {end} in {each}"
            told[end] = (frozenset(each.old), frozenset(each.new))
    yield from _unequal("leaves", expected, told)
    busy = {end.name.partition("/")[0] for end in expected}
    projects = {*old.oracle.projects, *new.oracle.projects}
    idle = {project for project in projects - busy if old.egress_ips(project) != new.egress_ips(project)}
    told_idle = [each.project for each in comparison.sources if not each.pods.size]
    if sorted(idle) != sorted(told_idle):
        yield f"egress IPs that no pod uses: expected {sorted(idle)}, told {told_idle}"


def _handling(change: Change, comparison: Comparison) -> Iterator[str]:
    told: Connections = {}
    for each in comparison.handling:
        listed = change.handled(each)
        if not listed or each.old == each.new:
            yield f"nothing is handled differently: {each}"
        for pair, services in listed.items():
            if services & told.get(pair, 0):
                yield f"handled twice: {pair} in {each}"
            told[pair] = told.get(pair, 0) | services
    yield from _unequal("handled", change.handled_differently(), told)


def _multicast(change: Change, comparison: Comparison) -> Iterator[str]:
    pods = change.questions.pods
    pairs = [(one, other) for one in pods for other in pods if one != other]
    before, after = ({pair for pair in pairs if side.judge.hears(*pair)} for side in (change.old, change.new))
    told: dict[bool, set[tuple[PodAt, PodAt]]] = {True: set(), False: set()}
    for each in comparison.multicast:
        listed = {(one, other) for one in each.sources.pods for other in each.destinations.pods if one != other}
        if not listed or listed & (told[True] | told[False]):
            yield f"multicast, empty or twice: {each}"
        told[each.allowed] |= listed
    for allowed, expected in ((True, after - before), (False, before - after)):
        if told[allowed] != expected:
            yield f"multicast, allowed={allowed}: expected {expected}, told {told[allowed]}"


def _pods(change: Change, comparison: Comparison) -> Iterator[str]:
    before, after = (
        {end for end in change.questions.pods if side.judge.pod(end) is not None} for side in (change.old, change.new)
    )
    if (comparison.pods_added, comparison.pods_removed) != (
        tuple(sorted(after - before)),
        tuple(sorted(before - after)),
    ):
        yield f"pods: {comparison.pods_added}, {comparison.pods_removed}"


def _settings(change: Change, comparison: Comparison) -> Iterator[str]:
    old, new = (
        {
            "VXLAN port": oracle.vxlan_port,
            "pod networks": oracle.pod_networks,
            "service network": oracle.service_network,
        }
        for oracle in (change.old.judge.oracle, change.new.judge.oracle)
    )
    expected = {what for what in old if old[what] != new[what]}
    if sorted(setting.what for setting in comparison.settings) != sorted(expected) or comparison.routers:
        yield f"settings: {comparison.settings}, {comparison.routers}"


def _ends(change: Change, comparison: Comparison) -> Iterator[str]:
    """Nobody is told of from whom or to whom nothing is judged, as multicast."""
    listed = [(each.sources, each.destinations) for each in comparison.connections]
    listed += [(each.sources, each.destinations) for each in comparison.handling]
    for sources, destinations in listed:
        if not all(change.may_send(end) for end in change.ends(sources)):
            yield f"nobody sends from there: {sources}"
        if not all(change.is_judged(end) for end in change.ends(destinations)):
            yield f"nothing is judged there: {destinations}"


def _parties(change: Change, comparison: Comparison) -> Iterator[str]:
    """Parties are told as they should be: sorted, and every node's address as that."""
    nodes: dict[int, NodeAt] = {}
    for side in (change.old, change.new):
        for node in side.judge.oracle.nodes.values():
            nodes[node.address] = NodeAt(node.name, node.address, gateway=False)
            nodes[node.gateway] = NodeAt(node.name, node.gateway, gateway=True)
    parties = [party for each in comparison.connections for party in (each.sources, each.destinations)]
    parties += [party for handled in comparison.handling for party in (handled.sources, handled.destinations)]
    parties += [party for group in comparison.multicast for party in (group.sources, group.destinations)]
    for party in parties:
        yield from _party(party, nodes)
    for source in comparison.sources:
        yield from _party(source.pods, nodes)
        if source.pods.nodes or source.pods.ranges:
            yield f"not pods: {source}"


def _party(party: Party, nodes: Mapping[int, NodeAt]) -> Iterator[str]:
    if not party.text and party.size:
        yield f"no words: {party}"
    if not (_is_sorted(party.pods) and _is_sorted(party.nodes) and _is_sorted(party.ranges)):
        yield f"not sorted: {party}"
    if any(node != nodes.get(node.address) for node in party.nodes):
        yield f"not these nodes: {party}"
    if any(first <= address <= last for first, last in party.ranges for address in nodes):
        yield f"a node's address among others: {party}"


def _is_sorted(told: Sequence[Sortable]) -> bool:
    return all(one < other for one, other in pairwise(told))
