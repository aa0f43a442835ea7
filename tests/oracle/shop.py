"""A small cluster for examples of policies, and who reaches whom in it."""

from __future__ import annotations

from tests.oracle.network import Network

CLUSTER = """
cluster { mode networkpolicy  pods 10.128.0.0/14 host-bits 9  services 172.30.0.0/16 }
node node-1 { address 192.168.100.11  subnet 10.128.0.0/23 }
node node-2 { address 192.168.100.12  subnet 10.128.2.0/23 }
project shop { labels team=web }
project audit { labels team=finance }
pod shop/web { node node-1  address 10.128.0.2  labels app=web  port http tcp/8080 }
pod shop/api { node node-2  address 10.128.2.2  labels app=api, tier=middle  port http tcp/9000  port http udp/9001 }
pod shop/plain { node node-1  address 10.128.0.3 }
pod audit/web { node node-2  address 10.128.2.3  labels app=web }
pod audit/book { node node-1  address 10.128.0.4  labels app=book, note="" }
pod default/router { node node-2  address 10.128.2.4  labels app=router }
"""
OUTSIDE = "203.0.113.7"
PODS = ("shop/web", "shop/api", "shop/plain", "audit/web", "audit/book", "default/router")


def network(policies: str) -> Network:
    return Network.of({"cluster.sdn": CLUSTER + policies})


def yaml_network(metadata: str, spec: str) -> Network:
    """The cluster with one policy object."""
    policy = f"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {metadata}\nspec: {spec}\n"
    return Network.of({"cluster.sdn": CLUSTER, "policy.yaml": policy})


def who_reaches(net: Network, destination: str, service: str) -> set[str]:
    """The pods that reach another pod."""
    return {pod for pod in PODS if pod != destination and net.reaches(pod, destination, service)}


def whom_reaches(net: Network, source: str, service: str) -> set[str]:
    """The pods that a pod reaches."""
    return {pod for pod in PODS if pod != source and net.reaches(source, pod, service)}


ALL = set(PODS)
