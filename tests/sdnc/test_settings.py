"""`--dns-lock` and `--on-broken-egress-policy`, which `compile`, `check` and the Python interface have in common."""

from __future__ import annotations

from pathlib import Path

import pytest

import sdnc
from compiler.dns_lock import lock_text
from tests.compiling import CLUSTER
from tests.sdnc.resolving import ENTRY, sources, write_lock
from tests.sdnc.running import files_of, invoke

TWICE = f"{CLUSTER}\nproject shop\n" + "firewall shop { deny any to 203.0.113.0/24 }\n" * 2


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "dns.lock"
    write_lock(path, {"www.foo.com": ENTRY})
    return path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return sources(tmp_path, "www.foo.com")


@pytest.fixture
def twice(tmp_path: Path) -> Path:
    path = tmp_path / "twice.sdn"
    path.write_text(TWICE)
    return path


@pytest.mark.behaviour("EF-08")
def test_names_need_the_lock_file(tmp_path: Path, source: Path, lock: Path) -> None:
    without = invoke("compile", source, "-o", tmp_path / "out")
    with_it = invoke("compile", source, "-o", tmp_path / "out", "--dns-lock", lock)

    assert (without.exit_code, "SDN322" in without.stderr) == (1, True)
    assert (with_it.exit_code, with_it.stderr) == (0, "")
    flows = (tmp_path / "out" / "nodes" / "node-1" / "flows.txt").read_text()
    assert "192.0.2.80" in flows


@pytest.mark.behaviour("EF-08")
def test_a_name_that_the_lock_lacks_is_an_error(source: Path, lock: Path) -> None:
    lock.write_text(lock_text([]))

    result = invoke("check", source, "--dns-lock", lock)

    assert result.exit_code == 1
    assert (
        f"error[SDN322]: the addresses of 'www.foo.com' are not known: {lock} does not have the name" in result.stdout
    )


@pytest.mark.parametrize(
    ("format_", "told"),
    [
        ("text", "--> {lock}:1:"),
        ("json", '"file": "{lock}"'),
        ("sarif", '"uri": "{lock}"'),
        ("github", "::error file={lock},line=1,"),
    ],
)
def test_what_is_wrong_in_the_lock_file_is_told_like_any_other(
    source: Path, lock: Path, format_: str, told: str
) -> None:
    lock.write_text('{"schema": 1, "names": {"www.foo.com": 5}}')

    result = invoke("check", source, "--dns-lock", lock, "--format", format_)

    assert result.exit_code == 1
    assert told.format(lock=lock) in result.stdout


def test_a_lock_file_that_is_not_there_is_an_error(source: Path, tmp_path: Path) -> None:
    result = invoke("compile", source, "-o", tmp_path / "out", "--dns-lock", tmp_path / "none.lock")

    assert result.exit_code == 1
    assert "error[SDN101]" in result.stderr
    assert "SDN322" not in result.stderr  # that its names are missing is no news
    assert not (tmp_path / "out").exists()


@pytest.mark.behaviour("EF-05")
@pytest.mark.parametrize("command", ["check", "compile"])
def test_a_broken_firewall(tmp_path: Path, twice: Path, command: str) -> None:
    output = ["-o", str(tmp_path / "out")] if command == "compile" else []

    plain = invoke(command, twice, *output)
    error = invoke(command, twice, *output, "--on-broken-egress-policy", "error")
    drop = invoke(command, twice, *output, "--on-broken-egress-policy=drop")

    assert (plain.exit_code, plain.output) == (error.exit_code, error.output)
    assert (plain.exit_code, "error[SDN327]" in plain.output) == (1, True)
    assert (drop.exit_code, "warning[SDN328]" in drop.output) == (0, True)


def test_another_word_is_wrong_usage(twice: Path) -> None:
    assert invoke("check", twice, "--on-broken-egress-policy", "ignore").exit_code == 2


def test_the_lock_file_is_not_overwritten(tmp_path: Path, source: Path, lock: Path) -> None:
    before = lock.read_bytes()

    result = invoke("compile", source, "-o", lock, "--dns-lock", lock)

    assert result.exit_code == 2
    assert lock.read_bytes() == before
    assert not (tmp_path / "out").exists()


def test_a_lock_file_inside_the_output_is_refused(tmp_path: Path, source: Path, lock: Path) -> None:
    out = tmp_path / "out"
    invoke("compile", source, "-o", out, "--dns-lock", lock)
    inside = out / "nodes" / "dns.lock"
    lock.rename(inside)
    before = files_of(out)

    result = invoke("compile", source, "-o", out, "--dns-lock", inside)

    assert result.exit_code == 2
    assert "is inside the output" in result.stderr
    assert files_of(out) == before


@pytest.mark.behaviour("EF-08")
def test_the_python_interface_takes_a_lock_file(tmp_path: Path, source: Path, lock: Path) -> None:
    texts = {"shop.sdn": source.read_text()}

    assert sdnc.check([source], dns_lock=lock) == ()
    assert [found.code.id for found in sdnc.check([source])] == ["SDN322"]
    assert sdnc.compile([source], tmp_path / "out", dns_lock=str(lock)) == ()
    assert "192.0.2.80" in sdnc.compile_texts(texts, dns_lock=lock)["node-1"]["flows.txt"]
    with pytest.raises(sdnc.CompileError):
        sdnc.compile_texts(texts)


@pytest.mark.behaviour("EF-05")
def test_the_python_interface_drops(tmp_path: Path, twice: Path) -> None:
    found = [
        sdnc.check([twice], on_broken_egress_policy="drop"),
        sdnc.compile([twice], tmp_path / "out", on_broken_egress_policy="drop"),
    ]

    assert [[each.code.id for each in findings] for findings in found] == [["SDN328"], ["SDN328"]]
    assert sdnc.compile_texts({"twice.sdn": TWICE}, on_broken_egress_policy="drop").keys() == {"node-1", "node-2"}
    with pytest.raises(ValueError, match="ignore"):
        sdnc.check([twice], on_broken_egress_policy="ignore")  # type: ignore[arg-type]
