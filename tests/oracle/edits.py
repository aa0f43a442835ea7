"""What people change in a cluster, one thing at a time (see `versions`), which may or may not change what passes.

An edit gives a version back as it is where it has nothing to edit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from attrs import evolve

from compiler.declarations import (
    AdminRules,
    ClusterDeclaration,
    EgressAddress,
    EgressFirewall,
    Mode,
    NetworkPolicy,
    NodeDeclaration,
    Pod,
    PodNetwork,
    ProjectDeclaration,
)
from compiler.values.prefix import Prefix
from tests.oracle.objects import ORIGIN
from tests.oracle.versions import EGRESS_IPS, NAMES, OTHER_LABELS, POD_LABELS, PROJECTS, RESOLVED, Draw, Version

T = TypeVar("T")

Edit = Callable[[Draw, Version], Version]


def pick(draw: Draw, version: Version, kind: type[T]) -> T | None:
    """One of the version's declarations of a kind, if it has any."""
    found = version.every(kind)
    return draw.one(found) if found else None


def _listed(draw: Draw, items: Sequence[T], new: Callable[[], T]) -> tuple[T, ...]:
    """A list with one item added, left out, replaced or moved."""
    where = draw.random.randrange(len(items) + 1)
    before, behind = items[:where], items[where + 1 :]
    match draw.random.randrange(4):
        case 0:
            return (*before, new(), *items[where:])
        case 1:
            return (*before, *behind)
        case 2:
            return (*before, new(), *behind)
        case _:
            return (*behind, *items[where : where + 1], *before)


def another_policy(draw: Draw, version: Version) -> Version:
    """One more, or one less."""
    old = pick(draw, version, NetworkPolicy)
    if old is not None and draw.chance(0.5):
        return version.replaced(old)
    return version.with_more(draw.policy(f"new-{draw.random.randrange(1000)}"))


def policy_rules(draw: Draw, version: Version) -> Version:
    """A policy's rules, in one direction."""
    old = pick(draw, version, NetworkPolicy)
    if old is None:
        return version
    if draw.chance(0.5):
        return version.replaced(old, evolve(old, ingress=_listed(draw, old.ingress or (), draw.rule)))
    return version.replaced(old, evolve(old, egress=_listed(draw, old.egress or (), draw.rule)))


def policy_head(draw: Draw, version: Version) -> Version:
    """Whom a policy selects, of which project it is, which direction it governs."""
    old = pick(draw, version, NetworkPolicy)
    if old is None:
        return version
    other = draw.policy(old.name)
    changed = (
        evolve(old, pods=other.pods),
        evolve(old, project=other.project),
        evolve(old, ingress=None if old.ingress else ()),
        evolve(old, egress=None if old.egress else ()),
    )
    return version.replaced(old, draw.one(changed))


def pod_labels(draw: Draw, version: Version) -> Version:
    """A pod's labels, or its named ports."""
    old = pick(draw, version, Pod)
    if old is None:
        return version
    other = draw.pod(old.project, 0, version.every(NodeDeclaration)[0])
    if draw.chance(0.3):
        return version.replaced(old, evolve(old, ports=other.ports))
    return version.replaced(old, evolve(old, labels=draw.one(POD_LABELS)))


def another_pod(draw: Draw, version: Version) -> Version:
    """A pod starts, ends or goes."""
    old = pick(draw, version, Pod)
    if old is not None and draw.chance(0.5):
        return version.replaced(old, *draw.one(((), (evolve(old, finished=not old.finished),))))
    node = draw.one(version.every(NodeDeclaration))
    return version.with_more(draw.pod(draw.one(PROJECTS), draw.random.randrange(6, 9), node))


def pod_place(draw: Draw, version: Version) -> Version:
    """A pod gets another address, on its node or another, or another name or project; or two pods exchange names."""
    old = pick(draw, version, Pod)
    if old is None or old.host_network or old.address is None:
        return version
    node = draw.one(version.every(NodeDeclaration))
    assert node.subnet is not None
    moved = evolve(old, node=node.name, address=node.subnet.network + 2 + draw.random.randrange(10))
    other = pick(draw, version, Pod)
    if other is not None and other is not old and not other.host_network and draw.chance(0.3):
        exchanged = evolve(old, name=other.name, project=other.project)
        return version.replaced(old, exchanged).replaced(other, evolve(other, name=old.name, project=old.project))
    return version.replaced(
        old, draw.one((moved, moved, evolve(old, name="renamed"), evolve(old, project=draw.one(PROJECTS))))
    )


def project_netid(draw: Draw, version: Version) -> Version:
    """A project is joined to another, isolated, or made global."""
    old = draw.one(version.every(ProjectDeclaration))
    return version.replaced(old, evolve(old, netid=draw.one((0, 100, 101, 102, 200))))


