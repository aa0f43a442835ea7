"""A node for tests of the applier: a network namespace with an Open vSwitch of its own and pods' interfaces, and the
outside, so that announcements have somebody to go to.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sdnc.apply import engine
from sdnc.apply.differences import Difference
from sdnc.apply.engine import Outcome, Plan
from sdnc.apply.node_bundle import NodeBundle
from sdnc.apply.reading import read_state
from sdnc.apply.state import State, scope_of
from sdnc.apply.system import CommandFailed, System
from tests.lab.commands import run
from tests.lab.namespaces import Namespace, create, entered
from tests.lab.rundir import run_directory
from tests.lab.switch import Switch

ADDRESS = "192.168.100.11/24"


class Watched(System):
    """The real system, which remembers the commands that change something, and can make one of them fail.

    `fail_at` is the number of that command; those that may fail do not count.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(environ)
        self.changes: list[tuple[str, ...]] = []
        self.fail_at = sys.maxsize

    def run(self, argv: Sequence[str], *, stdin: str = "", changes: bool = False, **options: object) -> str:
        if changes:
            self.changes.append(tuple(argv))
            counted = [change for change in self.changes if change[0] != "ovs-appctl" and "destroy" not in change]
            if counted[self.fail_at :] == [tuple(argv)]:
                raise CommandFailed(argv, 1, "made to fail")
        return super().run(argv, stdin=stdin, changes=changes, **options)  # type: ignore[arg-type]


@dataclass
class Steps:
    """An observer that remembers what it is told."""

    plans: list[Plan] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def before(self, plan: Plan) -> None:
        self.plans.append(plan)

    def step(self, name: str) -> None:
        self.names.append(name)


@dataclass(frozen=True)
class Node:
    """The node; what runs on it runs in its namespace and finds its switch."""

    namespace: Namespace
    pods: Mapping[str, Namespace]
    switch: Switch
    flavour: str = "nft"
    path: str = "/usr/sbin:/usr/bin:/sbin:/bin"

    def system(self, environ: Mapping[str, str] | None = None) -> Watched:
        """The system of the node; `environ` are further variables."""
        own = {"PATH": self.path, "SDNC_DATAPATH_TYPE": "netdev", "SDNC_IPTABLES": self.flavour}
        return Watched({**own, **self.switch.environment, **(environ or {})})

    def apply(self, bundle: NodeBundle, *previous: NodeBundle, system: System | None = None) -> Outcome:
        with entered(self.namespace):
            return engine.put_in_force(system or self.system(), bundle, previous, Steps())

    def plan(self, bundle: NodeBundle, *previous: NodeBundle) -> Plan:
        with entered(self.namespace):
            return engine.plan(self.system(), bundle, previous)

    def drift(self, bundle: NodeBundle, *previous: NodeBundle) -> list[tuple[str, str, str, str]]:
        return [_told(each) for each in self.plan(bundle, *previous).differences]

    def state(self, *bundles: NodeBundle) -> State:
        with entered(self.namespace):
            return read_state(self.system(), scope_of(*bundles))

    def run(self, line: str, stdin: str = "") -> str:
        """Run a command line on the node ("ip route")."""
        environ = {"SDNC_DATAPATH_TYPE": "netdev", "SDNC_IPTABLES": self.flavour}
        return self.switch.run(line.split(), stdin=stdin, env=environ)

    def iptables(self, line: str) -> None:
        self.run(f"iptables-{self.flavour} --wait {line}")

    def clear(self) -> None:
        """Take away everything that a test may have left."""
        self.run("ovs-vsctl --timeout=20 --if-exists del-br br0")
        self.run(
            f"iptables-{self.flavour}-restore", "".join(f"*{t}\nCOMMIT\n" for t in ("raw", "mangle", "nat", "filter"))
        )
        self.run("ip address flush dev eth0")
        self.run(f"ip address add {ADDRESS} dev eth0")
        self.run("ip route replace default via 192.168.100.1")
        self.run("ipset destroy")
        self.namespace.sysctl("net/ipv4/ip_forward", "0")
        for pod in self.pods.values():
            if "macvlan0" in pod.run(["ip", "-o", "link"]):
                pod.ip("link del macvlan0")


def _told(each: Difference) -> tuple[str, str, str, str]:
    return each.kind.value, each.where, each.what, each.found


@contextmanager
def running_node(pods: Mapping[str, str]) -> Iterator[Node]:
    """Build a node with pods, of which the addresses and the interfaces on the node are given. Raises LabError."""
    with run_directory() as folder:
        home, outside = Namespace(f"{folder.name}-node"), Namespace(f"{folder.name}-outside")
        inside = {address: Namespace(f"{folder.name}-pod{number}") for number, address in enumerate(pods)}
        create([home, outside, *inside.values()])
        _wire(home, "eth0", outside, "eth0")
        home.ip(f"addr add {ADDRESS} dev eth0", "link set eth0 up", "route add default via 192.168.100.1")
        outside.ip("addr add 192.168.100.1/24 dev eth0", "link set eth0 up")
        for address, interface in pods.items():
            _wire(home, interface, inside[address], "eth0")
            inside[address].ip(f"addr add {address}/23 dev eth0", "link set eth0 up")
        home.ip(*(f"link set {interface} up" for interface in pods.values()))
        files = Path(folder) / "switch"
        files.mkdir()
        switch = Switch(files, home)
        try:
            switch.start()
            yield Node(home, inside, switch)
        finally:
            switch.close()


def _wire(one: Namespace, interface: str, other: Namespace, peer: str) -> None:
    run(["ip", "link", "add", interface, "netns", one.name, "type", "veth", "peer", peer, "netns", other.name])
