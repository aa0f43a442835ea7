"""A node without a switch: what its own iptables and addresses do shows without flows.

    outside ── eth0 [node] tun0 ── bridge ── pods

Instead of br0 a plain bridge joins tun0 and the pods.  A pod's frames have the source MAC that the flows would give
them: its own, or that of its project's egress IP.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from attrs import frozen

from backends.ethernet import mac_of
from backends.iptables import render
from compiler.plan.node import NodePlan
from compiler.values.prefix import parse_address
from tests.backends.iptables.plans import NODE, SHOP_IP
from tests.lab.commands import run
from tests.lab.namespaces import Namespace, create
from tests.lab.rundir import run_directory

Flavour = Literal["nft", "legacy"]
FLAVOURS: tuple[Flavour, ...] = ("nft", "legacy")

OUTSIDE = "192.168.100.1"
GATEWAY = "10.128.0.1"
POD = "10.128.0.2"
SHOP_POD = "10.128.0.3"
"""A pod whose project has the egress IP SHOP_IP: its MAC is that of the address."""

_MACS = {POD: "02:00:00:00:00:02", SHOP_POD: mac_of(parse_address(SHOP_IP))}


@frozen
class Host:
    """The namespaces of a node, of the outside and of two pods, and a folder for the node's files."""

    node: Namespace
    outside: Namespace
    pods: dict[str, Namespace]
    folder: Path

    def write(self, plan: NodePlan) -> None:
        """Put the files of a plan into the folder."""
        for name, file in render(plan).items():
            (self.folder / name).write_text(file.text)

    def load(self, flavour: Flavour) -> None:
        """Run iptables.sh. Raises LabError."""
        self.node.run(["sh", str(self.folder / "iptables.sh")], env={"SDNC_IPTABLES": flavour})

    def put(self, flavour: Flavour, plan: NodePlan) -> None:
        """Write the files of a plan and run its iptables.sh. Raises LabError."""
        self.write(plan)
        self.load(flavour)

    def set_addresses(self) -> None:
        """Run addresses.sh. Raises LabError."""
        self.node.run(["sh", str(self.folder / "addresses.sh")])

    def iptables(self, flavour: Flavour, *lines: str) -> None:
        """Run iptables commands, one a line ("-t nat -A PREROUTING …")."""
        for line in lines:
            self.node.run([f"iptables-{flavour}", "--wait", *line.split()])

    def saved(self, flavour: Flavour) -> list[str]:
        """Return what iptables-save prints, without what changes by itself: comments, which tell the time, and
        counters."""
        text = re.sub(r" \[\d+:\d+\]$", "", self.node.run([f"iptables-{flavour}-save"]), flags=re.MULTILINE)
        return [line for line in text.splitlines() if not line.startswith("#")]

    def listed(self, flavour: Flavour, table: str, chain: str) -> list[str]:
        """Return the rules of a chain."""
        lines = self.node.run([f"iptables-{flavour}", "--wait", "-t", table, "-S", chain]).splitlines()
        return [line.removeprefix(f"-A {chain} ") for line in lines if line.startswith("-A")]

    def packets(self, flavour: Flavour, chain: str) -> list[int]:
        """Return how many packets each rule of a chain of the filter table has matched."""
        lines = self.node.run([f"iptables-{flavour}", "--wait", "-v", "-S", chain]).splitlines()
        return [int(line.split(" -c ")[1].split()[0]) for line in lines if line.startswith("-A")]

    def sets(self) -> list[str]:
        """Return the names of the sets of addresses, sorted."""
        return sorted(self.node.run(["ipset", "list", "-name"]).split())


@contextmanager
def running_host(plan: NodePlan) -> Iterator[Host]:
    """Build a node, and take it down at the end; its files lie ready, none is in force. Raises LabError."""
    with run_directory() as folder:
        names = ("node", "outside", "switch", "pod", "shop-pod")
        node, outside, switch, pod, shop_pod = places = [Namespace(f"{folder.name}-{name}") for name in names]
        host = Host(node, outside, {POD: pod, SHOP_POD: shop_pod}, folder)
        create(places)
        _wire(node, "eth0", outside, "eth0")
        outside.ip(f"addr add {OUTSIDE}/24 dev eth0", "link set eth0 up", f"route add 10.128.0.0/14 via {NODE}")
        _wire(node, "tun0", switch, "port0")
        node.ip(
            f"addr add {NODE}/24 dev eth0",
            "link set eth0 up",
            f"link set tun0 address {mac_of(parse_address(GATEWAY))}",
            f"addr add {GATEWAY}/23 dev tun0",
            "link set tun0 up",
            "route add 10.128.0.0/14 dev tun0",
        )
        node.sysctl("net/ipv4/ip_forward", "1")
        for number, (address, namespace) in enumerate(host.pods.items(), start=1):
            _wire(namespace, "eth0", switch, f"port{number}")
            namespace.ip(
                f"link set eth0 address {_MACS[address]}",
                f"addr add {address}/23 dev eth0",
                "link set eth0 up",
                f"route add default via {GATEWAY}",
            )
        switch.ip(
            "link add bridge type bridge",
            "link set bridge up",
            *(f"link set port{number} master bridge up" for number in range(3)),
        )
        host.write(plan)
        yield host


def _wire(one: Namespace, interface: str, other: Namespace, peer: str) -> None:
    run(["ip", "link", "add", interface, "netns", one.name, "type", "veth", "peer", peer, "netns", other.name])
