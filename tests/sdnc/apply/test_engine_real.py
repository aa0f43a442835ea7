"""The applier on a real node: a namespace with Open vSwitch, iptables of both flavours, ipset and addresses."""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from sdnc.apply.engine import ApplyFailed, put_back
from sdnc.apply.node_bundle import NodeBundle, read_node_bundle
from sdnc.apply.state import State
from sdnc.apply.system import CommandFailed
from tests.cluster.host import FLAVOURS
from tests.lab.namespaces import entered
from tests.sdnc.apply.bundles import EVERYTHING, ONE_POD, compile_node, edited, node_bundle
from tests.sdnc.apply.nodes import Node, Steps, running_node

OTHER = """
cluster { mode networkpolicy  pods 10.128.0.0/14 host-bits 9  services 172.30.0.0/16  vxlan-port 4790  mtu 1400 }
node node-1 { address 192.168.100.11/24  subnet 10.128.0.0/23  egress-ip 192.168.100.51 }
node node-2 { address 192.168.100.12/24  subnet 10.128.2.0/23  egress-ip 192.168.100.70 }
node node-3 { address 192.168.100.13/24  subnet 10.128.4.0/23  egress-ip 192.168.100.72 }
project shop { egress-ip 192.168.100.51 }
project mail { egress-ip 192.168.100.70, 192.168.100.72 }
pod shop/web-1 { node node-1  address 10.128.0.11 }
pod mail/mail-1 { node node-1  address 10.128.0.12 }
addresses office = 203.0.113.0/24 except 203.0.113.9
admin-rules edge {
  accept tcp/443 from project shop to office
  limit 20/second per source tcp/443 from anyone to office
  drop udp/137-139 from anyone to office
}
"""
"""A cluster of which nearly everything on node-1 is other than in EVERYTHING."""

FOREIGN_RULES = """*filter
:STRANGERS - [0:0]
:OPENSHIFT-ADMIN-OUTPUT-RULES - [0:0]
-A INPUT -s 203.0.113.4/32 -j DROP
-A FORWARD -s 203.0.113.5/32 -j STRANGERS
-A OPENSHIFT-ADMIN-OUTPUT-RULES -d 203.0.113.7/32 -m comment --comment "by hand" -j DROP
COMMIT
*nat
-A POSTROUTING -s 203.0.113.3/32 -j MASQUERADE
COMMIT
"""

FOREIGN_FLOWS = """group add group_id=77,type=select,bucket=actions=output:1
flow add cookie=0x5,table=200,priority=7,ip,nw_dst=203.0.113.1 actions=group:77
flow add cookie=0x5,table=201,priority=0 actions=drop
"""


@dataclass(frozen=True)
class Bundles:
    """Bundles of node-1, and their folders."""

    every: NodeBundle
    other: NodeBundle
    empty: NodeBundle
    folder: Path


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Bundles:
    folder = tmp_path_factory.mktemp("bundles")
    every = compile_node(folder / "every", EVERYTHING)
    return Bundles(
        node_bundle(folder / "every-again", EVERYTHING),
        node_bundle(folder / "other", OTHER),
        node_bundle(folder / "empty", ONE_POD),
        every,
    )


@pytest.fixture(scope="module")
def announcing(bundles: Bundles) -> Iterator[Node]:
    """The node, which really announces its egress IPs."""
    with running_node({port.address: port.interface for port in bundles.every.ports.values()}) as node:
        yield node


@pytest.fixture(scope="module")
def shared_node(announcing: Node, tmp_path_factory: pytest.TempPathFactory) -> Node:
    """The node where announcing, and waiting for the datapath, takes no time."""
    folder = tmp_path_factory.mktemp("programs")
    wait = 'case "$*" in *revalidator/wait) exit 0 ;; esac\nexec /usr/bin/ovs-appctl "$@"'
    for program, script in (("arping", "exit 0"), ("ovs-appctl", wait)):
        (folder / program).write_text(f"#!/bin/sh\n{script}\n")
        (folder / program).chmod(0o755)
    return replace(announcing, path=f"{folder}:{announcing.path}")


