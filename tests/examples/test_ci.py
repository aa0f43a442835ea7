"""The CI recipes, with their shell parts really run in a policy repository: bad policy fails, good policy is told."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sdnc.diff.markdown import MAX_CHARACTERS
from tests.examples.repository import BAD, CI, GOOD, POLICY, SAME, Ran, Repository
from tests.paths import ROOT

GITHUB: Any = yaml.safe_load((CI / "github-workflow.yaml").read_text())
GITLAB: Any = yaml.safe_load((CI / ".gitlab-ci.yml").read_text())
HOOKS: Any = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
PRE_COMMIT: Any = yaml.safe_load((CI / "pre-commit-config.yaml").read_text())

GITHUB_SHELL = ("bash", "--noprofile", "--norc", "-eo", "pipefail")
"""What `shell: bash` is (Workflow syntax for GitHub Actions, `jobs.<job_id>.steps[*].shell`)."""
GITLAB_SHELL = ("bash", "-eo", "pipefail")
"""How GitLab's runner begins a script (`set -eo pipefail`)."""

PERMISSIONS = {
    "check": {"contents": "read"},
    "diff": {"contents": "read", "pull-requests": "write"},
    "sarif": {"contents": "read", "security-events": "write"},
}
MARKER = "<!-- sdnc diff -->\n"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.make(tmp_path)


def step(job: str, name: str) -> str:
    (found,) = [each["run"] for each in GITHUB["jobs"][job]["steps"] if each.get("name") == name]
    assert isinstance(found, str)
    return found


def github(repository: Repository, job: str, *names: str) -> Ran:
    """Runs steps of a job, up to the first that fails."""
    environment = {
        "GITHUB_REPOSITORY": "network/policy",
        "GITHUB_STEP_SUMMARY": str(repository.folder.parent / "summary"),
        "GH_TOKEN": "secret",
        "NUMBER": "7",
        **GITHUB["env"],
    }
    output = ""
    for name in names:
        ran = repository.run(step(job, name), GITHUB_SHELL, **environment)
        output += ran.output
        if ran.status:
            return Ran(ran.status, output)
    return Ran(0, output)


def gitlab(repository: Repository, job: str, **environment: str) -> Ran:
    variables = {
        "CI_API_V4_URL": "https://gitlab.example.com/api/v4",
        "CI_PROJECT_ID": "42",
        "CI_MERGE_REQUEST_IID": "7",
        **GITLAB["variables"],
    }
    script = "\n".join(GITLAB[job]["script"]) + "\n"
    return repository.run(script, GITLAB_SHELL, **(variables | environment))


def merged(repository: Repository, files: dict[str, str]) -> None:
    """What GitHub checks out for a pull request: the merge of a branch into its base, which has gone on meanwhile."""
    repository.branch("feature", files)
    repository.git("checkout", "--quiet", "main")
    (repository.folder / "README").write_text("Meanwhile.\n")
    repository.commit("meanwhile")
    repository.git("checkout", "--quiet", "--detach")
    repository.git("merge", "--quiet", "--no-edit", "feature")


def scripts() -> Iterator[tuple[str, str]]:
    """Every shell part, by a name."""
    for job, content in GITHUB["jobs"].items():
        for each in content["steps"]:
            if "run" in each:
                yield f"github {job} {each['name']}", each["run"]
    for job in ("check", "diff"):
        yield f"gitlab {job}", "\n".join(GITLAB[job]["script"])
    yield "golden", (CI / "policy" / "golden.sh").read_text()


SCRIPTS = dict(scripts())


@pytest.mark.parametrize("name", SCRIPTS)
def test_shell_parts_pass_shellcheck(tmp_path: Path, name: str) -> None:
    path = tmp_path / "script"
    path.write_text(SCRIPTS[name])

    checked = subprocess.run(["shellcheck", "--shell=bash", path], capture_output=True, text=True, check=False)

    assert (checked.stdout, checked.returncode) == ("", 0)


