"""What `sdnc apply` has to know of a node beside the node's other files: `node.json`.

The applier sets up the bridge, the jumps and the egress IPs itself; the scripts of the bundle do it for who has no
applier.  Both get what they need from one place: what is here comes from the backends that write the scripts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from backends.iptables.chains import APPENDED, JUMPS, by_chain
from backends.lines import File, Line
from backends.ovs import bridge_settings
from compiler.plan.node import NodePlan
from compiler.plan.router_pods import router_pods
from compiler.values.prefix import format_address

SCHEMA = 1
"""Raised when a field goes or gets another meaning."""

__all__ = ["SCHEMA", "render"]


def render(plan: NodePlan) -> dict[str, File]:
    """The files of a node, by their path below the node's folder."""
    pods = router_pods(plan)
    settings: Mapping[str, object] = {
        "schema": SCHEMA,
        "node": plan.node.name,
        "bridge": bridge_settings(plan),
        "jumps": by_chain(JUMPS),
        "appended": {table: chains for table, chains in by_chain(APPENDED).items() if chains},
        "addresses": {
            "node": format_address(plan.node.address),
            "egress_ips": [format_address(hosted.address) for hosted in plan.egress_ips.hosted],
        },
        "routers": {
            router.name: [format_address(pod.endpoint.address) for pod in pods[router.name]] for router in plan.routers
        },
    }
    text = json.dumps(settings, indent=2, sort_keys=True) + "\n"
    return {"node.json": File(text, plan.everywhere, lambda: _lines(plan, text))}


def _lines(plan: NodePlan, text: str) -> Iterator[Line]:
    """The lines that stand for an egress IP, for a router and for a router's pod."""
    origins = {f'"{format_address(hosted.address)}"': hosted.origins for hosted in plan.egress_ips.hosted}
    pods = router_pods(plan)
    for router in plan.routers:
        origin = router.router.origin
        origins[f'"{router.name}": [' + ("" if pods[router.name] else "]")] = (origin,)
        origins |= {
            f'"{format_address(pod.endpoint.address)}"': (origin, pod.endpoint.pod.origin) for pod in pods[router.name]
        }
    for line in map(str.strip, text.splitlines()):
        if found := origins.get(line.removesuffix(",")):
            yield Line(line, found)
