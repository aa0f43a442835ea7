"""The bridge `br0` in Open vSwitch's database: `vxlan0`, `tun0` and the pods' ports.

It is read by one `ovs-vsctl --format=json` (ovs-vsctl(8), ovs-vswitchd.conf.db(5)).  What changes it is one transaction
for each thing: a new bridge fails secure from its first moment on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sdnc.apply.state import BRIDGE, TUN, VXLAN, Bridge, Interface, NoPlace, State
from sdnc.apply.system import Command, CommandFailed, System

VSCTL = ("ovs-vsctl", "--timeout=30")
"""A hung ovs-vswitchd must not keep `ovs-vsctl`, which waits for it to do what the database says."""

_OPTIONS = ("dst_port", "key", "remote_ip")
_COLUMNS = {
    "Bridge": "name,datapath_type,fail_mode,protocols,ports",
    "Port": "_uuid,interfaces",
    "Interface": "_uuid,name,type,ofport,ofport_request,mac,mtu_request,options",
}


@dataclass(frozen=True, slots=True)
class Ports:
    """What is on the bridge (None: there is none): the pods' OpenFlow ports by interface."""

    bridge: Bridge | None = None
    pods: Mapping[str, int | None] = field(default_factory=dict)


def read_ports(system: System) -> Ports:
    """The bridge, and the OpenFlow port of every interface on it but `vxlan0` and `tun0`.  Raises `CommandFailed`."""
    lists = [word for table, columns in _COLUMNS.items() for word in ("--", f"--columns={columns}", "list", table)]
    printed = system.run([*VSCTL, "--format=json", *lists])
    bridges, ports, interfaces = (list(_rows(json.loads(line))) for line in printed.splitlines())
    found = next((bridge for bridge in bridges if bridge["name"] == BRIDGE), None)
    if found is None:
        return Ports()
    on_it = set(_values(found["ports"]))
    belonging = {uuid for port in ports if port["_uuid"][1] in on_it for uuid in _values(port["interfaces"])}
    by_name = {each["name"]: each for each in interfaces if each["_uuid"][1] in belonging}
    bridge = Bridge(
        datapath_type=found["datapath_type"] or "system",
        fail_mode=_one(found["fail_mode"]) or "",
        protocols=tuple(sorted(_values(found["protocols"]))),
        interfaces={name: _interface(by_name[name]) for name in (VXLAN, TUN) if name in by_name},
    )
    pods = {name: _one(row["ofport"]) for name, row in by_name.items() if name not in (BRIDGE, VXLAN, TUN)}
    return Ports(bridge, pods)


def check_daemon(system: System) -> None:
    """Raises `CommandFailed` unless ovs-vswitchd runs and answers."""
    try:
        system.run(["ovs-appctl", "--timeout=10", "--target=ovs-vswitchd", "version"])
    except CommandFailed as reason:
        raise CommandFailed(reason.argv, reason.status, f"ovs-vswitchd does not answer: {reason.stderr}") from reason


def check_ports(actual: State, wanted: State) -> None:
    """Raises `NoPlace` if the pods cannot have their ports: the flows take who has a pod's number for the pod."""
    if actual.addresses.interface in wanted.ports:
        raise NoPlace(f"{actual.addresses.interface} has the node's address, and is no pod's interface")
    pods = {number: name for name, number in wanted.ports.items() if number is not None}
    for name, number in sorted(actual.foreign_ports.items()):
        if number in pods:
            raise NoPlace(f"{name}, which is somebody else's, has OpenFlow port {number} of {BRIDGE}, {pods[number]}'s")


def left_over_ports(actual: State, wanted: State) -> list[str]:
    """The interfaces of pods that were, whose numbers are now other pods'."""
    taken = {*wanted.ports.values()} - {None}
    return [name for name, number in sorted(actual.ports.items()) if name not in wanted.ports and number in taken]


