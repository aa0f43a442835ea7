"""What the words of a question mean: who sends, and to whom.

A word may have its kind before it (`pod:`, `project:`, `node:`, `service:`); without it, it has to mean one thing only.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from enum import Enum

from attrs import frozen

from compiler.declarations import Pod, Service
from compiler.diagnostics import printable
from compiler.suggest import did_you_mean
from compiler.trace.cluster import Cluster
from compiler.trace.ports import BadPort, parse_traffic
from compiler.trace.question import Asked, End
from compiler.trace.services import name_of, service_at
from compiler.values.ipv6 import parse_ipv6
from compiler.values.names import MAX_SUBDOMAIN
from compiler.values.prefix import MULTICAST, Prefix, format_address, parse_address


class NotUnderstood(ValueError):
    """Words that mean nothing, or several things; `option` is the one that has them (`--from`)."""

    def __init__(self, option: str, message: str) -> None:
        super().__init__(message)
        self.option = option


class _Kind(Enum):
    POD = "pod"
    PROJECT = "project"
    NODE = "node"
    SERVICE = "service"


FROM, TO, PORT = "--from", "--to", "--port"

_LIKE_ADDRESS = re.compile(r"[0-9]+(\.[0-9]+){3}(/[0-9]*)?")

_NO_HOSTS = tuple(Prefix.parse(text)[0] for text in ("0.0.0.0/32", "127.0.0.0/8", "255.255.255.255/32"))
"""This host, loopback, broadcast (RFC 6890): nobody sends from there, and no packet to there leaves its network."""

MAX_WORD = 2 * MAX_SUBDOMAIN
"""Characters of a word: a project's name, a pod's, and what is around them."""


@frozen
class _Names:
    """What is in the cluster, by kind and name; pods and services that are alone with it also by the bare name."""

    cluster: Cluster

    def known(self, kind: _Kind) -> Mapping[str, object]:
        """Everything of a kind."""
        match kind:
            case _Kind.POD:
                return self.cluster.pods
            case _Kind.PROJECT:
                return self.cluster.projects
            case _Kind.NODE:
                return self.cluster.nodes
            case _Kind.SERVICE:
                return self.cluster.services

    def full(self, kind: _Kind, name: str) -> list[str]:
        """The full names that a name may stand for."""
        known = self.known(kind)
        if name in known:
            return [name]
        if "/" in name or kind in (_Kind.PROJECT, _Kind.NODE):
            return []
        return sorted(full for full in known if full.rpartition("/")[2] == name)

    def meanings(self, kinds: Collection[_Kind], text: str, option: str) -> tuple[_Kind, str]:
        """The one thing that a text means.  Raises NotUnderstood."""
        prefix, colon, name = text.partition(":")
        given = next((kind for kind in _Kind if colon and kind.value == prefix), None)
        if colon and given is None:
            if parse_ipv6(text) is not None:
                raise NotUnderstood(option, f"{text} is IPv6, and the pod networks are IPv4")
            listed = ", ".join(f"{kind.value}:" for kind in kinds)
            hint = did_you_mean(prefix, [kind.value for kind in kinds])
            raise NotUnderstood(option, f"{prefix!r} is no kind of thing{hint}; write {listed} before a name")
        asked = [given] if given else list(kinds)
        found = [(kind, full) for kind in asked for full in self.full(kind, name if given else text)]
        if not found:
            raise NotUnderstood(option, self._unknown(asked, name if given else text))
        if len(found) > 1:
            listed = ", ".join(f"{kind.value}:{full}" for kind, full in found[:5])
            more = f" and {len(found) - 5} more" if len(found) > 5 else ""
            raise NotUnderstood(option, f"{text!r} may be {listed}{more}: write which")
        return found[0]

    def _unknown(self, kinds: Collection[_Kind], name: str) -> str:
        absent = [pod for full, pod in self.cluster.absent_pods().items() if name in (full, pod.name)]
        if len(absent) == 1 and _Kind.POD in kinds:
            return _why_absent(absent[0])
        words = [kind.value for kind in kinds]
        listed = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
        known = {full for kind in kinds for full in self.known(kind)}
        bare = {full.rpartition("/")[2] for full in known}
        return f"there is no {listed} {name!r}{did_you_mean(name, known if '/' in name else known | bare)}"


def _why_absent(pod: Pod) -> str:
    who = f"pod {pod.project}/{pod.name}"
    if pod.host_network and pod.node:
        return f"{who} uses the network of its node: ask for node:{pod.node}"
    reason = "has ended" if pod.finished else "has no address or no node yet"
    return f"{who} {reason}, so it is not on the pod network"


def resolve(cluster: Cluster, sender: str, destination: str, port: str) -> Asked:
    """What a question means.  Raises NotUnderstood."""
    for option, text in ((FROM, sender), (TO, destination), (PORT, port)):
        if len(text) > MAX_WORD:
            raise NotUnderstood(option, f"{printable(text)!r} is longer than any name")
    names = _Names(cluster)
    words, senders = _senders(names, sender)
    asked = _destination(names, destination)
    try:
        end, service = (asked, None) if isinstance(asked, End) else (None, asked)
        traffic = parse_traffic(cluster, port, end, service)
    except BadPort as reason:
        raise NotUnderstood(PORT, str(reason)) from reason
    if not isinstance(asked, End):
        address = "headless" if asked.address is None else format_address(asked.address)
        return Asked(words, senders, f"service {name_of(asked)} ({address})", traffic, service=asked)
    if not any(_is_of_cluster(cluster, end) for end in (*senders, asked)):
        raise NotUnderstood(TO, f"neither {sender} nor {destination} is in the cluster")
    return Asked(words, senders, str(asked), traffic, end=asked)


def _is_of_cluster(cluster: Cluster, end: End) -> bool:
    hosted = any(one.address == end.address for one in cluster.model.egress_ips)
    return end.endpoint is not None or end.node is not None or hosted or cluster.is_inside(end.address)


def _address(text: str, option: str) -> int | None:
    """The address in a text; None if there is none.  Raises NotUnderstood for one that no packet can be traced to."""
    try:
        address = parse_address(text)
    except ValueError:
        if _LIKE_ADDRESS.fullmatch(text):
            raise NotUnderstood(option, f"{text!r} is no IPv4 address: write one as in 203.0.113.7") from None
        return None
    if any(address in block for block in _NO_HOSTS):
        raise NotUnderstood(option, f"{text} is no address by which hosts reach each other")
    return address


def _senders(names: _Names, text: str) -> tuple[str, tuple[End, ...]]:
    cluster, address = names.cluster, _address(text, FROM)
    if address is not None:
        return _sender_at(cluster, address)
    if text.startswith(f"{_Kind.SERVICE.value}:"):
        raise NotUnderstood(FROM, "a service sends nothing; its pods do")
    kind, name = names.meanings((_Kind.POD, _Kind.PROJECT, _Kind.NODE), text, FROM)
    if kind is _Kind.POD:
        endpoint = cluster.pods[name]
        end = End(endpoint.address, endpoint)
        return str(end), (end,)
    if kind is _Kind.NODE:
        node = cluster.nodes[name]
        # What a node sends to pods has its address on the pod network, unless a program chose the other.
        return f"node {name}", (End(node.gateway, None, node), End(node.address, None, node))
    pods = cluster.endpoints_by_project().get(name, [])
    if not pods:
        raise NotUnderstood(FROM, f"project {name} has no pod on the pod network")
    return f"project {name}", tuple(End(endpoint.address, endpoint) for endpoint in pods)


def _sender_at(cluster: Cluster, address: int) -> tuple[str, tuple[End, ...]]:
    end = cluster.end(address)
    if address in MULTICAST:
        raise NotUnderstood(FROM, f"{format_address(address)} is a multicast group, which sends nothing")
    if address in cluster.model.cluster.service_network:
        service = service_at(cluster, address)
        whose = f"the address of service {name_of(service)}" if service else "an address of the service network"
        raise NotUnderstood(FROM, f"{format_address(address)} is {whose}, which sends nothing; pods behind it do")
    if end.endpoint is None and end.node is None and cluster.in_pod_network(address):
        raise NotUnderstood(FROM, f"{format_address(address)} is in a pod network, but no pod has it")
    outside = end.endpoint is None and end.node is None
    return (f"{end}, outside of the cluster" if outside else str(end)), (end,)


def _destination(names: _Names, text: str) -> End | Service:
    cluster, address = names.cluster, _address(text, TO)
    if address is not None:
        return service_at(cluster, address) or cluster.end(address)
    if text.startswith(f"{_Kind.PROJECT.value}:"):
        raise NotUnderstood(TO, "a project receives nothing; name one of its pods or services")
    kind, name = names.meanings((_Kind.POD, _Kind.SERVICE, _Kind.NODE), text, TO)
    if kind is _Kind.SERVICE:
        return cluster.services[name]
    if kind is _Kind.NODE:
        node = cluster.nodes[name]
        return End(node.address, None, node)
    return End(cluster.pods[name].address, cluster.pods[name])
