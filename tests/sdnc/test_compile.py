"""`sdnc compile`: what is written, and that it is written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import sdnc
from compiler.version import VERSION
from sdnc.provenance import BadProvenance, read_provenance
from tests.compiling import CLUSTER
from tests.paths import EXAMPLES, ROOT
from tests.sdnc.running import SHOP, files_of, invoke, run

ROUTERS = str(EXAMPLES / "egress-routers-language")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def test_a_bundle(out: Path) -> None:
    result = invoke("compile", SHOP, "-o", out)

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"{out}: 15 files for 2 of 2 nodes (8 pods, 6 policies)\n"
    assert set(files_of(out)) == {"manifest.json"} | {
        f"nodes/{node}/{name}"
        for node in ("node-1", "node-2")
        for name in (
            "addresses.sh",
            "bridge.sh",
            "flows.txt",
            "iptables.rules",
            "iptables.sh",
            "node.json",
            "ports.json",
        )
    }


def test_the_manifest(out: Path) -> None:
    invoke("compile", SHOP, "-o", out)
    manifest = json.loads((out / "manifest.json").read_text())
    files = files_of(out)
    del files["manifest.json"]

    assert manifest["schema"] == 1
    assert manifest["compiler"] == f"sdnc {VERSION}"
    assert manifest["outputs"] == {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}
    nothing = {"admin-rules": 0, "host-claims": 0, "routers": 0}
    assert manifest["counts"] == {"nodes": 2, "pods": 8, "policies": 6, "projects": 4, **nothing}
    assert set(manifest["inputs"]) == {
        *("cluster", "nodes", "projects", "pods", "policies", "firewalls", "egress-ips", "multicast"),
        *("routers", "admin-rules", "host-claims"),
    }


def test_scripts_are_executable_and_the_rest_is_not(out: Path) -> None:
    invoke("compile", SHOP, "-o", out)

    modes = {path.suffix: stat.S_IMODE(path.stat().st_mode) for path in out.rglob("*") if path.is_file()}
    assert modes == {".sh": 0o755, ".txt": 0o644, ".json": 0o644, ".rules": 0o644}
    assert stat.S_IMODE(out.stat().st_mode) == 0o755


@pytest.mark.parametrize("umask", [0o000, 0o077])
@pytest.mark.parametrize("jobs", [1, 2])
def test_modes_do_not_depend_on_the_umask(out: Path, umask: int, jobs: int) -> None:
    before = os.umask(umask)
    try:
        invoke("compile", SHOP, "-o", out, "--jobs", str(jobs))
    finally:
        os.umask(before)

    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (out, *out.rglob("*"))}
    assert modes == {path: 0o755 if path.is_dir() or path.suffix == ".sh" else 0o644 for path in modes}


def test_only_some_nodes(out: Path) -> None:
    result = invoke("compile", SHOP, "-o", out, "--node", "node-2", "--node", "node-2")

    assert result.exit_code == 0
    assert result.stdout == f"{out}: 8 files for 1 of 2 nodes (8 pods, 6 policies)\n"
    assert {path.split("/")[1] for path in files_of(out) if "/" in path} == {"node-2"}


def test_a_node_alone_is_the_same_as_among_all(tmp_path: Path) -> None:
    invoke("compile", SHOP, "-o", tmp_path / "all")
    invoke("compile", SHOP, "-o", tmp_path / "one", "--node", "node-1")

    assert files_of(tmp_path / "all" / "nodes" / "node-1") == files_of(tmp_path / "one" / "nodes" / "node-1")


def test_an_unknown_node_is_wrong_usage(out: Path) -> None:
    result = invoke("compile", SHOP, "-o", out, "--node", "node-3")

    assert result.exit_code == 2
    assert "there is no node 'node-3'; did you mean 'node-" in result.stderr
    assert not out.exists()


@pytest.mark.parametrize("jobs", ["0", "-1", "x"])
def test_jobs_are_one_or_more(out: Path, jobs: str) -> None:
    assert invoke("compile", SHOP, "-o", out, "--jobs", str(jobs)).exit_code == 2


def test_an_output_is_needed() -> None:
    assert invoke("compile", SHOP).exit_code == 2


def test_standard_input(out: Path) -> None:
    result = invoke("compile", "-", "-o", out, stdin=CLUSTER)

    assert result.exit_code == 0
    assert (out / "nodes" / "node-1" / "flows.txt").is_file()


@pytest.mark.behaviour("OUT-04")
def test_errors_leave_the_old_output_as_it_is(tmp_path: Path, out: Path) -> None:
    invoke("compile", SHOP, "-o", out)
    before, inode = files_of(out), out.stat().st_ino
    bad = tmp_path / "bad.sdn"
    bad.write_text("project UPPER")

    result = invoke("compile", SHOP, bad, "-o", out)

    assert result.exit_code == 1
    assert result.stdout == ""
    assert "error[SDN201]" in result.stderr
    assert (files_of(out), out.stat().st_ino) == (before, inode)


@pytest.mark.behaviour("OUT-04")
def test_a_new_bundle_takes_the_place_of_the_old_one_as_a_whole(tmp_path: Path, out: Path) -> None:
    invoke("compile", SHOP, "-o", out)

    result = invoke("compile", SHOP, "-o", out, "--node", "node-2")

    assert result.exit_code == 0
    assert not (out / "nodes" / "node-1").exists()
    assert list(tmp_path.iterdir()) == [out]


def test_an_empty_folder_is_filled(out: Path) -> None:
    out.mkdir()

    assert invoke("compile", SHOP, "-o", out).exit_code == 0
    assert (out / "manifest.json").is_file()


@pytest.mark.parametrize("what", ["folder", "file", "link", "dangling link"])
def test_what_is_no_bundle_is_not_replaced(tmp_path: Path, out: Path, what: str) -> None:
    match what:
        case "folder":
            out.mkdir()
            (out / "precious.txt").write_text("mine")
        case "file":
            out.write_text("mine")
        case "link":
            (tmp_path / "bundle").mkdir()
            out.symlink_to(tmp_path / "bundle")
        case "dangling link":
            out.symlink_to(tmp_path / "nowhere")
    before = files_of(tmp_path)

    result = invoke("compile", SHOP, "-o", out)

    assert result.exit_code == 2
    assert result.stderr == f"sdnc: {out} exists and is no bundle; it stays as it is\n"
    assert files_of(tmp_path) == before
    assert out.is_symlink() == ("link" in what)


@pytest.mark.parametrize(
    ("out", "cwd"), [(".", "."), (".", "empty"), ("..", "empty"), ("../../../place", "empty/in"), ("link", ".")]
)
def test_the_current_folder_and_those_above_are_not_replaced(tmp_path: Path, out: str, cwd: str) -> None:
    place = tmp_path / "place"
    (place / "empty" / "in").mkdir(parents=True)
    (place / "link").symlink_to(".")
    before = sorted(tmp_path.rglob("*"))

    ran = run("compile", SHOP, "-o", out, cwd=place / cwd)

    assert ran.returncode == 2
    assert ran.stderr == f"sdnc: {out} is the current folder or one above it; it stays as it is\n"
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("loop", ["loop", "loop/out"])
def test_an_output_behind_a_link_to_itself_is_told_in_one_line(tmp_path: Path, loop: str) -> None:
    (tmp_path / "loop").symlink_to("loop")

    ran = run("compile", SHOP, "-o", tmp_path / loop)

    assert (ran.returncode, ran.stderr.count("\n")) == (2, 1)
    assert ran.stderr.startswith("sdnc: ")


@pytest.mark.parametrize("out", ["/proc/sdnc/out", "/dev/null/out"])
def test_an_output_that_cannot_be_written_is_told_in_one_line(out: str) -> None:
    ran = run("compile", SHOP, "-o", out)

    assert ran.returncode == 2
    assert ran.stderr.startswith("sdnc: ")
    assert ran.stderr.count("\n") == 1
    assert "Traceback" not in ran.stderr


def compile_shop_with(code: str, out: Path, *, jobs: int) -> subprocess.CompletedProcess[str]:
    """Runs Python code that ends in the command, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code, "compile", SHOP, "-o", out, "--jobs", str(jobs)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )


