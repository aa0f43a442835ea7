"""The state of a node as far as it is sdnc's: what is there, what a bundle wants there, and what to put back.

All three are a `State`, so that one engine gets from any to any other: `wanted_state` makes one of a bundle,
`reading.read_state` reads the node, and a snapshot is one that was read before the first change.  A `Scope` says which
chains, addresses and interfaces are sdnc's; what is outside it is other people's, and in no state.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Interface

from sdnc.apply.checks import BadText, load_json
from sdnc.apply.node_bundle import MACVLAN, ROUTERS, BadBundle, NodeBundle
from sdnc.apply.plain import BadPlain, from_plain, to_plain

SCHEMA = 1
"""The one schema of a state's JSON that this applier knows."""

BRIDGE, VXLAN, TUN = "br0", "vxlan0", "tun0"

END = 0
"""The position of a jump at the end of a chain; positions count from 1."""

TABLES = ("raw", "mangle", "nat", "filter")

_MAC = re.compile(r"^mac='((?:[0-9a-f]{2}:){5}[0-9a-f]{2})'$", re.MULTILINE)


class BadState(ValueError):
    """A text is no state that this applier knows; the message tells why, in one line."""


class NoPlace(Exception):
    """Egress IPs or pods have no place on the node; the message tells why, in one line."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What is sdnc's on a node, by name.

    `chains` are the names of own chains by table (those that begin with `SDNC-` are it in any case), `jumps` the rules
    by table and chain that lead to them; `networks` the destinations of the routes and `gateways` the addresses with
    length of `tun0`; `interfaces` those of pods; `routers` the names of egress routers, and `pods` the pods' interfaces
    on the node, both by the pod's address.
    """

    node_address: str
    egress_ips: frozenset[str]
    chains: Mapping[str, frozenset[str]]
    jumps: Mapping[str, Mapping[str, frozenset[str]]]
    networks: frozenset[str]
    gateways: frozenset[str]
    interfaces: frozenset[str]
    routers: Mapping[str, str]
    pods: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Interface:
    """`vxlan0` or `tun0`, as columns of Open vSwitch's table Interface (ovs-vswitchd.conf.db(5)).

    `number` is the OpenFlow port that it has, `request` the one that is asked for, `mtu` the bytes that are asked for;
    None and "" are what is not set.  Of the options there are only those that sdnc sets.
    """

    type: str
    number: int | None
    request: int | None
    mac: str = ""
    mtu: int | None = None
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bridge:
    """The bridge `br0`; of `vxlan0` and `tun0`, by name, those that are on it."""

    datapath_type: str
    fail_mode: str
    protocols: tuple[str, ...]
    interfaces: Mapping[str, Interface]


@dataclass(frozen=True, slots=True)
class TunAddress:
    """The node's side of `tun0`: addresses with length, and routes as destination -> source address ("": none)."""

    up: bool
    addresses: frozenset[str]
    routes: Mapping[str, str]
    arp_announce: str


@dataclass(frozen=True, slots=True)
class Jump:
    """A rule of a chain that is not own, which leads to an own one, and its position among all rules of the chain."""

    rule: str
    position: int


@dataclass(frozen=True, slots=True)
class Table:
    """A table of iptables as far as it is sdnc's.

    `chains` are the rules of own chains; `jumps` the jumps in other chains.  A chain of `jumps` that is not built in
    exists if it has an entry.  `shared` are the chains of `jumps` or `chains` that others' rules are in or lead to.
    """

    chains: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    jumps: Mapping[str, tuple[Jump, ...]] = field(default_factory=dict)
    shared: frozenset[str] = frozenset()
    lengths: Mapping[str, int] = field(default_factory=dict)
    """How many rules a chain of `jumps` has in all."""


@dataclass(frozen=True, slots=True)
class AddressSet:
    """An ipset of the type `hash:net`: its elements ("10.0.0.0/8", "10.1.0.0/16 nomatch"), how many it may have, and
    how many rules refer to it.
    """

    elements: frozenset[str]
    capacity: int
    references: int = 0


@dataclass(frozen=True, slots=True)
class Addresses:
    """The egress IPs of the interface that has the node's address, whose address with length is `network`.

    `labelled` are those that sdnc has put there; `others` those of the scope that somebody else has.
    """

    labelled: frozenset[str]
    others: frozenset[str] = frozenset()
    interface: str = ""
    network: str = ""


