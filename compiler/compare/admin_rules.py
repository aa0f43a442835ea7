"""What administrator's rules do with the packets of a pod where they leave, by destination and service (AR-02)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import field, frozen

from compiler.compare.layers import Layer, flat, membership
from compiler.compare.services import common, without
from compiler.compare.sides import Side
from compiler.declarations import (
    AdminLimit,
    AdminLog,
    AdminRule,
    AdminVerdict,
    BlockPeer,
    ProjectSource,
    Rate,
)
from compiler.model.firewalls import EVERYWHERE, addresses_of
from compiler.model.model import AddressRanges
from compiler.origin import Origin
from compiler.policy.ranges import ranges_text
from compiler.values.ports import PortSet
from compiler.values.prefix import format_address
from compiler.values.ranges import merge_ranges
from compiler.values.services import EVERYTHING, ServiceSet, union


@frozen
class Step:
    """A rule as it meets the packets of one pod.

    `text` is what it does with them.  Rules that count packets say what they count: two that count other packets are
    not the same, whatever they do with this pod's.
    """

    verdict: AdminVerdict | None
    text: str
    destinations: AddressRanges
    services: ServiceSet
    origin: Origin = field(eq=False, repr=False)


@frozen
class Outcome:
    """What happens to packets of `services`: `treatments` are what is done, in words; `passes`: some way out lets them
    through.  Where the ways out do not treat them alike there is a treatment of each, `drop at 192.168.100.11`."""

    services: ServiceSet
    passes: bool
    treatments: tuple[str, ...]
    origins: tuple[Origin, ...] = field(default=(), eq=False)


Outcomes = tuple[Outcome, ...]
"""For all services."""

Profile = tuple[tuple[int, tuple[Step, ...]], ...]
"""The addresses of the nodes by which a pod's packets leave, sorted, with the rules there that speak of them; 0 and the
rules where all nodes have the same."""

LET_THROUGH = ("let through",)
NO_RULES: Layer[Outcomes] = flat((Outcome(EVERYTHING, True, LET_THROUGH),))


@frozen(eq=False)
class AdminView:
    """The administrator's rules of one side, and which pods each of them speaks of."""

    _rules: Mapping[str, tuple[tuple[Step, frozenset[int]], ...]]
    """For each node the rules in force there, with the pods that they speak of."""

    @classmethod
    def of(cls, side: Side) -> AdminView:
        """The view of a side."""
        known: dict[tuple[str, ...], tuple[tuple[Step, frozenset[int]], ...]] = {}
        rules = {}
        for node in side.model.nodes:
            blocks = [
                block for block in side.model.admin_rules if block.nodes is None or block.nodes.matches(node.labels)
            ]
            key = tuple(block.name for block in blocks)
            if key not in known:
                steps = [(_step(rule), _pods(rule, side)) for block in blocks for rule in block.rules]
                known[key] = tuple((step, pods) for step, pods in steps if step.destinations and step.services and pods)
            rules[node.name] = known[key]
        return cls(rules)

    def rules(self, pod: int, node: str) -> tuple[Step, ...]:
        """The rules of a node that speak of a pod's packets."""
        return tuple(step for step, pods in self._rules[node] if pod in pods)


def profile_of(ways: Mapping[int, tuple[Step, ...]]) -> Profile:
    """The profile of a pod, of the rules at each of the nodes by which it leaves, by address."""
    alike = set(ways.values())
    return ((0, alike.pop()),) if len(alike) == 1 else tuple(sorted(ways.items(), key=lambda way: way[0]))


def outcomes_of(profile: Profile) -> Layer[Outcomes]:
    """What happens to the packets of a pod, by destination."""
    if not any(steps for _, steps in profile):
        return NO_RULES
    inside = membership(step.destinations for _, steps in profile for step in steps)
    known = {}
    for mask in set(inside.values):
        whole = [_Together(EVERYTHING, ())]
        number = 0
        for node, steps in profile:
            here = _run([step for index, step in enumerate(steps, number) if mask >> index & 1])
            number += len(steps)
            whole = [
                _Together(services, (*together.at, (node, outcome)))
                for together in whole
                for outcome in here
                if (services := common(together.services, outcome.services))
            ]
        known[mask] = tuple(together.outcome() for together in whole)
    return Layer(inside.starts, [known[mask] for mask in inside.values])


