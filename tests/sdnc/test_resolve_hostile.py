"""`sdnc resolve` and servers that are broken, slow, or mean it: nothing but an answer to the question gets in."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import Result
from dns.flags import Flag
from dns.message import Message, make_query
from dns.rcode import Rcode

from tests.sdnc.name_servers import FakeServer, Respond, fake_server, response
from tests.sdnc.resolving import ENTRY, addresses, locked, resolve, sources, write_lock
from tests.sdnc.running import invoke

pytestmark = pytest.mark.behaviour("EF-09")

GOOD = "192.0.2.1"
EVIL = "203.0.113.66"


def wanted(query: Message, address: str = GOOD) -> Message:
    """An honest response: an address of the name; none if it is asked for IPv6."""
    name, kind = query.question[0].name, query.question[0].rdtype.name
    return response(query, *([f"{name} 60 A {address}"] if kind == "A" else []))


def with_other_id(query: Message) -> bytes:
    message = wanted(query, EVIL)
    message.id ^= 1
    return message.to_wire()


def to_another_question(query: Message) -> bytes:
    other = make_query("evil.foo.com", query.question[0].rdtype, id=query.id)
    return response(other, f"{query.question[0].name} 60 A {EVIL}", f"evil.foo.com. 60 A {EVIL}").to_wire()


def no_response(query: Message) -> bytes:
    message = wanted(query, EVIL)
    message.flags &= ~Flag.QR
    return message.to_wire()


def garbage(query: Message) -> bytes:
    return struct.pack("!H", query.id) + b"\xff" * 40


def cut_short(query: Message) -> bytes:
    return wanted(query, EVIL).to_wire()[:-2]


def pointing_at_itself(query: Message) -> bytes:
    """The name of the record is a compression pointer to where it stands."""
    wire = bytearray(wanted(query, EVIL).to_wire())
    place = 12 + len(query.question[0].name.to_wire() or b"") + 4
    wire[place : place + 2] = struct.pack("!H", 0xC000 | place)
    return bytes(wire)


def an_address_of_five_bytes(query: Message) -> bytes:
    wire = wanted(query, EVIL).to_wire()
    packed = bytes(map(int, EVIL.split(".")))
    return wire.replace(b"\0\4" + packed, b"\0\5" + packed + b"\1")


def empty(_: Message) -> bytes:
    return b""


Forge = Callable[[Message], bytes]
FORGERIES: tuple[Forge, ...] = (
    with_other_id,
    to_another_question,
    no_response,
    garbage,
    cut_short,
    pointing_at_itself,
    an_address_of_five_bytes,
    empty,
)


def truncated(query: Message) -> bytes:
    message = response(query)
    message.flags |= Flag.TC
    return message.to_wire()


def by_tcp(respond: Respond) -> Respond:
    """Truncates by UDP, so that the client comes by TCP."""
    return lambda query, is_tcp: respond(query, is_tcp) if is_tcp else [truncated(query)]


def is_ipv4(query: Message) -> bool:
    return query.question[0].rdtype.name == "A"


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__)
def test_what_is_no_answer_is_passed_over(tmp_path: Path, forge: Forge) -> None:
    with fake_server(lambda query, _: [forge(query), wanted(query).to_wire()]) as server:
        resolve(tmp_path / "dns.lock", server.server, "www.foo.com")

    assert addresses(tmp_path / "dns.lock") == {"www.foo.com": [GOOD]}


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__)
def test_without_an_answer_the_old_addresses_stay(tmp_path: Path, forge: Forge) -> None:
    lock = tmp_path / "dns.lock"
    write_lock(lock, {"www.foo.com": ENTRY})
    with fake_server(lambda query, _: [forge(query)] if is_ipv4(query) else [wanted(query).to_wire()]) as server:
        result = resolve(lock, server.server, "www.foo.com")

    assert (result.exit_code, result.stdout) == (2, "unchanged\n")
    assert result.stderr == (f"sdnc: www.foo.com (A): {server.server}: no answer; what the lock file has of it stays\n")
    assert locked(lock) == {"www.foo.com": ENTRY}


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__)
def test_by_tcp_a_forgery_is_a_failure(tmp_path: Path, forge: Forge) -> None:
    lock = tmp_path / "dns.lock"
    write_lock(lock, {"www.foo.com": ENTRY})
    with fake_server(by_tcp(lambda query, _: [forge(query)])) as server:
        result = resolve(lock, server.server, "www.foo.com")

    assert (result.exit_code, result.stdout) == (2, "unchanged\n")
    assert f"www.foo.com (A): {server.server}: malformed answer" in result.stderr
    assert locked(lock) == {"www.foo.com": ENTRY}


def test_a_truncated_answer_is_asked_for_again_by_tcp(tmp_path: Path) -> None:
    many = sorted(f"192.0.2.{n}" for n in range(100, 200))

    def respond(query: Message, _: bool) -> Iterable[bytes]:
        name = query.question[0].name
        yield response(query, *(f"{name} 60 A {address}" for address in many if is_ipv4(query))).to_wire(max_size=65535)

    with fake_server(by_tcp(respond)) as server:
        result = resolve(tmp_path / "dns.lock", server.server, "www.foo.com")

    assert result.exit_code == 0
    assert addresses(tmp_path / "dns.lock") == {"www.foo.com": many}
    assert [is_tcp for _, query, is_tcp in server.queries if is_ipv4(query)] == [False, True]


@pytest.mark.parametrize("replies", [[], [b""]], ids=["closed", "a length of 0"])
def test_tcp_without_an_answer(tmp_path: Path, replies: list[bytes]) -> None:
    with fake_server(by_tcp(lambda query, _: replies)) as server:
        result = resolve(tmp_path / "dns.lock", server.server, "www.foo.com")

    assert result.exit_code == 2
    assert f"sdnc: www.foo.com (A): {server.server}: " in result.stderr


def test_thousands_of_addresses_are_refused(tmp_path: Path) -> None:
    """4,000 are as many as a message has room for."""
    lock = tmp_path / "dns.lock"
    write_lock(lock, {"www.foo.com": ENTRY})

    def respond(query: Message, _: bool) -> Iterable[bytes]:
        message = response(query)
        message.use_edns(False)
        wire = bytearray(message.to_wire())
        if is_ipv4(query):
            wire[6:8] = struct.pack("!H", 4000)
            # Name (a pointer to the question's), type, class, TTL, length, address.
            wire += b"".join(struct.pack("!HHHIHI", 0xC00C, 1, 1, 60, 4, 10 << 24 | n) for n in range(4000))
        yield bytes(wire)

    with fake_server(by_tcp(respond)) as server:
        result = resolve(lock, server.server, "www.foo.com")

    assert result.exit_code == 2
    assert "4000 addresses, more than the 1000 that a name may have" in result.stderr
    assert locked(lock) == {"www.foo.com": ENTRY}


@pytest.mark.parametrize("code", [Rcode.SERVFAIL, Rcode.REFUSED, Rcode.NOTIMP])
def test_a_server_that_fails_is_no_server_without_the_name(tmp_path: Path, code: Rcode) -> None:
    lock = tmp_path / "dns.lock"
    write_lock(lock, {"www.foo.com": ENTRY})
    with fake_server(lambda query, _: [response(query, rcode=code).to_wire()]) as server:
        result = resolve(lock, server.server, "www.foo.com")

    assert (result.exit_code, result.stdout) == (2, "unchanged\n")
    assert f"www.foo.com (A): {server.server}: {code.name};" in result.stderr
    assert locked(lock) == {"www.foo.com": ENTRY}


def test_without_ipv6_a_name_is_resolved_all_the_same(tmp_path: Path) -> None:
    """Nothing is compiled of IPv6 addresses, and there are servers that fail when asked for them."""
    lock = tmp_path / "dns.lock"
    write_lock(lock, {"www.foo.com": {**ENTRY, "ipv6": ["2001:db8::1"]}})

    def respond(query: Message, _: bool) -> Iterable[bytes]:
        yield (wanted(query) if is_ipv4(query) else response(query, rcode=Rcode.SERVFAIL)).to_wire()

    with fake_server(respond) as server:
        result = resolve(lock, server.server, "www.foo.com")

    assert (result.exit_code, result.stdout) == (0, f"www.foo.com: +{GOOD} -192.0.2.80\n")
    assert "www.foo.com (AAAA)" in result.stderr
    assert locked(lock)["www.foo.com"]["ipv6"] == ["2001:db8::1"]


def test_a_server_that_does_not_know_edns(tmp_path: Path) -> None:
    def respond(query: Message, _: bool) -> Iterable[bytes]:
        message = wanted(query) if query.edns < 0 else response(query, rcode=Rcode.FORMERR)
        message.use_edns(False)
        yield message.to_wire()

    with fake_server(respond) as server:
        result = resolve(tmp_path / "dns.lock", server.server, "www.foo.com")

    assert result.exit_code == 0
    assert addresses(tmp_path / "dns.lock") == {"www.foo.com": [GOOD]}


ALIASES = {"www.foo.com.": "lb.foo.com.", "lb.foo.com.": "cdn.example.net.", "loop.foo.com.": "loop.foo.com."}


def one_link(query: Message, _: bool) -> Iterable[bytes]:
    """A server that follows no alias itself."""
    name = str(query.question[0].name)
    if name in ALIASES:
        yield response(query, f"{name} {len(name)} CNAME {ALIASES[name]}").to_wire()
    else:
        yield wanted(query).to_wire()


def test_a_chain_is_followed_over_several_messages(tmp_path: Path) -> None:
    with fake_server(one_link) as server:
        result = resolve(tmp_path / "dns.lock", server.server, "www.foo.com")

    assert result.exit_code == 0
    entry = locked(tmp_path / "dns.lock")["www.foo.com"]
    assert (entry["addresses"], entry["ttl"]) == ([GOOD], len("lb.foo.com."))


def test_a_circle_over_several_messages_ends(tmp_path: Path) -> None:
    with fake_server(one_link) as server:
        result = resolve(tmp_path / "dns.lock", server.server, "loop.foo.com")

    assert result.exit_code == 2
    assert "a chain of more than 16 CNAMEs" in result.stderr


def test_a_silent_server_costs_the_timeout_and_no_more(tmp_path: Path) -> None:
    begin = time.monotonic()
    with fake_server(lambda query, _: []) as server:
        result = resolve(tmp_path / "dns.lock", server.server, *(f"n{n}.foo.com" for n in range(20)))

    assert result.exit_code == 2
    assert 1 <= time.monotonic() - begin < 5
    # A datagram may get lost: each question is asked twice.
    assert len(server.times("n0.foo.com")) == 2


def test_a_lost_datagram_is_sent_again(tmp_path: Path) -> None:
    seen: set[str] = set()

    def respond(query: Message, _: bool) -> Iterable[bytes]:
        question = query.question[0].to_text()
        if question in seen:
            yield wanted(query).to_wire()
        seen.add(question)

    with fake_server(respond) as server:
        result = resolve(tmp_path / "dns.lock", server.server, "www.foo.com")

    assert (result.exit_code, result.stderr) == (0, "")


def test_many_names_are_looked_up_side_by_side(tmp_path: Path) -> None:
    """400 questions, 0.2 seconds each: one after the other they would take 80 seconds."""
    names = [f"n{n}.foo.com" for n in range(200)]
    delay = 0.2
    with fake_server(lambda query, _: [wanted(query).to_wire()], delay) as server:
        begin = time.monotonic()
        result = resolve_patiently(tmp_path, server, names)
        taken = time.monotonic() - begin

    assert result.exit_code == 0
    assert addresses(tmp_path / "dns.lock") == {name: [GOOD] for name in sorted(names)}
    assert taken < len(names) * delay / 4


def resolve_patiently(tmp_path: Path, server: FakeServer, names: list[str]) -> Result:
    path = sources(tmp_path, *names)
    return invoke("resolve", path, "--dns-lock", tmp_path / "dns.lock", "--server", server.server, "--timeout", "20")


def test_every_question_has_an_id_of_its_own(tmp_path: Path) -> None:
    names = [f"n{n}.foo.com" for n in range(50)]
    with fake_server(lambda query, _: [wanted(query).to_wire()]) as server:
        resolve_patiently(tmp_path, server, names)

    ids = [query.id for _, query, _ in server.queries]
    assert len(ids) == 2 * len(names)
    assert len(set(ids)) > len(names)
    assert [b - a for a, b in pairwise(ids)] != [1] * (len(ids) - 1)


def test_what_a_server_says_is_not_sent_to_the_terminal(tmp_path: Path) -> None:
    evil = r"\027[31m.foo.com."
    with fake_server(
        lambda query, _: [
            response(query, f"{query.question[0].name} 60 CNAME {evil}", f"{evil} 60 CNAME {evil}").to_wire()
        ]
    ) as server:
        result = resolve(tmp_path / "dns.lock", server.server, "www.foo.com")

    assert result.exit_code == 2
    assert "\x1b" not in result.stderr + json.dumps(result.stdout)
