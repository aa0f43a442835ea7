"""Runs `sdnc apply` on the nodes of a lab, and reads what is in force there, target by target.

A node's texts are taken by the tools that an administrator has, never by code of the applier's.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from attrs import frozen

from tests.cluster.bundle import Bundle
from tests.lab import Lab
from tests.paths import ROOT

TABLES = ("raw", "mangle", "nat", "filter")

Texts = dict[str, str]
"""What is in force on a node: by "bridge", "openflow" (flows and groups), each table of iptables, "sets" and
"addresses"."""

_BRIDGE = """
list() { ovs-vsctl --format=csv --no-headings "$@"; }
list --columns=name,datapath_type,fail_mode,protocols list bridge br0
list --columns=name,type,options,ofport,ofport_request,mtu_request,mac list interface
ip -o -4 address show dev tun0
ip route show dev tun0
"""
_INSIDE = 4
"""So many words of the command line enter the namespace."""
_CHANGING = re.compile(r" bucketsize \d+ initval \w+|valid_lft \S+ preferred_lft \S+|^\d+: |\\\s+")
_COUNTERS = re.compile(r" \[\d+:\d+\]$")


@frozen
class Result:
    """How a run of the command ended."""

    status: int
    out: str
    err: str

    @property
    def told(self) -> str:
        """Everything that it said."""
        return self.out + self.err

    @property
    def report(self) -> dict[str, object]:
        """What it said with `--format json`."""
        told: dict[str, object] = json.loads(self.out)
        return told


@frozen
class Applier:
    """The command `sdnc apply` on one node, with a state folder of its own."""

    lab: Lab
    node: str
    state: Path

    @property
    def environment(self) -> dict[str, str]:
        """What the command has in its environment."""
        own = {"SDNC_DATAPATH_TYPE": "netdev", "PYTHONPATH": str(ROOT)}
        return {**os.environ, **self.lab.switch(self.node).environment, **own}

    def command(self, *arguments: str | Path) -> list[str]:
        """The command line, inside the node's namespace."""
        inside = ["ip", "netns", "exec", self.lab.namespace(self.node).name]
        return [*inside, sys.executable, "-m", "sdnc", "apply", "--state", str(self.state), *map(str, arguments)]

    def start(self, *arguments: str | Path, around: Sequence[str] = ()) -> subprocess.Popen[str]:
        """Starts the command, in a session of its own; `around` is a command that runs it."""
        inside = self.command(*arguments)
        return subprocess.Popen(
            [*inside[:_INSIDE], *around, *inside[_INSIDE:]],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str | Path, around: Sequence[str] = ()) -> Result:
        """Runs the command to its end; see `start`."""
        return finished(self.start(*arguments, around=around))

    def apply(self, bundle: Bundle, *options: str) -> Result:
        """Puts a bundle in force.  Raises AssertionError if that fails."""
        result = self.run(bundle.node(self.node), *options)
        assert result.status == 0, result.told
        return result

    def check(self, bundle: Bundle) -> Result:
        """Looks for drift."""
        return self.run(bundle.node(self.node), "--check")

    def texts(self) -> Texts:
        """What is in force."""
        return node_texts(lambda command: self.lab.run(self.node, command))

    def do(self, script: str) -> str:
        """Runs lines of shell on the node, as an administrator would.  Raises LabError."""
        return self.lab.run(self.node, ["sh", "-euc", script])


def finished(process: subprocess.Popen[str], timeout: float = 60.0) -> Result:
    """Waits for a command's end, in seconds."""
    out, err = process.communicate(timeout=timeout)
    return Result(process.returncode, out, err)


def node_texts(run: Callable[[Sequence[str]], str]) -> Texts:
    """What is in force where `run` runs commands, without counters, times and the order of what has none."""
    flows = run(["ovs-ofctl", "-O", "OpenFlow13", "--no-stats", "--no-names", "dump-flows", "br0"])
    groups = run(["ovs-ofctl", "-O", "OpenFlow13", "dump-groups", "br0"])
    entries = [line.strip() for line in (flows + groups).splitlines() if "actions=" in line]
    addresses = run(["sh", "-c", "ip -o -4 address show | grep ':eip' || true"])
    texts = {
        "bridge": _sorted(run(["sh", "-euc", _BRIDGE])),
        "openflow": "\n".join(sorted(entries)),
        "sets": _sorted(run(["ipset", "save"])),
        "addresses": _sorted(addresses),
    }
    return texts | _tables(run(["iptables-save"]))


def _sorted(text: str) -> str:
    return "\n".join(sorted(_CHANGING.sub("", line).rstrip() for line in text.splitlines()))


def _tables(saved: str) -> Texts:
    texts = dict.fromkeys(TABLES, "")
    table = ""
    for line in saved.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif not line.startswith("#") and line != "COMMIT" and table in texts:
            texts[table] += _COUNTERS.sub("", line) + "\n"
    # A chain without rules that nobody has touched is no matter of its table's text, and neither is the chains' order.
    for name, text in texts.items():
        chains = sorted(line for line in text.splitlines() if line.startswith(":"))
        texts[name] = "\n".join([*chains, *(line for line in text.splitlines() if not line.startswith(":"))])
    return texts


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, tuple[list[str], list[str]]]:
    """The lines that only one of two nodes' texts has, by target: gone and new."""
    found = {}
    for target, old in before.items():
        new = after[target]
        if old != new:
            one, other = set(old.splitlines()), set(new.splitlines())
            found[target] = (sorted(one - other), sorted(other - one))
    return found


def tampered(bundle: Bundle, folder: Path, edits: Mapping[str, Callable[[str], str]]) -> Bundle:
    """A copy of a bundle with files (by their paths in it) that another compiler might have written.

    The manifest's digests are those of the files as they are now.
    """
    shutil.copytree(bundle.folder, folder)
    manifest_path = folder / "manifest.json"
    manifest = manifest_path.read_text()
    for name, edit in edits.items():
        path = folder / name
        old = path.read_text()
        path.write_text(edit(old))
        digest, new = (hashlib.sha256(text.encode()).hexdigest() for text in (old, path.read_text()))
        assert digest in manifest
        manifest = manifest.replace(digest, new)
    manifest_path.write_text(manifest)
    return Bundle(folder, bundle.messages)


def quick_programs(folder: Path, *, waits: bool = False) -> Path:
    """A folder of programs that do nothing, and take no time: arping announces for two seconds.

    Without `waits` nobody waits for the datapath either, for half a second, through which no packet goes then.
    """
    programs = folder / "programs"
    programs.mkdir()
    for name, does in {"arping": "sleep 0.2"}.items() if waits else dict.fromkeys(("arping", "ovs-appctl"), "").items():
        (programs / name).write_text(f"#!/bin/sh\n{does}\n")
        (programs / name).chmod(0o755)
    return programs
