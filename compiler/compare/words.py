"""Who some ends are, in a few words: the same words for the same ends of the same two clusters.

All pods of a project are called by its name, one pod by its own; other pods by a selector of one of the project's
policies that selects just them, else by a label that just they have, else by a rule that speaks of just them, else by
their number.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import field, frozen

from compiler.compare.comparison import NodeAt, Party
from compiler.compare.sides import Side, Sides
from compiler.model.model import AddressRanges
from compiler.policy.bits import bits_of, members_of
from compiler.policy.ranges import TOLD, complement, intersection, ranges_text
from compiler.values.labels import Labels
from compiler.values.prefix import format_address
from compiler.values.ranges import merge_ranges

OUTSIDE = "outside the cluster"


@frozen(eq=False)
class Words:
    """Describes ends of two clusters."""

    sides: Sides
    _selectors: Mapping[int, str]
    """Sets of ends, as far as they send or receive, in words of rules."""
    _projects: Mapping[str, int]
    _wholes: frozenset[AddressRanges]
    """What is everything outside to one of the sides, or to both."""
    _known: dict[tuple[int, AddressRanges], Party] = field(factory=dict)

    @classmethod
    def of(cls, sides: Sides) -> Words:
        """Words for the ends of two sides."""
        selectors: dict[int, str] = {}
        pods = sides.atoms.all_pods
        for side in sides.both:
            for ends, text in side.texts.items():
                for seen in {ends, ends & (pods | side.senders), ends & (pods | side.outside)}:
                    if text != "nobody" and (seen not in selectors or _shorter(text, selectors[seen])):
                        selectors[seen] = text
        projects: dict[str, list[int]] = defaultdict(list)
        for atom, endpoint in enumerate(sides.atoms.endpoints):
            projects[endpoint.pod.project].append(atom)
        gateways = sides.old.gateways | sides.new.gateways
        wholes = []
        for what in ("outside", "senders"):
            old, new = getattr(sides.old, what), getattr(sides.new, what)
            wholes += [old, new, old & new, old | new]
        return cls(
            sides,
            selectors,
            {project: bits_of(atoms) for project, atoms in projects.items()},
            frozenset(sides.atoms.addresses(whole & ~gateways) for whole in wholes),
        )

    def party(self, atoms: int, ranges: AddressRanges = ()) -> Party:
        """The ends that are these atoms, and these addresses outside."""
        if (known := self._known.get((atoms, ranges))) is None:
            known = self._known[atoms, ranges] = self._party(atoms, ranges)
        return known

    def _party(self, atoms: int, ranges: AddressRanges) -> Party:
        sides = self.sides
        pods = atoms & sides.atoms.all_pods
        addresses = merge_ranges((*sides.atoms.addresses(atoms), *ranges))
        nodes = [sides.atoms.nodes[address] for address in _inside(sides.atoms.nodes, addresses)]
        others = intersection(addresses, complement((node.address,) * 2 for node in sorted(nodes, key=_address)))
        return Party(
            self._text(pods, addresses, nodes, others),
            tuple(sides.atoms.pods[pod] for pod in members_of(pods)),
            tuple(sorted(nodes)),
            others,
        )

    def _text(self, pods: int, addresses: AddressRanges, nodes: Sequence[NodeAt], others: AddressRanges) -> str:
        pods_text = self._pods_text(pods) if pods else ""
        if (others or (pods and addresses)) and (selected := self._selectors.get(pods | self._atoms_of(addresses))):
            return selected
        gateways = [node for node in nodes if node.gateway]
        without_gateways = intersection(addresses, complement(_singles(gateways)))
        is_outside = without_gateways in self._wholes
        if is_outside and gateways and pods_text == "all pods":
            return "anyone"
        parts = [pods_text] if pods_text else []
        if others:
            parts.append(OUTSIDE if is_outside else self._ranges_text(without_gateways))
        if is_outside and len(gateways) == sum(node.gateway for node in self.sides.atoms.nodes.values()):
            parts.append("all nodes")
        elif others and gateways:
            parts.append(self._nodes_text(gateways))
        elif nodes and not others:
            parts.append(self._nodes_text(nodes))
        return " and ".join(parts) or "nobody"

    def _atoms_of(self, addresses: AddressRanges) -> int:
        """The atoms of some addresses; -1 if they are not all of the atoms that they are in."""
        atoms = self.sides.atoms
        found = {
            owner
            for start, owner in zip(atoms.starts, atoms.owners, strict=True)
            if owner >= 0 and _holds(addresses, start)
        }
        bits = bits_of(found)
        return bits if atoms.addresses(bits) == addresses else -1

    def _is_whole(self, project: str, pods: int) -> bool:
        own = self._projects[project]
        old, new = (own & side.pods for side in self.sides.both)
        return pods in {own, old, new, old & new} - {0}

    def _pods_text(self, pods: int) -> str:
        old, new = (side.pods for side in self.sides.both)
        if pods in {old, new, old | new, old & new} and pods.bit_count() > 1:
            return "all pods"
        parts = {project: pods & own for project, own in sorted(self._projects.items()) if pods & own}
        whole = [project for project, own in parts.items() if self._is_whole(project, own) and pods.bit_count() > 1]
        words = []
        if len(whole) > 1:
            words.append(self._projects_text(whole))
        elif whole:
            words.append(f"project {whole[0]}")
        rest = [(project, own) for project, own in parts.items() if project not in whole]
        if len(rest) > TOLD:
            count = sum(own.bit_count() for _, own in rest)
            words.append(f"{count} pods of {len(rest)} projects")
        else:
            words += [self._some_text(project, own) for project, own in rest]
        return " and ".join(words)

    def _projects_text(self, names: Sequence[str]) -> str:
        """Projects by a label that no others have, by name, or by number."""
        labels: dict[str, Labels] = {}
        for side in self.sides.both:
            labels |= {project.name: project.labels for project in side.model.projects}
        with_pods = {name: labels[name] for name in self._projects}
        if label := _label_of(set(names), with_pods):
            return f"projects {label}"
        if len(names) <= TOLD:
            return "projects " + ", ".join(names)
        return f"{len(names)} projects"

    def _some_text(self, project: str, pods: int) -> str:
        """Some pods of a project."""
        atoms = self.sides.atoms
        if pods.bit_count() == 1:
            return f"pod {self._pod_text(next(members_of(pods)))}"
        selectors = [selector for side in self.sides.both for selector in _selecting(side, project, pods)]
        if selectors:
            return f"pods {min(selectors, key=lambda text: (len(text), text))} in project {project}"
        own = {str(pod): atoms.endpoints[pod].pod.labels for pod in members_of(self._projects[project])}
        if label := _label_of({str(pod) for pod in members_of(pods)}, own):
            return f"pods {label} in project {project}"
        if (selected := self._selectors.get(pods)) is not None:
            return selected
        if pods.bit_count() <= TOLD:
            return "pods " + ", ".join(self._pod_text(pod) for pod in members_of(pods))
        return f"{pods.bit_count()} pods of project {project}"

    def _pod_text(self, pod: int) -> str:
        """A pod by name, with its address if it had another one on the other side."""
        pods = self.sides.atoms.pods
        name = pods[pod].name
        twice = any(0 <= other < len(pods) and pods[other].name == name for other in (pod - 1, pod + 1))
        return f"{name} at {format_address(pods[pod].address)}" if twice else name

    def _ranges_text(self, ranges: AddressRanges) -> str:
        """Addresses outside, or all but a few of them."""
        for whole in sorted(self._wholes):
            rest = intersection(whole, complement(ranges))
            if not intersection(ranges, complement(whole)) and len(rest) <= TOLD < len(ranges):
                return f"{OUTSIDE} except {ranges_text(rest)}"
        return ranges_text(ranges)

    def _nodes_text(self, nodes: Sequence[NodeAt]) -> str:
        every = self.sides.atoms.nodes.values()
        kinds = {node.gateway for node in nodes}
        if set(nodes) == {node for node in every if node.gateway in kinds}:
            if len(kinds) == 2:
                return "all nodes"
            return "all nodes' gateways" if True in kinds else "all nodes' addresses"
        gateways = {node.name for node in nodes if node.gateway}
        addresses = {node.name for node in nodes if not node.gateway}
        parts = [("node", gateways & addresses), ("gateway of node", gateways - addresses)]
        parts.append(("address of node", addresses - gateways))
        return " and ".join(_named(what, sorted(names)) for what, names in parts if names)


def _selecting(side: Side, project: str, pods: int) -> Iterator[str]:
    """The selectors of a project's policies that select just these pods."""
    own = [(atom, endpoint) for atom, endpoint in side.endpoints.items() if endpoint.pod.project == project]
    for selector in {policy.pods for policy in side.model.policies if policy.project == project}:
        if pods == bits_of(atom for atom, endpoint in own if selector.matches(endpoint.pod.labels)):
            yield str(selector)


