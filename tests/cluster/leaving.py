"""TCP connections and datagrams from a pod to the outside of a `Host`, for the tests of administrator's rules."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.cluster.host import OUTSIDE, Host
from tests.lab.namespaces import Namespace

PATIENCE = 10.0  # seconds; what is to come comes much sooner


@contextmanager
def listening(host: Host, *ports: int) -> Iterator[None]:
    """TCP servers outside, whose kernel accepts connections."""
    with ExitStack() as stack:
        for port in ports:
            server = stack.enter_context(host.outside.socket(socket.AF_INET, socket.SOCK_STREAM))
            server.bind((OUTSIDE, port))
            server.listen(64)
        yield


def connect(start: Namespace, port: int) -> socket.socket | None:
    """A TCP connection to the outside; None if it is refused at once. Raises TimeoutError if nobody answers."""
    client = start.socket(socket.AF_INET, socket.SOCK_STREAM)
    client.settimeout(PATIENCE)
    # Closing resets the connection, so that it is over for conntrack, too.
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    try:
        client.connect((OUTSIDE, port))
    except ConnectionRefusedError:
        client.close()
        return None
    return client


def connected(stack: ExitStack, start: Namespace, *ports: int) -> list[bool]:
    """Which of these connections, one after the other, are not refused; those stay open."""
    opened = [connect(start, port) for port in ports]
    for client in opened:
        if client is not None:
            stack.enter_context(client)
    return [client is not None for client in opened]


def send(start: Namespace, count: int, port: int = 9000) -> None:
    """Send datagrams to the outside, all from one socket."""
    with start.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(count):
            sender.sendto(b"hello", (OUTSIDE, port))
