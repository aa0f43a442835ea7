"""Egress routers in the lab: a pod becomes one by its files, and an ordinary pod again at the end."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from backends.macvlan import render
from compiler.declarations import EgressRouter, HttpProxy, Redirects
from tests.backends.macvlan.plans import PAGE, egress_router, node_plan
from tests.cluster.bundle import Cluster
from tests.cluster.echo import Protocol, Service, answer, ask
from tests.cluster.egress import ADDRESSES, NEIGHBOUR, NODE_OF, NODES, cluster
from tests.cluster.host import Flavour

GATEWAY = NEIGHBOUR
SERVERS = ("203.0.113.25", "203.0.113.26", "203.0.113.27")
"""The servers of the documentation's example; the place outside has their addresses, and is the gateway to them."""

SOURCE, MAC = "192.168.100.99", "0a:58:c0:a8:64:63"
ROUTER = "shop/web-1"
"""The router of the documentation's example, on node-1."""

OTHER_SOURCE, OTHER_MAC = "192.168.100.98", "0a:58:c0:a8:64:62"
OTHER_ROUTER, FORMER_ROUTER = "shop/web-2", "default/router-1"
"""Pods on node-2 and node-1 that are other routers in turn."""

CLIENTS = ("shop/web-4", "blog/blog-2", "shop/web-3")
"""Pods on the router's own node, node-1, and on both others."""

Port = tuple[Protocol, int]

FIRST, SECOND, THIRD = SERVERS
SERVICES: tuple[Service, ...] = (
    ("tcp", FIRST, 80),
    ("tcp", SECOND, 80),
    ("tcp", SECOND, 443),
    *((protocol, THIRD, port) for protocol in ("tcp", "udp") for port in (80, 443, 5353)),
)
REDIRECTED: dict[Port, Service] = {
    ("tcp", 80): ("tcp", FIRST, 80),
    ("tcp", 8080): ("tcp", SECOND, 80),
    ("tcp", 8443): ("tcp", SECOND, 443),
    ("tcp", 443): ("tcp", THIRD, 443),
    ("tcp", 5353): ("tcp", THIRD, 5353),
    ("udp", 80): ("udp", THIRD, 80),
    ("udp", 5353): ("udp", THIRD, 5353),
}
"""Where the documentation's example leads, by protocol and port."""

_GATEWAYS = {node.name: node.gateway for node in NODES}
_ORDINARY = """
! ip link show dev macvlan0 >/dev/null 2>&1 || ip link delete macvlan0
ip route flush dev eth0 proto boot
ip route replace 10.128.0.0/14 dev eth0
ip route replace default via "$1" dev eth0
echo 0 >/proc/sys/net/ipv4/ip_forward
for interface in all eth0; do echo 0 >"/proc/sys/net/ipv4/conf/$interface/rp_filter"; done
for flavour in nft legacy; do
    "iptables-$flavour-restore" <<'EMPTY'
*nat
COMMIT
*filter
:INPUT ACCEPT
:FORWARD ACCEPT
COMMIT
EMPTY
done
"""


@frozen
class RouterPod:
    """A pod that its node may make an egress router of, and the folder with the router's files."""

    running: Cluster
    pod: str
    folder: Path

    @property
    def node(self) -> str:
        """The node's name."""
        return NODE_OF[self.pod]

    @property
    def namespace(self) -> str:
        """The path of the pod's network namespace."""
        return f"/run/netns/{self.running.lab.namespace(self.pod).name}"

    def give_interface(self) -> None:
        """Run macvlan.sh on the node. Raises LabError."""
        self.running.lab.run(self.node, ["sh", str(self.folder / "macvlan.sh"), self.namespace])

    def set_up(self, flavour: Flavour | None = None) -> None:
        """Run setup.sh inside the pod. Raises LabError."""
        env = {"SDNC_IPTABLES": flavour} if flavour else {}
        self.running.lab.run(self.pod, ["sh", str(self.folder / "setup.sh")], env=env)

    def start(self, flavour: Flavour | None = None) -> None:
        """Run both scripts."""
        self.give_interface()
        self.set_up(flavour)

    def stop(self) -> None:
        """Make it an ordinary pod again."""
        self.running.lab.run(self.pod, ["sh", "-euc", _ORDINARY, "sh", _GATEWAYS[self.node]])


def write_router(running: Cluster, pod: str, router: EgressRouter, folder: Path) -> RouterPod:
    """Write the files of a router, for the node of a pod, into a new folder; nothing is run."""
    folder.mkdir()
    for path, file in render(node_plan([router], node=NODE_OF[pod], text=cluster())).items():
        (folder / Path(path).name).write_text(file.text)
    return RouterPod(running, pod, folder)


@contextmanager
def router_pod(running: Cluster, pod: str, router: EgressRouter, folder: Path) -> Iterator[RouterPod]:
    """Write the files of a router; in the end the pod is an ordinary one, whatever was run."""
    made = write_router(running, pod, router, folder)
    try:
        yield made
    finally:
        made.stop()


def other(
    destinations: Redirects | HttpProxy = PAGE, *, length: int = 24, interface: str | None = None
) -> EgressRouter:
    """A router with OTHER_SOURCE."""
    return egress_router(destinations, source=f"{OTHER_SOURCE}/{length}", gateway=GATEWAY, interface=interface)


def asked(running: Cluster, place: str, address: str, *ports: Port) -> dict[Port, str]:
    """What a place hears at these ports of an address."""
    home = running.lab.namespace(place)
    return {(protocol, port): ask(home, (protocol, address, port)) for protocol, port in ports}


def check_page(running: Cluster, clients: tuple[str, ...], address: str = ADDRESSES[ROUTER]) -> None:
    expected = {service: answer(server, SOURCE) for service, server in REDIRECTED.items()}
    for client in clients:
        assert asked(running, client, address, *REDIRECTED) == expected


def state(router: RouterPod) -> str:
    """All that the scripts set, inside the pod and on its node, without what changes by itself."""
    commands = {
        router.node: ("ip link show",),
        router.pod: (
            "ip link show",
            "ip -4 address show",
            "ip -4 route show",
            "sysctl -a -r net.ipv4",
            "iptables-save",
        ),
    }
    lines = [
        line
        for place, each in commands.items()
        for command in each
        for line in router.running.lab.run(place, command.split()).splitlines()
        if not line.startswith("#") and "nf_conntrack_count" not in line
    ]
    return re.sub(r"\[\d+:\d+\]|valid_lft.*", "", "\n".join(lines))


def refusal(router: RouterPod, place: str, script: str, *arguments: str) -> tuple[int, str]:
    """The exit status of a script that fails, and its message."""
    namespace = router.running.lab.namespace(place).name
    command = ["ip", "netns", "exec", namespace, "sh", str(router.folder / script), *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    return ran.returncode, ran.stderr
