"""Leaving the cluster and multicast, naively: egress firewalls (EF), egress IPs (EI) and multicast (MC).

The second half of the evaluator, in the same manner: one question at a time, from declarations only.  Where the
behaviours leave something open, this is how they are read:

- What leaves is whatever is neither for a pod network, nor for the service network, nor multicast; a node's address on
  the underlay is outside.
- DNS to the address of the pod's own node passes a broken firewall, too, and leaves by that node whatever egress IPs
  the project has (EF-06): nobody else answers there.
- Rules with ports speak of TCP, UDP and SCTP; ICMP and the like match rules without ports only.
- A firewall is broken if its project shares its NetID with another, or has a second one.  Then everything of the NetID
  is dropped (EF-05), as `--on-broken-egress-policy=drop` has it; without that it does not compile.
- An egress IP counts where a node has it by hand; who gets which of `egressCIDRs` is not asked here.
- Firewalls are for what pods start.  A reply is not judged, but an ICMP error is, whatever it is about.
- A reply leaves as what a pod starts does, but goes back by tun0 if the connection came in there from the outside and
  the project has no egress IP on this node.
- In subnet mode there is none of this.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from compiler.declarations import EgressFirewall, FirewallRule, Mode, NamePeer, Pod, ProjectDeclaration
from tests.oracle.evaluator import DEFAULT, MULTICAST, Node, Oracle, Service, in_block, names_port, within

DNS_PORT = 53
TCP, UDP = 6, 17


@frozen
class Way:
    """How a packet leaves: by the pod's own node as the egress IP `source`, or as the node itself (None); or by VXLAN
    to the node `through`, which has an egress IP for it."""

    source: int | None = None
    through: Node | None = None


def is_multicast(address: int) -> bool:
    """Whether an address is that of a multicast group."""
    return within(address, MULTICAST)


def leaves(oracle: Oracle, destination: int) -> bool:
    """Whether what is sent there leaves the cluster (EF-01)."""
    inside = (*oracle.pod_networks, oracle.service_network)
    return not is_multicast(destination) and not any(within(destination, network) for network in inside)


def may_leave(oracle: Oracle, pod: Pod, destination: int, service: Service) -> bool:
    """Whether the egress firewall lets a pod's packet out of the cluster."""
    if oracle.mode is Mode.SUBNET:
        return True  # EF-01
    if _is_dns(oracle, pod, destination, service):
        return True  # EF-06
    assert pod.address is not None
    sharing = _projects(oracle, oracle.netid(pod.address))
    firewalls = [each for each in oracle.declarations if isinstance(each, EgressFirewall) and each.project in sharing]
    if not firewalls:
        return True
    if len(firewalls) > 1 or len(sharing) > 1:
        return False  # EF-05
    return first_match(oracle, firewalls[0].rules, destination, service)


def first_match(oracle: Oracle, rules: Iterable[FirewallRule], destination: int, service: Service) -> bool:
    """What a list of rules says of what leaves: the first that speaks of it decides, and none allows it."""
    for rule in rules:
        if _speaks_of(oracle, rule, destination, service):
            return rule.allow
    return True


def ways_out(oracle: Oracle, pod: Pod, destination: int, service: Service) -> tuple[Way, ...]:
    """The ways of which a pod's packet takes one, if it may leave; none if it is dropped."""
    return (Way(),) if _is_dns(oracle, pod, destination, service) else ways_of(oracle, pod)


def ways_of(oracle: Oracle, pod: Pod) -> tuple[Way, ...]:
    """The ways out of a pod's project, seen from the pod (EI-01 to EI-03)."""
    project = oracle.projects.get(pod.project)
    if oracle.mode is Mode.SUBNET or project is None or not project.egress_addresses:
        return (Way(),)
    own = oracle.node_of(pod)
    here = _hosted(own, project)
    if here:
        return tuple(Way(source=address) for address in here)
    others = [node for node in oracle.nodes.values() if node != own]
    return tuple(Way(through=node) for node in others for _ in _hosted(node, project))


def hosted(oracle: Oracle, node: Node, netid: int) -> tuple[int, ...]:
    """The egress IPs of the project with a NetID that a node has: what comes to it by VXLAN leaves as one of them."""
    if oracle.mode is Mode.SUBNET:
        return ()
    sharing = [oracle.projects[name] for name in _projects(oracle, netid) if name in oracle.projects]
    return tuple(address for project in sharing for address in _hosted(node, project))


def receivers(oracle: Oracle, netid: int) -> tuple[Pod, ...]:
    """The pods that multicast of a NetID reaches, on whatever node (MC-01 to MC-04)."""
    sharing = _projects(oracle, netid)
    declared = [oracle.projects.get(name) for name in sharing]
    if oracle.mode is Mode.SUBNET or not all(project is not None and project.multicast for project in declared):
        return ()
    return tuple(pod for pod in oracle.pods.values() if pod.project in sharing)


def _projects(oracle: Oracle, netid: int) -> list[str]:
    """The names of all projects with a NetID, with pods or without; `default` is always there (PN-06)."""
    return [name for name in {**oracle.projects, DEFAULT: None} if _netid(oracle, name) == netid]


def _netid(oracle: Oracle, name: str) -> int | None:
    return 0 if name == DEFAULT else oracle.projects[name].netid


def _hosted(node: Node, project: ProjectDeclaration) -> list[int]:
    wanted = [egress.address for egress in project.egress_addresses]
    return [address for address in wanted if address in node.egress_addresses]


def _is_dns(oracle: Oracle, pod: Pod, destination: int, service: Service) -> bool:
    own = oracle.node_of(pod)
    return destination == own.address and service in (Service(TCP, DNS_PORT), Service(UDP, DNS_PORT))


def _speaks_of(oracle: Oracle, rule: FirewallRule, destination: int, service: Service) -> bool:
    if rule.ports is not None and not any(names_port(port, None, service) for port in rule.ports):
        return False
    if rule.peers is None:
        return True
    return any(
        destination in oracle.names[peer.name] if isinstance(peer, NamePeer) else in_block(peer, destination)
        for peer in rule.peers
    )
