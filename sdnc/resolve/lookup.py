"""Asks name servers for the addresses of a name, until one answers or the time is over.

Each server is asked by UDP with EDNS, and by TCP when the answer does not fit (RFC 7766); each question goes out from a
port and with an id of its own, so that nobody can answer who has not seen it (RFC 5452).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import Enum

from attrs import frozen
from dns.asyncbackend import get_backend
from dns.asyncquery import udp_with_fallback
from dns.exception import DNSException
from dns.inet import af_for_address
from dns.message import Message, make_query
from dns.name import Name, from_text, root
from dns.rcode import Rcode
from dns.rdatatype import RdataType

from sdnc.resolve.answer import LookupFailed, Reading, check_links, read_message
from sdnc.resolve.servers import Server

_PAYLOAD = 1232
"""Bytes of an answer by UDP that pass everywhere in one piece (DNS flag day 2020)."""

_FIRST_WAIT = 0.5
"""Seconds after which a datagram counts as lost, as long as there is time to ask again."""


class Family(Enum):
    """The two kinds of addresses, by the type of their records."""

    IPV4 = RdataType.A
    IPV6 = RdataType.AAAA


@frozen
class Question:
    """The addresses of one family that a name has; `name` is absolute, without the trailing dot."""

    name: str
    family: Family


@frozen
class Answer:
    """The addresses (text, sorted), for how many seconds they count, when (RFC 3339, UTC) and by which server."""

    addresses: tuple[str, ...]
    ttl: int
    resolved: str
    server: str


@frozen
class Resolver:
    """How to ask: the servers in order, asked for anew for each lookup, and the seconds that one lookup may take."""

    servers: Callable[[], Sequence[Server]]
    timeout: float

    async def lookup(self, question: Question) -> Answer:
        """The answer to a question; CNAMEs are followed.  Raises `LookupFailed`."""
        try:
            servers = self.servers()
        except OSError as fault:
            raise LookupFailed(str(fault)) from fault
        end = asyncio.get_running_loop().time() + self.timeout
        name, kind = _absolute(question.name), question.family.value
        ttls, links = [], 0
        while True:
            reading, server = await _ask_all(servers, name, kind, end)
            ttls.append(reading.ttl)
            links += reading.links
            check_links(links)
            if reading.ask is None:
                resolved = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
                return Answer(reading.addresses, min(ttls), resolved, str(server))
            name = reading.ask


def _absolute(name: str) -> Name:
    try:
        return from_text(name, root)
    except DNSException as fault:
        raise LookupFailed(str(fault)) from fault


async def _ask_all(servers: Sequence[Server], name: Name, kind: RdataType, end: float) -> tuple[Reading, Server]:
    """The first answer that a server gives before the time `end` of the loop, and the server.

    A server that refuses or fails is asked no more.  One that is silent is asked once again, because datagrams get
    lost, and then with all the time that is left.  Raises `LookupFailed` if none answers.
    """
    now = asyncio.get_running_loop().time
    reasons: dict[Server, str] = {}

    async def ask(server: Server, seconds: float) -> Reading | None:
        try:
            async with asyncio.timeout(seconds):
                return await _ask(server, name, kind)
        except TimeoutError:
            reasons[server] = "no answer"
        except LookupFailed as reason:
            reasons[server] = str(reason)
            failed.add(server)
        return None

    failed: set[Server] = set()
    first_wait = min(_FIRST_WAIT, (end - now()) / (2 * len(servers)))
    for server in servers:
        if reading := await ask(server, first_wait):
            return reading, server
    silent = [server for server in servers if server not in failed]
    for index, server in enumerate(silent):
        if reading := await ask(server, (end - now()) / (len(silent) - index)):
            return reading, server
    raise LookupFailed("; ".join(f"{server}: {reason}" for server, reason in reasons.items()))


async def _ask(server: Server, name: Name, kind: RdataType) -> Reading:
    message = await _exchange(server, make_query(name, kind, payload=_PAYLOAD))
    if message.rcode() == Rcode.FORMERR:  # the server does not know EDNS (RFC 6891, section 7)
        message = await _exchange(server, make_query(name, kind))
    return read_message(message, name, kind)


async def _exchange(server: Server, query: Message) -> Message:
    """The response to a query: one that is none (another id, another question, garbage) is passed over.

    Raises `LookupFailed`.
    """
    # Only a connected socket hears that nobody listens there.
    here = (server.address, server.port)
    try:
        udp = await get_backend("asyncio").make_socket(  # type: ignore[no-untyped-call]
            af_for_address(server.address), socket.SOCK_DGRAM, destination=here
        )
        async with udp:
            message, _ = await udp_with_fallback(
                query,
                server.address,
                port=server.port,
                ignore_unexpected=True,
                ignore_errors=True,
                udp_sock=udp,
            )
            return message
    except OSError as fault:
        raise LookupFailed(fault.strerror or str(fault)) from fault
    except EOFError as fault:
        raise LookupFailed("the server closed the connection") from fault
    except Exception as fault:  # by TCP: whatever a parser raises at hostile bytes
        raise LookupFailed(f"malformed answer: {type(fault).__name__}") from fault