def _rows(table: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for row in table["data"]:
        yield dict(zip(table["headings"], row, strict=True))


def _values(value: Any) -> list[Any]:
    """The elements of a set: ["set", [A, B]], or just A if it is the only one; of ["uuid", ID] the ID."""
    elements = value[1] if isinstance(value, list) and value[0] == "set" else [value]
    return [element[1] if isinstance(element, list) else element for element in elements]


def _one(value: Any) -> Any:
    """The value of a column that may be empty: None then."""
    return next(iter(_values(value)), None)


def _interface(row: Mapping[str, Any]) -> Interface:
    _, options = row["options"]
    return Interface(
        type=row["type"],
        number=_one(row["ofport"]),
        request=_one(row["ofport_request"]),
        mac=_one(row["mac"]) or "",
        mtu=_one(row["mtu_request"]),
        options={name: value for name, value in options if name in _OPTIONS},
    )


def bridge_commands(actual: Bridge | None, wanted: Bridge | None) -> tuple[Command, ...]:
    """The commands that make, change or remove the bridge with `vxlan0` and `tun0`; none if nothing differs."""
    if wanted is None:
        return () if actual is None else (Command((*VSCTL, "--if-exists", "del-br", BRIDGE)),)
    parts: list[list[str]] = []
    if actual is None:
        parts.append(["--may-exist", "add-br", BRIDGE])
        actual = Bridge("", "", (), {})
    columns = {
        "datapath_type": (actual.datapath_type, wanted.datapath_type),
        "fail_mode": (actual.fail_mode, wanted.fail_mode),
        "protocols": (actual.protocols, wanted.protocols),
    }
    parts += _changes("bridge", BRIDGE, columns)
    later: list[list[str]] = []
    for name, interface in wanted.interfaces.items():
        there = actual.interfaces.get(name)
        if there and there.number != interface.number and there.request == interface.request:
            parts.append(
                ["del-port", BRIDGE, name]
            )  # it asks for its number and did not get it, as long as it is there
            there = None
        if there is None:
            parts.append(["--may-exist", "add-port", BRIDGE, name])
        parts += _interface_changes(name, there or Interface("", None, None), interface)
        if interface.number and interface.number != interface.request:
            # A number that nobody asked for: it stays when what asked for it goes.
            parts.append(["set", "interface", name, f"ofport_request={interface.number}"])
            later += _changes("interface", name, {"ofport_request": (interface.number, interface.request)})
    parts += [["del-port", BRIDGE, name] for name in actual.interfaces if name not in wanted.interfaces]
    return tuple(_transaction(each) for each in (parts, later) if each)


def _interface_changes(name: str, actual: Interface, wanted: Interface) -> list[list[str]]:
    columns: dict[str, tuple[object, object]] = {
        "type": (actual.type, wanted.type),
        "ofport_request": (actual.request, wanted.request),
        "mac": (actual.mac, wanted.mac),
        "mtu_request": (actual.mtu, wanted.mtu),
    }
    for option in _OPTIONS:
        columns[f"options:{option}"] = (actual.options.get(option), wanted.options.get(option))
    return _changes("interface", name, columns)


def _changes(table: str, record: str, columns: Mapping[str, tuple[object, object]]) -> list[list[str]]:
    """The parts of a transaction that change columns, which are given with what is there and what is wanted."""
    differing = {column: wanted for column, (there, wanted) in columns.items() if there != wanted}
    values = [f"{column}={_quoted(value)}" for column, value in differing.items() if value not in (None, "", ())]
    parts = [["set", table, record, *values]] if values else []
    for column in (column for column, value in differing.items() if value in (None, "", ())):
        column, _, key = column.partition(":")
        parts.append(["remove", table, record, column, key] if key else ["clear", table, record, column])
    return parts


def _quoted(value: object) -> str:
    return json.dumps(list(value) if isinstance(value, tuple) else value)


def _transaction(parts: list[list[str]]) -> Command:
    first, *others = parts
    return Command((*VSCTL, *first, *(word for part in others for word in ("--", *part))))


def unplug_commands(actual: State, wanted: State) -> tuple[Command, ...]:
    """The commands that take pods' interfaces off the bridge that must not be on it, or not with the number they have.

    The number may be another pod's from now on.
    """
    wrong = [
        name
        for name, number in sorted(actual.ports.items())
        if number is not None and name in wanted.ports and wanted.ports[name] != number
    ] + left_over_ports(actual, wanted)
    return (_transaction([["--if-exists", "del-port", BRIDGE, name] for name in wrong]),) if wrong else ()


def plug_commands(actual: State, wanted: State) -> tuple[Command, ...]:
    """The commands that put pods' interfaces on the bridge, of pods that are on the node."""
    parts = []
    for name, number in sorted(wanted.ports.items()):
        if number is not None and name in actual.present and actual.ports.get(name) != number:
            parts.append(["--may-exist", "add-port", BRIDGE, name])
            parts.append(["set", "interface", name, f"ofport_request={number}"])
    return (_transaction(parts),) if parts else ()
