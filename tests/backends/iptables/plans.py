"""Plans of node-1, with egress IPs that it hosts and administrator's rules."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from attrs import evolve

from compiler.declarations import AdminLimit, AdminLog, AdminVerdict, BlockPeer, PortRange
from compiler.origin import Origin, Source, Span
from compiler.plan.admin_rules import AdminRulePlan
from compiler.plan.egress_ips import MARK_SHIFT, EgressIpPlan, HostedAddress
from compiler.plan.node import NodePlan, plan_node
from compiler.values.ports import MAX_PORT
from compiler.values.prefix import Prefix, parse_address
from compiler.values.services import Protocol
from tests.compiling import NETWORK, NODES, compiled, declare

NODE = "192.168.100.11"
SHOP_IP = "192.168.100.50"
LAB_IP = "192.168.100.51"

HOSTED = {SHOP_IP: ("shop", 1), LAB_IP: ("lab", 0x3FFF)}
"""The project and the number of the mark of each address: the lowest and the highest that a mark may have."""

TWO_NETWORKS = """
  pods 10.128.0.0/14 host-bits 9
  pods 10.132.0.0/14 host-bits 8
  services 172.30.0.0/16
  vxlan-port 4790
"""


def node_plan(
    *addresses: str, network: str = NETWORK, mode: str = "networkpolicy", rules: Sequence[AdminRulePlan] = ()
) -> NodePlan:
    """The plan of node-1 with these of the HOSTED addresses and these administrator's rules."""
    hosted = tuple(
        HostedAddress(parse_address(address), project, 100 + number, number << MARK_SHIFT, ())
        for address, (project, number) in HOSTED.items()
        if address in addresses
    )
    return evolve(_bare_plan(network, mode), egress_ips=EgressIpPlan(hosted=hosted), admin_rules=tuple(rules))


@cache
def _bare_plan(network: str, mode: str) -> NodePlan:
    compilation = compiled(declare(f"cluster {{ mode {mode} {network} }}\n{NODES}"))
    return plan_node(compilation.model, compilation.policy, compilation.firewalls, compilation.model.nodes[0])


ORIGIN = Origin(Source("rules.sdn", "", lambda path: Span(1, 1, 2)))


def networks(*texts: str) -> tuple[BlockPeer, ...]:
    """Blocks, each written as `A.B.C.D/N` or `A.B.C.D/N except A.B.C.D/N …`."""
    parsed = ([Prefix.parse(word)[0] for word in text.split() if word != "except"] for text in texts)
    return tuple(BlockPeer(ORIGIN, prefix, excepts) for prefix, *excepts in parsed)


def ports(*texts: str) -> tuple[PortRange, ...]:
    """Ports, each written as `tcp`, `tcp/80` or `tcp/80-90`."""
    return tuple(_port_range(*text.partition("/")) for text in texts)


def _port_range(protocol: str, slash: str, numbers: str) -> PortRange:
    first, _, last = (numbers if slash else f"0-{MAX_PORT}").partition("-")
    return PortRange(Protocol[protocol.upper()], int(first), int(last or first))


def admin_rule(
    action: AdminVerdict | AdminLog | AdminLimit,
    sources: Sequence[str] | None = None,
    destinations: Sequence[str] | None = None,
    services: Sequence[str] | None = None,
    block: str = "10-rules",
) -> AdminRulePlan:
    """An administrator's rule; networks and ports as `networks` and `ports` take them, None for all."""
    return AdminRulePlan(
        block,
        action,
        None if sources is None else networks(*sources),
        None if destinations is None else networks(*destinations),
        None if services is None else ports(*services),
        ORIGIN,
    )
