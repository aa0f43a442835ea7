"""The policy IR, cell by cell: what each pod may exchange with each peer, found by going through all grants.

Slow, and independent of `Subject.function`, which it is held against.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import evolve

from compiler.policy.bits import EVERYTHING, members_of
from compiler.policy.ir import Grant, Peers, Policy, Subject
from compiler.policy.lower import lower
from compiler.values.services import NOTHING, ServiceSet
from tests.compiling import good_model

Table = dict[tuple[str, int, int], ServiceSet]
"""The services by direction, the pod's cell and the peer's cell; a pod that is in no subject lacks."""

_TINY = """
cluster { mode networkpolicy  pods 10.128.0.0/14 host-bits 9  services 172.30.0.0/16 }
node node-1 { address 192.168.100.11  subnet 10.128.0.0/23 }
"""


def all_cells(policy: Policy) -> list[int]:
    """Every cell that a subject or a grant speaks of, and one of which none does."""
    sets = [
        cells
        for subject in (*policy.ingress, *policy.egress)
        for cells in (subject.cells, *(grant.peers.cells for grant in subject.grants))
        if cells != EVERYTHING
    ]
    found = {cell for cells in sets for cell in members_of(cells)}
    return [*sorted(found), max(found, default=0) + 1]


def table_of(policy: Policy, cells: Iterable[int]) -> Table:
    """The services of every pod and peer."""
    peers = list(cells)
    table: Table = {}
    for direction, subjects in (("ingress", policy.ingress), ("egress", policy.egress)):
        for subject in subjects:
            allowed = {peer: _services(subject, peer) for peer in peers}
            for pod in members_of(subject.cells):
                assert (direction, pod, peers[0]) not in table, "a pod in two subjects"
                table |= {(direction, pod, peer): allowed[peer] for peer in peers}
    return table


def _services(subject: Subject, peer: int) -> ServiceSet:
    services = NOTHING
    for grant in subject.grants:
        if grant.peers.cells >> peer & 1:
            services |= grant.services
    return services


def grant(services: ServiceSet, text: str, cells: int) -> Grant:
    """A grant without origins."""
    return Grant(Peers(text, cells), services)


def bare_policy(ingress: Sequence[Subject], egress: Sequence[Subject] = ()) -> Policy:
    """An IR of these subjects; its universe is that of a cluster without pods."""
    lowered = lower(good_model(_TINY))
    return evolve(lowered, ingress=tuple(ingress), egress=tuple(egress))
