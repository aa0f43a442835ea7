"""The universe of the policy IR: every address that a packet may come from or go to, divided into cells.

A cell is a set of addresses that no selector and no block of the whole cluster's policies tells apart:

- a *region*: the addresses of one prefix that a policy names, less the longer prefixes inside it that policies name;
- a *project*: stands for a pod of the project of which nothing is known but the project;
- a *node*: its addresses in one region;
- *pods* of one project with equal labels and equal named ports, in one region.

A set of peers or pods is a set of cell numbers (`compiler/policy/bits.py`), and a selector is evaluated by indexes
over labels (`compiler/policy/index.py`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

from attrs import field, frozen

from compiler.declarations import NamedPort
from compiler.model.model import Endpoint, Model, Project
from compiler.policy.bits import bits_of
from compiler.policy.index import LabelIndex
from compiler.values.labels import Labels
from compiler.values.ports import PortSet
from compiler.values.prefix import ALL_ONES, Prefix
from compiler.values.services import Protocol

WHOLE = Prefix(0, 0)

PortIndex = Mapping[tuple[str, Protocol], tuple[tuple[PortSet, int], ...]]
"""For a port's name and protocol, each set of numbers that pods mean by it with the set of those pods' cells."""


@frozen
class Regions:
    """The prefixes that policies name, in the order of a walk through their tree; 0.0.0.0/0 is always the first.

    `ends[i]` is behind the last descendant of prefix `i`, so that everything inside a prefix is one range of numbers.
    `bounds`/`owners` are the sorted first addresses of the pieces, and whose they are.
    """

    prefixes: tuple[Prefix, ...]
    parents: tuple[int, ...]
    ends: tuple[int, ...]
    bounds: tuple[int, ...]
    owners: tuple[int, ...]
    numbers: Mapping[Prefix, int]

    @classmethod
    def of(cls, named: Iterable[Prefix]) -> Regions:
        """The regions that a set of prefixes makes."""
        prefixes = sorted({WHOLE, *named})
        parents = [0] * len(prefixes)
        ends = [len(prefixes)] * len(prefixes)
        pieces: dict[int, int] = {}
        stack: list[int] = []
        for index, prefix in enumerate(prefixes):
            while stack and not prefixes[stack[-1]].covers(prefix):
                closed = stack.pop()
                ends[closed] = index
                pieces[prefixes[closed].last + 1] = stack[-1]
            parents[index] = stack[-1] if stack else 0
            pieces[prefix.network] = index
            stack.append(index)
        while len(stack) > 1:
            closed = stack.pop()
            if prefixes[closed].last < ALL_ONES:
                pieces[prefixes[closed].last + 1] = stack[-1]
        bounds = sorted(pieces)
        return cls(
            prefixes=tuple(prefixes),
            parents=tuple(parents),
            ends=tuple(ends),
            bounds=tuple(bounds),
            owners=tuple(pieces[bound] for bound in bounds),
            numbers={prefix: number for number, prefix in enumerate(prefixes)},
        )

    def at(self, address: int) -> int:
        """The region that an address lies in."""
        return self.owners[bisect_right(self.bounds, address) - 1]

    def inside(self, prefix: Prefix) -> int:
        """The set of all regions inside a prefix that a policy names.  Raises KeyError for any other prefix."""
        index = self.numbers[prefix]
        return (1 << self.ends[index]) - (1 << index)


@frozen
class PodCell:
    """What the pods of a cell have in common, and the pods."""

    project: str
    labels: Labels
    ports: tuple[NamedPort, ...]
    region: int
    endpoints: tuple[Endpoint, ...]


@frozen
class Universe:
    """All cells, and the indexes over them that evaluate a selector."""

    regions: Regions
    projects: Mapping[str, Project]
    pod_cells: Mapping[int, PodCell]
    project_cells: Mapping[str, int]
    project_names: Mapping[int, str]
    node_cells: Mapping[int, tuple[int, ...]]
    """For each cell of nodes, their addresses."""
    pods_of: Mapping[str, int]
    """For each project, the set of its pods' cells."""
    in_region: Mapping[int, int]
    """For each region, the set of pod and node cells in it."""
    pod_regions: int
    """The regions that hold addresses of the pod networks."""
    all_nodes: int
    pod_labels: LabelIndex = field(repr=False)
    """Over the cells of pods."""
    project_labels: LabelIndex = field(repr=False)
    """Over the cells of projects."""
    ports_by_name: PortIndex = field(repr=False)

    def block(self, prefix: Prefix, excepts: Sequence[Prefix]) -> int:
        """The set of all cells, of whatever kind, whose addresses lie in `prefix` and in none of `excepts` (NP-07)."""
        regions = self.regions.inside(prefix)
        for excluded in excepts:
            regions &= ~self.regions.inside(excluded)
        cells = regions
        for region, inside in self.in_region.items():
            if regions >> region & 1:
                cells |= inside
        # A pod of which only the project is known is in a block if every address is that it may have.
        if not self.pod_regions & ~regions:
            cells |= self.project_labels.cells
        return cells

    def named_port(self, name: str, protocol: Protocol) -> tuple[tuple[PortSet, int], ...]:
        """For each set of numbers that pods give a port name, the set of those pods' cells (NP-10)."""
        return self.ports_by_name.get((name, protocol), ())