@frozen
class _Together:
    """What happens to packets of `services` at each of several nodes, by address."""

    services: ServiceSet
    at: tuple[tuple[int, Outcome], ...]

    def outcome(self) -> Outcome:
        """As one outcome."""
        treatments = {outcome.treatments for _, outcome in self.at}
        told = (
            treatments.pop()
            if len(treatments) == 1
            else tuple(f"{outcome.treatments[0]} at {format_address(node)}" for node, outcome in self.at)
        )
        origins = dict.fromkeys(origin for _, outcome in self.at for origin in outcome.origins)
        return Outcome(self.services, any(outcome.passes for _, outcome in self.at), told, tuple(origins))


def _run(steps: Iterable[Step]) -> list[Outcome]:
    """What rules do that all match by address, in order."""
    undecided: list[tuple[ServiceSet, tuple[str, ...], tuple[Origin, ...]]] = [(EVERYTHING, (), ())]
    decided: list[Outcome] = []
    for step in steps:
        rest = []
        for services, done, origins in undecided:
            if outside := without(services, step.services):
                rest.append((outside, done, origins))
            if not (inside := common(services, step.services)):
                continue
            if step.verdict is None:
                rest.append((inside, (*done, step.text), (*origins, step.origin)))
            else:
                decided.append(_outcome(inside, step.verdict, done, (*origins, step.origin)))
        undecided = rest
    decided += [_outcome(services, AdminVerdict.ACCEPT, done, origins) for services, done, origins in undecided]
    return decided


def _outcome(
    services: ServiceSet, verdict: AdminVerdict, done: tuple[str, ...], origins: tuple[Origin, ...]
) -> Outcome:
    passes = verdict is AdminVerdict.ACCEPT
    last = LET_THROUGH if passes else (verdict.value,)
    return Outcome(services, passes, (", ".join((*done, *last)),), origins)


def _step(rule: AdminRule) -> Step:
    destinations = EVERYWHERE if rule.destinations is None else _ranges(rule.destinations)
    services = EVERYTHING
    if rule.ports is not None:
        services = union(ServiceSet.of(each.protocol, PortSet([(each.first, each.last)])) for each in rule.ports)
    match rule.action:
        case AdminVerdict() as verdict:
            return Step(verdict, verdict.value, destinations, services, rule.origin)
        case AdminLog(prefix, None):
            return Step(None, f'log "{prefix}"', destinations, services, rule.origin)
        case AdminLog(prefix, Rate(count, unit)):
            text = f'log "{prefix}" at most {count}/{unit}'
        case AdminLimit() as limit:
            text = f"limit {limit.rate.count}/{limit.rate.unit}" if limit.rate else f"limit {limit.at_once} at once"
            text += " per source" if limit.per_source else ""
    to = "anyone" if destinations == EVERYWHERE else _words(destinations)
    return Step(None, f"{text} ({services} from {_sources_text(rule)} to {to})", destinations, services, rule.origin)


def _sources_text(rule: AdminRule) -> str:
    """The sources of a rule in one way for equal sets of projects and addresses."""
    if rule.sources is None:
        return "anyone"
    projects = sorted({f"project {source.project}" for source in rule.sources if isinstance(source, ProjectSource)})
    ranges = _ranges(source for source in rule.sources if isinstance(source, BlockPeer))
    return ", ".join([*projects, *([_words(ranges)] if ranges else [])])


def _words(ranges: AddressRanges) -> str:
    """All of the ranges, so that different sets differ."""
    return ", ".join(ranges_text((each,)) for each in ranges)


def _ranges(blocks: Iterable[BlockPeer]) -> AddressRanges:
    return merge_ranges(each for block in blocks for each in addresses_of(block))


def _pods(rule: AdminRule, side: Side) -> frozenset[int]:
    """The pods of which a rule speaks."""
    if rule.sources is None:
        return frozenset(side.endpoints)
    projects = {source.project for source in rule.sources if isinstance(source, ProjectSource)}
    blocks = membership([_ranges(source for source in rule.sources if isinstance(source, BlockPeer))])
    return frozenset(
        atom
        for atom, endpoint in side.endpoints.items()
        if endpoint.pod.project in projects or blocks.at(endpoint.address)
    )
