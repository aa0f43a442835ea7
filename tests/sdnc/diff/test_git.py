"""`sdnc diff --git`: sources straight out of git's database."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import Result

from sdnc.diff.git import GitFault, Repository, Revisions, parse_revisions
from tests.compiling import CLUSTER
from tests.sdnc.diff.versions import API, API_WIDER, NEW, OLD, PODS, WEB, Scratch, write
from tests.sdnc.running import invoke


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scratch:
    """A repository, in whose folder the test runs."""
    made = Scratch.at(tmp_path / "repository")
    monkeypatch.chdir(made.folder)
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return made


def services(result: Result) -> list[tuple[str, str]]:
    """What becomes of which services, from JSON."""
    assert result.exit_code in (0, 1), result.stderr
    connections = json.loads(result.stdout)["meaning"]["connections"]
    return [(change["becomes"], change["services"]["text"]) for change in connections]


def diff(*arguments: str) -> Result:
    return invoke("diff", "--format=json", *arguments)


WIDER = [("allowed", "tcp/443")]
NARROWER = [("denied", "tcp/443")]


def test_a_revision_against_the_files_as_they_are(scratch: Scratch) -> None:
    scratch.commit({"shop/cluster.sdn": OLD})
    write(scratch.folder / "shop/cluster.sdn", NEW)

    assert services(diff("--git", "HEAD", "shop")) == WIDER
    assert scratch.git("status", "--porcelain") == "M shop/cluster.sdn"


def test_a_revision_against_another(scratch: Scratch) -> None:
    scratch.commit({"cluster.sdn": OLD})
    scratch.commit({"cluster.sdn": NEW})
    write(scratch.folder / "cluster.sdn", "not a policy at all")

    assert services(diff("--git", "HEAD~1..HEAD", ".")) == WIDER
    assert services(diff("--git", "HEAD..HEAD~1", ".")) == NARROWER
    assert services(diff("--git", "HEAD~1..", ".")) == WIDER
    assert diff("--git", "HEAD..HEAD", "cluster.sdn").exit_code == 0


def test_three_dots_begin_where_the_branches_parted(scratch: Scratch) -> None:
    scratch.commit({"cluster.sdn": OLD})
    scratch.git("switch", "--quiet", "--create", "topic")
    scratch.commit({"cluster.sdn": NEW})
    scratch.git("switch", "--quiet", "main")
    scratch.commit({"web.sdn": WEB})

    assert services(diff("--git", "main...topic", ".")) == WIDER
    assert services(diff("--git", "main..topic", ".")) != WIDER


def test_branches_without_a_common_past_have_no_merge_base(scratch: Scratch) -> None:
    scratch.commit({"cluster.sdn": OLD})
    scratch.git("switch", "--quiet", "--orphan", "other")
    scratch.commit({"cluster.sdn": NEW})

    result = diff("--git", "main...other", ".")

    assert isinstance(result.exception, GitFault)
    assert str(result.exception) == "main and other have no merge base"


def test_paths_are_relative_to_the_current_folder(scratch: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch.commit({"one/shop/cluster.sdn": OLD, "two/cluster.sdn": "no policy"})
    write(scratch.folder / "one/shop/cluster.sdn", NEW)
    monkeypatch.chdir(scratch.folder / "one" / "shop")

    assert services(diff("--git", "HEAD", ".")) == WIDER
    assert services(diff("--git", "HEAD", "../shop/cluster.sdn")) == WIDER
    assert services(diff("--git", "HEAD", str(scratch.folder / "one"))) == WIDER


def test_the_same_files_are_chosen_as_in_folders(scratch: Scratch) -> None:
    scratch.commit({"cluster.sdn": OLD})
    assert invoke("compile", ".", "-o", "out").exit_code == 0
    scratch.commit({".hidden/x.sdn": "bad", "deep/.x.sdn": "bad", "notes.txt": "bad", "more/web.yml": "---\n"})

    assert diff("--git", "HEAD", ".").exit_code == 0
    chosen = Repository.of_current_folder()
    assert sorted(chosen.select(chosen.revision("HEAD"), ["."]).files) == ["cluster.sdn", "more/web.yml"]


def test_a_file_that_is_renamed_is_no_change(scratch: Scratch) -> None:
    scratch.commit({"cluster.sdn": CLUSTER + PODS, "api.sdn": API})
    scratch.commit({"policies/of the api.sdn": "# moved\n" + API}, removed=("api.sdn",))

    result = invoke("diff", "--git", "HEAD~..HEAD", ".")

    assert (result.exit_code, result.stdout) == (0, "no difference\n")


@pytest.mark.parametrize(
    "name", [b"line\nfeed.sdn", b'tab\tquote".sdn', b"-option.sdn", b"\xff\xfe.sdn", "ü.sdn".encode()]
)
def test_hostile_file_names_are_only_names(scratch: Scratch, name: bytes) -> None:
    path = os.fsdecode(name)
    scratch.commit({"cluster.sdn": CLUSTER + PODS, path: API})
    scratch.commit({path: API_WIDER})

    result = invoke("diff", "--git", "HEAD~..HEAD", ".", "--verbose")

    assert result.exit_code == 1
    assert "tcp/443" in result.stdout
    assert all(line.isprintable() for line in result.stdout.splitlines())


def test_errors_are_told_with_the_revision_and_the_file(scratch: Scratch) -> None:
    scratch.commit({"cluster.sdn": OLD + "policy broken\n"})
    write(scratch.folder / "cluster.sdn", NEW)

    result = invoke("diff", "--git", "HEAD", "cluster.sdn")

    assert result.exit_code == 2
    assert result.stdout == ""
    assert "sdnc: the sources of HEAD have errors\n" in result.stderr
    assert f" --> HEAD:cluster.sdn:{OLD.count(chr(10)) + 1}:8" in result.stderr


def test_an_old_revision_without_the_files_makes_everything_new(scratch: Scratch) -> None:
    scratch.commit({"README": "nothing yet"})
    scratch.commit({"shop/cluster.sdn": OLD})

    result = invoke("diff", "--git", "HEAD~..HEAD", "shop")

    assert result.exit_code == 1
    assert "sdnc: HEAD~ has none of these files: everything is new\n" in result.stderr
    assert "node node-1 is new" in result.stdout


def test_a_new_revision_without_the_files_is_a_mistake(scratch: Scratch) -> None:
    scratch.commit({"shop/cluster.sdn": OLD})
    scratch.commit({}, removed=("shop/cluster.sdn",))

    result = invoke("diff", "--git", "HEAD~..HEAD", "shop")

    assert (result.exit_code, result.stderr) == (2, "sdnc: HEAD has none of these files\n")


def test_links_are_followed_within_the_repository(scratch: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    """To files, to folders, through others, and into circles, as on the disk."""
    cluster = scratch.folder / "clusters/berlin"
    cluster.mkdir(parents=True)
    (cluster / "api.sdn").symlink_to("./../../shared/deep/../api.sdn")
    (cluster / "folder").symlink_to("../link")
    (cluster / "again").symlink_to("../berlin")
    (scratch.folder / "clusters/link").symlink_to("../shared/deep")
    (scratch.folder / "berlin").symlink_to("clusters/berlin")
    scratch.commit({"shared/api.sdn": API, "shared/deep/pods.sdn": PODS, "clusters/berlin/cluster.sdn": CLUSTER})
    unchanged = invoke("diff", "--git", "HEAD", "clusters/berlin")
    scratch.commit({"shared/api.sdn": API_WIDER})

    assert (unchanged.exit_code, unchanged.stderr) == (0, "")
    for path in ("clusters/berlin", "berlin", "./berlin/", "shared/../berlin/again"):
        result = diff("--git", "HEAD~..HEAD", path)
        assert services(result) == WIDER
        assert result.stderr == ""
    monkeypatch.chdir(cluster)
    assert services(diff("--git", "HEAD~", ".")) == WIDER


def test_links_out_of_the_repository_and_submodules_are_told_and_not_followed(scratch: Scratch) -> None:
    (scratch.folder / "link.sdn").symlink_to("/etc/passwd")
    (scratch.folder / "folder").symlink_to("../elsewhere")
    (scratch.folder / "loop").symlink_to("loop")
    (scratch.folder / "nowhere.sdn").symlink_to("gone.sdn")
    (scratch.folder / "README").symlink_to("gone")
    first = scratch.commit({"cluster.sdn": OLD})
    scratch.git("update-index", "--add", "--cacheinfo", f"160000,{first},module")
    scratch.git("commit", "--quiet", "--message=submodule")

    result = invoke("diff", "--git", "HEAD..HEAD", ".")

    assert result.exit_code == 0
    names = ("folder", "link.sdn", "loop", "module", "nowhere.sdn")
    told = [f"sdnc: {name} is a submodule, or a link to no file of the repository, and is not read" for name in names]
    assert result.stderr.splitlines() == told


def test_the_lock_file_is_that_of_the_revision(scratch: Scratch) -> None:
    firewall = "firewall shop { allow any to www.example.com  deny any to anyone }\n"
    scratch.commit({"cluster.sdn": OLD + firewall, "dns.lock": lock("192.0.2.80")})
    scratch.commit({"dns.lock": lock("192.0.2.81")})

    result = diff("--git", "HEAD~..HEAD", "cluster.sdn", "--dns-lock", "dns.lock")

    assert sorted(services(result)) == [("allowed", "any"), ("denied", "any")]
    outside = write(scratch.folder.parent / "dns.lock", lock("192.0.2.82"))
    assert diff("--git", "HEAD~..HEAD", "cluster.sdn", "--dns-lock", str(outside)).exit_code == 0


def lock(address: str) -> str:
    name = {"addresses": [address], "ipv6": [], "ttl": 60, "resolved": "2026-01-01T00:00:00Z", "server": "192.0.2.53"}
    return json.dumps({"schema": 1, "names": {"www.example.com": name}})


@pytest.mark.parametrize("revision", ["-x", "--output=x", "HEAD..--all", "HEAD\n", ""])
def test_revisions_that_git_would_misread_are_refused(scratch: Scratch, revision: str) -> None:
    result = invoke("diff", f"--git={revision}", ".")

    assert result.exit_code == 2
    assert "Invalid value for '--git'" in result.stderr


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("HEAD", Revisions("HEAD")),
        ("a/b~3", Revisions("a/b~3")),
        ("v1.0..v2.0", Revisions("v1.0", "v2.0")),
        ("..b", Revisions("HEAD", "b")),
        ("a...", Revisions("a", "HEAD", True)),
    ],
)
def test_ranges_are_as_git_means_them(text: str, meant: Revisions) -> None:
    assert parse_revisions(text) == meant


def test_a_revision_that_is_not_there_is_told_in_one_line(scratch: Scratch) -> None:
    scratch.commit({"cluster.sdn": OLD})

    fault = diff("--git", "no-such", ".").exception

    assert isinstance(fault, GitFault)
    assert str(fault) == "there is no revision 'no-such'"


@pytest.mark.parametrize("revisions", ["HEAD~1", "HEAD~1..HEAD", "main~1...HEAD"])
def test_a_revision_that_a_shallow_clone_lacks_is_told_as_such(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch, revisions: str
) -> None:
    """What checks out repositories in CI takes the last commit only."""
    scratch.commit({"cluster.sdn": OLD})
    scratch.commit({"cluster.sdn": NEW})
    scratch.git("clone", "--quiet", "--depth=1", f"file://{scratch.folder}", "shallow")
    monkeypatch.chdir(scratch.folder / "shallow")

    fault = diff("--git", revisions, ".").exception

    assert isinstance(fault, GitFault)
    assert str(fault).startswith("there is no revision '")
    assert str(fault).endswith("; this clone is shallow, and has to be fetched deeper")


def test_a_folder_that_is_no_repository_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    fault = diff("--git", "HEAD", ".").exception

    assert isinstance(fault, GitFault)
    assert "not a git repository" in str(fault)
    assert "\n" not in str(fault)


def test_without_git_that_is_told_in_one_line(scratch: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(scratch.folder))

    fault = diff("--git", "HEAD", ".").exception

    assert isinstance(fault, GitFault)
    assert str(fault) == "git: No such file or directory"


def test_a_path_outside_the_repository_is_refused(scratch: Scratch) -> None:
    scratch.commit({"cluster.sdn": OLD})
    write(scratch.folder.parent / "outside.sdn", OLD)

    assert isinstance(diff("--git", "HEAD", "../outside.sdn").exception, GitFault)


def test_configuration_of_the_repository_runs_nothing(scratch: Scratch) -> None:
    scratch.commit({"cluster.sdn": OLD, ".gitattributes": "*.sdn filter=f diff=f\n"})
    for key in (
        "core.fsmonitor",
        "core.pager",
        "filter.f.smudge",
        "filter.f.clean",
        "diff.f.textconv",
        "diff.external",
    ):
        scratch.git("config", key, f"touch {scratch.folder}/ran")

    assert diff("--git", "HEAD", ".").exit_code == 0
    assert not (scratch.folder / "ran").exists()
