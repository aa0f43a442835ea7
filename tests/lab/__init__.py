"""A cluster network for tests: real namespaces, real Open vSwitch, real packets, and a switch without
packets.

`DummySwitch` needs no root: one Open vSwitch with dummy ports, which answers `ofproto/trace` questions.
`Lab` needs root: nodes and pods as network namespaces, each node with an Open vSwitch of its own, and probes
that send packets between them.

Read in this order: `topology` (what to build), `cluster` (the `Lab`), `switch` (the daemons of one node),
`trace` (what a trace says), `probes`, `multicast` and `capture` (packets), then the tools below them: `packets`,
`namespaces`, `rundir`, `unixctl`, `commands`.
"""

from tests.lab.capture import Capture
from tests.lab.cluster import Lab
from tests.lab.commands import LabError
from tests.lab.packets import Frame
from tests.lab.probes import Outcome, Probe
from tests.lab.switch import DummySwitch, Switch
from tests.lab.topology import NodeSpec, PodSpec
from tests.lab.trace import Output, TraceResult, parse_trace
from tests.lab.unixctl import UnixctlClient, UnixctlError

__all__ = [
    "Capture",
    "DummySwitch",
    "Frame",
    "Lab",
    "LabError",
    "NodeSpec",
    "Outcome",
    "Output",
    "PodSpec",
    "Probe",
    "Switch",
    "TraceResult",
    "UnixctlClient",
    "UnixctlError",
    "parse_trace",
]