@pytest.fixture(params=FLAVOURS)
def node(shared_node: Node, request: pytest.FixtureRequest) -> Iterator[Node]:
    """The node with nothing on it, with either flavour of iptables."""
    node = replace(shared_node, flavour=request.param)
    node.clear()
    yield node
    node.clear()


@pytest.fixture
def nft(shared_node: Node) -> Iterator[Node]:
    """The node with nothing on it."""
    shared_node.clear()
    yield shared_node
    shared_node.clear()


def seen(state: State) -> State:
    """A state without what is no promise: positions of jumps among others' rules, and paths of namespaces."""
    tables = {
        name: replace(table, jumps={chain: tuple(jump.rule for jump in jumps) for chain, jumps in table.jumps.items()})  # type: ignore[misc]
        for name, table in state.tables.items()
    }
    return replace(state, tables=tables)


def saved(node: Node) -> list[str]:
    """All rules and all chains that are not built in, everybody's."""
    text = re.sub(r" \[\d+:\d+\]$", "", node.run(f"iptables-{node.flavour}-save"), flags=re.MULTILINE)
    return [line for line in text.splitlines() if line.startswith("-A ") or line.endswith(" -")]


def test_applying_puts_everything_there_and_applying_again_does_nothing(node: Node, bundles: Bundles) -> None:
    outcome = node.apply(bundles.every)
    revalidations = node.run("ovs-appctl coverage/read-counter rev_flow_table")

    system = node.system()
    again = node.apply(bundles.every, system=system)

    assert outcome.differences and outcome.steps
    assert (again.differences, again.steps, system.changes) == ((), (), [])
    assert node.run("ovs-appctl coverage/read-counter rev_flow_table") == revalidations
    state = node.state(bundles.every)
    assert state.flows == frozenset(bundles.every.flows)
    assert state.addresses.labelled == {"192.168.100.50"}
    assert state.macvlans["10.128.0.13"].mac == "0a:58:c0:a8:64:63"
    assert {name: state.ports[name] for name in state.present} == {
        port.interface: port.port for port in bundles.every.ports.values()
    }


def test_egress_ips_are_announced(announcing: Node, shared_node: Node, bundles: Bundles) -> None:
    shared_node.clear()
    system = announcing.system()

    announcing.apply(bundles.every, system=system)

    assert ("arping", "-q", "-U", "-c", "2", "-I", "eth0", "192.168.100.50") in system.changes
    assert system.changes.count(("ovs-appctl", "--timeout=30", "revalidator/wait")) == 2
    assert announcing.drift(bundles.every) == []


def test_one_bundle_after_another(node: Node, bundles: Bundles) -> None:
    for bundle, previous in [(bundles.other, ()), (bundles.every, (bundles.other,)), (bundles.empty, (bundles.every,))]:
        node.apply(bundle, *previous)

        assert node.drift(bundle, *previous) == []
        assert not [line for line in saved(node) if "SDNC-OLD" in line]
        assert set(node.state(bundle).sets) == set(bundle.sets)


def test_the_scripts_and_the_applier_end_alike(node: Node, bundles: Bundles) -> None:
    def run_scripts() -> None:
        for line in (
            "sh {}/bridge.sh",
            "sh {}/iptables.sh",
            "sh {}/addresses.sh",
            "ovs-ofctl -O OpenFlow13 --bundle add-groups br0 {}/groups.txt",
            "ovs-ofctl -O OpenFlow13 --bundle replace-flows br0 {}/flows.txt",
        ):
            node.run(line.format(bundles.folder))

    run_scripts()
    # What puts pods' ports on the bridge, or runs macvlan.sh, is not the bundle.
    assert {where for _, where, _, _ in node.drift(bundles.every)} == {"port", "router"}
    node.apply(bundles.every)
    by_scripts, rules = node.state(bundles.every), saved(node)

    node.clear()
    node.apply(bundles.every)
    assert seen(node.state(bundles.every)) == seen(by_scripts)
    assert saved(node) == rules

    run_scripts()
    assert node.drift(bundles.every) == []
    assert saved(node) == rules


