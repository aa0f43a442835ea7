"""DNS names of egress firewalls, end to end: a name server's answer changes, the lock follows, and then the cluster."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from subprocess import Popen

import pytest
from attrs import frozen

from tests.cluster.bundle import Cluster
from tests.cluster.egress import (
    ELSEWHERE,
    FOO,
    LISTED,
    NEIGHBOUR,
    NEW_FOO,
    PAGE_RULES,
    attempts,
    cluster,
    firewall_object,
)
from tests.paths import ROOT

TTL = 2
PORT = 5353
PODS = ("shop/web-1", "shop/web-2")
SOURCES = {"cluster.sdn": cluster(), "firewall.json": firewall_object(PAGE_RULES)}


@frozen
class NameServer:
    """A running dnsmasq that serves the names of a hosts file."""

    process: Popen[bytes]
    hosts: Path

    def answer(self, **names: str) -> float:
        """Serve these names (with _ for dots) from now on; return the time of that, in seconds of the clock."""
        self.hosts.write_text("".join(f"{address} {name.replace('_', '.')}\n" for name, address in names.items()))
        self.process.send_signal(signal.SIGHUP)
        return time.time()


@frozen
class Watch:
    """A running `sdnc resolve --watch`."""

    process: Popen[bytes]
    lock: Path
    output: Path

    def addresses(self) -> list[str]:
        """Return the addresses of www.foo.com in the lock; none before there is a lock."""
        if not self.lock.exists():
            return []
        addresses: list[str] = json.loads(self.lock.read_text())["names"]["www.foo.com"]["addresses"]
        return addresses

    def seconds_until(self, done: Callable[[], bool], since: float, patience: float = 10.0) -> float:
        """Wait until something is so, and return how long after `since` it was first seen."""
        while not done():
            assert self.process.poll() is None, self.output.read_text()
            assert time.time() < since + patience, self.output.read_text()
            time.sleep(0.02)
        return time.time() - since


@pytest.fixture
def name_server(egress_cluster: Cluster, tmp_path: Path) -> Iterator[NameServer]:
    """A name server on the outside that gives every answer for two seconds."""
    hosts = tmp_path / "hosts"
    hosts.write_text(f"{FOO} www.foo.com\n")
    program = shutil.which("dnsmasq", path="/usr/sbin:/usr/bin:/sbin:/bin")
    assert program is not None
    options = [
        *("--keep-in-foreground", "--no-resolv", "--no-hosts", "--conf-file=/dev/null", "--user=root"),
        "--log-facility=-",
        *(f"--port={PORT}", f"--listen-address={NEIGHBOUR}", "--bind-interfaces", f"--pid-file={tmp_path}/dnsmasq.pid"),
        *(f"--addn-hosts={hosts}", f"--local-ttl={TTL}", "--local=/foo.com/"),
    ]
    with egress_cluster.lab.process("outside", [program, *options], tmp_path / "dnsmasq.log") as process:
        deadline = time.monotonic() + 10
        while "started" not in (said := (tmp_path / "dnsmasq.log").read_text()):
            assert time.monotonic() < deadline, said
            time.sleep(0.02)
        yield NameServer(process, hosts)


@pytest.fixture
def watch(egress_cluster: Cluster, name_server: NameServer, tmp_path: Path) -> Iterator[Watch]:
    """`sdnc resolve --watch` on a node, which asks that server."""
    folder, lock, output = tmp_path / "policy", tmp_path / "dns.lock", tmp_path / "resolve.log"
    folder.mkdir()
    for name, text in SOURCES.items():
        (folder / name).write_text(text)
    arguments = ["resolve", str(folder), "--dns-lock", str(lock), "--server", f"{NEIGHBOUR}#{PORT}", "--watch"]
    command = ["env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "sdnc", *arguments]
    with ExitStack() as stack:
        process = stack.enter_context(egress_cluster.lab.process("node-1", command, output))
        yield Watch(process, lock, output)


def only(*allowed: str) -> dict[str, bool]:
    return {address: address in allowed for address in (LISTED, FOO, NEW_FOO, ELSEWHERE)}


@pytest.mark.behaviour("EF-08", "EF-09")
def test_the_lock_follows_the_name_server_and_the_cluster_the_lock(
    egress_cluster: Cluster, name_server: NameServer, watch: Watch
) -> None:
    watch.seconds_until(lambda: watch.addresses() == [FOO], time.time(), patience=20.0)
    egress_cluster.install(SOURCES, "--dns-lock", watch.lock)
    before = egress_cluster.mismatches(attempts(PODS, only(LISTED, FOO)))

    changed = name_server.answer(www_foo_com=NEW_FOO)
    delay = watch.seconds_until(lambda: watch.addresses() == [NEW_FOO], changed)
    egress_cluster.install(SOURCES, "--dns-lock", watch.lock)
    after = egress_cluster.mismatches(attempts(PODS, only(LISTED, NEW_FOO)))

    assert (before, after) == ({}, {})
    assert delay <= TTL + 1


@pytest.mark.behaviour("EF-09")
def test_the_lock_stays_while_the_addresses_do_and_while_nobody_answers(name_server: NameServer, watch: Watch) -> None:
    watch.seconds_until(lambda: watch.addresses() == [FOO], time.time(), patience=20.0)
    first = watch.lock.stat()

    time.sleep(TTL + 1)  # it has asked again meanwhile
    again = watch.lock.stat()
    name_server.process.terminate()
    told = len(watch.output.read_text())
    watch.seconds_until(lambda: len(watch.output.read_text()) > told, time.time(), patience=20.0)

    assert (again.st_ino, again.st_mtime_ns) == (first.st_ino, first.st_mtime_ns)
    assert watch.addresses() == [FOO]
    assert "www.foo.com" in watch.output.read_text()[told:]
