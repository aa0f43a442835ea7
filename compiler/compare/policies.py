"""Connections to pods and to gateways: where the senders' egress and the receivers' ingress together change.

A connection changes only if one of its ends judges it differently.  So first come the receivers whose ingress differs,
each with the senders for which it does; then the senders whose egress differs, with the receivers that judge them as
before.  Nothing else is looked at: what a rule changes costs what the rule speaks of, not what the cluster holds.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve, frozen

from compiler.compare.functions import ABSENT, Pair
from compiler.compare.rectangles import Rectangle
from compiler.compare.services import common, without
from compiler.compare.sides import Sides
from compiler.origin import Origin
from compiler.policy.ir import Direction
from compiler.values.services import EVERYTHING, NOTHING, ServiceSet


def policy_changes(sides: Sides) -> Iterator[Rectangle]:
    """The changes between pods, from other senders to pods, and from pods to gateways."""
    comparing = _Comparing(
        sides,
        sides.pairs(Direction.EGRESS),
        sides.other_senders(),
        sides.pairs(Direction.INGRESS),
        sides.gateways(),
        _moved(sides),
    )
    yield from comparing.by_receivers()
    yield from comparing.by_senders()
    yield from comparing.of_moved()


def _moved(sides: Sides) -> dict[int, int]:
    """For each address of a node the pods whose own node it is on one side only, and that are there on both."""
    there = sides.old.pods & sides.new.pods
    old, new = sides.old.here, sides.new.here
    moved = {address: (old.get(address, 0) ^ new.get(address, 0)) & there for address in {*old, *new}}
    return {address: pods for address, pods in sorted(moved.items()) if pods}


@frozen(eq=False)
class _Comparing:
    sides: Sides
    pods_out: tuple[Pair, ...]
    others_out: tuple[Pair, ...]
    pods_in: tuple[Pair, ...]
    gateways_in: tuple[Pair, ...]
    moved: dict[int, int]

    def by_receivers(self) -> Iterator[Rectangle]:
        """Receivers that judge a sender differently, who is there on both sides if they are."""
        old, new = self.sides.both
        stable = (old.pods & new.pods) | (old.senders & new.senders)
        for receivers, senders in self._receivers():
            within = sum(sender.members for sender in senders)
            if _is_stable(receivers):
                within &= stable
            for sources, accepted, accepts in receivers.differences(within):
                for sender in senders:
                    if chosen := sender.members & sources:
                        for there, sent, sends in sender.parts(receivers.members):
                            both = sender, receivers
                            yield from self._judge(both, (chosen, there), (sent, sends), (accepted, accepts))

    def by_senders(self) -> Iterator[Rectangle]:
        """Senders that are judged differently, or are there on one side only, by receivers that are there on both and
        judge as before."""
        stable = [receivers for receivers, _ in self._receivers() if _is_stable(receivers)]
        to_pods = [receivers for receivers in stable if receivers.members & self.sides.atoms.all_pods]
        for sender in (*self.pods_out, *self.others_out):
            chosen = stable if sender.members & self.sides.atoms.all_pods else to_pods
            within = sum(receivers.members for receivers in chosen)
            for destinations, sent, sends in sender.differences(within):
                for receivers in chosen:
                    if there := receivers.members & destinations:
                        for sources, accepted, accepts in receivers.parts(sender.members):
                            if accepted == accepts or not _is_stable(sender):
                                both = sender, receivers
                                yield from self._judge(both, (sources, there), (sent, sends), (accepted, accepts))

    def _receivers(self) -> Iterator[tuple[Pair, tuple[Pair, ...]]]:
        """All receivers, with those that may send to them."""
        for receivers in self.pods_in:
            yield receivers, (*self.pods_out, *self.others_out)
        for receivers in self.gateways_in:
            yield receivers, self.pods_out

    def _judge(
        self,
        governed: tuple[Pair, Pair],
        ends: tuple[int, int],
        out: tuple[ServiceSet, ServiceSet],
        into: tuple[ServiceSet, ServiceSet],
    ) -> Iterator[Rectangle]:
        """What changes between ends that are judged alike."""
        for rectangle in changes(governed, ends, out, into):
            yield from self._without_moved(rectangle)

    def _without_moved(self, rectangle: Rectangle) -> Iterator[Rectangle]:
        """A rectangle without the pairs of a pod and a node that is its own on one side only."""
        for address, pods in self.moved.items():
            if rectangle.sources >> address & 1 and rectangle.destinations & pods:
                rest = rectangle.destinations & ~pods
                if rest:
                    yield evolve(rectangle, sources=1 << address, destinations=rest)
                rectangle = evolve(rectangle, sources=rectangle.sources & ~(1 << address))
        if rectangle.sources:
            yield rectangle

    def of_moved(self) -> Iterator[Rectangle]:
        """The pairs of a pod and a node that is its own on one side only."""
        for address, pods in self.moved.items():
            for sender in self.others_out:
                if not sender.members >> address & 1:
                    continue
                for receivers in self.pods_in:
                    for was_here in (True, False):
                        own = self.sides.old.here.get(address, 0)
                        chosen = receivers.members & pods & (own if was_here else ~own)
                        if chosen:
                            ((_, accepted, accepts),) = receivers.parts(1 << address)
                            sent = EVERYTHING if sender.old is not ABSENT else NOTHING
                            sends = EVERYTHING if sender.new is not ABSENT else NOTHING
                            into = (EVERYTHING, accepts) if was_here else (accepted, EVERYTHING)
                            yield from changes((sender, receivers), (1 << address, chosen), (sent, sends), into)


def changes(
    governed: tuple[Pair, Pair],
    ends: tuple[int, int],
    out: tuple[ServiceSet, ServiceSet],
    into: tuple[ServiceSet, ServiceSet],
) -> Iterator[Rectangle]:
    """What becomes allowed and denied between sources and destinations, which are judged alike.

    `governed` are those that the ends belong to; `out` is what the sources may send, on each side, and `into` what the
    destinations accept.  Statements are told of that end that has changed.
    """
    old, new = common(out[0], into[0]), common(out[1], into[1])
    if old == new:
        return
    sender, receivers = governed
    sources, destinations = ends
    for allowed, services in ((True, without(new, old)), (False, without(old, new))):
        if not services:
            continue
        granting: list[Origin] = []
        denying: list[Origin] = []
        supporting: list[Origin] = []
        for pair, peers, may in ((sender, destinations, out), (receivers, sources, into)):
            if may[0] == may[1]:
                continue
            grants, denies = (pair.new, pair.old) if allowed else (pair.old, pair.new)
            rules = list(grants.granting(peers, services))
            granting += rules
            supporting += () if rules else grants.origins
            if not services <= may[0 if allowed else 1]:
                denying += denies.origins
        yield Rectangle(
            allowed,
            services,
            sources,
            destinations,
            granting=tuple(dict.fromkeys(granting)),
            denying=tuple(dict.fromkeys(denying)),
            supporting=tuple(dict.fromkeys(supporting)),
        )


def _is_stable(pair: Pair) -> bool:
    """Whether its members are there on both sides."""
    return pair.old is not ABSENT and pair.new is not ABSENT
