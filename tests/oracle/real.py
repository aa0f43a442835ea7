"""The same questions to a real Open vSwitch: where does ofproto/trace say that the packet of a hop goes?"""

from __future__ import annotations

import re

from compiler.values.prefix import parse_address
from tests.lab import DummySwitch
from tests.oracle.hops import Hop, Outcome, Output

_MARK = re.compile(r"NXM_NX_CT_MARK\[\] is now (\S+)")


def traced(switch: DummySwitch, hop: Hop) -> tuple[Outcome, str]:
    """What becomes of the packet, and the text of the trace."""
    result = switch.trace(hop.trace_text(), [hop.ct_state])
    outputs = frozenset(
        Output(
            int(output.port),
            output.tunnel_id or 0,
            parse_address(output.tunnel_destination) if output.tunnel_destination else 0,
        )
        for output in result.outputs
    )
    mark = int(_MARK.findall(result.text)[-1], 0) if result.committed else None
    return Outcome(outputs, mark), result.text
