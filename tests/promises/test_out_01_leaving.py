"""OUT-01 for what leaves the cluster: egress firewalls, egress IPs and multicast give the same bytes as policy language
and as objects, in any order, at any number of workers."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from tests.sdnc.running import files_of, invoke

pytestmark = pytest.mark.behaviour("OUT-01")

NETWORK = """
cluster { mode multitenant  pods 10.128.0.0/14 host-bits 9  services 172.30.0.0/16 }
node node-1 { address 192.168.100.11  subnet 10.128.0.0/23 }
node node-2 { address 192.168.100.12  subnet 10.128.2.0/23 }
pod shop/one { node node-1  address 10.128.0.2 }
pod shop/two { node node-2  address 10.128.2.2 }
pod blog/one { node node-1  address 10.128.0.3 }
pod default/one { node node-2  address 10.128.2.4 }
"""
"""What is written once, whatever the rest is written in."""

LANGUAGE = """
node node-1 { egress-ip 192.168.100.51, 192.168.100.50 }
node node-2 { egress-cidr 192.168.100.64/26, 192.168.100.128/26 }
project shop { netid 100  multicast  egress-ip 192.168.100.50, 192.168.100.51, 192.168.100.70 }
project blog { netid 101  egress-ip 192.168.100.130, 192.168.100.71 }
project default { netid 0  multicast }
firewall shop {
  allow tcp/443, udp/53 to one.example.com
  deny any to 203.0.113.0/24
  allow sctp to 0.0.0.0/0
  deny any to 0.0.0.0/0
}
firewall blog { allow any to two.example.com ; deny any to 198.51.100.0/24 }
"""

LOCK = {
    name: {"addresses": addresses, "ipv6": [], "ttl": 60, "resolved": "2026-03-01T12:00:00Z", "server": "192.0.2.53"}
    for name, addresses in {
        "one.example.com": ["203.0.113.5"],
        "two.example.com": ["198.51.100.7", "198.51.100.9"],
    }.items()
}

OPENSHIFT = "network.openshift.io/v1"
MULTICAST = {"netnamespace.network.openshift.io/multicast-enabled": "true"}

Object = dict[str, object]


def of_kind(kind: str, name: str, **body: object) -> Object:
    return {"apiVersion": OPENSHIFT, "kind": kind, "metadata": {"name": name}, **body}


def firewall(kind: str, version: str, project: str, *rules: Object) -> Object:
    metadata = {"name": "default", "namespace": project}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": {"egress": [*rules]}}


def rule(verdict: str, *ports: Object, **to: str) -> Object:
    return {"type": verdict, "to": to} | ({"ports": [*ports]} if ports else {})


def net_namespace(name: str, netid: int, *egress_ips: str, multicast: bool = False) -> Object:
    found = of_kind("NetNamespace", name, netname=name, netid=netid, egressIPs=[*egress_ips])
    return found | {"metadata": {"name": name, "annotations": MULTICAST}} if multicast else found


def host_subnet(name: str, address: str, subnet: str, **egress: list[str]) -> Object:
    return of_kind("HostSubnet", name, host=name, hostIP=address, subnet=subnet, **egress)


OBJECTS = [
    host_subnet("node-1", "192.168.100.11", "10.128.0.0/23", egressIPs=["192.168.100.50", "192.168.100.51"]),
    host_subnet("node-2", "192.168.100.12", "10.128.2.0/23", egressCIDRs=["192.168.100.128/26", "192.168.100.64/26"]),
    net_namespace("shop", 100, "192.168.100.70", "192.168.100.50", "192.168.100.51", multicast=True),
    net_namespace("blog", 101, "192.168.100.71", "192.168.100.130"),
    net_namespace("default", 0, multicast=True),
    firewall(
        "EgressFirewall",
        "k8s.ovn.org/v1",
        "shop",
        rule("Allow", {"protocol": "TCP", "port": 443}, {"protocol": "UDP", "port": 53}, dnsName="one.example.com."),
        rule("Deny", cidrSelector="203.0.113.0/24"),
        rule("Allow", {"protocol": "SCTP"}, cidrSelector="0.0.0.0/0"),
        rule("Deny", cidrSelector="0.0.0.0/0"),
    ),
    firewall(
        "EgressNetworkPolicy",
        "v1",
        "blog",
        rule("Allow", dnsName="two.example.com"),
        rule("Deny", cidrSelector="198.51.100.0/24"),
    ),
]
"""What `LANGUAGE` says, its lists in another order where that means nothing."""


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """A lock file with the names."""
    path = tmp_path / "names.lock"
    path.write_text(json.dumps({"schema": 1, "names": LOCK}))
    return path


def compiled(folder: Path, lock: Path, jobs: int, texts: Mapping[str, str]) -> Mapping[str, bytes]:
    """The bundle of texts, which are written into a new folder."""
    folder.mkdir()
    for name, text in texts.items():
        (folder / name).write_text(text)
    out = folder.with_suffix(".out")
    ran = invoke("compile", folder, "-o", out, "--dns-lock", lock, "--jobs", str(jobs))
    assert ran.exit_code == 0, ran.stderr
    return files_of(out)


@pytest.mark.parametrize("seed", range(4))
def test_language_and_objects_give_the_same_bundle_in_any_order(tmp_path: Path, lock: Path, seed: int) -> None:
    """All files of all nodes, and the manifest with the digests of what was declared."""
    shuffled = random.Random(seed).sample(OBJECTS, len(OBJECTS))
    json_list = json.dumps({"apiVersion": "v1", "kind": "List", "items": shuffled[seed % 3 :: 3]})
    rest = yaml.safe_dump_all(one for one in shuffled if one not in shuffled[seed % 3 :: 3])

    language = compiled(tmp_path / "language", lock, 1, {"a.sdn": NETWORK, "b.sdn": LANGUAGE})
    other_order = compiled(tmp_path / "other", lock, 2, {"a.sdn": LANGUAGE, "b.sdn": NETWORK})
    objects = compiled(tmp_path / "objects", lock, 2, {"n.sdn": NETWORK, "a.json": json_list, "b.yaml": rest})

    assert language == other_order == objects
    names = {f"nodes/{node}/{name}" for node in ("node-1", "node-2") for name in ("iptables.rules", "addresses.sh")}
    assert {*names, "nodes/node-1/groups.txt"} <= language.keys()
