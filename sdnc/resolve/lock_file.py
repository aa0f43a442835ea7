"""The lock file on the disk: replaced whole, and only if addresses changed (EF-09)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import define

from compiler.diagnostics import Diagnostics
from compiler.dns_lock import LockedName, lock_text
from compiler.sources.dns_lock import read_dns_lock
from sdnc.files import write_atomically
from sdnc.resolve.lookup import Answer, Question
from sdnc.resolve.names import changes, entry


class NotALockFile(Exception):
    """The lock file is to be something that is not replaced; the text says what."""


@define
class LockFile:
    """The lock file at `path`, and what is in it; `names` None: it is not there yet."""

    path: Path
    names: Mapping[str, LockedName] | None

    @classmethod
    def open(cls, path: Path, diagnostics: Diagnostics) -> LockFile | None:
        """The file as it is; None if there is anything wrong in it, which `diagnostics` then tells.

        Raises `NotALockFile` for a symbolic link, a device and whatever else is no file; OSError if it cannot be asked.
        """
        if path.is_symlink() or (path.exists() and not path.is_file()):
            raise NotALockFile(f"{path} exists and is no regular file")
        if not path.exists():
            return cls(path, None)
        lock = read_dns_lock(str(path), diagnostics)
        return cls(path, lock.names) if lock else None

    def update(self, names: Sequence[str], answers: Mapping[Question, Answer]) -> list[str]:
        """Brings the file up to date with the answers; names other than these are removed.

        Returns a line for each change; without any, a file that is there is left alone.  Raises OSError if the file
        cannot be written; it then stays as it is.
        """
        old = self.names or {}
        found = {name: entry(name, answers, old.get(name)) for name in names}
        new = {name: locked for name, locked in found.items() if locked}
        lines = changes(old, new)
        if lines or self.names is None:
            write_atomically(self.path, lock_text(new.values()))
            self.names = new
        return lines
