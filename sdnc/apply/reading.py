"""Reads the state of the node, by one program for each thing that is asked."""

from __future__ import annotations

from dataclasses import replace

from sdnc.apply.addresses import read_addresses, read_forwarding, read_links, read_tun
from sdnc.apply.flow_table import FlowTable, compared, read_flow_table
from sdnc.apply.ipsets import read_sets
from sdnc.apply.iptables import as_wanted
from sdnc.apply.iptables_reading import read_tables, translated
from sdnc.apply.open_vswitch import read_ports
from sdnc.apply.routers import read_macvlans
from sdnc.apply.state import Scope, State
from sdnc.apply.system import System


def read_state(system: System, scope: Scope) -> State:
    """What is there.  Changes nothing.  Raises `CommandFailed`, `NoPlace` if no interface has the node's address."""
    links = read_links(system)
    ports = read_ports(system)
    table = read_flow_table(system) if ports.bridge else FlowTable()
    return State(
        bridge=ports.bridge,
        tun=read_tun(system, links, scope),
        forwarding=read_forwarding(system),
        flows=table.own,
        groups=table.groups,
        tables=read_tables(system, scope),
        sets=read_sets(system),
        addresses=read_addresses(links, scope),
        ports={name: ports.pods.get(name) for name in sorted(scope.interfaces) if name in links or name in ports.pods},
        present=frozenset(scope.interfaces & links.keys()),
        macvlans=read_macvlans(system, links, scope),
        foreign=table.foreign,
        foreign_groups=table.foreign_groups,
        foreign_ports={name: port for name, port in ports.pods.items() if name not in scope.interfaces and port},
    )


def in_words_of(system: System, actual: State, wanted: State) -> tuple[State, tuple[str, ...]]:
    """What is there, written as it is wanted where it means what is wanted; and other people's flows and groups that
    stand in the place of a wanted one.  Raises `CommandFailed`.
    """
    flows, in_the_way = compared(system, FlowTable(actual.flows, actual.foreign), wanted.flows)
    tables = {
        name: as_wanted(translated(system, name, table, wanted.tables[name]), wanted.tables[name])
        for name, table in actual.tables.items()
    }
    # A group of ours may serve other people's flows, too, as long as it stays as it is.
    shared = {number: group for number, group in actual.foreign_groups.items() if number in wanted.groups}
    in_the_way += tuple(group for number, group in sorted(shared.items()) if wanted.groups[number] != group)
    return replace(actual, flows=flows, tables=tables, groups={**actual.groups, **shared}), in_the_way
