"""From a packet to its peer class: by NetID, by address, by prefix.

A class is a set of cells.  A packet shows an address and, where it comes from a pod, a NetID.  Entries in the order in
which they count:

1. an address of a pod or node whose class is not the one that the entries below would give it;
2. (of senders only) a NetID, for the class of a pod of which nothing but the project is known;
3. prefixes, the longest that matches.

NetID 0 has no entry: nodes and senders outside the cluster show it as well.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import field, frozen

from compiler.model.model import GLOBAL_NETID
from compiler.origin import Origin
from compiler.plan.verdicts import NO_CLASS, Verdicts
from compiler.policy.universe import Universe
from compiler.values.prefix import WIDTH, Prefix


@frozen(slots=True)
class AddressEntry:
    """A single address, or a prefix, and the class of what lies in it."""

    prefix: Prefix
    peers: int
    origins: tuple[Origin, ...] = field(default=(), eq=False)


@frozen(slots=True)
class NetIdEntry:
    """The class of the senders with a NetID."""

    netid: int
    peers: int


@frozen
class Classifier:
    """The entries; `addresses` are all of full length, `prefixes` may be, too, and count less."""

    addresses: tuple[AddressEntry, ...] = ()
    netids: tuple[NetIdEntry, ...] = ()
    prefixes: tuple[AddressEntry, ...] = ()


def classify(universe: Universe, decided: Verdicts, *, by_netid: bool) -> Classifier:
    """The entries that give each peer its class; `by_netid` if packets show the NetID of the peer."""
    class_of = decided.class_of
    netids = dict(_netids(universe, decided)) if by_netid else {}
    return Classifier(
        tuple(sorted(_addresses(universe, decided, netids), key=lambda entry: entry.prefix.network)),
        tuple(NetIdEntry(universe.projects[name].netid, peers) for name, peers in sorted(netids.items())),
        tuple(
            AddressEntry(prefix, peers)
            for region, prefix in enumerate(universe.regions.prefixes)
            if (peers := class_of.get(region, NO_CLASS))
            != (class_of.get(universe.regions.parents[region], NO_CLASS) if region else NO_CLASS)
        ),
    )


def _netids(universe: Universe, decided: Verdicts) -> Iterator[tuple[str, int]]:
    """For each project with pods of the class that its NetID alone gives, that class."""
    present = {(cell.project, decided.class_of.get(number)) for number, cell in universe.pod_cells.items()}
    for name, number in universe.project_cells.items():
        peers = decided.class_of.get(number, NO_CLASS)
        if peers != NO_CLASS and universe.projects[name].netid != GLOBAL_NETID and (name, peers) in present:
            yield name, peers


def _addresses(universe: Universe, decided: Verdicts, netids: dict[str, int]) -> Iterator[AddressEntry]:
    """Pods and nodes whose class is another one than that of their NetID or region."""
    class_of = decided.class_of
    for number, cell in universe.pod_cells.items():
        peers = class_of.get(number, NO_CLASS)
        otherwise = netids.get(cell.project, class_of.get(cell.region, NO_CLASS))
        if peers != otherwise:
            for endpoint in cell.endpoints:
                yield AddressEntry(Prefix(endpoint.address, WIDTH), peers, (endpoint.pod.origin,))
    for number, addresses in universe.node_cells.items():
        peers = class_of.get(number, NO_CLASS)
        for address in addresses:
            if peers != class_of.get(universe.regions.at(address), NO_CLASS):
                yield AddressEntry(Prefix(address, WIDTH), peers)
