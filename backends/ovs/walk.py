"""What a switch with our flows and groups does with one packet, found without a switch.

`FlowTable` takes flows and groups as texts or as `Flow` and `Group`; `walk` follows a packet through them, from port to
port, and tells the lines that it meets.  A test holds it against Open vSwitch's own `ofproto/trace`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from attrs import field, frozen

from backends.ovs.fields import CT_ZONE, VXLAN_PORT
from backends.ovs.flow import Flow
from backends.ovs.flow_reader import CT_FLAGS, Action, ReadFlow, ReadGroup, Verb, lines_of, read_flow, read_group
from backends.ovs.groups import Group

_MAX_STEPS = 64


class WalkFault(Exception):
    """Flows that no switch follows to an end, or that do what ours never may: a fault of who wrote them."""


@frozen(slots=True, order=True)
class Output:
    """A packet leaves by a port; by VXLAN, with a NetID and to a node's address.

    The Ethernet addresses are those that it leaves with, 0 where they are still those that it came with.
    """

    port: int
    tunnel_id: int = 0
    tunnel_destination: int = 0
    ethernet_source: int = 0
    ethernet_destination: int = 0


@frozen
class Packet:
    """A packet that comes to a switch by the OpenFlow port `in_port`.

    `fields` are by their names in ovs-fields(7), addresses as integers; those that lack are 0.  `ct_state` is what
    conntrack will say of it, as words (`trk,new`), `ct_mark` the mark of its connection.
    """

    in_port: int
    fields: Mapping[str, int]
    ct_state: str = "trk,new"
    ct_mark: int = 0


@frozen
class Walk:
    """What becomes of a packet.

    The switch takes one of the `choices`, each a set of outputs: several where groups select one of their buckets; an
    empty one is a drop.  `mark` is the mark with which its connection is remembered, None if it is not.  `met` are the
    lines of the flows and groups that it meets, in order, of all choices.
    """

    choices: frozenset[frozenset[Output]]
    mark: int | None
    met: tuple[str, ...]


@frozen
class FlowTable:
    """The flows of a node, each table's in order of priority, and its groups by their numbers."""

    tables: Mapping[int, tuple[ReadFlow, ...]] = field(repr=False)
    groups: Mapping[int, ReadGroup] = field(repr=False)

    @classmethod
    def parse(cls, flows: str, groups: str = "") -> FlowTable:
        """The flows of a file's text, and the groups of another's.  Raises ValueError for what it does not know."""
        return cls.of(lines_of(flows), lines_of(groups))

    @classmethod
    def of(cls, flows: Iterable[Flow | str], groups: Iterable[Group | str] = ()) -> FlowTable:
        """These flows and groups, as objects or as lines.  Raises ValueError for what it does not know."""
        tables: dict[int, list[ReadFlow]] = defaultdict(list)
        for flow in map(read_flow, map(str, flows)):
            tables[flow.table].append(flow)
        numbered = {group.number: group for group in map(read_group, map(str, groups))}
        return cls(
            {table: tuple(sorted(flows, key=lambda flow: -flow.priority)) for table, flows in tables.items()}, numbered
        )

    def walk(self, packet: Packet) -> Walk:
        """What becomes of a packet.  Raises WalkFault."""
        runs: list[_Run] = []
        pending: list[tuple[int, ...]] = [()]
        while pending:
            run = _Run(self, packet, pending.pop())
            run.enter(0)
            runs.append(run)
            pending += run.untried
        marks = {run.mark for run in runs}
        if len(marks) > 1:
            raise WalkFault("the buckets of a group remember the connection in different ways")
        met = tuple(dict.fromkeys(line for run in runs for line in run.met))
        return Walk(frozenset(frozenset(run.outputs) for run in runs), marks.pop(), met)


class _Run:
    """One packet on its way through the tables; the first groups select the buckets `picks`, the rest their first."""

    def __init__(self, table: FlowTable, packet: Packet, picks: tuple[int, ...]) -> None:
        self.outputs: set[Output] = set()
        self.mark: int | None = None
        self.met: list[str] = []
        self.untried: list[tuple[int, ...]] = []
        self._table = table
        self._packet = packet
        self._fields = {"in_port": packet.in_port, "ct_mark": packet.ct_mark, **packet.fields}
        self._picks = picks
        self._picked: tuple[int, ...] = ()
        self._steps = 0

    def enter(self, table: int) -> None:
        """Finds the packet's flow in a table and follows its actions."""
        self._steps += 1
        if self._steps >= _MAX_STEPS:
            raise WalkFault("flows lead in a circle")
        fields = self._fields
        flow = next((flow for flow in self._table.tables.get(table, ()) if flow.matches(fields)), None)
        if flow is None:
            return
        self.met.append(flow.line)
        self._act(flow.actions)

    def _act(self, actions: Iterable[Action]) -> None:
        fields = self._fields
        for action in actions:
            match action.verb:
                case Verb.GOTO:
                    self.enter(action.value)
                case Verb.SET:
                    fields[action.field] = action.value
                case Verb.MOVE:
                    fields[action.field] = fields.get(action.origin, 0)
                case Verb.OUTPUT:
                    self._output(action.value)
                case Verb.OUTPUT_FIELD:
                    self._output(fields.get(action.field, 0))
                case Verb.TRACK:
                    fields["ct_state"] = sum(CT_FLAGS[flag] for flag in self._packet.ct_state.split(","))
                    fields["ct_mark"] = self._packet.ct_mark
                    fields["ct_zone"] = CT_ZONE
                    self.enter(0)
                case Verb.COMMIT:
                    self.mark = fields.get(action.origin, 0)
                    # Without table=, the packet goes on untracked.
                    fields["ct_state"] = fields["ct_mark"] = fields["ct_zone"] = 0
                case Verb.GROUP:
                    self._select(action.value)
                case Verb.NOTHING:
                    pass

    def _select(self, number: int) -> None:
        if number not in self._table.groups:
            raise WalkFault(f"there is no group {number}")
        group = self._table.groups[number]
        self.met.append(group.line)
        position = len(self._picked)
        if position == len(self._picks):
            self.untried += [(*self._picked, other) for other in range(1, len(group.buckets))]
            self._picks = (*self._picks, 0)
        self._picked = self._picks[: position + 1]
        before = self._fields
        self._fields = dict(before)  # a bucket works on a copy (OpenFlow 1.3, section 5.6.1)
        self._act(group.buckets[self._picked[-1]])
        self._fields = before

    def _output(self, port: int) -> None:
        if port == self._packet.in_port:  # OpenFlow: no packet leaves by the port that it came by
            return
        tunnel = ("tun_id", "tun_dst") if port == VXLAN_PORT else ("", "")
        output = Output(port, *(self._fields.get(name, 0) for name in (*tunnel, "eth_src", "eth_dst")))
        if output in self.outputs:
            raise WalkFault(f"a packet leaves twice: {output}")
        self.outputs.add(output)
