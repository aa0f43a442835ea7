"""The files of a revision as a tree, in which the same files are chosen as on the disk (`compiler.sources.files`).

Links are followed, though not out of the repository: what is there now tells nothing about a revision.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from attrs import field, frozen

from compiler.bundles import MANIFEST, is_manifest
from compiler.sources.files import SUFFIXES

_BLOB, _LINK, _SUBMODULE = "100", "120000", "160000"
"""How the mode of a regular file begins; the modes of a link, and of another repository's commit."""

_MAX_LINKS = 40
"""Links on the way to one file, as Linux follows them (path_resolution(7))."""

Read = Callable[[Sequence[str]], Mapping[str, bytes]]
"""Gives the contents of objects by their names, in one run of git."""


@frozen
class Entry:
    """A file of a revision: its mode, the name of its object, and its path from the top of the repository."""

    mode: str
    object: str
    path: str

    @property
    def is_regular(self) -> bool:
        """Whether it has a content that is its own."""
        return self.mode.startswith(_BLOB)


@frozen
class Tree:
    """The entries of a revision by their paths, and the names in each folder."""

    _entries: Mapping[str, Entry]
    _folders: Mapping[str, Sequence[str]]
    _read: Read
    _targets: dict[str, str] = field(factory=dict)
    """Where links lead: all of them, from when the first is met."""

    @classmethod
    def of(cls, entries: Iterable[Entry], read: Read) -> Tree:
        """The tree of all files of a revision."""
        by_path = {entry.path: entry for entry in entries}
        folders: dict[str, set[str]] = defaultdict(set)
        for path in by_path:
            while path:
                folder, _, name = path.rpartition("/")
                if name in folders[folder]:
                    break
                folders[folder].add(name)
                path = folder
        return cls(by_path, {folder: sorted(names) for folder, names in folders.items()}, read)

    def file(self, path: str) -> Entry | None:
        """The regular file that a path leads to."""
        real = self._real(path)
        entry = None if real is None else self._entries.get(real)
        return entry if entry is not None and entry.is_regular else None

    def below(self, inside: str, shown: str) -> Iterator[tuple[str, Entry | None]]:
        """What a path means, in order: each file with the name that messages call it by, of which the path's own part
        is `shown`.

        In a folder these are files with a known suffix; what begins with a dot, and bundles, are passed over, and a
        folder to which links lead again.  None is in place of a file that is not there to be read: of a submodule, and
        of a link that leads out of the repository or nowhere.
        """
        seen: set[str] = set()
        waiting = [(inside, shown)]
        while waiting:
            path, name = waiting.pop()
            real = self._real(path)
            if real is None:
                yield name, None
            elif real in self._folders:
                if real not in seen and not self._is_bundle(real):
                    seen.add(real)
                    visible = (child for child in reversed(self._folders[real]) if not child.startswith("."))
                    waiting += [(f"{real}/{child}".lstrip("/"), str(Path(name, child))) for child in visible]
            elif path == inside or Path(path).suffix in SUFFIXES or self._is_submodule(real):
                entry = self._entries.get(real)
                if entry is not None or path in self._entries:
                    yield name, entry if entry is not None and entry.is_regular else None

    def _real(self, path: str) -> str | None:
        """The path without links; None if one of them leads out of the repository, or in a circle."""
        done: list[str] = []
        parts = path.split("/")[::-1]
        followed = 0
        while parts:
            part = parts.pop()
            if part == ".." and not done:
                return None
            if part == "..":
                done.pop()
            elif part not in ("", "."):
                done.append(part)
            if (target := self._target("/".join(done))) is not None:
                followed += 1
                if followed > _MAX_LINKS or target.startswith("/"):
                    return None
                done.pop()
                parts += target.split("/")[::-1]
        return "/".join(done)

    def _target(self, path: str) -> str | None:
        """Where a link leads; None if it is none."""
        entry = self._entries.get(path)
        if entry is None or entry.mode != _LINK:
            return None
        if not self._targets:
            links = [each for each in self._entries.values() if each.mode == _LINK]
            contents = self._read([each.object for each in links])
            self._targets.update((each.path, os.fsdecode(contents[each.object])) for each in links)
        return self._targets[path]

    def _is_submodule(self, path: str) -> bool:
        entry = self._entries.get(path)
        return entry is not None and entry.mode == _SUBMODULE

    def _is_bundle(self, folder: str) -> bool:
        """Whether sdnc wrote the folder."""
        manifest = self.file(f"{folder}/{MANIFEST}")
        return manifest is not None and is_manifest(self._read([manifest.object])[manifest.object])
