"""One node's folder of a bundle, read once and checked: what the applier works with.

`node_files` sees to it that the files are those of the manifest, `settings` and `rule_text` check `node.json` and
`iptables.rules`; the other files are checked here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import TypeVar

from sdnc.apply.checks import BadText, Members, canonical, load_json
from sdnc.apply.node_files import digest_of, read_files
from sdnc.apply.rule_text import SET_NAME, Rules, read_rules, sets_of, target_of
from sdnc.apply.settings import NodeSettings, read_settings

FLOWS, GROUPS, RULES, SETS, PORTS, SETTINGS = (
    "flows.txt",
    "groups.txt",
    "iptables.rules",
    "ipsets.txt",
    "ports.json",
    "node.json",
)

ROUTERS, MACVLAN = "egress-routers", "macvlan.sh"
"""The folder that has a folder for each egress router, and the script in it that gives a pod its interface."""

Read = TypeVar("Read")

_POD_PORTS = range(3, 65280)
"""The OpenFlow ports that a pod may have: 1 and 2 are vxlan0 and tun0; the last is the highest that `ofport_request`
takes (ovs-vswitchd.conf.db(5)).
"""

_POD = re.compile(r"[a-z0-9][-a-z0-9]{0,62}/[a-z0-9][-a-z0-9.]{0,252}")
_INTERFACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}")
_NOT_OF_PODS = frozenset({"br0", "lo", "tun0", "vxlan0"})
_FLOW = re.compile(
    r"table=(?:[0-9]|[1-9][0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-3]), priority=[0-9]{1,5}"
    r"(?:,[a-z0-9_]+(?:=[A-Za-z0-9_.:/+-]+)?)* actions=[A-Za-z0-9_.:,/+>()\[\]=-]+"
)
_GROUP = re.compile(
    r"add_or_mod group_id=[0-9]{1,10},type=select"
    r"(?:,bucket=(?:weight:[0-9]{1,5},)?actions=[A-Za-z0-9_.:,/+>()\[\]-]+)+"
)
_SET = re.compile(rf"create ({SET_NAME.pattern}) hash:net family inet maxelem [0-9]{{1,10}}")
_ELEMENT = re.compile(rf"add ({SET_NAME.pattern}) ([0-9./]+)(?: nomatch)?")


class BadBundle(Exception):
    """The folder is not what `sdnc compile` wrote for a node; the message tells what is wrong, in one line."""


@dataclass(frozen=True, slots=True)
class PodPort:
    """A pod's port on the bridge, as `ports.json` has it."""

    port: int
    interface: str
    address: str


@dataclass(frozen=True, slots=True)
class NodeBundle:
    """A node's files, by their path below its folder, and what they tell; every value has been checked.

    `digest` is the SHA-256 over the sorted lines "sha256  path" of the files.  `flows` and `groups` are the lines of
    `flows.txt` and `groups.txt` without comments, in the order of the files; `chains` the rules of `iptables.rules` by
    table and chain, in its order; `sets` the lines of `ipsets.txt` by the set's name; `ports` the pods' ports by
    `PROJECT/NAME`.
    """

    node: str
    digest: str
    files: Mapping[str, str]
    settings: NodeSettings
    flows: tuple[str, ...]
    groups: tuple[str, ...]
    chains: Rules
    sets: Mapping[str, tuple[str, ...]]
    ports: Mapping[str, PodPort]


def read_node_bundle(folder: Path) -> NodeBundle:
    """Reads and checks a node's folder, `BUNDLE/nodes/NODE`.  Raises `BadBundle`, or OSError if it cannot be read."""
    folder = Path(os.path.realpath(folder))
    try:
        files = read_files(folder)
    except BadText as reason:
        raise BadBundle(str(reason)) from reason
    bundle = bundle_of(files)
    if bundle.node != folder.name:
        raise BadBundle(f"{SETTINGS}: it is that of node {bundle.node}")
    return bundle