def build_universe(
    model: Model, named: Iterable[Prefix], apart: Callable[[Endpoint], Hashable] = lambda endpoint: None
) -> Universe:
    """The universe of a cluster; `named` are all the prefixes that its policies' blocks name.

    Pods of which `apart` says something different are in different cells.
    """
    networks = [network.prefix for network in model.cluster.pod_networks]
    regions = Regions.of(named)
    cell = len(regions.prefixes)
    in_region: dict[int, list[int]] = defaultdict(list)

    project_cells: dict[str, int] = {}
    for project in model.projects:
        project_cells[project.name] = cell
        cell += 1

    node_cells: dict[int, tuple[int, ...]] = {}
    addresses: dict[int, list[int]] = defaultdict(list)
    for node in model.nodes:
        for address in (node.address, node.gateway):
            addresses[regions.at(address)].append(address)
    for region in sorted(addresses):
        node_cells[cell] = tuple(sorted(addresses[region]))
        in_region[region].append(cell)
        cell += 1

    groups: dict[tuple[str, Labels, tuple[NamedPort, ...], int, Hashable], list[Endpoint]] = defaultdict(list)
    for endpoint in model.endpoints:
        pod = endpoint.pod
        groups[pod.project, pod.labels, pod.ports, regions.at(endpoint.address), apart(endpoint)].append(endpoint)
    pod_cells: dict[int, PodCell] = {}
    pods_of: dict[str, list[int]] = defaultdict(list)
    for (project_name, labels, ports, region, _), endpoints in groups.items():
        pod_cells[cell] = PodCell(project_name, labels, ports, region, tuple(endpoints))
        pods_of[project_name].append(cell)
        in_region[region].append(cell)
        cell += 1

    return Universe(
        regions=regions,
        projects={project.name: project for project in model.projects},
        pod_cells=pod_cells,
        project_cells=project_cells,
        project_names={number: name for name, number in project_cells.items()},
        node_cells=node_cells,
        pods_of={name: bits_of(cells) for name, cells in pods_of.items()},
        in_region={region: bits_of(cells) for region, cells in in_region.items()},
        pod_regions=_regions_of_pods(regions, networks),
        all_nodes=bits_of(node_cells),
        pod_labels=LabelIndex.of((number, pods.labels) for number, pods in pod_cells.items()),
        project_labels=LabelIndex.of((project_cells[project.name], project.labels) for project in model.projects),
        ports_by_name=index_ports(pod_cells),
    )


def index_ports(pod_cells: Mapping[int, PodCell]) -> PortIndex:
    """For each name that pods give a port, and its protocol, each set of numbers with the cells of those pods."""
    by_port: dict[tuple[str, Protocol], dict[PortSet, list[int]]] = defaultdict(lambda: defaultdict(list))
    for cell, pods in pod_cells.items():
        for name, numbers in resolve_names(pods.ports).items():
            by_port[name][numbers].append(cell)
    return {
        name: tuple((numbers, bits_of(cells)) for numbers, cells in by_numbers.items())
        for name, by_numbers in by_port.items()
    }


def resolve_names(ports: Iterable[NamedPort]) -> dict[tuple[str, Protocol], PortSet]:
    """What each name of a pod's ports stands for (NP-10)."""
    numbers: dict[tuple[str, Protocol], PortSet] = {}
    for port in ports:
        name = (port.name, port.protocol)
        numbers[name] = numbers.get(name, PortSet()) | PortSet([(port.number, port.number)])
    return numbers


def _regions_of_pods(regions: Regions, networks: Iterable[Prefix]) -> int:
    """The set of the regions that hold an address of a pod network."""
    return bits_of(
        owner
        for first, behind, owner in zip(
            regions.bounds, (*regions.bounds[1:], ALL_ONES + 1), regions.owners, strict=True
        )
        if any(network.network < behind and first <= network.last for network in networks)
    )
