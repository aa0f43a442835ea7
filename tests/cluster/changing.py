"""A cluster whose policy changes again and again: two nodes, eight pods, and random policies by a seed.

Whatever is drawn, three transfers stay allowed: from web-1 to a pod of another node, to one of its own node, and to an
address outside.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from attrs import frozen

from tests.cluster.stream import Flight
from tests.lab import NodeSpec

NODES = (
    NodeSpec("node-1", "192.168.100.11/24", gateway="10.128.0.1", host_subnet="10.128.0.0/23"),
    NodeSpec("node-2", "192.168.100.12/24", gateway="10.128.2.1", host_subnet="10.128.2.0/23"),
)
HOSTS = {node.name: node.host for node in NODES}
NEIGHBOUR, OFFICE, ARCHIVE, LISTED = "192.168.100.100", "203.0.113.5", "198.51.100.7", "1.2.3.4"
OUTSIDE = (f"{NEIGHBOUR}/24", f"{OFFICE}/32", f"{ARCHIVE}/32", f"{LISTED}/32")
EGRESS_IPS = ("192.168.100.50", "192.168.100.51")
"""Those of blog and of wiki, wherever they are hosted."""

ADDRESSES = {
    "shop/web-1": "10.128.0.11",
    "shop/api-1": "10.128.0.12",
    "blog/blog-1": "10.128.0.13",
    "wiki/wiki-1": "10.128.0.14",
    "shop/api-2": "10.128.2.11",
    "blog/blog-2": "10.128.2.12",
    "wiki/wiki-2": "10.128.2.13",
    "default/router-2": "10.128.2.14",
}
NODE_OF = {pod: "node-1" if address.startswith("10.128.0.") else "node-2" for pod, address in ADDRESSES.items()}
NETIDS = {"shop": 100, "blog": 101, "wiki": 102}

TO_OTHER, TO_SAME, TO_OUTSIDE = 7001, 7002, 7003
"""Ports of the transfers of web-1: to api-2, to api-1, and to the office."""

_SERVICES = ("udp/8001", "udp/8002", "tcp/8001", "udp/8001-8002", "udp, tcp/8001", "any")
_BLOCKS = ("10.128.0.0/23", "10.128.2.0/23", "10.128.0.0/14 except 10.128.0.12/30", OFFICE, "203.0.113.0/24")
_PEERS = (
    *_BLOCKS,
    "anyone",
    "project blog",
    "project wiki",
    "project shop",
    "projects team=staff",
    "pods app=api in project shop",
)
_DESTINATIONS = ("anyone", OFFICE, "203.0.113.0/24", ARCHIVE, "198.51.0.0/16", LISTED, f"{ARCHIVE}, {LISTED}")
_SOURCES = ("anyone", "project shop", "project blog", "project wiki", "10.128.0.0/23", "10.128.2.12/31")


def cluster(
    rest: str = "", *, nodes: Sequence[str] = ("", ""), projects: Sequence[str] = ("", "", ""), pods: str = ""
) -> str:
    """The cluster in the policy language, with what is added to the blocks of the nodes and of shop, blog and wiki."""
    lines = ["cluster { mode networkpolicy  pods 10.128.0.0/14 host-bits 9  services 172.30.0.0/16 }"]
    for node, more in zip(NODES, nodes, strict=True):
        lines.append(f"node {node.name} {{ address {node.address}  subnet {node.host_subnet}  {more} }}")
    for (project, netid), more in zip(NETIDS.items(), projects, strict=True):
        team = "staff" if project == "blog" else project
        lines.append(f"project {project} {{ netid {netid}  labels team={team}  {more} }}")
    lines.append("project default")
    for pod, address in ADDRESSES.items():
        app = pod.partition("/")[2].partition("-")[0]
        lines.append(f"pod {pod} {{ node {NODE_OF[pod]}  address {address}  labels app={app} }}")
    return "\n".join([*lines, pods, rest]) + "\n"


def random_cluster(rng: random.Random) -> str:
    """A cluster with a random policy of every kind."""
    hosted: dict[str, list[str]] = {"node-1": [], "node-2": []}
    projects = [""]
    for address in EGRESS_IPS:
        host = rng.choice(["node-1", "node-2", "nobody", "none"])
        projects.append("" if host == "none" else f"egress-ip {address}")
        if host in hosted:
            hosted[host].append(address)
    nodes = [f"egress-ip {', '.join(addresses)}" if addresses else "" for addresses in hosted.values()]
    parts = [_policies(rng), _firewalls(rng), _admin_rules(rng)]
    return cluster("\n".join(parts), nodes=nodes, projects=projects)


def _policies(rng: random.Random) -> str:
    parts = []
    if rng.random() < 0.7:
        ports = rng.choice(["tcp/7001-7002", "tcp/7000-7999", "any", "tcp"])
        peers = rng.choice(["pods app=web", "project shop", "10.128.0.8/29", "projects team=shop"])
        parts.append(
            f"policy shop/api {{ select app=api ingress {{ allow {ports} from {peers}\n{_allows(rng, 'from')} }} }}"
        )
    if rng.random() < 0.6:
        ways = rng.choice(
            [
                f"allow tcp/7001-7003 to 10.128.0.0/14, {OFFICE}",
                f"allow tcp to pods app=api\nallow tcp/7003 to {OFFICE}",
                "allow any to anyone",
            ]
        )
        parts.append(f"policy shop/web {{ select app=web egress {{ {ways}\n{_allows(rng, 'to')} }} }}")
    for project in ("blog", "wiki", "default"):
        if rng.random() < 0.6:
            parts.append(f"policy {project}/in {{ ingress {{ {_allows(rng, 'from')} }} }}")
        if rng.random() < 0.4:
            parts.append(f"policy {project}/out {{ egress {{ {_allows(rng, 'to')} }} }}")
    return "\n".join(parts)


def _allows(rng: random.Random, word: str) -> str:
    return "\n".join(f"allow {rng.choice(_SERVICES)} {word} {rng.choice(_PEERS)}" for _ in range(rng.randrange(3)))


def _firewalls(rng: random.Random) -> str:
    parts = []
    for project in NETIDS:
        if rng.random() < 0.7:
            rules = [
                f"{rng.choice(['allow', 'deny'])} {rng.choice(_SERVICES)} to {rng.choice(_DESTINATIONS)}"
                for _ in range(rng.randrange(1, 4))
            ]
            if project == "shop":
                rules.insert(0, f"allow tcp/7003 to {rng.choice([OFFICE, '203.0.113.0/24', 'anyone'])}")
            parts.append(f"firewall {project} {{ {'; '.join(rules)} }}")
    return "\n".join(parts)


def _admin_rules(rng: random.Random) -> str:
    if rng.random() < 0.2:
        return ""
    rules = [
        f"{rng.choice(['accept', 'drop', 'drop', 'reject'])} {rng.choice(_SERVICES)} from {rng.choice(_SOURCES)}"
        f" to {rng.choice(_DESTINATIONS)}"
        for _ in range(rng.randrange(1, 5))
    ]
    if rng.random() < 0.5:
        rules.append('log "out " udp/8002 from anyone to anyone')
    keep = rng.choice(["tcp/7003", "tcp/7000-7009", "tcp"])
    return f"admin-rules 10-all {{ accept {keep} from project shop to {OFFICE}\n" + "\n".join(rules) + "\n}"


@frozen
class Line:
    """A transfer of web-1: the place that receives, its address, and the port."""

    server: str
    address: str
    port: int


TRANSFERS = (
    Line("shop/api-2", ADDRESSES["shop/api-2"], TO_OTHER),
    Line("shop/api-1", ADDRESSES["shop/api-1"], TO_SAME),
    Line("outside", OFFICE, TO_OUTSIDE),
)


def flights() -> list[Flight]:
    """All connections that the stream tries: from pods to pods and to the outside, from the outside to pods and to
    egress IPs."""
    found = []
    for pod, source in ADDRESSES.items():
        targets = [address for other, address in ADDRESSES.items() if other != pod]
        for target in (*targets, OFFICE, ARCHIVE, LISTED):
            found += [Flight(pod, source, target, "udp", port) for port in (8001, 8002)]
            found.append(Flight(pod, source, target, "tcp", 8001))
    for target in (*ADDRESSES.values(), *EGRESS_IPS):
        found += [Flight("outside", NEIGHBOUR, target, "udp", 8001), Flight("outside", NEIGHBOUR, target, "tcp", 8001)]
    return found
