"""Pass: a grant that a wider one of the same subject includes goes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from attrs import evolve

from compiler.policy.bits import bits_of, members_of
from compiler.policy.ir import Grant, Policy, Subject


def drop_hidden(policy: Policy) -> Policy:
    """Before: no two grants of a subject have the same peers.  After: no grant is hidden by another.

    `any pods * in shop; tcp/80 pods app=web in shop` becomes `any pods * in shop`.  What stays is what tells peers
    apart, so each grant that goes can save classes of peers, and a flow for each of their addresses.
    """
    return evolve(
        policy,
        ingress=tuple(_drop(subject) for subject in policy.ingress),
        egress=tuple(_drop(subject) for subject in policy.egress),
    )


def _drop(subject: Subject) -> Subject:
    around = _around(subject.grants)
    return evolve(
        subject,
        grants=tuple(
            grant for grant in subject.grants if not any(_hides(other, grant) for other in around[_first_cell(grant)])
        ),
    )


def _first_cell(grant: Grant) -> int:
    """The lowest cell of a grant's peers."""
    return (grant.peers.cells & -grant.peers.cells).bit_length() - 1


def _around(grants: Sequence[Grant]) -> dict[int, list[Grant]]:
    """For each grant's first cell, the grants to peers that include it.

    Only those can hide the grant, and they are few, where comparing each grant with each other would take the square of
    their number.
    """
    firsts = bits_of(_first_cell(grant) for grant in grants)
    around: dict[int, list[Grant]] = defaultdict(list)
    for grant in grants:
        for cell in members_of(grant.peers.cells & firsts):
            around[cell].append(grant)
    return around


def _hides(wide: Grant, narrow: Grant) -> bool:
    return wide is not narrow and wide.peers.covers(narrow.peers) and narrow.services <= wide.services
