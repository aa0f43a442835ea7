"""The Open vSwitch daemons of one node, or of a test that only asks what a packet would do.

`Switch` runs an ovsdb-server and an ovs-vswitchd with a folder of their own, inside a namespace or outside
any. `DummySwitch` is one with dummy ports that never carry a packet: it needs no root and answers thousands
of traces a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.lab.commands import LabError, run
from tests.lab.namespaces import Namespace
from tests.lab.rundir import run_directory
from tests.lab.trace import TraceResult, parse_trace
from tests.lab.unixctl import UnixctlClient

VXLAN_PORT = 1
TUN_PORT = 2
_SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"


def add_port(name: str, settings: str) -> str:
    """Return the `ovs-vsctl` commands that add an interface with these settings to br0."""
    return f"add-port br0 {name} -- set interface {name} {settings}"


def create_bridge(*, datapath_type: str, vxlan_port: int = 4789) -> tuple[str, ...]:
    """Return the `ovs-vsctl` commands that make br0 with its fixed ports, vxlan0 and tun0."""
    tunnel = f"type=vxlan options:remote_ip=flow options:key=flow options:dst_port={vxlan_port}"
    return (
        f"add-br br0 -- set bridge br0 datapath_type={datapath_type} fail_mode=secure protocols=OpenFlow13",
        add_port("vxlan0", f"{tunnel} ofport_request={VXLAN_PORT}"),
        add_port("tun0", f"type=internal ofport_request={TUN_PORT}"),
    )


class Switch:
    """One Open vSwitch whose database, sockets, pid files and logs lie in a folder."""

    def __init__(self, folder: Path, namespace: Namespace | None = None) -> None:
        """Take an existing folder, and the namespace in which the daemons shall run."""
        self._folder = folder
        self._namespace = namespace
        self._control: UnixctlClient | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which plain `ovs-vsctl`, `ovs-ofctl` and `ovs-appctl` find these daemons."""
        return {name: str(self._folder) for name in ("OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR")}

    def start(self, *options: str) -> None:
        """Start both daemons; `options` go to ovs-vswitchd. They end with the run folder that holds them."""
        database, remote = self._folder / "conf.db", f"unix:{self._folder / 'db.sock'}"
        daemon = ("--pidfile", "--detach", "--no-chdir", "--log-file", "-vconsole:off", "-vsyslog:off")
        self.run(["ovsdb-tool", "create", str(database), _SCHEMA])
        self.run(["ovsdb-server", str(database), f"--remote=p{remote}", *daemon])
        self.vsctl("init", options=["--no-wait"])
        self.run(["ovs-vswitchd", remote, *daemon, *options])
        pid = (self._folder / "ovs-vswitchd.pid").read_text().strip()
        self._control = UnixctlClient(self._folder / f"ovs-vswitchd.{pid}.ctl")

    def close(self) -> None:
        """Close the connection to the daemon's control socket."""
        if self._control is not None:
            self._control.close()

    def run(self, command: Sequence[str], *, stdin: str = "", env: Mapping[str, str] | None = None) -> str:
        """Run a command where the daemons run, with their environment. Raises LabError if it fails."""
        environment = {**self.environment, **(env or {})}
        if self._namespace is None:
            return run(command, stdin=stdin, env=environment)
        return self._namespace.run(command, stdin=stdin, env=environment)

    def vsctl(self, *commands: str, options: Sequence[str] = ()) -> str:
        """Run commands of `ovs-vsctl` ("add-br br0"), all in one transaction; return what they print."""
        return self.run(["ovs-vsctl", "--timeout=20", *options, *" -- ".join(commands).split()])

    def ofctl(self, *arguments: str, stdin: str = "") -> str:
        """Run `ovs-ofctl`, which speaks OpenFlow 1.3, with these arguments."""
        return self.run(["ovs-ofctl", "-O", "OpenFlow13", *arguments], stdin=stdin)

    def appctl(self, method: str, *arguments: str) -> str:
        """Run a command of ovs-vswitchd ("dpctl/dump-conntrack"). Raises UnixctlError if it is refused."""
        if self._control is None:
            raise LabError(f"{self._folder}: the switch is not started")
        return self._control.call(method, *arguments)

    def load_flows(self, flows: str | Path) -> None:
        """Replace all flows of br0 by those of a text or a file, all or nothing. Raises LabError."""
        text = flows.read_text() if isinstance(flows, Path) else flows
        self.ofctl("--bundle", "replace-flows", "br0", "-", stdin=text)

    def dump_flows(self) -> list[str]:
        """Return the flows of br0 as Open vSwitch writes them, without statistics and port names."""
        lines = self.ofctl("--no-stats", "--no-names", "dump-flows", "br0").splitlines()
        return [line.strip() for line in lines if "actions=" in line]

    def trace(self, flow: str, ct_states: Iterable[str] = ()) -> TraceResult:
        """Ask what br0 does with a packet, without sending one (ofproto/trace, ovs-vswitchd(8)).

        `flow` describes the packet in ovs-ofctl's syntax; a packet from a tunnel needs tun_src and tun_dst,
        or tun_src is lost. `ct_states` are the states that conntrack reports, one for each time the packet
        goes through it ("trk,est,rpl"); those that lack are "trk,new". The connection's mark is the flow's
        `ct_mark`.
        """
        options = [part for state in ct_states for part in ("--ct-next", state.replace("|", ","))]
        return parse_trace(self.appctl("ofproto/trace", "br0", flow, *options), tunnel_port=VXLAN_PORT)

    def require_ports(self, ports: Mapping[str, int]) -> None:
        """Raise LabError unless each interface has the OpenFlow port that the mapping gives it."""
        found = self.vsctl(*(f"get interface {name} ofport" for name in ports)).split()
        wanted = zip(ports.items(), found, strict=True)
        wrong = [f"{name} is {number}, not {port}" for (name, port), number in wanted if number != str(port)]
        if wrong:
            raise LabError(f"OpenFlow ports: {', '.join(wrong)}")


class DummySwitch(Switch):
    """A switch without packets, as a context manager: br0 with vxlan0 (1), tun0 (2) and dummy ports."""

    def __init__(self, ports: Iterable[int] = ()) -> None:
        """Take the OpenFlow numbers of the dummy ports, from 3 up."""
        self._stack = ExitStack()
        self._ports: set[int] = set()
        self._wanted = tuple(ports)

    def __enter__(self) -> Self:
        with self._stack:
            super().__init__(self._stack.enter_context(run_directory()))
            self._stack.callback(self.close)
            self.start("--enable-dummy=override", "--disable-system")
            self.vsctl(*create_bridge(datapath_type="dummy"))
            self.add_ports(self._wanted)
            self._stack = self._stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, where: TracebackType | None
    ) -> None:
        self._stack.close()

    def add_ports(self, numbers: Iterable[int]) -> None:
        """Make sure that dummy ports with these OpenFlow numbers exist; ports that exist already stay."""
        new = {f"p{number}": number for number in sorted(set(numbers) - self._ports)}
        if new:
            options = "type=dummy ofport_request="
            self.vsctl(*(add_port(name, f"{options}{number}") for name, number in new.items()))
            self.require_ports(new)
        self._ports |= set(new.values())
