"""A change on its way from node to node: each node has the old flows, those of the transition, or the new.

What a mixture of nodes lets pass is found by walking packets through the flows of the sender's node and then of the
receiver's; what it may let pass is judged by the naive evaluator.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
from attrs import frozen

from backends.ovs import build_flows, build_groups
from backends.ovs.walk import FlowTable, Packet
from compiler.compare.compare import compare
from compiler.declarations import Mode
from compiler.diagnostics import Diagnostics
from compiler.model.model import Endpoint
from compiler.pipeline import Compilation, compile_declarations
from compiler.plan.node import plan_node
from compiler.transition import transition
from tests.compiling import CLUSTER, declare
from tests.compiling import compiled as compiled_declarations
from tests.oracle.clusters import OUTSIDE
from tests.oracle.edits import EDITS
from tests.oracle.evaluator import Oracle, Service
from tests.oracle.leaving import leaves, may_leave, ways_out
from tests.oracle.questions import ESP, PING, services, services_outside
from tests.oracle.versions import Draw, Version

VXLAN = 1
PAIRS = 60
CHUNKS = 4


@frozen
class Bundle:
    """A compiled cluster: each node's flows, and its pods with their ports."""

    compilation: Compilation
    tables: dict[str, FlowTable]
    ports: dict[str, int]

    @classmethod
    def of(cls, compilation: Compilation) -> Bundle:
        """Plans and builds all nodes."""
        tables: dict[str, FlowTable] = {}
        ports: dict[str, int] = {}
        for node in compilation.model.nodes:
            plan = plan_node(compilation.model, compilation.policy, compilation.firewalls, node)
            tables[node.name] = FlowTable.of(build_flows(plan).flows(), build_groups(plan).groups)
            ports |= {pod.endpoint.name: pod.of_port for pod in plan.pods}
        return cls(compilation, tables, ports)

    def pods(self) -> dict[str, Endpoint]:
        """The pods by name."""
        return {endpoint.name: endpoint for endpoint in self.compilation.model.endpoints}

    def address_of(self, node: str) -> int:
        """A node's address on the underlay."""
        return next(one.address for one in self.compilation.model.nodes if one.name == node)


@frozen
class Change:
    """A pair of clusters, what is between them, and the judges of both."""

    old: Bundle
    both: Bundle
    new: Bundle
    before: Oracle
    after: Oracle

    @property
    def judges(self) -> tuple[Oracle, Oracle]:
        """Those of the old cluster and of the new one."""
        return self.before, self.after


def compiled(version: Version) -> Compilation | None:
    return compile_declarations(version.declarations, Diagnostics(), version.options())


def changes(seed: int) -> Iterator[Change]:
    """Pairs of clusters that differ in some statements and have something between them."""
    draw = Draw(Random(seed))
    made = 0
    while made < PAIRS:
        version = draw.version()
        other = version
        for _ in range(draw.random.randint(1, 4)):
            other = draw.one(EDITS)(draw, other)
        old, new = compiled(version), compiled(other)
        if old is None or new is None:
            continue
        between = transition(old, new, Diagnostics())
        if between is None:
            continue
        made += 1
        yield Change(
            Bundle.of(old),
            Bundle.of(between),
            Bundle.of(new),
            Oracle(version.declarations, version.names),
            Oracle(other.declarations, other.names),
        )


def fields(source: int, destination: int, service: Service) -> dict[str, int]:
    port = "icmp_type" if service == PING else "tp_dst"
    return {
        "dl_type": 0x0800,
        "nw_src": source,
        "nw_dst": destination,
        "nw_proto": service.protocol,
        port: service.port,
    }


