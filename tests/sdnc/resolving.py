"""Shortens the tests of `sdnc resolve`: sources with names, and lock files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from click.testing import Result

from tests.compiling import CLUSTER
from tests.sdnc.running import invoke

ENTRY = {
    "addresses": ["192.0.2.80"],
    "ipv6": [],
    "ttl": 7,
    "resolved": "2026-03-01T12:00:00Z",
    "server": "192.0.2.53",
}


def sources(folder: Path, *names: str) -> Path:
    """A file with an egress firewall that allows these names."""
    rules = "".join(f"allow any to {name} " for name in names)
    path = folder / "shop.sdn"
    pod = "pod shop/web { node node-1 address 10.128.0.5 }"
    path.write_text(f"{CLUSTER}\nproject shop\n{pod}\nfirewall shop {{ {rules} deny any to anyone }}\n")
    return path


def resolve(lock: Path, server: str, *names: str) -> Result:
    return invoke("resolve", sources(lock.parent, *names), "--dns-lock", lock, "--server", server, "--timeout", "1")


def locked(lock: Path) -> dict[str, dict[str, object]]:
    content = json.loads(lock.read_text())
    assert content["schema"] == 1
    names: dict[str, dict[str, object]] = content["names"]
    return names


def write_lock(lock: Path, names: Mapping[str, Mapping[str, object]]) -> None:
    lock.write_text(json.dumps({"schema": 1, "names": names}))


def addresses(lock: Path) -> dict[str, object]:
    return {name: entry["addresses"] for name, entry in locked(lock).items()}


def identity(path: Path) -> tuple[int, int, bytes]:
    status = path.stat()
    return status.st_ino, status.st_mtime_ns, path.read_bytes()
