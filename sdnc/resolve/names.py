"""What is known of each name: what the lock file says, and the answers that came since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_address

from attrs import evolve

from compiler.declarations import Declaration, EgressFirewall, NamePeer
from compiler.dns_lock import LockedName
from compiler.values.ipv6 import parse_ipv6
from compiler.values.prefix import format_address, parse_address
from sdnc.resolve.lookup import Answer, Family, Question


def names_of(declarations: Iterable[Declaration]) -> tuple[str, ...]:
    """The DNS names of all egress firewalls, sorted."""
    return tuple(
        sorted(
            {
                peer.name
                for firewall in declarations
                if isinstance(firewall, EgressFirewall)
                for rule in firewall.rules
                for peer in rule.peers or ()
                if isinstance(peer, NamePeer)
            }
        )
    )


def entry(name: str, answers: Mapping[Question, Answer], old: LockedName | None) -> LockedName | None:
    """What the lock file should have of a name: the answers, and for a family without one what `old` has.

    None as long as there never was an answer for IPv4: then compiling tells that the name is missing.  An entry whose
    addresses do not change stays as it is: TTL, time and server are those of the answer that changed it.
    """
    ipv4, ipv6 = (answers.get(Question(name, family)) for family in (Family.IPV4, Family.IPV6))
    others = _canonical(ipv6) if ipv6 else old.ipv6 if old else ()
    if ipv4:
        addresses = tuple(sorted(map(parse_address, ipv4.addresses)))
        new = LockedName(name, addresses, others, ipv4.ttl, ipv4.resolved, ipv4.server)
    elif old:
        new = evolve(old, ipv6=others)
    else:
        return None
    return old if old and addresses_of(old) == addresses_of(new) else new


def _canonical(answer: Answer) -> tuple[str, ...]:
    """IPv6 addresses as the lock file's reader writes them."""
    return tuple(sorted(str(network.ip) for network in map(parse_ipv6, answer.addresses) if network))


def addresses_of(locked: LockedName) -> frozenset[str]:
    """All addresses of an entry as text."""
    return frozenset((*map(format_address, locked.addresses), *locked.ipv6))


def changes(old: Mapping[str, LockedName], new: Mapping[str, LockedName]) -> list[str]:
    """A line for each name that came, went, or has other addresses."""
    return [
        f"{name}: {_change(old.get(name), new.get(name))}"
        for name in sorted(old.keys() | new.keys())
        if (name in old) != (name in new) or addresses_of(old[name]) != addresses_of(new[name])
    ]


def _change(old: LockedName | None, new: LockedName | None) -> str:
    if new is None:
        return "removed"
    before, now = addresses_of(old) if old else frozenset(), addresses_of(new)
    told = [f"+{address}" for address in _ordered(now - before)] + [f"-{address}" for address in _ordered(before - now)]
    if not now:
        told.append("no address")
    return " ".join(told)


def _ordered(addresses: Iterable[str]) -> list[str]:
    """IPv4 before IPv6, by number."""
    return sorted(addresses, key=lambda text: (":" in text, ip_address(text).packed))
