"""The egress firewalls that a node needs: those of the projects that have pods on it, as longest-prefix-match tables.

Equal policies share their tables, and equal address lists of different port classes, too.  Numbers are digests of
content, so that a change of one project's firewall renumbers nobody (OUT-02).  What is shared has the origins of all
who share it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from hashlib import sha256
from itertools import pairwise

from attrs import field, frozen

from compiler.ids import allocate
from compiler.model.firewalls import EVERYWHERE
from compiler.model.model import AddressRanges
from compiler.origin import Origin
from compiler.plan.lpm import minimal_table
from compiler.policy.firewall import FirewallFunction, FoldedFirewall
from compiler.policy.first_match import Steps
from compiler.policy.ranges import complement, cut, ranges_text
from compiler.values.ports import MAX_PORT, PortSet
from compiler.values.prefix import WIDTH, Prefix
from compiler.values.services import Protocol

ALLOW_ALL = 0
DENY_ALL = -1
"""Address lists that need no table; every other has a number from 1 up."""


@frozen
class FirewallEntry:
    """An entry of an address list: the longest prefix decides, a miss allows."""

    prefix: Prefix
    allow: bool
    origins: tuple[Origin, ...] = field(eq=False, repr=False)


@frozen
class AddressList:
    """A function on addresses as the smallest longest-prefix-match table (ORTC)."""

    number: int
    entries: tuple[FirewallEntry, ...]
    text: str


@frozen
class PortEntry:
    """Ports from `first`, a prefix of `length` of 16 bits: `list` is the address list of the longest that matches."""

    protocol: Protocol
    first: int
    length: int
    list: int
    origins: tuple[Origin, ...] = field(eq=False, repr=False)


@frozen
class PortPolicy:
    """A firewall that tells ports apart; what no entry matches has the address list `otherwise`."""

    number: int
    entries: tuple[PortEntry, ...]
    otherwise: int
    text: str


@frozen
class ProjectFirewall:
    """Which firewall a NetID has: `policy` is the number of a `PortPolicy`, or None, and `list` an address list then.

    A broken one is `DENY_ALL` (EF-05).
    """

    project: str
    netid: int
    policy: int | None
    list: int
    origins: tuple[Origin, ...] = field(eq=False, repr=False)


@frozen
class FirewallPlan:
    """The firewalls of a node: projects sorted by NetID, policies and lists by number."""

    projects: tuple[ProjectFirewall, ...] = ()
    policies: tuple[PortPolicy, ...] = ()
    lists: tuple[AddressList, ...] = ()


NO_FIREWALL = FirewallPlan()


MAX_NUMBER = (1 << 32) - 1
"""Numbers of lists and policies are matched in 32-bit registers."""

PORT_BITS = 16

NO_ENTRY = -1
Region = tuple[int, int, int]
"""Numbers `first` to `last`, and the position of the entry that is their longest match (or `NO_ENTRY`)."""

Use = tuple[FoldedFirewall, list[Steps]]
"""A firewall that has an address list, and who decides there: once for each group of ports that has the list."""


def plan_firewalls(firewalls: Sequence[FoldedFirewall], netids: Collection[int]) -> FirewallPlan:
    """The firewalls of the NetIDs that have pods on the node."""
    here = sorted((one for one in firewalls if one.netid in netids), key=lambda firewall: firewall.netid)
    uses: dict[AddressRanges, list[Use]] = defaultdict(list)
    users: dict[FirewallFunction, list[FoldedFirewall]] = defaultdict(list)
    for firewall in here:
        deciders: dict[AddressRanges, list[Steps]] = defaultdict(list)
        for group in firewall.groups:
            deciders[group.denied].append(group.deciders)
        for denied, steps in deciders.items():
            uses[denied].append((firewall, steps))
        if firewall.function is not None and firewall.function.ports:
            users[firewall.function].append(firewall)
    list_names = {denied: _list_name(denied) for denied in uses if denied not in ((), EVERYWHERE)}
    numbers = allocate(list_names.values(), 1, MAX_NUMBER)
    list_ids = {(): ALLOW_ALL, EVERYWHERE: DENY_ALL} | {denied: numbers[name] for denied, name in list_names.items()}
    policy_names = {function: _policy_name(function) for function in users}
    numbers = allocate(policy_names.values(), 1, MAX_NUMBER)
    policy_ids = {function: numbers[name] for function, name in policy_names.items()}
    lists = [_address_list(list_ids[denied], denied, uses[denied]) for denied in list_names]
    policies = [_port_policy(policy_ids[function], function, list_ids, having) for function, having in users.items()]
    return FirewallPlan(
        tuple(_project_firewall(firewall, policy_ids, list_ids) for firewall in here),
        tuple(sorted(policies, key=lambda policy: policy.number)),
        tuple(sorted(lists, key=lambda addresses: addresses.number)),
    )


def _list_name(denied: AddressRanges) -> str:
    """What the number of a list is derived from."""
    return sha256(" ".join(f"{first:08x}-{last:08x}" for first, last in denied).encode()).hexdigest()


def _policy_name(function: FirewallFunction) -> str:
    """What the number of a policy is derived from."""
    classes = (f"{one.protocol.name}/{one.first}-{one.last} {_list_name(one.denied)}" for one in function.ports)
    return "; ".join([_list_name(function.otherwise), *classes])


def _project_firewall(
    firewall: FoldedFirewall, policy_ids: Mapping[FirewallFunction, int], list_ids: Mapping[AddressRanges, int]
) -> ProjectFirewall:
    function = firewall.function
    policy = None if function is None else policy_ids.get(function)
    addresses = DENY_ALL if function is None else list_ids[function.otherwise]
    return ProjectFirewall(firewall.project, firewall.netid, policy, addresses, firewall.origins)


def _address_list(number: int, denied: AddressRanges, uses: Iterable[Use]) -> AddressList:
    table = minimal_table([(first, last, False) for first, last in denied], WIDTH, default=True)
    regions = _regions(table, WIDTH)
    told: list[dict[Origin, None]] = [{} for _ in table]
    for firewall, deciders in uses:
        deciding: list[set[int]] = [set() for _ in table]
        for steps in deciders:
            for first, last, entry in regions:
                if entry != NO_ENTRY:
                    deciding[entry].update(steps.between(first, last))
        _tell(told, firewall, deciding)
    entries = (
        FirewallEntry(Prefix(first, length), allow, tuple(origins))
        for (first, length, allow), origins in zip(table, told, strict=True)
    )
    return AddressList(number, tuple(entries), _addresses_text(denied))


def _port_policy(
    number: int, function: FirewallFunction, list_ids: Mapping[AddressRanges, int], users: Iterable[FoldedFirewall]
) -> PortPolicy:
    otherwise = list_ids[function.otherwise]
    entries: list[PortEntry] = []
    for protocol in Protocol:
        ranges = [(one.first, one.last, list_ids[one.denied]) for one in function.ports if one.protocol is protocol]
        table = minimal_table(ranges, PORT_BITS, otherwise)
        regions = _regions(table, PORT_BITS)
        told: list[dict[Origin, None]] = [{} for _ in table]
        for firewall in users:
            _tell(told, firewall, _deciding_ports(firewall, protocol, len(table), regions))
        entries += (
            PortEntry(protocol, first, length, addresses, tuple(origins))
            for (first, length, addresses), origins in zip(table, told, strict=True)
        )
    return PortPolicy(number, tuple(entries), otherwise, _ports_text(function))


def _deciding_ports(
    firewall: FoldedFirewall, protocol: Protocol, entries: int, regions: Sequence[Region]
) -> list[set[int]]:
    """For each entry, the rules that speak of some of its ports and decide there somewhere."""
    deciding: list[set[int]] = [set() for _ in range(entries)]
    for group in firewall.groups:
        positions = None
        for ports in group.ports or ():
            if ports.protocol is not protocol:
                continue
            if positions is None:
                rules = set(group.deciders.rules) - {len(firewall.rules)}
                positions = {position for position in rules if firewall.rules[position].ports is not None}
            at = bisect_right(regions, (ports.first, MAX_PORT, entries)) - 1
            for first, _, entry in regions[at:]:
                if first > ports.last:
                    break
                if entry != NO_ENTRY:
                    deciding[entry] |= positions
    return deciding


def _regions(table: Sequence[tuple[int, int, int]], width: int) -> list[Region]:
    """The whole space by longest matches; `table` has first number and prefix length, sorted."""
    bounds: list[tuple[int, int]] = [(0, NO_ENTRY)]
    around: list[tuple[int, int]] = [(1 << width, NO_ENTRY)]
    for entry, (first, length, _) in enumerate(table):
        while around[-1][0] <= first:
            end, _ = around.pop()
            bounds.append((end, around[-1][1]))
        bounds.append((first, entry))
        around.append((first + (1 << width - length), entry))
    while len(around) > 1:
        end, _ = around.pop()
        bounds.append((end, around[-1][1]))
    bounds.append((1 << width, NO_ENTRY))
    return [(first, end - 1, entry) for (first, entry), (end, _) in pairwise(bounds) if first < end]


def _tell(told: Sequence[dict[Origin, None]], firewall: FoldedFirewall, deciding: Sequence[Iterable[int]]) -> None:
    """Adds the origins of the deciding rules to those of each entry; the firewall's own where no rule decides."""
    for origins, positions in zip(told, deciding, strict=True):
        rules = [firewall.rules[position].origin for position in sorted(positions) if position < len(firewall.rules)]
        origins.update(dict.fromkeys(rules or firewall.origins))


def _addresses_text(denied: AddressRanges) -> str:
    """The list in a few words, by the shorter of what it denies and what it allows."""
    allowed = complement(denied)
    if not denied or not allowed:
        return "denies everything" if denied else "allows everything"
    return f"denies {ranges_text(denied)}" if len(denied) <= len(allowed) else f"allows only {ranges_text(allowed)}"


def _ports_text(function: FirewallFunction) -> str:
    """The policy in a few words."""
    classes = [
        f"{one.protocol.name.lower()}/{PortSet([(one.first, one.last)])} {_addresses_text(one.denied)}"
        for one in function.ports
    ]
    return "; ".join([cut(classes, between="; "), f"else {_addresses_text(function.otherwise)}"])
