"""The small cluster of the backend's tests, in three modes: two nodes, three projects, six pods."""

from __future__ import annotations

from backends.ovs.walk import FlowTable
from tests.compiling import NETWORK, NODES, compiled, declare, node_files

PODS = """
project shop { netid 100 labels team=web }
project other { netid 200 }
pod shop/web { node node-1 address 10.128.0.2 labels app=web of-port 11  port http tcp/8080 }
pod shop/db { node node-1 address 10.128.0.3 labels app=db of-port 12 }
pod default/router { node node-1 address 10.128.0.4 labels app=router of-port 13 }
pod shop/api { node node-2 address 10.128.2.2 labels app=api of-port 11 }
pod other/client { node node-2 address 10.128.2.3 of-port 12 }
pod other/batch { node node-2 address 10.128.2.4 labels job=yes of-port 13 }
"""

POLICIES = """
policy shop/web {
  select app=web
  ingress {
    allow tcp/http from pods app=router in project default
    allow tcp/8000-8999 from 203.0.113.0/24 except 203.0.113.128/25
    allow udp/53 from anyone
  }
}
policy shop/db { select app=db  ingress { allow tcp/5432, sctp/5000 from pods app=api }  egress {} }
policy shop/api { select app=api  egress { allow tcp/5432 to pods app=db  allow any to 192.0.2.0/24 } }
"""

PORTS = {
    "router": ("node-1", 13, "10.128.0.4"),
    "web": ("node-1", 11, "10.128.0.2"),
    "db": ("node-1", 12, "10.128.0.3"),
    "api": ("node-2", 11, "10.128.2.2"),
    "client": ("node-2", 12, "10.128.2.3"),
    "batch": ("node-2", 13, "10.128.2.4"),
}
"""Each pod's node, port and address."""

MODES = ("subnet", "multitenant", "networkpolicy")


def small_cluster(mode: str) -> dict[str, dict[str, str]]:
    """The files of each node."""
    text = f"cluster {{ mode {mode} {NETWORK} }}\n{NODES}{PODS}{POLICIES if mode == 'networkpolicy' else ''}"
    return node_files(compiled(declare(text)))


def tables(mode: str) -> dict[str, FlowTable]:
    """The flows of each node, to send packets through."""
    return {node: FlowTable.parse(files["flows.txt"]) for node, files in small_cluster(mode).items()}
