"""Which projects share a NetID: what an egress firewall, an egress IP and multicast have to know of their project."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from attrs import frozen

from compiler.model.model import Project

MAX_LISTED = 5
"""Names that a message lists; of more, the rest is counted."""


@frozen
class Sharing:
    """The NetID of each project, and the projects of each NetID, sorted by name."""

    netids: Mapping[str, int]
    projects: Mapping[int, tuple[str, ...]]

    @classmethod
    def of(cls, projects: Iterable[Project]) -> Sharing:
        """What the projects share."""
        by_netid: dict[int, list[str]] = defaultdict(list)
        for project in projects:
            by_netid[project.netid].append(project.name)
        netids = {name: netid for netid, names in by_netid.items() for name in names}
        return cls(netids, {netid: tuple(sorted(names)) for netid, names in by_netid.items()})

    def others(self, project: str) -> tuple[str, ...]:
        """The other projects with this one's NetID."""
        return tuple(name for name in self.projects[self.netids[project]] if name != project)


def listed(names: Sequence[str]) -> str:
    """The names as a message tells them.

    >>> listed(["a", "b", "c", "d", "e", "f", "g"])
    'a, b, c, d, e and 2 more'
    """
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return ", ".join(names[:MAX_LISTED]) + more