def _named(what: str, names: Sequence[str]) -> str:
    if len(names) > TOLD:
        return f"{what.replace('node', f'{len(names)} nodes')}"
    return " and ".join(f"{what} {name}" for name in names)


def _shorter(one: str, other: str) -> bool:
    return (len(one), one) < (len(other), other)


def _address(node: NodeAt) -> int:
    return node.address


def _singles(nodes: Iterable[NodeAt]) -> list[tuple[int, int]]:
    return sorted((node.address, node.address) for node in nodes)


def _holds(ranges: AddressRanges, address: int) -> bool:
    return bool(intersection(((address, address),), ranges))


def _inside(addresses: Iterable[int], ranges: AddressRanges) -> list[int]:
    return [address for address in sorted(addresses) if _holds(ranges, address)]


def _label_of(names: set[str], labels: Mapping[str, Labels]) -> str:
    """A label that just these have, else all labels that they have in common if nobody else has all of them."""
    having = [labels[name].items for name in sorted(names)]
    shared = [item for item in having[0] if all(item in items for items in having)]
    for choice in (*([item] for item in shared), shared):
        if choice and {name for name, all_of in labels.items() if set(choice) <= set(all_of.items)} == names:
            return ",".join(f"{key}={value}" for key, value in choice)
    return ""
