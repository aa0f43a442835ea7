"""How to know a bundle, the folder that `sdnc compile` writes: it is never read as sources, and nothing else is ever
replaced by a bundle.
"""

from __future__ import annotations

import re
from pathlib import Path

MANIFEST = "manifest.json"
"""The file by which a folder is known as a bundle; its first member is `"compiler": "sdnc VERSION"`."""

NODES = "nodes"
"""The folder in a bundle that has a folder for each node."""


def is_bundle(folder: Path) -> bool:
    """Whether sdnc wrote the folder.  Of what cannot be read it is not known, so it is none."""
    try:
        with (folder / MANIFEST).open("rb") as manifest:
            return is_manifest(manifest.read(64))
    except OSError:
        return False


def is_manifest(content: bytes) -> bool:
    """Whether a file begins as the manifest of a bundle."""
    return re.match(rb'\{\s*"compiler": "sdnc ', content) is not None
