"""What decides between pods: network policies on the IR, and NetIDs.

The verdict is the IR's.  Which statements say so is found in the policies as they are written, because the IR may have
dropped a rule that a wider one hides; the two have to agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import frozen

from compiler.declarations import Mode, NetIdStatement, NetworkPolicy, PortRange, Rule
from compiler.model.model import GLOBAL_NETID, Endpoint
from compiler.origin import Origin
from compiler.policy.ir import Direction
from compiler.trace.advice import advise_join, advise_policy
from compiler.trace.cluster import Cluster
from compiler.trace.question import End, Traffic
from compiler.trace.steps import Decision, InternalFault, Kind, Step
from compiler.values.services import ServiceSet


def egress_policy(cluster: Cluster, sender: Endpoint, receiver: End, traffic: Traffic) -> Iterator[Step]:
    """The step of the sender's policies; none in the modes without policies (PN-10)."""
    if cluster.model.cluster.mode is Mode.NETWORKPOLICY:
        yield _Judgement(cluster, Direction.EGRESS, sender, receiver, traffic).step()


def ingress(cluster: Cluster, receiver: Endpoint, sender: End, traffic: Traffic) -> Iterator[Step]:
    """The step that decides whether a pod accepts it: the mode, NetIDs, the pod's own node, or policies."""
    home = cluster.nodes[receiver.node]
    match cluster.model.cluster.mode:
        case Mode.SUBNET:
            text = "in the mode subnet every pod accepts everybody"
            yield Step(Kind.POD_NETWORK, Decision.ALLOWS, text, cluster.model.cluster.origins)
        case Mode.MULTITENANT:
            yield _netids(cluster, sender, receiver)
        case Mode.NETWORKPOLICY if sender.address in (home.address, home.gateway):
            yield Step(Kind.NODE, Decision.ALLOWS, "a pod's own node always reaches it (NP-12)", (home.origin,))
        case Mode.NETWORKPOLICY:
            yield _Judgement(cluster, Direction.INGRESS, receiver, sender, traffic).step()


def governing(cluster: Cluster, pod: Endpoint, direction: Direction) -> list[NetworkPolicy]:
    """The policies that select a pod and speak of a direction."""
    return [
        policy
        for policy in cluster.model.policies
        if policy.project == pod.pod.project
        and rules_of(policy, direction) is not None
        and policy.pods.matches(pod.pod.labels)
    ]


def rules_of(policy: NetworkPolicy, direction: Direction) -> tuple[Rule, ...] | None:
    """The rules of one direction; None: the policy does not govern it."""
    return policy.ingress if direction is Direction.INGRESS else policy.egress


