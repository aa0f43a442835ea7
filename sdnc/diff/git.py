"""Files of a revision, straight from git's database: nothing is checked out, and no file of the work tree is touched.

Only commands that read objects are used (git-ls-tree(1), git-cat-file(1)), so that no configuration of a repository
makes git run a program.  Which files of a folder are sources is told by `sdnc.diff.tree`.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from attrs import field, frozen

from sdnc.diff.tree import Entry, Tree

_ENVIRONMENT = {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"}
"""Messages as they are known, no locks, no network."""

_RANGE = re.compile(r"(.*?)(\.\.\.?)(.*)", re.DOTALL)


class GitFault(OSError):
    """git is missing, this is no repository, or it does not know a revision; the message is one line."""


@frozen
class Revisions:
    """What is compared: a revision, as the user named it, against another; `new` None: the files as they are."""

    old: str
    new: str | None = None
    from_merge_base: bool = False


def parse_revisions(text: str) -> Revisions:
    """`REV`, `A..B`, or `A...B`: from where A and B parted to B; an empty A or B is HEAD (gitrevisions(7)).

    Raises ValueError for a revision that git would take for an option, or that has a control character.
    """
    old, dots, new = text, "", ""
    if found := _RANGE.fullmatch(text):
        old, dots, new = found.groups()
    for revision in (old, new):
        if revision.startswith("-"):
            raise ValueError(f"{revision!r} begins with a hyphen")
        if not revision.isprintable():
            raise ValueError("a revision has no control characters")
    if not dots:
        if not old:
            raise ValueError("the revision is empty")
        return Revisions(old)
    return Revisions(old or "HEAD", new or "HEAD", dots == "...")


@frozen
class Revision:
    """A revision: the name that messages call it by, the commit's, and its files."""

    name: str
    commit: str
    tree: Tree = field(repr=False)


@frozen
class Selected:
    """The files that some paths mean at a revision: contents by the names that the user would see.

    `skipped` are submodules, and links that lead to no file of the repository, among them.
    """

    files: Mapping[str, bytes]
    skipped: tuple[str, ...]


@frozen
class Repository:
    """The repository that the current folder is in: `top` its work tree's folder, `here` the current folder's path
    from there."""

    top: Path
    here: str

    @classmethod
    def of_current_folder(cls) -> Repository:
        """Raises `GitFault`."""
        top = os.fsdecode(_git("rev-parse", "--show-toplevel")).removesuffix("\n")
        prefix = os.fsdecode(_git("rev-parse", "--show-prefix")).removesuffix("\n")
        return cls(Path(top), prefix.removesuffix("/"))

    def revision(self, name: str) -> Revision:
        """The revision that the user calls `name`.  Raises `GitFault` if there is none."""
        return self._revision(name, self._commit(name))

    def merge_base(self, one: str, other: str) -> Revision:
        """Where two revisions parted (git-merge-base(1)).  Raises `GitFault` if they have nothing in common."""
        found = _git(
            "merge-base", self._commit(one), self._commit(other), fault=f"{one} and {other} have no merge base"
        )
        commit = found.decode().strip()
        return self._revision(commit[:12], commit)

    def _commit(self, name: str) -> str:
        found = _git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}", fault=f"there is no revision {name!r}")
        return found.decode().strip()

    def _revision(self, name: str, commit: str) -> Revision:
        listing = _git("ls-tree", "-r", "-z", "--full-tree", commit)
        entries = []
        for line in listing.split(b"\0"):
            if line:
                head, _, path = line.partition(b"\t")
                mode, _, object_ = head.decode("ascii").split(" ")
                entries.append(Entry(mode, object_, os.fsdecode(path)))
        return Revision(name, commit, Tree.of(entries, read_objects))

    def select(self, revision: Revision, paths: Iterable[str]) -> Selected:
        """The sources that files and folders had at a revision, as `read_paths` would choose them.

        A path that did not exist then has none.  Raises `GitFault` for a path outside the repository.
        """
        chosen: dict[str, tuple[str, Entry]] = {}
        skipped: set[str] = set()
        for path in sorted(set(paths)):
            for name, entry in revision.tree.below(self._inside(path), path):
                if entry is None:
                    skipped.add(name)
                else:
                    chosen.setdefault(entry.path, (name, entry))
        contents = read_objects([entry.object for _, entry in chosen.values()])
        files = {name: contents[entry.object] for name, entry in chosen.values()}
        return Selected(files, tuple(sorted(skipped)))

    def read(self, revision: Revision, path: str) -> bytes | None:
        """The content of one file at a revision; None if it was no file then, or lies outside."""
        try:
            entry = revision.tree.file(self._inside(path))
        except GitFault:
            return None
        return None if entry is None else read_objects([entry.object])[entry.object]

    def _inside(self, path: str) -> str:
        """The path from the top of the repository, without looking at the disk: it may be gone."""
        given = Path(path)
        whole = given.parent.resolve() / given.name if given.is_absolute() else self.top / self.here / path
        relative = os.path.relpath(os.path.normpath(whole), self.top)
        if relative == ".." or relative.startswith("../"):
            raise GitFault(f"{path!r} is outside the repository {str(self.top)!r}")
        return "" if relative == "." else relative


def read_objects(names: Sequence[str]) -> dict[str, bytes]:
    """The contents of objects by their names, in one run of git.  Raises `GitFault`."""
    wanted = sorted(set(names))
    if not wanted:
        return {}
    answer = _git("cat-file", "--batch", stdin="".join(f"{name}\n" for name in wanted).encode())
    contents, here = {}, 0
    for name in wanted:
        end = answer.index(b"\n", here)
        head = answer[here:end].split(b" ")
        if len(head) != 3:
            raise GitFault(f"the repository lacks object {name}")
        size = int(head[2])
        contents[name] = answer[end + 1 : end + 1 + size]
        here = end + size + 2
    return contents


def _git(*arguments: str, stdin: bytes = b"", fault: str = "") -> bytes:
    """What git prints.  Raises `GitFault` with `fault`, a revision that is missing, or else with what git says."""
    try:
        done = subprocess.run(
            ["git", *arguments], input=stdin, capture_output=True, env=os.environ | _ENVIRONMENT, check=False
        )
    except (OSError, ValueError) as reason:  # ValueError: a NUL in an argument
        told = reason.strerror if isinstance(reason, OSError) and reason.strerror else str(reason)
        raise GitFault(f"git: {told}") from reason
    if done.returncode and fault:
        shallow = _git("rev-parse", "--is-shallow-repository") == b"true\n"
        raise GitFault(f"{fault}; this clone is shallow, and has to be fetched deeper" if shallow else fault)
    if done.returncode:
        lines = done.stderr.decode(errors="backslashreplace").strip().splitlines()
        raise GitFault(f"git: {lines[0] if lines else f'exit status {done.returncode}'}")
    return done.stdout
