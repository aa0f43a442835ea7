"""Which lines of a node's flows concern an addition, judged by declarations, not by the compiler's own structures.

OUT-02 promises that one pod, policy or project more changes only lines that concern it.  What concerns it:

- tables 20, 25, 40, 70: lines with an address of the new pod, or of a pod that the new policy selects;
- tables 27 and 80 (verdicts): lines of the subject of such a pod, and of classes of peers that come or go with it;
- tables 26 and 74 (classes): lines about the new pod, and about peers that the policies of the pods in question name;
- tables 28 and 81 (ports): lines of service sets that verdicts of these kinds use;
- tables 98, 101, 110, 111, 120 (leaving the cluster, multicast): lines of the NetIDs of the projects in question;
- tables 99 and 100 (firewalls): lines of policies and lists of addresses that come or go with such a project;
- the comments of such lines.

Every other line of every node has to stay as it was.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from attrs import field, frozen

from compiler.declarations import BlockPeer, NetworkPolicy, Pod, PodPeer, Rule
from compiler.model.model import Endpoint, Model
from compiler.values.labels import NAME_LABEL, Selector
from compiler.values.prefix import Prefix, format_address

_FIELD = re.compile(r"(\w+)=([^, ]+)")
_LOADED = re.compile(r"load:(0|0x[0-9a-f]+)->NXM_NX_REG(\d+)\[\]")

PODS, CLASSES, VERDICTS, PORTS = {20, 25, 40, 70}, {26, 74}, {27, 80}, {28, 81}
BY_NETID, FIREWALLS = {98, 101, 110, 111, 120}, {99, 100}


@frozen
class Change:
    """The lines that differ between two versions of a node's flows, the note of the digest left out."""

    removed: tuple[str, ...]
    added: tuple[str, ...]

    @classmethod
    def between(cls, old: str, new: str) -> Change:
        """The difference of two files, as sets of lines with their counts."""
        before, after = (
            Counter(line for line in text.split("\n") if "actions=note:" not in line) for text in (old, new)
        )
        return cls(tuple((before - after).elements()), tuple((after - before).elements()))

    @property
    def lines(self) -> tuple[str, ...]:
        """All lines that came or went."""
        return self.removed + self.added


@frozen
class Concern:
    """What an addition is about: pods (new, or selected by a new policy), the peers that their policies name, and the
    projects of which more or less leaves the cluster (those of new pods among them)."""

    pods: tuple[str, ...]
    addresses: frozenset[str]
    peers: frozenset[str]
    blocks: tuple[Prefix, ...] = field(default=())
    netids: frozenset[str] = field(default=frozenset())
    leaving: frozenset[str] = field(default=frozenset())
    projects: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        model: Model,
        pods: Iterable[Endpoint],
        new: Iterable[Endpoint] = (),
        leaving: Iterable[str] = (),
    ) -> Concern:
        """The concern of pods, and of the projects `leaving`, in a cluster in which the addition is there already."""
        pods, new = tuple(pods), tuple(new)
        leaving = {*leaving, *(endpoint.pod.project for endpoint in new)}
        governing = [policy for policy in model.policies if any(_selects(policy, pod.pod) for pod in pods)]
        peers = [peer for policy in governing for rule in _rules(policy) for peer in rule.peers or ()]
        projects = {
            project.name
            for policy in governing
            for rule in _rules(policy)
            for peer in rule.peers or ()
            if isinstance(peer, PodPeer)
            for project in model.projects
            if _projects(peer, policy).matches(project.labels)
        }
        named = [
            endpoint
            for endpoint in model.endpoints
            if endpoint in new
            or any(
                isinstance(peer, PodPeer)
                and endpoint.pod.project in projects
                and peer.pods.matches(endpoint.pod.labels)
                for peer in peers
            )
        ]
        projects |= {endpoint.pod.project for endpoint in new}
        nodes = [address for node in model.nodes for address in (node.address, node.gateway) if "default" in projects]
        return cls(
            tuple(pod.name for pod in pods),
            frozenset(format_address(pod.address) for pod in pods),
            frozenset(format_address(address) for address in (*(pod.address for pod in named), *nodes)),
            tuple(peer.prefix for peer in peers if isinstance(peer, BlockPeer) and peer.prefix),
            frozenset(f"0x{project.netid:x}" for project in model.projects if project.name in projects),
            frozenset(f"0x{project.netid:x}" for project in model.projects if project.name in leaving),
            tuple(sorted(leaving)),
        )

    def strangers(self, change: Change) -> list[str]:
        """The changed lines that have nothing to do with it; none, if the promise is kept."""
        flows = [
            (line, dict(_FIELD.findall(line.partition(" actions=")[0]))) for line in change.lines if line[:1] == "t"
        ]
        loaded = {table: self._loaded(flows, table) for table in (*PODS, *CLASSES, *VERDICTS, 98, 99)}
        subjects = set().union(*(loaded[table] for table in PODS))
        classes = set().union(*(loaded[table] for table in CLASSES))
        services = set().union(*(loaded[table] for table in VERDICTS))
        lists = loaded[98] | loaded[99]
        numbers = subjects | classes | services | lists
        return [line for line, fields in flows if not self._concerns(fields, subjects, classes, services, lists)] + [
            line for line in change.lines if line[:1] == "#" and not self._explains(line, numbers)
        ]

    @staticmethod
    def _loaded(flows: Sequence[tuple[str, dict[str, str]]], table: int) -> set[str]:
        return {
            number
            for line, fields in flows
            if fields["table"] == str(table)
            for number, register in _LOADED.findall(line)
            if register not in ("0", "2")
        }

    def _concerns(
        self, fields: dict[str, str], subjects: set[str], classes: set[str], services: set[str], lists: set[str]
    ) -> bool:
        table = int(fields["table"])
        if table in PODS:
            return bool({fields.get(name) for name in ("nw_src", "nw_dst", "arp_spa", "arp_tpa")} & self.addresses)
        if table in CLASSES:
            if "reg0" in fields:
                return fields["reg0"] in self.netids
            address = fields.get("nw_src") or fields.get("nw_dst") or "0.0.0.0/0"
            prefix, _ = Prefix.parse(address if "/" in address else f"{address}/32")
            return address in self.peers or any(block.overlaps(prefix) for block in self.blocks)
        if table in VERDICTS:
            subject, peers = ("reg6", "reg5") if table == 27 else ("reg4", "reg3")
            return fields.get(subject) in subjects or fields.get(peers) in classes
        if table in BY_NETID:
            return fields.get("reg0") in self.leaving
        if table in FIREWALLS:
            return fields.get("reg10") in lists
        return table in PORTS and fields.get("reg7") in services

    def _explains(self, comment: str, numbers: set[str]) -> bool:
        text = comment.removeprefix("# ")
        subject = text.partition(":")[0]
        about = {*(f"project {name}" for name in self.projects), *(f"NetID {int(each, 16)}" for each in self.leaving)}
        return text in self.pods or subject in numbers or subject in about


def _rules(policy: NetworkPolicy) -> tuple[Rule, ...]:
    return (*(policy.ingress or ()), *(policy.egress or ()))


def _selects(policy: NetworkPolicy, pod: Pod) -> bool:
    return policy.project == pod.project and policy.pods.matches(pod.labels)


def _projects(peer: PodPeer, policy: NetworkPolicy) -> Selector:
    return peer.projects if peer.projects is not None else Selector.equal({NAME_LABEL: policy.project})
