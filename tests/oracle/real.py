"""The same questions to a real Open vSwitch: where does ofproto/trace say that the packet of a hop goes?"""

from __future__ import annotations

import re

from attrs import evolve

from backends.ovs.walk import Output
from compiler.values.prefix import parse_address
from tests.lab import DummySwitch
from tests.lab.trace import Output as TracedOutput
from tests.lab.trace import TraceResult
from tests.oracle.compiled import NodeFlows
from tests.oracle.hops import Hop, Outcome

HASHES = range(1, 17)
"""Hashes with which a packet comes to a group, of which Open vSwitch takes four bits where buckets are few
(group_setup_dp_hash_table in its ofproto-dpif.c); 0 would mean that there is none yet."""

_MARK = re.compile(r"NXM_NX_CT_MARK\[\] is now (\S+)")


def load(switch: DummySwitch, node: NodeFlows) -> None:
    """Puts a node's groups and flows into the switch, in place of all others."""
    if node.groups:
        switch.ofctl("del-groups", "br0")
        switch.ofctl("--bundle", "add-groups", "br0", "-", stdin=node.groups)
    switch.load_flows(node.flows)


def traced(switch: DummySwitch, hop: Hop) -> tuple[Outcome, str]:
    """What becomes of the packet, and the text of the trace.

    Where a group selects by a hash of the packet, the choices are what becomes of it with each of `HASHES`.
    """
    result = switch.trace(hop.trace_text(), [hop.ct_state])
    mark = int(_MARK.findall(result.text)[-1], 0) if result.committed else None
    if result.selection is None:
        return evolve(_outcome(result), mark=mark), result.text
    choices: set[frozenset[Output]] = set()
    for hash_ in HASHES:
        again = f"recirc_id={result.selection},dp_hash={hash_}"
        selected = switch.trace(f"{hop.plain().trace_text()},{again}")
        assert selected.selection is None, selected.text
        choices |= _outcome(selected).choices
    return Outcome(frozenset(choices), mark), result.text


def _outcome(result: TraceResult) -> Outcome:
    return Outcome.of(*map(_output, result.outputs))


def _output(output: TracedOutput) -> Output:
    return Output(
        int(output.port),
        output.tunnel_id or 0,
        parse_address(output.tunnel_destination) if output.tunnel_destination else 0,
        _mac(output.ethernet_source),
        _mac(output.ethernet_destination),
    )


def _mac(text: str | None) -> int:
    return int(text.replace(":", ""), 16) if text else 0