@frozen
class _Judgement:
    """One direction: `pod` is the one that policies select, `peer` the other end."""

    cluster: Cluster
    direction: Direction
    pod: Endpoint
    peer: End
    traffic: Traffic

    def step(self) -> Step:
        """What the policies say.  Raises InternalFault if the IR says something else than its sources."""
        kind = Kind.INGRESS_POLICY if self.direction is Direction.INGRESS else Kind.EGRESS_POLICY
        doing = "accepts" if self.direction is Direction.INGRESS else "sends"
        subject = self.cluster.subject(self.pod, ingress=self.direction is Direction.INGRESS)
        policies = governing(self.cluster, self.pod, self.direction)
        isolation = self._isolation()
        if (subject is None) == bool(policies or isolation):
            raise InternalFault(f"whether a policy selects pod {self.pod.name} for {self.direction.value}")
        if subject is None:
            return Step(kind, Decision.ALLOWS, f"no policy governs what the pod {doing}, so it {doing} everything")
        cell = self.cluster.cell(self.peer)
        allowed = any(
            grant.peers.cells >> cell & 1 and _serves(grant.services, self.traffic) for grant in subject.grants
        )
        rules = [(policy, rule) for policy in policies for rule in self._allowing(policy, cell)]
        if allowed != bool(rules):
            raise InternalFault(f"what the policies of pod {self.pod.name} say of {self.traffic} and {self.peer}")
        if rules:
            text = f"by {_names(policy for policy, _ in rules)}"
            return Step(kind, Decision.ALLOWS, text, tuple(rule.origin for _, rule in rules))
        told = [_names(policies)] if policies else []
        told += [f"project {self.pod.pod.project}, which is isolated (NP-14)"] if isolation else []
        origins = (*isolation, *(policy.origin for policy in policies))
        text = f"no rule allows {self.traffic}; the pod is governed by {' and '.join(told)}"
        advice = advise_policy(self.cluster, self.direction, self.pod, self.peer, self.traffic, policies)
        return Step(kind, Decision.DENIES, text, origins, advice=(advice,))

    def _isolation(self) -> tuple[Origin, ...]:
        """The project that denies ingress by default (NP-14)."""
        project = self.cluster.projects[self.pod.pod.project]
        isolated = project.isolated and self.direction is Direction.INGRESS
        return (project.origin,) if isolated and project.origin else ()

    def _allowing(self, policy: NetworkPolicy, cell: int) -> Iterator[Rule]:
        """The rules of a policy that allow it."""
        assert self.cluster.peers is not None
        for rule in rules_of(policy, self.direction) or ():
            if self._names_port(rule) and (
                self.cluster.peers.of_rule(rule, policy.project, self.direction).cells >> cell & 1
            ):
                yield rule

    def _names_port(self, rule: Rule) -> bool:
        """Whether a rule speaks of the port; a name is the receiving pod's (NP-10)."""
        if rule.ports is None:
            return True
        receiver = self.pod if self.direction is Direction.INGRESS else self.peer.endpoint
        named = receiver.pod.ports if receiver else ()
        protocol, number = self.traffic.with_ports, self.traffic.port
        return any(
            port.protocol is protocol
            and (
                port.first <= number <= port.last
                if isinstance(port, PortRange)
                else (port.name, port.protocol, number) in {(one.name, one.protocol, one.number) for one in named}
            )
            for port in rule.ports
        )


def _serves(services: ServiceSet, traffic: Traffic) -> bool:
    protocol = traffic.with_ports
    return services.other if protocol is None else traffic.port in services.ports(protocol)


def _names(policies: Iterable[NetworkPolicy]) -> str:
    names = list(dict.fromkeys(f"{policy.project}/{policy.name}" for policy in policies))
    return f"{'policy' if len(names) == 1 else 'policies'} {', '.join(names)}"


def _netids(cluster: Cluster, sender: End, receiver: Endpoint) -> Step:
    """Equal NetIDs, or one that is 0 (PN-03)."""
    theirs, ours = cluster.netid(sender), cluster.projects[receiver.pod.project].netid
    names = [*([sender.endpoint.pod.project] if sender.endpoint else []), receiver.pod.project]
    origins = _netid_statements(cluster, names)
    if theirs == ours:
        return Step(Kind.POD_NETWORK, Decision.ALLOWS, f"both have the NetID {ours}", origins)
    if ours == GLOBAL_NETID:
        text = f"project {receiver.pod.project} is global: everybody reaches it"
        return Step(Kind.POD_NETWORK, Decision.ALLOWS, text, origins)
    if sender.endpoint is None:
        text = "nodes and the outside have NetID 0, which reaches every project"
        return Step(Kind.POD_NETWORK, Decision.ALLOWS, text, origins)
    if theirs == GLOBAL_NETID:
        text = f"project {names[0]} is global: it reaches everybody"
        return Step(Kind.POD_NETWORK, Decision.ALLOWS, text, origins)
    text = f"project {names[0]} has the NetID {theirs}, project {names[1]} has {ours}"
    advice, reason = advise_join(cluster, names[0], names[1])
    return Step(Kind.POD_NETWORK, Decision.DENIES, text, origins, advice=advice, no_advice=reason)


def _netid_statements(cluster: Cluster, names: Iterable[str]) -> tuple[Origin, ...]:
    """The statements that tell of the projects, and those that renumber them."""
    found: dict[Origin, None] = {}
    for name in names:
        project = cluster.projects[name]
        if project.origin:
            found[project.origin] = None
        for statement in cluster.declarations:
            if isinstance(statement, NetIdStatement) and (
                name in statement.names
                or (statement.selector is not None and statement.selector.matches(project.labels))
            ):
                found[statement.origin] = None
    return tuple(found)
