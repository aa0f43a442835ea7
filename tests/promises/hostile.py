"""Hostile values, and the inputs in which each place is replaced by each of them (OUT-05)."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

HOSTILE = [
    "x\ntable=0, priority=60000 actions=output:3",
    "\n60000",
    "x\r\nreboot",
    "$(reboot)",
    "`reboot`",
    "; reboot #",
    "' reboot '",
    '" reboot "',
    "a\\\nb",
    "../../../etc/cron.d/x",
    "/etc/passwd",
    "-rf",
    "a b",
    "a\u2028b",
    "a\x00b",
    "\x1b[31m",
    "{{ 7 * 7 }}",
    "%n%s",
    "ａ１",
    "١",
    "60000",
    "",
    ".",
    "x" * 300,
]

NO_NAMES = HOSTILE[:11]
"""Those that no name of anything may be."""

Object = dict[str, Any]
Path = tuple[str | int, ...]


def namespaced(kind: str, name: str, version: str = "v1", **body: Any) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": "shop"}, **body}


def plain(kind: str, name: str, version: str = "v1", **body: Any) -> Object:
    metadata = {"name": name, "labels": {"label-key": "label-value"}, "annotations": {"note": "anything"}}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **body}


SELECTOR = {
    "matchLabels": {"app": "web"},
    "matchExpressions": [{"key": "tier", "operator": "In", "values": ["front", "back"]}],
}
PEERS = [
    {"podSelector": SELECTOR},
    {"namespaceSelector": {"matchLabels": {"label-key": "label-value"}}},
    {"ipBlock": {"cidr": "192.0.2.0/24", "except": ["192.0.2.128/25"]}},
]
PORTS = [{"protocol": "TCP", "port": 8000, "endPort": 8010}, {"protocol": "UDP", "port": "named"}]
OPENSHIFT = "network.openshift.io/v1"

OBJECTS: dict[str, Object] = {
    "ClusterNetwork": plain(
        "ClusterNetwork",
        "default",
        OPENSHIFT,
        pluginName="redhat/openshift-ovs-networkpolicy",
        clusterNetworks=[{"CIDR": "10.128.0.0/14", "hostSubnetLength": 9}],
        serviceNetwork="172.30.0.0/16",
        vxlanPort=4789,
        mtu=1450,
    ),
    "HostSubnet": plain(
        "HostSubnet",
        "node-1",
        OPENSHIFT,
        host="node-1",
        hostIP="192.168.0.1",
        subnet="10.128.0.0/23",
        egressIPs=["192.168.0.50", "192.168.0.51"],
    ),
    "another HostSubnet": plain(
        "HostSubnet",
        "node-2",
        OPENSHIFT,
        host="node-2",
        hostIP="192.168.0.2",
        subnet="10.128.2.0/23",
        egressCIDRs=["192.168.0.64/26"],
    ),
    "Node": plain("Node", "node-1", status={"addresses": [{"type": "InternalIP", "address": "192.168.0.1"}]}),
    "Namespace": plain("Namespace", "shop"),
    "NetNamespace": plain(
        "NetNamespace",
        "shop",
        OPENSHIFT,
        netname="shop",
        netid=4242,
        egressIPs=["192.168.0.50", "192.168.0.51", "192.168.0.70"],
    ),
    "EgressFirewall": namespaced(
        "EgressFirewall",
        "default",
        "k8s.ovn.org/v1",
        spec={
            "egress": [
                {"type": "Allow", "to": {"dnsName": "www.example.com"}, "ports": [{"protocol": "TCP", "port": 443}]},
                {"type": "Deny", "to": {"cidrSelector": "192.0.2.0/24"}},
            ]
        },
    ),
    "EgressNetworkPolicy": {
        "apiVersion": "v1",
        "kind": "EgressNetworkPolicy",
        "metadata": {"name": "any", "namespace": "blog"},
        "spec": {
            "egress": [
                {"type": "Allow", "to": {"dnsName": "www.example.org."}},
                {"type": "Deny", "to": {"cidrSelector": "0.0.0.0/0"}},
            ]
        },
    },
    "another Namespace": plain("Namespace", "blog"),
    "another Pod": {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "namespace": "blog"},
        "spec": {"nodeName": "node-1", "containers": [{"name": "main"}]},
        "status": {"phase": "Running", "podIP": "10.128.0.6"},
    },
    "Endpoints": namespaced(
        "Endpoints",
        "outside",
        subsets=[{"addresses": [{"ip": "192.0.2.9"}], "ports": [{"port": 80, "protocol": "TCP"}]}],
    ),
    "EndpointSlice": namespaced(
        "EndpointSlice",
        "slice",
        "discovery.k8s.io/v1",
        addressType="IPv4",
        endpoints=[{"addresses": ["192.0.2.10"]}],
        ports=[{"port": 80, "protocol": "TCP"}],
    ),
    "Route": namespaced(
        "Route", "outside", "route.openshift.io/v1", spec={"to": {"kind": "Service", "name": "outside", "weight": 100}}
    ),
    "Pod": namespaced(
        "Pod",
        "web",
        spec={
            "nodeName": "node-1",
            "hostNetwork": False,
            "containers": [{"name": "main", "ports": [{"name": "named", "containerPort": 53, "protocol": "UDP"}]}],
        },
        status={"phase": "Running", "podIP": "10.128.0.5", "podIPs": [{"ip": "10.128.0.5"}]},
    ),
    "Service": namespaced(
        "Service",
        "front",
        spec={
            "clusterIP": "172.30.0.9",
            "selector": {"app": "web"},
            "ports": [{"name": "a", "port": 80, "targetPort": "named", "protocol": "TCP"}],
        },
    ),
    "NetworkPolicy": namespaced(
        "NetworkPolicy",
        "both",
        "networking.k8s.io/v1",
        spec={
            "podSelector": SELECTOR,
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": PEERS, "ports": PORTS}],
            "egress": [{"to": PEERS, "ports": PORTS}],
        },
    ),
}
OBJECTS["Pod"]["metadata"] |= {"labels": {"app": "web", "tier": "front"}, "annotations": {"sdnc.dev/ofport": "11"}}
OBJECTS["NetNamespace"]["metadata"]["annotations"]["netnamespace.network.openshift.io/multicast-enabled"] = "true"
OBJECTS["EndpointSlice"]["metadata"]["labels"] = {"kubernetes.io/service-name": "outside"}
OBJECTS["Namespace"]["metadata"]["annotations"]["net.beta.kubernetes.io/network-policy"] = (
    '{"ingress":{"isolation":"DefaultDeny"}}'
)

LANGUAGE = """
cluster { mode networkpolicy pods 10.128.0.0/14 host-bits 9 services 172.30.0.0/16 vxlan-port 4789 mtu 1450 }
node node-1 {
  address 192.168.0.1/24 subnet 10.128.0.0/23 labels label-key=label-value egress-ip 192.168.0.50, 192.168.0.51
}
node node-2 { address 192.168.0.2/24 subnet 10.128.2.0/23 egress-cidr 192.168.0.64/26 }
project shop { labels label-key=label-value netid 4242 multicast egress-ip 192.168.0.50, 192.168.0.51, 192.168.0.70 }
pod shop/web { node node-1 address 10.128.0.5 labels app=web, tier=front port named udp/53 of-port 11 }
service shop/front { address 172.30.0.9 select app=web port tcp/80 to named }
service shop/outside { address 172.30.0.10 port tcp/80 endpoint 192.0.2.9 }
addresses office = 192.0.2.0/24 except 192.0.2.128/25
services dns = udp/53, tcp/53
policy shop/both {
  select app=web, tier in (front, back)
  ingress { allow tcp/8000-8010, udp/named from pods app=web, tier in (front, back) in projects label-key=label-value
    allow dns from office }
  egress { allow tcp/443 to project shop }
}
firewall shop {
  allow tcp/443, dns to www.example.com, office
  deny any to 192.0.2.0/24, www.example.org.
  deny udp to anyone
}
"""

NAMES = {"www.example.com": ["192.0.2.80"], "www.example.org": ["198.51.100.80", "198.51.100.81"]}

LOCK = {
    "schema": 1,
    "names": {
        name: {
            "addresses": addresses,
            "ipv6": ["2001:db8::80"],
            "ttl": 300,
            "resolved": "2026-03-01T12:00:00Z",
            "server": "192.0.2.53",
        }
        for name, addresses in NAMES.items()
    },
}
"""A DNS lock file with the names."""

INTERFACES = {
    "headings": ["name", "ofport", "external_ids"],
    "data": [["veth1", 11, ["map", [["ip", "10.128.0.5"], ["sandbox", "0123"]]]]],
}


def as_texts(objects: dict[str, Object]) -> dict[str, str]:
    """A file for each object."""
    return {f"{kind}.json": json.dumps(each) for kind, each in objects.items()}


def places(value: Any, path: Path = ()) -> Iterator[tuple[Path, bool]]:
    """The path of every scalar, and of every key (True) of a mapping whose keys are the user's."""
    match value:
        case dict():
            for key, inside in value.items():
                yield from places(inside, (*path, key))
                if path and path[-1] in ("labels", "matchLabels", "annotations", "selector", "names"):
                    yield (*path, key), True
        case list():
            for number, inside in enumerate(value):
                yield from places(inside, (*path, number))
        case _:
            yield path, False


def replaced(value: Object, path: Path, is_key: bool, text: str) -> Object:
    """A copy with the value at a path, or its key, replaced."""
    result = copy.deepcopy(value)
    around: Any = result
    for step in path[:-1]:
        around = around[step]
    if is_key:
        around[text] = around.pop(path[-1])
    else:
        around[path[-1]] = text
    return result
