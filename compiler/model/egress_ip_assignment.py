"""Automatic egress IPs (EI-08): which node hosts an address that nobody gave to a node by hand.

An address goes to the node that has the fewest so far, of those that may have it; of equals to the one whose name sorts
first.  Addresses are taken in their order, so that the result depends on nothing but the input's meaning.

    nodes a and b may both host 10.0.0.8/29; project shop asks for .9 and .10, project web for .11:
    .9 -> a (none has any), .10 -> b (a has one of shop's already), .11 -> a (as few as b, and first by name)

Nothing is moved to make room: an address may stay without a node although another distribution had a place for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import frozen

from compiler.values.prefix import Prefix


@frozen
class AutomaticHost:
    """A node that takes addresses of `networks`; `underlay` is the network that they have to lie in, if it is known."""

    name: str
    networks: tuple[Prefix, ...]
    underlay: Prefix | None

    def may_host(self, address: int) -> bool:
        """Whether the address is one of those that the node takes."""
        return (self.underlay is None or address in self.underlay) and any(
            address in network for network in self.networks
        )


def assign_egress_ips(asked: Mapping[int, str], hosts: Sequence[AutomaticHost]) -> dict[int, str]:
    """The name of the node for each address of `asked` (address -> project) that finds one.

    No node has two addresses of one project.
    """
    held: dict[str, list[str]] = {host.name: [] for host in hosts}
    assigned: dict[int, str] = {}
    for address, project in sorted(asked.items()):
        fits = [
            (len(held[host.name]), host.name)
            for host in hosts
            if project not in held[host.name] and host.may_host(address)
        ]
        if fits:
            _, name = min(fits)
            held[name].append(project)
            assigned[address] = name
    return assigned
