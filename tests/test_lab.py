"""The test lab shows what is there: packets that pass are seen to pass, and those that do not are not.

The flows here are written by hand. If one of these tests fails, no other test that uses the lab says
anything.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import (
    DummySwitch,
    Lab,
    LabError,
    NodeSpec,
    Outcome,
    Output,
    PodSpec,
    UnixctlClient,
    UnixctlError,
    parse_trace,
)
from tests.lab.cluster import Attempt
from tests.lab.packets import crc32c
from tests.lab.trace import TraceError

NODES = [
    NodeSpec("node-1", "192.168.100.11/24", gateway="10.128.0.1", host_subnet="10.128.0.0/23"),
    NodeSpec("node-2", "192.168.100.12/24", gateway="10.128.2.1", host_subnet="10.128.2.0/23"),
]
PODS = [
    PodSpec("shop/web-1", "node-1", "10.128.0.11", port=11, interface="vethweb1"),
    PodSpec("shop/web-2", "node-1", "10.128.0.12", port=12, interface="vethweb2"),
    PodSpec("shop/db-1", "node-2", "10.128.2.11", port=11, interface="vethdb1"),
]
OUTSIDE = ["192.168.100.100/24", "203.0.113.5/32"]


def route_flows(node: str, *, table: int = 0) -> str:
    """Flows that let everything pass: local pods, the node itself, the other node by VXLAN, all else by
    tun0."""
    here, there = (NODES[0], NODES[1]) if node == "node-1" else (NODES[1], NODES[0])
    flows = []
    for kind, field in (("arp", "arp_tpa"), ("ip", "nw_dst")):
        local = {here.gateway: 2} | {pod.address: pod.port for pod in PODS if pod.node == node}
        flows += [f"priority=30,{kind},{field}={address} actions=output:{port}" for address, port in local.items()]
        flows.append(
            f"priority=20,{kind},{field}={there.host_subnet}"
            f" actions=load:0x7->NXM_NX_TUN_ID[],set_field:{there.host}->tun_dst,output:1"
        )
        flows.append(f"priority=10,{kind} actions=output:2")
    return "".join(f"table={table},{flow}\n" for flow in flows)


@pytest.fixture(scope="module")
def switch() -> Iterator[DummySwitch]:
    with DummySwitch([11, 12]) as switch:
        yield switch


@pytest.fixture(scope="module")
def running_lab() -> Iterator[Lab]:
    with Lab(NODES, PODS, outside=OUTSIDE) as lab:
        yield lab


@pytest.fixture
def lab(running_lab: Lab) -> Lab:
    """The lab with open flows and no connection known."""
    for node in ("node-1", "node-2"):
        running_lab.load_flows(node, route_flows(node))
    running_lab.flush_connections()
    return running_lab


class TestTrace:
    def test_follows_tables_registers_and_outputs(self, switch: DummySwitch) -> None:
        switch.load_flows("""
            table=0,ip,nw_dst=10.128.0.11 actions=load:0xb->NXM_NX_REG2[],goto_table:70
            table=70,ip actions=output:NXM_NX_REG2[],output:2
        """)

        result = switch.trace("in_port=12,tcp,nw_dst=10.128.0.11,tp_dst=80")

        assert result.ports == {11, 2}
        assert result.tables == (0, 70)
        assert result.registers == {2: 11}
        assert not result.dropped
        assert not result.committed

    def test_tells_the_tunnel_of_each_copy(self, switch: DummySwitch) -> None:
        switch.load_flows("""
            table=0,ip actions=load:0x5->NXM_NX_REG0[],move:NXM_NX_REG0[]->NXM_NX_TUN_ID[0..31],resubmit(,8)
            table=8,ip actions=set_field:192.168.100.12->tun_dst,output:1,resubmit(,9),set_tunnel:0x7,output:1
            table=9,ip actions=load:0xc0a8640d->NXM_NX_TUN_IPV4_DST[],load:0x6->NXM_NX_TUN_ID[],resubmit(,10)
            table=10,ip actions=output:1,output:11
        """)

        result = switch.trace("in_port=12,ip,nw_dst=10.128.2.11")

        assert result.outputs == (
            Output(1, 5, "192.168.100.12"),
            Output(1, 6, "192.168.100.13"),
            Output(11),
            Output(1, 7, "192.168.100.13"),
        )

    def test_gives_the_tunnel_fields_of_a_packet_from_a_tunnel(self, switch: DummySwitch) -> None:
        switch.load_flows("table=0,in_port=1,tun_id=0x5,tun_src=192.168.100.12,ip actions=output:11")

        accepted = switch.trace("in_port=1,tun_id=5,tun_src=192.168.100.12,tun_dst=192.168.100.11,ip")
        refused = switch.trace("in_port=1,tun_id=5,tun_src=192.168.100.66,tun_dst=192.168.100.11,ip")

        assert accepted.ports == {11}
        assert refused.dropped

    @pytest.mark.parametrize(
        ("actions", "ports"),
        [
            ("drop", set()),
            ("output:99", set()),  # there is no port 99
            ("output:12,output:11", {11}),  # a packet does not go back to the port it came from …
            ("in_port", {12}),  # … unless it is told to
            ("LOCAL", {"LOCAL"}),
            ("load:0xc->NXM_NX_REG2[],output:NXM_NX_REG2[]", set()),
            ("write_actions(output:11)", {11}),
        ],
    )
    def test_counts_only_outputs_that_happen(self, switch: DummySwitch, actions: str, ports: set[int | str]) -> None:
        switch.load_flows(f"table=0,ip actions={actions}")

        result = switch.trace("in_port=12,ip")

        assert result.ports == ports
        assert result.dropped == (not ports)

    def test_simulates_connection_states(self, switch: DummySwitch) -> None:
        switch.load_flows("""
            table=0,priority=9,ct_state=-trk,ip actions=ct(table=0,zone=1)
            table=0,priority=5,ct_state=+rpl+trk,ct_mark=0x1/0x1,ip actions=output:11
            table=0,priority=4,ct_state=+rpl+trk,ip actions=output:2
            table=0,priority=3,ct_state=+new+trk,ip actions=ct(commit,zone=1),output:1
            table=0,priority=2,ct_state=+est+trk,ip actions=ct(table=3,zone=2)
            table=3,ct_state=+rel+trk,ip actions=output:2
            table=3,ct_state=+new+trk,ip actions=output:11
        """)

        new = switch.trace("in_port=12,tcp")
        reply = switch.trace("in_port=12,tcp,ct_mark=1", ["trk,est,rpl"])
        unmarked_reply = switch.trace("in_port=12,tcp", ["trk|est|rpl"])
        twice = switch.trace("in_port=12,tcp", ["trk,est", "trk,rel"])
        second_by_default = switch.trace("in_port=12,tcp", ["trk,est"])

        assert new.ports == {1}
        assert new.committed
        assert new.tables == (0, 0)
        assert reply.ports == {11}
        assert not reply.committed
        assert unmarked_reply.ports == {2}
        assert twice.ports == {2}
        assert twice.tables == (0, 0, 3)
        assert second_by_default.ports == {11}

    @pytest.mark.parametrize("action", ["NORMAL", "load:0x5->NXM_NX_TUN_ID[0..15]"])
    def test_refuses_to_guess(self, switch: DummySwitch, action: str) -> None:
        switch.load_flows(f"table=0,ip actions={action}")

        with pytest.raises(TraceError) as refusal:
            switch.trace("in_port=12,ip")

        assert action in str(refusal.value)

    def test_reads_an_empty_trace_as_a_drop(self) -> None:
        assert parse_trace("").dropped


class TestSwitch:
    def test_prints_flows_as_they_are_written_canonically(self, switch: DummySwitch) -> None:
        flows = [
            "priority=1000,ct_state=-trk,ip actions=ct(table=0,zone=1)",
            "table=20, priority=100,arp,in_port=11,arp_spa=10.128.0.5,arp_op=1 actions=goto_table:30",
            "table=30, priority=300,ct_state=+rpl+trk,ct_mark=0x1/0x1,ip,nw_dst=10.128.0.0/23 actions=drop",
            "table=81, priority=100,sctp,reg7=0x1234,tp_dst=0x1f40/0xfff0 actions=output:NXM_NX_REG2[]",
            "table=253, priority=0 actions=note:01.02.03.04.05.06",
        ]

        switch.load_flows("# a comment\n" + "\n".join(reversed(flows)))

        assert switch.dump_flows() == flows

    def test_loads_all_flows_or_none(self, switch: DummySwitch) -> None:
        switch.load_flows("table=0,priority=1 actions=drop")

        with pytest.raises(LabError, match="BAD_TABLE_ID"):
            switch.load_flows("table=0,priority=2 actions=drop\ntable=5,ip actions=goto_table:4")

        assert switch.dump_flows() == ["priority=1 actions=drop"]

    def test_loads_flows_from_a_file(self, switch: DummySwitch, tmp_path: Path) -> None:
        path = tmp_path / "flows.txt"
        path.write_text("table=0,priority=7 actions=drop\n")

        switch.load_flows(path)

        assert switch.dump_flows() == ["priority=7 actions=drop"]

    def test_adds_ports_while_it_runs(self, switch: DummySwitch) -> None:
        switch.load_flows("table=0,ip actions=output:30")
        before = switch.trace("in_port=12,ip")

        switch.add_ports([11, 30])

        assert before.dropped
        assert switch.trace("in_port=12,ip").ports == {30}

    def test_reports_what_the_daemon_refuses_and_goes_on(self, switch: DummySwitch) -> None:
        switch.load_flows("table=0,ip actions=output:11")

        with pytest.raises(UnixctlError, match="unknown field nonsense"):
            switch.trace("nonsense=1")

        assert switch.trace("in_port=12,ip").ports == {11}


class TestUnixctlClient:
    def test_joins_answers_that_come_in_pieces_and_connects_again(self, short_folder: Path) -> None:
        pieces = [b'{"id":1,"error":null,"result":"a}', b'","x":{}', b"}"]
        path = short_folder / "ctl"
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
            server.listen()

            def serve_two_connections() -> None:
                for _ in range(2):
                    connection, _ = server.accept()
                    with connection:
                        connection.recv(65536)
                        for piece in pieces:
                            connection.sendall(piece)

            daemon = threading.Thread(target=serve_two_connections)
            daemon.start()
            with UnixctlClient(path, timeout=5) as client:
                answers = [client.call("first"), client.call("second", "argument")]
            daemon.join()

        assert answers == ["a}", "a}"]

    def test_reports_a_daemon_that_is_not_there(self, short_folder: Path) -> None:
        with UnixctlClient(short_folder / "ctl") as client, pytest.raises(OSError):
            client.call("version")


def test_crc32c_is_that_of_rfc_9260() -> None:
    # The check value of the CRC catalogue, and RFC 3720, B.4: 32 bytes of zeros.
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA


class TestProbes:
    def test_everything_passes_where_flows_let_it(self, lab: Lab) -> None:
        places = [pod.name for pod in PODS] + ["node-1", "node-2", "outside"]
        addresses = [pod.address for pod in PODS]
        addresses += ["10.128.0.1", "10.128.2.1", "192.168.100.11", "192.168.100.12", "203.0.113.5"]
        expected: dict[Attempt, bool] = {}
        for place in places:
            for address in addresses:
                expected[place, address, "tcp", 8080] = True
                expected[place, address, "udp", 53] = True
                expected[place, address, "sctp", 3868] = True
                expected[place, address, "icmp", 0] = True

        assert lab.mismatches(expected) == {}

    def test_only_what_flows_drop_is_dropped(self, lab: Lab) -> None:
        lab.load_flows(
            "node-2",
            route_flows("node-2")
            + """
            priority=40,tcp,nw_dst=10.128.2.11,tp_dst=81 actions=drop
            priority=40,udp,nw_dst=10.128.2.11,tp_dst=53 actions=drop
            priority=40,sctp,nw_src=10.128.0.11,nw_dst=10.128.2.11,tp_dst=3868 actions=drop
            priority=40,icmp,nw_src=10.128.0.12,nw_dst=10.128.2.11 actions=drop
            """,
        )
        db = "10.128.2.11"
        expected: dict[Attempt, bool] = {
            ("shop/web-1", db, "tcp", 80): True,
            ("shop/web-1", db, "tcp", 81): False,
            ("node-1", db, "tcp", 81): False,
            ("node-2", db, "tcp", 81): False,
            ("shop/web-1", db, "udp", 53): False,
            ("shop/web-1", db, "udp", 54): True,
            ("shop/web-1", db, "sctp", 3868): False,
            ("shop/web-2", db, "sctp", 3868): True,
            ("shop/web-1", db, "sctp", 3869): True,
            ("shop/web-1", db, "icmp", 0): True,
            ("shop/web-2", db, "icmp", 0): False,
        }

        assert lab.mismatches(expected) == {}
        assert lab.probe("shop/web-1", "10.128.2.99", "tcp", 80) is False  # nobody has this address

    def test_an_answer_that_is_lost_counts_as_no_answer(self, lab: Lab) -> None:
        lab.load_flows("node-2", route_flows("node-2") + "priority=40,ip,in_port=11 actions=drop\n")
        attempts: list[Attempt] = [
            ("shop/web-1", "10.128.2.11", "tcp", 80),
            ("shop/web-1", "10.128.2.11", "udp", 53),
            ("shop/web-1", "10.128.2.11", "sctp", 3868),
            ("shop/web-1", "10.128.2.11", "icmp", 0),
        ]

        assert lab.probe_many(attempts) == [False] * 4
        assert lab.datagram_arrives("shop/web-1", "10.128.2.11", claimed="10.128.0.11")

    def test_mismatches_are_found_both_ways(self, lab: Lab) -> None:
        open_port: Attempt = ("shop/web-1", "10.128.2.11", "tcp", 80)
        no_such_pod: Attempt = ("shop/web-1", "10.128.2.99", "tcp", 80)

        wrong = lab.mismatches({open_port: False, no_such_pod: True}, wait=0.1)

        assert wrong == {open_port: True, no_such_pod: False}

    def test_conntrack_knows_replies_by_their_mark(self, lab: Lab) -> None:
        # Only connections that web-1 opens to port 80 of db-1, and their replies.
        lab.load_flows(
            "node-2",
            """
            priority=200,arp actions=resubmit(,9)
            priority=100,ct_state=-trk,ip actions=ct(table=0,zone=1)
            priority=90,ct_state=+rpl+trk,ct_mark=0x1/0x1,ip actions=resubmit(,9)
            priority=80,tcp,nw_src=10.128.0.11,nw_dst=10.128.2.11,tp_dst=80 actions=resubmit(,7)
            table=7,ip actions=load:0x1->NXM_NX_REG8[],resubmit(,8)
            table=8,ip actions=ct(commit,zone=1,exec(move:NXM_NX_REG8[]->NXM_NX_CT_MARK[])),resubmit(,9)
            """
            + route_flows("node-2", table=9),
        )

        expected: dict[Attempt, bool] = {
            ("shop/web-1", "10.128.2.11", "tcp", 80): True,
            ("shop/web-1", "10.128.2.11", "tcp", 81): False,
            ("shop/web-2", "10.128.2.11", "tcp", 80): False,
            ("shop/db-1", "10.128.0.11", "tcp", 80): False,
        }
        assert lab.mismatches(expected) == {}

    def test_icmp_errors_are_related_to_their_connection(self, lab: Lab) -> None:
        lab.load_flows(
            "node-2",
            """
            priority=200,arp actions=resubmit(,9)
            priority=100,ct_state=-trk,ip actions=ct(table=0,zone=1)
            priority=90,ct_state=+rel+rpl+trk,ct_mark=0x1/0x1,icmp actions=resubmit(,9)
            priority=80,udp actions=ct(commit,zone=1,exec(load:0x1->NXM_NX_CT_MARK[])),resubmit(,9)
            """
            + route_flows("node-2", table=9),
        )

        with lab.capture("shop/web-1") as capture:
            lab.datagram_arrives("shop/web-1", "10.128.2.11", claimed="10.128.0.11")
            error = capture.wait_for(lambda frame: frame.protocol == 1, timeout=1.0)

        assert error is not None
        assert (error.source, error.payload[:2]) == ("10.128.2.11", b"\x03\x03")  # port unreachable


class TestSources:
    def test_the_listener_tells_where_a_probe_came_from(self, lab: Lab) -> None:
        # Two of the four protocols leave node-1 with an address that it has for them.
        lab.run("node-1", ["ip", "addr", "add", "192.168.100.50/32", "dev", "br-phy"])
        for protocol in ("tcp", "icmp"):
            rule = f"-s 10.128.0.11 -p {protocol} -j SNAT --to-source 192.168.100.50"
            lab.run("node-1", ["iptables", "-t", "nat", "-A", "POSTROUTING", *rule.split()])
        outside = "203.0.113.5"
        expected: dict[Attempt, str | None] = {
            ("shop/web-1", outside, "tcp", 80): "192.168.100.50",
            ("shop/web-1", outside, "udp", 80): "10.128.0.11",
            ("shop/web-1", outside, "sctp", 80): "10.128.0.11",
            ("shop/web-1", outside, "icmp", 0): "192.168.100.50",
            ("shop/db-1", outside, "icmp", 0): "10.128.2.11",
        }
        wrong: dict[Attempt, str | None] = {
            ("shop/web-1", outside, "tcp", 81): "10.128.0.11",
            ("shop/web-1", outside, "udp", 81): None,
        }

        matching, others = lab.mismatched_sources(expected), lab.mismatched_sources(wrong)
        listed = lab.sources(expected)
        lab.run("node-1", ["iptables", "-t", "nat", "-F"])
        lab.run("node-1", ["ip", "addr", "del", "192.168.100.50/32", "dev", "br-phy"])

        assert matching == {}
        assert listed == list(expected.values())
        assert others == {
            ("shop/web-1", outside, "tcp", 81): Outcome(True, "192.168.100.50"),
            ("shop/web-1", outside, "udp", 81): Outcome(True, "10.128.0.11"),
        }

    def test_what_arrives_without_an_answer_is_told_too(self, lab: Lab) -> None:
        lab.load_flows("node-2", route_flows("node-2") + "priority=40,ip,in_port=11 actions=drop\n")
        udp: Attempt = ("shop/web-1", "10.128.2.11", "udp", 53)
        icmp: Attempt = ("shop/web-1", "10.128.2.11", "icmp", 0)

        wrong = lab.mismatched_sources({udp: None, icmp: None}, wait=0.2)

        assert lab.sources([udp, icmp], wait=0.2) == [None, None]
        assert wrong == dict.fromkeys((udp, icmp), Outcome(False, "10.128.0.11"))


class TestMulticast:
    def test_those_hear_it_to_whom_flows_give_it(self, lab: Lab) -> None:
        there = "load:0x7->NXM_NX_TUN_ID[],set_field:192.168.100.12->tun_dst,output:1"
        lab.load_flows(
            "node-1", route_flows("node-1") + f"priority=40,ip,nw_dst=239.1.2.3,in_port=11 actions=output:12,{there}\n"
        )
        lab.load_flows(
            "node-2", route_flows("node-2") + "priority=40,ip,nw_dst=239.1.2.3,in_port=1 actions=output:11\n"
        )

        heard = lab.multicast(["shop/web-1", "shop/web-2", "shop/db-1", "outside"])

        assert heard == {
            "shop/web-1": {"shop/web-2", "shop/db-1"},
            "shop/web-2": {"node-1"},  # by tun0, as everything that no flow speaks of
            "shop/db-1": {"node-2"},
            "outside": set(),
        }


def test_a_process_runs_in_its_place_as_long_as_asked(lab: Lab, tmp_path: Path) -> None:
    program = "import socket, time; print(socket.if_nameindex()[1][1], flush=True); time.sleep(60)"

    with lab.process("shop/web-1", [sys.executable, "-c", program], tmp_path / "out") as process:
        deadline = time.monotonic() + 10
        while not (tmp_path / "out").read_text().endswith("\n") and time.monotonic() < deadline:
            time.sleep(0.02)
        during = process.poll()

    assert (tmp_path / "out").read_text() == "eth0\n"
    assert (during, process.poll()) == (None, -signal.SIGTERM)


class TestSpoofing:
    def test_a_false_source_address_arrives_unless_flows_stop_it(self, lab: Lab) -> None:
        spoofed = lab.datagram_arrives("shop/web-1", "10.128.2.11", claimed="10.128.0.12")
        lab.load_flows(
            "node-1",
            route_flows("node-1")
            + "priority=50,ip,in_port=11,nw_src=10.128.0.11 actions=resubmit(,9)\n"
            + "priority=49,ip,in_port=11 actions=drop\n"
            + route_flows("node-1", table=9),
        )

        assert spoofed
        assert not lab.datagram_arrives("shop/web-1", "10.128.2.11", claimed="10.128.0.12")
        assert lab.datagram_arrives("shop/web-1", "10.128.2.11", claimed="10.128.0.11")

    def test_a_false_arp_sender_arrives_unless_flows_stop_it(self, lab: Lab) -> None:
        spoofed = lab.arp_arrives("shop/web-1", "10.128.0.12", claimed="10.128.0.1")
        forged_mac = lab.arp_arrives(
            "shop/web-1", "10.128.0.12", claimed="10.128.0.11", claimed_mac="0a:58:00:00:00:01"
        )
        mac = lab.mac_address("shop/web-1")
        lab.load_flows(
            "node-1",
            route_flows("node-1")
            + f"priority=50,arp,in_port=11,arp_spa=10.128.0.11,arp_sha={mac} actions=resubmit(,9)\n"
            + "priority=49,arp,in_port=11 actions=drop\n"
            + route_flows("node-1", table=9),
        )

        assert spoofed
        assert forged_mac
        assert not lab.arp_arrives("shop/web-1", "10.128.0.12", claimed="10.128.0.1")
        assert lab.arp_arrives("shop/web-1", "10.128.0.12", claimed="10.128.0.11")


class TestNodes:
    def test_a_node_translates_service_addresses(self, lab: Lab) -> None:
        # The datapath's conntrack is not the kernel's: replies go to the kernel, which translates them back.
        lab.load_flows(
            "node-1",
            f"""
            priority=100,ct_state=-trk,ip actions=ct(table=0,zone=1)
            priority=90,ct_state=+rpl+trk,ct_mark=0x2/0x2,ip,nw_dst=10.128.0.0/23 actions=resubmit(,7)
            priority=80,in_port=2,ip,nw_src=10.128.0.11,nw_dst=10.128.0.0/14 actions=resubmit(,8)
            priority=1 actions=resubmit(,9)
            table=7,ip actions=set_field:{lab.mac_address("node-1")}->eth_dst,output:2
            table=8,ip actions=ct(commit,zone=1,exec(load:0x2->NXM_NX_CT_MARK[])),resubmit(,9)
            """
            + route_flows("node-1", table=9),
        )
        rule = "-d 172.30.0.10 -p tcp --dport 80 -j DNAT --to 10.128.2.11:8080"
        lab.run("node-1", ["iptables", "-t", "nat", "-A", "PREROUTING", *rule.split()])
        lab.listen("shop/db-1", "tcp", 8080)

        assert lab.probe("shop/web-1", "172.30.0.10", "tcp", 80)
        assert not lab.probe("shop/web-1", "172.30.0.11", "tcp", 80, wait=0.2)

    def test_plain_tools_find_the_switch_of_their_node(self, lab: Lab) -> None:
        assert lab.run("node-1", ["ovs-vsctl", "list-br"]).split() == ["br-phy", "br0"]
        assert "vethweb2" in lab.run("node-1", ["ovs-vsctl", "list-ports", "br0"])
        assert "vethdb1" in lab.run("node-2", ["ovs-appctl", "dpif/show"])

    def test_a_trace_on_a_node_sees_its_bridge_only(self, lab: Lab) -> None:
        # The tunnelled packet goes on through br-phy, which has a table 0 and outputs of its own.
        routed = lab.trace("node-1", "in_port=11,tcp,nw_src=10.128.0.11,nw_dst=10.128.2.11")
        lab.load_flows(
            "node-1",
            """
            table=0,ip actions=set_field:192.168.100.12->tun_dst,output:1,output:12,resubmit(,5),output:2
            table=5,ip actions=load:0x7->NXM_NX_TUN_ID[],output:1,output:12
            """,
        )
        nested = lab.trace("node-1", "in_port=11,tcp")

        assert (routed.outputs, routed.tables) == ((Output(1, 7, "192.168.100.12"),), (0,))
        assert [output.port for output in nested.outputs] == [1, 12, 1, 12, 2]
        assert [output.tunnel_id for output in nested.outputs] == [0, None, 7, None, None]
        assert nested.tables == (0, 5)

    def test_flows_are_dumped_as_they_are_in_force(self, lab: Lab) -> None:
        lab.load_flows("node-2", "table=3,tcp,tp_dst=80 actions=drop\n")

        assert lab.dump_flows("node-2") == ["table=3, tcp,tp_dst=80 actions=drop"]

    def test_a_script_can_make_the_bridge(self, tmp_path: Path) -> None:
        script = tmp_path / "bridge.sh"
        script.write_text("""
            set -eu
            ovs-vsctl add-br br0 -- set bridge br0 datapath_type="$SDNC_DATAPATH_TYPE" fail_mode=secure
            ovs-vsctl set bridge br0 protocols=OpenFlow13
            ovs-vsctl add-port br0 vxlan0 -- set interface vxlan0 type=vxlan ofport_request=1 \
                options:remote_ip=flow options:key=flow options:dst_port=4790
            ovs-vsctl add-port br0 tun0 -- set interface tun0 type=internal ofport_request=2
        """)
        nodes = [NodeSpec(node.name, node.address, node.gateway, node.host_subnet, vxlan_port=4790) for node in NODES]

        with Lab(nodes, PODS, bridge_scripts={"node-1": script}) as lab:
            for node in ("node-1", "node-2"):
                lab.load_flows(node, route_flows(node))
            works = lab.probe_many([("shop/web-1", "10.128.2.11", "tcp", 80), ("shop/db-1", "10.128.0.12", "udp", 53)])

        assert works == [True, True]


@pytest.fixture
def short_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of its own for the runs of a test; pytest's are too deep for the names of Unix sockets."""
    with tempfile.TemporaryDirectory(prefix="lab") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def namespaces_of(run: str) -> list[str]:
    return [path.name for path in Path("/run/netns").glob(f"{run}*")]


