"""From the text of a cluster to its bundle, by the command, and from the bundle to a running cluster."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from attrs import frozen

import sdnc
from tests.lab import Lab, NodeSpec, PodSpec
from tests.lab.cluster import Attempt
from tests.paths import ROOT
from tests.sdnc.running import invoke


@frozen
class Bundle:
    """A compiled bundle."""

    folder: Path
    messages: str
    """What the compiler told of the cluster, one finding a line or more."""

    @classmethod
    def by_command(cls, text: str, folder: Path) -> Self:
        """Compile a cluster, in the policy language, into a new folder by `sdnc compile`. Raises CalledProcessError."""
        source, out = _written(text, folder), folder / "bundle"
        command = [sys.executable, "-m", "sdnc", "compile", str(source), "-o", str(out), "--jobs", "1"]
        result = subprocess.run(command, cwd=ROOT, check=True, text=True, capture_output=True)
        return cls(out, result.stderr)

    @classmethod
    def compile(cls, text: str, folder: Path) -> Self:
        """Do the same in this process, which saves the start of another. Raises sdnc.CompileError."""
        source, out = _written(text, folder), folder / "bundle"
        findings = sdnc.compile([source], out)
        return cls(out, "\n".join(finding.message for finding in findings))

    @classmethod
    def of_sources(cls, sources: Mapping[str, str], folder: Path, options: Sequence[str | Path]) -> Self:
        """Compile files, of which the names and the texts are given, by the command with these options.

        It runs in this process. Raises ValueError with what the command says if it fails.
        """
        for name, text in sources.items():
            path = folder / "sources" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        out = folder / "bundle"
        result = invoke("compile", folder / "sources", "-o", out, "--jobs", "1", *options)
        if result.exit_code != 0:
            raise ValueError(result.output)
        return cls(out, result.output)

    def node(self, node: str) -> Path:
        """Return the folder of a node."""
        return self.folder / "nodes" / node

    def flows(self, node: str) -> Path:
        """Return a node's flow file."""
        return self.node(node) / "flows.txt"

    def bridge_script(self, node: str) -> Path:
        """Return the script that makes a node's bridge."""
        return self.node(node) / "bridge.sh"

    def pods(self, nodes: Iterable[NodeSpec]) -> list[PodSpec]:
        """Return the pods of the nodes, plugged in as the bundle says."""
        return [
            PodSpec(name, node.name, pod["address"], port=pod["port"], interface=pod["interface"])
            for node in nodes
            for name, pod in json.loads((self.node(node.name) / "ports.json").read_text()).items()
        ]


_IN_FORCE = """
cd "$1"
if [ -e groups.txt ]; then ovs-ofctl -O OpenFlow13 --bundle add-groups br0 groups.txt; fi
ovs-ofctl -O OpenFlow13 --bundle replace-flows br0 flows.txt
sh ./iptables.sh
sh ./addresses.sh
"""

_NOTHING_IN_FORCE = """
ovs-ofctl -O OpenFlow13 del-flows br0
ovs-ofctl -O OpenFlow13 del-groups br0
ip address flush dev br-phy label 'br-phy:eip'
iptables-restore
"""

_EMPTY_TABLES = "".join(f"*{table}\nCOMMIT\n" for table in ("raw", "mangle", "nat", "filter"))
"""Restored without --noflush, it removes all rules and chains."""


def _written(text: str, folder: Path) -> Path:
    folder.mkdir()
    source = folder / "cluster.sdn"
    source.write_text(text)
    return source


