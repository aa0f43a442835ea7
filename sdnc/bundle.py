"""The bundle: the folder that `sdnc compile` writes, whole or not at all (OUT-04).

Everything is written into a staging folder beside the output.  Only when all of it is there, with its manifest, does
one system call put it in place of the old bundle.  Whatever goes wrong before leaves the old bundle as it was.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import glob
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path, PurePosixPath

from backends.kubernetes import FOLDER as KUBERNETES
from compiler.bundles import MANIFEST, NODES, is_bundle
from sdnc.provenance import FOLDER as PROVENANCE

SCHEMA_VERSION = 1

_STALE_AFTER = 60
"""Seconds: a staging folder that is younger may be one that its run is about to lock."""

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


class NotABundle(FileExistsError):
    """The output is something that sdnc did not write or must not replace; the message tells what."""


@contextmanager
def staged(out: Path) -> Iterator[Path]:
    """A staging folder beside `out` that becomes `out` when the block ends, and vanishes if it fails.

    Nobody else can enter it before.  When it has become `out`, those that killed runs left go, too.

    Raises `NotABundle` if `out` exists and is neither an empty folder nor a bundle, or if the current folder is in it;
    OSError if files cannot be written.
    """
    _check_replaceable(out)
    out = Path(os.path.realpath(out))
    out.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{out.name}.sdnc-"
    staging = Path(tempfile.mkdtemp(prefix=prefix, dir=out.parent))
    try:
        with _locked(staging):
            yield staging
            staging.chmod(0o755)
            if out.exists():
                _exchange(staging, out)
            else:
                staging.rename(out)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    _remove_stale(out.parent, prefix)


def _check_replaceable(out: Path) -> None:
    """Raises `NotABundle` unless `out` is absent, empty, or a bundle and nothing else."""
    if Path.cwd().is_relative_to(os.path.realpath(out)):
        raise NotABundle(f"{out} is the current folder or one above it")
    if not out.exists() and not out.is_symlink():
        return
    if out.is_symlink() or not out.is_dir():
        raise NotABundle(f"{out} exists and is no bundle")
    names = {entry.name for entry in out.iterdir()}
    if names and not is_bundle(out):
        raise NotABundle(f"{out} exists and is no bundle")
    if strange := sorted(names - {MANIFEST, NODES, KUBERNETES, PROVENANCE}):
        raise NotABundle(f"{out} is a bundle, but {strange[0]!r} in it is no part of one")


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Locks a folder while the block runs, forked processes included (flock(2)); False if it is locked already, or if
    the file system has no such locks.  Raises OSError if it is no folder."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)


def _remove_stale(parent: Path, prefix: str) -> None:
    """Removes the staging folders of runs that were killed: no living process locks them."""
    for left in parent.glob(f"{glob.escape(prefix)}*"):
        with suppress(OSError), _locked(left) as free:
            if free and left.stat().st_mtime < time.time() - _STALE_AFTER:
                shutil.rmtree(left, ignore_errors=True)


def _exchange(one: Path, other: Path) -> None:
    """Swaps two folders in one step (renameat2(2), Linux 3.15), or, where the file system cannot, in two."""
    libc = ctypes.CDLL(None, use_errno=True)
    paths = os.fsencode(one), os.fsencode(other)
    if libc.renameat2(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], _RENAME_EXCHANGE) == 0:
        return
    code = ctypes.get_errno()
    if code not in (errno.EINVAL, errno.ENOSYS):
        raise OSError(code, os.strerror(code), str(other))
    aside = Path(tempfile.mkdtemp(prefix=f".{other.name}.old.", dir=other.parent)) / "bundle"
    try:
        other.rename(aside)
        one.rename(other)
    except BaseException:
        if aside.exists() and not other.exists():
            aside.rename(other)
        raise
    finally:
        if other.exists():
            shutil.rmtree(aside.parent, ignore_errors=True)


def write_files(staging: Path, folder: PurePosixPath, files: Mapping[str, str]) -> dict[str, str]:
    """Writes files below `staging`/`folder` and returns the SHA-256 of each by its path in the bundle.

    Scripts (`.sh`) are executable; modes do not depend on the umask.  Raises ValueError for a path that would leave the
    folder.
    """
    digests = {}
    for name in sorted(files):
        relative = folder / name
        if relative.is_absolute() or ".." in relative.parts:
            raise ValueError(f"not a path inside the bundle: {relative}")
        path = staging / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        for parent in relative.parents[:-1]:
            (staging / parent).chmod(0o755)
        content = files[name].encode()
        path.write_bytes(content)
        path.chmod(0o755 if path.suffix == ".sh" else 0o644)
        digests[str(relative)] = sha256(content).hexdigest()
    return digests


def manifest_text(
    compiler: str, inputs: Mapping[str, object], outputs: Mapping[str, str], counts: Mapping[str, int]
) -> str:
    """The manifest: what the bundle was made by and of, and the digest of every file in it.

    `inputs` are digests of what was declared, not of the files that declared it: the same cluster gives the same bundle
    whether it was written as DSL or as objects, in one file or in many.
    """
    manifest = {
        "schema": SCHEMA_VERSION,
        "compiler": compiler,
        "inputs": inputs,
        "outputs": outputs,
        "counts": counts,
    }
    return json.dumps(manifest, indent=2, sort_keys=True) + "\n"
