"""Everything that several versions of a small cluster can be asked about: their ends and services.

Addresses and ports are cut into the smallest ranges that no statement of any version tells apart; the first of each
range is asked about, and stands for the others.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from attrs import frozen

from compiler.compare.comparison import PodAt
from compiler.declarations import (
    AdminRules,
    BlockPeer,
    ClusterDeclaration,
    EgressFirewall,
    NetworkPolicy,
    NodeDeclaration,
    Pod,
    PortRange,
)
from compiler.values.ports import MAX_PORT
from compiler.values.prefix import ALL_ONES, WIDTH, Prefix
from compiler.values.services import Protocol, ServiceSet
from tests.oracle.evaluator import MULTICAST, Service
from tests.oracle.questions import PING
from tests.oracle.versions import Version

DNS_PORT = 53


@frozen
class Questions:
    """What may be at an end of a connection: `pods`, and addresses.

    `bounds` are the first addresses of all ranges of addresses, and one behind the last; `senders` and `outside` are
    those of the ranges from and to which some version judges connections, `gateways` nodes' addresses on the pod
    network. `services` are the first port of each range of ports, and the last one's number.
    """

    pods: tuple[PodAt, ...]
    bounds: tuple[int, ...]
    senders: tuple[int, ...]
    outside: tuple[int, ...]
    gateways: tuple[int, ...]
    services: tuple[tuple[Service, int], ...]

    @classmethod
    def of(cls, versions: Sequence[Version]) -> Questions:
        """The questions of several versions."""
        pods = {
            PodAt(f"{pod.project}/{pod.name}", pod.address)
            for version in versions
            for pod in version.every(Pod)
            if pod.address is not None and not pod.host_network and not pod.finished
        }
        clusters = [cluster for version in versions for cluster in version.every(ClusterDeclaration)]
        pod_networks = [{network.prefix for network in cluster.pod_networks} for cluster in clusters]
        inside = [
            {*networks, cluster.service_network or MULTICAST, MULTICAST}
            for cluster, networks in zip(clusters, pod_networks, strict=True)
        ]
        nodes = [node for version in versions for node in version.every(NodeDeclaration)]
        gateways = {node.subnet.network + 1 for node in nodes if node.subnet is not None}
        named = {prefix for version in versions for prefix in _prefixes(version)}.union(*inside)
        named |= {Prefix(address, WIDTH) for address in (*gateways, *(pod.address for pod in pods))}
        named |= {Prefix(node.address, WIDTH) for node in nodes if node.address is not None}
        named |= {Prefix(egress.address, WIDTH) for node in nodes for egress in node.egress_addresses}
        bounds = {0, ALL_ONES + 1, *(end for prefix in named for end in (prefix.network, prefix.last + 1))}
        firsts = sorted(bounds)[:-1]
        return cls(
            tuple(sorted(pods)),
            tuple(sorted(bounds)),
            _not_always_in(firsts, pod_networks),
            _not_always_in(firsts, inside),
            tuple(sorted(gateways)),
            tuple(_services(versions)),
        )

    def within(self, ranges: Iterable[tuple[int, int]]) -> Iterator[int]:
        """The first addresses of the ranges of addresses in `ranges`.  Raises AssertionError if one is cut."""
        for first, last in ranges:
            index, behind = bisect_left(self.bounds, first), bisect_right(self.bounds, last)
            assert self.bounds[index] == first and self.bounds[behind] == last + 1, f"cut: {first:#x} to {last:#x}"
            yield from self.bounds[index:behind]

    def services_in(self, asked: ServiceSet) -> int:
        """The set of the services in a service set.  Raises AssertionError if it cuts a range of ports."""
        found = 0
        for number, (service, last) in enumerate(self.services):
            if service == PING:
                inside = asked.other
            else:
                ports = asked.ports(Protocol(service.protocol))
                inside = service.port in ports
                assert all((port in ports) == inside for port in (last, (service.port + last) // 2)), f"cut: {asked}"
            found |= inside << number
        return found

    def single(self, *services: Service) -> int:
        """The set of the services that are single ports."""
        return sum(1 << number for number, (service, _) in enumerate(self.services) if service in services)


def _not_always_in(addresses: Iterable[int], networks: Iterable[set[Prefix]]) -> tuple[int, ...]:
    """The addresses that in some version are in none of its networks."""
    return tuple(
        address for address in addresses if any(not any(address in network for network in each) for each in networks)
    )


def _prefixes(version: Version) -> Iterator[Prefix]:
    """Every network that a statement names, and every address of a name."""
    peers: list[object] = []
    for policy in version.every(NetworkPolicy):
        peers += [peer for rule in (*(policy.ingress or ()), *(policy.egress or ())) for peer in rule.peers or ()]
    for firewall in version.every(EgressFirewall):
        peers += [peer for rule in firewall.rules for peer in rule.peers or ()]
    for block in version.every(AdminRules):
        peers += [peer for rule in block.rules for peer in (*(rule.sources or ()), *(rule.destinations or ()))]
    for peer in peers:
        if isinstance(peer, BlockPeer) and peer.prefix is not None:
            yield from (peer.prefix, *peer.excepts)
    yield from (Prefix(address, WIDTH) for addresses in version.names.values() for address in addresses)


def _services(versions: Sequence[Version]) -> Iterator[tuple[Service, int]]:
    """A protocol without ports, and every range of ports."""
    yield PING, PING.port
    named: list[object] = []
    singles = {(Protocol.TCP, DNS_PORT), (Protocol.UDP, DNS_PORT)}
    for version in versions:
        singles |= {(Protocol.UDP, cluster.vxlan_port or 4789) for cluster in version.every(ClusterDeclaration)}
        singles |= {(port.protocol, port.number) for pod in version.every(Pod) for port in pod.ports}
        for policy in version.every(NetworkPolicy):
            named += [port for rule in (*(policy.ingress or ()), *(policy.egress or ())) for port in rule.ports or ()]
        for firewall in version.every(EgressFirewall):
            named += [port for rule in firewall.rules for port in rule.ports or ()]
        for block in version.every(AdminRules):
            named += [port for rule in block.rules for port in rule.ports or ()]
    starts: dict[Protocol, set[int]] = defaultdict(lambda: {0, MAX_PORT + 1})
    for protocol, number in singles:
        starts[protocol] |= {number, number + 1}
    for port in named:
        if isinstance(port, PortRange):
            starts[port.protocol] |= {port.first, port.last + 1}
    for protocol in Protocol:
        firsts = sorted(starts[protocol])
        for first, behind in pairwise(firsts):
            yield Service(protocol.value, first), behind - 1
