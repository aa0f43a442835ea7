"""What leaves a compiled cluster, and multicast in it, by names: `network` for packets that are for no pod."""

from __future__ import annotations

from collections.abc import Iterator

from backends.ovs.walk import Output
from compiler.model.model import Node
from compiler.values.prefix import format_address, parse_address
from tests.oracle.hops import NEW, NOWHERE, TUN, VXLAN, Hop
from tests.oracle.network import Network, parse_service

GROUP = "239.1.2.3"


def ways_out(
    net: Network,
    pod: str,
    destination: str,
    service: str,
    *,
    state: str = NEW,
    mark: int = 0,
    about: tuple[str, str] | None = None,
    mac_of: str = "",
    fragment: bool = False,
) -> set[str]:
    """How a pod's packet may leave the cluster: as `node-1`, that node, or as `192.168.100.50 of node-1`, an egress IP
    there; empty if it is dropped.

    `mark` is the connection's.  `about` are the ends of the connection that an ICMP error is about.  `mac_of` is the
    egress IP whose Ethernet address the pod pretends to have.  A `fragment` is one behind the first.
    """
    return {
        _name(net.node(node), output)
        for node, output in _leave(net, pod, destination, service, state, mark, about, mac_of, fragment)
    }


def hears(net: Network, pod: str, group: str = GROUP, service: str = "udp/5000") -> set[str]:
    """The pods that a pod's multicast reaches.  Raises AssertionError if some would get it twice, or the outside."""
    found = [_receiver(net, node, output) for node, output in _leave(net, pod, group, service)]
    assert len(found) == len(set(found)), f"twice: {found}"
    return set(found)


def hears_from_node(net: Network, node: str, source: str, group: str = GROUP) -> set[str]:
    """The pods that multicast reaches which a node sends into its tun0."""
    hop = Hop(node, TUN, parse_address(source), parse_address(group), parse_service("udp/5000"), NOWHERE)
    outputs = hop.through(net.tables[node]).outputs
    assert all(output.port != VXLAN for output in outputs)
    return {_receiver(net, node, output) for output in outputs}


def _leave(
    net: Network,
    pod: str,
    destination: str,
    service: str,
    state: str = NEW,
    mark: int = 0,
    about: tuple[str, str] | None = None,
    mac_of: str = "",
    fragment: bool = False,
) -> Iterator[tuple[str, Output]]:
    """The nodes and ports by which the packet finally leaves a switch."""
    (endpoint,) = (endpoint for endpoint in net.model.endpoints if endpoint.name == pod)
    wanted, asked = parse_address(destination), parse_service(service)
    ends = (parse_address(about[0]), parse_address(about[1])) if about else None
    mac = 0x0A58 << 32 | parse_address(mac_of) if mac_of else 0
    sent = Hop(
        endpoint.node,
        net.port(pod),
        endpoint.address,
        wanted,
        asked,
        NOWHERE,
        ct_state=state,
        ct_mark=mark,
        about=ends,
        ethernet_source=mac,
        fragment=fragment,
    )
    home = net.node(endpoint.node)
    for output in {output for choice in sent.through(net.tables[home.name]).choices for output in choice}:
        if output.port != VXLAN:
            yield home.name, output
            continue
        there = next(node for node in net.model.nodes if node.address == output.tunnel_destination)
        tunnel = (output.tunnel_id, home.address)
        came = Hop(
            there.name,
            VXLAN,
            endpoint.address,
            wanted,
            asked,
            NOWHERE,
            tunnel,
            there.address,
            state,
            ethernet_source=output.ethernet_source,
        )
        for last in {output for choice in came.through(net.tables[there.name]).choices for output in choice}:
            assert last.port != VXLAN, "sent on"
            yield there.name, last


def _name(node: Node, output: Output) -> str:
    assert output.port == TUN, f"to a pod: {output}"
    if not output.ethernet_source:
        return node.name
    assert output.ethernet_source >> 32 == 0x0A58
    assert output.ethernet_destination == 0x0A58 << 32 | node.gateway, "not addressed to the node"
    return f"{format_address(output.ethernet_source & 0xFFFFFFFF)} of {node.name}"


def _receiver(net: Network, node: str, output: Output) -> str:
    pods = {pod.of_port: pod.endpoint.name for pod in net.plans[node].pods}
    return pods[output.port]
