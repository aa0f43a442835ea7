"""The administrator's rules of one node, in order, with projects turned into the addresses of their pods (AR-02)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from attrs import field, frozen

from compiler.declarations import AdminLimit, AdminLog, AdminVerdict, BlockPeer, PortRange, ProjectSource
from compiler.model.model import Endpoint, Model, Node
from compiler.origin import Origin
from compiler.values.prefix import WIDTH, Prefix


@frozen
class AdminRulePlan:
    """One rule.  `sources` and `destinations` None: all addresses; empty: none, so that the rule matches nothing here.
    All their blocks have a prefix.

    `block` is the name of the block that it stands in.
    """

    block: str
    action: AdminVerdict | AdminLog | AdminLimit
    sources: tuple[BlockPeer, ...] | None
    destinations: tuple[BlockPeer, ...] | None
    ports: tuple[PortRange, ...] | None
    origin: Origin = field(eq=False, repr=False)


def plan_admin_rules(model: Model, node: Node, local: Iterable[Endpoint]) -> tuple[AdminRulePlan, ...]:
    """The rules of the blocks for a node, in the order of the blocks' names; `local` are the pods of the node.

    What leaves the cluster here is what local pods send, and what pods of other nodes send whose project has an egress
    IP on this node: both are a project's addresses.
    """
    here = {egress_ip.project for egress_ip in model.egress_ips if egress_ip.node == node.name}
    addresses: dict[str, set[Prefix]] = defaultdict(set)
    if model.admin_rules:
        guests = (endpoint for endpoint in model.endpoints if endpoint.pod.project in here)
        for endpoint in (*local, *guests):
            addresses[endpoint.pod.project].add(Prefix(endpoint.address, WIDTH))

    def blocks(source: BlockPeer | ProjectSource) -> Iterable[BlockPeer]:
        if isinstance(source, BlockPeer):
            return () if source.prefix is None else (source,)
        return (BlockPeer(source.origin, prefix) for prefix in sorted(addresses[source.project]))

    def all_blocks(peers: Iterable[BlockPeer | ProjectSource] | None) -> tuple[BlockPeer, ...] | None:
        return None if peers is None else tuple(block for peer in peers for block in blocks(peer))

    return tuple(
        AdminRulePlan(
            block.name,
            rule.action,
            all_blocks(rule.sources),
            all_blocks(rule.destinations),
            rule.ports,
            rule.origin,
        )
        for block in model.admin_rules
        if block.nodes is None or block.nodes.matches(node.labels)
        for rule in block.rules
    )
