"""One side of a comparison: a bundle on the disk, or sources that compiled.

Both give the files of a node, and the statements behind their lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from hashlib import sha256
from json import loads
from pathlib import Path

from attrs import field, frozen

from backends.kubernetes import FOLDER as KUBERNETES
from backends.lines import File
from compiler.bundles import MANIFEST, NODES
from compiler.diagnostics import printable
from compiler.pipeline import Compilation
from sdnc.compile import cluster_files, node_files
from sdnc.diff.statements import Behind, Declared, behind_files, behind_places, nothing_behind, placed
from sdnc.provenance import FOLDER as PROVENANCE
from sdnc.provenance import BadProvenance, read_provenance

CLUSTER = ""
"""In place of a node's name: what is no node's."""


class BadInput(ValueError):
    """The two sides cannot be compared; the message is one line."""


class KnownBy(Enum):
    """What tells the statements behind lines apart: their kind and name, their place, or, where they are not known, the
    comments in the files."""

    NAME = "name"
    PLACE = "place"
    COMMENT = "comment"


@frozen
class NodeText:
    """The files of one node by their paths below its folder, and the statements behind their lines."""

    texts: Mapping[str, str]
    behind: Behind


NO_TEXT = NodeText({}, nothing_behind)


@frozen
class Bundle:
    """A bundle on the disk; `notes` are what is odd about it."""

    title: str
    folder: Path
    nodes: frozenset[str]
    has_provenance: bool
    notes: tuple[str, ...] = ()

    compilation = None
    declared = None

    @classmethod
    def at(cls, path: str) -> Bundle:
        """Raises OSError if it cannot be read."""
        folder = Path(path)
        nodes = folder / NODES
        names = frozenset(entry.name for entry in nodes.iterdir()) if nodes.is_dir() else frozenset()
        return cls(path, folder, names, (folder / PROVENANCE).is_dir(), tuple(_altered(folder)))

    def files(self, node: str, known_by: KnownBy) -> NodeText:
        """The files of a node.  Raises OSError, `BadInput`."""
        top = self.folder / NODES / node if node else self.folder / KUBERNETES
        start = f"{NODES}/{node}/" if node else ""
        texts = {}
        for path in _walk(top):
            relative = str(path.relative_to(top if node else self.folder))
            texts[relative] = _text(path)
        try:
            provenance = read_provenance(self.folder, node or None) if known_by is KnownBy.PLACE else None
        except BadProvenance as reason:
            raise BadInput(printable(reason)) from reason
        return NodeText(texts, nothing_behind if provenance is None else behind_places(provenance, start))


def _walk(top: Path) -> list[Path]:
    """All files below a folder.  What leads elsewhere is no part of a bundle."""
    files = [path for path in sorted(top.rglob("*")) if not path.is_dir() or path.is_symlink()]
    if odd := [path for path in files if path.is_symlink() or not path.is_file()]:
        raise BadInput(f"{printable(odd[0])} is not a regular file")
    return files


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as reason:
        raise BadInput(f"{printable(path)} is not text") from reason


def _altered(folder: Path) -> list[str]:
    """A note if files are not what the manifest says: then the bundle is not as it was compiled."""
    try:
        outputs = loads((folder / MANIFEST).read_bytes())["outputs"].items()
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return [f"{folder}: the manifest cannot be read"]
    digests = dict(outputs)
    tops = (folder / NODES, folder / KUBERNETES)
    found = {str(path.relative_to(folder)): path for top in tops for path in _walk(top)}
    altered = sorted(
        path
        for path in found.keys() | {path for path in digests if not path.startswith(f"{PROVENANCE}/")}
        if path not in found or sha256(found[path].read_bytes()).hexdigest() != digests.get(path)
    )
    if not altered:
        return []
    more = f" and {len(altered) - 1} more" if len(altered) > 1 else ""
    return [f"{folder}: {altered[0]}{more} not as compiled"]


@frozen
class Sources:
    """Sources that compiled; `compilation` None: there are none, and so there is nothing.

    `declared` None: nobody knows what they declared, only what it compiled to.
    """

    title: str
    compilation: Compilation | None
    declared: Declared | None = field(default=None, repr=False)

    has_provenance = True
    notes = ()

    @property
    def nodes(self) -> frozenset[str]:
        """The names of the nodes."""
        return (
            frozenset() if self.compilation is None else frozenset(node.name for node in self.compilation.model.nodes)
        )

    def files(self, node: str, known_by: KnownBy) -> NodeText:
        """The files of a node."""
        if self.compilation is None:
            return NO_TEXT
        model = self.compilation.model
        if node == CLUSTER:
            files: Mapping[str, File] = cluster_files(model)
        else:
            (compiled,) = (each for each in model.nodes if each.name == node)
            files = node_files(self.compilation, compiled)
        texts = {path: file.text for path, file in files.items()}
        if known_by is KnownBy.COMMENT:
            return NodeText(texts, nothing_behind)
        if known_by is KnownBy.NAME and self.declared is not None:
            return NodeText(texts, behind_files(files, self.declared.statement))
        return NodeText(texts, behind_files(files, lambda origin: placed(str(origin))))


Side = Bundle | Sources
