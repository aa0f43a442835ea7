"""What `node.json` of a bundle tells: the frame of a node that is not in its other files.

The bundle is data to a process of root's, so every value is checked here again (OUT-05), whoever wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from sdnc.apply.checks import BadText, Members, canonical, load_json, matching
from sdnc.apply.rule_text import BUILT_IN, OWN_CHAIN, Rules, check_rule, target_of

SCHEMA = 1
"""The one schema of `node.json` that this applier knows."""

NODE_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?")
"""The names of nodes (RFC 1123 subdomains); no part of them leads out of a folder."""

ROUTER_NAME = re.compile(r"[a-z0-9][-a-z0-9]{0,62}_[a-z0-9](?:[-a-z0-9._]{0,180}[a-z0-9])?")
"""The names of egress routers' folders, `PROJECT_NAME`."""

_MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")
_PORTS = range(1, 65536)
_MTUS = range(68, 65536)
"""What Linux takes for an interface that carries IPv4 (RFC 791 asks for 68)."""


@dataclass(frozen=True, slots=True)
class BridgeSettings:
    """What `br0` with `vxlan0` and `tun0` needs.  `gateway` is the address of `tun0` with its length ("10.128.0.1/23"),
    `pod_networks` and `service_network` are networks ("10.128.0.0/14"), `mtu` is in bytes.
    """

    vxlan_port: int
    mtu: int
    mac: str
    gateway: str
    pod_networks: tuple[str, ...]
    service_network: str


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """The checked values of `node.json`.

    `jumps` are the rules of built-in chains, in the order in which they stand on top; `appended` those at the end of
    chains that are made if they lack and never flushed.  `node_address` is the node's own on the underlay,
    `egress_ips` those that it hosts, without length.  `routers` has for each egress router, by the name of its folder,
    the addresses of this node's pods that are it.
    """

    node: str
    bridge: BridgeSettings
    jumps: Rules
    appended: Rules
    node_address: str
    egress_ips: tuple[str, ...]
    routers: Mapping[str, tuple[str, ...]]


def read_settings(text: str) -> NodeSettings:
    """The settings in the text of `node.json`.  Raises `BadText`."""
    read = Members("it", load_json(text))
    if read.number("schema", range(2**31)) != SCHEMA:
        raise BadText(f"its schema is not {SCHEMA}: it is of another version of sdnc")
    bridge, addresses = Members("bridge", read.mapping("bridge")), Members("addresses", read.mapping("addresses"))
    settings = NodeSettings(
        node=read.text("node", matching(NODE_NAME)),
        bridge=BridgeSettings(
            vxlan_port=bridge.number("vxlan_port", _PORTS),
            mtu=bridge.number("mtu", _MTUS),
            mac=bridge.text("mac", matching(_MAC)),
            gateway=bridge.text("gateway", canonical(IPv4Interface)),
            pod_networks=bridge.texts("pod_networks", canonical(IPv4Network)),
            service_network=bridge.text("service_network", canonical(IPv4Network)),
        ),
        jumps=_rules(Members("jumps", read.mapping("jumps")), lambda table, chain: chain in BUILT_IN[table]),
        appended=_rules(
            Members("appended", read.mapping("appended")), lambda _, chain: OWN_CHAIN.fullmatch(chain) is not None
        ),
        node_address=addresses.text("node", canonical(IPv4Address)),
        egress_ips=addresses.texts("egress_ips", canonical(IPv4Address)),
        routers=_routers(Members("routers", read.mapping("routers"))),
    )
    for members in (read, bridge, addresses):
        members.end()
    return settings


def _rules(tables: Members, is_allowed: Callable[[str, str], bool]) -> Rules:
    rules: dict[str, dict[str, tuple[str, ...]]] = {}
    for table in tables.names():
        if table not in BUILT_IN:
            raise BadText(f"there is no table {table!a} to put rules into")
        chains = Members(table, tables.mapping(table))
        for chain in chains.names():
            if not is_allowed(table, chain):
                raise BadText(f"{chain!a} is no chain of table {table} to put rules into")
        rules[table] = {chain: chains.texts(chain, _leads_to_own_chain) for chain in chains.names()}
    return rules


def _leads_to_own_chain(rule: str) -> bool:
    try:
        return OWN_CHAIN.fullmatch(target_of(check_rule(rule))) is not None
    except BadText:
        return False


def _routers(routers: Members) -> dict[str, tuple[str, ...]]:
    for name in routers.names():
        if not ROUTER_NAME.fullmatch(name):
            raise BadText(f"{name!a} is no name of an egress router's folder")
    return {name: routers.texts(name, canonical(IPv4Address)) for name in routers.names()}
