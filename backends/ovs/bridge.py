"""The bridge of a node: a script that sets it up, and the list of the pods' ports on it."""

from __future__ import annotations

import json

from backends.ethernet import mac_of
from backends.templates import template
from compiler.plan.node import NodePlan
from compiler.values.prefix import format_address


def bridge_script(plan: NodePlan) -> str:
    """A shell script that makes br0, vxlan0 and tun0 as the flows expect them, and changes nothing the second time.

    Every value in it is a number, an address or a name that was checked at the border (OUT-05).
    """
    return template("backends.ovs", "bridge.sh.j2").render(
        node=plan.node.name,
        vxlan_port=plan.cluster.vxlan_port,
        mtu=plan.cluster.mtu,
        mac=mac_of(plan.node.gateway),
        gateway=f"{format_address(plan.node.gateway)}/{plan.node.subnet.length}",
        gateway_address=format_address(plan.node.gateway),
        pod_networks=[str(network.prefix) for network in plan.cluster.pod_networks],
        service_network=str(plan.cluster.service_network),
    )


def ports_text(plan: NodePlan) -> str:
    """The pods' ports as JSON: `{"shop/web-1": {"address": "10.128.0.5", "interface": "veth1a2b3c4d", "port": 11}}`."""
    ports = {
        pod.endpoint.name: {
            "address": format_address(pod.endpoint.address),
            "interface": pod.interface,
            "port": pod.of_port,
        }
        for pod in plan.pods
    }
    return json.dumps(ports, indent=2, sort_keys=True) + "\n"