def bundle_of(files: Mapping[str, str]) -> NodeBundle:
    """The bundle that these files are, by their path below the node's folder.  Raises `BadBundle`."""
    for name in (FLOWS, RULES, PORTS, SETTINGS):
        if name not in files:
            raise BadBundle(f"{name} is missing: compile the bundle with this version of sdnc")
    settings = _read(files, SETTINGS, read_settings)
    bundle = NodeBundle(
        node=settings.node,
        digest=digest_of(files),
        files=files,
        settings=settings,
        flows=_read(files, FLOWS, lambda text: _lines(text, _FLOW)),
        groups=_read(files, GROUPS, lambda text: _lines(text, _GROUP)),
        chains=_read(files, RULES, read_rules),
        sets=_read(files, SETS, _read_sets),
        ports=_read(files, PORTS, _read_ports),
    )
    _check_references(bundle)
    return bundle


def _read(files: Mapping[str, str], name: str, read: Callable[[str], Read]) -> Read:
    """What a file tells; one that a node may lack is empty then."""
    try:
        return read(files.get(name, ""))
    except BadText as reason:
        raise BadBundle(f"{name}: {reason}") from reason


def _lines(text: str, pattern: re.Pattern[str]) -> tuple[str, ...]:
    """The lines but for comments, each of which is one that the node's files have."""
    lines = tuple(line for line in text.split("\n") if line and not line.startswith("#"))
    for line in lines:
        if not pattern.fullmatch(line):
            raise BadText(f"unexpected line: {line!a}")
    return lines


def _read_sets(text: str) -> dict[str, tuple[str, ...]]:
    sets: dict[str, list[str]] = {}
    for line in text.split("\n"):
        if not line or line.startswith("#"):
            continue
        made, element = _SET.fullmatch(line), _ELEMENT.fullmatch(line)
        if made and made[1] not in sets:
            sets[made[1]] = [line]
        elif element and element[1] in sets and _is_network(element[2]):
            sets[element[1]].append(line)
        else:
            raise BadText(f"unexpected line: {line!a}")
    return {name: tuple(lines) for name, lines in sets.items()}


def _is_network(text: str) -> bool:
    try:
        IPv4Network(text)
    except ValueError:
        return False
    return True


def _is_interface_of_pod(name: str) -> bool:
    return _INTERFACE.fullmatch(name) is not None and name not in _NOT_OF_PODS


def _read_ports(text: str) -> dict[str, PodPort]:
    pods = Members("it", load_json(text))
    ports: dict[str, PodPort] = {}
    for name in pods.names():
        if not _POD.fullmatch(name):
            raise BadText(f"{name!a} is no name of a pod")
        pod = Members(name, pods.mapping(name))
        ports[name] = PodPort(
            port=pod.number("port", _POD_PORTS),
            interface=pod.text("interface", _is_interface_of_pod),
            address=pod.text("address", canonical(IPv4Address)),
        )
        pod.end()
    for field in ("port", "interface", "address"):
        if len({getattr(port, field) for port in ports.values()}) != len(ports):
            raise BadText(f"two pods have one {field}")
    return ports


def _check_references(bundle: NodeBundle) -> None:
    """What one file names is in the file that should have it."""
    settings = bundle.settings
    for rules in (settings.jumps, settings.appended):
        for table, chains in rules.items():
            own = {*bundle.chains.get(table, ()), *settings.appended.get(table, ())}
            for target in (target_of(rule) for each in chains.values() for rule in each):
                if target not in own:
                    raise BadBundle(f"{SETTINGS}: it jumps to {target}, which {RULES} does not have in table {table}")
    for table, chains in settings.appended.items():
        if both := bundle.chains.get(table, {}).keys() & chains.keys():
            raise BadBundle(f"{SETTINGS}: {RULES} has {min(both)}, too")
    for chains in bundle.chains.values():
        for name in (name for rules in chains.values() for rule in rules for name in sets_of(rule)):
            if name not in bundle.sets:
                raise BadBundle(f"{RULES}: it names the set {name}, which {SETS} does not have")
    for router in settings.routers:
        if f"{ROUTERS}/{router}/{MACVLAN}" not in bundle.files:
            raise BadBundle(f"{SETTINGS}: it names the egress router {router}, which has no {MACVLAN}")