def test_a_full_disk_is_told_in_one_line(tmp_path: Path) -> None:
    """A limit on the size of files is the full disk that needs no root."""
    code = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)); sys.argv[0] = 'sdnc';"
    code += "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); from sdnc.cli import main; main()"

    ran = compile_shop_with(code, tmp_path / "out", jobs=1)

    assert ran.returncode == 2
    assert ran.stderr == "sdnc: [Errno 27] File too large\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.behaviour("OUT-04")
def test_a_worker_that_is_killed_is_told_in_one_line(tmp_path: Path) -> None:
    code = "import importlib, os; module = importlib.import_module('sdnc.compile');"
    code += "module.node_files = lambda *_: os._exit(9); from sdnc.cli import main; main()"

    ran = compile_shop_with(code, tmp_path / "out", jobs=2)

    assert (ran.returncode, ran.stderr.count("\n")) == (2, 1)
    assert ran.stderr.startswith("sdnc: A process in the process pool was terminated abruptly")
    assert list(tmp_path.iterdir()) == []


def test_folders_above_the_output_are_made(tmp_path: Path) -> None:
    assert invoke("compile", SHOP, "-o", tmp_path / "a" / "b" / "out").exit_code == 0
    assert (tmp_path / "a" / "b" / "out" / "manifest.json").is_file()


