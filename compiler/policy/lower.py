"""Lowers the model's policies to the IR: selectors become sets of cells, rules become grants.

Before: a checked model in networkpolicy mode.  After: the IR in its first normal form.  For each direction, pods that
the same policies govern (and that give the ports that those policies name the same numbers) are one subject; every
rule is one grant.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from attrs import frozen

from compiler.declarations import BlockPeer, NamedPort, NetworkPolicy, PortName, PortRange, Rule
from compiler.model.model import Model, Project
from compiler.origin import Origin
from compiler.policy.bits import bits_of, members_of
from compiler.policy.ir import Direction, Grant, Peers, Policy, Subject
from compiler.policy.peers import PeerSets
from compiler.policy.universe import Universe, build_universe, resolve_names
from compiler.values.ports import PortSet
from compiler.values.prefix import Prefix
from compiler.values.services import EVERYTHING, Protocol, ServiceSet, union


def lower(model: Model) -> Policy:
    """The IR of the model's policies."""
    return lower_over(build_universe(model, named_prefixes(model.policies)), model.projects, model.policies)


def lower_over(universe: Universe, projects: Sequence[Project], policies: Iterable[NetworkPolicy]) -> Policy:
    """The IR of the policies of projects, over a universe that knows all the prefixes that they name."""
    lowering = _Lowering(PeerSets(universe))
    of_project: dict[str, list[NetworkPolicy]] = defaultdict(list)
    for policy in policies:
        of_project[policy.project].append(policy)
    ingress, egress = (
        tuple(
            subject
            for project in projects
            for subject in lowering.subjects(project, of_project[project.name], direction)
        )
        for direction in (Direction.INGRESS, Direction.EGRESS)
    )
    return Policy(universe, ingress, egress)


def named_prefixes(policies: Iterable[NetworkPolicy]) -> Iterator[Prefix]:
    """The prefixes of all blocks in policies."""
    for policy in policies:
        for rule in (*(policy.ingress or ()), *(policy.egress or ())):
            for peer in rule.peers or ():
                if isinstance(peer, BlockPeer) and peer.prefix is not None:
                    yield peer.prefix
                    yield from peer.excepts


@frozen
class _Governing:
    """What governs pods in one direction: a policy's rules, or the annotation that denies by default (NP-14)."""

    cells: int
    rules: tuple[Rule, ...]
    origin: Origin | None


@frozen
class _Permission:
    """What one rule says of one subject.  `names` are ports that each peer resolves (egress, NP-10)."""

    peers: Peers
    services: ServiceSet
    names: tuple[PortName, ...]
    origin: Origin

    def grants(self, universe: Universe) -> Iterator[Grant]:
        """One grant, and one more for each meaning of a named port."""
        yield Grant(self.peers, self.services, (self.origin,))
        for name in self.names:
            for numbers, cells in universe.named_port(name.name, name.protocol):
                served = ServiceSet.of(name.protocol, numbers)
                having = Peers(f"{self.peers.text} where {name.name} is {served}", self.peers.cells & cells)
                yield Grant(having, served, (self.origin,))


def _text(permissions: Sequence[_Permission], direction: Direction) -> str:
    """Permissions in words, sorted, each expression for peers once: `tcp/80 from 192.0.2.0/24; any from anyone`."""
    services: dict[str, ServiceSet] = defaultdict(ServiceSet)
    names: dict[str, set[str]] = defaultdict(set)
    for permission in permissions:
        services[permission.peers.text] |= permission.services
        names[permission.peers.text] |= {f"{port.protocol.name.lower()}/{port.name}" for port in permission.names}
    preposition = "from" if direction is Direction.INGRESS else "to"
    parts = []
    for peers in sorted(services):
        allowed = [*([str(services[peers])] if services[peers] else []), *sorted(names[peers])]
        if allowed:
            parts.append(f"{' '.join(allowed)} {preposition} {peers}")
    return "; ".join(parts) or "nothing"


@frozen
class _Lowering:
    """Lowers policies over one universe."""

    peers: PeerSets

    @property
    def universe(self) -> Universe:
        return self.peers.universe

    def subjects(self, project: Project, policies: Iterable[NetworkPolicy], direction: Direction) -> Iterator[Subject]:
        """The subjects among one project's pods; policies govern pods of their own project only."""
        governing = list(self._governing(project, policies, direction))
        groups: dict[tuple[tuple[int, ...], tuple[NamedPort, ...]], list[int]] = defaultdict(list)
        for cell in members_of(self.universe.pods_of.get(project.name, 0)):
            selected_by = tuple(i for i, part in enumerate(governing) if part.cells >> cell & 1)
            if selected_by:
                groups[selected_by, self._named_ports(cell, selected_by, governing, direction)].append(cell)
        for (selected_by, ports), cells in groups.items():
            parts = [governing[i] for i in selected_by]
            permissions = [
                self._permission(rule, project.name, ports, direction) for part in parts for rule in part.rules
            ]
            yield Subject(
                bits_of(cells),
                tuple(grant for permission in permissions for grant in permission.grants(self.universe)),
                _text(permissions, direction),
                tuple(part.origin for part in parts if part.origin is not None),
            )

    def _governing(
        self, project: Project, policies: Iterable[NetworkPolicy], direction: Direction
    ) -> Iterator[_Governing]:
        pods = self.universe.pods_of.get(project.name, 0)
        if project.isolated and direction is Direction.INGRESS:
            yield _Governing(pods, (), project.origin)
        for policy in policies:
            rules = policy.ingress if direction is Direction.INGRESS else policy.egress
            if rules is not None:
                selected = pods & self.universe.pod_labels.select(policy.pods)
                yield _Governing(selected, rules, policy.origin)

    def _named_ports(
        self, cell: int, selected_by: tuple[int, ...], governing: list[_Governing], direction: Direction
    ) -> tuple[NamedPort, ...]:
        """The pod's ports that its ingress policies name; for egress the names are the peers' to resolve (NP-10)."""
        if direction is Direction.EGRESS:
            return ()
        named = {
            (port.name, port.protocol)
            for i in selected_by
            for rule in governing[i].rules
            for port in rule.ports or ()
            if isinstance(port, PortName)
        }
        ports = self.universe.pod_cells[cell].ports
        return tuple(port for port in ports if (port.name, port.protocol) in named)

    def _permission(self, rule: Rule, project: str, ports: tuple[NamedPort, ...], direction: Direction) -> _Permission:
        numbers = resolve_names(ports)
        ranges: dict[Protocol, list[tuple[int, int]]] = defaultdict(list)
        names: list[PortName] = []
        for port in rule.ports or ():
            if isinstance(port, PortRange):
                ranges[port.protocol].append((port.first, port.last))
            elif direction is Direction.EGRESS:
                names.append(port)
            elif (port.name, port.protocol) in numbers:
                ranges[port.protocol] += numbers[port.name, port.protocol].ranges
        if rule.ports is None:
            services = EVERYTHING
        else:
            services = union(ServiceSet.of(protocol, PortSet(found)) for protocol, found in ranges.items())
        return _Permission(self.peers.of_rule(rule, project, direction), services, tuple(names), rule.origin)
