"""TCP connections that stay open while something else changes, with both ends in the test's hands."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from attrs import frozen

from tests.lab import Lab

PORT = 7000
SILENCE = 0.4  # seconds; a lost segment is sent again after 0.2
PATIENCE = 5.0
_TOTAL_RETRANSMISSIONS = struct.Struct("100xI")  # struct tcp_info, linux/tcp.h


@frozen
class Connection:
    """A TCP connection between two places."""

    client: socket.socket
    server: socket.socket

    def carries_forward(self, data: bytes, timeout: float = PATIENCE) -> bool:
        """Whether data from client to server arrives, in seconds."""
        self.client.sendall(data)
        return arrives(self.server, data, timeout)

    def carries_back(self, data: bytes, timeout: float = PATIENCE) -> bool:
        """Whether data from server to client arrives, in seconds."""
        self.server.sendall(data)
        return arrives(self.client, data, timeout)

    def source(self) -> str:
        """Return the address that the server sees the connection come from."""
        address: str = self.server.getpeername()[0]
        return address

    def retransmissions(self) -> int:
        """Return how many segments both ends had to send again."""
        infos = [end.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104) for end in (self.client, self.server)]
        return sum(_TOTAL_RETRANSMISSIONS.unpack(info)[0] for info in infos)


def arrives(end: socket.socket, data: bytes, timeout: float) -> bool:
    """Whether these bytes arrive at an end, in seconds."""
    end.settimeout(timeout)
    received = bytearray()
    try:
        while len(received) < len(data):
            received += end.recv(65536)
    except TimeoutError:
        return False
    return bytes(received) == data


@contextmanager
def connection(lab: Lab, client: str, server: str, address: str) -> Iterator[Connection]:
    """Connect a place to another one's address. Raises TimeoutError where that is not allowed."""
    with ExitStack() as stack:
        listener = stack.enter_context(lab.namespace(server).socket(socket.AF_INET, socket.SOCK_STREAM))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, PORT))
        listener.listen()
        asking = stack.enter_context(lab.namespace(client).socket(socket.AF_INET, socket.SOCK_STREAM))
        asking.settimeout(PATIENCE)
        asking.connect((address, PORT))
        answering = stack.enter_context(listener.accept()[0])
        # Others may listen for connections of their own meanwhile.
        listener.close()
        for end in (asking, answering):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield Connection(asking, answering)
