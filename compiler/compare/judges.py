"""Who judges what a pod sends to the outside, its egress policies aside, and what they say together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from attrs import field, frozen

from compiler.compare.admin_rules import LET_THROUGH, NO_RULES, AdminView, Outcomes, Profile, outcomes_of, profile_of
from compiler.compare.comparison import Exit
from compiler.compare.exits import Ways
from compiler.compare.layers import Layer, firewall_layer, flat
from compiler.compare.services import common, without
from compiler.compare.sides import Side
from compiler.compare.worlds import Place
from compiler.declarations import PortRange
from compiler.model.model import AddressRanges
from compiler.origin import Origin
from compiler.policy.bits import members_of
from compiler.policy.firewall import FirewallFunction, FoldedFirewall
from compiler.values.ports import PortSet
from compiler.values.services import EVERYTHING, NOTHING, ServiceSet, union

DNS = ServiceSet(tcp=PortSet([(53, 53)]), udp=PortSet([(53, 53)]))
"""What passes to the address of a pod's own node (EF-06)."""

OPEN_FIREWALL: Layer[ServiceSet] = flat(EVERYTHING)
BROKEN_FIREWALL: Layer[ServiceSet] = flat(NOTHING)


@frozen(eq=False)
class Judges:
    """An egress firewall, administrator's rules, and whether there is a way out."""

    firewall: Layer[ServiceSet] = OPEN_FIREWALL
    admin: Layer[Outcomes] = NO_RULES
    leaves: bool = True

    @property
    def key(self) -> tuple[int, int, bool]:
        """Equal for equal judges of one comparison, whose layers are shared."""
        return id(self.firewall), id(self.admin), self.leaves


NO_JUDGES = Judges()


class Handling(NamedTuple):
    """What administrator's rules do with packets that come to them."""

    treatments: tuple[str, ...]
    passes: bool
    services: ServiceSet


class Verdict(NamedTuple):
    """What may leave, and what administrator's rules do with what comes to them; `origins` are those rules."""

    allowed: ServiceSet
    handled: tuple[Handling, ...] = ()
    origins: tuple[Origin, ...] = ()

    @property
    def meaning(self) -> tuple[object, ...]:
        """Equal for verdicts that are alike, whoever says so."""
        return self.allowed, self.handled


NEVER = Verdict(NOTHING)


class Nodes(NamedTuple):
    """The address of a pod's node, and the addresses of the nodes by which it leaves, which no rules judge there."""

    own: int | None
    local: frozenset[int]


def judge(place: Place, sent: ServiceSet, firewall: ServiceSet, admin: Outcomes, *, leaves: bool) -> Verdict:
    """What becomes of `sent`, what egress policies let out, at addresses of a kind."""
    if not place.outside:
        return Verdict(sent) if place.gateway else NEVER
    if not leaves:
        return NEVER
    passed = common(sent, firewall)
    handled = [Handling(each.treatments, each.passes, common(passed, each.services)) for each in admin]
    return _verdict(handled, tuple(dict.fromkeys(origin for each in admin for origin in each.origins)))


def _verdict(handled: Iterable[Handling], origins: tuple[Origin, ...]) -> Verdict:
    services: dict[tuple[tuple[str, ...], bool], ServiceSet] = defaultdict(ServiceSet)
    for each in handled:
        services[each.treatments, each.passes] |= each.services
    told = tuple(Handling(*kind, services[kind]) for kind in sorted(services) if services[kind])
    return Verdict(union(each.services for each in told if each.passes), told, origins)


def handled_differently(old: Verdict, new: Verdict) -> dict[tuple[tuple[str, ...], tuple[str, ...]], ServiceSet]:
    """The services that have one verdict but not one treatment, by both."""
    found: dict[tuple[tuple[str, ...], tuple[str, ...]], ServiceSet] = defaultdict(ServiceSet)
    for was in old.handled:
        for now in new.handled:
            services = common(was.services, now.services)
            if services and was.passes is now.passes and was.treatments != now.treatments:
                found[was.treatments, now.treatments] |= services
    return dict(found)


