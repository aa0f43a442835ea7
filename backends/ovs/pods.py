"""The flows of each local pod, five a pod: who it is when it sends, and where it is when others send to it."""

from __future__ import annotations

from collections.abc import Iterator

from backends.ovs.fields import Register, Table
from backends.ovs.flow import Flow, FlowGroup, actions, goto, load, match
from compiler.declarations import Mode
from compiler.plan.node import LocalPod, NodePlan
from compiler.plan.verdicts import NO_CLASS
from compiler.values.prefix import WIDTH, Prefix


def pod_flows(plan: NodePlan) -> Iterator[FlowGroup]:
    """The groups of all local pods, one for each pod and table."""
    for pod in plan.pods:
        yield from _flows(pod, plan.cluster.mode)
    yield FlowGroup.of("no pod has the address", [Flow(Table.ARP_LOCAL, 0, "", "drop")])
    yield FlowGroup.of("no pod has the address", [Flow(Table.TO_LOCAL_POD, 0, "", "drop")])


def _flows(pod: LocalPod, mode: Mode) -> Iterator[FlowGroup]:
    address = Prefix(pod.endpoint.address, WIDTH)
    name, origins = pod.endpoint.name, (pod.endpoint.pod.origin,)
    netid = load(Register.SOURCE_NETID, pod.netid)
    if pod.egress == NO_CLASS:
        identify = actions(netid, goto(Table.ROUTE))
    else:
        identify = actions(netid, load(Register.EGRESS_SUBJECT, pod.egress), goto(Table.EGRESS_PEERS))
    yield FlowGroup.of(
        name,
        [
            Flow(Table.FROM_POD, 100, match("ip", in_port=pod.of_port, nw_src=address), identify, origins),
            Flow(
                Table.FROM_POD,
                100,
                match("arp", in_port=pod.of_port, arp_spa=address),
                actions(netid, goto(Table.ROUTE)),
                origins,
            ),
        ],
    )
    yield FlowGroup.of(name, [Flow(Table.FROM_SERVICE, 100, match("ip", nw_src=address), identify, origins)])
    yield FlowGroup.of(
        name, [Flow(Table.ARP_LOCAL, 100, match("arp", arp_tpa=address), f"output:{pod.of_port}", origins)]
    )
    yield FlowGroup.of(
        name,
        [Flow(Table.TO_LOCAL_POD, 100, match("ip", nw_dst=address), _towards(pod, mode), origins)],
    )


def _towards(pod: LocalPod, mode: Mode) -> str:
    """What is known of the receiver, and the table that judges whether it may be reached."""
    output = load(Register.OUTPUT, pod.of_port)
    if mode is Mode.MULTITENANT:
        netid = load(Register.DESTINATION_NETID, pod.netid)
        return actions(netid, output, goto(Table.INGRESS_VERDICT))
    if pod.ingress == NO_CLASS:
        return actions(output, goto(Table.DELIVER))
    return actions(output, load(Register.INGRESS_SUBJECT, pod.ingress), goto(Table.INGRESS_PEERS))
