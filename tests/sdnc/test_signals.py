"""What ends the command early leaves the old bundle and nothing else: real processes, real signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.compiling import CLUSTER
from tests.paths import EXAMPLES, ROOT
from tests.sdnc.running import ENDING, SHOP, files_of, invoke, running, wait_until

pytestmark = pytest.mark.behaviour("OUT-04")

SLOW = """
import importlib, time
module = importlib.import_module("sdnc.compile")
original = module.node_files

def slow(*arguments):
    time.sleep(0.25)
    return original(*arguments)

module.node_files = slow
from sdnc.cli import main
main()
"""


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An old bundle, of another cluster."""
    path = tmp_path / "place" / "out"
    invoke("compile", EXAMPLES / "subnet", "-o", path)
    return path


@pytest.fixture
def many_nodes(tmp_path: Path) -> Path:
    path = tmp_path / "nodes.sdn"
    path.write_text("".join(f"node n{i} {{ address 192.0.2.{i} subnet 10.129.{2 * i}.0/23 }}\n" for i in range(10, 40)))
    return path


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_running(pid: int) -> bool:
    """Whether a process runs; one that nobody has waited for yet does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"


@pytest.mark.parametrize("whole_group", [False, True])
@pytest.mark.parametrize("number", [*ENDING, signal.SIGKILL])
def test_a_signal_in_the_middle_of_the_work(
    out: Path, many_nodes: Path, number: signal.Signals, whole_group: bool
) -> None:
    old = files_of(out)
    with running("-c", SLOW, "compile", SHOP, many_nodes, "-o", out, "--jobs", "2") as process:
        wait_until(lambda: any(out.parent.glob(".out.*/nodes/*/flows.txt")))
        workers = children(process.pid)
        send = os.killpg if whole_group else os.kill

        send(process.pid, number)
        # A terminal, a supervisor and an impatient user may all end the same command.
        if number != signal.SIGKILL:
            send(process.pid, number)
        _, errors = process.communicate(timeout=20)

    assert len(workers) == 2
    wait_until(lambda: not any(map(is_running, workers)), 5)
    assert files_of(out) == old
    if number == signal.SIGKILL:
        assert process.returncode == -number
    else:
        assert (process.returncode, errors) == (128 + number, "")
        assert list(out.parent.iterdir()) == [out]


@pytest.mark.parametrize("delay", [0, 2, 5, 10])
def test_a_signal_while_workers_start(out: Path, many_nodes: Path, delay: int) -> None:
    old = files_of(out)
    with running("-c", SLOW, "compile", SHOP, many_nodes, "-o", out, "--jobs", "8") as process:
        wait_until(lambda: any(out.parent.glob(".out.*")))
        time.sleep(delay / 1000)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)

    assert (process.returncode, errors) == (143, "")
    assert files_of(out) == old
    assert list(out.parent.iterdir()) == [out]


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_while_sources_are_read(tmp_path: Path, out: Path, number: signal.Signals) -> None:
    old, before = files_of(out), sorted(tmp_path.iterdir())
    # A pipe that never ends: the command is in the middle of reading when the signal comes.
    with running("-m", "sdnc", "compile", "-", "-o", out, "--jobs", "2") as process:
        assert process.stdin is not None
        # What fills a pipe is taken only by a process that has begun to read.
        process.stdin.write("# " + "x" * 1_000_000 + "\n")
        process.stdin.flush()
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)

    assert (process.returncode, errors) == (128 + number, "")
    assert files_of(out) == old
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_that_was_ignored_stays_ignored(out: Path, number: signal.Signals) -> None:
    with running("-m", "sdnc", "compile", "-", "-o", out, ignored=True) as process:
        assert process.stdin is not None
        process.stdin.write("# " + "x" * 1_000_000 + "\n" + CLUSTER)
        process.stdin.flush()
        process.send_signal(number)
        process.communicate(timeout=20)

    assert process.returncode == 0


def test_a_reader_that_goes_is_no_result() -> None:
    """The status 1 would say that something differs, or was not found."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as nowhere:
        done = subprocess.run(
            [sys.executable, "-m", "sdnc", "check", SHOP], stdout=nowhere, stderr=subprocess.PIPE, cwd=ROOT, check=False
        )
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b"")
