"""The administrator's rules as chains of the filter table (AR-02).

    SDNC-ADMIN-RULES     the rules, in order; "accept" returns from it
    SDNC-ADMIN-REJECT    what rejects
    SDNC-LIMIT-…         one for each limit: rejects new connections above it

"accept" is no ACCEPT, which would end the way through FORWARD: the node's own rules behind (no VXLAN from pods, nothing
new to an egress IP) hold for everybody, and they accept what pods send anyway.

A limit has a chain of its own, so that it counts a packet once, whichever of several lines the packet came by.  It
counts the first packet of a connection only: the connection is new and nobody has let it through yet (not CONFIRMED).
A stream of datagrams that nobody answers stays "new" for ever.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import product
from math import prod

from attrs import frozen

from backends.iptables.chains import ADDRESSES, ADMIN_REJECT, ADMIN_RULES, LIMIT, REFUSE, Chains, Rule
from backends.iptables.sets import AddressSet, Entry, address_set, entries_of
from compiler.declarations import AdminLimit, AdminLog, AdminVerdict, Rate
from compiler.plan.admin_rules import AdminRulePlan
from compiler.plan.merge_admin_rules import AdminMatch, merge_admin_rules
from compiler.values.ports import ALL_PORTS, PortSet
from compiler.values.prefix import Prefix
from compiler.values.services import EVERYTHING, Protocol, ServiceSet

MOST_PORTS = 15
"""What one `multiport` match takes; a range counts as two (iptables-extensions(8))."""
MOST_LINES = 4
"""The lines that a rule may take for its addresses; one that would take more has sets of addresses."""

_TARGETS = {AdminVerdict.ACCEPT: "RETURN", AdminVerdict.DROP: "DROP", AdminVerdict.REJECT: ADMIN_REJECT}
_UNITS = {"second": "sec", "minute": "min", "hour": "hour", "day": "day"}
_ANY: Entry = (Prefix(0, 0), True)
_FIRST_PACKET = "-m conntrack --ctstate NEW ! --ctstatus CONFIRMED"
_UNPRINTABLE = re.compile(r"[^ -~]")
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
"""Printed without quotes by iptables-save."""


@frozen
class AdminChains:
    """The chains, and the sets of addresses that they refer to, by name and sorted."""

    chains: Chains
    sets: dict[str, AddressSet]


def build_admin_rules(rules: Iterable[AdminRulePlan]) -> AdminChains:
    """The chains and sets of the rules of one node.  Raises ValueError for a log prefix that is not printable ASCII."""
    lines: list[Rule] = []
    limits: Chains = {}
    sets: dict[str, AddressSet] = {}
    seen: Counter[str] = Counter()
    for match in merge_admin_rules(rules):
        action, matches = match.action, _matches(match, sets)
        options = ""
        if isinstance(action, AdminVerdict):
            target = _TARGETS[action]
        else:
            number = _number([match.block, _counting(action, ""), *matches], seen)
            if isinstance(action, AdminLog):
                options, target = _counting(action, number), _log(action)
            else:
                target = LIMIT + number
                count = f"{_FIRST_PACKET} {_counting(action, number)} -j {ADMIN_REJECT}"
                limits[target] = [Rule(count, match.origins)]
        comment = f"-m comment --comment {_quoted(match.block)}"
        lines += (Rule(_join(part, options, comment, f"-j {target}"), match.origins) for part in matches)
    reject = [Rule("-p tcp -j REJECT --reject-with tcp-reset"), Rule(f"-j {REFUSE}")]
    return AdminChains({ADMIN_RULES: lines, ADMIN_REJECT: reject} | limits, dict(sorted(sets.items())))


def _matches(match: AdminMatch, sets: dict[str, AddressSet]) -> list[str]:
    """The matches of the lines that a rule takes, in the order of iptables-save; no packet matches two of them.

    Adds to `sets`.
    """
    networks, asked = _address_matches(match, sets)
    return [_join(network, ports, asked) for network, ports in product(networks, _port_matches(match.services))]


def _address_matches(match: AdminMatch, sets: dict[str, AddressSet]) -> tuple[list[str], str]:
    """The matches of networks, one for each line, and those of sets that every line has."""
    either = {"src": entries_of(match.sources), "dst": entries_of(match.destinations)}
    plain = all(inside for entries in either.values() for _, inside in entries)
    asked = []
    if not plain or prod(map(len, either.values())) > MOST_LINES:
        for direction, entries in either.items():
            if len(entries) > 1:
                addresses = address_set(entries)
                sets[addresses.name] = addresses
                asked.append(f"-m set --match-set {addresses.name} {direction}")
                either[direction] = ()
    networks = product(
        *([_network(direction, entry) for entry in entries or [_ANY]] for direction, entries in either.items())
    )
    return [_join(*network) for network in networks], _join(*asked)


def _network(direction: str, entry: Entry) -> str:
    prefix, _ = entry
    return f"-{direction[0]} {prefix}" if prefix.length else ""


def _port_matches(services: ServiceSet) -> list[str]:
    if services == EVERYTHING:
        return [""]
    return [
        match
        for protocol in Protocol
        if (ports := services.ports(protocol))
        for match in _ports_of(protocol.name.lower(), ports)
    ]


def _ports_of(protocol: str, ports: PortSet) -> list[str]:
    if ports == ALL_PORTS:
        return [f"-p {protocol}"]
    return [
        f"-p {protocol} -m multiport --dports {','.join(words)}"
        if len(words) > 1
        else f"-p {protocol} -m {protocol} --dport {words[0]}"
        for words in _in_parts(ports)
    ]


def _in_parts(ports: PortSet) -> Iterator[list[str]]:
    """The ports as words of iptables, as many at a time as one match takes."""
    words: list[str] = []
    room = MOST_PORTS
    for first, last in ports.ranges:
        takes = 1 if first == last else 2
        if room < takes:
            yield words
            words, room = [], MOST_PORTS
        words.append(str(first) if first == last else f"{first}:{last}")
        room -= takes
    yield words


def _number(told: Iterable[str], seen: Counter[str]) -> str:
    """What tells the count of a rule from those of others: derived from what the rule says.  Equal rules differ."""
    text = "\n".join(told)
    seen[text] += 1
    return sha256(f"{seen[text]}\n{text}".encode()).hexdigest()[:16]


def _log(log: AdminLog) -> str:
    return f"LOG --log-prefix {_quoted(log.prefix)}" if log.prefix else "LOG"


def _counting(action: AdminLog | AdminLimit, number: str) -> str:
    """The match of packets that are still to be logged, or of those above a limit; it counts as `number`."""
    if isinstance(action, AdminLog):
        return _rate("upto", action.rate, number) if action.rate else ""
    if action.rate is not None:
        return _rate("above", action.rate, number, per_source=action.per_source)
    mask = 32 if action.per_source else 0
    return f"-m connlimit --connlimit-above {action.at_once} --connlimit-mask {mask} --connlimit-saddr"


def _rate(side: str, rate: Rate, number: str, *, per_source: bool = False) -> str:
    """A match of packets up to or above a rate.

    The bucket holds what one unit allows, and is full again after one unit of silence.  `hashlimit` keeps it by name
    while the rules are loaded anew, which `limit` does not.
    """
    words = [f"-m hashlimit --hashlimit-{side} {rate.count}/{_UNITS[rate.unit]} --hashlimit-burst {rate.count}"]
    words += ["--hashlimit-mode srcip"] if per_source else []
    return " ".join([*words, f"--hashlimit-name {ADDRESSES}{number}"])


def _quoted(text: str) -> str:
    r"""The text as one word of iptables-restore(8), which reads a line at a time and takes a backslash for an escape.

    >>> _quoted('a "b" \\')
    '"a \\"b\\" \\\\"'
    """
    if _UNPRINTABLE.search(text):
        raise ValueError(f"not printable ASCII: {text!r}")
    if _PLAIN.fullmatch(text):
        return text
    return '"' + re.sub(r"([\\\"'])", r"\\\1", text) + '"'


def _join(*parts: str) -> str:
    return " ".join(part for part in parts if part)