@pytest.mark.behaviour("AR-04")
def test_what_others_have_stays(node: Node, bundles: Bundles) -> None:
    node.apply(bundles.other)
    node.run("ovs-ofctl -O OpenFlow13 bundle br0 -", FOREIGN_FLOWS)
    node.run(
        f"iptables-{node.flavour}-restore --noflush",
        FOREIGN_RULES.replace(":OPENSHIFT-ADMIN-OUTPUT-RULES - [0:0]\n", ""),
    )
    node.run("ip address add 192.168.100.77/24 dev eth0")
    node.run("ipset create strangers hash:net")
    others = [line for line in saved(node) if "203.0.113" in line]

    outcome = node.apply(bundles.every, bundles.other)

    assert outcome.notes == ("2 flows of others stay (cookie 0x5)",)
    assert [line for line in saved(node) if "203.0.113" in line] == others
    assert len(others) == 4
    dump = node.run("ovs-ofctl -O OpenFlow13 dump-flows br0 cookie=0x5/-1")
    assert "table=200" in dump and "table=201" in dump
    assert "group_id=77" in node.run("ovs-ofctl -O OpenFlow13 dump-groups br0")
    assert "192.168.100.77/24" in node.run("ip address show dev eth0")
    assert "strangers" in node.run("ipset list -name")
    assert node.drift(bundles.every) == []


def test_a_bridge_that_forwarded_by_itself_fails_secure_again_and_keeps_the_flows_of_others(
    nft: Node, bundles: Bundles
) -> None:
    nft.apply(bundles.every)
    nft.run("ovs-vsctl set-fail-mode br0 standalone")
    nft.run("ovs-ofctl -O OpenFlow13 bundle br0 -", FOREIGN_FLOWS)
    assert ("changed", "bridge", "br0 fail_mode secure", "br0 fail_mode standalone") in nft.drift(bundles.every)
    before = nft.state(bundles.every).foreign

    nft.apply(bundles.every)

    assert nft.drift(bundles.every) == []
    assert nft.state(bundles.every).foreign == before
    assert len(before) == 2
    assert "group_id=77" in nft.run("ovs-ofctl -O OpenFlow13 dump-groups br0")


