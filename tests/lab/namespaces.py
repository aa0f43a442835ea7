"""Network namespaces: make them, remove them, and open sockets inside them.

A socket belongs for ever to the namespace of the thread that opened it, so one process can hold sockets in
all namespaces at once: `Namespace.socket` takes this thread into the namespace, opens the socket and comes
back. Nothing needs a process of its own inside a namespace.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from attrs import frozen

from tests.lab.commands import LabError, run

_FOLDER = Path("/run/netns")
_CLONE_NEWNET = 0x40000000  # linux/sched.h


@frozen
class Namespace:
    """A network namespace that `ip netns` knows by this name."""

    name: str

    def run(self, command: Sequence[str], *, stdin: str = "", env: Mapping[str, str] | None = None) -> str:
        """Run a command inside and return its standard output. Raises LabError."""
        return run(["ip", "netns", "exec", self.name, *command], stdin=stdin, env=env)

    @contextmanager
    def process(self, command: Sequence[str], output: Path) -> Iterator[subprocess.Popen[bytes]]:
        """Run a command inside as long as the context lasts; what it prints goes to the file `output`."""
        with output.open("wb") as file:
            process = subprocess.Popen(
                ["ip", "netns", "exec", self.name, *command], stdin=subprocess.DEVNULL, stdout=file, stderr=file
            )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(timeout=10)

    def ip(self, *lines: str) -> None:
        """Run `ip` commands inside, one a line ("addr add 10.1.2.3/24 dev eth0"), all in one process."""
        run(["ip", "-n", self.name, "-batch", "-"], stdin="".join(f"{line}\n" for line in lines))

    def sysctl(self, key: str, value: str) -> None:
        """Set a network setting of the namespace, where the kernel has it ("net/ipv4/ip_forward", "1")."""
        path = Path("/proc/sys") / key
        with entered(self):
            if path.exists():
                path.write_text(value)

    def socket(self, family: int, kind: int, protocol: int = 0) -> socket.socket:
        """Open a socket that belongs to this namespace."""
        with entered(self):
            return socket.socket(family, kind, protocol)


@contextmanager
def entered(namespace: Namespace) -> Iterator[None]:
    """Let the current thread, and no other, work inside the namespace (setns(2))."""
    with Path("/proc/thread-self/ns/net").open("rb") as home, (_FOLDER / namespace.name).open("rb") as target:
        _setns(target.fileno())
        try:
            yield
        finally:
            _setns(home.fileno())


def create(namespaces: Iterable[Namespace]) -> None:
    """Make the namespaces, each with its loopback interface up and IPv6 off (it would only add noise)."""
    made = list(namespaces)
    run(["ip", "-batch", "-"], stdin="".join(f"netns add {each.name}\n" for each in made))
    for each in made:
        each.sysctl("net/ipv6/conf/all/disable_ipv6", "1")
        each.sysctl("net/ipv6/conf/default/disable_ipv6", "1")
        each.ip("link set lo up")


def remove_all(prefix: str) -> None:
    """Remove every namespace whose name starts with `prefix`, and end the processes inside them."""
    if not _FOLDER.is_dir():
        return
    names = sorted(path.name for path in _FOLDER.iterdir() if path.name.startswith(prefix))
    for name in names:
        # A namespace half made by a killed process has a file without a namespace behind it.
        with suppress(LabError):
            for pid in run(["ip", "netns", "pids", name]).split():
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
    if names:
        run(["ip", "-force", "-batch", "-"], stdin="".join(f"netns del {name}\n" for name in names))


def _setns(descriptor: int) -> None:
    # os.setns came with Python 3.12 only.
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, _CLONE_NEWNET) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