def project_rest(draw: Draw, version: Version) -> Version:
    """A project's labels, isolation, multicast, egress IPs; `default` enables multicast; a project comes or goes."""
    old = draw.one(version.every(ProjectDeclaration))
    asked = _listed(draw, old.egress_addresses, lambda: EgressAddress(draw.one(EGRESS_IPS), ORIGIN))
    changed = (
        evolve(old, labels=draw.one(OTHER_LABELS)),
        evolve(old, labels=draw.one(OTHER_LABELS)),
        evolve(old, isolated=not old.isolated),
        evolve(old, multicast=not old.multicast),
        evolve(old, egress_addresses=asked),
        evolve(old, egress_addresses=asked),
    )
    if draw.chance(0.1):
        return version.replaced(old)
    if draw.chance(0.1):
        return version.with_more(ProjectDeclaration(draw.one(("default", "p3")), ORIGIN, netid=0, multicast=True))
    return version.replaced(old, draw.one(changed))


def egress_ip_moves(draw: Draw, version: Version) -> Version:
    """A node gets or loses an egress IP, which another node or nobody has then."""
    old, other = draw.one(version.every(NodeDeclaration)), draw.one(version.every(NodeDeclaration))
    if not old.egress_addresses:
        return version
    moved = draw.one(old.egress_addresses)
    left = tuple(each for each in old.egress_addresses if each is not moved)
    changed = version.replaced(old, evolve(old, egress_addresses=left))
    if other is old:
        return changed
    return changed.replaced(other, evolve(other, egress_addresses=(*other.egress_addresses, moved)))


def node_rest(draw: Draw, version: Version) -> Version:
    """A node's labels or its address on the underlay; two nodes exchange either; a node without pods comes."""
    old, other = draw.one(version.every(NodeDeclaration)), draw.one(version.every(NodeDeclaration))
    if old is not other and draw.chance(0.2):
        exchanged = version.replaced(old, evolve(old, labels=other.labels))
        return exchanged.replaced(other, evolve(other, labels=old.labels))
    if old is not other and draw.chance(0.2):
        exchanged = version.replaced(old, evolve(old, address=other.address))
        return exchanged.replaced(other, evolve(other, address=old.address))
    if draw.chance(0.2):
        return version.with_more(
            NodeDeclaration("node-9", ORIGIN, 0xC0A86414, Prefix.parse("10.128.18.0/23")[0], draw.one(OTHER_LABELS))
        )
    if draw.chance(0.3):
        return version.replaced(old, evolve(old, address=0xC0A8641E))
    return version.replaced(old, evolve(old, labels=draw.one(OTHER_LABELS)))


def cluster(draw: Draw, version: Version) -> Version:
    """Another mode, another port for VXLAN, one more pod network, another service network."""
    (old,) = version.every(ClusterDeclaration)
    match draw.random.randrange(8):
        case 0:
            return version.replaced(old, evolve(old, vxlan_port=4790))
        case 1:
            more = PodNetwork(Prefix.parse("203.0.112.0/22")[0], 8, ORIGIN)
            return version.replaced(old, evolve(old, pod_networks=(*old.pod_networks[:1], more)))
        case 2:
            return version.replaced(old, evolve(old, service_network=Prefix.parse("198.51.100.0/24")[0]))
    return version.replaced(old, evolve(old, mode=draw.one(tuple(Mode))))


def firewall(draw: Draw, version: Version) -> Version:
    """An egress firewall's rules; one more, or one less."""
    old = pick(draw, version, EgressFirewall)
    if old is None or draw.chance(0.15):
        return version.with_more(draw.firewall(draw.one(PROJECTS)))
    if draw.chance(0.1):
        return version.replaced(old)
    if old.rules and draw.chance(0.2):
        flipped = draw.one(old.rules)
        rules = [evolve(rule, allow=not rule.allow) if rule is flipped else rule for rule in old.rules]
        return version.replaced(old, evolve(old, rules=tuple(rules)))
    return version.replaced(old, evolve(old, rules=_listed(draw, old.rules, draw.firewall_rule)))


def names(draw: Draw, version: Version) -> Version:
    """A DNS name gets other addresses."""
    return evolve(version, names={**version.names, draw.one(NAMES): draw.one(RESOLVED)})


def admin_rules(draw: Draw, version: Version) -> Version:
    """A block's rules or nodes; one more, or one less; two blocks in the other order."""
    old = pick(draw, version, AdminRules)
    if old is None or draw.chance(0.15):
        return version.with_more(draw.admin_rules(f"block-{draw.random.randrange(10)}"))
    other = pick(draw, version, AdminRules)
    match draw.random.randrange(6):
        case 0:
            return version.replaced(old)
        case 1:
            return version.replaced(old, evolve(old, nodes=draw.admin_rules("").nodes))
        case 2 if other is not None and other is not old:
            swapped = version.replaced(old, evolve(old, name=other.name))
            return swapped.replaced(other, evolve(other, name=old.name))
        case 3:
            where = draw.random.randrange(len(old.rules))
            changed = evolve(old.rules[where], action=draw.admin_action())
            return version.replaced(old, evolve(old, rules=(*old.rules[:where], changed, *old.rules[where + 1 :])))
        case _:
            rules = _listed(draw, old.rules, draw.admin_rule)
            return version.replaced(old, evolve(old, rules=rules or old.rules))


EDITS: tuple[Edit, ...] = (
    another_policy,
    policy_rules,
    policy_rules,
    policy_head,
    pod_labels,
    another_pod,
    pod_place,
    project_netid,
    project_rest,
    project_rest,
    egress_ip_moves,
    node_rest,
    cluster,
    firewall,
    firewall,
    names,
    admin_rules,
    admin_rules,
)
