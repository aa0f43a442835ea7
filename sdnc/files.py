"""Writes single files whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from sdnc.signals import held_back


def write_atomically(path: Path, text: str) -> None:
    """Puts a file with this text in the place of `path`: whoever reads it gets the old text or the new one.

    Its mode is 644, whatever the umask.  A symbolic link is replaced, not followed.  Raises OSError; the old file then
    stays, and nothing else is left.
    """
    # A signal waits: between the making of the temporary file and its removal nothing may be lost.
    with held_back():
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fchmod(file.fileno(), 0o644)
                # Without this, a crash of the machine may leave the new name with nothing in it.
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink()
            raise