def test_each_drift_is_found_named_and_repaired(node: Node, bundles: Bundles) -> None:
    node.apply(bundles.every)
    state = node.state(bundles.every)
    flows = sorted(flow for flow in bundles.every.flows if flow.startswith("table=40"))
    guard = bundles.every.chains["mangle"]["OPENSHIFT-FORWARD-GUARD"]
    forward = bundles.every.chains["filter"]["OPENSHIFT-FIREWALL-FORWARD"]
    notrack = '-m comment --comment "disable conntrack for vxlan" -j OPENSHIFT-NOTRACK'
    own, admin = (jump.rule for jump in reversed(state.tables["filter"].jumps["FORWARD"]))
    ((admin_jump,),) = bundles.every.settings.appended["filter"].values()
    macvlan = state.macvlans["10.128.0.13"]
    set_name = min(state.sets)
    element = min(state.sets[set_name].elements)
    (group,) = bundles.every.groups
    number = group.split(",")[0].split()[1]
    unplugged = bundles.every.ports["shop/web-1"]
    lost, wrong = (flow.partition(" actions=")[0].replace(", ", ",") for flow in flows[:2])
    for line in (
        f"ovs-ofctl -O OpenFlow13 --strict del-flows br0 {lost}",
        f"ovs-ofctl -O OpenFlow13 add-flow br0 {wrong},actions=drop",
        "ovs-ofctl -O OpenFlow13 add-flow br0 table=40,priority=9,arp,actions=drop",
        f"ovs-ofctl -O OpenFlow13 mod-group br0 {number},type=select,bucket=actions=output:1",
        "ovs-ofctl -O OpenFlow13 add-group br0 group_id=99,type=select,bucket=actions=output:1",
        "ovs-vsctl set interface tun0 mtu_request=1300",
        "ovs-vsctl set bridge br0 protocols=OpenFlow10,OpenFlow13",
        f"ovs-vsctl del-port br0 {unplugged.interface}",
        "ip address del 192.168.100.50/32 dev eth0",
        "ip address add 192.168.100.66/32 dev eth0 label eth0:eip",
        "ip route del 172.30.0.0/16 dev tun0",
        f"ipset del {set_name} {element.split()[0]}",
        "ipset create sdnc-0123456789abcdef hash:net",
    ):
        node.run(line)
    node.namespace.sysctl("net/ipv4/conf/tun0/arp_announce", "0")
    next(pod for address, pod in node.pods.items() if address == "10.128.0.13").ip("link del macvlan0")
    for words in (
        "-t mangle -F OPENSHIFT-FORWARD-GUARD",
        "-D OPENSHIFT-FIREWALL-FORWARD 2",
        "-I OPENSHIFT-FIREWALL-FORWARD 1 -s 203.0.113.1 -j ACCEPT",
        "-D OPENSHIFT-ADMIN-OUTPUT-RULES 1",
        "-N SDNC-OLD-0123456789abcdef",
        "-t raw -D PREROUTING 2",
        "-D FORWARD 1",
    ):
        node.iptables(words)
    node.run(f"iptables-{node.flavour}-restore --noflush", f"*filter\n-A FORWARD {admin}\nCOMMIT\n")

    drift = node.drift(bundles.every)

    assert sorted(drift) == sorted(
        [
            ("missing", "flows", flows[0], ""),
            ("changed", "flows", flows[1], f"{flows[1].partition(' actions=')[0]} actions=drop"),
            ("extra", "flows", "table=40, priority=9,arp actions=drop", ""),
            ("changed", "groups", group[len("add_or_mod ") :], f"{number},type=select,bucket=actions=output:1"),
            ("extra", "groups", "group_id=99,type=select,bucket=actions=output:1", ""),
            ("changed", "bridge", "tun0 mtu_request 1450", "tun0 mtu_request 1300"),
            ("changed", "bridge", "br0 protocols OpenFlow13", "br0 protocols OpenFlow10,OpenFlow13"),
            ("missing", "bridge", "tun0 route 172.30.0.0/16", ""),
            ("changed", "bridge", "tun0 arp_announce 2", "tun0 arp_announce 0"),
            ("missing", "port", f"{unplugged.interface} with OpenFlow port {unplugged.port}", ""),
            ("missing", "egress IP", "192.168.100.50", ""),
            ("extra", "egress IP", "192.168.100.66", ""),
            ("missing", "set", f"{set_name} {element}", ""),
            ("extra", "set", "sdnc-0123456789abcdef", ""),
            ("missing", "chain mangle OPENSHIFT-FORWARD-GUARD", f"rule 1: {guard[0]}", ""),
            ("missing", "chain mangle OPENSHIFT-FORWARD-GUARD", f"rule 2: {guard[1]}", ""),
            ("missing", "chain filter OPENSHIFT-FIREWALL-FORWARD", f"rule 2: {forward[1]}", ""),
            ("extra", "chain filter OPENSHIFT-FIREWALL-FORWARD", "rule 1: -s 203.0.113.1/32 -j ACCEPT", ""),
            ("extra", "chain filter SDNC-OLD-0123456789abcdef", "the chain, with 0 rules", ""),
            ("missing", "jumps filter OPENSHIFT-ADMIN-OUTPUT-RULES", admin_jump, ""),
            ("missing", "jumps raw PREROUTING", notrack, ""),
            ("changed", "jumps filter FORWARD", f"in the order {admin} | {own}", f"in the order {own} | {admin}"),
            ("missing", "router", f"shop_legacy-db: macvlan0 in {macvlan.namespace} {macvlan.mac}", ""),
        ]
    )  # fmt: skip
    node.apply(bundles.every)
    assert node.drift(bundles.every) == []
    assert seen(node.state(bundles.every)) == seen(state)


