"""A node on which a change touches everything: bridge, sets of addresses, all tables of iptables, egress IPs, groups,
flows, ports of pods, and an egress router's interface."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from tests.cluster.apply import Applier
from tests.cluster.bundle import Bundle
from tests.lab import Lab, NodeSpec

NODE = NodeSpec("node-1", "192.168.100.11/24", gateway="10.128.0.1", host_subnet="10.128.0.0/23")
ROUTER = "shop/legacy"
OUTSIDE = ("192.168.100.100/24",)

_CLUSTER = """
cluster {{ mode networkpolicy  pods 10.128.0.0/14 host-bits 9  services 172.30.0.0/16  vxlan-port {vxlan}  mtu {mtu} }}
node node-1 {{ address 192.168.100.11/24  subnet 10.128.0.0/23  egress-ip {egress_ips} }}
node node-2 {{ address 192.168.100.12/24  subnet 10.128.2.0/23 }}
project shop {{ egress-ip {egress_ips} }}
project blog
pod shop/web-1 {{ node node-1  address 10.128.0.11  labels app=web  of-port {port}  interface vethweb }}
pod shop/legacy {{ node node-1  address 10.128.0.12  of-port 12  interface vethlegacy }}
pod blog/blog-2 {{ node node-2  address 10.128.2.11 }}
"""

OLD = (
    _CLUSTER.format(vxlan=4789, mtu=1450, egress_ips="192.168.100.50, 192.168.100.51", port=11)
    + """
policy shop/web { select app=web ingress { allow tcp/80 from project blog } }
firewall shop { allow any to 1.2.3.0/24  deny any to anyone }
addresses listed = 198.51.100.0/24 except 198.51.100.7
admin-rules 10-all { drop tcp/25 from anyone to listed  reject udp/137-139 from project shop to anyone }
"""
)

NEW = (
    _CLUSTER.format(vxlan=4790, mtu=1400, egress_ips="192.168.100.51, 192.168.100.52", port=21)
    + """
policy shop/web { select app=web ingress { allow tcp/80-443 from project blog, 10.0.0.0/8 } egress {} }
firewall shop { deny udp to 1.2.3.0/24 }
addresses listed = 203.0.113.0/24 except 203.0.113.5
admin-rules 10-all {
  accept tcp/25 from project shop to anyone
  limit 20/second tcp/443 from anyone to anyone
  drop tcp/25 from anyone to listed
}
egress-router shop/legacy {
  source 192.168.100.99/24
  gateway 192.168.100.100
  interface parent
  node node-1
  redirect tcp/80 to 203.0.113.25
}
"""
)


@frozen
class Node:
    """The node, its applier, and the old and the new bundle."""

    applier: Applier
    old: Bundle
    new: Bundle

    @property
    def lab(self) -> Lab:
        """The lab with this one node and its pods."""
        return self.applier.lab

    def free(self) -> None:
        """Waits until nothing that an applier started is at work any more."""
        path, end = self.applier.state / "lock", time.monotonic() + 30
        while path.exists():
            with path.open() as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return
                except BlockingIOError:
                    assert time.monotonic() < end
            time.sleep(0.005)

    def remove_macvlan(self) -> None:
        """Makes the egress router's pod an ordinary one again, which no applier does."""
        self.lab.run(ROUTER, ["sh", "-c", "ip link delete macvlan0 2>/dev/null || true"])

    def macvlan(self) -> str:
        """The Ethernet address of the egress router's interface, if it has one."""
        return self.lab.run(ROUTER, ["sh", "-c", "cat /sys/class/net/macvlan0/address 2>/dev/null || true"]).strip()


@contextmanager
def running_node(folder: Path) -> Iterator[Node]:
    """Builds the node, on which nothing is in force."""
    old, new = (Bundle.compile(text, folder / name) for name, text in (("old", OLD), ("new", NEW)))
    scripts = {NODE.name: old.bridge_script(NODE.name)}
    with Lab([NODE], old.pods([NODE]), outside=OUTSIDE, bridge_scripts=scripts) as lab:
        lab.namespace(NODE.name).ip("link add parent type veth peer name parent-peer", "link set parent up")
        yield Node(Applier(lab, NODE.name, folder / "state"), old, new)
