"""Host names that Routes and Ingresses claim: who holds each (HN-02), and what changed between two snapshots (HN-01).

Of several objects that claim one host and path the oldest holds it, as for the routers of OpenShift.  So an old object
whose host may change can take a host from a newer one, which is why hosts do not change unless the administrator
allows it.

A host with a wildcard (`*.example.com`) is a host of its own: who claims a name below it claims something more
specific, and both hold what they claim.  Who names no host claims nothing: a Route is given a host of its own, and a
rule of an Ingress without a host stands behind all others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from attrs import frozen

from compiler import codes
from compiler.declarations import ClusterDeclaration, Declaration, HostClaim
from compiler.diagnostics import Diagnostics, Related
from compiler.model.parts import in_order

Thing = tuple[str, str, str]
"""An object: its kind, project and name."""

Place = tuple[str, str]
"""A host, and a path on it."""


def check_hosts(claims: Iterable[HostClaim], diagnostics: Diagnostics) -> tuple[HostClaim, ...]:
    """All claims, sorted; reports HOST_TAKEN for each object that does not get what it claims (HN-02), and DUPLICATE
    for an Ingress that is there twice.
    """
    ordered = _sorted(claims)
    _check_unique(ordered, diagnostics)
    for place, claimants in _claimants(ordered).items():
        holder, *losers = claimants
        for loser in losers:
            diagnostics.report(
                codes.HOST_TAKEN,
                loser.origin,
                related=(Related(_shown(holder), holder.origin),),
                host=_place_text(place),
                holder=_shown(holder),
                loser=_shown(loser),
            )
    return ordered


def _check_unique(claims: Iterable[HostClaim], diagnostics: Diagnostics) -> None:
    """The claims of one rule have one origin.  The names of Routes are checked elsewhere: they are declared as such."""
    rules: dict[tuple[Thing, int], HostClaim] = {}
    for claim in claims:
        first = rules.setdefault((_thing(claim), claim.position), claim)
        if first.origin != claim.origin and claim.kind != "Route":
            first, again = in_order((first, claim), lambda claim: claim.origin)
            diagnostics.report(
                codes.DUPLICATE,
                again.origin,
                related=(Related("first defined here", first.origin),),
                what=claim.kind,
                name=f"{claim.project}/{claim.name}",
            )


def compare_hosts(old: Iterable[Declaration], new: Iterable[Declaration], diagnostics: Diagnostics) -> None:
    """Reports what changed from an older snapshot to the new one (HN-01, HN-02): HOST_CHANGED, or where the new one
    allows such changes, HOST_STOLEN for what an object takes from its holder.

    An object that was deleted and made anew did not change.  A host that an Ingress gives up takes nothing from
    anybody, so that it is no change either; a new one beside the old ones is.
    """
    declared = tuple(new)
    allowed = any(isinstance(part, ClusterDeclaration) and part.allow_hostname_changes for part in declared)
    before = _Snapshot.of(old)
    after = _Snapshot.of(declared)
    for thing, claims in after.things.items():
        earlier = before.things.get(thing, ())
        if not earlier or not _same(earlier[0], claims[0]):
            continue
        known = {claim.host for claim in earlier}
        added = [claim for claim in claims if claim.host and claim.host not in known]
        if added and not allowed:
            diagnostics.report(
                codes.HOST_CHANGED,
                added[0].origin,
                related=(Related("before", earlier[0].origin),),
                kind=thing[0],
                name=f"{thing[1]}/{thing[2]}",
                old=_hosts_text(earlier),
                new=_hosts_text(claims),
            )
            continue
        _check_stolen(claims, {_place(claim) for claim in earlier}, before, after, diagnostics)


@frozen
class _Snapshot:
    """The claims of one time: of each object in the order of their positions, and of each place the holder first."""

    things: Mapping[Thing, Sequence[HostClaim]]
    claimants: Mapping[Place, Sequence[HostClaim]]

    @classmethod
    def of(cls, declarations: Iterable[Declaration]) -> _Snapshot:
        ordered = _sorted(each for each in declarations if isinstance(each, HostClaim))
        things: dict[Thing, list[HostClaim]] = defaultdict(list)
        for claim in ordered:
            things[_thing(claim)].append(claim)
        return cls(things, _claimants(ordered))


def _check_stolen(
    claims: Iterable[HostClaim],
    had: Iterable[Place],
    before: _Snapshot,
    after: _Snapshot,
    diagnostics: Diagnostics,
) -> None:
    """Reports HOST_STOLEN for each place that an object did not claim before, and now holds, though another one that
    held it still claims it.
    """
    places = {_place(claim): claim for claim in reversed(list(claims)) if claim.host}
    for place in sorted(places.keys() - set(had)):
        claim, (holder, *others) = places[place], after.claimants[place]
        held = before.claimants.get(place)
        if held is None or _thing(holder) != _thing(claim):
            continue
        robbed = next((one for one in others if _thing(one) == _thing(held[0]) and _same(one, held[0])), None)
        if robbed is not None:
            diagnostics.report(
                codes.HOST_STOLEN,
                claim.origin,
                related=(Related(_shown(robbed), robbed.origin),),
                kind=claim.kind,
                name=f"{claim.project}/{claim.name}",
                host=_place_text(place),
                holder=_shown(robbed),
            )


def _claimants(claims: Iterable[HostClaim]) -> dict[Place, list[HostClaim]]:
    """The claims of each place, one for each object, the holder's first; places sorted."""
    by_place: dict[Place, dict[Thing, HostClaim]] = defaultdict(dict)
    for claim in claims:
        if claim.host:
            by_place[_place(claim)].setdefault(_thing(claim), claim)
    return {place: sorted(by_place[place].values(), key=_age) for place in sorted(by_place)}


def _age(claim: HostClaim) -> tuple[bool, str, Thing]:
    """Sorts the oldest object first; one that has no creationTimestamp is the newest.  Ties go by the name."""
    return claim.created is None, claim.created or "", _thing(claim)


def _same(old: HostClaim, new: HostClaim) -> bool:
    """Whether two objects of one name are one: a file without creationTimestamp is about the one that is there."""
    return None in (old.created, new.created) or old.created == new.created


def _sorted(claims: Iterable[HostClaim]) -> tuple[HostClaim, ...]:
    def key(claim: HostClaim) -> tuple[object, ...]:
        return _thing(claim), claim.position, claim.host, claim.path, claim.created or "", claim.origin.sort_key()

    return tuple(sorted(claims, key=key))


def _thing(claim: HostClaim) -> Thing:
    return claim.kind, claim.project, claim.name


def _place(claim: HostClaim) -> Place:
    """No path is all paths, as `/` is."""
    return claim.host, claim.path or "/"


def _place_text(place: Place) -> str:
    host, path = place
    return host if path == "/" else f"{host}{path}"


def _hosts_text(claims: Iterable[HostClaim]) -> str:
    return ", ".join(sorted({claim.host for claim in claims if claim.host})) or "none"


def _shown(claim: HostClaim) -> str:
    return f"{claim.kind} {claim.project}/{claim.name}"
