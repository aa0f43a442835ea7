"""Egress routers: finding the network namespaces of their pods, and giving those their interface.

A pod names itself by nothing that it could not have made up: whoever may make network namespaces can give one an `eth0`
with any address and any number.  So a namespace is a pod's if the kernel says that the other end of the interface that
the node has for this pod is in it, that end is its `eth0` and has the pod's address, and the namespace is nobody's in a
user namespace.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import struct
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from sdnc.apply.state import Macvlan, Scope, State
from sdnc.apply.system import Command, CommandFailed, System

POD, MACVLAN = "eth0", "macvlan0"

_NS_GET_USERNS = 0xB701
"""The request of ioctl_ns(2) for the user namespace that a namespace belongs to."""

_RTM_NEWNSID, _RTM_GETNSID = 88, 90
_NLM_F_REQUEST = 1
_NETNSA_NSID, _NETNSA_FD = 1, 3
"""Messages and attributes of rtnetlink(7), of linux/rtnetlink.h and linux/net_namespace.h."""

_HEADER, _FAMILY, _ATTRIBUTE = struct.Struct("=IHHII"), struct.Struct("=B3x"), struct.Struct("=HHi")


def read_macvlans(system: System, links: Mapping[str, Mapping[str, Any]], scope: Scope) -> dict[str, Macvlan]:
    """The egress routers' interfaces by the address of the pod, of pods whose namespace is found.

    `links` are the node's interfaces.
    """
    searched = {
        address: links[interface] for address in scope.routers if (interface := scope.pods.get(address, "")) in links
    }
    found: dict[str, Macvlan] = {}
    for namespace, number in _namespaces() if searched else ():
        if len(found) == len(searched):
            break
        if not any(link.get("link_netnsid") == number for link in searched.values()):
            continue
        with suppress(CommandFailed, StopIteration, KeyError):
            printed = system.run(["nsenter", f"--net={namespace}", "--", "ip", "-json", "address", "show"])
            inside = {link["ifname"]: link for link in json.loads(printed) if link}
            address = next(
                each
                for each, link in searched.items()
                if link.get("link_netnsid") == number and _is_pod(inside[POD], each, link)
            )
            mac = inside[MACVLAN]["address"] if MACVLAN in inside else ""
            found[address] = Macvlan(scope.routers[address], mac, namespace)
    return found


def _is_pod(inside: Mapping[str, Any], address: str, outside: Mapping[str, Any]) -> bool:
    """Whether `eth0` of a namespace is the other end of an interface of the node's, and has the address."""
    return (
        any(each.get("local") == address for each in inside["addr_info"])
        and inside["link_index"] == outside["ifindex"]
        and outside["link_index"] == inside["ifindex"]
    )


def _namespaces() -> Iterator[tuple[str, int]]:
    """Paths of the network namespaces that processes and `ip netns` know, each once, with the number that the process's
    own has for them; but not of its own, and not of those in user namespaces.
    """
    own = Path("/proc/self/ns")
    users, seen = (own / "user").stat().st_ino, {(own / "net").stat().st_ino}
    for folder, pattern in (("/run/netns", "*"), ("/proc", "[0-9]*/ns/net")):
        for path in sorted(Path(folder).glob(pattern)):
            with suppress(OSError), path.open("rb") as file:  # a process may have ended
                number = os.fstat(file.fileno()).st_ino
                if number not in seen and _users_of(file) == users:
                    yield str(path), _number_of(file)
                seen.add(number)


def _users_of(namespace: BinaryIO) -> int:
    """The number of the user namespace that a namespace belongs to.  Raises OSError if it is no namespace."""
    handle = fcntl.ioctl(namespace, _NS_GET_USERNS)
    try:
        return os.fstat(handle).st_ino
    finally:
        os.close(handle)


def _number_of(namespace: BinaryIO) -> int:
    """The number that the process's own network namespace has for another, as in `link-netnsid` of `ip link`; -1: none,
    since no interface leads there.  Raises OSError.
    """
    asked = _FAMILY.pack(socket.AF_UNSPEC) + _ATTRIBUTE.pack(_ATTRIBUTE.size, _NETNSA_FD, namespace.fileno())
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
        netlink.send(_HEADER.pack(_HEADER.size + len(asked), _RTM_GETNSID, _NLM_F_REQUEST, 1, 0) + asked)
        answer = netlink.recv(4096)
    _, kind, *_ = _HEADER.unpack_from(answer)
    start = _HEADER.size + _FAMILY.size
    if kind == _RTM_NEWNSID and len(answer) >= start + _ATTRIBUTE.size:
        _, name, number = _ATTRIBUTE.unpack_from(answer, start)
        if name == _NETNSA_NSID:
            return int(number)
    return -1


def lacking_macvlans(actual: State, wanted: State) -> list[tuple[Macvlan, Macvlan]]:
    """What is there and what is wanted, where it differs, of pods that are there; in order of their addresses."""
    return [
        (actual.macvlans[address], macvlan)
        for address, macvlan in sorted(wanted.macvlans.items())
        if address in actual.macvlans and actual.macvlans[address].mac != macvlan.mac
    ]


def macvlan_commands(actual: State, wanted: State) -> tuple[Command, ...]:
    """The commands that give pods their interface by the router's script, or take it away where none is wanted."""
    commands = []
    for there, macvlan in lacking_macvlans(actual, wanted):
        if macvlan.script:
            commands.append(Command(("sh", "-c", macvlan.script, "macvlan.sh", there.namespace)))
        else:
            remove = ("ip", "link", "delete", "dev", MACVLAN)
            commands.append(Command(("nsenter", f"--net={there.namespace}", "--", *remove)))
    return tuple(commands)