def arrives(sender: Bundle, receiver: Bundle, source: Endpoint, destination: Endpoint, service: Service) -> bool:
    """Whether a new connection gets from a pod on a node with one bundle to a pod on a node with another."""
    packet = fields(source.address, destination.address, service)
    (sent,) = sender.tables[source.node].walk(Packet(sender.ports[source.name], packet)).choices
    port = receiver.ports[destination.name]
    if source.node == destination.node:
        return any(output.port == port for output in sent)
    ends = {"tun_src": sender.address_of(source.node), "tun_dst": receiver.address_of(destination.node)}
    for output in sent:
        if (output.port, output.tunnel_destination) != (VXLAN, ends["tun_dst"]):
            continue
        arrived = receiver.tables[destination.node].walk(Packet(VXLAN, packet | ends | {"tun_id": output.tunnel_id}))
        if any(one.port == port for (outputs,) in [arrived.choices] for one in outputs):
            return True
    return False


def asked(change: Change) -> list[Service]:
    return sorted({*services(change.before), *services(change.after)}, key=lambda s: (s.protocol, s.port))


def has(oracle: Oracle, pod: Endpoint) -> bool:
    """Whether a cluster has the pod, with this address."""
    known = oracle.pods.get(pod.address)
    return known is not None and (known.project, known.name) == (pod.pod.project, pod.pod.name)


def is_known(change: Change, pod: Endpoint) -> bool:
    """Whether both clusters have the pod."""
    return all(has(oracle, pod) for oracle in change.judges)


def allows(oracle: Oracle, source: Endpoint, destination: Endpoint, service: Service) -> bool:
    """Whether a cluster allows a connection; one without one of the pods does not."""
    there = has(oracle, source) and has(oracle, destination)
    return there and oracle.allows(source.address, destination.address, service)


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_no_mixture_of_nodes_lets_pass_what_neither_cluster_allows(chunk: int) -> None:
    passed = asked_in_all = 0
    for change in changes(chunk):
        mixtures = [
            (change.old, change.both, [change.before]),
            (change.both, change.old, [change.before]),
            (change.both, change.both, [change.before, change.after]),
            (change.both, change.new, [change.after]),
            (change.new, change.both, [change.after]),
        ]
        for sender, receiver, judges in mixtures:
            for source, destination, service in connections(change, sender, receiver):
                asked_in_all += 1
                if arrives(sender, receiver, source, destination, service):
                    passed += 1
                    fine = [allows(judge, source, destination, service) for judge in judges]
                    if not all(is_known(change, end) for end in (source, destination)):
                        # What one cluster does not have, the other one judges.  Where projects alone decide, nothing
                        # judges one that goes and one that comes.
                        together = any(has(judge, source) and has(judge, destination) for judge in change.judges)
                        judged = together or change.before.mode is Mode.NETWORKPOLICY
                        fine = [
                            not judged or any(allows(judge, source, destination, service) for judge in change.judges)
                        ]
                    assert all(fine), (source.name, destination.name, service)
    assert asked_in_all > 10_000
    assert passed > 1_000


def test_without_a_transition_something_passes_that_neither_cluster_allows() -> None:
    """The old cluster refuses at the sender, the new one at the receiver."""
    pods = "project p  pod p/a { node node-1 address 10.128.0.2 }  pod p/b { node node-2 address 10.128.2.2 }"
    texts = "policy p/out { egress {} }", "policy p/in { ingress {} }"
    old, new = (compiled_declarations(declare(CLUSTER, pods, text)) for text in texts)
    between = transition(old, new, Diagnostics())
    assert between is not None
    before, both, after = map(Bundle.of, (old, between, new))
    sender, receiver = before.pods()["p/a"], before.pods()["p/b"]

    def pass_with(one: Bundle, other: Bundle) -> bool:
        return arrives(one, other, sender, receiver, PING)

    assert pass_with(after, before)
    assert not any(map(pass_with, (before, both, both, both, after), (before, before, both, after, after)))


