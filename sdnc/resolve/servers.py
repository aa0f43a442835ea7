"""Name servers: what `--server` says, or what /etc/resolv.conf says."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

from attrs import frozen

from compiler.values.ports import MAX_PORT

DNS_PORT = 53
RESOLV_CONF = Path("/etc/resolv.conf")

_MAX_SERVERS = 3
"""How many servers of resolv.conf(5) count (MAXNS)."""


@frozen
class Server:
    """A name server: an IPv4 or IPv6 address, which may have a zone (`fe80::1%eth0`), and a port."""

    address: str
    port: int = DNS_PORT

    def __str__(self) -> str:
        """As the lock file names it: without the zone, which means something on one machine only."""
        address = self.address.partition("%")[0]
        return address if self.port == DNS_PORT else f"{address}#{self.port}"


def parse_server(text: str) -> Server:
    """The server in `ADDRESS` or `ADDRESS#PORT`.  Raises ValueError: a name is no address, nobody could resolve it."""
    address, mark, port = text.partition("#")
    if not mark:
        return Server(_address(address))
    if not (port.isascii() and port.isdigit() and len(port) <= len(str(MAX_PORT)) and 0 < int(port) <= MAX_PORT):
        raise ValueError(f"{port!r} is not a port")
    return Server(_address(address), int(port))


def _address(text: str) -> str:
    return str(ip_address(text))


def system_servers(path: Path = RESOLV_CONF) -> tuple[Server, ...]:
    """The first three name servers of a file in the format of resolv.conf(5); lines that name none are left out.

    Raises OSError if the file cannot be read, or if there is no server in it.
    """
    servers = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        match line.split():
            case ["nameserver", address, *_]:
                try:
                    servers.append(Server(_address(address)))
                except ValueError:
                    continue
    if not servers:
        raise OSError(f"{path} names no server; name one with --server")
    return tuple(servers[:_MAX_SERVERS])
