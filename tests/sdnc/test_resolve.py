"""`sdnc resolve` beside a real name server: what it prints, what it writes, and what it leaves alone."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sdnc.resolve.servers import Server, parse_server, system_servers
from tests.sdnc.name_servers import ADDRESS, Dnsmasq, dnsmasq, free_port
from tests.sdnc.resolving import ENTRY, addresses, identity, locked, resolve, sources, write_lock
from tests.sdnc.running import invoke

WWW = {"www.foo.com": ["192.0.2.80"]}


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "dns.lock"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Dnsmasq]:
    """dnsmasq; it knows www.foo.com, with a TTL of 30 seconds."""
    with dnsmasq(tmp_path, WWW, "--local-ttl=30", "--cname=alias.foo.com,www.foo.com,20") as running:
        yield running


@pytest.mark.behaviour("EF-08")
def test_the_lock_file_has_addresses_ttl_time_and_server(lock: Path, server: Dnsmasq) -> None:
    started = datetime.now(UTC).replace(microsecond=0)

    result = resolve(lock, server.server, "www.foo.com.", "alias.foo.com")

    entries = locked(lock)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "alias.foo.com: +192.0.2.80\nwww.foo.com: +192.0.2.80\n"
    assert all(started <= datetime.fromisoformat(str(entry.pop("resolved"))) for entry in entries.values())
    assert entries == {
        "alias.foo.com": {"addresses": ["192.0.2.80"], "ipv6": [], "ttl": 20, "server": server.server},
        "www.foo.com": {"addresses": ["192.0.2.80"], "ipv6": [], "ttl": 30, "server": server.server},
    }
    assert invoke("check", lock.parent / "shop.sdn", "--dns-lock", lock).exit_code == 0


def test_names_of_objects_and_of_the_language(tmp_path: Path, lock: Path, server: Dnsmasq) -> None:
    policy = {
        "apiVersion": "network.openshift.io/v1",
        "kind": "EgressNetworkPolicy",
        "metadata": {"name": "default", "namespace": "shop"},
        "spec": {"egress": [{"type": "Deny", "to": {"dnsName": "alias.foo.com."}}]},
    }
    (tmp_path / "policy.json").write_text(json.dumps(policy))
    sources(tmp_path, "www.foo.com")

    result = invoke("resolve", tmp_path, "--dns-lock", lock, "--server", server.server)

    assert result.exit_code == 0
    assert addresses(lock) == {"alias.foo.com": ["192.0.2.80"], "www.foo.com": ["192.0.2.80"]}


def test_ipv6_is_kept(lock: Path, server: Dnsmasq) -> None:
    server.serve({"www.foo.com": ["192.0.2.80", "2001:db8::2", "2001:db8::10"]})

    result = resolve(lock, server.server, "www.foo.com")

    assert result.stdout == "www.foo.com: +192.0.2.80 +2001:db8::2 +2001:db8::10\n"
    assert locked(lock)["www.foo.com"]["ipv6"] == ["2001:db8::10", "2001:db8::2"]


@pytest.mark.behaviour("EF-10")
def test_a_name_that_does_not_exist_is_recorded_without_addresses(lock: Path, server: Dnsmasq) -> None:
    result = resolve(lock, server.server, "none.foo.com")

    entry = locked(lock)["none.foo.com"]
    assert (result.exit_code, result.stdout, result.stderr) == (0, "none.foo.com: no address\n", "")
    assert (entry["addresses"], entry["ipv6"], entry["ttl"]) == ([], [], 30 * 60)
    allowed = invoke("check", lock.parent / "shop.sdn", "--dns-lock", lock)
    denying = (lock.parent / "shop.sdn").read_text().replace("allow", "deny")
    denied = invoke("check", "-", "--dns-lock", lock, stdin=denying)
    assert (allowed.exit_code, "SDN324" in allowed.stdout) == (0, True)
    assert (denied.exit_code, "SDN323" in denied.stdout) == (1, True)


def test_many_addresses(lock: Path, server: Dnsmasq) -> None:
    """More than fit into a datagram: dnsmasq truncates, and answers by TCP."""
    many = [f"198.51.{n >> 7}.{n & 127}" for n in range(400)]
    server.serve({"www.foo.com": many})

    result = resolve(lock, server.server, "www.foo.com")

    assert result.exit_code == 0
    assert addresses(lock) == {"www.foo.com": many}


@pytest.mark.behaviour("EF-09")
@pytest.mark.parametrize("names", [["www.foo.com"], ["www.foo.com", "alias.foo.com", "none.foo.com"], []])
def test_unchanged_addresses_leave_the_file_alone(lock: Path, server: Dnsmasq, names: Sequence[str]) -> None:
    resolve(lock, server.server, *names)
    before = identity(lock)

    result = resolve(lock, server.server, *names)

    assert (result.exit_code, result.stdout) == (0, "unchanged\n")
    assert identity(lock) == before


def test_ttl_time_and_server_are_no_change(lock: Path, server: Dnsmasq) -> None:
    write_lock(lock, {"www.foo.com": ENTRY})
    before = identity(lock)

    result = resolve(lock, server.server, "www.foo.com")

    assert result.stdout == "unchanged\n"
    assert identity(lock) == before


@pytest.mark.behaviour("EF-09")
def test_changed_addresses_are_told_and_other_entries_stay(lock: Path, server: Dnsmasq) -> None:
    write_lock(lock, {"www.foo.com": ENTRY, "alias.foo.com": {**ENTRY, "addresses": ["192.0.2.80", "192.0.2.9"]}})

    result = resolve(lock, server.server, "www.foo.com", "alias.foo.com")

    assert result.stdout == "alias.foo.com: -192.0.2.9\n"
    assert locked(lock)["www.foo.com"] == ENTRY
    assert locked(lock)["alias.foo.com"]["server"] == server.server


def test_names_that_the_sources_no_longer_have_are_removed(lock: Path, server: Dnsmasq) -> None:
    write_lock(lock, {"www.foo.com": ENTRY, "old.foo.com": ENTRY})

    result = resolve(lock, server.server, "www.foo.com")

    assert result.stdout == "old.foo.com: removed\n"
    assert locked(lock) == {"www.foo.com": ENTRY}


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_the_file_is_replaced_in_one_step(lock: Path, server: Dnsmasq, umask: int) -> None:
    write_lock(lock, {"www.foo.com": {**ENTRY, "addresses": []}})
    before = identity(lock)
    old_mask = os.umask(umask)
    try:
        with lock.open() as reader:
            resolve(lock, server.server, "www.foo.com")
            # Who has the old file open reads the old file to its end.
            assert reader.read() == before[2].decode()
    finally:
        os.umask(old_mask)

    assert identity(lock)[0] != before[0]
    assert stat.S_IMODE(lock.stat().st_mode) == 0o644
    assert {path.name for path in lock.parent.iterdir()} == {"dns.lock", "hosts", "shop.sdn"}


@pytest.mark.behaviour("EF-09")
def test_a_failed_lookup_keeps_the_old_addresses(lock: Path) -> None:
    nobody = f"{ADDRESS}#{free_port()}"
    write_lock(lock, {"www.foo.com": ENTRY, "old.foo.com": ENTRY})

    result = resolve(lock, nobody, "www.foo.com", "new.foo.com")

    assert result.exit_code == 2
    assert result.stdout == "old.foo.com: removed\n"
    assert locked(lock) == {"www.foo.com": ENTRY}
    assert result.stderr.splitlines()[0] == (
        f"sdnc: new.foo.com (A): {nobody}: Connection refused; what the lock file has of it stays"
    )
    assert {line.split(":")[1] for line in result.stderr.splitlines()} == {
        f" {name} ({kind})" for name in ("new.foo.com", "www.foo.com") for kind in ("A", "AAAA")
    }


def test_what_can_be_resolved_is_written(lock: Path, server: Dnsmasq) -> None:
    """dnsmasq refuses names that it would have to ask others for."""
    result = resolve(lock, server.server, "www.example.com", "www.foo.com")

    assert result.exit_code == 2
    assert f"www.example.com (A): {server.server}: REFUSED" in result.stderr
    assert addresses(lock) == {"www.foo.com": ["192.0.2.80"]}


def test_another_server_helps_out(lock: Path, server: Dnsmasq) -> None:
    nobody = f"{ADDRESS}#{free_port()}"

    result = invoke(
        "resolve",
        sources(lock.parent, "www.foo.com"),
        *("--dns-lock", lock, "--server", nobody, "--server", server.server),
    )

    assert (result.exit_code, result.stderr) == (0, "")
    assert locked(lock)["www.foo.com"]["server"] == server.server


def test_errors_in_the_sources_stop_before_anything_is_asked(lock: Path, server: Dnsmasq) -> None:
    path = sources(lock.parent, "www.foo.com", "UPPER.foo.com")

    result = invoke("resolve", path, "--dns-lock", lock, "--server", server.server)

    assert (result.exit_code, result.stdout) == (1, "")
    assert "error[SDN321]" in result.stderr
    assert not lock.exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 1}', '{"schema": 2, "names": {}}', "\0"])
def test_a_lock_file_with_errors_stays(lock: Path, server: Dnsmasq, text: str) -> None:
    lock.write_text(text)
    before = identity(lock)

    result = resolve(lock, server.server, "www.foo.com")

    assert (result.exit_code, result.stdout) == (1, "")
    assert str(lock) in result.stderr
    assert identity(lock) == before


@pytest.mark.parametrize("kind", ["link", "dangling link", "folder", "pipe"])
def test_what_is_no_file_is_not_replaced(lock: Path, server: Dnsmasq, kind: str) -> None:
    target = lock.parent / "target"
    if kind == "link":
        target.write_text("")
    if kind.endswith("link"):
        lock.symlink_to(target)
    elif kind == "folder":
        lock.mkdir()
    else:
        os.mkfifo(lock)
    before = lock.lstat()

    result = resolve(lock, server.server, "www.foo.com")

    assert result.exit_code == 2
    assert "is no regular file; it stays as it is" in result.stderr
    assert lock.lstat() == before
    assert target.exists() == (kind == "link")


def test_a_source_is_not_overwritten(tmp_path: Path) -> None:
    path = sources(tmp_path, "www.foo.com")
    before = path.read_text()

    result = invoke("resolve", tmp_path, "--dns-lock", path)

    assert result.exit_code == 2
    assert "is one of the sources" in result.stderr
    assert path.read_text() == before


def test_a_folder_that_does_not_exist_is_a_fault(tmp_path: Path, server: Dnsmasq) -> None:
    path = sources(tmp_path, "www.foo.com")

    with pytest.raises(FileNotFoundError):
        invoke_raising("resolve", path, "--dns-lock", tmp_path / "none" / "dns.lock", "--server", server.server)


def invoke_raising(*arguments: str | Path) -> None:
    result = invoke(*arguments)
    assert result.exception is not None
    raise result.exception


@pytest.mark.parametrize(
    ("text", "server", "shown"),
    [
        ("192.0.2.53", Server("192.0.2.53", 53), "192.0.2.53"),
        ("192.0.2.53#53", Server("192.0.2.53", 53), "192.0.2.53"),
        ("192.0.2.53#5353", Server("192.0.2.53", 5353), "192.0.2.53#5353"),
        ("2001:db8:0::53#65535", Server("2001:db8::53", 65535), "2001:db8::53#65535"),
        ("fe80::1%eth0", Server("fe80::1%eth0", 53), "fe80::1"),
    ],
)
def test_servers(text: str, server: Server, shown: str) -> None:
    assert parse_server(text) == server
    assert str(server) == shown


@pytest.mark.parametrize(
    "text",
    ["", "#53", "ns.foo.com", "192.0.2", "192.0.2.53:53", "192.0.2.53#", "192.0.2.53#0", "192.0.2.53#65536", "::1#٣"],
)
def test_what_is_no_server(tmp_path: Path, text: str) -> None:
    result = invoke("resolve", sources(tmp_path), "--dns-lock", tmp_path / "dns.lock", "--server", text)

    assert result.exit_code == 2
    assert "write ADDRESS or ADDRESS#PORT" in result.stderr


def test_servers_of_the_system(tmp_path: Path) -> None:
    path = tmp_path / "resolv.conf"
    path.write_text(
        "# nameserver 192.0.2.1\nsearch foo.com\nnameserver 192.0.2.2\nnameserver\nnameserver none\n"
        "  nameserver\t2001:db8::3 # comment\nnameserver fe80::4%eth0\nnameserver 192.0.2.5\noptions ndots:5\n"
    )

    assert [server.address for server in system_servers(path)] == ["192.0.2.2", "2001:db8::3", "fe80::4%eth0"]


def test_a_system_without_servers(tmp_path: Path) -> None:
    path = tmp_path / "resolv.conf"
    path.write_text("search foo.com\n")

    with pytest.raises(OSError, match="names no server; name one with --server"):
        system_servers(path)