@dataclass(frozen=True, slots=True)
class Macvlan:
    """The Ethernet address of `macvlan0` in an egress router's pod ("": it lacks); the path of the pod's network
    namespace, where it is there; the text of the router's macvlan.sh, where it is wanted.
    """

    router: str
    mac: str
    namespace: str = ""
    script: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """What is there, or has to be there.

    `flows` are lines as in `flows.txt`, `groups` texts by number, `sets` by name.  `ports` are OpenFlow ports of pods
    by interface; None: it must not be on the bridge.  `present` are the interfaces of pods that the node has.
    `macvlans` are those of egress routers by the pod's address; there, only of pods that run.  `foreign` are other
    people's flows on the bridge, cookie included, and `foreign_groups` the groups that they refer to; `foreign_ports`
    are the OpenFlow ports of other people's interfaces.
    """

    bridge: Bridge | None
    tun: TunAddress | None
    forwarding: str
    flows: frozenset[str]
    groups: Mapping[int, str]
    tables: Mapping[str, Table]
    sets: Mapping[str, AddressSet]
    addresses: Addresses
    ports: Mapping[str, int | None]
    present: frozenset[str] = frozenset()
    macvlans: Mapping[str, Macvlan] = field(default_factory=dict)
    foreign: frozenset[str] = frozenset()
    foreign_groups: Mapping[int, str] = field(default_factory=dict)
    foreign_ports: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was there before the first change, and what of the node it tells of."""

    scope: Scope
    state: State


def snapshot_text(snapshot: Snapshot) -> str:
    """The snapshot as JSON."""
    return json.dumps({"schema": SCHEMA, "snapshot": to_plain(snapshot)}, sort_keys=True) + "\n"


def read_snapshot(text: str) -> Snapshot:
    """The snapshot that `snapshot_text` wrote.  Raises `BadState`."""
    try:
        told = load_json(text)
        if not isinstance(told, dict) or told.get("schema") != SCHEMA:
            raise BadState(f"the state has another schema than {SCHEMA}: it is of another version of sdnc")
        return from_plain(Snapshot, told.get("snapshot"))
    except (BadText, BadPlain) as reason:
        raise BadState(f"it is no state of a node: {reason}") from reason


def scope_of(*bundles: NodeBundle | None) -> Scope:
    """What the bundles have to do with; the first is the one whose node it is."""
    given = [bundle for bundle in bundles if bundle is not None]
    settings = [bundle.settings for bundle in given]
    rules = [rules for each in settings for rules in (each.jumps, each.appended)]
    return Scope(
        node_address=settings[0].node_address,
        egress_ips=frozenset(address for each in settings for address in each.egress_ips),
        chains={table: frozenset(_names(bundle.chains.get(table, {}) for bundle in given)) for table in TABLES},
        jumps={
            table: {
                chain: frozenset(rule for each in rules for rule in each.get(table, {}).get(chain, ()))
                for chain in sorted(_names(each.get(table, {}) for each in rules))
            }
            for table in TABLES
        },
        networks=frozenset(
            network for each in settings for network in (*each.bridge.pod_networks, each.bridge.service_network)
        ),
        gateways=frozenset(each.bridge.gateway for each in settings),
        interfaces=frozenset(port.interface for bundle in given for port in bundle.ports.values()),
        routers={address: name for name, pods in settings[0].routers.items() for address in pods},
        pods={port.address: port.interface for port in given[0].ports.values()},
    )


def wanted_state(bundle: NodeBundle, datapath_type: str) -> State:
    """What the bundle wants on its node.  `datapath_type` is Open vSwitch's: "system" or "netdev"."""
    bridge, settings = bundle.settings.bridge, bundle.settings
    vxlan = {"dst_port": str(bridge.vxlan_port), "key": "flow", "remote_ip": "flow"}
    gateway = str(IPv4Interface(bridge.gateway).ip)
    return State(
        bridge=Bridge(
            datapath_type=datapath_type,
            fail_mode="secure",
            protocols=("OpenFlow13",),
            interfaces={
                VXLAN: Interface("vxlan", number=1, request=1, options=vxlan),
                TUN: Interface("internal", number=2, request=2, mac=bridge.mac, mtu=bridge.mtu),
            },
        ),
        tun=TunAddress(
            up=True,
            addresses=frozenset([bridge.gateway]),
            routes=dict.fromkeys(bridge.pod_networks, gateway) | {bridge.service_network: ""},
            arp_announce="2",
        ),
        forwarding="1",
        flows=frozenset(bundle.flows),
        groups={_number_of(line): line.removeprefix("add_or_mod ") for line in bundle.groups},
        tables={table: _wanted_table(bundle, table) for table in TABLES},
        sets={name: _wanted_set(lines) for name, lines in bundle.sets.items()},
        addresses=Addresses(labelled=frozenset(settings.egress_ips)),
        ports={port.interface: port.port for port in bundle.ports.values()},
        macvlans={
            address: Macvlan(router, _mac_of(bundle, router), script=bundle.files[f"{ROUTERS}/{router}/{MACVLAN}"])
            for router, pods in settings.routers.items()
            for address in pods
        },
    )


def _names(mappings: Iterable[Mapping[str, object]]) -> set[str]:
    return {name for mapping in mappings for name in mapping}


def _number_of(group: str) -> int:
    """The number in a checked line "add_or_mod group_id=5,type=…"."""
    return int(group.partition("group_id=")[2].partition(",")[0])


def _wanted_table(bundle: NodeBundle, table: str) -> Table:
    on_top = bundle.settings.jumps.get(table, {})
    at_end = bundle.settings.appended.get(table, {})
    return Table(
        chains=bundle.chains.get(table, {}),
        jumps={
            chain: tuple(Jump(rule, position) for position, rule in enumerate(rules, 1))
            for chain, rules in on_top.items()
        }
        | {chain: tuple(Jump(rule, END) for rule in rules) for chain, rules in at_end.items()},
    )


def _wanted_set(lines: tuple[str, ...]) -> AddressSet:
    """The set of checked lines "create NAME hash:net family inet maxelem N" and "add NAME NETWORK [nomatch]"."""
    create, *elements = lines
    return AddressSet(frozenset(line.split(" ", 2)[2] for line in elements), int(create.rpartition(" ")[2]))


def _mac_of(bundle: NodeBundle, router: str) -> str:
    """The Ethernet address that the router's macvlan.sh gives the interface."""
    found = _MAC.search(bundle.files[f"{ROUTERS}/{router}/{MACVLAN}"])
    if found is None:
        raise BadBundle(f"{ROUTERS}/{router}/{MACVLAN} tells no Ethernet address")
    return found[1]
