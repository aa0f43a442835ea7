"""What an HTTP proxy checks, in order, for a list of rules of which the first that matches decides (ER-09).

A rule of the list is about one address, but a request is for a host that may have several, and a proxy connects to any
of them.  So the list is applied to *each* address of the host, and one that is denied denies the request: a name with
an allowed address beside a forbidden one opens nothing.

The checks say the same in terms that a proxy has: "one of the host's addresses lies in this set".  A rule that denies a
network denies the addresses in it that no earlier network has.  A rule that allows a network takes its addresses away
from the rules behind it, and what is left at the end is allowed.  `*.bad.example`, denied behind `10.0.0.0/8`, is
denied where it has an address outside 10.0.0.0/8.
"""

from __future__ import annotations

from attrs import field, frozen

from compiler.declarations import HttpProxy, ProxyHost
from compiler.model.model import AddressRanges
from compiler.origin import Origin
from compiler.policy.ranges import complement, intersection
from compiler.values.prefix import Prefix


@frozen
class AccessCheck:
    """Decides the requests for `host` (None: any), one of whose IPv4 addresses is in `addresses` (None: any or none).

    A name matches as it is asked for, an address never matches a name.  `origins` are the rules behind it; none for
    what is so without a rule.
    """

    allow: bool
    host: ProxyHost | None = None
    addresses: AddressRanges | None = None
    origins: tuple[Origin, ...] = field(default=(), eq=False, repr=False)


def access_checks(proxy: HttpProxy) -> tuple[AccessCheck, ...]:
    """The checks of a proxy; the last one decides everything that is left.  No two have equal conditions.

    >>> from compiler.origin import Origin, Source, Span
    >>> from compiler.declarations import ProxyRule
    >>> origin = Origin(Source("a", "", lambda path: Span(1, 1, 2)))
    >>> for check in access_checks(HttpProxy((ProxyRule(origin, True, Prefix(0x0A000000, 8)),))):
    ...     print(check.allow, check.addresses)
    False ((0, 167772159), (184549376, 4294967295))
    True ((167772160, 184549375),)
    False None
    """
    checks: list[AccessCheck] = []
    hosts: set[ProxyHost] = set()
    decided: AddressRanges = ()
    """Addresses that rules so far decide, `allowed` those that they allow, because `allowing` say so."""
    allowed: AddressRanges = ()
    allowing: list[Origin] = []
    for rule in proxy.rules:
        if rule.to is None:
            return (*checks, AccessCheck(rule.allow, origins=(rule.origin,)))
        if isinstance(rule.to, Prefix):
            fresh = intersection(((rule.to.network, rule.to.last),), complement(decided))
            if fresh and rule.allow:
                allowed = _union(allowed, fresh)
                allowing.append(rule.origin)
            elif fresh:
                checks.append(AccessCheck(False, addresses=fresh, origins=(rule.origin,)))
            decided = _union(decided, fresh)
        elif rule.to not in hosts:
            hosts.add(rule.to)
            if rule.allow or not allowed:
                checks.append(AccessCheck(rule.allow, rule.to, origins=(rule.origin,)))
            elif rest := complement(decided):
                checks.append(AccessCheck(False, rule.to, rest, (rule.origin, *allowing)))
    if allowed:
        if rest := complement(decided):
            checks.append(AccessCheck(False, addresses=rest))
        checks.append(AccessCheck(True, addresses=allowed, origins=tuple(allowing)))
    return (*checks, AccessCheck(False))


def _union(one: AddressRanges, other: AddressRanges) -> AddressRanges:
    return complement(complement(sorted((*one, *other))))
