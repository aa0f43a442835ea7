"""Renews what the documents quote from real runs (`make documents`); tests/test_documents.py holds them against it.

Documents hold fenced blocks of these kinds, told by the words behind the fence:

- `console`: lines `$ COMMAND`, each followed by what the command prints.  The blocks of a page run one after the
  other in a workspace of their own, where `examples` is a copy and `sdnc` is the command.
- `flows NODE table=N [lines=M]`: that table of the node's flows, from examples/shop; the first M lines of it.
- `sdn PATH`, `yaml PATH` (a path has a suffix): a file.  One that the workspace has already must hold the block's
  text; any other is written for the commands that follow.

Between `<!-- flow counts -->` and `<!-- end -->` stands the table of flow counts that `python -m benchmarks` measures.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from benchmarks.__main__ import generate, measure, title
from benchmarks.openshift_sdn import REFERENCES
from sdnc import compile_texts

ROOT = Path(__file__).resolve().parent.parent

FENCE = re.compile(r"^```(?P<info>[^\n`]+)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE)
_COUNTS = re.compile(r"(?<=<!-- flow counts -->\n).*?(?=<!-- end -->)", re.DOTALL)
_TABLE = re.compile(r"^# Table (?P<number>\d+): .*\n(?P<lines>(?:.+\n)+)", re.MULTILINE)

COUNTED_PODS = (200, 1_000, 10_000)
"""The sizes of the clusters whose flows README counts."""


class Mismatch(Exception):
    """A block claims to be part of a file, and is not."""


def documents() -> list[Path]:
    """The project's pages, in a fixed order."""
    pages = (ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/*.md"), *ROOT.glob("examples/**/*.md"))
    return sorted(pages)


@frozen
class Workspace:
    """A folder in which the commands of one page run, and the files of the nodes of examples/shop."""

    folder: Path
    shop: Mapping[str, Mapping[str, str]]

    def run(self, command: str) -> str:
        """What a shell command prints, to standard output and standard error; the folder's own path is /home/me.

        Raises RuntimeError if a Python program has failed: no page quotes that.
        """
        environment = os.environ | {
            "PATH": f"{self.folder / '.bin'}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "PYTHONUTF8": "1",
            "COLUMNS": "120",
            "NO_COLOR": "1",
        }
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        if "Traceback (most recent call last)" in done.stdout:
            raise RuntimeError(f"{command}\n{done.stdout}")
        return done.stdout.replace(str(self.folder), "/home/me")

    def flows(self, node: str, table: int) -> list[str]:
        """The lines of one table of a node of examples/shop, without its headline."""
        found = {int(each["number"]): each["lines"] for each in _TABLE.finditer(self.shop[node]["flows.txt"])}
        return found[table].splitlines()


@contextmanager
def workspace() -> Iterator[Workspace]:
    """A fresh workspace, removed at the end."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(ROOT / "examples", folder / "examples")
        command = folder / ".bin" / "sdnc"
        command.parent.mkdir()
        command.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m sdnc "$@"\n', encoding="utf-8")
        command.chmod(0o755)
        shop = (folder / "examples" / "shop" / "shop.sdn").read_text(encoding="utf-8")
        yield Workspace(folder, compile_texts({"shop.sdn": shop}))


def renewed(page: str, place: Workspace) -> str:
    """The page with all that it quotes as it is now.  Raises `Mismatch`."""

    def block(found: re.Match[str]) -> str:
        kind, *words = found["info"].split()
        body = found["body"]
        match kind, words:
            case "console", []:
                body = "".join(_session(body, place))
            case "flows", [node, *options]:
                body = _excerpt(place, node, dict(option.split("=") for option in options))
            case "sdn" | "yaml", [path] if "." in path:
                _file(place.folder / path, body)
        return f"```{found['info']}\n{body}```"

    page = FENCE.sub(block, page)
    return _COUNTS.sub(lambda _: flow_counts(), page)


def _session(body: str, place: Workspace) -> Iterator[str]:
    for line in body.splitlines():
        if line.startswith("$ "):
            yield f"{line}\n{place.run(line.removeprefix('$ '))}"


def _excerpt(place: Workspace, node: str, options: dict[str, str]) -> str:
    lines = place.flows(node, int(options["table"]))
    shown = lines[: int(options.get("lines", len(lines)))]
    if more := len(lines) - len(shown):
        shown.append(f"# … and {more} more lines")
    return "".join(f"{line}\n" for line in shown)


def _file(path: Path, body: str) -> None:
    if not path.exists():
        path.write_text(body, encoding="utf-8")
    elif body not in path.read_text(encoding="utf-8"):
        raise Mismatch(f"{path.name} does not have these lines:\n{body}")


def flow_counts() -> str:
    """A Markdown table of the flows of node-0 on synthetic clusters, beside openshift-sdn's."""
    lines = ["| cluster | sdnc | openshift-sdn |", "|---|---:|---:|"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cluster.json"
        for reference in REFERENCES:
            if reference.pods in COUNTED_PODS:
                generate(reference, path)
                flows = sum(measure(path, 1).flows.values())
                theirs = f"{reference.flows:,}" if reference.flows is not None else "skips the policy"
                lines.append(f"| {title(reference)} | {flows:,} | {theirs} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Rewrites the documents that are not as they should be, and tells which."""
    for path in documents():
        before = path.read_text(encoding="utf-8")
        with workspace() as place:
            after = renewed(before, place)
        if after != before:
            path.write_text(after, encoding="utf-8")
            print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
