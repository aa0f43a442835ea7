"""A small cluster whose projects leave it in every way: firewalls, egress IPs and multicast, as plans made by hand.

| project | NetID | firewall | egress IPs | multicast |
|---|---|---|---|---|
| default | 0 | | | yes |
| shop | 100 | a list of addresses | on node-2 | yes |
| other | 200 | tells ports apart | on node-2, and two on node-3 | |
| bank | 300 | broken | | |
| lost | 400 | | nobody hosts it | |
| own | 500 | | on node-1 | yes, pods on node-1 only |
| pair | 600 | as shop | two on node-1 | |
| free | 700 | | | |
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve

from compiler.model.model import EgressIp, MulticastDomain
from compiler.origin import Origin, Source, Span
from compiler.plan.firewall import (
    ALLOW_ALL,
    DENY_ALL,
    AddressList,
    FirewallEntry,
    FirewallPlan,
    PortEntry,
    PortPolicy,
    ProjectFirewall,
)
from compiler.plan.node import NodePlan, plan_node
from compiler.values.prefix import Prefix, parse_address
from compiler.values.services import Protocol
from tests.compiling import NETWORK, compiled, declare

NODES = {"node-1": "192.168.100.11", "node-2": "192.168.100.12", "node-3": "192.168.100.13"}

NETIDS = {"default": 0, "shop": 100, "other": 200, "bank": 300, "lost": 400, "own": 500, "pair": 600, "free": 700}

PODS = {
    "shop": ("node-1", 11, "10.128.0.11"),
    "walled": ("node-1", 12, "10.128.0.12"),
    "other": ("node-1", 13, "10.128.0.13"),
    "bank": ("node-1", 14, "10.128.0.14"),
    "lost": ("node-1", 15, "10.128.0.15"),
    "own": ("node-1", 16, "10.128.0.16"),
    "own-2": ("node-1", 17, "10.128.0.17"),
    "pair": ("node-1", 18, "10.128.0.18"),
    "free": ("node-1", 19, "10.128.0.19"),
    "global": ("node-1", 20, "10.128.0.20"),
    "global-2": ("node-2", 11, "10.128.2.11"),
    "shop-2": ("node-2", 12, "10.128.2.12"),
    "free-3": ("node-3", 11, "10.128.4.11"),
}
"""Each pod's node, port and address; all but these are called as their projects: walled is isolated for egress."""

PROJECT_OF = {"walled": "shop", "shop-2": "shop", "own-2": "own", "free-3": "free", "global": "default"} | {
    "global-2": "default"
}

EGRESS_IPS = {
    "192.168.100.50": ("shop", "node-2"),
    "192.168.100.51": ("other", "node-2"),
    "192.168.100.52": ("other", "node-3"),
    "192.168.100.53": ("other", "node-3"),
    "192.168.100.54": ("lost", None),
    "192.168.100.55": ("own", "node-1"),
    "192.168.100.56": ("pair", "node-1"),
    "192.168.100.57": ("pair", "node-1"),
}
"""Each egress IP's project, and the node that hosts it."""

LIST, PORTS_LIST, POLICY = 0x1001, 0x1002, 0x2001


def origin(line: int) -> Origin:
    """A line of a source that says something of firewalls (100 and up), egress IPs (200), multicast (300)."""
    return Origin(SOURCE, Span(line, 1, 2))


SOURCE = Source("egress.sdn", "", lambda path: Span(1, 1, 2))


def _prefix(text: str) -> Prefix:
    address, _, length = text.partition("/")
    return Prefix(parse_address(address), int(length or 32))


FIREWALL = FirewallPlan(
    projects=(
        ProjectFirewall("shop", 100, None, LIST, (origin(100),)),
        ProjectFirewall("other", 200, POLICY, ALLOW_ALL, (origin(120),)),
        ProjectFirewall("bank", 300, None, DENY_ALL, (origin(130),)),
        ProjectFirewall("pair", 600, None, LIST, (origin(140),)),
    ),
    policies=(
        PortPolicy(
            POLICY,
            (
                PortEntry(Protocol.TCP, 443, 16, PORTS_LIST, (origin(121),)),
                PortEntry(Protocol.TCP, 8000, 12, ALLOW_ALL, (origin(122),)),
                PortEntry(Protocol.UDP, 0, 0, DENY_ALL, (origin(123),)),
            ),
            ALLOW_ALL,
            "deny tcp/443 to\nmost",
        ),
    ),
    lists=(
        AddressList(
            LIST,
            (
                FirewallEntry(_prefix("0.0.0.0/0"), False, (origin(103),)),
                FirewallEntry(_prefix("1.2.3.0/24"), True, (origin(101),)),
                FirewallEntry(_prefix("1.2.3.128/25"), False, (origin(102),)),
            ),
            "allow 1.2.3.0/25",
        ),
        AddressList(
            PORTS_LIST,
            (
                FirewallEntry(_prefix("0.0.0.0/0"), False, (origin(121),)),
                FirewallEntry(_prefix("8.8.8.8"), True, (origin(121),)),
            ),
            "allow 8.8.8.8",
        ),
    ),
)
"""The firewalls of the projects that have pods on node-1."""

POLICIES = "policy shop/walled { select app=walled  egress {} }\n"


def leaving_plans(
    mode: str = "networkpolicy",
    egress_ips: Mapping[str, tuple[str, str | None]] = EGRESS_IPS,
    firewall: FirewallPlan = FIREWALL,
    multicast: tuple[int, ...] = (0, 100, 500),
) -> dict[str, NodePlan]:
    """The plan of each node."""
    lines = [f"cluster {{ mode {mode} {NETWORK} }}"]
    lines += [
        f"node {name} {{ address {address} subnet 10.128.{2 * index}.0/23 }}"
        for index, (name, address) in enumerate(NODES.items())
    ]
    lines += [f"project {name} {{ netid {netid} }}" for name, netid in NETIDS.items() if netid]
    lines += [
        f"pod {PROJECT_OF.get(name, name)}/{name} {{ node {node} address {address} labels app={name} of-port {port} }}"
        for name, (node, port, address) in PODS.items()
    ]
    compilation = compiled(declare("\n".join(lines), POLICIES if mode == "networkpolicy" else ""))
    model = evolve(
        compilation.model,
        egress_ips=tuple(
            EgressIp(parse_address(address), project, NETIDS[project], node, (origin(200 + int(address[-2:])),))
            for address, (project, node) in sorted(egress_ips.items())
        ),
        multicast=tuple(MulticastDomain(netid, (origin(300 + netid),)) for netid in multicast),
    )
    plans = {node.name: plan_node(model, compilation.policy, (), node) for node in model.nodes}
    return plans | {"node-1": evolve(plans["node-1"], firewall=firewall)}


def plain_plans(mode: str = "networkpolicy") -> dict[str, NodePlan]:
    """The same cluster with nothing of all this."""
    return leaving_plans(mode, {}, FirewallPlan(), ())