def processes_of(folder: Path) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes()
        except OSError:  # it has ended meanwhile
            continue
        if str(folder).encode() in command and b"ovs" in command:
            found.append(command.decode())
    return found


class TestCleaning:
    def test_nothing_is_left_at_the_end(self, short_folder: Path) -> None:
        with Lab(NODES, PODS[:1]) as lab:
            run = lab.namespace("outside").name.removesuffix("outside")
            during = (len(namespaces_of(run)), len(processes_of(short_folder)))

        assert during == (5, 4)  # two nodes, a pod, outside and underlay; two daemons a node
        assert namespaces_of(run) == []
        assert processes_of(short_folder) == []
        assert list(short_folder.glob("*/")) == []

    def test_nothing_is_left_of_a_build_that_fails(self, short_folder: Path, tmp_path: Path) -> None:
        script = tmp_path / "bridge.sh"
        script.write_text(f"echo $OVS_RUNDIR >{tmp_path}/where; echo no such luck >&2; exit 3\n")

        with (
            pytest.raises(LabError, match="no such luck"),
            Lab(NODES, PODS, bridge_scripts={"node-1": script}),
        ):
            pass

        run = Path((tmp_path / "where").read_text().strip()).parent
        assert run.parent == short_folder
        assert namespaces_of(run.name) == []
        assert processes_of(short_folder) == []
        assert not run.exists()

    def test_the_next_run_cleans_up_after_a_killed_one_only(self, short_folder: Path) -> None:
        program = """
from tests.lab import Lab
from tests.test_lab import NODES, PODS
with Lab(NODES[:1], PODS[:1]) as lab:
    print(lab.namespace("outside").name.removesuffix("outside"), flush=True)
    input()
"""
        environment = {**os.environ, "TMPDIR": str(short_folder), "PYTHONPATH": os.pathsep.join(sys.path)}
        with subprocess.Popen(
            [sys.executable, "-c", program],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as child:
            assert child.stdout is not None
            run = child.stdout.readline().strip()
            with DummySwitch():
                beside_a_living_run = len(namespaces_of(run))
            child.send_signal(signal.SIGKILL)
        left_by_the_kill = len(namespaces_of(run))

        with DummySwitch():
            after = namespaces_of(run)

        assert (beside_a_living_run, left_by_the_kill) == (4, 4)
        assert after == []
        assert processes_of(short_folder) == []

    def test_a_port_that_is_not_as_asked_fails_the_build(self) -> None:
        twins = [PODS[0], PodSpec("shop/web-9", "node-1", "10.128.0.19", port=11, interface="vethweb9")]

        with pytest.raises(LabError, match="OpenFlow ports: vethweb"), Lab(NODES[:1], twins):
            pass

    def test_a_topology_that_does_not_fit_together_is_refused(self) -> None:
        with pytest.raises(ValueError, match="there is no node node-1"):
            Lab(NODES[1:], PODS)
        with pytest.raises(ValueError, match="used twice"):
            Lab(NODES + NODES[:1], [])
        with pytest.raises(ValueError, match="1 to 15 characters"):
            PodSpec("shop/web-1", "node-1", "10.128.0.11", port=11, interface="x" * 16)
