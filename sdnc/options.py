"""From the options of the command line, or of the Python interface, to the settings of a compilation."""

from __future__ import annotations

from pathlib import Path

from compiler.diagnostics import Diagnostics
from compiler.dns_lock import DnsLock
from compiler.options import BrokenEgress, Options
from compiler.sources.dns_lock import read_dns_lock


def read_options(dns_lock: str | Path | None, on_broken_egress_policy: str, diagnostics: Diagnostics) -> Options:
    """The settings; what is wrong in the lock file is reported, and names are not missed in it then.

    Raises ValueError if `on_broken_egress_policy` is neither `error` nor `drop`.
    """
    lock = None
    if dns_lock is not None:
        lock = read_dns_lock(str(dns_lock), diagnostics) or DnsLock(str(dns_lock), complete=False)
    return Options(lock, BrokenEgress(on_broken_egress_policy))
