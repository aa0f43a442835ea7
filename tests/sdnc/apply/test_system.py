"""Running programs: their input, their failures, and what they are given."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sdnc.apply.system import BadEnvironment, Command, CommandFailed, System
from tests.paths import ROOT
from tests.sdnc.running import wait_until


def test_a_program_gets_its_input_and_gives_its_output() -> None:
    assert System().run(["cat"], stdin="één\n") == "één\n"


@pytest.mark.parametrize(
    ("argv", "status", "told"),
    [
        (["sh", "-c", "echo no such bridge >&2; exit 3"], 3, "sh -c 'echo no such bridge >&2; exit 3': no such bridge"),
        (["sh", "-c", "exit 4\n"], 4, "sh -c '…': it ended with status 4"),
        (["no-such-program"], 127, "no-such-program: the program no-such-program is missing"),
    ],
)
def test_failures_are_told_in_one_line(argv: list[str], status: int, told: str) -> None:
    with pytest.raises(CommandFailed) as failed:
        System().run(argv)

    assert (failed.value.status, str(failed.value)) == (status, told)


def test_statuses_that_are_no_failure() -> None:
    assert System().run(["sh", "-c", "echo differ; exit 2"], statuses=(0, 2)) == "differ\n"


def test_what_may_fail_is_tried_twice_and_then_left(tmp_path: Path) -> None:
    script = f"echo tried >>{tmp_path}/log; exit 1"

    System().change([Command(("sh", "-c", script), is_optional=True), Command(("touch", f"{tmp_path}/behind"))])

    assert (tmp_path / "log").read_text() == "tried\ntried\n"
    assert (tmp_path / "behind").exists()


def test_commands_that_run_beside_each_other_all_end_before_a_failure_is_told(tmp_path: Path) -> None:
    commands = [
        Command(("sh", "-c", "exit 1"), is_parallel=True),
        Command(("sh", "-c", f"sleep 0.2; touch {tmp_path}/ended"), is_parallel=True),
        Command(("touch", f"{tmp_path}/behind")),
    ]

    with pytest.raises(CommandFailed):
        System().change(commands)

    assert (tmp_path / "ended").exists()
    assert not (tmp_path / "behind").exists()


def test_a_program_that_cannot_be_started() -> None:
    with pytest.raises(CommandFailed, match="it cannot be started") as failed:
        System().run(["/etc"])

    assert failed.value.status == 126


def test_what_takes_too_long_is_ended_with_all_that_it_has_started(tmp_path: Path) -> None:
    script = f"sh -c 'echo $$ >{tmp_path}/child; exec sleep 60'; true"

    with pytest.raises(CommandFailed, match=r"did not end within 0\.5 seconds"):
        System().run(["sh", "-c", script], seconds=0.5)

    child = int((tmp_path / "child").read_text())
    wait_until(lambda: not is_running(child))


def is_running(pid: int) -> bool:
    """Whether a process is there, and not dead and only waiting for its parent to look."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_descriptors_go_to_the_programs() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading), os.fdopen(writing):
        System(descriptors=[writing]).run(["sh", "-c", f"test -e /proc/self/fd/{writing}"])
        with pytest.raises(CommandFailed):
            System().run(["sh", "-c", f"test -e /proc/self/fd/{writing}"])


def test_a_program_whose_applier_is_killed_has_all_of_its_input(tmp_path: Path) -> None:
    """A part of it, taken for the whole, would put a part of the flows in force."""
    size = 10_000_000
    applier = (
        "import os, sys\nfrom sdnc.apply.system import System\n"
        f"script = f'kill -9 {{os.getpid()}}; cd {tmp_path}; sleep 0.2; wc -c >part; mv part all'\n"
        f"System().run(['sh', '-c', script], stdin='x' * {size})\n"
    )

    killed = subprocess.run([sys.executable, "-c", applier], cwd=ROOT, check=False)
    for _ in range(200):
        if (tmp_path / "all").exists():
            break
        subprocess.run(["sleep", "0.05"], check=True)

    assert killed.returncode == -9
    assert int((tmp_path / "all").read_text()) == size


@pytest.mark.parametrize(
    ("environ", "reason"),
    [
        ({"SDNC_IPTABLES": "ebtables"}, "SDNC_IPTABLES must be nft or legacy, not 'ebtables'"),
        ({"SDNC_DATAPATH_TYPE": "dummy"}, "SDNC_DATAPATH_TYPE must be system or netdev, not 'dummy'"),
    ],
)
def test_variables_with_other_values_are_refused(environ: dict[str, str], reason: str) -> None:
    with pytest.raises(BadEnvironment, match=reason):
        System(environ)


def test_the_defaults() -> None:
    system = System({})

    assert (system.iptables, system.datapath_type) == ("iptables", "system")
    assert System({"SDNC_IPTABLES": "legacy"}).iptables == "iptables-legacy"


def test_programs_that_are_missing() -> None:
    assert System().missing(["no-such-program", "sh", "no-such-program", "neither"]) == ["no-such-program", "neither"]