def test_counters_and_the_order_of_rules_with_one_verdict_are_no_drift(nft: Node, bundles: Bundles) -> None:
    nft.apply(bundles.every)
    first, second, *_ = bundles.every.chains["raw"]["OPENSHIFT-ANTI-SPOOFING"]
    nft.iptables("-t raw -D OPENSHIFT-ANTI-SPOOFING 1")
    nft.run("iptables-nft-restore --noflush", f"*raw\n-I OPENSHIFT-ANTI-SPOOFING 2 {first}\nCOMMIT\n")
    with nft.namespace.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"counted", ("192.168.100.11", 9))

    there = [line for line in saved(nft) if line.startswith("-A OPENSHIFT-ANTI-SPOOFING")]
    assert there[:2] == [f"-A OPENSHIFT-ANTI-SPOOFING {rule}" for rule in (second, first)]
    assert re.search(" -c [1-9]", nft.run("iptables-nft -t raw -v -S OPENSHIFT-ANTI-SPOOFING"))
    assert nft.drift(bundles.every) == []


def test_a_group_of_the_bundle_that_serves_others_flows_too_stays_and_another_is_in_the_way(
    nft: Node, bundles: Bundles
) -> None:
    nft.apply(bundles.every)
    number = bundles.every.groups[0].split(",")[0].partition("=")[2]
    nft.run("ovs-ofctl -O OpenFlow13 bundle br0 -", f"flow add cookie=0x5,table=200 actions=group:{number}\n")
    assert nft.drift(bundles.every) == []

    nft.run(f"ovs-ofctl -O OpenFlow13 mod-group br0 group_id={number},type=select,bucket=actions=output:1")

    with pytest.raises(ApplyFailed, match=r"flow or group of somebody else's has the place .* group_id="):
        nft.apply(bundles.every)


def test_a_foreign_flow_in_the_place_of_one_of_the_bundle_stops_it_before_any_change(
    nft: Node, bundles: Bundles
) -> None:
    nft.apply(bundles.empty)
    (flow,) = (flow for flow in bundles.every.flows if flow.startswith("table=0, priority=0 "))
    key = flow.partition(" actions=")[0].replace(", ", ",")
    nft.run(f"ovs-ofctl -O OpenFlow13 --strict del-flows br0 {key}")
    nft.run(f"ovs-ofctl -O OpenFlow13 add-flow br0 cookie=0x5,{key},actions=drop")
    system = nft.system()

    with pytest.raises(ApplyFailed, match="somebody else's has the place") as failed:
        nft.apply(bundles.every, bundles.empty, system=system)

    assert (failed.value.put_back, system.changes) == (True, [])


OTHER_WORDS = (
    "s/0a:58:c0:a8:64:32/0A:58:C0:A8:64:32/",
    "s|10/min |10/minute |",
    "s/-i tun0 ! -o tun0 -m comment/! -o tun0 -i tun0 -m comment/",
)
"""What sed makes of rules, as if another version of iptables had printed them."""


def test_an_iptables_that_prints_rules_in_other_words(node: Node, bundles: Bundles, tmp_path: Path) -> None:
    name = f"iptables-{node.flavour}-save"
    words = " ".join(f"-e '{word}'" for word in OTHER_WORDS)
    (tmp_path / name).write_text(f'#!/bin/sh\n/usr/sbin/{name} "$@" | sed {words}\n')
    (tmp_path / name).chmod(0o755)
    other = replace(node, path=f"{tmp_path}:{node.path}")

    other.apply(bundles.every)
    drift = other.drift(bundles.every)
    node.iptables("-t mangle -F OPENSHIFT-EGRESS-IPS")
    (missing,) = other.drift(bundles.every)
    other.apply(bundles.other, bundles.every)
    left = saved(node)
    other.apply(bundles.every, bundles.other)
    found = saved(node)

    assert drift == []
    assert missing[:2] == ("missing", "chain mangle OPENSHIFT-EGRESS-IPS")
    assert not [line for line in left if "0a:58:c0:a8:64:32" in line]
    assert node.drift(bundles.every) == []
    assert len(found) == len(set(found))


