"""The files of a bundle for an explanation, and the statements behind their lines."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import TypeVar

import msgspec
from attrs import frozen

from compiler.bundles import MANIFEST, NODES, is_bundle
from compiler.diagnostics import printable
from compiler.pipeline import Compilation
from compiler.suggest import did_you_mean
from sdnc.compile import cluster_files, node_files
from sdnc.provenance import FOLDER as PROVENANCE
from sdnc.provenance import Places, Provenance, make_provenance, read_provenance


class BadBundle(ValueError):
    """The bundle is none, or is not as it was compiled; the message tells what."""


@frozen
class BundleFile:
    """A file of a bundle: its path there, the node that it is of (None: of none), and its lines."""

    path: str
    node: str | None
    lines: tuple[str, ...]


class _Manifest(msgspec.Struct):
    outputs: dict[str, str]


def open_bundle(path: Path, node: str | None) -> tuple[Path, str | None]:
    """The folder of the bundle, and the node that is asked for: the path may also be that of a node's folder in it.

    Raises `BadBundle`.
    """
    if is_bundle(path):
        return path, node
    whole = path.absolute()
    if whole.parent.name == NODES and is_bundle(path / ".." / ".."):
        if node not in (None, whole.name):
            raise BadBundle(f"{path} is not of node {node!r}")
        return whole.parent.parent, whole.name
    raise BadBundle(f"{path} is no bundle")


def read_bundle(bundle: Path, node: str | None) -> tuple[BundleFile, ...]:
    """The files of a bundle, or of one node in it, by their paths; the provenance and the manifest are left out.

    Raises `BadBundle` if a file is not as the manifest has it or there is no such node, OSError if one cannot be read.
    """
    try:
        outputs = msgspec.json.decode((bundle / MANIFEST).read_bytes(), type=_Manifest).outputs
    except msgspec.MsgspecError as reason:
        raise BadBundle(f"{bundle / MANIFEST}: {reason}") from reason
    nodes = {name for path in outputs if (name := _node_of(path)) is not None}
    if node is not None and node not in nodes:
        raise BadBundle(f"{bundle} has no node {node!r}{did_you_mean(node, nodes)}")
    files = []
    for path in sorted(outputs):
        if path.startswith(f"{PROVENANCE}/") or (node is not None and _node_of(path) != node):
            continue
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            raise BadBundle(f"{bundle / MANIFEST}: {printable(path)} is not a path inside the bundle")
        content = (bundle / path).read_bytes()
        if sha256(content).hexdigest() != outputs[path]:
            raise BadBundle(f"{printable(bundle / path)} is not as it was compiled")
        files.append(BundleFile(path, _node_of(path), tuple(content.decode(errors="replace").splitlines())))
    return tuple(files)


def _node_of(path: str) -> str | None:
    parts = PurePosixPath(path).parts
    return parts[1] if len(parts) > 2 and parts[0] == NODES else None


class _Port(msgspec.Struct):
    interface: str
    port: int


def ports_of(files: Sequence[BundleFile], node: str | None) -> dict[str, int]:
    """The OpenFlow ports of a node's pods by the names of their interfaces.  Raises `BadBundle`."""
    found = (_decoded(file, dict[str, _Port]) for file in files if file.path == f"{NODES}/{node}/ports.json")
    return {pod.interface: pod.port for pods in found for pod in pods.values()}


Jumps = dict[str, dict[str, list[str]]]
"""Rules by table and chain."""


class _Settings(msgspec.Struct):
    jumps: Jumps
    appended: Jumps


def jumps_of(file: BundleFile) -> tuple[Jumps, Jumps]:
    """The jumps that a `node.json` has at the top and at the end of other people's chains.  Raises `BadBundle`."""
    settings = _decoded(file, _Settings)
    return settings.jumps, settings.appended


_T = TypeVar("_T")


def _decoded(file: BundleFile, type_: type[_T]) -> _T:
    try:
        return msgspec.json.decode("\n".join(file.lines), type=type_)
    except msgspec.MsgspecError as reason:
        raise BadBundle(f"{printable(file.path)}: {reason}") from reason


Told = Callable[[str | None], Provenance | None]
"""The provenance of a node, or (None) of what is no node's; None if it is not known."""


def from_bundle(bundle: Path) -> Told:
    """As the bundle has it."""
    return lambda node: read_provenance(bundle, node)


def from_sources(compilation: Compilation, files: Sequence[BundleFile]) -> Told:
    """As a compilation has it that gives the very files.  Asking raises `BadBundle` if it gives others."""
    places = Places()

    def told(node: str | None) -> Provenance:
        known = {each.name: each for each in compilation.model.nodes}
        if node is not None and node not in known:
            raise BadBundle(f"the sources have no node {node!r}")
        made = cluster_files(compilation.model) if node is None else node_files(compilation, known[node])
        start = "" if node is None else f"{NODES}/{node}/"
        here = {file.path: file.lines for file in files if file.node == node}
        texts = {f"{start}{path}": tuple(file.text.splitlines()) for path, file in made.items()}
        if differing := sorted(path for path in here.keys() | texts.keys() if here.get(path) != texts.get(path)):
            raise BadBundle(f"the sources do not give this bundle: {_some(differing)} would be different")
        return make_provenance(node, made, places)

    return told


def _some(paths: Collection[str]) -> str:
    first, *more = paths
    return f"{first} and {len(more)} more" if more else first
