"""One universe for both clusters, of *atoms*: what each side says of an end can be compared.

An atom is a pod (its name and address), an address that a node has on one of the sides, or a piece of all other
addresses that neither side tells apart.  What a side's policies or NetIDs let a pod do is a function on atoms
(`sides.py`).  Pods come first, sorted by name, then single addresses, then pieces.

A side knows an address as a sender unless it lies in its pod networks, where only pods and gateways send; and as a
destination outside unless it lies in its pod networks, in its service network or is multicast.  Addresses that both
sides know as neither are in no atom.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from attrs import frozen

from compiler.compare.comparison import NodeAt, PodAt
from compiler.model.model import AddressRanges, Endpoint, Model
from compiler.pipeline import Compilation
from compiler.policy.bits import bits_of, members_of
from compiler.policy.ranges import complement
from compiler.values.prefix import ALL_ONES, MULTICAST
from compiler.values.ranges import merge_ranges


@frozen
class Place:
    """What a side knows of addresses: the region of its policies, and what they are to it."""

    region: int
    has_node: bool
    sends: bool
    outside: bool
    gateway: bool

    @property
    def known(self) -> bool:
        """Whether a packet comes from there or goes there."""
        return self.sends or self.outside


Places = tuple[Place, Place]
"""On the old and on the new side."""


@frozen(eq=False)
class Atoms:
    """All atoms.  `endpoints` are the pods' endpoints, on the new side where it has them; `singles` the addresses that
    are atoms of their own, `nodes` which of them are nodes'; `places` is for each atom that is no pod, in order."""

    pods: tuple[PodAt, ...]
    endpoints: tuple[Endpoint, ...]
    singles: Mapping[int, int]
    nodes: Mapping[int, NodeAt]
    pieces: tuple[AddressRanges, ...]
    places: tuple[Places, ...]
    starts: tuple[int, ...]
    """The first addresses of all atoms that are no pods, and of the gaps between them, sorted."""
    owners: tuple[int, ...]
    """Whose the addresses from each of the first ones are: an atom, -1 in a gap."""

    @property
    def all_pods(self) -> int:
        """The pods."""
        return (1 << len(self.pods)) - 1

    @property
    def all_addresses(self) -> int:
        """The atoms that are no pods."""
        return (1 << len(self.pods) + len(self.places)) - 1 ^ self.all_pods

    def addresses(self, atoms: int) -> AddressRanges:
        """The addresses of atoms that are no pods."""
        first = len(self.pods)
        ranges: list[tuple[int, int]] = []
        single = tuple(self.singles)
        for number in members_of(atoms >> first):
            if number < len(single):
                ranges.append((single[number], single[number]))
            else:
                ranges += self.pieces[number - len(single)]
        return merge_ranges(ranges)

    def placed(self, side: int, what: str) -> int:
        """The atoms that are `sends`, `outside` or `gateway` to a side (0: the old one, 1: the new one)."""
        first = len(self.pods)
        return bits_of(first + number for number, places in enumerate(self.places) if getattr(places[side], what))


def build_atoms(old: Compilation, new: Compilation) -> Atoms:
    """The atoms of two compilations."""
    pods: dict[PodAt, Endpoint] = {}
    for compilation in (old, new):
        pods |= {PodAt(endpoint.name, endpoint.address): endpoint for endpoint in compilation.model.endpoints}
    names = sorted(pods)
    nodes = _nodes(old.model, new.model)
    singles = sorted({*nodes, *_egress_ips(old.model, new.model)})
    maps = _Map.of(old), _Map.of(new)
    pieces = _pieces(maps, singles)
    numbers = {address: len(names) + number for number, address in enumerate(singles)}
    owned = [(address, address, atom) for address, atom in numbers.items()]
    behind = len(names) + len(numbers)
    owned += [(*each, behind + number) for number, ranges in enumerate(pieces.values()) for each in ranges]
    owned.sort()
    gaps = complement((first, last) for first, last, _ in owned)
    steps = sorted([(first, atom) for first, _, atom in owned] + [(first, -1) for first, _ in gaps])
    return Atoms(
        tuple(names),
        tuple(pods[name] for name in names),
        numbers,
        nodes,
        tuple(pieces.values()),
        (*((maps[0].place(address), maps[1].place(address)) for address in singles), *pieces),
        tuple(first for first, _ in steps),
        tuple(atom for _, atom in steps),
    )


def _nodes(old: Model, new: Model) -> dict[int, NodeAt]:
    """Every address that a node has on one of the sides, with the node, that of the new side if one has it there."""
    found: dict[int, NodeAt] = {}
    for model in (old, new):
        for node in model.nodes:
            found[node.address] = NodeAt(node.name, node.address, gateway=False)
            found[node.gateway] = NodeAt(node.name, node.gateway, gateway=True)
    return found


def _egress_ips(old: Model, new: Model) -> Iterable[int]:
    """The egress IPs that nodes have, if administrator's rules are there: they do not judge what is for the node."""
    if old.admin_rules or new.admin_rules:
        for model in (old, new):
            yield from (one.address for one in model.egress_ips if one.node is not None)


@frozen
class _Map:
    """What one side knows of addresses."""

    compilation: Compilation
    nodes: frozenset[int]
    gateways: frozenset[int]

    @classmethod
    def of(cls, compilation: Compilation) -> _Map:
        nodes = compilation.model.nodes
        gateways = frozenset(node.gateway for node in nodes)
        return cls(compilation, gateways | {node.address for node in nodes}, gateways)

    def bounds(self) -> Iterable[int]:
        """Where what is known of addresses may change."""
        cluster, policy = self.compilation.model.cluster, self.compilation.policy
        yield from policy.universe.regions.bounds if policy else ()
        for prefix in (*(network.prefix for network in cluster.pod_networks), cluster.service_network, MULTICAST):
            yield prefix.network
            yield prefix.last + 1

    def place(self, address: int) -> Place:
        cluster, policy = self.compilation.model.cluster, self.compilation.policy
        region = policy.universe.regions.at(address) if policy else 0
        inside = any(address in network.prefix for network in cluster.pod_networks)
        return Place(
            region,
            has_node=address in self.nodes,
            sends=not inside or address in self.gateways,
            outside=not inside and address not in cluster.service_network and address not in MULTICAST,
            gateway=address in self.gateways,
        )


def _pieces(maps: tuple[_Map, _Map], singles: Iterable[int]) -> dict[Places, AddressRanges]:
    """All other addresses, those together that neither side tells apart."""
    taken = set(singles)
    bounds = {0, *maps[0].bounds(), *maps[1].bounds()}
    bounds.update(bound for address in taken for bound in (address, address + 1))
    starts = sorted(bounds - {ALL_ONES + 1})
    found: dict[Places, list[tuple[int, int]]] = defaultdict(list)
    for first, behind in zip(starts, [*starts[1:], ALL_ONES + 1], strict=True):
        if first not in taken:
            places = maps[0].place(first), maps[1].place(first)
            if places[0].known or places[1].known:
                found[places].append((first, behind - 1))
    return {places: merge_ranges(ranges) for places, ranges in found.items()}