def test_a_number_that_iptables_makes_another_of_is_seen(nft: Node, bundles: Bundles, tmp_path: Path) -> None:
    """iptables takes UDP port 99999 for 34463."""
    wrong = edited(
        bundles.folder,
        tmp_path / "wrong",
        {"iptables.rules": lambda text: text.replace("--dport 137:139", "--dport 99999")},
    )

    with pytest.raises(ApplyFailed, match=r"reading back: chain filter SDNC-ADMIN-RULES: missing .* 99999"):
        nft.apply(read_node_bundle(wrong))


def test_what_others_have_put_there_meanwhile_stays_when_the_switch_forgets_it(nft: Node, bundles: Bundles) -> None:
    nft.apply(bundles.every)
    nft.run("ovs-vsctl set-fail-mode br0 standalone")
    before = nft.plan(bundles.every).snapshot
    nft.apply(bundles.every)
    nft.run("ovs-ofctl -O OpenFlow13 bundle br0 -", FOREIGN_FLOWS)

    with entered(nft.namespace):
        put_back(nft.system(), before, Steps())

    assert "standalone" in nft.run("ovs-vsctl get-fail-mode br0")
    assert len(nft.state(bundles.every).foreign) == 2


def test_a_table_that_iptables_cannot_read_stops_it_before_any_change(nft: Node, bundles: Bundles) -> None:
    nft.apply(bundles.every)
    nft.run("nft add rule ip filter INPUT ip protocol tcp ct count over 10 counter")
    system = nft.system()

    with pytest.raises(ApplyFailed, match="nft has put rules into table filter") as failed:
        nft.apply(bundles.other, bundles.every, system=system)

    nft.run("nft flush chain ip filter INPUT")
    assert (failed.value.put_back, system.changes) == (True, [])


def test_an_address_and_a_route_that_only_look_like_sdncs_stay(nft: Node, bundles: Bundles) -> None:
    nft.apply(bundles.every)
    nft.run("ip address add 192.168.100.77/24 dev eth0 label eth0:eip")
    nft.run("ip route add 172.30.0.0/16 dev tun0 metric 50 src 10.128.0.1")

    assert nft.drift(bundles.every) == []
    nft.apply(bundles.other, bundles.every)

    assert "192.168.100.77/24" in nft.run("ip address show dev eth0")
    assert "metric 50" in nft.run("ip route show dev tun0")


def test_an_egress_ip_that_somebody_has_put_there_by_hand_serves_and_stays(nft: Node, bundles: Bundles) -> None:
    nft.run("ip address add 192.168.100.50/32 dev eth0")

    nft.apply(bundles.every)
    drift = nft.drift(bundles.every)
    nft.apply(bundles.other, bundles.every)

    assert drift == []
    assert "192.168.100.50/32" in nft.run("ip address show dev eth0")


def test_a_strangers_interface_with_the_number_of_a_pod_stops_it_before_any_change(nft: Node, bundles: Bundles) -> None:
    """The flows would take it for the pod."""
    nft.apply(bundles.empty)
    pod = bundles.every.ports["shop/legacy-db-x2z4q"]
    nft.run("ip link add stranger type veth")
    try:
        nft.run(f"ovs-vsctl add-port br0 stranger -- set interface stranger ofport_request={pod.port}")
        system = nft.system()
        with pytest.raises(ApplyFailed, match=f"stranger, which is somebody else's, has OpenFlow port {pod.port}"):
            nft.apply(bundles.every, bundles.empty, system=system)
    finally:
        nft.run("ip link del stranger")

    assert system.changes == []


