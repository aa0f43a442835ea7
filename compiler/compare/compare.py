"""The exact difference in meaning of two compilations."""

from __future__ import annotations

from collections.abc import Iterable

from compiler.compare.comparison import Comparison, ConnectionChange, HandlingChange, MulticastChange
from compiler.compare.exits import Ways, source_changes
from compiler.compare.leaving import Leaving
from compiler.compare.multicast import multicast_changes
from compiler.compare.own_nodes import Handled, is_in, merge_handled
from compiler.compare.policies import policy_changes
from compiler.compare.rectangles import Rectangle, merge_rectangles
from compiler.compare.routers import router_changes, setting_changes
from compiler.compare.sides import Sides, build_sides
from compiler.compare.words import Words
from compiler.origin import Origin
from compiler.pipeline import Compilation
from compiler.policy.bits import members_of
from compiler.values.services import NOTHING


def compare(old: Compilation, new: Compilation) -> Comparison:
    """How `new` treats packets differently from `old`; `comparison.py` says what counts."""
    sides = build_sides(old, new)
    words = Words.of(sides)
    ways = Ways.of(sides.old), Ways.of(sides.new)
    rectangles, treated = Leaving.of(sides, ways, (old.firewalls, new.firewalls)).changes()
    rectangles += policy_changes(sides)
    merged = [one for one in merge_rectangles(rectangles) if _counts(one, sides)]
    pods = sides.atoms.pods
    return Comparison(
        connections=tuple(sorted((_connections(one, sides, words) for one in merged), key=_order)),
        sources=tuple(source_changes(sides, ways, words.party)),
        handling=tuple(sorted((_handling(one, words) for one in merge_handled(treated)), key=_handling_order)),
        multicast=tuple(sorted(multicast_changes(sides, words.party), key=_multicast_order)),
        routers=tuple(router_changes(old.model, new.model)),
        settings=tuple(setting_changes(old.model.cluster, new.model.cluster)),
        pods_added=tuple(pods[pod] for pod in members_of(sides.new.pods & ~sides.old.pods)),
        pods_removed=tuple(pods[pod] for pod in members_of(sides.old.pods & ~sides.new.pods)),
    )


def _counts(rectangle: Rectangle, sides: Sides) -> bool:
    """Whether some pair of a rectangle counts: not only pods and themselves, or their own nodes."""
    pods = sides.atoms.all_pods
    receivers = rectangle.destinations & pods
    if rectangle.ranges or rectangle.destinations & ~pods:
        return True
    senders = rectangle.sources & pods
    if senders and (senders.bit_count() > 1 or receivers != senders):
        return True
    old, new = sides.both
    for sender in members_of(rectangle.sources & ~pods):
        was, now = old.here.get(sender, 0), new.here.get(sender, 0)
        if receivers & ~((was & now) | (was & ~new.pods) | (now & ~old.pods)):
            return True
    return False


def _connections(rectangle: Rectangle, sides: Sides, words: Words) -> ConnectionChange:
    granting = tuple(dict.fromkeys((*rectangle.granting, *rectangle.supporting)))
    old, new = (rectangle.denying, granting) if rectangle.allowed else (granting, rectangle.denying)
    return ConnectionChange(
        rectangle.allowed,
        words.party(rectangle.sources),
        words.party(rectangle.destinations, rectangle.ranges),
        rectangle.services,
        but=rectangle.but if _has_own_node(rectangle, sides) else NOTHING,
        old=_sorted(old),
        new=_sorted(new),
    )


def _has_own_node(rectangle: Rectangle, sides: Sides) -> bool:
    """Whether the own node of one of the pods is among the destinations outside."""
    if not rectangle.but:
        return False
    nodes = {
        side.nodes[side.endpoints[pod].node].address
        for side in sides.both
        for pod in members_of(rectangle.sources & side.pods)
    }
    return any(is_in(node, rectangle.ranges) for node in nodes)


def _handling(one: Handled, words: Words) -> HandlingChange:
    return HandlingChange(
        words.party(one.sources),
        words.party(0, one.ranges),
        one.services,
        one.old,
        one.new,
        one.but_local,
        _sorted(one.old_origins),
        _sorted(one.new_origins),
    )


def _sorted(origins: Iterable[Origin]) -> tuple[Origin, ...]:
    return tuple(sorted(origins, key=lambda origin: origin.sort_key()))


def _order(change: ConnectionChange) -> tuple[object, ...]:
    """What becomes allowed first, and the big before the small."""
    ends = change.sources, change.destinations
    return not change.allowed, -change.pairs, *(end.text for end in ends), str(change.services), str(ends)


def _handling_order(change: HandlingChange) -> tuple[object, ...]:
    ends = change.sources, change.destinations
    return *(end.text for end in ends), str(change.services), change.old, change.new, str(ends)


def _multicast_order(change: MulticastChange) -> tuple[object, ...]:
    return not change.allowed, change.sources.text, change.destinations.text
