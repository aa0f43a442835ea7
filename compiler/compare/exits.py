"""By which ways what pods send leaves the cluster, and as whom (EI-01 to EI-03)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

from attrs import frozen

from compiler.compare.comparison import Exit, Party, SourceChange
from compiler.compare.sides import Side, Sides
from compiler.model.model import EgressIp
from compiler.origin import Origin
from compiler.policy.bits import bits_of


@frozen(eq=False)
class Ways:
    """The ways out of one side's pods."""

    side: Side
    by_project: Mapping[str, tuple[EgressIp, ...]]
    _by_node: Mapping[str, tuple[int, ...]]

    @classmethod
    def of(cls, side: Side) -> Ways:
        """The ways out of a side."""
        by_project: dict[str, list[EgressIp]] = defaultdict(list)
        by_node: dict[str, list[int]] = defaultdict(list)
        for one in side.model.egress_ips:
            by_project[one.project].append(one)
            if one.node is not None:
                by_node[one.node].append(one.address)
        return cls(
            side,
            {project: tuple(own) for project, own in by_project.items()},
            {node: tuple(own) for node, own in by_node.items()},
        )

    def on_node(self, node: str) -> tuple[int, ...]:
        """The egress IPs that a node has."""
        return self._by_node.get(node, ())

    def of_pod(self, pod: int) -> tuple[Exit, ...]:
        """The ways out of a pod that is there: an egress IP on its own node is preferred."""
        endpoint = self.side.endpoints[pod]
        if endpoint.pod.project not in self.by_project:
            return (Exit(self.side.nodes[endpoint.node].address, endpoint.node, egress_ip=False),)
        hosted = self.hosted(endpoint.pod.project)
        return tuple(one for one in hosted if one.node == endpoint.node) or hosted

    def hosted(self, project: str) -> tuple[Exit, ...]:
        """All egress IPs of a project that some node has."""
        return tuple(
            Exit(one.address, one.node, egress_ip=True)
            for one in self.by_project.get(project, ())
            if one.node is not None
        )

    def seen(self, exits: tuple[Exit, ...]) -> frozenset[tuple[int, int]]:
        """What of ways out shows in packets: the address outside, and the address of the node, whatever its name."""
        return frozenset((one.address, self.side.nodes[one.node].address) for one in exits)

    def origins(self, project: str) -> tuple[Origin, ...]:
        """The statements about a project's egress IPs."""
        return tuple(dict.fromkeys(origin for one in self.by_project.get(project, ()) for origin in one.origins))


def source_changes(sides: Sides, ways: tuple[Ways, Ways], party: Callable[[int], Party]) -> Iterator[SourceChange]:
    """The projects whose packets leave by other ways."""
    old, new = ways
    groups: dict[tuple[str, tuple[Exit, ...], tuple[Exit, ...]], list[int]] = defaultdict(list)
    for pod in sorted(old.side.endpoints.keys() & new.side.endpoints.keys()):
        was, now = old.of_pod(pod), new.of_pod(pod)
        if old.seen(was) != new.seen(now):
            groups[sides.new.endpoints[pod].pod.project, was, now].append(pod)
    told = {project for project, _, _ in groups}
    for (project, was, now), pods in sorted(groups.items()):
        yield SourceChange(project, party(bits_of(pods)), was, now, old.origins(project), new.origins(project))
    for project in sorted({*old.by_project, *new.by_project} - told):
        was, now = old.hosted(project), new.hosted(project)
        if old.seen(was) != new.seen(now):
            nobody = Party(f"project {project}")
            yield SourceChange(project, nobody, was, now, old.origins(project), new.origins(project))
