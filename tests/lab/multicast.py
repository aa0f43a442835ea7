"""Multicast between namespaces: sockets join a group, others send to it, and it is told who heard whom.

Joining is IP_ADD_MEMBERSHIP on one interface (ip(7)), as programs do it.
"""

from __future__ import annotations

import selectors
import socket
import struct
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack

from attrs import frozen

from tests.lab.namespaces import Namespace, entered

_PORT = 5007
_MREQN = struct.Struct("=4s4si")  # struct ip_mreqn, linux/in.h
_HOPS = 8


@frozen
class Member:
    """A place that takes part in multicast, by one of its interfaces."""

    place: str
    namespace: Namespace
    interface: str

    def _request(self, group: str) -> bytes:
        with entered(self.namespace):
            index = socket.if_nametoindex(self.interface)
        return _MREQN.pack(socket.inet_aton(group), bytes(4), index)

    def listener(self, group: str) -> socket.socket:
        """Return a socket that has joined the group and hears nothing else."""
        listener = self.namespace.socket(socket.AF_INET, socket.SOCK_DGRAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((group, _PORT))
        listener.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, self._request(group))
        return listener

    def send(self, group: str) -> None:
        """Send the place's name to the group. The place's own stack gets no copy."""
        with self.namespace.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, self._request(group))
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, _HOPS)
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
            sender.sendto(self.place.encode(), (group, _PORT))


def hear(
    members: Iterable[Member], senders: Iterable[Member], group: str, *, silence: float
) -> Mapping[str, frozenset[str]]:
    """Let all members join the group and the senders send to it; return by sender's place who heard it.

    It ends when nothing has been heard for `silence` seconds.
    """
    with ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        for member in members:
            selector.register(stack.enter_context(member.listener(group)), selectors.EVENT_READ, member.place)
        heard: dict[str, set[str]] = {}
        for sender in senders:
            heard[sender.place] = set()
            sender.send(group)
        silent_since = time.monotonic()
        while (left := silent_since + silence - time.monotonic()) > 0:
            for key, _ in selector.select(timeout=left):
                if isinstance(key.fileobj, socket.socket):
                    heard[key.fileobj.recv(65536).decode()].add(key.data)
                silent_since = time.monotonic()
        return {sender: frozenset(places) for sender, places in heard.items()}
