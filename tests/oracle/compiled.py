"""A cluster, compiled: the text of each node's flow and group files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import frozen

from backends.ovs import render
from compiler.declarations import Declaration
from compiler.dns_lock import DnsLock, LockedName
from compiler.options import BrokenEgress, Options
from compiler.plan.node import plan_node
from compiler.values.prefix import parse_address
from tests.compiling import compiled

NAMES: Mapping[str, tuple[int, ...]] = {
    "one.example.com": (parse_address("203.0.113.5"),),
    "two.example.com": (parse_address("198.51.100.7"), parse_address("203.0.113.200")),
    "node.example.com": (parse_address("192.168.100.12"), parse_address("10.128.0.2")),
    "none.example.com": (),
}
"""The addresses of the DNS names of which the clusters of these tests speak: outside, a node's, a pod's, none."""

OPTIONS = Options(
    DnsLock(
        "dns.lock",
        {
            name: LockedName(name, tuple(sorted(addresses)), (), 300, "2026-01-01T00:00:00Z", "192.0.2.53")
            for name, addresses in NAMES.items()
        },
    ),
    BrokenEgress.DROP,
)
"""Their names are locked, and their broken firewalls drop (EF-05)."""


@frozen
class NodeFlows:
    """A node's flows.txt and groups.txt (empty: it has none)."""

    flows: str
    groups: str = ""


def compile_flows(declarations: Sequence[Declaration]) -> dict[str, NodeFlows]:
    """Each node's flows.  Raises AssertionError with what the compiler reports if it refuses the cluster."""
    compilation = compiled(declarations, OPTIONS)
    found = {}
    for node in compilation.model.nodes:
        files = render(plan_node(compilation.model, compilation.policy, compilation.firewalls, node))
        groups = files.get("groups.txt")
        found[node.name] = NodeFlows(files["flows.txt"].text, groups.text if groups is not None else "")
    return found
