"""May A reach B, and which statements say so: one question to a compilation, answered on the policy IR.

Read `question` (who asks for what) with `cluster` (who is there), `names` and `ports` (the words of the question),
`steps` (the answer: the steps that decide), then who decides: `policies` (NetworkPolicy and NetIDs), `leaving` (egress
firewall, egress IPs, administrator's rules), `services` (what is behind a service), `routes` (which of them a packet
meets, and in which order), and `trace`, which puts it together.  `advice` tells what would have to be allowed.

Everything here is pure.  What the flows do with the packet is `sdnc/trace/walking.py`'s to find.
"""

from __future__ import annotations

from compiler.trace.cluster import Cluster
from compiler.trace.names import NotUnderstood
from compiler.trace.steps import InternalFault, Path, Step, Trace
from compiler.trace.trace import trace

__all__ = ["Cluster", "InternalFault", "NotUnderstood", "Path", "Step", "Trace", "trace"]
