"""The command line of the applier: what goes together, what it tells where, and its exit status."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result as Run

from sdnc.apply import command
from sdnc.apply.differences import Difference, Kind
from sdnc.apply.engine import Plan
from sdnc.apply.lock import locked
from sdnc.apply.report import MOST_LISTED, Action, Failure, Report, Result, failure_text, text
from sdnc.apply.store import open_store
from tests.paths import ROOT
from tests.sdnc.apply.bundles import ONE_POD, TWO_PODS, compile_node
from tests.sdnc.apply.fakes import NOTHING, FakeEngine
from tests.sdnc.running import invoke


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    place = tmp_path_factory.mktemp("bundles")
    return compile_node(place / "old", ONE_POD), compile_node(place / "new", TWO_PODS)


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """The command has this engine, and starts no watchdogs."""
    made = FakeEngine(tmp_path / "node")
    made.node.write_text(NOTHING)
    monkeypatch.setattr(command, "engine", made)
    monkeypatch.setattr(command, "start", lambda store, key: None)
    return made


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.mark.usefixtures("engine")
class TestExits:
    def test_the_life_of_a_node(self, folders: tuple[Path, Path], state: Path) -> None:
        old, new = folders

        def apply(*arguments: str | Path) -> tuple[int, str]:
            run = invoke("apply", "--state", state, *arguments)
            assert run.stderr == ""
            return run.exit_code, run.stdout.partition("\n")[0].partition(": ")[2]

        assert apply(old, "--check")[0] == 1
        assert apply(old, "--dry-run")[0] == 0
        assert apply(old)[0] == 0
        assert apply(old)[1].endswith("is in force already: nothing to do")
        assert apply(old, "--check") == (0, f"bundle {digest(state)} is in force: no drift")
        assert apply(new, "--confirm", "60")[0] == 0
        assert apply("--accept") == (0, f"bundle {digest(state)} is accepted")
        assert apply(old, "--confirm", "60")[0] == 0
        assert apply("--roll-back")[1].endswith("is taken back: what was there before it is in force again")
        assert apply(new, "--check")[0] == 0

    def test_a_failure_is_told_on_standard_error(
        self, folders: tuple[Path, Path], state: Path, engine: FakeEngine
    ) -> None:
        engine.failing = "the switch refused"

        run = invoke("apply", "--state", state, folders[0])

        assert (run.exit_code, run.stdout) == (2, "")
        assert run.stderr == "sdnc: step flows: the switch refused; what was there before is put back\n"

    def test_a_failure_as_json(self, folders: tuple[Path, Path], state: Path, engine: FakeEngine) -> None:
        engine.failing = "the switch refused"

        run = invoke("apply", "--state", state, "--format", "json", folders[0])

        assert run.exit_code == 2
        told = json.loads(run.stdout)
        assert (told["result"], told["failure"]["step"], told["failure"]["put_back"]) == ("failed", "flows", True)

    def test_a_bad_bundle(self, folders: tuple[Path, Path], state: Path) -> None:
        run = invoke("apply", "--state", state, folders[0].parent)

        assert run.exit_code == 2
        assert (
            run.stderr == f"sdnc: {folders[0].parent} is no node's folder of a bundle: it should be BUNDLE/nodes/NODE\n"
        )
        assert not state.exists()

    def test_a_folder_that_is_not_there(self, state: Path, tmp_path: Path) -> None:
        run = invoke("apply", "--state", state, tmp_path / "nodes" / "node-1", "--format", "json")

        assert run.exit_code == 2
        assert json.loads(run.stdout)["failure"]["reason"] == f"{tmp_path}/manifest.json is missing"

    def test_another_applier_is_at_work(self, folders: tuple[Path, Path], state: Path) -> None:
        with locked(open_store(state).lock):
            run = invoke("apply", "--state", state, "--lock-timeout", "0", folders[0])

        assert run.exit_code == 2
        assert run.stderr == f"sdnc: another applier is at work (process {os.getpid()}); nothing was changed\n"

    def test_a_wrong_environment(
        self, folders: tuple[Path, Path], state: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SDNC_IPTABLES", "ebtables")

        run = invoke("apply", "--state", state, folders[0])

        assert (run.exit_code, run.stderr) == (2, "sdnc: SDNC_IPTABLES must be nft or legacy, not 'ebtables'\n")

    def test_somebody_who_is_not_root(
        self, folders: tuple[Path, Path], state: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 1000)

        run = invoke("apply", "--state", state, folders[0], "--format", "json")

        assert run.exit_code == 2
        assert "has to be run as root" in json.loads(run.stdout)["failure"]["reason"]
        assert not state.exists()

    def test_a_lack_of_memory(
        self, folders: tuple[Path, Path], state: Path, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def lacking(*_: object) -> Plan:
            raise MemoryError

        monkeypatch.setattr(engine, "plan", lacking)

        run = invoke("apply", "--state", state, folders[0], "--check")

        assert (run.exit_code, run.stderr) == (2, "sdnc: MemoryError\n")


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_closed_streams(folders: tuple[Path, Path], tmp_path: Path, closed: str) -> None:
    """The lock, or what a program prints, would else have their numbers; and nobody can be told of a step."""
    script = (
        "import sys\nfrom pathlib import Path\n"
        "from sdnc.apply import command\nfrom tests.sdnc.apply.fakes import FakeEngine\n"
        f"command.engine = FakeEngine(Path('{tmp_path}/node'))\n"
        "command.command(sys.argv[1:])\n"
    )
    (tmp_path / "node").write_text(NOTHING)
    run = ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-c", script]

    done = subprocess.run([*run, "--state", tmp_path / "state", folders[1]], cwd=ROOT, check=False)

    assert done.returncode == 0
    assert (tmp_path / "node").read_text() != NOTHING


def digest(state: Path) -> str:
    return (state / "current").resolve().name


def usage(run: Run) -> str:
    assert run.exit_code == 2
    return run.output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "a node's folder of a bundle is missing"),
        (["--check"], "a node's folder of a bundle is missing"),
        (["n", "--check", "--dry-run"], "--check and --dry-run do not go together"),
        (["--accept", "--roll-back"], "--accept and --roll-back do not go together"),
        (["n", "--accept"], "--accept takes no folder"),
        (["n", "--check", "--confirm", "5"], "--confirm and --check do not go together"),
        (["n", "--confirm", "0"], "0 is not in the range 1<=x<=86400"),
        (["n", "--lock-timeout", "-1"], "is not in the range x>=0"),
        (["n", "--lock-timeout", "nan"], "is not a valid integer range"),
    ],
)
def test_what_does_not_go_together(arguments: list[str], told: str) -> None:
    assert told in usage(invoke("apply", *arguments))


def test_many_differences_are_counted() -> None:
    many = tuple(Difference(Kind.EXTRA, "flows", f"table={number}") for number in range(MOST_LISTED + 2))
    chain = Difference(Kind.MISSING, "chain filter OPENSHIFT-FIREWALL-ALLOW", "rule 1: -j DROP")

    lines = text(Report(Action.CHECK, Result.DRIFT, "node-1", "0a" * 32, differences=(chain, *many))).splitlines()

    assert lines[0] == "missing chain filter OPENSHIFT-FIREWALL-ALLOW: rule 1: -j DROP"
    assert lines[-2:] == [
        "… and 3 more",
        f"node-1: bundle 0a0a0a0a0a0a0a0a is not what is in force: {MOST_LISTED + 3} differences "
        f"(chain: 1, flows: {MOST_LISTED + 2})",
    ]


def test_what_could_not_be_put_back_is_told_loudly() -> None:
    told = failure_text(Failure("flows", "refused", put_back=False, trouble="gone"))

    assert told == "step flows: refused; what was there could NOT be put back: gone"


ALLOWED = {"sdnc.apply", "sdnc.exits", "sdnc.signals"}
"""What the applier may import beside the standard library; the last two import nothing else either."""


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names)
            case ast.ImportFrom(module=str(module)):
                yield module


def test_the_applier_needs_nothing_but_the_standard_library() -> None:
    """A node has no compiler, and what runs as root there should be little.  The command line is click's."""
    files = [*(ROOT / "sdnc/apply").glob("*.py"), ROOT / "sdnc/exits.py", ROOT / "sdnc/signals.py"]
    foreign = {
        f"{path.name}: {module}"
        for path in files
        for module in imports(path)
        if module.split(".")[0] not in sys.stdlib_module_names
        and not any(f"{module}.".startswith(f"{allowed}.") for allowed in ALLOWED)
    }

    assert foreign == {"command.py: click"}
    assert len(files) > 20
