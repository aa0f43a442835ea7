"""All differences of two versions of a cluster, by brute force.

`Judged` has what becomes of every connection of one version; a `Change` is what differs between two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from attrs import field, frozen

from compiler.compare.comparison import ConnectionChange, HandlingChange, Party, PodAt
from compiler.pipeline import Compilation
from compiler.values.services import ServiceSet
from tests.oracle.administrators import Treatment, passes
from tests.oracle.end_to_end import End, Judge
from tests.oracle.evaluator import Service
from tests.oracle.leaving import UDP, leaves
from tests.oracle.version_questions import Questions
from tests.oracle.versions import Version

Pair = tuple[End, End]

Connections = dict[Pair, int]
"""Sets of services, as bits, by source and destination."""

Handled = dict[tuple[PodAt, int], tuple[Mapping[int, Treatment], ...]]
"""What administrator's rules do with each service from a pod to the outside, at each node by which it may leave; a
service that does not get to them has none."""


@frozen
class Judged:
    """A version, what the compiler makes of it, and what it allows."""

    judge: Judge
    compilation: Compilation
    connections: Connections
    """The services that each source may use at each destination; a pair without any lacks."""

    handled: Handled

    @classmethod
    def of(cls, version: Version, compilation: Compilation, questions: Questions) -> Judged:
        """Judges all connections."""
        judge = Judge(version)
        asked = [service for service, _ in questions.services]
        found: Connections = {}
        handled: Handled = {}
        for pod in questions.pods:
            inside: tuple[End, ...] = (*questions.pods, *questions.gateways)
            pairs: list[Pair] = [(pod, other) for other in inside]
            pairs += [(sender, pod) for sender in (*questions.gateways, *questions.senders)]
            for source, destination in pairs:
                found[source, destination] = _bits(judge.allows(source, destination, service) for service in asked)
            there = judge.pod(pod)
            if there is None:
                continue
            for destination in questions.outside:
                done = tuple(judge.treatments(there, destination, service) for service in asked)
                handled[pod, destination] = done
                found[pod, destination] = _bits(_passes(one) for one in done)
        return cls(judge, compilation, {pair: services for pair, services in found.items() if services}, handled)

    def told(self) -> Sequence[str]:
        """The version's declarations and names, to be printed."""
        return [*map(repr, self.judge.version.declarations), repr(self.judge.version.names)]


def _passes(done: Mapping[int, Treatment]) -> bool:
    """Whether a packet gets through by one of its ways."""
    return any(map(passes, done.values()))


def _told(done: Mapping[int, Treatment]) -> Treatment | Mapping[int, Treatment]:
    """How a packet is treated; by which way matters if not all treat it alike."""
    alike = {*done.values()}
    return alike.pop() if len(alike) == 1 else done


def _bits(members: Iterable[bool]) -> int:
    return sum(1 << number for number, member in enumerate(members) if member)


@frozen
class Change:
    """Two versions, judged with the same questions."""

    old: Judged
    new: Judged
    questions: Questions
    vxlan: int = field(init=False)

    @vxlan.default
    def _find_vxlan(self) -> int:
        ports = {side.judge.oracle.vxlan_port for side in (self.old, self.new)}
        return self.questions.single(*(Service(UDP, port) for port in ports))

    def changed(self, *, allowed: bool) -> Connections:
        """The connections that become allowed, or denied."""
        first, second = (self.old, self.new) if allowed else (self.new, self.old)
        found = {}
        for pair, services in second.connections.items():
            if different := services & ~first.connections.get(pair, 0) & self.counting(*pair):
                found[pair] = different
        return found

    def counting(self, source: End, destination: End) -> int:
        """The services between two ends that count (see `compiler/compare/comparison.py`)."""
        everything = (1 << len(self.questions.services)) - 1
        if source == destination:
            return 0
        if isinstance(destination, PodAt):
            if isinstance(source, PodAt):
                return everything
            own = [source in side.judge.own_addresses(destination) for side in (self.old, self.new)]
            on_both = all(side.judge.pod(destination) is not None for side in (self.old, self.new))
            return 0 if all(own) or (any(own) and not on_both) else everything
        if not isinstance(source, PodAt):
            return 0
        if destination in self.questions.gateways:
            return everything
        return everything & ~self.vxlan if destination in self.questions.outside else 0

    def may_send(self, end: End) -> bool:
        """Whether an end is a pod or an address that sends on one of the sides."""
        return isinstance(end, PodAt) or any(
            side.judge.is_gateway(end) or not side.judge.is_inside(end) for side in (self.old, self.new)
        )

    def is_judged(self, end: End) -> bool:
        """Whether an end is a pod, or an address to which what is sent is judged on one of the sides."""
        return isinstance(end, PodAt) or any(
            side.judge.is_gateway(end) or leaves(side.judge.oracle, end) for side in (self.old, self.new)
        )

    def handled_differently(self) -> Connections:
        """The connections that get to administrator's rules on both sides and have the same verdict there, but not the
        same treatment."""
        found: Connections = {}
        for pair, before in self.old.handled.items():
            after = self.new.handled.get(pair)
            if before == after or after is None:
                continue
            different = _bits(
                bool(one and other) and _told(one) != _told(other) and _passes(one) == _passes(other)
                for one, other in zip(before, after, strict=True)
            )
            if counting := different & self.counting(*pair):
                found[pair] = counting
        return found

    def services_at(self, sources: Party, destinations: Party, services: ServiceSet) -> Connections:
        """The connections from any of the sources to any of the destinations that count."""
        asked = self.questions.services_in(services)
        pairs = [(one, other) for one in self.ends(sources) for other in self.ends(destinations)]
        return {pair: counting for pair in pairs if (counting := asked & self.counting(*pair))}

    def listed(self, change: ConnectionChange) -> Connections:
        """The connections of a listed change that count."""
        found = self.services_at(change.sources, change.destinations, change.services)
        if but := self.questions.services_in(change.but):
            found = {pair: services & ~(but * self._is_own(*pair)) for pair, services in found.items()}
        return {pair: services for pair, services in found.items() if services}

    def _is_own(self, source: End, destination: End) -> bool:
        """Whether a pod sends to its own node's address on the underlay, on whichever side it is there."""
        if not isinstance(source, PodAt):
            return False
        own = {address for side in (self.old, self.new) for address in side.judge.own_addresses(source)[:1]}
        return own == {destination}

    def handled(self, change: HandlingChange) -> Connections:
        """The connections of a listed change of treatment that count."""
        found = self.services_at(change.sources, change.destinations, change.services)
        return {pair: services for pair, services in found.items() if not (change.but_local and self._is_local(*pair))}

    def _is_local(self, source: End, destination: End) -> bool:
        """Whether a pod sends to an address of a node by which it leaves."""
        sides = (self.old, self.new)
        return isinstance(source, PodAt) and any(destination in s.judge.local_addresses(source) for s in sides)

    def ends(self, party: Party) -> list[End]:
        """The ends of a party; of each range of addresses the first.  Raises AssertionError if a range is cut."""
        return [*party.pods, *(node.address for node in party.nodes), *self.questions.within(party.ranges)]
