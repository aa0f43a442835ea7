"""The node's addresses: egress IPs on its primary interface, and its side of `tun0`.

An egress IP that sdnc has put there is a /32 with the label `INTERFACE:eip`; one without it is somebody else's and
stays.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any

from sdnc.apply.state import TUN, Addresses, NoPlace, Scope, State, TunAddress
from sdnc.apply.system import Command, System

LONGEST_LABEL = 15
"""Characters of an address label (ip-address(8))."""

_OF_OTHERS = {"gateway", "metric"}
"""What no route of sdnc's has: a route with another metric is another route beside it."""

_HOST = 32
"""The length of a prefix that is one address."""

_FORWARDING = "/proc/sys/net/ipv4/ip_forward"
_ARP_ANNOUNCE = f"/proc/sys/net/ipv4/conf/{TUN}/arp_announce"


def read_links(system: System) -> dict[str, dict[str, Any]]:
    """The interfaces of the node by name, as `ip -json address show` prints them.  Raises `CommandFailed`."""
    return {link["ifname"]: link for link in json.loads(system.run(["ip", "-json", "address", "show"]) or "[]") if link}


def read_addresses(links: Mapping[str, Mapping[str, Any]], scope: Scope) -> Addresses:
    """The egress IPs.  Raises `NoPlace` unless just one interface has the node's address."""
    found = [
        (name, address)
        for name, link in links.items()
        for address in link["addr_info"]
        if address["family"] == "inet" and address["local"] == scope.node_address
    ]
    if len(found) != 1:
        raise NoPlace(
            f"{'several interfaces have' if found else 'no interface has'} the node's address {scope.node_address}"
        )
    name, primary = found[0]
    labelled, others = set(), set()
    for address in links[name]["addr_info"]:
        if address["family"] != "inet" or address["prefixlen"] != _HOST:
            continue  # no egress IP, whatever its label says
        if address.get("label") == f"{name}:eip":
            labelled.add(address["local"])
        elif address["local"] in scope.egress_ips:
            others.add(address["local"])
    network = f"{scope.node_address}/{primary['prefixlen']}"
    return Addresses(frozenset(labelled), frozenset(others), name, network)


def check_place(actual: Addresses, wanted: Addresses) -> None:
    """Raises `NoPlace` unless the wanted egress IPs can be put on the interface."""
    if wanted.labelled and len(_label(actual.interface)) > LONGEST_LABEL:
        raise NoPlace(
            f"the label {_label(actual.interface)} is longer than the {LONGEST_LABEL} characters that a label may have"
        )
    network = IPv4Interface(actual.network).network
    for address in sorted(wanted.labelled):
        if IPv4Address(address) not in network:
            raise NoPlace(f"the egress IP {address} is not in the network of {actual.network} on {actual.interface}")


def _label(interface: str) -> str:
    return f"{interface}:eip"


def lacking(actual: Addresses, wanted: Addresses) -> list[str]:
    """The egress IPs that are wanted and not there."""
    return sorted(wanted.labelled - actual.labelled - actual.others, key=IPv4Address)


def left_over(actual: Addresses, wanted: Addresses) -> list[str]:
    """The egress IPs that are there and no more wanted."""
    return sorted(actual.labelled - wanted.labelled, key=IPv4Address)


def add_commands(actual: Addresses, wanted: Addresses) -> tuple[Command, ...]:
    """The commands that add egress IPs and announce them, all at the same time (arping(8) of iputils)."""
    name, new = actual.interface, lacking(actual, wanted)
    return (
        *(Command(("ip", "address", "add", f"{each}/32", "dev", name, "label", _label(name))) for each in new),
        *(Command(("arping", "-q", "-U", "-c", "2", "-I", name, each), is_parallel=True) for each in new),
    )


def remove_commands(actual: Addresses, wanted: Addresses) -> tuple[Command, ...]:
    """The commands that remove egress IPs."""
    return tuple(
        Command(("ip", "address", "del", f"{each}/32", "dev", actual.interface)) for each in left_over(actual, wanted)
    )


def read_tun(system: System, links: Mapping[str, Mapping[str, Any]], scope: Scope) -> TunAddress | None:
    """The node's side of `tun0`; None if there is none.  Raises `CommandFailed`."""
    if TUN not in links:
        return None
    there = {f"{address['local']}/{address['prefixlen']}" for address in links[TUN]["addr_info"] if "local" in address}
    routes = json.loads(system.run(["ip", "-json", "-4", "route", "show", "dev", TUN]) or "[]")
    ours = (route for route in routes if route["dst"] != "default" and not route.keys() & _OF_OTHERS)
    found = {_network(route["dst"]): route for route in ours}
    return TunAddress(
        up="UP" in links[TUN]["flags"],
        addresses=frozenset(there & scope.gateways),
        routes={network: found[network].get("prefsrc", "") for network in sorted(scope.networks & found.keys())},
        arp_announce=system.run(["cat", _ARP_ANNOUNCE]).strip(),
    )


def _network(destination: str) -> str:
    return str(IPv4Network(destination))


def read_forwarding(system: System) -> str:
    """Whether the node forwards: "0" or "1".  Raises `CommandFailed`."""
    return system.run(["cat", _FORWARDING]).strip()


def tun_commands(actual: State, wanted: State) -> tuple[Command, ...]:
    """The commands that give `tun0` its addresses, routes and settings; it has to exist."""
    commands: list[Command] = []
    if wanted.tun is not None and wanted.bridge is not None:
        commands += _tun_commands(actual.tun or TunAddress(False, frozenset(), {}, ""), wanted.tun)
    if actual.forwarding != wanted.forwarding:
        commands.append(_setting(_FORWARDING, wanted.forwarding))
    return tuple(commands)


def _tun_commands(actual: TunAddress, wanted: TunAddress) -> Iterable[Command]:
    gone = sorted(actual.addresses - wanted.addresses)
    for address in gone:
        yield _ip("address", "del", address, "dev", TUN)
    for address in sorted(wanted.addresses - actual.addresses):
        yield _ip("address", "replace", address, "dev", TUN)
    if actual.up != wanted.up:
        yield _ip("link", "set", TUN, "up" if wanted.up else "down")
    # Routes go with the address that is their source, and with the interface when it is down.
    there = {} if gone or not actual.up else actual.routes
    if wanted.up:
        for network, source in wanted.routes.items():
            if there.get(network) != source:
                scope = ("scope", "link", "src", source) if source else ()
                yield _ip("route", "replace", network, "dev", TUN, *scope)
        for network in sorted(there.keys() - wanted.routes.keys()):
            yield _ip("route", "del", network, "dev", TUN)
    if actual.arp_announce != wanted.arp_announce:
        yield _setting(_ARP_ANNOUNCE, wanted.arp_announce)


def _ip(*words: str) -> Command:
    return Command(("ip", *words))


def _setting(path: str, value: str) -> Command:
    return Command(("tee", path), f"{value}\n")
