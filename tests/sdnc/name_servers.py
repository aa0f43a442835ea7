"""Name servers for tests: a real dnsmasq, and one that says whatever a test wants, on ports of the loopback."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import dns.message
import dns.rrset
from attrs import define, field
from dns.message import Message, make_response
from dns.rcode import Rcode

ADDRESS = "127.0.0.1"


def free_port() -> int:
    """A port that nobody has at the moment, neither for UDP nor for TCP."""
    while True:
        with closing(socket.socket(type=socket.SOCK_DGRAM)) as udp, closing(socket.socket()) as tcp:
            udp.bind((ADDRESS, 0))
            port = int(udp.getsockname()[1])
            try:
                tcp.bind((ADDRESS, port))
            except OSError:
                continue
            return port


@define
class Dnsmasq:
    """A running dnsmasq that answers from a file of its own in the format of hosts(5)."""

    process: subprocess.Popen[bytes]
    port: int
    hosts: Path

    @property
    def server(self) -> str:
        return f"{ADDRESS}#{self.port}"

    def serve(self, hosts: Mapping[str, Iterable[str]]) -> None:
        """From now on, these names have these addresses."""
        self.hosts.write_text("".join(f"{address} {name}\n" for name in hosts for address in hosts[name]))
        self.process.send_signal(signal.SIGHUP)


@contextmanager
def dnsmasq(folder: Path, hosts: Mapping[str, Iterable[str]], *options: str) -> Iterator[Dnsmasq]:
    """A dnsmasq that knows names in `hosts`, says of others below foo.com that there are none, and asks nobody."""
    path = folder / "hosts"
    path.write_text("".join(f"{address} {name}\n" for name in hosts for address in hosts[name]))
    while True:
        port = free_port()
        with subprocess.Popen(
            [
                "dnsmasq",
                "--keep-in-foreground",
                "--conf-file=/dev/null",
                "--user=root",
                "--pid-file",
                f"--port={port}",
                f"--listen-address={ADDRESS}",
                "--bind-interfaces",
                "--no-resolv",
                "--no-hosts",
                f"--addn-hosts={path}",
                "--local=/foo.com/",
                *options,
            ],
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                if _listens(process, port):
                    yield Dnsmasq(process, port, path)
                    return
            finally:
                process.terminate()


def _listens(process: subprocess.Popen[bytes], port: int) -> bool:
    """Waits until the server listens; False if it ends instead, because somebody else took the port."""
    end = time.monotonic() + 20
    while process.poll() is None:
        assert time.monotonic() < end, "dnsmasq does not listen"
        try:
            socket.create_connection((ADDRESS, port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return True
    return False


Respond = Callable[[Message, bool], Iterable[bytes]]
"""From a query, and whether it came by TCP, to the messages to send back, if any."""


@define
class FakeServer:
    """A name server that answers by `respond`, `delay` seconds late; it keeps the queries, and when they came."""

    port: int
    respond: Respond
    delay: float
    queries: list[tuple[float, Message, bool]] = field(factory=list)

    @property
    def server(self) -> str:
        return f"{ADDRESS}#{self.port}"

    def times(self, name: str, kind: str = "A") -> list[float]:
        """When a name was asked for, as time.time() has it."""
        return [when for when, query, _ in self.queries if query.question[0].to_text() == f"{name}. IN {kind}"]

    def replies(self, wire: bytes, by_tcp: bool) -> list[bytes]:
        query = dns.message.from_wire(wire)
        self.queries.append((time.time(), query, by_tcp))
        return list(self.respond(query, by_tcp))


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, server: FakeServer) -> None:
        self.server = server

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        for reply in self.server.replies(data, by_tcp=False):
            asyncio.get_running_loop().call_later(self.server.delay, self.transport.sendto, reply, addr)


@contextmanager
def fake_server(respond: Respond, delay: float = 0.0) -> Iterator[FakeServer]:
    """A server that answers by `respond`, in a thread of its own."""
    server = FakeServer(free_port(), respond, delay)
    loop = asyncio.new_event_loop()

    async def serve_tcp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = int.from_bytes(await reader.readexactly(2))
        for reply in server.replies(await reader.readexactly(length), by_tcp=True):
            writer.write(len(reply).to_bytes(2) + reply)
        writer.close()
        await writer.wait_closed()

    async def listen() -> tuple[asyncio.DatagramTransport, asyncio.Server]:
        here = (ADDRESS, server.port)
        udp, _ = await loop.create_datagram_endpoint(lambda: _Udp(server), here)
        return udp, await asyncio.start_server(serve_tcp, *here)

    udp, tcp = loop.run_until_complete(listen())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(udp.close)
        loop.call_soon_threadsafe(tcp.close)
        # What was just closed is let go in the next round.
        loop.call_soon_threadsafe(lambda: loop.call_later(0.05, loop.stop))
        thread.join()
        loop.close()


def response(query: Message, *records: str, rcode: Rcode = Rcode.NOERROR, authority: Iterable[str] = ()) -> Message:
    """A response to a query; records are lines `NAME TTL TYPE DATA`."""
    message = make_response(query)
    message.set_rcode(rcode)
    for section, lines in ((message.answer, records), (message.authority, tuple(authority))):
        for line in lines:
            name, ttl, kind, data = line.split(maxsplit=3)
            section.append(dns.rrset.from_text(name, int(ttl), "IN", kind, data))
    return message
