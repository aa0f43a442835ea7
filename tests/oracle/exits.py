"""A small cluster for examples of what leaves it, and of multicast: three nodes, two projects and `default`."""

from __future__ import annotations

from compiler.diagnostics import Diagnostics
from compiler.options import BrokenEgress, Options
from compiler.pipeline import compile_declarations
from compiler.sources import read_texts
from tests.compiling import names
from tests.oracle.compiled import OPTIONS
from tests.oracle.network import Network

OUTSIDE, ELSEWHERE = "203.0.113.7", "198.51.100.1"
NODE_1, NODE_2 = "192.168.100.11", "192.168.100.12"

HOSTS = """
node node-1 { address 192.168.100.11/24  subnet 10.128.0.0/23  egress-ip 192.168.100.50 }
node node-2 { address 192.168.100.12/24  subnet 10.128.2.0/23  egress-ip 192.168.100.51, 192.168.100.52 }
node node-3 { address 192.168.100.13/24  subnet 10.128.4.0/23  egress-ip 192.168.100.53 }
"""
PODS = """
pod shop/one { node node-1  address 10.128.0.2 }
pod shop/two { node node-2  address 10.128.2.2 }
pod shop/three { node node-3  address 10.128.4.2 }
pod blog/one { node node-1  address 10.128.0.3 }
pod blog/two { node node-2  address 10.128.2.3 }
pod default/one { node node-1  address 10.128.0.4 }
pod default/three { node node-3  address 10.128.4.4 }
"""
MODES = ("multitenant", "networkpolicy")
SERVICES = ("tcp/80", "tcp/443", "udp/53", "sctp/7", "icmp/8", "50")


TWO = "project shop { netid 100 }\nproject blog { netid 101 }\n"
GLOBAL = TWO.replace("netid 100", "netid 0")
SHARED = TWO.replace("netid 101", "netid 100")

STRICT = Options(OPTIONS.dns_lock, BrokenEgress.ERROR)
"""Broken firewalls are errors (EF-05)."""


def text(more: str, mode: str = "networkpolicy", projects: str = TWO) -> str:
    """The cluster in the policy language."""
    network = "pods 10.128.0.0/14 host-bits 9  services 172.30.0.0/16"
    return f"cluster {{ mode {mode}  {network} }}\n{HOSTS}{projects}{PODS}{more}"


def network(more: str, mode: str = "networkpolicy", projects: str = TWO) -> Network:
    """The cluster, compiled."""
    return Network.of({"cluster.sdn": text(more, mode, projects)})


def refused(more: str, mode: str, projects: str, options: Options) -> list[str]:
    """The names of what is reported where the cluster does not compile."""
    diagnostics = Diagnostics()
    declarations = read_texts({"cluster.sdn": text(more, mode, projects)}, diagnostics)
    assert compile_declarations(declarations, diagnostics, options) is None
    return names(diagnostics.sorted())
