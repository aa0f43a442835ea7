"""The cluster of the tests about what leaves it: three nodes, and several addresses outside.

Its sources are made of parts, of which each test gives some: what a node, a project and the rest of the text say.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.lab import NodeSpec
from tests.lab.cluster import Attempt
from tests.lab.probes import Protocol

NODES = tuple(
    NodeSpec(f"node-{number}", f"192.168.100.1{number}/24", f"10.128.{subnet}.1", f"10.128.{subnet}.0/23")
    for number, subnet in ((1, 0), (2, 2), (3, 4))
)
HOSTS = {node.name: node.host for node in NODES}

NEIGHBOUR, LISTED, FOO, NEW_FOO, ELSEWHERE = "192.168.100.100", "1.2.3.4", "10.11.12.13", "20.21.22.23", "203.0.113.5"
"""Addresses outside: one in the nodes' network, one that the page's firewall lists, those of www.foo.com before and
after, any other."""

OUTSIDE = (f"{NEIGHBOUR}/24", f"{LISTED}/32", f"{FOO}/32", f"{NEW_FOO}/32", f"{ELSEWHERE}/32")

ADDRESSES = {
    "shop/web-1": "10.128.0.11",
    "shop/web-4": "10.128.0.14",
    "blog/blog-1": "10.128.0.12",
    "default/router-1": "10.128.0.13",
    "shop/web-2": "10.128.2.11",
    "blog/blog-2": "10.128.2.12",
    "default/router-2": "10.128.2.13",
    "wiki/wiki-2": "10.128.2.14",
    "infra/infra-2": "10.128.2.15",
    "shop/web-3": "10.128.4.11",
}
NODE_OF = {pod: f"node-{1 + int(address.split('.')[2]) // 2}" for pod, address in ADDRESSES.items()}
PROJECTS = ("shop", "blog", "wiki", "infra", "default")

SERVICES: tuple[tuple[Protocol, int], ...] = (("tcp", 80), ("udp", 80), ("icmp", 0))

PAGE_RULES = (
    {"type": "Allow", "to": {"cidrSelector": "1.2.3.0/24"}},
    {"type": "Allow", "to": {"dnsName": "www.foo.com"}},
    {"type": "Deny", "to": {"cidrSelector": "0.0.0.0/0"}},
)
"""The example of the OpenShift 3.7 documentation."""


def cluster(
    rest: str = "",
    *,
    mode: str = "networkpolicy",
    nodes: Mapping[str, str] | None = None,
    projects: Mapping[str, str] | None = None,
) -> str:
    """Return the cluster in the policy language, with what `nodes` and `projects` add to the blocks of some."""
    in_node, in_project = nodes or {}, projects or {}
    lines = [
        f"cluster {{ mode {mode}  pods 10.128.0.0/14 host-bits 9  services 172.30.0.0/16 }}",
        *(
            f"node {node.name} {{ address {node.address}  subnet {node.host_subnet}  {in_node.get(node.name, '')} }}"
            for node in NODES
        ),
        *(f"project {project} {{ {in_project.get(project, '')} }}" for project in PROJECTS),
        *(f"pod {pod} {{ node {NODE_OF[pod]}  address {address} }}" for pod, address in ADDRESSES.items()),
        rest,
    ]
    return "\n".join(lines) + "\n"


def firewall_object(rules: Sequence[object], *, project: str = "shop", name: str = "default") -> str:
    """Return an EgressNetworkPolicy object as JSON."""
    metadata = {"name": name, "namespace": project}
    return json.dumps(
        {"kind": "EgressNetworkPolicy", "apiVersion": "v1", "metadata": metadata, "spec": {"egress": list(rules)}}
    )


def write_lock(path: Path, names: Mapping[str, Sequence[str]]) -> Path:
    """Write a lock file that gives the names these addresses, and return its path."""
    entries = {
        name: {
            "addresses": list(addresses),
            "ipv6": [],
            "ttl": 60,
            "resolved": "2026-03-01T12:00:00Z",
            "server": NEIGHBOUR,
        }
        for name, addresses in names.items()
    }
    path.write_text(json.dumps({"schema": 1, "names": entries}))
    return path


def attempts(places: Iterable[str], works: Mapping[str, bool]) -> dict[Attempt, bool]:
    """Return probes from every place to every address, by every protocol, and whether they work."""
    return {
        (place, address, protocol, port): answer
        for place in places
        for address, answer in works.items()
        for protocol, port in SERVICES
    }


def arrivals(sources: Mapping[str, str | None], destinations: Iterable[str]) -> dict[Attempt, str | None]:
    """Return probes from every place to every destination, by every protocol, and the address they arrive from."""
    return {
        (place, address, protocol, port): source
        for address in destinations
        for place, source in sources.items()
        for protocol, port in SERVICES
    }
