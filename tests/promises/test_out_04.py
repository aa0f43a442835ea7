"""OUT-04: the output is written whole or not at all, whatever goes wrong and whenever."""

from __future__ import annotations

import ctypes
import errno
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import sdnc.bundle
from backends.lines import File
from compiler.diagnostics import Diagnostics
from compiler.pipeline import Compilation, read
from sdnc.compile import write_bundle
from tests.paths import ROOT
from tests.sdnc.running import SHOP, files_of, invoke

pytestmark = pytest.mark.behaviour("OUT-04")


class Crash(Exception):
    """What a test raises inside."""


def compilation(path: str) -> Compilation:
    found = read([path], None, Diagnostics())
    assert found is not None
    return found


OLD = str(ROOT / "examples" / "subnet")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An old bundle, of another cluster."""
    path = tmp_path / "place" / "out"
    write_bundle(compilation(OLD), path)
    return path


@pytest.fixture
def new_files(tmp_path: Path) -> dict[str, bytes]:
    write_bundle(compilation(SHOP), tmp_path / "new")
    return files_of(tmp_path / "new")


STEPS: dict[str, tuple[object, str]] = {
    "make the staging folder": (tempfile, "mkdtemp"),
    "make folders": (Path, "mkdir"),
    "write": (Path, "write_bytes"),
    "set permissions": (Path, "chmod"),
    "swap": (sdnc.bundle, "_exchange"),
}


def count_calls(owner: object, name: str, monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> int:
    calls = 0
    original = getattr(owner, name)

    def counting(*args: object, **kwargs: object) -> object:
        nonlocal calls
        calls += 1
        return original(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, counting)
        work()
    return calls


@pytest.mark.parametrize("fault", [Crash(), OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", STEPS)
def test_a_fault_at_any_call_leaves_the_old_bundle(
    tmp_path: Path, out: Path, step: str, fault: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, name = STEPS[step]
    original = getattr(owner, name)
    old, shop = files_of(out), compilation(SHOP)
    copy = tmp_path / "copy" / "out"
    shutil.copytree(out, copy)
    total = count_calls(owner, name, monkeypatch, lambda: write_bundle(shop, copy))
    assert total >= 1

    for last in range(total):
        left = last

        def failing(*args: object, **kwargs: object) -> object:
            nonlocal left
            if left == 0:
                raise fault
            left -= 1
            return original(*args, **kwargs)

        with monkeypatch.context() as patch, pytest.raises(type(fault)):
            patch.setattr(owner, name, failing)
            write_bundle(shop, out)

        assert files_of(out) == old
        assert list(out.parent.iterdir()) == [out]


@pytest.mark.parametrize("last", range(3))
def test_a_fault_while_progress_is_told_leaves_the_old_bundle(out: Path, last: int) -> None:
    old = files_of(out)
    calls: list[str] = []

    def progress(node: str) -> None:
        calls.append(node)
        if len(calls) > last:
            raise Crash

    if last < 2:
        with pytest.raises(Crash):
            write_bundle(compilation(SHOP), out, progress=progress)
        assert files_of(out) == old
    else:
        write_bundle(compilation(SHOP), out, progress=progress)
        assert files_of(out) != old
    assert list(out.parent.iterdir()) == [out]


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOSYS])
def test_where_folders_cannot_be_swapped_they_are_moved(
    out: Path, new_files: dict[str, bytes], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_exchange(monkeypatch, code)

    write_bundle(compilation(SHOP), out)

    assert files_of(out) == new_files
    assert list(out.parent.iterdir()) == [out]


@pytest.mark.parametrize("step", range(2))
def test_a_fault_while_folders_are_moved_leaves_the_old_bundle(
    out: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_exchange(monkeypatch, errno.EINVAL)
    old, original = files_of(out), Path.rename
    calls: list[Path] = []

    def failing(self: Path, target: Path) -> Path:
        calls.append(self)
        if len(calls) == step + 1:
            raise OSError(errno.EIO, "Input/output error")
        return original(self, target)

    with monkeypatch.context() as patch, pytest.raises(OSError, match="Input/output error"):
        patch.setattr(Path, "rename", failing)
        write_bundle(compilation(SHOP), out)

    assert files_of(out) == old
    assert list(out.parent.iterdir()) == [out]


def test_another_fault_of_the_swap_is_told(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_exchange(monkeypatch, errno.EACCES)
    old = files_of(out)

    with pytest.raises(PermissionError):
        write_bundle(compilation(SHOP), out)

    assert files_of(out) == old


def without_exchange(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """A C library whose renameat2 fails."""

    class Library:
        def renameat2(self, *_: object) -> int:
            return -1

    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: Library())
    monkeypatch.setattr(ctypes, "get_errno", lambda: code)


KILLER = """
import os, signal, sys
from pathlib import Path
import sdnc.bundle
from compiler.diagnostics import Diagnostics
from compiler.pipeline import read
from sdnc.compile import write_bundle

owner, name, left = {"write": (Path, "write_bytes"), "swap": (sdnc.bundle, "_exchange"),
                     "remove": (sdnc.bundle.shutil, "rmtree")}[sys.argv[1]] + (int(sys.argv[2]),)
original = getattr(owner, name)