@frozen(eq=False)
class View:
    """One side: the judges of each pod.  `admin` is None where neither side has administrator's rules."""

    side: Side
    ways: Ways
    admin: AdminView | None
    firewalls: Mapping[int, FoldedFirewall]
    _layers: dict[Hashable, Layer[ServiceSet]]
    _profiles: dict[Profile, Layer[Outcomes]]
    _by_netid: dict[int, Layer[ServiceSet]] = field(factory=dict)

    def judges(self, pod: int) -> Judges:
        """The judges of a pod; there are none for one that is not there."""
        if pod not in self.side.endpoints:
            return NO_JUDGES
        exits = self.ways.of_pod(pod)
        return Judges(self._firewall(self.netid(pod)), self._admin(pod, exits), bool(exits))

    def netid(self, pod: int) -> int:
        """The NetID of a pod that is there."""
        return self.side.netids[self.side.endpoints[pod].pod.project]

    def _firewall(self, netid: int) -> Layer[ServiceSet]:
        if (known := self._by_netid.get(netid)) is None:
            known = self._by_netid[netid] = self._fold(self.firewalls.get(netid))
        return known

    def _fold(self, folded: FoldedFirewall | None) -> Layer[ServiceSet]:
        if folded is None or folded.function == FirewallFunction():
            return OPEN_FIREWALL
        if folded.function is None:
            return BROKEN_FIREWALL
        if (layer := self._layers.get(folded.function)) is None:
            layer = self._layers[folded.function] = firewall_layer(folded.function)
        return layer

    def _admin(self, pod: int, exits: Sequence[Exit], address: int | None = None) -> Layer[Outcomes]:
        """What administrator's rules say where a pod's packets leave, or at `address`, which may be the node's own."""
        if self.admin is None or not exits:
            return NO_RULES
        ways = {
            self.side.nodes[node].address: () if address in self._local(node) else self.admin.rules(pod, node)
            for node in (each.node for each in exits)
        }
        profile = profile_of(ways)
        if (layer := self._profiles.get(profile)) is None:
            layer = self._profiles[profile] = outcomes_of(profile)
        return layer

    def nodes_of(self, pod: int) -> Nodes:
        """Of which nodes the addresses are special to a pod, which may not be there."""
        if (endpoint := self.side.endpoints.get(pod)) is None:
            return Nodes(None, frozenset())
        local = frozenset().union(*(self._local(each.node) for each in self.ways.of_pod(pod)))
        return Nodes(self.side.nodes[endpoint.node].address, local)

    def _local(self, node: str) -> frozenset[int]:
        """The addresses of a node that are outside: what is for them is not forwarded, and no rule sees it."""
        if self.admin is None:
            return frozenset()
        return frozenset((self.side.nodes[node].address, *self.ways.on_node(node)))

    def exactly(self, pod: int, address: int, place: Place, sent: ServiceSet) -> Verdict:
        """What becomes of `sent` by a pod at one address, which may be its own node's or one of where it leaves."""
        if pod not in self.side.endpoints:
            return NEVER
        exits = self.ways.of_pod(pod)
        passes = common(sent, DNS) if place.outside and address == self.nodes_of(pod).own else NOTHING
        verdict = judge(
            place,
            without(sent, passes),
            self._firewall(self.netid(pod)).at(address),
            self._admin(pod, exits, address).at(address),
            leaves=bool(exits),
        )
        if not passes:
            return verdict
        return _verdict((*verdict.handled, Handling(LET_THROUGH, True, passes)), verdict.origins)

    def firewall_rules(
        self, pods: int, ranges: AddressRanges, services: ServiceSet, *, allow: bool
    ) -> Iterator[Origin]:
        """The rules of the pods' egress firewalls that decide so for some packet; those of a broken one are all."""
        netids = {self.netid(pod) for pod in members_of(pods & self.side.pods)}
        for netid in sorted(netids & self.firewalls.keys()):
            firewall = self.firewalls[netid]
            if firewall.function is None:
                yield from () if allow else firewall.origins
            for position in sorted(_deciding(firewall, ranges, services)):
                if firewall.rules[position].allow is allow:
                    yield firewall.rules[position].origin

    def egress_ips(self, pods: int) -> Iterator[Origin]:
        """The statements about the egress IPs of pods."""
        for project in sorted({self.side.endpoints[pod].pod.project for pod in members_of(pods & self.side.pods)}):
            yield from self.ways.origins(project)


def _deciding(firewall: FoldedFirewall, ranges: AddressRanges, services: ServiceSet) -> set[int]:
    """The positions of the rules that decide for some packet."""
    named = union(_services(ports) for group in firewall.groups for ports in group.ports or ())
    found: set[int] = set()
    for group in firewall.groups:
        if group.ports is None:
            speaks = bool(without(services, named))
        else:
            speaks = any(common(services, _services(ports)) for ports in group.ports)
        if speaks:
            for first, last in ranges:
                found.update(group.deciders.between(first, last))
    return found - {len(firewall.rules)}


def _services(ports: PortRange) -> ServiceSet:
    return ServiceSet.of(ports.protocol, PortSet([(ports.first, ports.last)]))
