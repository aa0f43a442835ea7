"""Sets of addresses (ipset(8)), for rules that have more of them than a few lines can name.

A set's name is derived from what is in it.  So a set never changes: other addresses are another set, which is filled
before a rule refers to it, and nobody sees one half full.  Two scripts at a time fill it with the same.  Swapping the
contents of sets with lasting names would need a third set that only one script at a time may use.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from attrs import frozen

from backends.iptables.chains import ADDRESSES
from compiler.model.model import AddressRanges
from compiler.plan.lpm import minimal_table
from compiler.values.prefix import WIDTH, Prefix

DEFAULT_CAPACITY = 65536
"""How many elements a set of ipset takes, if it is not told."""

Entry = tuple[Prefix, bool]
"""A network, and whether its addresses are in the set, where no longer network of the set says otherwise."""


@frozen
class AddressSet:
    """A set of the type `hash:net`: of the networks that an address lies in, the longest decides."""

    entries: tuple[Entry, ...]

    @property
    def name(self) -> str:
        """The name, 21 of the 31 characters that ipset takes."""
        return ADDRESSES + sha256("\n".join(self._elements()).encode()).hexdigest()[:16]

    def lines(self) -> list[str]:
        """The lines that make the set, for `ipset restore -exist`."""
        name, elements = self.name, self._elements()
        capacity = max(DEFAULT_CAPACITY, len(elements))
        return [
            f"create {name} hash:net family inet maxelem {capacity}",
            *(f"add {name} {element}" for element in elements),
        ]

    def _elements(self) -> list[str]:
        return [prefix.short() + ("" if inside else " nomatch") for prefix, inside in self.entries]


def entries_of(addresses: AddressRanges) -> tuple[Entry, ...]:
    """The fewest networks that tell the addresses from all others when the longest decides (ORTC), sorted."""
    table = minimal_table([(first, last, True) for first, last in addresses], WIDTH, default=False)
    return tuple((Prefix(first, length), inside) for first, length, inside in table)


def address_set(entries: Iterable[Entry]) -> AddressSet:
    """The set with these entries."""
    told = dict(entries)
    # `hash:net` takes no network of length 0.
    if told.pop(Prefix(0, 0), False):
        told = {Prefix(0, 1): True, Prefix(1 << WIDTH - 1, 1): True} | told
    return AddressSet(tuple(sorted(told.items())))


def sets_file(sets: Iterable[AddressSet]) -> str:
    """The file for `ipset restore -exist`, sets by name."""
    lines = ["# Sets of addresses that iptables.rules refers to.  iptables.sh loads this file first."]
    for one in sorted(sets, key=lambda one: one.name):
        lines += one.lines()
    return "\n".join(lines) + "\n"
