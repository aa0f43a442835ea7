"""Running the system's tools (ip, ovs-vsctl, ovs-ofctl …) and reporting what they complain about."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence

# Debian keeps the daemons in /usr/sbin, which is not on everybody's path.
_SYSTEM_FOLDERS = "/usr/sbin:/sbin"


class LabError(Exception):
    """The test network could not be built, or one of its tools failed."""


def run(command: Sequence[str], *, stdin: str = "", env: Mapping[str, str] | None = None, timeout: float = 60.0) -> str:
    """Run a command to its end and return its standard output.

    `env` is added to this process's environment; `timeout` is in seconds. Raises LabError, with the command
    and its standard error, if the command is missing, fails or takes too long.
    """
    environment = {**os.environ, **(env or {})}
    environment["PATH"] = f"{environment.get('PATH', '/usr/bin:/bin')}:{_SYSTEM_FOLDERS}"
    line = shlex.join(command)
    try:
        result = subprocess.run(
            command,
            input=stdin,
            env=environment,
            timeout=timeout,
            capture_output=True,
            text=True,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as fault:
        raise LabError(f"{line}: {fault}") from fault
    if result.returncode != 0:
        raise LabError(f"{line}: exit status {result.returncode}\n{result.stderr}{result.stdout}")
    return result.stdout
