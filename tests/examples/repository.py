"""A policy repository to try the CI recipes in, with stand-ins for the programs that need a network."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from tests.paths import EXAMPLES, ROOT

CI = EXAMPLES / "ci"

_IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Somebody"), ("EMAIL", "somebody@example.com"), ("DATE", "2026-01-01T00:00:00Z"))
}

_STAND_IN = """#!{python} -P
import json, pathlib, sys
arguments = sys.argv[1:]
# Options name files as NAME@FILE or NAME=@FILE; what was in them counts.
files = [each.rpartition("@")[2] for each in arguments if "@" in each]
bodies = {{name: pathlib.Path(name).read_text() for name in files if pathlib.Path(name).is_file()}}
call = {{"program": {name!r}, "arguments": arguments, "bodies": bodies}}
with open({calls!r}, "a") as calls:
    calls.write(json.dumps(call) + "\\n")
answer = json.loads(pathlib.Path({answers!r}).read_text())
for key, text in answer.items():
    if key in arguments:
        if "--output" in arguments:
            pathlib.Path(arguments[arguments.index("--output") + 1]).write_text(text)
        else:
            print(text, end="")
        break
"""


@frozen
class Ran:
    """What came of a script: its exit status, and all that it printed."""

    status: int
    output: str


@frozen
class Call:
    """A call of a stand-in: its arguments, and what was in the files that they name."""

    program: str
    arguments: tuple[str, ...]
    bodies: Mapping[str, str]


@frozen
class Repository:
    """A work tree, beside the folder with the stand-ins."""

    folder: Path

    @classmethod
    def make(cls, place: Path) -> Repository:
        """A repository with the example's policy, committed on the branch main."""
        made = cls(place / "repository")
        shutil.copytree(CI / "policy", made.folder)
        programs = place / "bin"
        programs.mkdir()
        (programs / "sdnc").write_text(f'#!/bin/sh\nexec {sys.executable} -P -m sdnc "$@"\n')
        for name in ("gh", "curl", "pip", "python"):
            text = _STAND_IN.format(
                python=sys.executable, name=name, calls=str(made.calls_file), answers=str(made.answers_file)
            )
            (programs / name).write_text(text)
        for program in programs.iterdir():
            program.chmod(0o755)
        made.answers_file.write_text("{}")
        made.git("init", "--quiet", "--initial-branch=main")
        made.commit("first")
        return made

    @property
    def calls_file(self) -> Path:
        return self.folder.parent / "calls"

    @property
    def answers_file(self) -> Path:
        return self.folder.parent / "answers"

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of who runs the tests but the place of programs."""
        paths = (self.folder.parent / "bin", Path(sys.executable).parent, "/usr/bin", "/bin")
        return {
            "PATH": ":".join(map(str, paths)),
            "PYTHONPATH": str(ROOT),
            "PYTHONUTF8": "1",
            "HOME": str(self.folder.parent),
            "GIT_CONFIG_NOSYSTEM": "1",
            **_IDENTITY,
        }

    def answer(self, **answers: str) -> None:
        """What the stand-ins print from now on, by an argument that they are called with."""
        self.answers_file.write_text(json.dumps(answers))

    def git(self, *arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=self.folder, env=self.environment, check=True, capture_output=True, text=True
        ).stdout.strip()

    def commit(self, message: str) -> str:
        """Commits everything, and returns the commit's name."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")

    def branch(self, name: str, files: Mapping[str, str]) -> str:
        """A commit with these files on a new branch, checked out."""
        self.git("checkout", "--quiet", "-b", name)
        for path, text in files.items():
            (self.folder / path).write_text(text)
        return self.commit(name)

    def run(self, script: str, shell: tuple[str, ...], **environment: str) -> Ran:
        """Runs a script as a CI system does."""
        path = self.folder.parent / "script"
        path.write_text(script)
        done = subprocess.run(
            [*shell, str(path)],
            cwd=self.folder,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
        )
        return Ran(done.returncode, done.stdout)

    def calls(self, program: str) -> list[Call]:
        """The calls of a stand-in so far."""
        if not self.calls_file.exists():
            return []
        calls: list[Any] = [json.loads(line) for line in self.calls_file.read_text().splitlines()]
        return [
            Call(call["program"], tuple(call["arguments"]), call["bodies"])
            for call in calls
            if call["program"] == program
        ]


POLICY = "policies/shop.sdn"


def policy(text: str) -> dict[str, str]:
    """The policy file with another rule in place of its own."""
    old = (CI / "policy" / POLICY).read_text()
    assert old.count("tcp/5432") == 1
    return {POLICY: old.replace("tcp/5432", text)}


GOOD = policy("tcp/5433")
BAD = policy("tcp/99999")
SAME = {POLICY: (CI / "policy" / POLICY).read_text().replace("# Who", "# Who else")}
