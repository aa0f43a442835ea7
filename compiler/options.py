"""What the command line adds to the sources: settings of one compilation."""

from __future__ import annotations

from enum import Enum

from attrs import frozen

from compiler.dns_lock import DnsLock


class BrokenEgress(Enum):
    """What a broken egress firewall does (EF-05): it is an error, or all that leaves its project is dropped."""

    ERROR = "error"
    DROP = "drop"


@frozen
class Options:
    """Settings of a compilation.  `dns_lock` None: no lock file was given."""

    dns_lock: DnsLock | None = None
    broken_egress: BrokenEgress = BrokenEgress.ERROR


DEFAULTS = Options()