def connections(change: Change, sender: Bundle, receiver: Bundle) -> Iterator[tuple[Endpoint, Endpoint, Service]]:
    """From each pod of one bundle to each other of another; on one node there is one bundle only."""
    chosen = asked(change)
    for source in sender.pods().values():
        for destination in receiver.pods().values():
            alone = source.node == destination.node and sender is not receiver
            if not alone and source.address != destination.address and source.node in sender.tables:
                yield from ((source, destination, service) for service in chosen)


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_a_transition_allows_all_that_both_clusters_allow(chunk: int) -> None:
    passed = 0
    for change in changes(chunk):
        for source, destination, service in connections(change, change.both, change.both):
            if all(allows(judge, source, destination, service) for judge in change.judges):
                passed += 1
                assert arrives(change.both, change.both, source, destination, service), (source, destination, service)
    assert passed > 1_000


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_what_leaves_the_cluster_in_a_transition_is_what_both_clusters_let_out(chunk: int) -> None:
    let_out = 0
    for change in changes(chunk):
        for source in change.both.pods().values():
            if not is_known(change, source):
                continue
            chosen = {*services_outside(change.before, source.pod.project), *asked(change), PING, ESP}
            for destination in OUTSIDE:
                for service in chosen:
                    walk = change.both.tables[source.node].walk(
                        Packet(change.both.ports[source.name], fields(source.address, destination, service))
                    )
                    leaving = any(walk.choices)
                    wanted = all(leaves_with(judge, source, destination, service) for judge in change.judges)
                    let_out += wanted
                    assert leaving == wanted, (source.name, destination, service)
    assert let_out > 1_000


def test_what_leaves_by_a_node_with_another_bundle_is_let_out_by_the_old_or_the_new_cluster() -> None:
    """The nodes of the sender and of the egress IP have different bundles, of which one may not have the egress IP."""
    by_others = 0
    for change in changes(0):
        for sender, receiver, judge in (
            (change.old, change.both, change.before),
            (change.both, change.old, change.before),
            (change.both, change.new, change.after),
            (change.new, change.both, change.after),
        ):
            for source in filter(lambda pod: is_known(change, pod), sender.pods().values()):
                for destination in OUTSIDE:
                    for service in {*services_outside(judge, source.pod.project), PING}:
                        if leaves_elsewhere(sender, receiver, source, destination, service):
                            by_others += 1
                            assert leaves_with(judge, source, destination, service), (source, destination, service)
    assert by_others > 100


def leaves_elsewhere(sender: Bundle, receiver: Bundle, source: Endpoint, destination: int, service: Service) -> bool:
    """Whether a packet leaves the cluster by a node with another bundle than the sender's."""
    packet = fields(source.address, destination, service)
    sent = sender.tables[source.node].walk(Packet(sender.ports[source.name], packet)).choices
    for output in (one for choice in sent for one in choice if one.port == VXLAN):
        ends = {"tun_src": sender.address_of(source.node), "tun_dst": output.tunnel_destination}
        for node in receiver.compilation.model.nodes:
            if node.address == output.tunnel_destination:
                arrived = Packet(VXLAN, packet | ends | {"tun_id": output.tunnel_id})
                if any(receiver.tables[node.name].walk(arrived).choices):
                    return True
    return False


def leaves_with(oracle: Oracle, source: Endpoint, destination: int, service: Service) -> bool:
    pod = oracle.pods[source.address]
    return (
        leaves(oracle, destination)
        and oracle.sends(pod, destination, service)
        and may_leave(oracle, pod, destination, service)
        and bool(ways_out(oracle, pod, destination, service))
    )


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_a_transition_allows_nothing_that_one_of_the_clusters_does_not(chunk: int) -> None:
    """By `compare`, which sees administrator's rules, too."""
    compared = 0
    for change in changes(chunk):
        for bundle in (change.old, change.new):
            model, between = bundle.compilation.model, change.both.compilation
            if model.egress_ips != between.model.egress_ips:
                continue  # other ways out, by nodes with other rules
            compared += 1
            found = compare(bundle.compilation, between)
            nodes = {node.name for node in model.nodes}
            for one in found.connections:
                known = [
                    {*end.pods} - {*found.pods_added}
                    or end.ranges
                    or [node for node in end.nodes if node.name in nodes]
                    for end in (one.sources, one.destinations)
                ]
                assert not one.allowed or not all(known), one
    assert compared > PAIRS
