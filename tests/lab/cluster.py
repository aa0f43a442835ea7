"""The test cluster: nodes and pods as network namespaces, built from a topology, and what tests do with it.

The parts hang together as on real machines:

    pod eth0 ── veth ── br0 ── vxlan0 ┄ br-phy ── eth0 ── veth ── underlay bridge ── other nodes, "outside"
                         └─── tun0 ── the node's own IP stack (services, the way out)

br-phy carries the node's address: the userspace datapath finds the way of its VXLAN packets only through a
bridge of its own.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.lab import packets
from tests.lab.build import NodeBuilder, build_namespaces, join_underlay, meet_neighbours
from tests.lab.capture import Capture, mac_address, send_frame, send_ipv4
from tests.lab.commands import LabError
from tests.lab.multicast import Member, hear
from tests.lab.namespaces import Namespace
from tests.lab.packets import Frame
from tests.lab.probes import Outcome, Probe, Prober, Protocol
from tests.lab.rundir import run_directory
from tests.lab.switch import Switch
from tests.lab.topology import NodeSpec, PodSpec, Topology
from tests.lab.trace import TraceResult

OUTSIDE = "outside"
_DISCARD = 9  # the port of RFC 863: nobody answers there

Attempt = tuple[str, str, Protocol, int]
"""A probe by names: the place where it starts, the address where it goes, protocol, port (0 for icmp)."""


class Lab:
    """A running test cluster, as a context manager. It needs root.

    A *place* is a pod's name, a node's name or "outside", a host on the underlay that is not part of the
    cluster.
    """

    def __init__(
        self,
        nodes: Iterable[NodeSpec],
        pods: Iterable[PodSpec],
        *,
        outside: Iterable[str] = ("192.168.100.100/24",),
        bridge_scripts: Mapping[str, Path] | None = None,
    ) -> None:
        """Take what to build.

        `outside` gives the addresses of the place outside, the first in the underlay's network. A node that
        is named in `bridge_scripts` gets its br0 from that script, which runs with
        SDNC_DATAPATH_TYPE=netdev; the lab makes the bridges of the others. Raises ValueError for a topology
        that does not fit together.
        """
        self._topology = Topology(tuple(nodes), tuple(pods), tuple(outside))
        self._scripts = dict(bridge_scripts or {})
        self._owners = self._topology.owners()
        self._stack = ExitStack()
        self._namespaces: dict[str, Namespace] = {}
        self._switches: dict[str, Switch] = {}
        self._prober = Prober()

    def __enter__(self) -> Self:
        if os.geteuid() != 0:
            raise LabError("network namespaces need root")
        with self._stack:
            folder = self._stack.enter_context(run_directory())
            self._stack.callback(self._prober.close)
            self._namespaces, underlay = build_namespaces(self._topology, prefix=folder.name)
            join_underlay(self._topology, self._namespaces, underlay)
            builders = [self._builder(node, folder) for node in self._topology.nodes]
            with ThreadPoolExecutor(max_workers=max(1, len(builders))) as workers:
                list(workers.map(NodeBuilder.build, builders))
            meet_neighbours(self._topology, self._switches)
            self._stack = self._stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, where: TracebackType | None
    ) -> None:
        self._stack.close()

    def namespace(self, place: str) -> Namespace:
        """Return the namespace of a place."""
        if place not in self._namespaces:
            raise LabError(f"there is no place {place}")
        return self._namespaces[place]

    def switch(self, node: str) -> Switch:
        """Return the Open vSwitch of a node."""
        return self._switches[node]

    def run(self, place: str, command: Sequence[str], *, stdin: str = "", env: Mapping[str, str] | None = None) -> str:
        """Run a command in a place and return its output. A node's ovs-vsctl finds the node's switch."""
        runner = self._switches.get(place) or self.namespace(place)
        return runner.run(command, stdin=stdin, env=env)

    def load_flows(self, node: str, flows: str | Path) -> None:
        """Replace the flows of a node's br0 by a text's or a file's, all or nothing. Raises LabError."""
        self.switch(node).load_flows(flows)
        # It takes a moment until the datapath's cache follows; empty, it follows at once.
        self.switch(node).appctl("revalidator/purge")

    def dump_flows(self, node: str) -> list[str]:
        """Return the flows of a node's br0, without statistics and port names."""
        return self.switch(node).dump_flows()

    def trace(self, node: str, flow: str, ct_states: Iterable[str] = ()) -> TraceResult:
        """Ask a node's br0 what it would do with a packet; see `Switch.trace`."""
        return self.switch(node).trace(flow, ct_states)

    def flush_connections(self) -> None:
        """Make all switches forget the connections that they track."""
        for switch in self._switches.values():
            switch.appctl("dpctl/flush-conntrack")

    def listen(self, place: str, protocol: Protocol, port: int) -> None:
        """Answer probes at this port of a place from now on. It is needed for service addresses only."""
        self._prober.listen(self.namespace(place), protocol, port)

    def stop_listening(self, place: str) -> None:
        """Leave the TCP and UDP ports of a place to other servers, until the next probe goes there."""
        self._prober.stop_listening(self.namespace(place))

    def probe_many(self, attempts: Iterable[Attempt], *, wait: float = 0.5) -> list[bool]:
        """Try connections, all at the same time; say for each whether it worked, replies included.

        The place that has the address listens first; for other addresses (services) `listen` where they
        lead. The call takes `wait` seconds longer than the last packet of all, if any attempt gets no
        answer.
        """
        return [outcome.answered for outcome in self._try(attempts, wait)]

    def probe(self, place: str, address: str, protocol: Protocol, port: int = 0, *, wait: float = 0.5) -> bool:
        """Try one connection; see `probe_many`."""
        return self.probe_many([(place, address, protocol, port)], wait=wait)[0]

    def mismatches(self, expected: Mapping[Attempt, bool], *, wait: float = 0.5) -> dict[Attempt, bool]:
        """Try connections, and return those that do not do what is expected, with what they did.

        What should work and did not is tried once more, with three times the patience: a packet may get lost.
        """
        outcomes = self._try_twice(expected, wait)
        return {
            attempt: outcome.answered for attempt, outcome in outcomes.items() if outcome.answered != expected[attempt]
        }

    def mismatched_sources(
        self, expected: Mapping[Attempt, str | None], *, wait: float = 0.5
    ) -> dict[Attempt, Outcome]:
        """Try connections that should arrive from the addresses expected, and be answered; None: not arrive at all.

        It returns those that do not, with what became of them. A lost packet counts as in `mismatches`.
        """
        self._note_echo_requests(expected)
        outcomes = self._try_twice(expected, wait)
        wanted = {attempt: Outcome(source is not None, source) for attempt, source in expected.items()}
        return {attempt: outcome for attempt, outcome in outcomes.items() if outcome != wanted[attempt]}

    def sources(self, attempts: Iterable[Attempt], *, wait: float = 0.5) -> list[str | None]:
        """Try connections; return for each the address that it arrived from, None if it was not answered.

        What is not answered is tried once more, as in `mismatches`.
        """
        wanted = dict.fromkeys(attempts, True)
        self._note_echo_requests(wanted)
        return [outcome.source if outcome.answered else None for outcome in self._try_twice(wanted, wait).values()]

    def multicast(
        self, senders: Iterable[str], group: str = "239.1.2.3", *, wait: float = 0.4
    ) -> Mapping[str, frozenset[str]]:
        """Let every place join a multicast group and some send to it; return by sender who heard it.

        Nodes take part by tun0, pods and the outside by eth0. It ends when nothing has been heard for `wait` seconds.
        """
        members = {
            place: Member(place, namespace, self._interface(place)) for place, namespace in self._namespaces.items()
        }
        return hear(members.values(), [members[place] for place in senders], group, silence=wait)

    @contextmanager
    def process(self, place: str, command: Sequence[str], output: Path) -> Iterator[subprocess.Popen[bytes]]:
        """Run a command in a place as long as the context lasts; what it prints goes to the file `output`."""
        with self.namespace(place).process(command, output) as process:
            yield process

    @contextmanager
    def capture(self, place: str, interface: str | None = None) -> Iterator[Capture]:
        """Watch what arrives at a place: by eth0, for a node by tun0, unless another interface is named."""
        with Capture(self.namespace(place), interface or self._interface(place)) as capture:
            yield capture

    def send_frame(self, place: str, frame: bytes, interface: str | None = None) -> None:
        """Send an Ethernet frame as it is."""
        send_frame(self.namespace(place), interface or self._interface(place), frame)

    def send_ipv4(self, place: str, packet: bytes, destination: str) -> None:
        """Send an IPv4 packet with the header it has, on the place's routes."""
        send_ipv4(self.namespace(place), packet, destination)

    def mac_address(self, place: str, interface: str | None = None) -> str:
        """Return the hardware address of a place's interface."""
        return mac_address(self.namespace(place), interface or self._interface(place))

    def datagram_arrives(
        self, place: str, destination: str, *, claimed: str, port: int = _DISCARD, wait: float = 0.5
    ) -> bool:
        """Send a UDP datagram whose source address is `claimed`; say whether it arrives at `destination`.

        The destination is an address that some place has. Nothing needs to come back, so this also proves
        that the way there alone is closed.
        """
        token = os.urandom(16)
        packet = packets.ipv4(claimed, destination, packets.PROTOCOLS["udp"], packets.udp(port, port, token))
        return self._arrives(
            self._owners[destination],
            send=lambda: self.send_ipv4(place, packet, destination),
            wanted=lambda frame: frame.source == claimed and frame.payload.endswith(token),
            wait=wait,
        )

    def arp_arrives(
        self, place: str, target: str, *, claimed: str, claimed_mac: str | None = None, wait: float = 0.5
    ) -> bool:
        """Broadcast an ARP request for `target` as if from `claimed`; say whether it arrives at the target.

        The frame and the request come from `claimed_mac`, by default the place's own.
        """
        mac = claimed_mac or self.mac_address(place)
        return self._arrives(
            self._owners[target],
            send=lambda: self.send_frame(place, packets.arp_request(mac, claimed, target)),
            wanted=lambda frame: (
                (frame.ethertype, frame.source_mac, frame.source, frame.destination)
                == (packets.ETHERTYPE_ARP, mac, claimed, target)
            ),
            wait=wait,
        )

    def _note_echo_requests(self, attempts: Iterable[Attempt]) -> None:
        for _, address, protocol, _ in attempts:
            if protocol == "icmp":
                self.listen(self._owners[address], protocol, 0)

    def _try(self, attempts: Iterable[Attempt], wait: float) -> list[Outcome]:
        probes = []
        for place, address, protocol, port in attempts:
            if address in self._owners and protocol != "icmp":
                self.listen(self._owners[address], protocol, port)
            probes.append(Probe(self.namespace(place), address, protocol, port))
        return self._prober.run(probes, wait)

    def _try_twice(self, expected: Mapping[Attempt, object], wait: float) -> dict[Attempt, Outcome]:
        """Try connections, and those without an answer once more if something truthy is expected of them."""
        outcomes = dict(zip(expected, self._try(expected, wait), strict=True))
        lost = [attempt for attempt, outcome in outcomes.items() if expected[attempt] and not outcome.answered]
        if lost:
            outcomes |= zip(lost, self._try(lost, 3 * wait), strict=True)
        return outcomes

    def _arrives(self, place: str, *, send: Callable[[], None], wanted: Callable[[Frame], bool], wait: float) -> bool:
        with self.capture(place) as capture:
            send()
            return capture.wait_for(wanted, wait) is not None

    def _builder(self, node: NodeSpec, folder: Path) -> NodeBuilder:
        home = folder / node.name
        home.mkdir()
        switch = Switch(home, self._namespaces[node.name])
        self._switches[node.name] = switch
        self._stack.callback(switch.close)
        return NodeBuilder(self._topology, node, switch, self._namespaces, self._scripts.get(node.name))

    def _interface(self, place: str) -> str:
        return "tun0" if place in self._switches else "eth0"
