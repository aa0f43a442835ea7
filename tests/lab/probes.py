"""Trying connections between namespaces, many at once, with an answer for each: does it work, replies
included?

One loop in this process serves all: it answers for the listeners and asks for the probes, on sockets that
live in the namespaces. A probe has worked when the answer to its own question is back:

- tcp: the handshake is done, and several segments of data came back as they were sent;
- udp: the datagram came back;
- sctp: an INIT chunk was answered by an INIT ACK. Raw sockets do both ends, since few kernels have SCTP
built in;
- icmp: an echo request was answered (by the kernel; there is no port).

A question carries its number, so that the listener knows it and can tell the address that it came from: behind
address translation, that is not the prober's own.
"""

from __future__ import annotations

import errno
import re
import selectors
import socket
import struct
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Literal

from attrs import field, frozen

from tests.lab.namespaces import Namespace
from tests.lab.packets import ICMP_ECHO_REQUEST, PROTOCOLS, SCTP_INIT, SCTP_INIT_ACK, icmp_echo, parse_sctp, sctp

Protocol = Literal["tcp", "udp", "sctp", "icmp"]
_QUESTION = re.compile(rb"probe (\d+)\n")
_TCP_PADDING = bytes(range(256)) * 8  # two segments each way, one of them full
_BURST, _SETTLING = 32, 0.01  # probes, seconds
_IP_PKTINFO = 8  # linux/in.h; the socket module of Python 3.11 lacks it
_IN_PKTINFO = struct.Struct("=I4s4s")
_FIRST_SCTP_PORT, _SCTP_PORTS = 32768, 28000


@frozen
class Probe:
    """A connection to try."""

    namespace: Namespace
    """Where it starts."""
    address: str
    """Where it goes."""
    protocol: Protocol
    port: int = field(default=0)


@frozen
class Outcome:
    """What became of a probe."""

    answered: bool
    source: str | None
    """The address that the listener saw it come from; None if nothing arrived. For icmp somebody has to `listen`."""