def test_the_interface_of_the_nodes_address_is_no_pods(nft: Node, bundles: Bundles, tmp_path: Path) -> None:
    interface = bundles.every.ports["shop/web-1"].interface
    wrong = edited(bundles.folder, tmp_path / "wrong", {"ports.json": lambda text: text.replace(interface, "eth0")})

    with pytest.raises(ApplyFailed, match="eth0 has the node's address, and is no pod's interface"):
        nft.apply(read_node_bundle(wrong))


def test_a_pod_whose_number_is_another_pods_now_leaves_the_bridge_before_the_flows(
    nft: Node, bundles: Bundles, tmp_path: Path
) -> None:
    nft.apply(bundles.every)
    gone = bundles.every.ports["shop/web-1"].interface
    other = edited(bundles.folder, tmp_path / "other", {"ports.json": lambda text: text.replace(gone, "vethnew")})

    outcome = nft.apply(read_node_bundle(other), bundles.every)

    assert [(each.kind.value, each.where) for each in outcome.differences] == [("extra", "port")]
    assert gone not in nft.run("ovs-vsctl list-ports br0")


def test_a_limit_that_stays_keeps_its_count(node: Node, bundles: Bundles, tmp_path: Path) -> None:
    """The chain of the limit is not named in what is loaded, so that its counters go on."""
    node.apply(bundles.every)
    chain = next(name for name in bundles.every.chains["filter"] if name.startswith("SDNC-LIMIT"))
    changed = edited(
        bundles.folder,
        tmp_path / "changed",
        {
            "iptables.rules": lambda text: text.replace(
                "-A SDNC-ADMIN-RULES -p udp", "-A SDNC-ADMIN-RULES -i eth9 -p udp"
            )
        },
    )
    plan = node.plan(read_node_bundle(changed), bundles.every)

    assert [step.name for step in plan.steps] == [
        "iptables filter, what old and new rules let pass",
        "iptables filter, new rules",
    ]
    assert not any(f":{chain}" in line for step in plan.steps for line in step.lines)


