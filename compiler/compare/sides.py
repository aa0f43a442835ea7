"""What governs the pods of each side, over the atoms of both (`worlds.py`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from attrs import field, frozen

from compiler.compare.comparison import PodAt
from compiler.compare.functions import ABSENT, OPEN, Governed, Pair, Permission
from compiler.compare.worlds import Atoms, build_atoms
from compiler.declarations import Mode
from compiler.model.model import GLOBAL_NETID, Endpoint, Model, Node
from compiler.pipeline import Compilation
from compiler.policy.bits import EVERYTHING, bits_of, members_of
from compiler.policy.ir import Direction, Policy
from compiler.values.services import EVERYTHING as EVERY_SERVICE

_Governing = Mapping[Direction, Mapping[int, Governed]]
"""What governs each pod; a pod that is not in it is open."""


@frozen(eq=False)
class Side:
    """One of the two clusters.  `pods`, `senders`, `outside` and `gateways` are atoms; `here` has for each address of a
    node, as an atom, the pods of that node; `texts` are sets of ends in the words of the rules that speak of them."""

    model: Model
    endpoints: Mapping[int, Endpoint]
    nodes: Mapping[str, Node]
    netids: Mapping[str, int]
    pods: int
    senders: int
    outside: int
    gateways: int
    here: Mapping[int, int]
    governing: _Governing
    texts: Mapping[int, str]

    def governed(self, direction: Direction, atom: int) -> Governed:
        """What governs a pod, which may not be there."""
        return self.governing[direction].get(atom, OPEN) if atom in self.endpoints else ABSENT


@frozen(eq=False)
class Sides:
    """Both clusters over one universe."""

    atoms: Atoms
    old: Side
    new: Side

    @property
    def both(self) -> tuple[Side, Side]:
        """The old side and the new side."""
        return self.old, self.new

    def pairs(self, direction: Direction) -> tuple[Pair, ...]:
        """All pods, those together that are governed alike on each side; the order is that of their first pods."""
        groups: dict[tuple[int, int], list[int]] = defaultdict(list)
        known: dict[int, Governed] = {}
        for atom in range(len(self.atoms.pods)):
            old, new = self.old.governed(direction, atom), self.new.governed(direction, atom)
            known[id(old)], known[id(new)] = old, new
            groups[id(old), id(new)].append(atom)
        return tuple(Pair(bits_of(atoms), known[old], known[new]) for (old, new), atoms in groups.items())

    def other_senders(self) -> tuple[Pair, ...]:
        """The senders that are no pods: nothing governs what they send."""
        return _there(self.old.senders, self.new.senders)

    def gateways(self) -> tuple[Pair, ...]:
        """The gateways that are outside on neither side: nothing governs what they get."""
        outside = self.old.outside | self.new.outside
        return _there(self.old.gateways & ~outside, self.new.gateways & ~outside)


def _there(old: int, new: int) -> tuple[Pair, ...]:
    pairs = (Pair(old & new, OPEN, OPEN), Pair(old & ~new, OPEN, ABSENT), Pair(new & ~old, ABSENT, OPEN))
    return tuple(pair for pair in pairs if pair.members)


def build_sides(old: Compilation, new: Compilation) -> Sides:
    """Two compilations over one universe."""
    atoms = build_atoms(old, new)
    return Sides(atoms, _side(old, atoms, 0), _side(new, atoms, 1))


def _side(compilation: Compilation, atoms: Atoms, number: int) -> Side:
    model = compilation.model
    pods = {pod: atom for atom, pod in enumerate(atoms.pods)}
    endpoints = {pods[PodAt(endpoint.name, endpoint.address)]: endpoint for endpoint in model.endpoints}
    netids = {project.name: project.netid for project in model.projects}
    on_node: dict[str, list[int]] = defaultdict(list)
    for atom, endpoint in endpoints.items():
        on_node[endpoint.node].append(atom)
    here = {}
    for node in model.nodes:
        here[atoms.singles[node.address]] = here[atoms.singles[node.gateway]] = bits_of(on_node[node.name])
    governing: _Governing = {Direction.INGRESS: {}, Direction.EGRESS: {}}
    texts: dict[int, str] = {}
    if compilation.policy is not None:
        lifting = _Lifting.of(compilation.policy, atoms, number, pods)
        governing = lifting.governing()
        texts = lifting.texts
    elif model.cluster.mode is Mode.MULTITENANT:
        governing = {Direction.INGRESS: _by_netid(model, endpoints, netids, atoms), Direction.EGRESS: {}}
    return Side(
        model,
        endpoints,
        {node.name: node for node in model.nodes},
        dict.fromkeys(netids, GLOBAL_NETID) if model.cluster.mode is Mode.SUBNET else netids,
        bits_of(endpoints),
        atoms.placed(number, "sends"),
        atoms.placed(number, "outside"),
        atoms.placed(number, "gateway"),
        here,
        governing,
        texts,
    )


@frozen(eq=False)
class _Lifting:
    """Turns the sets of cells of a policy into sets of atoms, each once however often it occurs."""

    policy: Policy
    members: Mapping[int, list[int]]
    """The atoms of each cell; of none for a project of whose pods nothing is known."""
    texts: dict[int, str] = field(factory=dict)
    _known: dict[int, int] = field(factory=dict)

    @classmethod
    def of(cls, policy: Policy, atoms: Atoms, side: int, pods: Mapping[PodAt, int]) -> _Lifting:
        universe = policy.universe
        members: dict[int, list[int]] = defaultdict(list)
        node_cells = {address: cell for cell, addresses in universe.node_cells.items() for address in addresses}
        address_of = {atom: address for address, atom in atoms.singles.items()}
        for atom, places in enumerate(atoms.places, len(atoms.pods)):
            place = places[side]
            if place.has_node:
                members[node_cells[address_of[atom]]].append(atom)
            elif place.known:
                members[place.region].append(atom)
        for cell, group in universe.pod_cells.items():
            members[cell] = [pods[PodAt(endpoint.name, endpoint.address)] for endpoint in group.endpoints]
        return cls(policy, members)

    def governing(self) -> _Governing:
        return {
            direction: {
                atom: governed
                for subject in subjects
                for governed in [
                    Governed(
                        tuple(
                            Permission(self._lift(grant.peers.cells, grant.peers.text), grant.services, grant.origins)
                            for grant in subject.grants
                        ),
                        subject.origins,
                    )
                ]
                for atom in members_of(self._lift(subject.cells))
            }
            for direction, subjects in (
                (Direction.INGRESS, self.policy.ingress),
                (Direction.EGRESS, self.policy.egress),
            )
        }

    def _lift(self, cells: int, text: str = "") -> int:
        if cells == EVERYTHING:
            return EVERYTHING
        if (lifted := self._known.get(cells)) is None:
            lifted = self._known[cells] = bits_of(
                atom for cell in members_of(cells) for atom in self.members.get(cell, ())
            )
        if text and (known := self.texts.get(lifted)) != text:
            self.texts[lifted] = text if known is None else min(known, text, key=lambda words: (len(words), words))
        return lifted


def _by_netid(
    model: Model, endpoints: Mapping[int, Endpoint], netids: Mapping[str, int], atoms: Atoms
) -> dict[int, Governed]:
    """NetIDs as policies: pods accept their own NetID and the global one, which nodes and the outside have (PN-03)."""
    pods: dict[int, list[int]] = defaultdict(list)
    for atom, endpoint in endpoints.items():
        pods[netids[endpoint.pod.project]].append(atom)
    origins = defaultdict(list)
    for project in model.projects:
        if project.origin is not None:
            origins[project.netid].append(project.origin)
    reaching = atoms.all_addresses | bits_of(pods[GLOBAL_NETID])
    governed = {
        netid: Governed((Permission(reaching | bits_of(members), EVERY_SERVICE),), tuple(origins[netid]))
        for netid, members in pods.items()
        if netid != GLOBAL_NETID
    }
    return {atom: governed[netid] for netid, members in pods.items() if netid in governed for atom in members}