def deadly(*args, **kwargs):
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    return original(*args, **kwargs)

setattr(owner, name, deadly)
write_bundle(read([sys.argv[3]], None, Diagnostics()), Path(sys.argv[4]))
"""


@pytest.mark.parametrize(
    ("step", "calls", "is_new"), [("write", 0, False), ("write", 6, False), ("swap", 0, False), ("remove", 0, True)]
)
def test_a_process_that_is_killed_leaves_one_whole_bundle(
    out: Path, new_files: dict[str, bytes], step: str, calls: int, is_new: bool
) -> None:
    old = files_of(out)

    killed = subprocess.run(
        [sys.executable, "-c", KILLER, step, str(calls), SHOP, out],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )

    assert killed.returncode == -9, killed.stderr
    assert files_of(out) == (new_files if is_new else old)


def test_what_a_killed_process_left_behind_does_not_harm(out: Path, new_files: dict[str, bytes]) -> None:
    left = out.parent / ".out.abcdefgh"
    left.mkdir()
    (left / "manifest.json").write_text("{}")

    write_bundle(compilation(SHOP), out)

    assert files_of(out) == new_files


def leave_behind(out: Path, name: str, seconds: int) -> Path:
    """A folder beside the output, last changed some seconds ago."""
    left = out.parent / name
    (left / "nodes").mkdir(parents=True)
    changed = time.time() - seconds
    os.utime(left, (changed, changed))
    return left


def test_what_killed_processes_left_behind_goes_with_the_next_success(out: Path) -> None:
    leave_behind(out, ".out.sdnc-abcdefgh", 120)

    write_bundle(compilation(SHOP), out)

    assert list(out.parent.iterdir()) == [out]


@pytest.mark.parametrize(
    ("name", "seconds"),
    [(".out.sdnc-abcdefgh", 5), (".other.sdnc-abcdefgh", 120), (".out.settings", 120), (".out.old.abcdefgh", 120)],
)
def test_what_may_not_be_left_behind_stays(out: Path, name: str, seconds: int) -> None:
    """A run that has just begun, another output, somebody's own, a bundle that a fault caught between two renames."""
    left = leave_behind(out, name, seconds)

    write_bundle(compilation(SHOP), out)

    assert sorted(out.parent.iterdir()) == [left, out]


def test_the_staging_folder_of_a_living_run_stays(out: Path, new_files: dict[str, bytes]) -> None:
    with sdnc.bundle.staged(out) as staging:
        os.utime(staging, (0, 0))

        write_bundle(compilation(SHOP), out)

        assert staging.is_dir()
        assert files_of(out) == new_files


PRECIOUS: dict[str, dict[str, str]] = {
    "a web app": {"manifest.json": '{"name":"my web app"}', "important": "data"},
    "a web app alone": {"manifest.json": '{"name":"my web app"}'},
    "no JSON": {"manifest.json": "compiler: sdnc 1"},
    "an empty manifest": {"manifest.json": ""},
    "a folder as manifest": {"manifest.json/important": "data"},
    "somebody else's": {"manifest.json": '{"compiler": "other"}', "nodes/important": "data"},
}


@pytest.mark.parametrize("content", PRECIOUS.values(), ids=PRECIOUS)
def test_a_folder_that_sdnc_did_not_write_is_never_replaced(tmp_path: Path, content: dict[str, str]) -> None:
    precious = tmp_path / "precious"
    for name, text in content.items():
        (precious / name).parent.mkdir(parents=True, exist_ok=True)
        (precious / name).write_text(text)

    result = invoke("compile", OLD, "-o", precious)

    assert result.exit_code == 2
    assert result.stderr == f"sdnc: {precious} exists and is no bundle; it stays as it is\n"
    assert files_of(tmp_path) == {f"precious/{name}": text.encode() for name, text in content.items()}


def test_a_bundle_that_somebody_put_more_into_is_not_replaced(out: Path) -> None:
    (out / ".git").mkdir()
    (out / ".git" / "important").write_text("data")
    before = files_of(out.parent)

    result = invoke("compile", SHOP, "-o", out)

    assert result.exit_code == 2
    assert result.stderr == f"sdnc: {out} is a bundle, but '.git' in it is no part of one; it stays as it is\n"
    assert files_of(out.parent) == before


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_worker_that_fails_leaves_the_old_bundle(out: Path, jobs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    old = files_of(out)

    def failing(*_: object) -> dict[str, File]:
        raise Crash

    monkeypatch.setattr(importlib.import_module("sdnc.compile"), "node_files", failing)
    with pytest.raises(Crash):
        write_bundle(compilation(SHOP), out, jobs=jobs)

    assert files_of(out) == old
    assert list(out.parent.iterdir()) == [out]


@pytest.mark.behaviour("OUT-05")
@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x"])
def test_no_file_is_written_outside_the_bundle(out: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    old = files_of(out)
    monkeypatch.setattr(importlib.import_module("sdnc.compile"), "node_files", lambda *_: {name: File("text", ())})

    with pytest.raises(ValueError, match="not a path inside the bundle"):
        write_bundle(compilation(SHOP), out)

    assert files_of(out.parent.parent) == {f"place/out/{path}": content for path, content in old.items()}
