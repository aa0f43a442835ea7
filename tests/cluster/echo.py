"""Servers that tell who asked them, each on one address and port only, and the questions to them.

A probe of the lab says whether somebody answered; behind an egress router it matters who did.
"""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Literal

from tests.lab.namespaces import Namespace, entered

Protocol = Literal["tcp", "udp"]
Service = tuple[Protocol, str, int]
"""Protocol, address, port."""

REFUSED = "refused"
SILENT = "silent"

_PATIENCE = 5.0  # seconds; a lost SYN is sent again after one
_SILENCE = 1.0
_QUESTION = bytes(range(256)) * 40  # several segments
_SHORT = b"who?"


class _TcpHandler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        received = bytearray()
        while data := self.request.recv(65536):
            received += data
        self.request.sendall(_told("tcp", self.request, self.client_address) + received)


class _UdpHandler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        data, sock = self.request
        sock.sendto(_told("udp", sock, self.client_address) + data, self.client_address)


class _TcpServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def _told(protocol: Protocol, own: socket.socket, asker: tuple[str, int]) -> bytes:
    address, port = own.getsockname()
    return answer((protocol, address, port), asker[0]).encode() + b"\n"


def answer(service: Service, source: str) -> str:
    """What a server answers to somebody whose address it sees as `source`."""
    protocol, address, port = service
    return f"{protocol} {address}:{port} from {source}"


@contextmanager
def servers(namespace: Namespace, services: Iterable[Service]) -> Iterator[None]:
    """Let these services run in a namespace, which has their addresses."""
    with ExitStack() as stack:
        for protocol, address, port in services:
            # A socket belongs for ever to the namespace where it was opened.
            with entered(namespace):
                made: socketserver.BaseServer = (
                    _TcpServer((address, port), _TcpHandler)
                    if protocol == "tcp"
                    else socketserver.UDPServer((address, port), _UdpHandler)
                )
            stack.callback(made.server_close)
            stack.callback(made.shutdown)
            threading.Thread(target=made.serve_forever, args=(0.05,), daemon=True).start()
        yield


def ask(namespace: Namespace, service: Service) -> str:
    """Ask a service from a namespace: its answer, "refused", or "silent" if nothing comes back at all."""
    protocol, address, port = service
    kind, question = (socket.SOCK_STREAM, _QUESTION) if protocol == "tcp" else (socket.SOCK_DGRAM, _SHORT)
    with namespace.socket(socket.AF_INET, kind) as client:
        client.settimeout(_PATIENCE if protocol == "tcp" else _SILENCE)
        try:
            client.connect((address, port))
            client.sendall(question)
            if protocol == "udp":
                received = client.recv(65536)
            else:
                client.shutdown(socket.SHUT_WR)
                received = b"".join(iter(lambda: client.recv(65536), b""))
        except (ConnectionRefusedError, ConnectionResetError):
            return REFUSED
        except TimeoutError:
            return SILENT
    told, _, echoed = received.partition(b"\n")
    return told.decode() if echoed == question else f"{told.decode()}, {len(echoed)} bytes"
