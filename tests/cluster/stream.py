"""A dense stream of single packets for many connections, and a count of those that arrive.

Each packet is a connection of its own: it has a source port that none before it had for long, so that nothing that is
remembered of another lets it pass.  It carries the number of its round, so that what arrives late counts where it was
sent.
"""

from __future__ import annotations

import ctypes
import itertools
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterable
from types import TracebackType
from typing import Literal, Self

from attrs import frozen

from tests.lab import Lab
from tests.lab.packets import PROTOCOLS, checksum, ipv4, udp

PAUSE = 0.004
"""Seconds between two packets of one connection, at most so long as the machine has time."""
SETTLING = 0.03
_PORTS = range(20000, 60000)
_DESTINATION_PORTS = range(8000, 9000)
_TAG = struct.Struct("!8sIId")
_MAGIC = b"sdncprob"
_SYN = 0x02
_SO_ATTACH_FILTER = 26  # asm-generic/socket.h
_SO_RCVBUFFORCE = 33
_BUFFER = 8 << 20


@frozen
class Flight:
    """A connection to try: a place that sends, its address, where to, and the port."""

    place: str
    source: str
    destination: str
    protocol: Literal["tcp", "udp"]
    port: int

    def __str__(self) -> str:
        return f"{self.place} -> {self.destination} {self.protocol}/{self.port}"


Arrival = tuple[int, Flight, str]
"""Round, connection, and the source address with which it arrived."""


class Stream:
    """Sends while the context lasts; use `round` to say what to send."""

    def __init__(self, lab: Lab, flights: Iterable[Flight], receivers: Iterable[str]) -> None:
        """Takes all connections that will ever be tried, and the places that may receive them."""
        self._flights = tuple(flights)
        self._numbers = {flight: number for number, flight in enumerate(self._flights)}
        places = {flight.place for flight in self._flights}
        self._senders = {
            place: lab.namespace(place).socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) for place in places
        }
        self._receivers = [
            _receiver(lab.namespace(place).socket(socket.AF_INET, socket.SOCK_RAW, PROTOCOLS[protocol]))
            for place in receivers
            for protocol in ("tcp", "udp")
        ]
        self._ports = itertools.cycle(_PORTS)
        self._current: tuple[int, tuple[Flight, ...]] = (0, ())
        self._idle = threading.Event()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.sent: Counter[tuple[int, Flight]] = Counter()
        """How many packets went out, by round and connection."""
        self.arrived: Counter[Arrival] = Counter()
        """How many packets came in."""
        self.longest: dict[Arrival, float] = {}
        """The longest time that one of them was under way, in seconds."""
        self.fault: OSError | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, where: TracebackType | None
    ) -> None:
        self._ending.set()
        self._thread.join()
        for one in (*self._senders.values(), *self._receivers):
            one.close()

    def round(self, number: int, flights: Iterable[Flight]) -> None:
        """From now on sends these, as a round of this number, until another is asked for.

        What the round before sent has arrived, or will not, when this returns.
        """
        self._current, self._idle = (0, ()), threading.Event()
        self._idle.wait()
        time.sleep(SETTLING)
        self._current = (number, tuple(flights))

    def _run(self) -> None:
        try:
            while not self._ending.is_set():
                number, flights = self._current
                for flight in flights:
                    self._send(number, flight)
                self._receive()
                if not flights:
                    self._idle.set()
                time.sleep(PAUSE)
            time.sleep(SETTLING)
            self._receive()
        except OSError as fault:
            self.fault = fault
        finally:
            self._ending.set()
            self._idle.set()

    def _send(self, number: int, flight: Flight) -> None:
        tag = _TAG.pack(_MAGIC, number, self._numbers[flight], time.monotonic())
        port = next(self._ports)
        segment = udp(port, flight.port, tag) if flight.protocol == "udp" else _syn(flight, port, tag)
        packet = ipv4(flight.source, flight.destination, PROTOCOLS[flight.protocol], segment)
        try:
            self._senders[flight.place].sendto(packet, (flight.destination, 0))
        except (BlockingIOError, ConnectionRefusedError, PermissionError):
            return
        self.sent[number, flight] += 1

    def _receive(self) -> None:
        for receiver in self._receivers:
            while True:
                try:
                    data = receiver.recv(2048)
                except BlockingIOError:
                    break
                where = data.find(_MAGIC)
                # Errors quote the packet that they are about, but have another protocol.
                if where >= 0:
                    _, number, flight, sent = _TAG.unpack_from(data, where)
                    arrival = (number, self._flights[flight], socket.inet_ntoa(data[12:16]))
                    self.arrived[arrival] += 1
                    self.longest[arrival] = max(self.longest.get(arrival, 0.0), time.monotonic() - sent)


def _syn(flight: Flight, port: int, data: bytes) -> bytes:
    header = struct.pack("!HHIIBBHHH", port, flight.port, 1, 0, 5 << 4, _SYN, 65535, 0, 0)
    pseudo = struct.pack(
        "!4s4sBBH",
        socket.inet_aton(flight.source),
        socket.inet_aton(flight.destination),
        0,
        PROTOCOLS["tcp"],
        len(header) + len(data),
    )
    total = checksum(pseudo + header + data)
    return header[:16] + struct.pack("!H", total) + header[18:] + data


def _receiver(raw: socket.socket) -> socket.socket:
    """Makes a raw socket hear the stream's packets only, however much else arrives there (bpf, socket(7))."""
    first, last = _DESTINATION_PORTS[0], _DESTINATION_PORTS[-1]
    program = (
        (0xB1, 0, 0, 0),  # x = length of the IPv4 header
        (0x48, 0, 0, 2),  # a = destination port
        (0x35, 0, 2, first),  # below the first: to the end
        (0x25, 1, 0, last),  # above the last: to the end
        (0x06, 0, 0, 0xFFFF),
        (0x06, 0, 0, 0),
    )
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in program))
    attached = struct.pack("HP", len(program), ctypes.addressof(code))
    raw.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, attached)
    raw.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
    raw.setblocking(False)
    return raw