class Prober:
    """Listeners and probes of any number of namespaces. Use it from one thread; close it at the end."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._listening: dict[tuple[Namespace, Protocol, int], socket.socket] = {}
        self._sctp: dict[Namespace, socket.socket] = {}
        self._results: dict[int, bool] = {}
        self._sources: dict[int, str] = {}
        self._questions = 0
        self._sctp_probes: dict[tuple[Namespace, int], int] = {}

    def close(self) -> None:
        """Close all sockets."""
        for key in list(self._selector.get_map().values()):
            self._drop(_socket_of(key))
        self._selector.close()

    def listen(self, namespace: Namespace, protocol: Protocol, port: int) -> None:
        """Answer at this port from now on, on every address of the namespace. Twice is as good as once.

        To icmp the kernel answers; listening notes the sources.
        """
        if (namespace, protocol, port) in self._listening:
            return
        if protocol == "tcp":
            listener = namespace.socket(socket.AF_INET, socket.SOCK_STREAM)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("", port))
            listener.listen(1024)
            self._watch(listener, selectors.EVENT_READ, lambda: self._accept(listener))
            listening = listener
        elif protocol == "udp":
            server = namespace.socket(socket.AF_INET, socket.SOCK_DGRAM)
            server.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
            server.bind(("", port))
            self._watch(server, selectors.EVENT_READ, lambda: self._echo_datagram(server))
            listening = server
        elif protocol == "sctp":
            listening = self._sctp_socket(namespace)
        else:
            raw = namespace.socket(socket.AF_INET, socket.SOCK_RAW, PROTOCOLS["icmp"])
            self._watch(raw, selectors.EVENT_READ, lambda: self._echo_request(raw))
            listening = raw
        self._listening[namespace, protocol, port] = listening

    def stop_listening(self, namespace: Namespace) -> None:
        """Give the TCP and UDP ports of a namespace back to whoever else wants to listen there."""
        for place, protocol, port in list(self._listening):
            if place == namespace and protocol in ("tcp", "udp"):
                self._drop(self._listening.pop((place, protocol, port)))

    def run(self, probes: Sequence[Probe], wait: float) -> list[Outcome]:
        """Try all probes at the same time; say for each what became of it.

        It ends when all are answered or refused, or when nothing at all has happened for `wait` seconds.
        """
        first = self._questions
        self._questions += len(probes)
        sockets = []
        for done, probe in enumerate(probes, start=1):
            sockets.append(self._ask(probe, first + done - 1))
            # Packets that come faster than a switch reads them are lost, so let each handful settle.
            if done % _BURST == 0:
                self._serve(until=done, silence=_SETTLING)
        self._serve(until=len(probes), silence=wait)
        # The kernel may have answered an echo request that its listener has not read yet.
        for key, _ in self._selector.select(timeout=0):
            key.data()
        for asked in sockets:
            if asked is not None:
                self._drop(asked)
        numbers = range(first, first + len(probes))
        outcomes = [Outcome(self._results.get(number, False), self._sources.get(number)) for number in numbers]
        self._sctp_probes.clear()
        self._results.clear()
        self._sources.clear()
        return outcomes

    def _serve(self, *, until: int, silence: float) -> None:
        """Do what there is to do until so many probes have results, or nothing has happened for a time."""
        # A loaded machine is slow to answer, never silent; so the clock starts again with every event.
        silent_since = time.monotonic()
        while len(self._results) < until and (left := silent_since + silence - time.monotonic()) > 0:
            for key, _ in self._selector.select(timeout=left):
                key.data()
                silent_since = time.monotonic()

    def _ask(self, probe: Probe, number: int) -> socket.socket | None:
        """Send a probe's question; return the socket to close at the end, None if it is a shared one."""
        target = (probe.address, probe.port)
        if probe.protocol == "sctp":
            self._ask_sctp(probe, number)
            return None
        if probe.protocol == "tcp":
            client = probe.namespace.socket(socket.AF_INET, socket.SOCK_STREAM)
            client.setblocking(False)
            if client.connect_ex(target) not in (0, errno.EINPROGRESS):  # no route
                self._results[number] = False
                return client
            self._watch(client, selectors.EVENT_WRITE, lambda: self._tcp_connected(client, number))
        elif probe.protocol == "udp":
            client = probe.namespace.socket(socket.AF_INET, socket.SOCK_DGRAM)
            question = b"probe %d\n" % number
            self._watch(client, selectors.EVENT_READ, lambda: self._datagram(client, number, question))
            with suppress(OSError):  # no route: no answer
                client.connect(target)
                client.send(question)
        else:
            client = probe.namespace.socket(socket.AF_INET, socket.SOCK_RAW, PROTOCOLS["icmp"])
            question = icmp_echo(number & 0xFFFF, 1, b"probe %d\n" % number)
            # The answer is the question with another type and checksum, behind an IPv4 header.
            self._watch(client, selectors.EVENT_READ, lambda: self._echo(client, number, question))
            with suppress(OSError):
                client.sendto(question, (probe.address, 0))
        return client

    def _ask_sctp(self, probe: Probe, number: int) -> None:
        port = _FIRST_SCTP_PORT + number % _SCTP_PORTS
        self._sctp_probes[probe.namespace, port] = number
        question = sctp(port, probe.port, SCTP_INIT, 0, number + 1)
        with suppress(OSError):
            self._sctp_socket(probe.namespace).sendto(question, (probe.address, 0))

    def _sctp_socket(self, namespace: Namespace) -> socket.socket:
        """Return the raw socket that does all SCTP of a namespace, listeners and probes."""
        if namespace not in self._sctp:
            raw = namespace.socket(socket.AF_INET, socket.SOCK_RAW, PROTOCOLS["sctp"])
            raw.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
            self._watch(raw, selectors.EVENT_READ, lambda: self._sctp_packet(raw, namespace))
            self._sctp[namespace] = raw
        return self._sctp[namespace]

    def _sctp_packet(self, raw: socket.socket, namespace: Namespace) -> None:
        data, ancillary, _, sender = raw.recvmsg(65536, 256)
        packet = parse_sctp(data[(data[0] & 0xF) * 4 :])
        if packet is None:
            return
        port = packet.destination_port
        if packet.chunk == SCTP_INIT and (namespace, "sctp", port) in self._listening:
            self._sources[packet.initiate_tag - 1] = sender[0]
            answer = sctp(port, packet.source_port, SCTP_INIT_ACK, packet.initiate_tag, packet.initiate_tag)
            _answer_from_asked_address(raw, answer, ancillary, sender)
        elif packet.chunk == SCTP_INIT_ACK:
            number = self._sctp_probes.get((namespace, port))
            if number is not None and packet.verification_tag == number + 1:
                self._results[number] = True

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            server, asker = listener.accept()
            self._watch(server, selectors.EVENT_READ, lambda: self._echo_stream(server, asker[0]))

    def _echo_stream(self, server: socket.socket, asker: str) -> None:
        try:
            data = server.recv(65536)
            self._note_source(data, asker)
            server.sendall(data)  # small enough for the socket's buffer, so it never blocks
        except OSError:
            data = b""
        if not data:
            self._drop(server)

    def _tcp_connected(self, client: socket.socket, number: int) -> None:
        if client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0:
            self._results[number] = False
            self._drop(client)
            return
        received = bytearray()
        question = b"probe %d\n" % number + _TCP_PADDING
        client.send(question)
        answer = partial(self._tcp_answer, client, number, question, received)
        self._selector.modify(client, selectors.EVENT_READ, answer)

    def _tcp_answer(self, client: socket.socket, number: int, question: bytes, received: bytearray) -> None:
        data = b""
        with suppress(OSError):
            data = client.recv(65536)
        received += data
        if bytes(received) == question:
            self._results[number] = True
        if not data or number in self._results:
            self._drop(client)

    def _echo_datagram(self, server: socket.socket) -> None:
        with suppress(OSError):
            data, ancillary, _, sender = server.recvmsg(65536, 256)
            self._note_source(data, sender[0])
            _answer_from_asked_address(server, data, ancillary, sender)

    def _echo_request(self, raw: socket.socket) -> None:
        with suppress(BlockingIOError):
            while True:
                data, sender = raw.recvfrom(65536, socket.MSG_DONTWAIT)
                message = data[(data[0] & 0xF) * 4 :]
                if message[:1] == ICMP_ECHO_REQUEST:
                    self._note_source(message[8:], sender[0])

    def _note_source(self, data: bytes, source: str) -> None:
        if (question := _QUESTION.match(data)) is not None:
            self._sources[int(question[1])] = source

    def _datagram(self, client: socket.socket, number: int, question: bytes) -> None:
        with suppress(OSError):  # an ICMP error is no answer
            if client.recv(65536) == question:
                self._results[number] = True

    def _echo(self, client: socket.socket, number: int, question: bytes) -> None:
        with suppress(OSError):
            answer = client.recv(65536)[20:]  # the kernel's answer has no IPv4 options
            if answer[:1] == b"\0" and answer[4:] == question[4:]:
                self._results[number] = True

    def _watch(self, watched: socket.socket, events: int, act: Callable[[], None]) -> None:
        watched.setblocking(False)
        self._selector.register(watched, events, act)

    def _drop(self, dropped: socket.socket) -> None:
        with suppress(KeyError, ValueError):  # not watched, or closed already
            self._selector.unregister(dropped)
        dropped.close()


def _socket_of(key: selectors.SelectorKey) -> socket.socket:
    if not isinstance(key.fileobj, socket.socket):
        raise TypeError(key.fileobj)
    return key.fileobj


def _answer_from_asked_address(
    server: socket.socket, answer: bytes, ancillary: Sequence[tuple[int, int, bytes]], asker: tuple[str, int]
) -> None:
    """Answer from the address that was asked, not the one that the route back suggests (ip(7))."""
    for level, kind, data in ancillary:
        if level == socket.IPPROTO_IP and kind == _IP_PKTINFO:
            _, _, asked = _IN_PKTINFO.unpack(data)
            source = _IN_PKTINFO.pack(0, asked, bytes(4))
            with suppress(OSError):
                server.sendmsg([answer], [(socket.IPPROTO_IP, _IP_PKTINFO, source)], 0, (asker[0], asker[1]))
