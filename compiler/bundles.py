"""How to know a bundle, the folder that `sdnc compile` writes: it is never read as sources, and nothing else is ever
replaced by a bundle.
"""

from __future__ import annotations

import re
from pathlib import Path

MANIFEST = "manifest.json"
"""The file by which a folder is known as a bundle; its first member is `"compiler": "sdnc VERSION"`."""


def is_bundle(folder: Path) -> bool:
    """Whether sdnc wrote the folder.  Of what cannot be read it is not known, so it is none."""
    try:
        with (folder / MANIFEST).open("rb") as manifest:
            return re.match(rb'\{\s*"compiler": "sdnc ', manifest.read(64)) is not None
    except OSError:
        return False
