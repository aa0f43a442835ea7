"""The cluster of `changing`, of which everything is put in force by `sdnc apply` on each node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from attrs import frozen

from tests.cluster.apply import Applier, quick_programs
from tests.cluster.apply_driver import Driver
from tests.cluster.bundle import Bundle, Cluster, running_cluster
from tests.cluster.changing import ADDRESSES, NEIGHBOUR, NODES, OUTSIDE, cluster

_FORGET = ("nf_conntrack_udp_timeout", "nf_conntrack_udp_timeout_stream", "nf_conntrack_tcp_timeout_syn_sent")


@frozen
class Changing:
    """The running cluster, and the applier of each node with a process that runs it."""

    cluster: Cluster
    appliers: Mapping[str, Applier]
    drivers: Mapping[str, Driver]

    def compile(self, text: str) -> Bundle:
        """The bundle of a cluster's text."""
        return self.cluster.compile(text)

    def apply(self, text: str, *, nodes: Sequence[str] = (), at_once: bool = True) -> None:
        """Puts a policy in force on nodes (all, if none is named), at the same time or one after the other.

        Raises AssertionError if a command fails.
        """
        bundle = self.compile(text)

        def put(node: str) -> None:
            result = self.drivers[node].run(bundle.node(node)).result
            assert result.status == 0, result.told

        chosen = nodes or tuple(self.drivers)
        with ThreadPoolExecutor(max_workers=len(chosen) if at_once else 1) as threads:
            list(threads.map(put, chosen))


@contextmanager
def running_changing(folder: Path) -> Iterator[Changing]:
    """Builds the cluster.  The bridges are there; the appliers have to do the rest."""
    with running_cluster([cluster()], NODES, OUTSIDE, folder) as running, ExitStack() as stack:
        running.clear()
        for node in running.nodes:
            for key in _FORGET:
                running.lab.namespace(node).sysctl(f"net/netfilter/{key}", "1")
            # An applier waits until the datapath's cache has been gone through; that is every half second otherwise.
            running.lab.switch(node).vsctl("set open_vswitch . other_config:max-revalidator=100")
        _know_neighbours(running)
        programs = quick_programs(folder, waits=True)
        appliers = {node: Applier(running.lab, node, folder / f"state-{node}") for node in running.nodes}
        drivers = {node: stack.enter_context(Driver(applier, programs)) for node, applier in appliers.items()}
        yield Changing(running, appliers, drivers)


def _know_neighbours(running: Cluster) -> None:
    """Tells everybody the hardware addresses of the others for good.

    Where one has to be asked for, the kernel keeps packets until it is told, for seconds; those would come with another
    policy in force than they were sent with.
    """
    lab = running.lab
    pods = {address: lab.mac_address(pod) for pod, address in ADDRESSES.items()}
    gateways = {node.gateway: lab.mac_address(node.name) for node in NODES}
    hosts = {node.host: lab.mac_address(node.name, "br-phy") for node in NODES}
    outside = {NEIGHBOUR: lab.mac_address("outside")}
    for place, interface, known in (
        *((pod, "eth0", pods | gateways) for pod in ADDRESSES),
        *((node.name, "tun0", pods) for node in NODES),
        *((node.name, "br-phy", hosts | outside) for node in NODES),
        ("outside", "eth0", hosts),
    ):
        lab.namespace(place).ip(
            *(f"neigh replace {address} lladdr {mac} dev {interface} nud permanent" for address, mac in known.items())
        )
