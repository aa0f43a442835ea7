"""The files of one node's folder of a bundle, read once and held against the bundle's manifest.

Every file is opened once, without following a link, and only the bytes that were digested are used afterwards: what
becomes of the folder later makes no difference.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path

from sdnc.apply.checks import BadText, load_json
from sdnc.apply.settings import NODE_NAME

MANIFEST = "manifest.json"
NODES = "nodes"
"""The folder in a bundle that has a folder for each node."""

MANIFEST_SCHEMA = 1
MOST_BYTES = 256 * 1024 * 1024
"""The size from which on a file is refused, and all of a node's files together."""
MOST_FILES = 10_000
_MOST_LEVELS = 4


def read_files(folder: Path) -> dict[str, str]:
    """The texts of a node's files, by their path below its folder `BUNDLE/nodes/NODE`.

    Raises `BadText` unless they are just those that the bundle's manifest tells, with its digests; OSError if they
    cannot be read.
    """
    folder = Path(os.path.realpath(folder))
    if folder.parent.name != NODES or not NODE_NAME.fullmatch(folder.name):
        raise BadText(f"{folder} is no node's folder of a bundle: it should be BUNDLE/{NODES}/NODE")
    expected = _expected(_read(folder.parent.parent / MANIFEST), folder.name)
    found = list(_paths(folder, 0))
    for path in found:
        if path not in expected:
            raise BadText(f"{path!a} is not in the bundle's {MANIFEST}")
    contents: dict[str, str] = {}
    room = MOST_BYTES
    for path, digest in sorted(expected.items()):
        if path not in found:
            raise BadText(f"{path!a} is missing")
        content = _read(folder / path, room)
        room -= len(content)
        if sha256(content).hexdigest() != digest:
            raise BadText(f"{path!a} is not as the bundle's {MANIFEST} tells: its digest differs")
        try:
            contents[path] = content.decode()
        except UnicodeDecodeError as reason:
            raise BadText(f"{path!a} is no text in UTF-8") from reason
    return contents


def digest_of(files: Mapping[str, str]) -> str:
    """The digest of all files together, as `sha256sum $(find * -type f) | sort | sha256sum` prints it in the folder."""
    lines = sorted(f"{sha256(text.encode()).hexdigest()}  {path}\n" for path, text in files.items())
    return sha256("".join(lines).encode()).hexdigest()


def _expected(manifest: bytes, node: str) -> dict[str, str]:
    """The digests of a node's files that the manifest tells, by path below the node's folder."""
    try:
        told = load_json(manifest.decode())
    except (UnicodeDecodeError, BadText) as reason:
        raise BadText(f"{MANIFEST}: {reason}") from reason
    if not isinstance(told, dict) or not str(told.get("compiler")).startswith("sdnc "):
        raise BadText(f"{MANIFEST} is not that of a bundle of sdnc")
    if told.get("schema") != MANIFEST_SCHEMA:
        raise BadText(f"{MANIFEST} has another schema than {MANIFEST_SCHEMA}: it is of another version of sdnc")
    outputs = told.get("outputs")
    if not isinstance(outputs, dict) or not all(isinstance(digest, str) for digest in outputs.values()):
        raise BadText(f"{MANIFEST} does not tell the digests of the files")
    prefix = f"{NODES}/{node}/"
    expected = {path.removeprefix(prefix): digest for path, digest in outputs.items() if path.startswith(prefix)}
    if not expected:
        raise BadText(f"{MANIFEST} tells nothing of node {node}")
    return expected


def _paths(folder: Path, level: int) -> Iterator[str]:
    """The paths of the files below a folder; anything that is neither file nor folder is refused."""
    count = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            count += 1
            if count > MOST_FILES or level > _MOST_LEVELS:
                raise BadText(f"{folder} has more in it than a node's folder")
            if entry.is_dir(follow_symlinks=False):
                yield from (f"{entry.name}/{path}" for path in _paths(Path(entry.path), level + 1))
            elif entry.is_file(follow_symlinks=False):
                yield entry.name
            else:
                raise BadText(f"{entry.name!a} is neither a file nor a folder; links are not followed")


def _read(path: Path, room: int = MOST_BYTES) -> bytes:
    """The content of a regular file of at most `room` bytes."""
    try:
        # O_NONBLOCK: a pipe that took the file's place must not keep us waiting.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as reason:
        raise BadText(f"{path} is missing") from reason
    with os.fdopen(handle, "rb") as file:
        told = os.fstat(handle)
        if not stat.S_ISREG(told.st_mode):
            raise BadText(f"{path} is no file")
        content = file.read(min(told.st_size, room) + 1)
    if len(content) > room:
        raise BadText(f"{path} is too big: a node's files have at most {MOST_BYTES} bytes")
    return content
