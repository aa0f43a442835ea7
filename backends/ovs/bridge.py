"""The bridge of a node: a script that sets it up, and the list of the pods' ports on it."""

from __future__ import annotations

import json
from collections.abc import Iterator

from backends.ethernet import mac_of
from backends.lines import File, Line
from backends.templates import template
from compiler.origin import Origin
from compiler.plan.node import NodePlan
from compiler.values.prefix import format_address


def bridge_script(plan: NodePlan) -> str:
    """A shell script that makes br0, vxlan0 and tun0 as the flows expect them, and changes nothing the second time.

    Every value in it is a number, an address or a name that was checked at the border (OUT-05).
    """
    return template("backends.ovs", "bridge.sh.j2").render(
        node=plan.node.name, gateway_address=format_address(plan.node.gateway), **bridge_settings(plan)
    )


def bridge_settings(plan: NodePlan) -> dict[str, int | str | list[str]]:
    """What the bridge and the interfaces on it are set to, by name; the MTU in bytes."""
    return {
        "vxlan_port": plan.cluster.vxlan_port,
        "mtu": plan.cluster.mtu,
        "mac": mac_of(plan.node.gateway),
        "gateway": f"{format_address(plan.node.gateway)}/{plan.node.subnet.length}",
        "pod_networks": [str(network.prefix) for network in plan.cluster.pod_networks],
        "service_network": str(plan.cluster.service_network),
    }


def ports_file(plan: NodePlan) -> File:
    """The pods' ports as JSON: `{"shop/web-1": {"address": "10.128.0.5", "interface": "veth1a2b3c4d", "port": 11}}`.

    The lines of a pod are there because of the pod.
    """
    ports = {
        pod.endpoint.name: {
            "address": format_address(pod.endpoint.address),
            "interface": pod.interface,
            "port": pod.of_port,
        }
        for pod in plan.pods
    }
    text = json.dumps(ports, indent=2, sort_keys=True) + "\n"
    origins = {f"{json.dumps(pod.endpoint.name)}: {{": (pod.endpoint.pod.origin,) for pod in plan.pods}

    def lines() -> Iterator[Line]:
        of_pod: tuple[Origin, ...] = ()
        for line in map(str.strip, text.splitlines()[1:-1]):
            of_pod = origins.get(line, of_pod)
            if line not in ("}", "},"):
                yield Line(line, of_pod)

    return File(text, plan.everywhere, lines)
