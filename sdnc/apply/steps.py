"""The steps from one state of a node to another, in an order that opens at no time more than both do.

1. Sets of addresses, which the rules refer to.  2. The tables of iptables, each to what old and new forbid together
(`iptables_both`).  3. The bridge, which fails secure; `tun0`; that the node forwards.  4. New egress IPs, announced.
5. Ports whose numbers become other pods' leave the bridge.  6. Flows and groups, all at once.  7. Old egress IPs go.
8. The tables, each to the new rules; then sets that no rule refers to any more.  9. Pods' ports.  10. Egress routers'
interfaces.

The bridge comes behind the tables because they guard it: with another VXLAN port, what a pod sends there would come out
of `vxlan0` as if another node had sent it; and a node that begins to forward has to know what it must not.

A step is there only if something of it differs.  Each table, and flows with groups, change in one commit, so that a run
that is killed leaves each of them old, "both" or new.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from sdnc.apply import addresses, flow_table, ipsets, iptables, open_vswitch, routers
from sdnc.apply.iptables_both import both
from sdnc.apply.state import State, Table
from sdnc.apply.system import Command, System


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its name ("flows and groups"), and the commands that take it."""

    name: str
    commands: tuple[Command, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """What the step does, for a reader: its commands, and their input, indented."""
        return tuple(line for command in self.commands for line in command.lines())

    def run(self, system: System) -> None:
        """Takes the step.  Raises `CommandFailed`."""
        system.change(self.commands)


def steps(actual: State, wanted: State, iptables_program: str = "iptables") -> tuple[Step, ...]:
    """The steps from what is there to what is wanted; none if nothing differs.  Changes nothing itself.

    `iptables_program` is the flavour: "iptables", "iptables-nft" or "iptables-legacy".
    """
    together = {
        name: both(name, table, wanted.tables[name]) for name, table in actual.tables.items() if name in wanted.tables
    }
    made = (
        Step("sets of addresses", ipsets.fill_commands(actual.sets, wanted.sets)),
        *_tables("iptables {}, what old and new rules let pass", actual.tables, together, iptables_program),
        Step("bridge", open_vswitch.bridge_commands(actual.bridge, wanted.bridge)),
        Step("tun0", addresses.tun_commands(_without_lost_tun(actual, wanted), wanted)),
        Step("new egress IPs", addresses.add_commands(actual.addresses, wanted.addresses)),
        Step("ports with other numbers", open_vswitch.unplug_commands(actual, wanted)),
        Step("flows and groups", _flow_commands(actual, wanted) if wanted.bridge else ()),
        Step("old egress IPs", addresses.remove_commands(actual.addresses, wanted.addresses)),
        *_tables("iptables {}, new rules", together, wanted.tables, iptables_program),
        Step("old sets of addresses", ipsets.destroy_commands(actual.sets, wanted.sets)),
        Step("ports", open_vswitch.plug_commands(actual, wanted) if wanted.bridge else ()),
        Step("egress routers", routers.macvlan_commands(actual, wanted)),
    )
    return tuple(step for step in made if step.commands)


def _tables(name: str, actual: Mapping[str, Table], wanted: Mapping[str, Table], program: str) -> Iterator[Step]:
    for table in actual:
        text = iptables.change_text(table, actual[table], wanted[table])
        yield Step(name.format(table), iptables.change_commands(program, text))


def _flow_commands(actual: State, wanted: State) -> tuple[Command, ...]:
    there, bridge = actual.bridge, wanted.bridge
    # Open vSwitch forgets all flows, other people's included, when the bridge gets another datapath or may no longer
    # forward by itself.
    kept = there and bridge and (there.datapath_type, there.fail_mode) == (bridge.datapath_type, bridge.fail_mode)
    return flow_table.flow_commands(actual, wanted, forgotten=not kept)


def _without_lost_tun(actual: State, wanted: State) -> State:
    """What is there once the bridge is as it is wanted: with another datapath, `tun0` is a new interface."""
    there, bridge = actual.bridge, wanted.bridge
    if there and bridge and there.datapath_type == bridge.datapath_type:
        return actual
    return replace(actual, tun=None)
