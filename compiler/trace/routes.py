"""Which steps a packet meets, from whom to whom, and in which order.

All steps are found, also those behind one that denies: whoever wants the packet to pass has to change them all.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve

from compiler.declarations import Mode, Service
from compiler.model.model import Endpoint
from compiler.plan.router_pods import router_of
from compiler.trace import leaving, services
from compiler.trace.advice import advise_multicast
from compiler.trace.cluster import Cluster
from compiler.trace.policies import egress_policy, ingress
from compiler.trace.question import End, Traffic
from compiler.trace.steps import Decision, Kind, Path, Step, Way
from compiler.values.prefix import format_address
from compiler.values.services import Protocol


def paths_to_service(cluster: Cluster, sender: End, service: Service, traffic: Traffic) -> Iterator[Path]:
    """A path to each endpoint of a service; one that ends at the service where there is none."""
    address = service.address
    asked = None if address is None else (End(address), traffic)
    found = services.backends(cluster, service, traffic)
    if isinstance(found, Step):
        vxlan = _vxlan(cluster, traffic, asked) if sender.endpoint else ()
        is_switched = asked is not None and sender.endpoint is not None
        receiver, named = End(address or 0), (f"service {services.name_of(service)}",)
        yield Path(sender, receiver, traffic, (*vxlan, found), asked, is_switched=is_switched, destinations=named)
        return
    for backend in found:
        yield _finished(cluster, _path(cluster, sender, backend.end, backend.traffic, asked, (backend.step,)))


def path_to_end(cluster: Cluster, sender: End, receiver: End, traffic: Traffic) -> Path:
    """The path to an address, which is none that a service has."""
    if receiver.address in cluster.model.cluster.service_network:
        called, is_switched = (receiver, traffic), sender.endpoint is not None
        steps = (*(_vxlan(cluster, traffic, called) if is_switched else ()), services.nobody(receiver.address))
        return Path(sender, receiver, traffic, steps, called, is_switched=is_switched)
    return _finished(cluster, _path(cluster, sender, receiver, traffic, None, ()))


def _finished(cluster: Cluster, path: Path) -> Path:
    """The path, and that replies pass, which the flows do as well."""
    if not path.allowed or not path.is_switched or path.destination.is_group:
        return path
    replies = Step(Kind.REPLIES, Decision.TELLS, "replies to the connection pass (NP-11)")
    return evolve(path, steps=(*path.steps, replies))


def _path(
    cluster: Cluster,
    sender: End,
    receiver: End,
    traffic: Traffic,
    asked: tuple[End, Traffic] | None,
    first: tuple[Step, ...],
) -> Path:
    if sender.endpoint is not None:
        return _from_pod(cluster, sender, sender.endpoint, receiver, traffic, asked, first)
    if cluster.in_pod_network(receiver.address):
        steps = tuple(_arrival(cluster, sender, receiver, traffic))
        is_switched = receiver.node is None or (sender.node is not None and receiver.node != sender.node)
        return Path(sender, receiver, traffic, (*first, *steps), asked, is_switched=is_switched)
    if receiver.is_group:
        return Path(sender, receiver, traffic, (*first, _no_multicast()), asked)
    steps = tuple(leaving.to_egress_ip(cluster, receiver))
    text = "what nodes exchange with each other and the outside is not judged"
    return Path(
        sender,
        receiver,
        traffic,
        (*first, *(steps or (Step(Kind.NODE, Decision.ALLOWS, text, by_flows=False),))),
        asked,
        is_switched=False,
    )


def _from_pod(
    cluster: Cluster,
    sender: End,
    pod: Endpoint,
    receiver: End,
    traffic: Traffic,
    asked: tuple[End, Traffic] | None,
    first: tuple[Step, ...],
) -> Path:
    own = cluster.nodes[pod.node]
    if receiver == sender:
        step = Step(Kind.SELF, Decision.ALLOWS, "a pod always reaches itself (NP-12)", (pod.pod.origin,))
        vxlan = tuple(_vxlan(cluster, traffic, asked)) if asked else ()
        judged = tuple(_itself(cluster, sender, pod, traffic, step))
        return Path(sender, receiver, traffic, (*first, *vxlan, *judged), asked, is_switched=asked is not None)
    vxlan = tuple(_vxlan(cluster, traffic, asked))
    if cluster.in_pod_network(receiver.address) and not (asked and receiver.node == own):
        sent = tuple(egress_policy(cluster, pod, receiver, traffic))
        arrival = tuple(_arrival(cluster, sender, receiver, traffic))
        return Path(sender, receiver, traffic, (*first, *vxlan, *sent, *arrival), asked)
    if receiver.is_group:
        steps = tuple(_multicast(cluster, sender, pod)) if asked is None else (_no_multicast(),)
        return Path(sender, receiver, traffic, (*first, *vxlan, *steps), asked)
    if asked:
        steps = tuple(_translated_away(cluster, pod, receiver, traffic))
        return Path(sender, receiver, traffic, (*first, *vxlan, *steps), asked, (Way(own),))
    if router := router_of(pod, cluster.model.routers):
        text = "an egress router sends to the outside by its own interface, which no rule here judges (ER-16)"
        origins = tuple(dict.fromkeys((router.router.origin, pod.pod.origin)))
        step = Step(Kind.EGRESS_ROUTER, Decision.ALLOWS, text, origins, by_flows=False)
        return Path(sender, receiver, traffic, (step,), is_switched=False)
    egress, ways = leaving.egress_ip(cluster, pod, receiver, traffic)
    steps = (
        *egress_policy(cluster, pod, receiver, traffic),
        *leaving.firewall(cluster, pod, receiver, traffic),
        egress,
        *leaving.admin_rules(cluster, pod, receiver, traffic, (way.node for way in ways or (Way(own),))),
        *leaving.to_egress_ip(cluster, receiver),
    )
    return Path(sender, receiver, traffic, (*vxlan, *steps), None, ways)


def _itself(cluster: Cluster, sender: End, pod: Endpoint, traffic: Traffic, step: Step) -> Iterator[Step]:
    if cluster.model.cluster.mode is Mode.NETWORKPOLICY:
        yield step
    else:
        yield from ingress(cluster, pod, sender, traffic)


def _vxlan(cluster: Cluster, traffic: Traffic, asked: tuple[End, Traffic] | None) -> Iterator[Step]:
    """No pod sends VXLAN (PN-11): the flows drop it, and the node what a service turns into it."""
    vxlan = Traffic(Protocol.UDP.value, cluster.model.cluster.vxlan_port)
    called = asked[1] if asked else traffic
    if vxlan in (traffic, called):
        reason = f"nothing lets pods send to {vxlan}, the port of the tunnels between nodes"
        text = f"pods may not send VXLAN, {vxlan} (PN-11)"
        origins = cluster.model.cluster.origins
        yield Step(Kind.SENDER, Decision.DENIES, text, origins, by_flows=called == vxlan, no_advice=reason)


def _arrival(cluster: Cluster, sender: End, receiver: End, traffic: Traffic) -> Iterator[Step]:
    """Who is at an address of a pod network, and whether it accepts."""
    if receiver.endpoint is not None:
        yield from ingress(cluster, receiver.endpoint, sender, traffic)
    elif receiver.node is not None:
        text = f"node {receiver.node.name} accepts what comes to its own address on the pod network"
        yield Step(Kind.NODE, Decision.ALLOWS, text, (receiver.node.origin,))
    else:
        text = f"no pod has the address {format_address(receiver.address)}"
        yield Step(Kind.POD_NETWORK, Decision.DENIES, text, no_advice="name an address that a pod has")


def _translated_away(cluster: Cluster, pod: Endpoint, receiver: End, traffic: Traffic) -> Iterator[Step]:
    """What the node translates to somebody who is no pod, it sends there itself."""
    own = cluster.nodes[pod.node]
    if receiver.address in cluster.model.cluster.service_network:
        yield services.again(receiver.address)
        return
    text = "the node sends it on to an address that is no pod's: neither egress policy nor egress firewall judges it"
    yield Step(Kind.NODE, Decision.ALLOWS, text, (own.origin,), by_flows=False)
    yield from leaving.admin_rules(cluster, pod, receiver, traffic, (own,))
    yield from leaving.to_egress_ip(cluster, receiver, own)


def _multicast(cluster: Cluster, sender: End, pod: Endpoint) -> Iterator[Step]:
    """Whether multicast is on for the sender's project, and who hears it (MC-01 to MC-04)."""
    netid, count = cluster.netid(sender), len(hearers(cluster, sender))
    if cluster.model.cluster.mode is Mode.SUBNET:
        text = "there is no multicast in the mode subnet"
        yield Step(
            Kind.MULTICAST, Decision.DENIES, text, cluster.model.cluster.origins, no_advice="nothing turns it on"
        )
        return
    domain = next((domain for domain in cluster.model.multicast if domain.netid == netid), None)
    if domain is None:
        text = f"multicast is off for project {pod.pod.project} (MC-01, MC-02)"
        origin = cluster.projects[pod.pod.project].origin
        origins, advice = (origin,) if origin else (), advise_multicast(cluster, netid)
        yield Step(Kind.MULTICAST, Decision.DENIES, text, origins, advice=advice)
    if not count:
        text = "no other pod has the NetID of the sender's project"
        yield Step(Kind.MULTICAST, Decision.DENIES, text, (pod.pod.origin,), no_advice="nobody is there to hear it")
    elif domain is not None:
        pods = "1 other pod" if count == 1 else f"{count} other pods"
        text = f"multicast is on: {pods} of the same NetID get it, whatever policies say (MC-04)"
        yield Step(Kind.MULTICAST, Decision.ALLOWS, text, domain.origins)


def _no_multicast() -> Step:
    text = "multicast from nodes and from outside is dropped (MC-04)"
    return Step(Kind.MULTICAST, Decision.DENIES, text, no_advice="only pods send multicast")


def hearers(cluster: Cluster, sender: End) -> tuple[Endpoint, ...]:
    """The pods that a pod's multicast reaches, if it is on."""
    netid = cluster.netid(sender)
    return tuple(
        endpoint
        for endpoint in cluster.model.endpoints
        if cluster.projects[endpoint.pod.project].netid == netid and endpoint != sender.endpoint
    )