def test_the_output_may_be_relative(tmp_path: Path) -> None:
    ran = run("compile", SHOP, "-o", "out", cwd=tmp_path)

    assert ran.returncode == 0
    assert ran.stdout.startswith("out: 15 files")
    assert (tmp_path / "out" / "manifest.json").is_file()


@pytest.mark.behaviour("OUT-03")
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_provenance_is_in_the_bundle_and_changes_nothing_else_in_it(tmp_path: Path, out: Path, jobs: str) -> None:
    plain, told = tmp_path / "plain", tmp_path / "told"

    invoke("compile", ROUTERS, "-o", plain)
    result = invoke("compile", ROUTERS, "-o", told, "--provenance", "--jobs", jobs)

    assert result.exit_code == 0
    before, after = files_of(plain), files_of(told)
    nodes = {path.name for path in (told / "nodes").iterdir()}
    added = {f"provenance/{name}.json" for name in (*nodes, "_cluster")}
    outputs, plain_outputs = (json.loads(files["manifest.json"])["outputs"] for files in (after, before))
    assert after.keys() - before.keys() == added
    assert {path for path in before if before[path] != after[path]} == {"manifest.json"}
    assert outputs == plain_outputs | {path: hashlib.sha256(after[path]).hexdigest() for path in added}


@pytest.mark.behaviour("OUT-03", "OUT-04")
def test_provenance_goes_with_its_bundle(out: Path) -> None:
    invoke("compile", SHOP, "-o", out, "--provenance", "--node", "node-1")
    first = set(files_of(out))
    result = invoke("compile", SHOP, "-o", out)

    assert {path for path in first if path.startswith("provenance/")} == {"provenance/node-1.json"}
    assert result.exit_code == 0
    assert not (out / "provenance").exists()


@pytest.mark.behaviour("OUT-03")
def test_provenance_tells_the_lines_of_egress_routers(out: Path) -> None:
    invoke("compile", ROUTERS, "-o", out, "--provenance")

    source = (Path(ROUTERS) / "egress-routers.sdn").read_text().splitlines()
    for node, file, part, statement in (
        ("node-3", "egress-routers/shop_mail/haproxy.cfg", "server-template tcp-2525-", "forward tcp/2525"),
        ("node-1", "egress-routers/shop_web-proxy/squid.conf", "http_access allow all", "allow all"),
    ):
        path = f"nodes/{node}/{file}"
        lines = (out / path).read_text().splitlines()
        (number,) = (number for number, line in enumerate(lines, 1) if part in line)
        provenance = read_provenance(out, node)
        assert provenance is not None
        (place,) = provenance.statements(path, number)
        assert statement in source[int(place.split(":")[1]) - 1]


@pytest.mark.parametrize(
    "content",
    [
        "no JSON",
        "{}",
        '{"schema": 2, "folder": "", "sources": {}, "statements": [], "sets": [], "files": {}}',
        '{"schema": 1, "folder": "", "sources": {}, "statements": [], "sets": [], "files": {"a": [0]}}',
        '{"schema": 1, "folder": "", "sources": {}, "statements": [], "sets": [[0]], "files": {}}',
        '{"schema": 1, "folder": "", "sources": {}, "statements": ["a:1:1"], "sets": [[-1]], "files": {}}',
        '{"schema": 1, "folder": "", "sources": {}, "statements": ["a:1"], "sets": [[0]], "files": {"a": [0]}}',
    ],
)
def test_provenance_that_sdnc_did_not_write_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "provenance").mkdir()
    (tmp_path / "provenance" / "node-1.json").write_text(content)

    with pytest.raises(BadProvenance, match=r"provenance/node-1\.json: ."):
        read_provenance(tmp_path, "node-1")


@pytest.mark.behaviour("ER-13")
def test_the_objects_that_deploy_routers_are_in_the_bundle_whichever_nodes_are_chosen(out: Path) -> None:
    objects = {f"kubernetes/shop_{name}.yaml" for name in ("legacy-db", "web-proxy", "mail")}

    invoke("compile", ROUTERS, "-o", out)
    all_nodes = files_of(out)
    result = invoke("compile", ROUTERS, "-o", out, "--node", "node-3")
    one_node = files_of(out)

    assert (result.exit_code, result.stderr) == (0, "")
    assert {path for path in all_nodes if path.startswith("kubernetes/")} == objects
    assert {path: one_node[path] for path in objects} == {path: all_nodes[path] for path in objects}
    assert objects <= set(json.loads(one_node["manifest.json"])["outputs"])


