"""The flows of policy: peer classes, verdicts, service sets; and NetIDs in multitenant mode.

Both directions have the same three tables: from the packet to the class of its peer, from (subject, class) to the
service set, and from (service set, port) to "go on".  A table's miss is a refusal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from attrs import frozen

from backends.ovs.fields import TUN_PORT, Register, Table
from backends.ovs.flow import (
    ESTABLISHED_REPLY,
    RELATED,
    Flow,
    FlowGroup,
    actions,
    goto,
    load,
    masked_port,
    match,
    number,
)
from compiler.model.model import GLOBAL_NETID
from compiler.origin import Origin
from compiler.plan.classifier import AddressEntry
from compiler.plan.lpm import minimal_table
from compiler.plan.node import DirectionPlan, NodePlan
from compiler.plan.verdicts import NO_CLASS, Verdict
from compiler.values.prefix import MULTICAST, WIDTH, Prefix
from compiler.values.services import EVERYTHING, NOTHING, Protocol, ServiceSet

PORT_BITS = 16

EXEMPT = 500
ADDRESS = 300
NETID = 200
PREFIX = 100
PAIR = 200
EVERYBODY = 100
"""Priorities: exemptions, single addresses, NetIDs, prefixes (plus their length); a class's verdict, everybody's."""


@frozen
class _Stage:
    """What is different in the two directions.  `verb` is what a subject does with the services that it is granted."""

    verb: str
    subject: Register
    peers: Register
    address: str
    classify: Table
    decide: Table
    services: Table
    passed: Table


EGRESS = _Stage(
    "may use",
    Register.EGRESS_SUBJECT,
    Register.EGRESS_PEERS,
    "nw_dst",
    Table.EGRESS_PEERS,
    Table.EGRESS_VERDICT,
    Table.EGRESS_SERVICES,
    Table.ROUTE,
)
INGRESS = _Stage(
    "accept",
    Register.INGRESS_SUBJECT,
    Register.INGRESS_PEERS,
    "nw_src",
    Table.INGRESS_PEERS,
    Table.INGRESS_VERDICT,
    Table.INGRESS_SERVICES,
    Table.DELIVER,
)


def policy_flows(plan: NodePlan) -> Iterator[FlowGroup]:
    """The groups of networkpolicy mode; none for a direction in which no local pod is isolated."""
    if plan.egress.decided.subjects:
        yield from _exempt(EGRESS)
        yield FlowGroup.of(
            "traffic to services is judged when it comes back with its real destination",
            [
                Flow(
                    Table.EGRESS_PEERS,
                    EXEMPT - 100,
                    match("ip", nw_dst=plan.cluster.service_network),
                    goto(Table.ROUTE),
                )
            ],
        )
        if plan.multicast:
            yield FlowGroup.of(
                "multicast is no policy's",
                [Flow(Table.EGRESS_PEERS, EXEMPT - 100, match("ip", nw_dst=MULTICAST), goto(Table.ROUTE))],
            )
        yield from _stage(plan.egress, EGRESS)
    if plan.ingress.decided.subjects:
        yield from _exempt(INGRESS)
        own = (Prefix(plan.node.gateway, WIDTH), Prefix(plan.node.address, WIDTH))
        yield FlowGroup.of(
            "the node always reaches its pods",
            (
                Flow(
                    Table.INGRESS_PEERS,
                    EXEMPT,
                    match("ip", in_port=TUN_PORT, nw_src=address),
                    goto(Table.DELIVER),
                )
                for address in own
            ),
        )
        yield from _stage(plan.ingress, INGRESS)


def _exempt(stage: _Stage) -> Iterator[FlowGroup]:
    conditions = (
        match("ip", ct_state=ESTABLISHED_REPLY),
        match("icmp", ct_state=RELATED),
        match("ip", **{Register.SELF.match: 1}),
    )
    yield FlowGroup.of(
        "replies, errors about a connection, and a pod's traffic to itself pass",
        (Flow(stage.classify, EXEMPT, condition, goto(stage.passed)) for condition in conditions),
    )


def _stage(direction: DirectionPlan, stage: _Stage) -> Iterator[FlowGroup]:
    yield from _classify(direction, stage)
    yield from _decide(direction, stage)
    users: dict[ServiceSet, dict[Origin, None]] = defaultdict(dict)
    for verdict in direction.decided.verdicts:
        users[verdict.services].update(dict.fromkeys(verdict.origins))
    for services, number_ in sorted(direction.decided.service_ids.items(), key=lambda item: item[1]):
        flows = _services(services, number_, stage, tuple(users[services]))
        yield FlowGroup.of(f"{number(number_)}: {services}", flows)
    yield FlowGroup.of("no other port", [Flow(stage.services, 0, "", "drop")])


def _classify(direction: DirectionPlan, stage: _Stage) -> Iterator[FlowGroup]:
    classes = {peers.number: peers for peers in direction.decided.classes}

    def result(peers: int) -> str:
        return actions(load(stage.peers, peers), goto(stage.decide))

    def by_address(entry: AddressEntry, priority: int) -> Flow:
        origins = (*entry.origins, *(classes[entry.peers].origins if entry.peers in classes else ()))
        condition = match("ip", **{stage.address: entry.prefix})
        return Flow(stage.classify, priority, condition, result(entry.peers), origins)

    flows: dict[int, list[Flow]] = {number_: [] for number_ in (*sorted(classes), NO_CLASS)}
    for entry in direction.classifier.addresses:
        flows[entry.peers].append(by_address(entry, ADDRESS))
    for netid in direction.classifier.netids:
        condition = match("ip", **{Register.SOURCE_NETID.match: netid.netid})
        origins = classes[netid.peers].origins
        flows[netid.peers].append(Flow(stage.classify, NETID, condition, result(netid.peers), origins))
    for entry in direction.classifier.prefixes:
        flows[entry.peers].append(by_address(entry, PREFIX + entry.prefix.length))
    for number_, found in flows.items():
        if found:
            text = classes[number_].text if number_ in classes else "everybody else"
            yield FlowGroup.of(f"{number(number_)}: {text}", found)
    yield FlowGroup.of("everybody else", [Flow(stage.classify, 0, "", goto(stage.decide))])


def _decide(direction: DirectionPlan, stage: _Stage) -> Iterator[FlowGroup]:
    verdicts: dict[int, list[Flow]] = {subject.number: [] for subject in direction.decided.subjects}
    for verdict in direction.decided.verdicts:
        verdicts[verdict.subject].append(_verdict(verdict, direction, stage))
    for subject in sorted(direction.decided.subjects, key=lambda subject: subject.number):
        comment = f"{number(subject.number)}: pods that {stage.verb} {subject.text}"
        yield FlowGroup.of(comment, verdicts[subject.number])
    yield FlowGroup.of("nobody else", [Flow(stage.decide, 0, "", "drop")])


def _verdict(verdict: Verdict, direction: DirectionPlan, stage: _Stage) -> Flow:
    if verdict.services == EVERYTHING:
        result = goto(stage.passed)
    elif verdict.services == NOTHING:
        result = "drop"
    else:
        set_id = direction.decided.service_ids[verdict.services]
        result = actions(load(Register.SERVICES, set_id), goto(stage.services))
    fields = {stage.subject.match: verdict.subject}
    if verdict.peers is None:
        return Flow(stage.decide, EVERYBODY, match(**fields), result, verdict.origins)
    condition = match(**fields, **{stage.peers.match: verdict.peers})
    return Flow(stage.decide, PAIR, condition, result, verdict.origins)


def _services(services: ServiceSet, number_: int, stage: _Stage, origins: tuple[Origin, ...]) -> Iterator[Flow]:
    """The smallest table of port prefixes for each protocol.

    Other protocols than these belong to the set of all services only (NP-04), which needs no table.
    """
    for protocol in Protocol:
        ranges = [(first, last, True) for first, last in services.ports(protocol).ranges]
        for first, length, passes in minimal_table(ranges, PORT_BITS, default=False):
            where = {"tp_dst": masked_port(first, length)} if length else {}
            condition = match(protocol.name.lower(), **{Register.SERVICES.match: number_}, **where)
            yield Flow(stage.services, PREFIX + length, condition, goto(stage.passed) if passes else "drop", origins)


def multitenant_flows(plan: NodePlan) -> Iterator[FlowGroup]:
    """The groups of multitenant mode: equal NetIDs reach each other, 0 reaches and is reached by everybody (PN-03)."""
    source, destination = Register.SOURCE_NETID.match, Register.DESTINATION_NETID.match
    table, deliver = Table.INGRESS_VERDICT, goto(Table.DELIVER)
    yield FlowGroup.of(
        "global projects, the node and the outside reach everybody; everybody reaches global projects",
        [
            Flow(table, 200, match(**{source: GLOBAL_NETID}), deliver),
            Flow(table, 200, match(**{destination: GLOBAL_NETID}), deliver),
        ],
    )
    pods: dict[int, tuple[Origin, ...]] = defaultdict(tuple)
    for pod in plan.pods:
        if pod.netid != GLOBAL_NETID:
            pods[pod.netid] += (pod.endpoint.pod.origin,)
    yield FlowGroup.of(
        "pods with one NetID reach each other",
        (Flow(table, 100, match(**{source: netid, destination: netid}), deliver, pods[netid]) for netid in pods),
    )
    yield FlowGroup.of("nobody else", [Flow(table, 0, "", "drop")])
