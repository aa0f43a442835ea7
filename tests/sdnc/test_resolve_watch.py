"""`sdnc resolve --watch`: when it asks, what it writes, what it tells, and how it ends."""

from __future__ import annotations

import re
import select
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from attrs import define, field
from dns.message import Message
from dns.rcode import Rcode

from sdnc.resolve.answer import MAX_TTL
from sdnc.resolve.session import pause_after_answer, pause_after_failures
from tests.sdnc.name_servers import dnsmasq, fake_server, response
from tests.sdnc.resolving import ENTRY, addresses, identity, locked, sources, write_lock
from tests.sdnc.running import ENDING, run, running, wait_until

pytestmark = pytest.mark.behaviour("EF-09")

SLACK = 1.0
"""Seconds that following a change may take beyond the TTL."""


@contextmanager
def watching(lock: Path, server: str, *names: str) -> Iterator[subprocess.Popen[str]]:
    """`sdnc resolve --watch`; a test that does not end it finds it running at the end."""
    path = sources(lock.parent, *names)
    arguments = ("resolve", path, "--dns-lock", lock, "--server", server, "--timeout", "2", "--watch")
    with running("-m", "sdnc", *arguments) as process:
        yield process
        assert process.poll() is not None or end(process) == ("", "")


def end(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Ends the command, and returns what it printed that nobody has read yet."""
    process.send_signal(signal.SIGTERM)
    printed = process.communicate(timeout=20)
    assert process.returncode == 128 + signal.SIGTERM
    return printed


def line(process: subprocess.Popen[str]) -> str:
    """The next line that the command prints, as soon as it does."""
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], 20)
    assert ready, "it prints nothing"
    return process.stdout.readline()


def written(lock: Path) -> float:
    """When the file was written, as time.time() has it."""
    return lock.stat().st_mtime


@define
class Changing:
    """A server's answers: the name's address now, its TTL, and when each address was last told."""

    ttl: int
    address: str = "192.0.2.1"
    told: dict[str, float] = field(factory=dict)
    code: Rcode = Rcode.NOERROR

    def __call__(self, query: Message, _: bool) -> Iterable[bytes]:
        name, kind = query.question[0].name, query.question[0].rdtype.name
        if kind == "A":
            self.told[self.address] = time.time()
        records = [f"{name} {self.ttl} A {self.address}"] if kind == "A" and self.code == Rcode.NOERROR else []
        yield response(query, *records, rcode=self.code).to_wire()


@pytest.mark.parametrize("ttl", [1, 2])
def test_a_change_is_followed_within_the_ttl_and_a_second(tmp_path: Path, ttl: int) -> None:
    """At worst the answer changes right after it was told: then the old one counts for its TTL."""
    lock = tmp_path / "dns.lock"
    changing = Changing(ttl)
    with fake_server(changing) as server, watching(lock, server.server, "www.foo.com") as process:
        assert line(process) == "www.foo.com: +192.0.2.1\n"
        delays = []
        for old, new in pairwise(["192.0.2.1", "192.0.2.2", "192.0.2.3"]):
            # The next answer is the last one with the old address.
            before = changing.told[old]
            wait_until(lambda old=old, before=before: changing.told[old] > before)  # type: ignore[misc]
            changing.address = new
            assert line(process) == f"www.foo.com: +{new} -{old}\n"
            assert addresses(lock) == {"www.foo.com": [new]}
            delays.append(written(lock) - changing.told[old])

        assert end(process) == ("", "")

    assert ttl <= min(delays)
    assert max(delays) <= ttl + SLACK


def test_a_change_at_dnsmasq_is_followed(tmp_path: Path) -> None:
    lock = tmp_path / "dns.lock"
    first, second = ["192.0.2.1"], ["192.0.2.2", "192.0.2.3"]
    with (
        dnsmasq(tmp_path, {"www.foo.com": first}, "--local-ttl=2") as server,
        watching(lock, server.server, "www.foo.com") as process,
    ):
        assert line(process) == "www.foo.com: +192.0.2.1\n"

        changed = time.time()
        server.serve({"www.foo.com": second})

        assert line(process) == "www.foo.com: +192.0.2.2 +192.0.2.3 -192.0.2.1\n"
        assert written(lock) - changed <= 2 + SLACK
        assert addresses(lock) == {"www.foo.com": second}
        assert end(process) == ("", "")


def test_unchanged_answers_leave_the_file_alone(tmp_path: Path) -> None:
    lock = tmp_path / "dns.lock"
    changing = Changing(ttl=0)
    with fake_server(changing) as server, watching(lock, server.server, "www.foo.com") as process:
        line(process)
        before = identity(lock)

        wait_until(lambda: len(server.times("www.foo.com")) >= 4)

        assert identity(lock) == before
        assert end(process) == ("", "")
        # A TTL of 0 is no reason to ask all the time.
        assert min(b - a for a, b in pairwise(server.times("www.foo.com"))) >= 0.99


def test_a_name_is_not_asked_for_before_its_ttl_ends(tmp_path: Path) -> None:
    lock = tmp_path / "dns.lock"

    def respond(query: Message, _: bool) -> Iterable[bytes]:
        name = str(query.question[0].name)
        ttl = 1 if name.startswith("short") else 600
        kind, data = (("A", "192.0.2.1"), ("AAAA", "2001:db8::1"))[query.question[0].rdtype.name == "AAAA"]
        yield response(query, f"{name} {ttl} {kind} {data}").to_wire()

    with fake_server(respond) as server, watching(lock, server.server, "short.foo.com", "long.foo.com") as process:
        wait_until(lambda: len(server.times("short.foo.com")) >= 4)
        end(process)

    assert len(server.times("long.foo.com")) == 1


def test_a_failure_is_reported_once_and_so_is_the_recovery(tmp_path: Path) -> None:
    lock = tmp_path / "dns.lock"
    changing = Changing(ttl=1)
    with fake_server(changing) as server, watching(lock, server.server, "www.foo.com") as process:
        line(process)
        before = identity(lock)

        changing.code = Rcode.SERVFAIL
        asked = len(server.times("www.foo.com"))
        wait_until(lambda: len(server.times("www.foo.com")) >= asked + 3)
        assert identity(lock) == before
        changing.code, changing.address = Rcode.NOERROR, "192.0.2.2"

        assert line(process) == "www.foo.com: +192.0.2.2 -192.0.2.1\n"
        _, errors = end(process)

    assert [told for told in errors.splitlines() if "(A)" in told] == [
        f"sdnc: www.foo.com (A): {server.server}: SERVFAIL; what the lock file has of it stays",
        "sdnc: www.foo.com (A): resolved again",
    ]
    gaps = [b - a for a, b in pairwise(server.times("www.foo.com")[asked:])]
    # 1, 2 and 4 seconds between the failures, whatever the TTL was.
    assert all(gap >= 0.95 * pause for gap, pause in zip(gaps, (1, 2, 4), strict=False))
    assert len(gaps) >= 3


def test_silent_servers_of_other_names_delay_nothing(tmp_path: Path) -> None:
    lock = tmp_path / "dns.lock"
    silent = [f"silent{n}.foo.com" for n in range(60)]

    def respond(query: Message, _: bool) -> Iterable[bytes]:
        name = query.question[0].name
        if not str(name).startswith("silent"):
            yield response(query, *([f"{name} 1 A 192.0.2.1"] if "IN A " in f"{query.question[0]} " else [])).to_wire()

    with fake_server(respond) as server, watching(lock, server.server, "a.foo.com", *silent) as process:
        wait_until(lambda: len(server.times("a.foo.com")) >= 5, seconds=40)
        end(process)

    # The first may have to wait for a place.
    assert max(b - a for a, b in pairwise(server.times("a.foo.com")[1:])) <= 1 + SLACK


def test_without_names_there_is_nothing_to_watch(tmp_path: Path) -> None:
    """What is no longer asked for goes, and the command ends."""
    lock, path = tmp_path / "dns.lock", sources(tmp_path)
    write_lock(lock, {"old.foo.com": ENTRY})

    ran = run("resolve", path, "--dns-lock", lock, "--server", "127.0.0.1", "--watch")

    assert (ran.returncode, ran.stdout) == (0, "old.foo.com: removed\n")
    assert ran.stderr == "sdnc: no egress firewall names a host, so there is nothing to watch\n"
    assert locked(lock) == {}


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_ends_it(tmp_path: Path, number: signal.Signals) -> None:
    lock = tmp_path / "dns.lock"
    with fake_server(Changing(ttl=60)) as server, watching(lock, server.server, "www.foo.com") as process:
        line(process)

        # An impatient user presses more than once.
        process.send_signal(number)
        process.send_signal(number)
        printed = process.communicate(timeout=20)

    assert (process.returncode, *printed) == (128 + number, "", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dns.lock", "shop.sdn"]


def test_a_signal_while_servers_are_silent(tmp_path: Path) -> None:
    lock = tmp_path / "dns.lock"
    with fake_server(lambda query, _: []) as server, watching(lock, server.server, "www.foo.com") as process:
        wait_until(lambda: bool(server.queries))

        assert end(process)[1] == ""


def test_a_file_that_cannot_be_written_is_a_fault(tmp_path: Path) -> None:
    lock = tmp_path / "gone" / "dns.lock"
    path = sources(tmp_path, "www.foo.com")
    with (
        fake_server(Changing(ttl=1)) as server,
        running("-m", "sdnc", "resolve", path, "--dns-lock", lock, "--server", server.server, "--watch") as process,
    ):
        _, errors = process.communicate(timeout=20)

    assert process.returncode == 2
    assert re.fullmatch(r"sdnc: .*No such file or directory.*\n", errors)


@pytest.mark.parametrize(("ttl", "pause"), [(0, 1), (1, 1), (300, 300), (7 * 86400, 7 * 86400), (MAX_TTL, 7 * 86400)])
def test_pauses_after_answers(ttl: int, pause: float) -> None:
    assert pause_after_answer(ttl) == pause


def test_pauses_after_failures() -> None:
    pauses = [pause_after_failures(count) for count in (1, 2, 3, 4, 11, 12, 5000)]

    assert pauses == [1, 2, 4, 8, 1024, 1800, 1800]
