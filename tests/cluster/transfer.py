"""Long TCP transfers that run while something else changes; at the end both ends tell the digest of all bytes."""

from __future__ import annotations

import hashlib
import random
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from tests.lab import Lab

_CHUNK = 8192
_PAUSE = 0.01  # seconds between chunks: some 800 kB a second
_PATIENCE = 30.0


class Transfer:
    """A stream of bytes from one place to another's address, at a steady rate, as long as the context lasts."""

    def __init__(self, lab: Lab, client: str, server: str, address: str, port: int) -> None:
        """Connects.  Raises TimeoutError where that is not allowed."""
        with lab.namespace(server).socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((address, port))
            listener.listen()
            self._client = lab.namespace(client).socket(socket.AF_INET, socket.SOCK_STREAM)
            self._client.settimeout(5.0)
            self._client.connect((address, port))
            self._server, _ = listener.accept()
        for end in (self._client, self._server):
            end.settimeout(_PATIENCE)
        self._bytes = random.Random(f"{client} {address}")
        self._ending = threading.Event()
        self._digests: dict[str, str] = {}
        self._threads = [threading.Thread(target=self._guarded, args=(end,)) for end in (self._send, self._receive)]
        self.received = 0
        """How many bytes have arrived."""
        self.longest_gap = 0.0
        """The longest time in which nothing arrived, in seconds."""
        self.fault: OSError | None = None
        """Why it broke."""

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, where: TracebackType | None
    ) -> None:
        self._ending.set()
        for end in (self._client, self._server):
            end.close()
        for thread in self._threads:
            thread.join()

    def finish(self) -> bool:
        """Ends the transfer in order: whether every byte that was sent has arrived, in its place."""
        self._ending.set()
        for thread in self._threads:
            thread.join()
        digests = {self._digests.get(end) for end in ("sent", "received", "told")}
        return self.fault is None and len(digests) == 1 and None not in digests

    def moves(self, within: float) -> bool:
        """Whether a byte arrives within so many seconds from now."""
        before, deadline = self.received, time.monotonic() + within
        while self.received == before and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.received != before

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except OSError as fault:
            if not self._ending.is_set() or isinstance(fault, TimeoutError | ConnectionError):
                self.fault = self.fault or fault

    def _send(self) -> None:
        digest = hashlib.sha256()
        while not self._ending.is_set():
            chunk = self._bytes.randbytes(_CHUNK)
            self._client.sendall(chunk)
            digest.update(chunk)
            time.sleep(_PAUSE)
        self._client.shutdown(socket.SHUT_WR)
        self._digests["sent"] = digest.hexdigest()
        # The way back carries the receiver's digest, so the connection works in both directions to its end.
        self._digests["told"] = b"".join(iter(lambda: self._client.recv(1024), b"")).decode()

    def _receive(self) -> None:
        digest = hashlib.sha256()
        last = time.monotonic()
        while data := self._server.recv(65536):
            now = time.monotonic()
            self.longest_gap, last = max(self.longest_gap, now - last), now
            digest.update(data)
            self.received += len(data)
        self._digests["received"] = digest.hexdigest()
        self._server.sendall(digest.hexdigest().encode())
        self._server.shutdown(socket.SHUT_WR)
