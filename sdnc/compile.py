"""Compiles sources into a bundle: the work of `sdnc compile`, without its terminal.

Nodes are independent once the policy IR exists.  With several jobs, worker processes are forked that have the
compilation already in memory; each writes its nodes' files into the staging folder and hands back digests.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Collection, Generator, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from hashlib import sha256
from pathlib import Path, PurePosixPath

from attrs import frozen

import backends.iptables
import backends.kubernetes
import backends.macvlan
import backends.node
import backends.ovs
import backends.proxy
from backends.lines import File
from compiler.bundles import MANIFEST, NODES
from compiler.model.model import Model, Node
from compiler.pipeline import Compilation
from compiler.plan.node import NodePlan, plan_node
from compiler.version import VERSION
from sdnc.bundle import manifest_text, staged, write_files
from sdnc.provenance import Places, make_provenance, provenance_path
from sdnc.signals import held_back, obey_parent

NODE_BACKENDS: tuple[Callable[[NodePlan], dict[str, File]], ...] = (
    backends.ovs.render,
    backends.iptables.render,
    backends.macvlan.render,
    backends.proxy.render,
    backends.node.render,
)
"""Each gives some of a node's files, by their path in its folder; no two give one path."""

CLUSTER_BACKENDS: tuple[Callable[[Model], dict[str, File]], ...] = (backends.kubernetes.render,)
"""Each gives some of the files that are no node's, by their path in the bundle."""

Progress = Callable[[str], None]
"""Called with a node's name when its files are written."""


@frozen
class NodeResult:
    """What was written for a node: the digest of each file by its path in the bundle."""

    node: str
    digests: dict[str, str]


def chosen_nodes(model: Model, names: Collection[str]) -> list[Node]:
    """The nodes of these names, in the model's order; none named: all."""
    return [node for node in model.nodes if not names or node.name in names]


def node_files(compilation: Compilation, node: Node) -> dict[str, File]:
    """All files of a node, by their path below the node's folder, with the statements behind their lines."""
    plan = plan_node(compilation.model, compilation.policy, compilation.firewalls, node)
    return {path: file for backend in NODE_BACKENDS for path, file in backend(plan).items()}


def cluster_files(model: Model) -> dict[str, File]:
    """All files that are no node's, by their path in the bundle."""
    return {path: file for backend in CLUSTER_BACKENDS for path, file in backend(model).items()}


def render_node(compilation: Compilation, node: Node) -> dict[str, str]:
    """The text of all files of a node, by their path below the node's folder."""
    return _texts(node_files(compilation, node))


def _texts(files: Mapping[str, File]) -> dict[str, str]:
    return {path: file.text for path, file in files.items()}


def write_bundle(
    compilation: Compilation,
    out: Path,
    *,
    nodes: Collection[str] = (),
    jobs: int = 1,
    provenance: bool = False,
    progress: Progress = lambda node: None,
) -> dict[str, str]:
    """Writes the bundle of a cluster, or of some of its nodes (none named: all), and returns its digests by path.

    What is no node's is always in it; with `provenance` also the statements behind every line.  The files do not depend
    on `jobs` (OUT-01).  Raises what `staged` raises; the old output then stays.
    """
    model = compilation.model
    chosen = chosen_nodes(model, nodes)
    # Closed before the staging folder goes: a worker at work would make it anew.
    with staged(out) as staging:
        writer = _Writer(compilation, staging, Places() if provenance else None)
        digests = writer.write(None, cluster_files(model))
        with closing(_write_nodes(writer, chosen, jobs)) as results:
            for result in results:
                digests.update(result.digests)
                progress(result.node)
        text = manifest_text(
            f"sdnc {VERSION}", _input_digests(model), dict(sorted(digests.items())), _counts(model, chosen)
        )
        return digests | write_files(staging, PurePosixPath(), {MANIFEST: text})


@frozen
class _Writer:
    """Writes files into the staging folder, and, if there are `places`, the statements behind their lines."""

    compilation: Compilation
    staging: Path
    places: Places | None

    def write_node(self, node: Node) -> NodeResult:
        """Renders and writes a node's files."""
        return NodeResult(node.name, self.write(node.name, node_files(self.compilation, node)))

    def write(self, node: str | None, files: Mapping[str, File]) -> dict[str, str]:
        """Writes the files of a node, or (None) those that are no node's, and returns their digests."""
        folder = PurePosixPath() if node is None else PurePosixPath(NODES) / node
        digests = write_files(self.staging, folder, _texts(files))
        if self.places is not None and files:
            told = {provenance_path(node): make_provenance(node, files, self.places).text()}
            digests |= write_files(self.staging, PurePosixPath(), told)
        return digests


def _write_nodes(writer: _Writer, nodes: list[Node], jobs: int) -> Generator[NodeResult, None, None]:
    workers = min(jobs, len(nodes))
    if workers <= 1:
        for node in nodes:
            yield writer.write_node(node)
        return
    executor = ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("fork"),
        initializer=_Worker.start,
        initargs=(writer, os.getpid()),
    )
    try:
        with held_back():  # all workers are forked here
            results = executor.map(_Worker.write, [node.name for node in nodes])
        yield from results
    except BaseException:
        executor.shutdown(cancel_futures=True)
        raise
    executor.shutdown()


class _Worker:
    """What a worker process is born with.  Nothing is sent to it but names of nodes: forked memory costs nothing, and
    what belongs to a node, its origin for one, is not made to be pickled.
    """

    writer: _Writer

    @classmethod
    def start(cls, writer: _Writer, parent: int) -> None:
        cls.writer = writer
        obey_parent(parent)

    @classmethod
    def write(cls, name: str) -> NodeResult:
        (node,) = [node for node in cls.writer.compilation.model.nodes if node.name == name]
        return cls.writer.write_node(node)


def _input_digests(model: Model) -> dict[str, object]:
    """A digest of each kind of thing that was declared."""
    kinds: dict[str, Iterable[object]] = {
        "cluster": (model.cluster,),
        "nodes": model.nodes,
        "projects": model.projects,
        "pods": model.endpoints,
        "policies": model.policies,
        "firewalls": model.firewalls,
        "egress-ips": model.egress_ips,
        "multicast": model.multicast,
        "routers": model.routers,
        "admin-rules": model.admin_rules,
        "host-claims": model.host_claims,
    }
    return {kind: sha256("\n".join(map(repr, things)).encode()).hexdigest() for kind, things in kinds.items()}


def _counts(model: Model, nodes: list[Node]) -> dict[str, int]:
    return {
        "nodes": len(nodes),
        "projects": len(model.projects),
        "pods": len(model.endpoints),
        "policies": len(model.policies),
        "routers": len(model.routers),
        "admin-rules": sum(len(block.rules) for block in model.admin_rules),
        "host-claims": len(model.host_claims),
    }
