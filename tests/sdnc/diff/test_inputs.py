"""What may be compared, how it is named, and the exit statuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import sdnc
from compiler.diagnostics import Diagnostics
from compiler.pipeline import read
from tests.compiling import CLUSTER
from tests.sdnc.diff.versions import API, API_WIDER, NEW, OLD, PODS, write
from tests.sdnc.running import invoke


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return write(tmp_path / "old.sdn", OLD)


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return write(tmp_path / "new.sdn", NEW)


def bundle(source: Path, *options: str) -> Path:
    out = source.with_suffix(".out")
    assert invoke("compile", source, "-o", out, *options).exit_code == 0
    return out


def test_the_same_sources_end_with_0(old: Path) -> None:
    result = invoke("diff", old, old)

    assert (result.exit_code, result.stdout, result.stderr) == (0, "no difference\n", "")


def test_different_sources_end_with_1(old: Path, new: Path) -> None:
    result = invoke("diff", old, new)

    first = result.stdout.splitlines()[0]
    assert result.exit_code == 1
    assert first.startswith("1 connection becomes allowed; ")
    assert "on 1 node change" in first
    assert invoke("diff", new, old).stdout.startswith("1 connection becomes denied; ")


def test_the_meaning_is_told_with_its_statements(old: Path, new: Path) -> None:
    report = json.loads(invoke("diff", old, new, "--format=json").stdout)

    (change,) = report["meaning"]["connections"]
    assert change["becomes"] == "allowed"
    assert [pod["name"] for pod in change["sources"]["pods"]] == ["shop/web-1"]
    assert [pod["name"] for pod in change["destinations"]["pods"]] == ["shop/api-1"]
    assert change["services"]["ports"] == {"tcp": [{"first": 443, "last": 443}]}
    (statement,) = change["statements"]["new"]
    assert statement["statement"] == "policy shop/api"
    assert statement["place"]["file"] == str(new)


def test_rules_that_change_without_a_change_in_meaning_end_with_1(tmp_path: Path, old: Path) -> None:
    other = write(tmp_path / "port.sdn", OLD.replace("labels tier=api", "labels tier=api  of-port 77"))

    result = invoke("diff", old, other)

    assert result.exit_code == 1
    assert result.stdout.startswith("same meaning; ")
    assert "pod shop/api-1" in result.stdout


def test_only_the_meaning_is_judged_if_asked(tmp_path: Path, old: Path, new: Path) -> None:
    other = write(tmp_path / "port.sdn", OLD.replace("labels tier=api", "labels tier=api  of-port 77"))

    same, different = invoke("diff", "--meaning", old, other), invoke("diff", "--meaning", old, new)

    assert (same.exit_code, same.stdout) == (0, "same meaning\n")
    assert different.exit_code == 1
    assert "rule" not in different.stdout.splitlines()[0]


def test_sides_of_several_paths(tmp_path: Path, new: Path) -> None:
    cluster, api = write(tmp_path / "cluster.sdn", CLUSTER + PODS), write(tmp_path / "api.sdn", API_WIDER)

    assert invoke("diff", "--old", cluster, "--old", api, "--new", new).exit_code == 0


@pytest.mark.parametrize("arguments", [("-", "new.sdn"), ("old.sdn", "-")])
def test_one_side_may_be_standard_input(
    arguments: tuple[str, str], old: Path, new: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert invoke("diff", *arguments, stdin=NEW if arguments[1] == "new.sdn" else OLD).exit_code == 0
    assert invoke("diff", *arguments, stdin=OLD if arguments[1] == "new.sdn" else NEW).exit_code == 1


def test_bundles_have_rules_alone_and_say_so(old: Path, new: Path) -> None:
    one, other = bundle(old), bundle(new)

    result = invoke("diff", one, other)

    assert result.exit_code == 1
    assert result.stderr == f"sdnc: {one}, {other}: a bundle holds rules only, so no meaning is compared\n"
    assert "rules by what they are for" in result.stdout
    assert json.loads(invoke("diff", one, other, "--format=json").stdout)["meaning"] is None
    assert invoke("diff", one, one).stdout == "no difference\n"


def test_a_bundle_against_sources(old: Path, new: Path) -> None:
    made = bundle(old, "--provenance")

    assert invoke("diff", made, old).exit_code == 0
    assert f"({new}:" in invoke("diff", made, new).stdout or f"{new}:" in invoke("diff", made, new).stdout


def test_a_bundle_that_was_altered_is_compared_as_it_is(old: Path) -> None:
    made = bundle(old)
    flows = made / "nodes" / "node-1" / "flows.txt"
    flows.write_text(flows.read_text().replace("priority=1000,", "priority=1001,", 1))

    result = invoke("diff", made, old)

    assert result.exit_code == 1
    assert f"sdnc: {made}: nodes/node-1/flows.txt not as compiled\n" in result.stderr
    assert "2 rules on 1 node change (+1 -1)" in result.stdout


def test_a_bundle_with_odd_files_is_refused(old: Path) -> None:
    made = bundle(old)
    odd = made / "nodes" / "node-1" / "link.txt"
    odd.symlink_to("/etc/passwd")

    result = invoke("diff", made, old)

    assert (result.exit_code, result.stderr) == (2, f"sdnc: {odd} is not a regular file\n")
    odd.unlink()
    odd.write_bytes(b"\xff")
    assert invoke("diff", made, old).stderr == f"sdnc: {odd} is not text\n"


@pytest.mark.parametrize("text", ['{"compiler": "sdnc 0.1.0"', '{"compiler": "sdnc 0.1.0", "outputs": 1}'])
def test_a_manifest_that_cannot_be_read_is_told(old: Path, text: str) -> None:
    made = bundle(old)
    (made / "manifest.json").write_text(text)

    result = invoke("diff", made, old)

    assert result.exit_code == 0
    assert f"sdnc: {made}: the manifest cannot be read\n" in result.stderr


def test_provenance_that_cannot_be_read_is_told(old: Path) -> None:
    made = bundle(old, "--provenance")
    (made / "provenance" / "node-1.json").write_text("{")

    result = invoke("diff", made, old)

    assert result.exit_code == 2
    assert result.stderr.startswith(f"sdnc: {made}/provenance/node-1.json: ")
    assert result.stderr.count("\n") == 1


def test_provenance_of_another_folder_tells_nothing(old: Path, new: Path) -> None:
    made = bundle(old, "--provenance")
    for path in (made / "provenance").glob("*.json"):
        path.write_text(path.read_text().replace('"folder":"', '"folder":"elsewhere/'))

    result = invoke("diff", made, new)

    assert result.exit_code == 1
    assert str(old) not in result.stdout


def test_errors_are_told_with_their_side(tmp_path: Path, old: Path) -> None:
    bad = write(tmp_path / "bad.sdn", "policy\n")

    before, after, both = invoke("diff", bad, old), invoke("diff", old, bad), invoke("diff", bad, bad)

    assert before.exit_code == after.exit_code == both.exit_code == 2
    assert before.stderr.startswith("sdnc: the old sources have errors\n")
    assert after.stderr.startswith("sdnc: the new sources have errors\n")
    assert "sdnc: the old sources have errors\n" in both.stderr
    assert "sdnc: the new sources have errors\n" in both.stderr
    assert "error[" in before.stderr
    assert before.stdout == ""


def test_a_path_that_is_not_there_is_an_error(tmp_path: Path, old: Path) -> None:
    result = invoke("diff", tmp_path / "nowhere", old)

    assert result.exit_code == 2
    assert "nowhere" in result.stderr


def test_each_side_may_have_its_lock_file(tmp_path: Path) -> None:
    firewall = "firewall shop { allow any to www.example.com  deny any to anyone }\n"
    source = write(tmp_path / "cluster.sdn", OLD + firewall)
    one, other = (write(tmp_path / name, lock(address)) for name, address in (("1", "192.0.2.80"), ("2", "192.0.2.81")))

    same = invoke("diff", source, source, "--dns-lock", one)
    changed = invoke("diff", source, source, "--dns-lock", other, "--old-dns-lock", one)
    none = invoke("diff", source, source)

    assert same.exit_code == 0
    assert changed.exit_code == 1
    assert "192.0.2.81" in changed.stdout
    assert none.exit_code == 2


def lock(address: str) -> str:
    name = {"addresses": [address], "ipv6": [], "ttl": 60, "resolved": "2026-01-01T00:00:00Z", "server": "192.0.2.53"}
    return json.dumps({"schema": 1, "names": {"www.example.com": name}})


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "give OLD and NEW"),
        (("old.sdn",), "give OLD and NEW"),
        (("old.sdn", "new.sdn", "third.sdn"), "give OLD and NEW"),
        (("--old", "old.sdn"), "give OLD and NEW"),
        (("--old", "old.sdn", "--new", "new.sdn", "more.sdn"), "give OLD and NEW"),
        (("--git", "HEAD"), "--git needs a PATH"),
        (("--git", "HEAD", "--old", "x", "y"), "--git goes with PATHs alone"),
        (("--git", "HEAD", "-"), "standard input has no revisions"),
        (("-", "-"), "only one side can be standard input"),
        (("--meaning", "old.out", "old.sdn"), "a bundle holds rules only"),
        (("--old", "old.out", "--old", "old.sdn", "--new", "old.sdn"), "is a bundle, which is a side of its own"),
    ],
)
def test_wrong_usage_is_told(
    arguments: tuple[str, ...], told: str, tmp_path: Path, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle(old)
    monkeypatch.chdir(tmp_path)

    result = invoke("diff", *arguments)

    assert result.exit_code == 2
    assert told in result.stderr or told in str(result.exception)


def test_the_interface_takes_paths_and_compilations(old: Path, new: Path) -> None:
    by_path = sdnc.diff(old, [str(new)])
    before, after = (read([str(path)], None, Diagnostics()) for path in (old, new))
    assert before is not None
    assert after is not None

    by_compilation = sdnc.diff(before, after)

    assert not by_path.same
    assert by_path.meaning is not None
    assert by_path.meaning == by_compilation.meaning
    assert by_path.rules is not None
    assert by_compilation.rules is not None
    assert by_path.rules.added == by_compilation.rules.added > 0
    assert {each.text for each in by_path.rules.statements} == {"policy shop/api"}
    assert all(each.place.startswith(f"{new}:") for each in by_compilation.rules.statements)
    assert sdnc.diff(old, old, meaning_only=True).same
    assert sdnc.diff(old, old, meaning_only=True).rules is None


def test_the_interface_raises_what_the_command_tells(tmp_path: Path, old: Path) -> None:
    bad = write(tmp_path / "bad.sdn", API)

    with pytest.raises(sdnc.CompileError) as caught:
        sdnc.diff(old, bad)
    assert caught.value.diagnostics
    with pytest.raises(ValueError, match="a bundle holds rules only"):
        sdnc.diff(bundle(old), old, meaning_only=True)


def test_loading_the_package_leaves_the_function(old: Path) -> None:
    import sdnc.diff.command

    assert callable(sdnc.diff)
    assert sdnc.diff(old, old).same
