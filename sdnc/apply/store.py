"""What the applier keeps on the node, in its state directory (mode 700):

    lock              taken while an applier is at work
    log.jsonl         what was applied when
    bundles/DIGEST    a bundle of this one node: `manifest.json` and `nodes/NODE`, just as `sdnc apply` takes it
    current           a link to that of the bundle in force
    pending.json      the change that waits to be accepted
    snapshot.json     what was there before it

A bundle is stored before the first change is made for it, and `current` changes in one step when all is done.  What
lies beside the bundle in force was begun and not finished: its chains may be on the node.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from sdnc.apply.node_bundle import BadBundle, NodeBundle, read_node_bundle
from sdnc.apply.node_files import MANIFEST, MANIFEST_SCHEMA, NODES

_DIGITS = 16
"""So many digits of a bundle's digest are the name of its folder."""


class BadStore(Exception):
    """The state directory cannot be used; the message tells why, in one line."""


@dataclass(frozen=True, slots=True)
class Store:
    """The state directory; make one by `open_store`."""

    folder: Path

    @property
    def lock(self) -> Path:
        """The file that is locked while an applier is at work."""
        return self.folder / "lock"

    @property
    def log(self) -> Path:
        """The log."""
        return self.folder / "log.jsonl"

    @property
    def pending(self) -> Path:
        """What is told of a change that waits to be accepted."""
        return self.folder / "pending.json"

    @property
    def snapshot(self) -> Path:
        """What was there before that change."""
        return self.folder / "snapshot.json"

    @property
    def current(self) -> Path:
        """The link to the bundle in force."""
        return self.folder / "current"

    def read_current(self, note: Callable[[str], None]) -> NodeBundle | None:
        """The bundle in force; None if there is none, or if its copy is damaged, of which `note` is told."""
        return self._read(self.current, note) if self.current.is_symlink() else None

    def read_unfinished(self, note: Callable[[str], None]) -> tuple[NodeBundle, ...]:
        """The other bundles that are stored: those whose change has not come to its end."""
        found = (self._read(folder, note) for folder in self._others() if not folder.name.startswith("."))
        return tuple(bundle for bundle in found if bundle is not None)

    def _others(self) -> list[Path]:
        current = self.current.resolve()
        stored = sorted(self._bundles.iterdir()) if self._bundles.exists() else []
        return [folder for folder in stored if folder != current]

    def _read(self, folder: Path, note: Callable[[str], None]) -> NodeBundle | None:
        try:
            (node,) = (folder / NODES).iterdir()
            return read_node_bundle(node)
        except (BadBundle, OSError, ValueError) as reason:
            note(f"the copy {folder} of a bundle is damaged, so that chains that only it had are not known: {reason}")
            return None

    @property
    def _bundles(self) -> Path:
        return self.folder / "bundles"

    def _folder_of(self, digest: str) -> Path:
        return self._bundles / digest[:_DIGITS]

    def keep(self, bundle: NodeBundle) -> None:
        """Stores a bundle, whole or not at all.  Raises OSError."""
        folder = self._folder_of(bundle.digest)
        if self._read(folder, lambda message: None) == bundle:
            return
        new = self._bundles / f".{folder.name}"
        shutil.rmtree(new, ignore_errors=True)
        try:
            place = new / NODES / bundle.node
            for path, text in bundle.files.items():
                _write(place / path, text)
            outputs = {
                f"{NODES}/{bundle.node}/{path}": sha256(text.encode()).hexdigest()
                for path, text in sorted(bundle.files.items())
            }
            manifest = {"compiler": "sdnc apply", "outputs": outputs, "schema": MANIFEST_SCHEMA}
            _write(new / MANIFEST, json.dumps(manifest, indent=2) + "\n")
            shutil.rmtree(folder, ignore_errors=True)
            new.rename(folder)
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise
        _sync(self._bundles)

    def set_current(self, digest: str | None) -> None:
        """Makes a bundle that is stored the one in force, in one step; None: there is none.  Raises OSError."""
        if digest is None:
            self.current.unlink(missing_ok=True)
        else:
            new = self.folder / ".current"
            new.unlink(missing_ok=True)
            new.symlink_to(self._folder_of(digest).relative_to(self.folder))
            new.rename(self.current)
        _sync(self.folder)

    def forget(self, digest: str) -> None:
        """Removes a bundle, unless it is the one in force."""
        if (folder := self._folder_of(digest)) in self._others():
            shutil.rmtree(folder, ignore_errors=True)

    def forget_others(self) -> None:
        """Removes the bundles that are not in force."""
        for folder in self._others():
            shutil.rmtree(folder, ignore_errors=True)

    def write(self, path: Path, text: str) -> None:
        """Puts a file of the store in its place, whole or not at all.  Raises OSError."""
        new = path.with_name(f".{path.name}")
        try:
            _write(new, text)
            new.rename(path)
        except BaseException:
            new.unlink(missing_ok=True)
            raise
        _sync(self.folder)


def open_store(folder: Path) -> Store:
    """The state directory, which is made if it lacks.  Raises `BadStore` if others may write to it, OSError."""
    folder = Path(os.path.realpath(folder))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    told = folder.stat()
    if told.st_uid != os.geteuid():
        raise BadStore(f"the state directory {folder} belongs to somebody else")
    if stat.S_IMODE(told.st_mode) & 0o022:
        raise BadStore(f"others may write to the state directory {folder}, so nothing in it can be trusted")
    for parent in folder.parents:
        if _is_anybodys(parent.stat()):
            raise BadStore(
                f"others may put another state directory in the place of {folder}: {parent} is not root's alone"
            )
    folder.chmod(0o700)
    return Store(folder)


def _is_anybodys(told: os.stat_result) -> bool:
    """Whether somebody else may rename what is in a folder; with the sticky bit only its own owner may."""
    is_open = stat.S_IMODE(told.st_mode) & 0o022 and not told.st_mode & stat.S_ISVTX
    return bool(is_open) or told.st_uid not in (0, os.geteuid())


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """What was renamed in a folder is on disk when this returns."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
