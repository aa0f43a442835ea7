"""`python -m benchmarks [--pods N]... [--repeat N]`: flows, masks, time and memory on synthetic clusters.

Each cluster is measured in a process of its own.  Times are given as ratios to reading the same file with Python's
`json` module in the same process, because machines differ and are noisy; the ratio of the medians is told.
"""

from __future__ import annotations

import gc
import json
import multiprocessing
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import click
from attrs import evolve, frozen
from rich.console import Console
from rich.table import Table

from backends.ovs import build_flows
from benchmarks.masks import masks_by_table
from benchmarks.openshift_sdn import REFERENCES, Reference
from compiler.compare.compare import compare
from compiler.diagnostics import Diagnostics
from compiler.pipeline import optimise, read
from compiler.plan.node import plan_node
from compiler.policy.lower import lower

GENERATOR = Path(__file__).with_name("gen_cluster.py")


@frozen
class Measured:
    """Flows and masks of node-0 by table, seconds (medians) and the peak of memory in MB."""

    flows: dict[int, int]
    masks: dict[int, int]
    front_seconds: float
    node_seconds: float
    compare_seconds: float
    json_seconds: float
    peak_mb: float


def generate(reference: Reference, path: Path) -> None:
    """Writes the cluster of a reference."""
    numbers = {
        "--nodes": reference.nodes,
        "--namespaces": reference.namespaces,
        "--pods": reference.pods,
        "--policies": reference.policies,
        "--seed": 1,
    }
    arguments = [str(part) for option in numbers.items() for part in option]
    if reference.cross is not None:
        arguments += ["--cross", reference.cross]
    command = [sys.executable, str(GENERATOR), *arguments, "-o", str(path)]
    subprocess.run(command, check=True, capture_output=True)


def measure(path: Path, repeat: int) -> Measured:
    """Compiles a cluster file up to the policy IR, then node-0; compares the cluster with itself without a policy."""
    gc.disable()

    def timed(work: Callable[[], object]) -> float:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    json_seconds, front_seconds, node_seconds, compare_seconds = [], [], [], []
    for _ in range(repeat):
        json_seconds.append(timed(lambda: json.loads(path.read_bytes())))
        start = time.perf_counter()
        compilation = read([str(path)], None, Diagnostics())
        front_seconds.append(time.perf_counter() - start)
        if compilation is None:
            raise SystemExit(f"{path} does not compile")
        model = compilation.model
        node = next(node for node in model.nodes if node.name == "node-0")
        start = time.perf_counter()
        file = build_flows(plan_node(model, compilation.policy, compilation.firewalls, node))
        file.text()
        node_seconds.append(time.perf_counter() - start)
        less = evolve(model, policies=model.policies[1:])
        changed = evolve(compilation, model=less, policy=optimise(lower(less)))
        compare_seconds.append(timed(partial(compare, compilation, changed)))
    return Measured(
        flows=dict(sorted(Counter(int(flow.table) for flow in file.flows()).items())),
        masks=masks_by_table(file.flows()),
        front_seconds=statistics.median(front_seconds),
        node_seconds=statistics.median(node_seconds),
        compare_seconds=statistics.median(compare_seconds),
        json_seconds=statistics.median(json_seconds),
        peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def title(reference: Reference) -> str:
    """The cluster in words."""
    cross = f" + {reference.cross}" if reference.cross else ""
    return f"{reference.nodes} nodes, {reference.pods:,} pods, {reference.policies:,} policies{cross}"


def summary(results: list[tuple[Reference, Measured]]) -> Table:
    """One line for each cluster."""
    table = Table(title="node-0: flows, and time as a multiple of reading the file with json")
    for heading in (
        "cluster",
        "flows",
        "openshift-sdn",
        "share",
        "to the IR",
        "the node",
        "compare",
        "json s",
        "peak MB",
    ):
        table.add_column(heading, justify="left" if heading == "cluster" else "right")
    for reference, measured in results:
        flows, theirs = sum(measured.flows.values()), reference.flows
        table.add_row(
            title(reference),
            f"{flows:,}",
            f"{theirs:,}" if theirs else "skips the policy",
            f"{flows / theirs:.0%}" if theirs else "",
            f"{measured.front_seconds / measured.json_seconds:.1f}x",
            f"{measured.node_seconds / measured.json_seconds:.1f}x",
            f"{measured.compare_seconds / measured.json_seconds:.1f}x",
            f"{measured.json_seconds:.3f}",
            f"{measured.peak_mb:.0f}",
        )
    return table


def by_table(reference: Reference, measured: Measured) -> Table:
    """One line for each OVS table."""
    table = Table(title=title(reference))
    for heading in ("table", "flows", "masks", "openshift-sdn's flows"):
        table.add_column(heading, justify="right")
    for number in sorted(measured.flows.keys() | reference.tables.keys()):
        theirs = reference.tables.get(number)
        table.add_row(
            str(number),
            f"{measured.flows.get(number, 0):,}",
            f"{measured.masks.get(number, 0):,}",
            f"{theirs:,}" if theirs is not None else "",
        )
    return table


@click.command()
@click.option("--pods", type=int, multiple=True, default=(200, 1_000, 10_000), help="Sizes to measure; repeatable.")
@click.option("--repeat", type=click.IntRange(min=1), default=3, help="Runs of each, of which the median counts.")
def main(pods: tuple[int, ...], repeat: int) -> None:
    """Measure sdnc on synthetic clusters."""
    console = Console()
    results = []
    fork = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory() as folder:
        for number, reference in enumerate(REFERENCES):
            if reference.pods not in pods:
                continue
            path = Path(folder) / f"{number}.json"
            generate(reference, path)
            with ProcessPoolExecutor(1, mp_context=fork) as process:
                results.append((reference, process.submit(measure, path, repeat).result()))
    for reference, measured in results:
        console.print(by_table(reference, measured))
    console.print(summary(results))


if __name__ == "__main__":
    main()
