"""From the peers of a rule to a set of cells, and to the words that stand for it."""

from __future__ import annotations

from collections.abc import Callable

from attrs import field, frozen

from compiler.declarations import BlockPeer, PodPeer, Rule
from compiler.model.model import GLOBAL_PROJECT
from compiler.policy.bits import members_of
from compiler.policy.ir import ANYONE, Direction, Peers
from compiler.policy.universe import Universe
from compiler.values.labels import NAME_LABEL, SELECT_ALL, Operator, Selector


@frozen
class _Projects:
    """Projects that a selector selects: their own cells, and those of their pods."""

    cells: int
    pods: int


@frozen
class PeerSets:
    """Evaluates peers over one universe, each expression once however often it occurs."""

    universe: Universe
    _known: dict[tuple[str, Direction], Peers] = field(factory=dict)
    _known_projects: dict[Selector, _Projects] = field(factory=dict)

    def of_rule(self, rule: Rule, project: str, direction: Direction) -> Peers:
        """All peers of a rule of a project as one set (NP-04, NP-05, NP-07)."""
        if rule.peers is None:
            return ANYONE
        found = {some.text: some for some in (self._peer(peer, project, direction) for peer in rule.peers)}
        cells = 0
        for some in found.values():
            cells |= some.cells
        return Peers(" or ".join(sorted(found)) or "nobody", cells)

    def _peer(self, peer: PodPeer | BlockPeer, project: str, direction: Direction) -> Peers:
        text, cells = self._block(peer) if isinstance(peer, BlockPeer) else self._pods(peer, project, direction)
        if (known := self._known.get((text, direction))) is None:
            known = self._known[text, direction] = Peers(text, cells())
        return known

    def _block(self, peer: BlockPeer) -> tuple[str, Callable[[], int]]:
        prefix, excepts = peer.prefix, peer.excepts
        if prefix is None:
            return "nobody", lambda: 0
        without = f" except {', '.join(block.short() for block in excepts)}" if excepts else ""
        return prefix.short() + without, lambda: self.universe.block(prefix, excepts)

    def _pods(self, peer: PodPeer, project: str, direction: Direction) -> tuple[str, Callable[[], int]]:
        projects = peer.projects if peer.projects is not None else Selector.equal({NAME_LABEL: project})
        pods = "pods" if peer.pods == SELECT_ALL else f"pods {peer.pods}"
        return (
            f"{pods} in {_projects_text(projects)}",
            lambda: self._pods_in(peer.pods, projects, direction),
        )

    def _pods_in(self, pods: Selector, projects: Selector, direction: Direction) -> int:
        """The cells of the selected pods.

        A selector that takes all pods takes unknown ones of the project, too, and, in ingress, the nodes with the
        project `default` (NT-01).
        """
        universe = self.universe
        chosen = self._projects(projects)
        cells = chosen.pods & universe.pod_labels.select(pods)
        if pods == SELECT_ALL:
            cells |= chosen.cells
            if direction is Direction.INGRESS and chosen.cells >> universe.project_cells[GLOBAL_PROJECT] & 1:
                cells |= universe.all_nodes
        return cells

    def _projects(self, selector: Selector) -> _Projects:
        if (known := self._known_projects.get(selector)) is None:
            universe = self.universe
            cells = universe.project_labels.select(selector)
            pods = 0
            for project in members_of(cells):
                pods |= universe.pods_of.get(universe.project_names[project], 0)
            known = self._known_projects[selector] = _Projects(cells, pods)
        return known


def _projects_text(selector: Selector) -> str:
    match selector.requirements:
        case ():
            return "all projects"
        case [only] if (only.key, only.operator, len(only.values)) == (NAME_LABEL, Operator.IN, 1):
            return f"project {only.values[0]}"
        case _:
            return f"projects {selector}"
