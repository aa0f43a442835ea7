"""The policy IR.

The policy of a cluster is, for each direction, a function

    allowed: (subject, peer) -> set of services

A *subject* is the set of pods that the same policies govern; a peer is any address that a packet may come from or go
to. The universe of both is divided into *cells* (`compiler/policy/universe.py`), the smallest sets that no policy of
the cluster can tell apart, so that sets of pods and addresses are integers (`compiler/policy/bits.py`).

Normal forms, in the order in which `compiler/pipeline.py` makes them:

1. `lower` makes one subject for each set of policies of a project, with one grant for each rule.
2. `merge_grants`: no two grants of a subject have the same peers.
3. `drop_hidden`: no grant is hidden by another one of its subject.
4. `merge_subjects`: no two subjects have the same text.

`assert_canonical` checks all of it.  Subjects stay apart as long as their texts differ, even where they mean the same
just now: a number that two projects share would change for one when the other changes (OUT-02; it costs one flow in a
hundred).  What is the same for all ways to write one policy is `Policy.meaning`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from enum import Enum

from attrs import field, frozen

from compiler.origin import Origin
from compiler.policy.bits import EVERYTHING
from compiler.policy.universe import Universe
from compiler.values.services import NOTHING, ServiceSet, union


class Direction(Enum):
    """Which way the judged traffic goes, seen from the pod that a policy selects."""

    INGRESS = "ingress"
    EGRESS = "egress"


Function = frozenset[tuple[ServiceSet, int]]
"""A subject's function in canonical form: each service set with the set of all cells that it is granted to."""


@frozen(slots=True)
class Peers:
    """A set of peers: `cells` is what it holds; `text` says it in words, the same for the same expression.

    Numbers in the output are derived from `text`, which does not change when a pod comes or goes (OUT-02).
    """

    text: str
    cells: int

    def covers(self, other: Peers) -> bool:
        """Whether every peer of `other` is in this set."""
        return not other.cells & ~self.cells


ANYONE = Peers("anyone", EVERYTHING)


@frozen(slots=True)
class Grant:
    """`peers` may use `services`; `origins` are the rules that say so."""

    peers: Peers
    services: ServiceSet
    origins: tuple[Origin, ...] = field(default=(), eq=False)


@frozen(slots=True)
class Subject:
    """Pods (as a set of cells) that are isolated in one direction, and all that is granted to them.

    `text` is what the policies say, in words; the subject's number is derived from it.  It is made of the rules as
    they are written, before anything is left out that happens to match nobody, so that it stays when pods come and go
    (OUT-02). `origins` are the policies that select the pods.
    """

    cells: int
    grants: tuple[Grant, ...]
    text: str
    origins: tuple[Origin, ...] = field(default=(), eq=False)

    @property
    def base(self) -> ServiceSet:
        """What everybody may use."""
        return union(grant.services for grant in self.grants if grant.peers.cells == EVERYTHING)

    def function(self) -> Function:
        """What the grants mean together, whatever the way they are written."""
        parts: list[tuple[ServiceSet, int]] = [(NOTHING, EVERYTHING)]
        for grant in self.grants:
            inside = grant.peers.cells
            split = []
            for services, cells in parts:
                if cells & inside:
                    split.append((services | grant.services, cells & inside))
                if cells & ~inside:
                    split.append((services, cells & ~inside))
            parts = split
        together: dict[ServiceSet, int] = defaultdict(int)
        for services, cells in parts:
            together[services] |= cells
        return frozenset(together.items())


@frozen
class Policy:
    """The whole policy.  Pods in no subject of a direction are not isolated in it and accept everything (NP-02)."""

    universe: Universe
    ingress: tuple[Subject, ...]
    egress: tuple[Subject, ...]

    def meaning(self) -> tuple[Mapping[Function, int], Mapping[Function, int]]:
        """For ingress and egress, each function with the set of all pods that it holds for.

        The canonical form: two policies over one universe have the same meaning if and only if these are equal.
        """
        return _meaning(self.ingress), _meaning(self.egress)


def _meaning(subjects: Iterable[Subject]) -> Mapping[Function, int]:
    pods: dict[Function, int] = defaultdict(int)
    for subject in subjects:
        pods[subject.function()] |= subject.cells
    return dict(pods)


def assert_canonical(policy: Policy) -> None:
    """Raises AssertionError if the IR is not in its last normal form."""
    for subjects in (policy.ingress, policy.egress):
        taken = 0
        for subject in subjects:
            assert subject.cells > 0, "a subject without pods"
            assert not subject.cells & taken, "a pod in two subjects"
            taken |= subject.cells
            for grant in subject.grants:
                assert grant.services, "a grant of nothing"
                assert grant.peers.cells, "a grant to nobody"
                for other in subject.grants:
                    hidden = other.peers.covers(grant.peers) and grant.services <= other.services
                    assert other is grant or not hidden, "a hidden grant"
        assert len({subject.text for subject in subjects}) == len(subjects), "two subjects with one text"
