"""The oracle's questions are sharp enough: a flow that is missing or wrong does not go unnoticed.

Each flow of the hard clusters' nodes is left out in turn, and some hop of the oracle has to tell.  One of each
kind has to be missed: a kind is a table, a priority and the fields that are matched.  So has each bucket of a group.
In the tables about what leaves the cluster, and about multicast, flows are also made wrong in one place.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import pytest
from attrs import frozen

from backends.ovs.flow_reader import lines_of
from backends.ovs.walk import FlowTable
from compiler.values.prefix import Prefix
from tests.compiling import declare
from tests.oracle.clusters import OUTSIDE, UNUSED_PORT
from tests.oracle.compiled import NAMES, compile_flows
from tests.oracle.evaluator import Oracle
from tests.oracle.hops import Hop
from tests.oracle.questions import hops

CLUSTERS = sorted((Path(__file__).parent / "clusters").glob("*.sdn"))
HOPS = 8000

NOT_MISSED = {
    r"table=(98|99), priority=\d+,\w+,(reg10=\w+,)?nw_frag=yes actions=drop": "no hop is a fragment; examples are",
    r"table=\d+, priority=0 actions=(drop|note:\S+)": "no flow drops as well; the note is the applier's",
    r"table=0, priority=150,in_port=\d actions=drop": "neither port is a pod's, so table 20 drops",
    r"table=31, priority=100,ip,nw_dst=172\.30\.0\.0/16 \S+": "services and the outside have one port",
    r"table=30, priority=160,ip,in_port=1,nw_dst=224\.0\.0\.0/4 \S+": "what comes by VXLAN does not leave by it anyway",
    r"table=110, priority=100,reg0=\S+ \S+": "what has no receiver is dropped in table 120, too",
    r"table=100, \S+nw_dst=(10\.128|172\.30)\.0\.0/\d+ \S+": "an address of the cluster, and so never outside",
}
"""Flows that make no difference, and why they are there."""

LEAVING = range(98, 121)
"""The tables of which flows are made wrong."""

_ACTION = re.compile(r"(?:[^,()]|\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))+")


@frozen
class Asked:
    """A node of a hard cluster: its files, and the hops that it is asked for, by the lines that they meet."""

    flows: tuple[str, ...]
    groups: tuple[str, ...]
    met: Mapping[str, Sequence[Hop]]

    def is_noticed(self, flows: Iterable[str], groups: Iterable[str], hops: Iterable[Hop]) -> bool:
        """Whether one of the hops goes another way with other flows and groups."""
        table = FlowTable.of(flows, groups)
        return any(hop.through(table) != hop.expected for hop in hops)

    def replaced(self, line: str, *by: str) -> tuple[list[str], list[str]]:
        """The files with other lines in the place of one."""
        flows, groups = (
            [new for old in lines for new in (by if old == line else (old,))] for lines in (self.flows, self.groups)
        )
        return flows, groups

    def hops_of_table(self, line: str) -> list[Hop]:
        """The hops that enter the table of a flow."""
        start = line.partition(",")[0]
        return [hop for other, hops in self.met.items() if other.partition(",")[0] == start for hop in hops]


@cache
def nodes() -> tuple[Asked, ...]:
    """The nodes of the hard clusters."""
    found = []
    for path in CLUSTERS:
        declarations = declare(path.read_text())
        asked = hops(Oracle(declarations, NAMES), OUTSIDE, HOPS, UNUSED_PORT)
        for node, files in compile_flows(declarations).items():
            table = FlowTable.parse(files.flows, files.groups)
            met: dict[str, list[Hop]] = defaultdict(list)
            for hop in asked:
                if hop.node == node:
                    assert hop.through(table) == hop.expected
                    for line in hop.met(table):
                        met[line].append(hop)
            found.append(Asked(tuple(lines_of(files.flows)), tuple(lines_of(files.groups)), met))
    return tuple(found)


def kind_of(line: str) -> str:
    """Table, priority and fields of a flow; a bit of an address is a field of its own."""
    match = line.partition(" actions=")[0]
    return re.sub(r"=(?!\S*/0\.)[^,\s]*(?=,|$)", "", match.replace("table=", "").replace("priority=", ""))


def wrong_actions(line: str) -> Iterator[tuple[str, str]]:
    """A flow with one action less, and with the opposite verdict, with what was done to it."""
    match, _, written = line.partition(" actions=")
    actions = _ACTION.findall(written)
    for number, action in enumerate(actions):
        if len(actions) > 1 and not action.startswith("goto_table"):
            rest = ",".join(actions[:number] + actions[number + 1 :])
            yield f"without {action.split(':')[0]} {action.rpartition('->')[2]}", f"{match} actions={rest}"
    yield "opposite", f"{match} actions={'output:2' if written == 'drop' else 'drop'}"


def wider(line: str) -> Iterator[tuple[str, str]]:
    """A flow that lets one field be anything, or has a shorter prefix, with what was done to it."""
    match, _, written = line.partition(" actions=")
    start, *conditions = re.split(r",(?=[a-z])", match)
    for number, condition in enumerate(conditions):
        name, _, value = condition.partition("=")
        if name in ("ip", "nw_frag") or condition == "priority=0":
            continue
        rest = conditions[:number] + conditions[number + 1 :]
        if not name.startswith("priority"):
            protocol = [] if name not in ("tcp", "udp", "sctp") or any("tp_dst" in each for each in rest) else ["ip"]
            if protocol or name not in ("tcp", "udp", "sctp"):
                yield f"any {name}", f"{','.join([start, *rest, *protocol])} actions={written}"
        if name == "nw_dst":
            prefix = Prefix.parse(value if "/" in value else f"{value}/32")[0]
            shorter = Prefix.covering(prefix.network, prefix.length - 1)
            conditions[number] = f"nw_dst={shorter}"
            yield "shorter nw_dst", f"{','.join([start, *conditions])} actions={written}"
            conditions[number] = condition


def told(found: Iterable[tuple[str, str, bool]]) -> tuple[list[str], int]:
    """Of mutants as (kind, text, whether it was noticed): one text of each kind of which none was, and how many kinds
    there were."""
    missed: set[str] = set()
    unnoticed: dict[str, str] = {}
    for kind, text, is_noticed in found:
        if is_noticed:
            missed.add(kind)
        elif not any(re.fullmatch(f"([^:]*: )?{pattern}", text) for pattern in NOT_MISSED):
            unnoticed[kind] = text
    return [unnoticed[kind] for kind in sorted(unnoticed.keys() - missed)], len(missed)


def test_a_missing_flow_is_noticed() -> None:
    unnoticed, kinds = told(
        (kind_of(line), line, node.is_noticed(*node.replaced(line), node.met.get(line, ())))
        for node in nodes()
        for line in node.flows
    )

    assert unnoticed == []
    assert kinds > 150


@pytest.mark.behaviour("EI-03")
def test_a_missing_bucket_is_noticed() -> None:
    mutants = [
        (node, line, bucket)
        for node in nodes()
        for line in node.groups
        for bucket in re.findall(r",bucket=.*?(?=,bucket=|$)", line)
    ]

    assert len(mutants) >= 6
    for node, line, bucket in mutants:
        assert node.is_noticed(*node.replaced(line, line.replace(bucket, "", 1)), node.met[line]), bucket


@pytest.mark.behaviour("EF-01", "EI-01", "MC-04")
def test_a_wrong_flow_is_noticed() -> None:
    unnoticed, kinds = told(
        (f"{kind_of(line)} {what}", f"{what}: {line}", node.is_noticed(*node.replaced(line, mutant), asked))
        for node in nodes()
        for line in node.flows
        if int(line.split(",")[0].removeprefix("table=")) in LEAVING
        for wrong, asked in ((wrong_actions(line), node.met.get(line, ())), (wider(line), node.hops_of_table(line)))
        for what, mutant in wrong
    )

    assert unnoticed == []
    assert kinds > 120
