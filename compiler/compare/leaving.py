"""What pods may send to addresses outside: egress policies, egress firewalls, ways out and administrator's rules.

Pods that all of these judge alike on both sides are one class.  For a class whose judges are the same on both sides
nothing is looked at.  For any other, what the judges say by address is laid over each other (`layers.py`), and what is
different at the pods' own nodes is taken out (`own_nodes.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from typing import Any

from attrs import evolve, frozen

from compiler.compare.admin_rules import AdminView, Outcomes, Profile
from compiler.compare.exits import Ways
from compiler.compare.functions import Pair, Part
from compiler.compare.judges import NO_JUDGES, Judges, Nodes, Verdict, View, judge
from compiler.compare.layers import Layer, overlaid
from compiler.compare.own_nodes import Handled, OwnNode, except_handled, except_rectangles, handled, merge_handled
from compiler.compare.rectangles import Rectangle, merge_rectangles
from compiler.compare.services import without
from compiler.compare.sides import Sides
from compiler.model.model import AddressRanges
from compiler.origin import Origin
from compiler.policy.bits import bits_of, members_of
from compiler.policy.firewall import FoldedFirewall
from compiler.policy.ir import Direction
from compiler.values.ports import PortSet
from compiler.values.ranges import merge_ranges
from compiler.values.services import ServiceSet


@frozen(eq=False)
class Class:
    """Pods that all judge alike on both sides."""

    sender: Pair
    old: Judges
    new: Judges
    pods: int

    @property
    def is_judged_alike(self) -> bool:
        """Whether both sides have the same judges, egress policies aside."""
        return self.old.key == self.new.key


@frozen(eq=False)
class Leaving:
    """Compares what leaves, class by class.  `vxlan` is what no pod may send to the outside."""

    sides: Sides
    views: tuple[View, View]
    vxlan: ServiceSet

    @classmethod
    def of(
        cls, sides: Sides, ways: tuple[Ways, Ways], firewalls: tuple[Iterable[FoldedFirewall], Iterable[FoldedFirewall]]
    ) -> Leaving:
        """Of two sides, with their ways out and their egress firewalls."""
        layers: dict[Hashable, Layer[ServiceSet]] = {}
        profiles: dict[Profile, Layer[Outcomes]] = {}
        has_rules = any(side.model.admin_rules for side in sides.both)
        old, new = (
            View(
                side,
                way,
                AdminView.of(side) if has_rules else None,
                {each.netid: each for each in folded},
                layers,
                profiles,
            )
            for side, way, folded in zip(sides.both, ways, firewalls, strict=True)
        )
        ports = {side.model.cluster.vxlan_port for side in sides.both}
        return cls(sides, (old, new), ServiceSet(udp=PortSet((port, port) for port in ports)))

    def changes(self) -> tuple[list[Rectangle], list[Handled]]:
        """What becomes allowed and denied, and what is handled differently."""
        rectangles: list[Rectangle] = []
        treated: list[Handled] = []
        for each in self._classes():
            touched = self._touched(each)
            some, treatments = self._general(each, touched) if touched else ([], [])
            own_nodes = list(self._own_nodes(each, touched))
            rectangles += except_rectangles(merge_rectangles(some), own_nodes)
            treated += except_handled(merge_handled(treatments), own_nodes)
        return (
            [one for one in rectangles if without(one.services, self.vxlan)],
            [one for one in treated if without(one.services, self.vxlan)],
        )

    def _classes(self) -> Iterator[Class]:
        """The classes, in the order of their first pods."""
        for sender in self.sides.pairs(Direction.EGRESS):
            groups: dict[Hashable, tuple[Judges, Judges, list[int]]] = {}
            for pod in members_of(sender.members):
                old, new = (view.judges(pod) for view in self.views)
                groups.setdefault((old.key, new.key), (old, new, []))[2].append(pod)
            for old, new, pods in groups.values():
                yield Class(sender, old, new, bits_of(pods))

    def _general(self, each: Class, within: int) -> tuple[list[Rectangle], list[Handled]]:
        """The changes of a class at some addresses, own nodes aside."""
        atoms = self.sides.atoms
        part_of = {atom: part for part in each.sender.parts(within) for atom in members_of(part[0])}
        layers: list[Layer[Any]] = [Layer(atoms.starts, atoms.owners)]
        layers += [each.old.firewall, each.new.firewall, each.old.admin, each.new.admin]
        known: dict[tuple[Any, ...], tuple[Part, Verdict, Verdict]] = {}
        found: dict[tuple[Any, ...], list[tuple[int, int]]] = defaultdict(list)
        for first, last, (owner, fire_old, fire_new, admin_old, admin_new) in overlaid(layers):
            if (part := part_of.get(owner)) is None:
                continue
            old, new = atoms.places[owner - len(atoms.pods)]
            key = part[0], old, new, id(fire_old), id(fire_new), id(admin_old), id(admin_new)
            if key not in known:
                known[key] = (
                    part,
                    judge(old, part[1], fire_old, admin_old, leaves=each.old.leaves),
                    judge(new, part[2], fire_new, admin_new, leaves=each.new.leaves),
                )
            found[key].append((first, last))
        rectangles: list[Rectangle] = []
        treated: list[Handled] = []
        for key, ranges in found.items():
            part, was, now = known[key]
            if was.meaning != now.meaning:
                merged = merge_ranges(ranges)
                rectangles += self._rectangles(each, part, (was, now), merged)
                treated += handled(each.pods, merged, (was, now))
        return rectangles, treated

    def _touched(self, each: Class) -> int:
        """The addresses at which something may differ for a class."""
        old, new = self.sides.both
        if not each.is_judged_alike:
            return old.outside | new.outside
        touched = old.outside ^ new.outside
        for ends, _, _ in each.sender.differences(old.outside | new.outside):
            touched |= ends
        return touched

    def _rectangles(
        self, each: Class, part: Part, verdicts: tuple[Verdict, Verdict], ranges: AddressRanges
    ) -> Iterator[Rectangle]:
        """What becomes allowed and denied at addresses that are judged alike."""
        old, new = (verdict.allowed for verdict in verdicts)
        ends, *sent = part
        for allowed, services in ((True, without(new, old)), (False, without(old, new))):
            if not services:
                continue
            granter, denier = (1, 0) if allowed else (0, 1)
            governed, judges = (each.sender.old, each.sender.new), (each.old, each.new)
            granting: list[Origin] = []
            denying: list[Origin] = []
            supporting: list[Origin] = []
            if sent[0] != sent[1]:
                granting += governed[granter].granting(ends, services)
                if not services <= sent[denier]:
                    denying += governed[denier].origins
            if each.old.firewall is not each.new.firewall:
                supporting += self.views[granter].firewall_rules(each.pods, ranges, services, allow=True)
                denying += self.views[denier].firewall_rules(each.pods, ranges, services, allow=False)
            if not judges[denier].leaves:
                denying += self.views[denier].egress_ips(each.pods)
            if each.old.admin is not each.new.admin:
                supporting += verdicts[granter].origins
                denying += verdicts[denier].origins
            yield Rectangle(
                allowed,
                services,
                each.pods,
                0,
                ranges,
                granting=tuple(dict.fromkeys(granting)),
                denying=tuple(dict.fromkeys(denying)),
                supporting=tuple(dict.fromkeys(supporting)),
            )

    def _own_nodes(self, each: Class, touched: int) -> Iterator[OwnNode]:
        """The addresses of the pods' own nodes, and of those by which they leave, if something may be different there.

        The pods of one node are asked by one of them.
        """
        plain = NO_JUDGES.key
        if each.old.key == plain == each.new.key:
            return
        groups: dict[tuple[Nodes, Nodes], list[int]] = defaultdict(list)
        for pod in members_of(each.pods):
            old, new = (view.nodes_of(pod) for view in self.views)
            if touched or old != new:
                groups[old, new].append(pod)
        for (old, new), pods in groups.items():
            there = [nodes.own for nodes in (old, new) if nodes.own is not None]
            for address in sorted(old.local | new.local | set(there)):
                yield self._own_node(each, pods, address, is_own=all(own == address for own in there))

    def _own_node(self, each: Class, pods: list[int], address: int, *, is_own: bool) -> OwnNode:
        atoms = self.sides.atoms
        atom = atoms.singles[address]
        places = atoms.places[atom - len(atoms.pods)]
        ((_, *sent),) = each.sender.parts(1 << atom)
        general, exact = [], []
        for view, judges, place, services in zip(self.views, (each.old, each.new), places, sent, strict=True):
            firewall, admin = judges.firewall.at(address), judges.admin.at(address)
            general.append(judge(place, services, firewall, admin, leaves=judges.leaves))
            exact.append(view.exactly(pods[0], address, place, services))
        part, some = (1 << atom, sent[0], sent[1]), evolve(each, pods=bits_of(pods))
        both = exact[0], exact[1]
        rectangles = tuple(self._rectangles(some, part, both, ((address, address),)))
        return OwnNode(some.pods, address, is_own, (general[0], general[1]), both, rectangles)
