"""The DNS lock file: which addresses the names of egress firewalls have, so that compiling needs no network (EF-08).

`sdnc resolve` writes it, `sdnc compile` and `sdnc check` read it:

    {
      "schema": 1,
      "names": {
        "www.example.com": {
          "addresses": ["192.0.2.80"],
          "ipv6": ["2001:db8::80"],
          "ttl": 300,
          "resolved": "2026-03-01T12:00:00Z",
          "server": "192.0.2.53"
        }
      }
    }

`ipv6` is kept for later.  A name without addresses was answered, with nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from attrs import field, frozen

from compiler.origin import Origin
from compiler.values.prefix import format_address

SCHEMA = 1


@frozen
class LockedName:
    """What a name, without a trailing dot, resolved to: IPv4 addresses sorted, IPv6 addresses as text sorted, TTL in
    seconds, when (RFC 3339, in UTC, whole seconds), and the server that said so (an address, `#PORT` if it is not 53).
    """

    name: str
    addresses: tuple[int, ...]
    ipv6: tuple[str, ...]
    ttl: int
    resolved: str
    server: str
    origin: Origin | None = field(default=None, eq=False, repr=False)


@frozen
class DnsLock:
    """A lock file; `path` is for messages, `names` has the names without a trailing dot as keys.

    Not `complete`: parts of it could not be read, and no name is missed in it.
    """

    path: str
    names: Mapping[str, LockedName] = field(factory=dict)
    complete: bool = True


def lock_text(names: Iterable[LockedName]) -> str:
    """The text of a lock file: names and addresses sorted, so that equal contents are equal bytes."""
    entries = {
        locked.name: {
            "addresses": [format_address(address) for address in sorted(set(locked.addresses))],
            "ipv6": sorted(set(locked.ipv6)),
            "ttl": locked.ttl,
            "resolved": locked.resolved,
            "server": locked.server,
        }
        for locked in sorted(names, key=lambda locked: locked.name)
    }
    return json.dumps({"schema": SCHEMA, "names": entries}, indent=2) + "\n"
