"""What a policy says of a packet while nodes change one after the other: each node has the old policy, or the new.

The verdicts come from the naive evaluator (`tests.oracle`) and from the administrator's rules as they are written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address

from attrs import field, frozen

from compiler.declarations import AdminRule, AdminRules, AdminVerdict, Pod, ProjectSource
from tests.cluster.stream import Flight
from tests.compiling import declare
from tests.lab.packets import PROTOCOLS
from tests.oracle.evaluator import Oracle, Service, in_block, names_port
from tests.oracle.leaving import hosted, leaves, may_leave, ways_out

Passage = tuple[bool, str | None]
"""Whether a packet arrives, and with which source address outside (None: inside that is no question)."""


@frozen
class Version:
    """One version of the policy."""

    text: str
    oracle: Oracle = field(init=False, eq=False, repr=False)
    _rules: tuple[AdminRule, ...] = field(init=False, eq=False, repr=False)

    @oracle.default
    def _read(self) -> Oracle:
        return Oracle(declare(self.text))

    @_rules.default
    def _read_rules(self) -> tuple[AdminRule, ...]:
        blocks = [each for each in self.oracle.declarations if isinstance(each, AdminRules)]
        return tuple(rule for block in sorted(blocks, key=lambda block: block.name) for rule in block.rules)

    def forwards(self, source: int, destination: int, service: Service) -> bool:
        """Whether the administrator's rules let a pod's packet out (AR-02): the first verdict decides."""
        for rule in self._rules:
            if isinstance(rule.action, AdminVerdict) and self._matches(rule, source, destination, service):
                return rule.action is AdminVerdict.ACCEPT
        return True

    def _matches(self, rule: AdminRule, source: int, destination: int, service: Service) -> bool:
        pod = self.oracle.pods[source]
        sources = rule.sources is None or any(
            pod.project == each.project if isinstance(each, ProjectSource) else in_block(each, source)
            for each in rule.sources
        )
        return (
            sources
            and (rule.destinations is None or any(in_block(block, destination) for block in rule.destinations))
            and (rule.ports is None or any(names_port(port, None, service) for port in rule.ports))
        )


def passages(versions: Iterable[Version], flight: Flight) -> set[Passage]:
    """What may become of a connection at any moment of a change: every node has one of the versions.

    Egress IPs are open to nobody (EI-07).
    """
    all_versions = tuple(versions)
    source, destination = int(IPv4Address(flight.source)), int(IPv4Address(flight.destination))
    service = Service(PROTOCOLS[flight.protocol], flight.port)
    oracle = all_versions[0].oracle
    sender, receiver = oracle.pods.get(source), oracle.pods.get(destination)
    if receiver is not None:
        return set(_inside(all_versions, source, sender, destination, receiver, service))
    if sender is None or not leaves(oracle, destination):
        return {(False, None)}
    return {
        passage for version in all_versions for passage in _outside(version, all_versions, sender, destination, service)
    }


def _inside(
    versions: tuple[Version, ...], source: int, sender: Pod | None, destination: int, receiver: Pod, service: Service
) -> Iterator[Passage]:
    one_node = sender is not None and sender.node == receiver.node
    for first in versions:
        for second in (first,) if one_node else versions:
            sent = sender is None or first.oracle.sends(sender, destination, service)
            yield sent and second.oracle.accepts(receiver, source, service), None


def _outside(
    version: Version, versions: tuple[Version, ...], sender: Pod, destination: int, service: Service
) -> Iterator[Passage]:
    """By the sender's node with one version; the node through which the packet leaves may have any."""
    oracle = version.oracle
    assert sender.address is not None
    sent = oracle.sends(sender, destination, service) and may_leave(oracle, sender, destination, service)
    ways = ways_out(oracle, sender, destination, service) if sent else ()
    if not ways:
        yield False, None
    for way in ways:
        if way.through is None:
            address = way.source if way.source is not None else oracle.node_of(sender).address
            yield from _left(version.forwards(sender.address, destination, service), [address])
            continue
        for other in versions:
            node = other.oracle.nodes[way.through.name]
            addresses = hosted(other.oracle, node, oracle.netid(sender.address))
            yield from _left(bool(addresses) and other.forwards(sender.address, destination, service), addresses)


def _left(forwarded: bool, addresses: Iterable[int]) -> Iterator[Passage]:
    if not forwarded:
        yield False, None
    else:
        yield from ((True, str(IPv4Address(address))) for address in addresses)


def never(found: Mapping[Flight, set[Passage]]) -> list[Flight]:
    """The connections that nothing lets pass."""
    return [flight for flight, ways in found.items() if not any(arrives for arrives, _ in ways)]


def always(found: Mapping[Flight, set[Passage]]) -> list[Flight]:
    """The connections that nothing keeps from passing."""
    return [flight for flight, ways in found.items() if all(arrives for arrives, _ in ways)]