class TestFailing:
    """Whatever fails, all is as it was before."""

    def check(self, node: Node, bundle: NodeBundle, *previous: NodeBundle) -> int:
        """Make each changing command fail in turn; return how many there are."""
        before, rules = node.state(bundle, *previous), saved(node)
        count = 0
        while True:
            system = node.system()
            system.fail_at = count
            try:
                node.apply(bundle, *previous, system=system)
            except ApplyFailed as failed:
                assert failed.put_back, f"{failed} {failed.trouble}"
                assert "made to fail" in failed.reason
                assert seen(node.state(bundle, *previous)) == seen(before)
                assert saved(node) == rules
                count += 1
            else:
                return count

    def test_the_first_bundle(self, nft: Node, bundles: Bundles) -> None:
        nft.run("iptables-nft-restore --noflush", FOREIGN_RULES)

        count = self.check(nft, bundles.every)

        assert count >= 18
        assert nft.drift(bundles.every) == []

    def test_another_bundle(self, nft: Node, bundles: Bundles) -> None:
        nft.apply(bundles.every)
        nft.run("iptables-nft-restore --noflush", FOREIGN_RULES.replace(":OPENSHIFT-ADMIN-OUTPUT-RULES - [0:0]\n", ""))
        nft.run("ovs-ofctl -O OpenFlow13 bundle br0 -", FOREIGN_FLOWS)

        count = self.check(nft, bundles.other, bundles.every)

        assert count >= 14
        assert nft.drift(bundles.other, bundles.every) == []

    def test_from_wherever_a_run_was_ended_the_next_one_gets_to_the_end(self, nft: Node, bundles: Bundles) -> None:
        """To one bundle and back to the other; each run finds what the one before has left after some of its steps."""
        both = (bundles.every, bundles.other)
        wanted = {}
        for bundle in both:
            nft.apply(bundle, *both)
            wanted[bundle.digest] = seen(nft.state(*both)), set(saved(nft))
        done = longest = 0
        while done <= longest:
            for bundle in both:
                planned = nft.plan(bundle, *both).steps
                longest = max(longest, len(planned))
                with entered(nft.namespace):
                    for step in planned[:done]:
                        step.run(nft.system())
                done += 1

                nft.apply(bundle, *both)

                assert (seen(nft.state(*both)), set(saved(nft))) == wanted[bundle.digest], f"after {done} steps"

    def test_what_nobody_expected_while_all_is_put_back_is_told_as_such(self, nft: Node, bundles: Bundles) -> None:
        system = nft.system()
        system.fail_at = 3
        run = system.run

        def broken(argv: Sequence[str], **options: Any) -> str:
            if "bundle" in argv or len(system.changes) > 3:
                raise OSError(errno.ENOMEM, "no memory is left")
            return run(argv, **options)

        system.run = broken  # type: ignore[method-assign]
        with pytest.raises(ApplyFailed) as failed:
            nft.apply(bundles.every, system=system)

        assert not failed.value.put_back
        assert "no memory is left" in failed.value.trouble
        nft.apply(bundles.every)
        assert nft.drift(bundles.every) == []

    def test_a_switch_that_does_not_answer(self, nft: Node, bundles: Bundles) -> None:
        environ = {"OVS_RUNDIR": "/nowhere"}
        system = nft.system(environ)

        with pytest.raises(ApplyFailed) as failed:
            nft.apply(bundles.every, system=system)

        assert "ovs-vswitchd does not answer" in failed.value.reason
        assert system.changes == []

    def test_a_program_that_is_missing(self, nft: Node, bundles: Bundles, tmp_path: Path) -> None:
        for program in ("ip", "cat", "tee", "sh", "nsenter", "ovs-vsctl", "ovs-ofctl", "ovs-appctl"):
            (tmp_path / program).symlink_to(f"/usr/bin/{program}")
        system = replace(nft, path=str(tmp_path)).system()

        with pytest.raises(ApplyFailed) as failed:
            nft.apply(bundles.every, system=system)

        assert str(failed.value) == "not installed: iptables-nft-save, iptables-nft-restore, ipset, arping"

    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            ("ip address del 192.168.100.11/24 dev eth0", "no interface has the node's address 192.168.100.11"),
            ("ip address add 192.168.100.11/32 dev lo", "several interfaces have the node's address 192.168.100.11"),
        ],
    )
    def test_egress_ips_without_a_place(self, nft: Node, bundles: Bundles, line: str, reason: str) -> None:
        nft.run(line)
        try:
            with pytest.raises(ApplyFailed) as failed:
                nft.apply(bundles.every)
        finally:
            if "dev lo" in line:
                nft.run(line.replace(" add ", " del "))

        assert failed.value.reason == reason


def test_a_namespace_that_only_says_to_be_the_routers_pod_gets_nothing(nft: Node, bundles: Bundles) -> None:
    pod = nft.pods["10.128.0.13"]
    pod.ip("addr del 10.128.0.13/23 dev eth0")
    impostor = nft.pods["10.128.0.12"]
    impostor.ip("addr add 10.128.0.13/23 dev eth0")
    try:
        nft.apply(bundles.every)

        assert "macvlan0" not in impostor.run(["ip", "-o", "link"])
        assert "macvlan0" not in pod.run(["ip", "-o", "link"])
    finally:
        impostor.ip("addr del 10.128.0.13/23 dev eth0")
        pod.ip("addr add 10.128.0.13/23 dev eth0")


def test_what_hangs_is_ended(nft: Node) -> None:
    with pytest.raises(CommandFailed) as failed:
        nft.system().run(["sleep", "10"], seconds=0.1)

    assert str(failed.value) == "sleep 10: it did not end within 0.1 seconds"
