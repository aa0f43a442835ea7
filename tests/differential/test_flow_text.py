"""The flow and group files say what a switch says when it is asked for its flows and groups: nothing is rewritten,
nothing replaced.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.ovs.flow_reader import lines_of
from compiler.declarations import Mode
from tests.lab import DummySwitch
from tests.oracle.clusters import Drawn, clusters, repeatable
from tests.oracle.compiled import compile_flows
from tests.oracle.real import load


@pytest.mark.behaviour("OUT-01", "NP-13", "EI-03")
@pytest.mark.parametrize("mode", Mode, ids=lambda mode: mode.value)
def test_the_dump_is_the_file(switch: DummySwitch, mode: Mode) -> None:
    @repeatable(25)
    @given(clusters((mode,)), st.data())
    def check(drawn: Drawn, data: st.DataObject) -> None:
        files = compile_flows(drawn.declarations)
        node = files[data.draw(st.sampled_from(sorted(files)))]
        load(switch, node)
        written = lines_of(node.flows)
        assert len(set(written)) == len(written)
        # A flow that replaced another would be missing from the dump; its order within a table is the switch's own.
        assert sorted(switch.dump_flows()) == sorted(line.removeprefix("table=0, ") for line in written)
        if node.groups:
            dumped = [line.strip() for line in switch.ofctl("dump-groups", "br0").splitlines()[1:]]
            assert sorted(dumped) == sorted(line.removeprefix("add_or_mod ") for line in lines_of(node.groups))

    check()
