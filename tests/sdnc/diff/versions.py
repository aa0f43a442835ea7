"""Versions of a small cluster to compare, and scratch repositories of git that no configuration reaches."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from sdnc.diff.inputs import Settings, read_inputs
from sdnc.diff.rules import RuleChanges, compare_rules
from tests.compiling import CLUSTER

PODS = """
project shop
pod shop/web-1 { node node-1  address 10.128.0.11  labels tier=web }
pod shop/api-1 { node node-2  address 10.128.2.11  labels tier=api }
"""

API = "policy shop/api { select tier=api  ingress { allow tcp/80 from pods tier=web } }\n"
API_WIDER = API.replace("tcp/80", "tcp/80, tcp/443")
WEB = "policy shop/web { select tier=web  ingress { allow tcp/8080 from anyone } }\n"

OLD = CLUSTER + PODS + API
NEW = CLUSTER + PODS + API_WIDER
"""One rule more: tcp/443 from the pod tier=web to the pod tier=api."""


def write(path: Path, text: str | bytes) -> Path:
    """Writes a file, and the folders that lead to it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def compared(old: Path, new: Path) -> RuleChanges:
    """The rules that differ between two versions on the disk."""
    inputs = read_inputs([str(old)], [str(new)], None, Settings())
    return compare_rules(inputs.old, inputs.new)


def rules_of(folder: Path, old: str, new: str) -> RuleChanges:
    """The rules that differ between two texts of the policy language."""
    return compared(write(folder / "old" / "cluster.sdn", old), write(folder / "new" / "cluster.sdn", new))


@frozen
class Scratch:
    """A repository of git in a folder of its own."""

    folder: Path

    @classmethod
    def at(cls, folder: Path) -> Scratch:
        folder.mkdir(parents=True, exist_ok=True)
        scratch = cls(folder)
        scratch.git("init", "--quiet", "--initial-branch=main")
        return scratch

    def git(self, *arguments: str | bytes, stdin: bytes = b"") -> str:
        """Runs git, with no configuration but the repository's own."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            **{f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in _IDENTITY.items()},
        }
        command = ["git", "-C", str(self.folder), *arguments]
        done = subprocess.run(command, input=stdin, env=environment, capture_output=True, check=True)
        return os.fsdecode(done.stdout).strip()

    def commit(self, files: Mapping[str, str | bytes], removed: tuple[str, ...] = ()) -> str:
        """Writes and removes files, and commits everything; the name of the commit."""
        for name in removed:
            (self.folder / name).unlink()
        for name, text in files.items():
            write(self.folder / name, text)
        self.git("add", "--all", "--force")
        self.git("commit", "--quiet", "--allow-empty", "--message=change")
        return self.git("rev-parse", "HEAD")


_IDENTITY = {"NAME": "A. Person", "EMAIL": "person@example.com", "DATE": "2026-01-01T00:00:00Z"}
