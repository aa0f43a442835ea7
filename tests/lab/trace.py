"""What `ofproto/trace` says, read from its text.

A trace has one section for each pass through the tables: the first, and one for each recirculation, which
`ct(table=N)` causes. A section starts with the packet ("Flow: …"), lists each table that was entered
("30. ct_state=+new+trk,ip, priority 200") with the actions below it, and ends with the packet as it is then
("Final flow: …"). The tunnel fields of an output are those that hold when the output happens: a packet that
goes to several nodes is sent in one section with a new tun_dst each time. So the reader follows the actions
that set them, and those that set Ethernet addresses.

A group that selects one of its buckets by a hash of the packet ends the trace: the datapath would compute the
hash and come back with it. `TraceResult.selection` is under what number it would, so that another trace can go
on there, once for each hash ("recirc_id=0x2,dp_hash=0x1,…").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address

from attrs import frozen

_BRIDGE = re.compile(r'^\s*bridge\("(.*)"\)$')
_TABLE = re.compile(r"^\s*(\d+)\. ")
_OUTPUT = re.compile(r"^output:(\d+)$|^-> output port is (\d+)$")
_SET_ETHERNET = re.compile(r"^set_field:(\S+)->eth_(src|dst)$")
_SELECTION = re.compile(r"^Datapath actions: .*\bhash\(\w+\(\d+\)\),recirc\((0x[0-9a-f]+)\)$")
_SET_FIELD = re.compile(r"^set_field:(\S+)->(tun_id|tun_dst)$|^set_tunnel(?:64)?:(\S+)$")
_NOW = re.compile(r"^(?:load:(\S+)->|-> )NXM_NX_TUN_(ID|IPV4_DST)\[(?:0\.\.(?:31|63))?\](?: is now (\S+))?$")
_REGISTER = re.compile(r"^reg(\d+)$")
# Actions whose outputs the trace does not spell out: passed over, they would make the packet seem dropped.
_OPAQUE = ("NORMAL", "FLOOD", "ALL", "controller", "CONTROLLER", "enqueue")


class TraceError(Exception):
    """The trace holds something that this reader cannot interpret."""


@frozen
class Output:
    """One output of a packet. The tunnel fields are set for the tunnel port only, the Ethernet addresses if
    the flows set them."""

    port: int | str
    """An OpenFlow port number, or "LOCAL"."""
    tunnel_id: int | None = None
    tunnel_destination: str | None = None
    ethernet_source: str | None = None
    ethernet_destination: str | None = None


@frozen
class TraceResult:
    """What becomes of a packet."""

    text: str
    """The whole trace, for messages."""
    outputs: tuple[Output, ...]
    """Where it goes, in order."""
    tables: tuple[int, ...]
    """The tables it enters, in order, over all recirculations."""
    commits: tuple[str, ...]
    """The `ct(commit,…)` actions it meets."""
    final: Mapping[str, str]
    """The fields of the packet at the end of the last section ("reg0" -> "0x5"); registers that are zero
    lack."""
    selection: str | None = None
    """The number under which the packet would come back with its hash for a group to select a bucket."""

    @property
    def ports(self) -> frozenset[int | str]:
        """The ports it goes to."""
        return frozenset(output.port for output in self.outputs)

    @property
    def dropped(self) -> bool:
        """Whether it goes nowhere."""
        return not self.outputs

    @property
    def committed(self) -> bool:
        """Whether its connection is committed to conntrack."""
        return bool(self.commits)

    @property
    def registers(self) -> dict[int, int]:
        """The registers at the end; those that are zero lack."""
        found = {_REGISTER.match(name): value for name, value in self.final.items()}
        return {int(match[1]): int(value, 0) for match, value in found.items() if match}


def parse_trace(text: str, *, bridge: str = "br0", tunnel_port: int = 1) -> TraceResult:
    """Read what the text of a trace says of one bridge.

    Raises TraceError for actions whose outputs a trace does not show, and for writes to parts of a tunnel field.
    """
    outputs: list[Output] = []
    tables: list[int] = []
    commits: list[str] = []
    packet: dict[str, str] = {}
    final: dict[str, str] = {}
    in_port: int | str = 0
    selection: str | None = None
    for line in _lines_of(text, bridge):
        action = line.strip()
        if line.startswith("Flow: "):
            packet = _fields(line)
            final = dict(packet)
            in_port = _port(packet.get("in_port", "0"))
        elif line.startswith("Final flow: "):
            final = dict(_fields(line)) if "unchanged" not in line else final
        elif hashed := _SELECTION.match(line):
            selection = hashed[1]
        elif table := _TABLE.match(line):
            tables.append(int(table[1]))
        elif output := _OUTPUT.match(action):
            outputs.append(_output(int(output[1] or output[2]), packet, tunnel_port))
        elif action == "IN_PORT":
            outputs.append(_output(in_port, packet, tunnel_port))
        elif action == "LOCAL":
            outputs.append(Output("LOCAL"))
        elif action.startswith(">> ") and outputs:
            _check_warning(action, outputs)
        elif action.startswith("ct(commit"):
            commits.append(action)
        elif action.split(":")[0] in _OPAQUE:
            raise TraceError(f"cannot follow {action!r} in:\n{text}")
        else:
            _follow(action, packet, text)
    return TraceResult(text, tuple(outputs), tuple(tables), tuple(commits), final, selection)


def _lines_of(text: str, bridge: str) -> Iterator[str]:
    """Leave out what other bridges do: a tunnelled packet goes on through that of the node's address."""
    # How far another bridge's heading is indented: what it does is indented further.
    inside_other: int | None = None
    for line in text.splitlines():
        indentation = len(line) - len(line.lstrip())
        heading = _BRIDGE.match(line)
        if heading is not None:
            inside_other = None if heading[1] == bridge else indentation
        elif inside_other is not None and indentation <= inside_other and line.strip(" -"):
            inside_other = None
        if heading is None and inside_other is None:
            yield line


def _fields(line: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in line.partition(": ")[2].split(","))
    return {name.strip(): value for name, _, value in pairs}


def _port(text: str) -> int | str:
    return int(text) if text.isdigit() else text


def _output(port: int | str, packet: Mapping[str, str], tunnel_port: int) -> Output:
    ethernet = packet.get("eth_src"), packet.get("eth_dst")
    if port != tunnel_port:
        return Output(port, None, None, *ethernet)
    return Output(port, int(packet.get("tun_id", "0"), 0), packet.get("tun_dst", "0.0.0.0"), *ethernet)


def _check_warning(action: str, outputs: list[Output]) -> None:
    # These lines follow the output that they cancel.
    reasons = ("Nonexistent output port", "skipping output to input port", "Not tunneling to our own address")
    if any(reason in action for reason in reasons):
        outputs.pop()


def _follow(action: str, packet: dict[str, str], text: str) -> None:
    """Keep the tunnel fields and the Ethernet addresses of the packet as an action leaves them."""
    if field := _SET_FIELD.match(action):
        packet[field[2] or "tun_id"] = field[1] or field[3]
    elif ethernet := _SET_ETHERNET.match(action):
        packet[f"eth_{ethernet[2]}"] = ethernet[1]
    elif (now := _NOW.match(action)) and (now[1] or now[3]):
        value = now[1] or now[3]
        if now[2] == "ID":
            packet["tun_id"] = value
        else:
            packet["tun_dst"] = str(IPv4Address(int(value, 0))) if value.startswith("0x") else value
    elif action.startswith("load:") and "->NXM_NX_TUN_" in action:
        raise TraceError(f"cannot follow {action!r} in:\n{text}")