class Cluster:
    """A lab whose bridges, ports and flows come from bundles. The pods stay, policies and mode may change."""

    def __init__(self, lab: Lab, nodes: Sequence[NodeSpec], folder: Path, bundles: Mapping[str, Bundle]) -> None:
        """Take a running lab, the folder for further bundles, and bundles by their text; the first made the lab."""
        self.lab = lab
        self.nodes = tuple(node.name for node in nodes)
        self._folder = folder
        self._bundles = dict(bundles)
        self._first = next(iter(bundles.values()))
        self._installed = itertools.count()
        self._owners = {pod.address: pod.name for pod in self._first.pods(nodes)}

    def compile(self, text: str) -> Bundle:
        """Return the bundle of a cluster with these nodes and pods."""
        if text not in self._bundles:
            self._bundles[text] = Bundle.compile(text, self._folder / f"bundle-{len(self._bundles)}")
        return self._bundles[text]

    def enforce(self, text: str) -> Bundle:
        """Compile a cluster and put its flows in force on all nodes. Connections go on."""
        bundle = self.compile(text)
        for node in self.nodes:
            self.lab.load_flows(node, bundle.flows(node))
        return bundle

    def install(self, sources: Mapping[str, str], *options: str | Path) -> Bundle:
        """Compile files by the command with these options, and do with the bundle what an administrator does with it.

        On every node: groups, flows, iptables, addresses. The bridges stay. Raises ValueError or LabError.
        """
        bundle = Bundle.of_sources(sources, self._folder / f"installed-{next(self._installed)}", options)
        with ThreadPoolExecutor(max_workers=len(self.nodes)) as workers:
            list(workers.map(lambda node: self.run_scripts(bundle, node), self.nodes))
        return bundle

    def run_scripts(self, bundle: Bundle, node: str) -> None:
        """Put everything of a bundle in force on one node but its bridge. Raises LabError."""
        self.lab.run(node, ["sh", "-euc", _IN_FORCE, "sh", str(bundle.node(node))])
        self.lab.switch(node).appctl("revalidator/purge")

    def clear(self) -> None:
        """Take everything from the nodes that bundles put there, but bridges; iptables become empty."""
        for node in self.nodes:
            self.lab.run(node, ["sh", "-euc", _NOTHING_IN_FORCE], stdin=_EMPTY_TABLES)
        self.lab.flush_connections()

    def set_up_bridge(self, node: str) -> None:
        """Run the node's bridge script, as it is run on a node whose bridge exists already."""
        script = str(self._first.bridge_script(node))
        self.lab.run(node, ["sh", script], env={"SDNC_DATAPATH_TYPE": "netdev"})

    def mismatches(self, expected: Mapping[Attempt, bool]) -> dict[Attempt, bool]:
        """Try connections, and return those that do not do what is expected, with what they did.

        Of two partners, only one at a time begins SCTP: Open vSwitch 3.1 tracks it by the pair of addresses, so
        that the partner's own association would be taken for a reply.
        """
        second = {attempt: works for attempt, works in expected.items() if self._waits(attempt)}
        first = {attempt: works for attempt, works in expected.items() if attempt not in second}
        wrong: dict[Attempt, bool] = {}
        for batch in (first, second):
            self.lab.flush_connections()
            if batch:
                wrong |= self.lab.mismatches(batch)
        return wrong

    def _waits(self, attempt: Attempt) -> bool:
        place, address, protocol, _ = attempt
        return protocol == "sctp" and place > self._owners.get(address, address)


@contextmanager
def running_cluster(
    texts: Iterable[str], nodes: Iterable[NodeSpec], outside: Iterable[str], folder: Path
) -> Iterator[Cluster]:
    """Build a cluster of which everything on the nodes comes from the bundle of the first text, and put it in force.

    The command compiles all the texts.
    """
    nodes = tuple(nodes)
    bundles = {text: Bundle.by_command(text, folder / f"command-{index}") for index, text in enumerate(texts)}
    first, bundle = next(iter(bundles.items()))
    scripts = {node.name: bundle.bridge_script(node.name) for node in nodes}
    with Lab(nodes, bundle.pods(nodes), outside=outside, bridge_scripts=scripts) as lab:
        cluster = Cluster(lab, nodes, folder, bundles)
        for node in nodes:
            # The lab helps bridges along; what it did is undone, so that only the script's work is left.
            lab.namespace(node.name).sysctl("net/ipv4/ip_forward", "0")
            lab.namespace(node.name).ip("addr flush dev tun0", "route flush dev tun0", "link set tun0 down")
            cluster.set_up_bridge(node.name)
        cluster.enforce(first)
        yield cluster