def test_the_workflow_is_sound() -> None:
    """What an expression puts into a script is code, so that values come by the environment.  `python -m` would take
    modules from the current folder, which is the pull request's.
    """
    jobs = GITHUB["jobs"]

    assert GITHUB["permissions"] == {}
    assert {name: job["permissions"] for name, job in jobs.items()} == PERMISSIONS
    assert set(GITHUB["on"]) == {"pull_request", "push"}
    assert GITHUB["defaults"]["run"]["shell"] == "bash"
    for job in jobs.values():
        steps = job["steps"]
        assert all(("uses" in each) != ("run" in each) for each in steps)
        assert all("${{" not in each.get("run", "") and "python -m" not in each.get("run", "") for each in steps)
        assert all(re.fullmatch(r"[\w./-]+@v\d+", each["uses"]) for each in steps if "uses" in each)
        (checkout,) = [each for each in steps if each.get("uses", "").startswith("actions/checkout@")]
        assert checkout["with"]["persist-credentials"] is False


def test_the_gitlab_jobs_are_sound() -> None:
    assert GITLAB["stages"] == ["check", "diff"]
    assert {name for name, job in GITLAB.items() if isinstance(job, dict) and "script" in job} == {"check", "diff"}
    assert GITLAB["variables"]["GIT_DEPTH"] == "0"
    assert [rule["if"] for rule in GITLAB["diff"]["rules"]] == ['$CI_PIPELINE_SOURCE == "merge_request_event"']
    for job in ("check", "diff"):
        assert all(isinstance(line, str) for line in GITLAB[job]["script"])


def test_github_a_good_policy_passes_and_leaves_a_bundle(repository: Repository) -> None:
    ran = github(repository, "check", "Install", "Check", "Compile", "Golden bundle")

    assert ran.status == 0, ran.output
    assert (repository.folder / "bundle" / "provenance" / "node-1.json").is_file()
    (install,) = repository.calls("pip")
    assert install.arguments == ("install", "sdnc")


def test_github_a_bad_policy_fails_with_an_annotation(repository: Repository) -> None:
    merged(repository, BAD)

    ran = github(repository, "check", "Check", "Compile")

    assert ran.status == 1
    assert f"::error file={POLICY},line=5,col=" in ran.output
    assert not (repository.folder / "bundle").exists()


def test_github_a_change_becomes_a_comment(repository: Repository) -> None:
    merged(repository, GOOD)

    ran = github(repository, "diff", "Install", "Diff", "Comment")

    assert ran.status == 0, ran.output
    looked, posted = repository.calls("gh")
    assert "repos/network/policy/issues/7/comments" in looked.arguments
    assert posted.arguments[-5:] == (
        "--method",
        "POST",
        "repos/network/policy/issues/7/comments",
        "-F",
        "body=@comment.md",
    )
    body = posted.bodies["comment.md"]
    summary = (repository.folder.parent / "summary").read_text()
    assert body == MARKER + summary
    assert "+ pod shop/web-1 -> pod shop/db-1: tcp/5433\n" in body
    assert "- pod shop/web-1 -> pod shop/db-1: tcp/5432\n" in body


def test_github_the_next_push_replaces_the_comment(repository: Repository) -> None:
    merged(repository, GOOD)
    repository.answer(**{"--paginate": "11\n12\n"})

    ran = github(repository, "diff", "Diff", "Comment")

    assert ran.status == 0, ran.output
    _, patched = repository.calls("gh")
    assert patched.arguments[-5:-2] == ("--method", "PATCH", "repos/network/policy/issues/comments/12")
    assert patched.bodies["comment.md"].startswith(MARKER)


def test_github_a_change_without_meaning_is_told_as_such(repository: Repository) -> None:
    merged(repository, SAME)

    ran = github(repository, "diff", "Diff", "Comment")

    assert ran.status == 0, ran.output
    (_, posted) = repository.calls("gh")
    assert posted.bodies["comment.md"].removeprefix(MARKER).strip() == "**sdnc diff:** no difference"


def test_github_a_comment_is_not_too_long_with_its_mark(repository: Repository) -> None:
    assert len(MARKER) + MAX_CHARACTERS <= 65_536
    (repository.folder / "diff.md").write_text("…" * MAX_CHARACTERS)

    ran = github(repository, "diff", "Comment")

    assert ran.status == 0, ran.output
    assert repository.calls("gh")[-1].bodies["comment.md"] == MARKER + "…" * MAX_CHARACTERS


@pytest.mark.parametrize(("job", "name"), [("diff", "Diff"), ("sarif", "Check")])
def test_github_a_fault_fails_the_step(repository: Repository, job: str, name: str) -> None:
    """Status 1 has a meaning of its own, 2 has not."""
    (repository.folder.parent / "bin" / "sdnc").write_text("#!/bin/sh\nexit 2\n")

    assert github(repository, job, name).status == 2


