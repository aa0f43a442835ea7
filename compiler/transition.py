"""What an old and a new cluster both allow: what the nodes run while a change is on its way from node to node.

The sender's node judges the policy for egress, the receiver's that for ingress, and nodes change one after the other.
If the old cluster refuses a connection at its sender and the new one at its receiver, then a new sender's node and an
old receiver's node let it pass, though neither cluster allows it.  With the cluster of this module in between, there
is no such moment: first every node gets what both allow, and only when all have it the new one.  A node that runs
what both allow is, together with any that runs the old, no wider than the old, and with any that runs the new no
wider than the new.

The result is a compilation like any other.  Its pods, nodes, projects and egress IPs are those of the new cluster.  So
the new cluster alone judges what the old one does not know: an egress IP on another node leaves past that node's rules
of the administrator, and a pod that is not in the old one, by name and address, gets multicast, and is in its project
where NetIDs decide; where policies decide it may open and accept no connection yet.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from attrs import evolve, frozen

from compiler import codes
from compiler.declarations import AdminRules, AdminVerdict, PortRange
from compiler.diagnostics import Diagnostics
from compiler.model.firewalls import EVERYWHERE
from compiler.model.model import AddressRanges, AddressRule, Endpoint, Firewall, Model
from compiler.origin import Origin
from compiler.pipeline import Compilation, optimise
from compiler.policy.bits import bits_of
from compiler.policy.firewall import FirewallFunction, fold_firewalls
from compiler.policy.index import LabelIndex
from compiler.policy.ir import Grant, Peers, Policy, Subject
from compiler.policy.lower import lower_over, named_prefixes
from compiler.policy.universe import PodCell, build_universe, index_ports
from compiler.values.ports import MAX_PORT
from compiler.values.services import Protocol


def transition(old: Compilation, new: Compilation, diagnostics: Diagnostics) -> Compilation | None:
    """What both clusters allow, or None if no cluster means that; NO_TRANSITION then tells why."""
    if not _is_possible(old.model, new.model, diagnostics):
        return None
    model = evolve(
        new.model,
        firewalls=tuple(_firewalls(old, new)),
        admin_rules=_admin_rules(old.model.admin_rules, new.model.admin_rules),
        multicast=tuple(
            domain for domain in new.model.multicast if domain.netid in {one.netid for one in old.model.multicast}
        ),
    )
    policy = None if new.policy is None else optimise(_policy(old.model, new.model))
    return Compilation(model, policy, fold_firewalls(model))


def _is_possible(old: Model, new: Model, diagnostics: Diagnostics) -> bool:
    """Reports what changes that the nodes have to agree upon, or that no list of rules can say."""
    before, after = old.cluster, new.cluster
    reasons: list[tuple[str, Origin | None]] = [
        (f"the cluster's {what} changes", after.origins[0])
        for what, one, other in (
            ("mode", before.mode, after.mode),
            ("pod networks", before.pod_networks, after.pod_networks),
            ("service network", before.service_network, after.service_network),
            ("VXLAN port", before.vxlan_port, after.vxlan_port),
        )
        if one != other
    ]
    nodes = {node.name: node for node in old.nodes}
    for node in new.nodes:
        if (known := nodes.get(node.name)) and (known.address, known.subnet) != (node.address, node.subnet):
            reasons.append((f"the address or the subnet of node {node.name} changes", node.origin))
    netids = {project.name: project.netid for project in old.projects}
    gone = {netid for name, netid in netids.items() if name not in {project.name for project in new.projects}} - {0}
    for project in new.projects:
        if netids.get(project.name, project.netid) != project.netid:
            reasons.append((f"the NetID of project {project.name} changes", project.origin))
        elif project.name not in netids and project.netid in gone:
            reasons.append((f"project {project.name} has the NetID of one that goes", project.origin))
    for node in new.nodes:
        if (known := nodes.get(node.name)) and any(
            block.nodes is not None and block.nodes.matches(known.labels) != block.nodes.matches(node.labels)
            for block in old.admin_rules
        ):
            reasons.append((f"node {node.name} gets labels for other rules of the administrator", node.origin))
    if old.admin_rules != new.admin_rules and _accepts(old.admin_rules) and _accepts(new.admin_rules):
        reasons.append(("the administrator's rules change and accept something", new.admin_rules[0].origin))
    for reason, origin in reasons:
        diagnostics.report(codes.NO_TRANSITION, origin, reason=reason)
    return not reasons


def _accepts(blocks: Iterable[AdminRules]) -> bool:
    return any(rule.action is AdminVerdict.ACCEPT for block in blocks for rule in block.rules)


def _admin_rules(old: tuple[AdminRules, ...], new: tuple[AdminRules, ...]) -> tuple[AdminRules, ...]:
    """Rules that drop and reject what either drops or rejects.

    An accept ends all that follows.  So the blocks of which none accepts come first, and of two equal ones one is
    enough if none accepts at all.
    """
    if old == new:
        return new
    before = tuple(evolve(block, name=f"before-{block.name}") for block in old)
    if _accepts(old):
        return (*new, *before)
    if _accepts(new):
        return (*before, *new)
    return (*(renamed for renamed, block in zip(before, old, strict=True) if block not in new), *new)


@frozen
class _Denied:
    """What a cluster denies to what leaves with a NetID, and the statements; no function: everything."""

    function: FirewallFunction | None
    origins: tuple[Origin, ...]


def _denied(compilation: Compilation) -> dict[int, _Denied]:
    denied = {one.netid: _Denied(one.function, one.origins) for one in compilation.firewalls}
    hosted: dict[int, bool] = {}
    for egress_ip in compilation.model.egress_ips:
        hosted[egress_ip.netid] = hosted.get(egress_ip.netid, False) or egress_ip.node is not None
    for egress_ip in compilation.model.egress_ips:
        if not hosted[egress_ip.netid]:  # EI-02
            denied[egress_ip.netid] = _Denied(None, egress_ip.origins)
    return denied


def _firewalls(old: Compilation, new: Compilation) -> Iterator[Firewall]:
    """For each NetID a firewall that denies what either denies."""
    before, after = _denied(old), _denied(new)
    projects: dict[int, str] = {}
    for project in new.model.projects:
        projects.setdefault(project.netid, project.name)
    own = {firewall.netid: firewall for firewall in new.model.firewalls}
    for netid in sorted(before.keys() | after.keys()):
        if netid not in projects:
            continue
        denied = [side[netid] for side in (before, after) if netid in side]
        if netid in own and (netid not in before or before[netid].function == after[netid].function):
            yield own[netid]
            continue
        origins = tuple(dict.fromkeys(origin for one in denied for origin in one.origins))
        functions = [(one.function, one.origins[0]) for one in denied if one.function is not None]
        rules = None if len(functions) < len(denied) else tuple(_rules(functions))
        yield Firewall(projects[netid], netid, rules, origins)


def _rules(functions: Sequence[tuple[FirewallFunction, Origin]]) -> Iterator[AddressRule]:
    """A list of which the first match denies what any of the functions denies."""
    for ports in _port_pieces(functions):
        yield from _deny(functions, (ports,))
        yield AddressRule(functions[0][1], True, EVERYWHERE, (ports,))
    yield from _deny(functions, None)


def _port_pieces(functions: Sequence[tuple[FirewallFunction, Origin]]) -> Iterator[PortRange]:
    """The ports of which a function speaks, in pieces that no function divides."""
    bounds: dict[Protocol, set[int]] = defaultdict(set)
    for function, _ in functions:
        for piece in function.ports:
            bounds[piece.protocol] |= {piece.first, piece.last + 1}
    for protocol in sorted(bounds, key=lambda protocol: protocol.value):
        for first, end in pairwise(sorted(bounds[protocol])):
            if first <= MAX_PORT:
                yield PortRange(protocol, first, end - 1)


def _deny(
    functions: Sequence[tuple[FirewallFunction, Origin]], ports: tuple[PortRange, ...] | None
) -> Iterator[AddressRule]:
    for function, origin in functions:
        denied: AddressRanges = (
            function.otherwise if ports is None else function.denied_at(ports[0].protocol, ports[0].first)
        )
        if denied:
            yield AddressRule(origin, False, denied, ports)


def _policy(old: Model, new: Model) -> Policy:
    """Both policies over one universe, whose cells tell pods apart by what they are in both clusters."""
    before = {(endpoint.name, endpoint.address): endpoint for endpoint in old.endpoints}

    def earlier(endpoint: Endpoint) -> Endpoint | None:
        return before.get((endpoint.name, endpoint.address))

    def apart(endpoint: Endpoint) -> object:
        known = earlier(endpoint)
        return known and (known.pod.labels, known.pod.ports)

    universe = build_universe(new, {*named_prefixes(old.policies), *named_prefixes(new.policies)}, apart)
    known_cells = {
        number: evolve(cell, labels=known.pod.labels, ports=known.pod.ports)
        for number, cell in universe.pod_cells.items()
        if (known := earlier(cell.endpoints[0]))
    }
    then = evolve(
        universe,
        pod_cells=known_cells,
        pods_of=_pods_of(known_cells),
        pod_labels=LabelIndex.of((number, cell.labels) for number, cell in known_cells.items()),
        project_labels=LabelIndex.of(
            (universe.project_cells[project.name], project.labels)
            for project in old.projects
            if project.name in universe.project_cells
        ),
        ports_by_name=index_ports(known_cells),
    )
    strangers = bits_of(universe.pod_cells.keys() - known_cells.keys())
    earlier_policy = lower_over(then, old.projects, old.policies)
    if (then.pod_labels, then.project_labels, then.ports_by_name) != (
        universe.pod_labels,
        universe.project_labels,
        universe.ports_by_name,
    ):
        earlier_policy = _renamed(earlier_policy)
    policy = lower_over(universe, new.projects, new.policies)
    return Policy(
        universe,
        tuple(_both(earlier_policy.ingress, policy.ingress, strangers)),
        tuple(_both(earlier_policy.egress, policy.egress, strangers)),
    )


def _renamed(policy: Policy) -> Policy:
    """The old policy with texts of its own: where labels change, a selector stands for other pods than in the new one.

    Numbers are derived from texts, and equal texts have to mean the same.
    """

    def renamed(subjects: Iterable[Subject]) -> tuple[Subject, ...]:
        return tuple(
            evolve(
                subject,
                text=f"{subject.text} before",
                grants=tuple(
                    evolve(grant, peers=Peers(f"{grant.peers.text} before", grant.peers.cells))
                    for grant in subject.grants
                ),
            )
            for subject in subjects
        )

    return evolve(policy, ingress=renamed(policy.ingress), egress=renamed(policy.egress))


def _pods_of(cells: Mapping[int, PodCell]) -> Mapping[str, int]:
    of_project: dict[str, list[int]] = defaultdict(list)
    for number, cell in cells.items():
        of_project[cell.project].append(number)
    return {project: bits_of(numbers) for project, numbers in of_project.items()}


def _both(old: Sequence[Subject], new: Sequence[Subject], strangers: int) -> Iterator[Subject]:
    """The subjects of one direction; `strangers` are pods that were not there, which may do nothing."""
    left = 0
    for one in old:
        left |= one.cells
    for subject in new:
        for one in old:
            if common := subject.cells & one.cells & ~strangers:
                yield _common(one, subject, common)
        if alone := subject.cells & ~left & ~strangers:
            yield evolve(subject, cells=alone)
        left &= ~subject.cells
    for one in old:
        if alone := one.cells & left & ~strangers:
            yield evolve(one, cells=alone)
    if strangers:
        yield Subject(strangers, (), "nothing")


def _common(one: Subject, other: Subject, cells: int) -> Subject:
    """What two subjects' policies both grant to whom."""
    if one.text == other.text and one.function() == other.function():
        return evolve(other, cells=cells)
    grants = (
        Grant(
            _common_peers(mine.peers, theirs.peers),
            mine.services & theirs.services,
            tuple(dict.fromkeys((*mine.origins, *theirs.origins))),
        )
        for mine in one.grants
        for theirs in other.grants
        if mine.peers.cells & theirs.peers.cells
    )
    return Subject(
        cells,
        tuple(grant for grant in grants if grant.services),
        f"before: {one.text}; after: {other.text}",
        tuple(dict.fromkeys((*one.origins, *other.origins))),
    )


def _common_peers(one: Peers, other: Peers) -> Peers:
    if one.cells == other.cells or one.covers(other):
        return other
    return Peers(f"{one.text} and {other.text}" if not other.covers(one) else one.text, one.cells & other.cells)
