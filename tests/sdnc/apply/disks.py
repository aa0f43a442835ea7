"""Disks that are full."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def small_disk(folder: Path, pages: int = 64) -> Iterator[Path]:
    """A file system of its own of so many pages, below a folder."""
    disk = folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={pages * 4096},mode=700", "tmpfs", disk], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def fill(disk: Path) -> None:
    """Takes all that is left of a disk; what the last page of a file has left stays."""
    with (disk / "filler").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)


@contextmanager
def filled(disk: Path) -> Iterator[None]:
    """The disk is full while the block runs."""
    fill(disk)
    try:
        yield
    finally:
        (disk / "filler").unlink()