def test_github_findings_become_sarif(repository: Repository) -> None:
    merged(repository, BAD)

    ran = github(repository, "sarif", "Check")

    assert ran.status == 0, ran.output
    assert POLICY in (repository.folder / "sdnc.sarif").read_text()


def test_gitlab_a_good_policy_passes_and_a_bad_one_fails(repository: Repository) -> None:
    good = gitlab(repository, "check")
    repository.branch("feature", BAD)
    bad = gitlab(repository, "check")

    assert good.status == 0, good.output
    assert (repository.folder / "bundle" / "manifest.json").is_file()
    assert bad.status == 1
    assert "error[SDN" in bad.output
    assert f"--> {POLICY}:5:" in bad.output


def note(number: int, author: int, body: str) -> dict[str, Any]:
    return {"id": number, "body": body, "author": {"id": author}}


@pytest.mark.parametrize(
    ("notes", "replaced"),
    [
        ([], None),
        ([note(3, 9, "hello"), note(4, 9, f"{MARKER}old")], 4),
        ([note(3, 8, f"{MARKER}somebody else's"), note(4, 9, f"{MARKER}old")], 4),
        ([note(3, 8, f"{MARKER}somebody else's")], None),
    ],
)
def test_gitlab_a_change_becomes_a_note_which_is_replaced(
    repository: Repository, notes: list[dict[str, Any]], replaced: int | None
) -> None:
    base = repository.git("rev-parse", "HEAD")
    repository.branch("feature", GOOD)
    url = "https://gitlab.example.com/api/v4/projects/42/merge_requests/7/notes"
    repository.answer(
        **{
            "https://gitlab.example.com/api/v4/user": '{"id": 9}',
            f"{url}?sort=asc&order_by=created_at&per_page=100": json.dumps(notes),
        }
    )

    ran = gitlab(repository, "diff", CI_MERGE_REQUEST_DIFF_BASE_SHA=base, SDNC_NOTE_TOKEN="secret")

    assert ran.status == 0, ran.output
    *_, written = repository.calls("curl")
    method, target = ("POST", url) if replaced is None else ("PUT", f"{url}/{replaced}")
    assert written.arguments[written.arguments.index("--request") + 1] == method
    assert written.arguments[-1] == target
    assert "PRIVATE-TOKEN: secret" in written.arguments
    assert {"--fail", "--data-urlencode", "body@note.md"} <= set(written.arguments)
    body = written.bodies["note.md"]
    assert body == MARKER + (repository.folder / "diff.md").read_text()
    assert "5433" in body
    assert "secret" not in ran.output


def test_gitlab_without_a_token_the_artifact_has_the_difference(repository: Repository) -> None:
    base = repository.git("rev-parse", "HEAD")
    repository.branch("feature", GOOD)

    ran = gitlab(repository, "diff", CI_MERGE_REQUEST_DIFF_BASE_SHA=base)

    assert ran.status == 0, ran.output
    assert repository.calls("curl") == []
    assert "5433" in (repository.folder / "diff.md").read_text()


def test_gitlab_of_merged_results_what_is_on_the_target_meanwhile_is_no_change(repository: Repository) -> None:
    base = repository.git("rev-parse", "HEAD")
    repository.branch("feature", {"README": "Read me.\n"})
    repository.git("checkout", "--quiet", "main")
    (repository.folder / POLICY).write_text(GOOD[POLICY])
    target = repository.commit("meanwhile")
    repository.git("merge", "--quiet", "--no-edit", "feature")

    commits = {"CI_MERGE_REQUEST_DIFF_BASE_SHA": base, "CI_MERGE_REQUEST_TARGET_BRANCH_SHA": target}
    ran = gitlab(repository, "diff", **commits)

    assert ran.status == 0, ran.output
    assert (repository.folder / "diff.md").read_text().strip() == "**sdnc diff:** no difference"


def test_gitlab_a_base_that_is_not_there_fails_the_job(repository: Repository) -> None:
    ran = gitlab(repository, "diff", CI_MERGE_REQUEST_DIFF_BASE_SHA="0" * 40, SDNC_NOTE_TOKEN="secret")

    assert ran.status == 2
    assert repository.calls("curl") == []


def golden(repository: Repository, *arguments: str) -> Ran:
    return repository.run(f"sh golden.sh {' '.join(arguments)}\n", ("sh", "-e"))


