"""squid and haproxy as judges of their configuration files."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path


def program(name: str) -> str:
    path = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    assert path is not None, f"{name} is not installed"
    return path


def squid_faults(text: str, folder: Path) -> list[str]:
    """What squid finds wrong with a file; it tells that a proxy without Via is against RFC 7230, which it is."""
    path = folder / "squid.conf"
    path.write_text(text)
    ran = subprocess.run(
        [program("squid"), "-k", "parse", "-f", path], capture_output=True, text=True, check=False, timeout=30
    )
    said = [line.partition("| ")[2] for line in ran.stderr.splitlines()]
    noise = ("Startup: ", "Processing", "Initializing", "WARNING: HTTP requires the use of Via")
    faults = [line for line in said if not line.startswith(noise)]
    return [*faults, *([f"exit status {ran.returncode}"] if ran.returncode else [])]


def haproxy_faults(text: str, folder: Path) -> list[str]:
    """What haproxy finds wrong with a file."""
    path = folder / "haproxy.cfg"
    path.write_text(text)
    ran = subprocess.run(
        [program("haproxy"), "-c", "-f", path], capture_output=True, text=True, check=False, timeout=30
    )
    said = (ran.stdout + ran.stderr).splitlines()
    faults = [line for line in said if line != "Configuration file is valid"]
    return [*faults, *([f"exit status {ran.returncode}"] if ran.returncode else [])]
