"""All clusters up to the bound of `tests/oracle/small.py`: what the flows do with every packet is what the
oracle says.

The flows' text is interpreted in Python (`backends/ovs/walk.py`), which is some ten times faster than
loading and tracing; `test_flowtable.py` holds the interpreter against ofproto/trace.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product

import pytest

from backends.ovs.walk import FlowTable
from compiler.declarations import Declaration
from tests.oracle.compiled import compile_flows
from tests.oracle.evaluator import Oracle, Service
from tests.oracle.hops import TCP, UDP, Hop
from tests.oracle.journeys import from_node, from_pod
from tests.oracle.questions import PING
from tests.oracle.small import OUTSIDE, clusters_of_one, clusters_of_two

SERVICES = (Service(TCP, 80), Service(TCP, 81), Service(UDP, 80), PING)


def every_hop(oracle: Oracle) -> Iterator[Hop]:
    """The packets that can tell two policies of the bound apart: between all ends, of all services."""
    second = oracle.nodes["node-2"]
    for pod, service in product(oracle.pods.values(), SERVICES):
        assert pod.address is not None
        for other in oracle.pods:
            if other != pod.address:
                yield from from_pod(oracle, pod, other, service)
        for other in (second.address, *OUTSIDE):
            yield next(from_pod(oracle, pod, other, service))
        for source in (second.gateway, *OUTSIDE):
            yield from from_node(oracle, second, source, pod.address, service)


def compare(declarations: Iterable[Declaration]) -> int:
    """Asserts that every hop of a cluster goes where the oracle says; how many there were."""
    cluster = tuple(declarations)
    tables = {node: FlowTable.parse(files.flows) for node, files in compile_flows(cluster).items()}
    asked = list(every_hop(Oracle(cluster)))
    for hop in asked:
        outcome = hop.through(tables[hop.node])
        assert outcome == hop.expected, f"{hop} becomes {outcome} in {cluster}"
    return len(asked)


@pytest.mark.behaviour("NP-02", "NP-04", "NP-05", "NP-06", "NP-07", "NP-08", "NP-09", "NP-10", "NT-01")
def test_all_clusters_with_one_policy() -> None:
    asked = [compare(cluster) for cluster in clusters_of_one()]
    # 8 labellings; 3 subjects, 2 directions, and no rule or one of 14 peers and 5 ports
    assert len(asked) == 8 * (3 * 2 * (1 + 14 * 5)) == 3408
    assert set(asked) == {136}


@pytest.mark.behaviour("NP-02", "NP-05", "NP-07")
def test_all_clusters_with_two_policies() -> None:
    asked = [compare(cluster) for cluster in clusters_of_two()]
    # 2 labellings; unordered pairs of 2 subjects, 2 directions, and no rule or one of 5 peers and 2 ports
    policies = 2 * 2 * (1 + 5 * 2)
    assert len(asked) == 2 * (policies * (policies + 1) // 2) == 1980
    assert set(asked) == {136}
