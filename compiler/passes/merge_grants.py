"""Pass: the grants of a subject to the same peers become one."""

from __future__ import annotations

from attrs import evolve

from compiler.policy.ir import Grant, Policy, Subject


def merge_grants(policy: Policy) -> Policy:
    """Before: any IR.  After: no two grants of a subject have the same peers, none is of nothing or to nobody.

    `tcp/80 office; tcp/443 office` becomes `tcp/80,443 office`.  Peers that are the same *now* are one, too, whatever
    expression selects them; the text that comes first stays.
    """
    return evolve(
        policy,
        ingress=tuple(_merge(subject) for subject in policy.ingress),
        egress=tuple(_merge(subject) for subject in policy.egress),
    )


def _merge(subject: Subject) -> Subject:
    merged: dict[int, Grant] = {}
    for grant in sorted(subject.grants, key=lambda grant: (grant.peers.text, str(grant.services))):
        if not grant.services or not grant.peers.cells:
            continue
        if (first := merged.get(grant.peers.cells)) is not None:
            origins = tuple(dict.fromkeys((*first.origins, *grant.origins)))
            grant = Grant(first.peers, first.services | grant.services, origins)
        merged[grant.peers.cells] = grant
    return evolve(subject, grants=tuple(merged.values()))