def test_golden_passes_until_the_policy_changes_and_again_when_it_is_renewed(repository: Repository) -> None:
    golden(repository, "renew")
    repository.commit("golden")

    unchanged = golden(repository)
    repository.branch("feature", GOOD)
    changed = golden(repository)
    in_github = github(repository, "check", "Golden bundle")
    renewed = golden(repository, "renew")
    difference = repository.git("diff", "--stat")
    again = golden(repository)

    assert (unchanged.status, unchanged.output) == (0, "golden is what policies gives\n")
    assert changed.status == in_github.status == 1
    assert "tp_dst=5433" in changed.output
    assert "tp_dst=5432" in changed.output
    assert "Files golden/nodes/node-2/flows.txt and new/nodes/node-2/flows.txt differ" in changed.output
    assert "sh golden.sh renew" in changed.output
    assert renewed.status == again.status == 0
    assert "golden/nodes/node-2/flows.txt" in difference
    assert "golden/nodes/node-1/flows.txt" not in difference


def test_golden_finds_a_bundle_that_was_edited_by_hand(repository: Repository) -> None:
    golden(repository, "renew")
    (repository.folder / "golden/nodes/node-1/bridge.sh").write_text("#!/bin/sh\n")

    ran = golden(repository)

    assert ran.status == 1
    assert "Files golden/nodes/node-1/bridge.sh" in ran.output


def test_golden_with_a_bad_policy_keeps_the_bundle(repository: Repository) -> None:
    golden(repository, "renew")
    repository.commit("golden")
    repository.branch("feature", BAD)

    assert golden(repository).status == 1
    assert golden(repository, "renew").status == 1
    assert repository.git("status", "--porcelain") == ""
    assert golden(repository, "what").status == 2


def hook() -> dict[str, Any]:
    (found,) = HOOKS
    assert found["id"] == PRE_COMMIT["repos"][0]["hooks"][0]["id"]
    return dict(found)


def pre_commit(repository: Repository, *arguments: str) -> Ran:
    """Runs pre-commit with the hook of this project.  As a program of the system: that pre-commit can install a
    project of Python is its own business, and needs a network.
    """
    local = {"repo": "local", "hooks": [hook() | {"language": "system"}, *PRE_COMMIT["repos"][1]["hooks"]]}
    (repository.folder / ".pre-commit-config.yaml").write_text(yaml.safe_dump({"repos": [local]}))
    repository.git("add", "--all")
    return repository.run(f"pre-commit {' '.join(arguments)}\n", ("sh", "-e"))


def test_pre_commit_takes_the_files_of_the_example(repository: Repository) -> None:
    for check, path in (
        ("validate-manifest", ROOT / ".pre-commit-hooks.yaml"),
        ("validate-config", CI / "pre-commit-config.yaml"),
    ):
        ran = repository.run(f"pre-commit {check} '{path}'\n", ("sh", "-e"))
        assert ran.status == 0, ran.output


def test_pre_commit_checks_the_whole_set_with_the_files_of_a_commit(repository: Repository) -> None:
    """The changed file alone lacks the cluster."""
    golden(repository, "renew")
    (repository.folder / POLICY).write_text(SAME[POLICY])
    alone = repository.run(f"sdnc check {POLICY}\n", ("sh", "-e"))
    good = pre_commit(repository, "run")
    (repository.folder / POLICY).write_text(BAD[POLICY])
    bad = pre_commit(repository, "run")

    assert alone.status == 1
    assert good.status == 0, good.output
    assert bad.status == 1
    assert f"--> {POLICY}:5:" in bad.output


def test_pre_commit_notices_that_a_file_is_gone(repository: Repository) -> None:
    """Nothing is passed then, and still the rest is checked."""
    repository.git("rm", "--quiet", "policies/cluster.sdn")

    ran = pre_commit(repository, "run", "sdnc-check")

    assert ran.status == 1
    assert "error[SDN" in ran.output


def test_pre_commit_refuses_a_commit(repository: Repository) -> None:
    golden(repository, "renew")
    pre_commit(repository, "install")
    repository.commit("hooks")
    for path, text in GOOD.items():
        (repository.folder / path).write_text(text)

    with pytest.raises(subprocess.CalledProcessError):
        repository.commit("without a golden bundle")
    golden(repository, "renew")
    repository.commit("with it")

    assert repository.git("log", "-1", "--format=%s") == "with it"