@pytest.mark.behaviour("ER-13")
@pytest.mark.parametrize("jobs", [1, 2])
def test_the_objects_of_routers_give_the_same_nodes(tmp_path: Path, out: Path, jobs: int) -> None:
    invoke("compile", ROUTERS, "-o", out)
    text = (Path(ROUTERS) / "egress-routers.sdn").read_text()
    (tmp_path / "cluster.sdn").write_text(re.sub(r"^egress-router .*?^}$", "", text, flags=re.DOTALL | re.MULTILINE))

    invoke("compile", tmp_path / "cluster.sdn", out / "kubernetes", "-o", tmp_path / "again", "--jobs", str(jobs))

    assert files_of(tmp_path / "again" / "nodes") == files_of(out / "nodes")
    assert not (tmp_path / "again" / "kubernetes").exists()


def on_terminal(*arguments: str | Path, **environment: str) -> tuple[int, str]:
    """Runs the command with a terminal as standard output and standard error; the exit status, and what it showed."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "sdnc", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=follower,
        stderr=follower,
        cwd=ROOT,
        env={**{k: v for k, v in os.environ.items() if k != "NO_COLOR"}, "TERM": "xterm", **environment},
    )
    os.close(follower)
    shown = b""
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:  # how Linux tells that nobody has the other end any more
            break
        if not part:
            break
        shown += part
    os.close(leader)
    return process.wait(), shown.decode()


def test_progress_is_shown_on_a_terminal_only(out: Path) -> None:
    status, shown = on_terminal("compile", SHOP, "-o", out)

    assert status == 0
    assert "compiling nodes" in shown
    assert "2/2" in shown
    assert "compiling nodes" not in run("compile", SHOP, "-o", out).stderr


def test_colours_are_shown_on_a_terminal_unless_refused(tmp_path: Path) -> None:
    bad = tmp_path / "bad.sdn"
    bad.write_text("project UPPER")

    assert "\x1b[1;31merror" in on_terminal("check", bad)[1]
    assert "\x1b[1;31m" not in on_terminal("check", bad, NO_COLOR="1")[1]


def test_module_and_command_are_one(tmp_path: Path) -> None:
    ran = run("--version")

    assert (ran.returncode, ran.stdout) == (0, f"sdnc, version {VERSION}\n")
    assert invoke("--version").stdout == ran.stdout


@pytest.mark.parametrize("command", [[], ["compile"], ["check"]])
def test_help(command: list[str]) -> None:
    result = invoke(*command, "-h")

    assert result.exit_code == 0
    assert "Usage: " in result.stdout


def test_the_python_interface(tmp_path: Path, out: Path) -> None:
    assert sdnc.compile([SHOP], out) == ()
    assert sdnc.check([SHOP]) == ()
    assert sdnc.__version__ == VERSION
    text = (Path(SHOP) / "shop.sdn").read_text()
    by_text = sdnc.compile_texts({"shop.sdn": text})

    assert {f"nodes/{node}/{name}" for node, files in by_text.items() for name in files} == set(files_of(out)) - {
        "manifest.json"
    }
    assert by_text["node-1"]["flows.txt"].encode() == files_of(out)["nodes/node-1/flows.txt"]


def test_the_python_interface_raises_what_is_wrong(tmp_path: Path, out: Path) -> None:
    bad = tmp_path / "bad.sdn"
    bad.write_text("project UPPER")

    with pytest.raises(sdnc.CompileError, match="findings, the first: ") as caught:
        sdnc.compile([SHOP, bad], out)

    assert [found.code.id for found in caught.value.diagnostics] == ["SDN201"]
    assert not out.exists()
    with pytest.raises(sdnc.CompileError):
        sdnc.compile_texts({"a.sdn": "project UPPER"})


def test_the_folder_that_holds_the_output_can_be_compiled_again(tmp_path: Path) -> None:
    sources, out = tmp_path / "shop", tmp_path / "shop" / "out"
    sources.mkdir()
    (sources / "shop.sdn").write_text((ROOT / SHOP / "shop.sdn").read_text())
    invoke("compile", sources, "-o", out)
    first = files_of(out)

    again = invoke("compile", sources, "-o", out)

    assert (again.exit_code, again.stderr) == (0, "")
    assert files_of(out) == first


def test_an_empty_path_is_not_the_current_folder(out: Path) -> None:
    result = invoke("compile", "", "-o", out)

    assert result.exit_code == 1
    assert "the path is empty" in result.stderr
    assert not out.exists()
