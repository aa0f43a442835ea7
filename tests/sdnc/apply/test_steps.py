"""Which steps lead from one state to another, and in which order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sdnc.apply.flow_table import COOKIE
from sdnc.apply.state import AddressSet, Interface, State
from sdnc.apply.steps import Step, steps
from tests.sdnc.apply.states import whole_state

WHOLE = whole_state()
SET = "sdnc-0123456789abcdef"


def lines(planned: tuple[Step, ...], name: str) -> list[str]:
    """The lines of a step, without indentation."""
    (step,) = (step for step in planned if step.name == name)
    return [line.strip() for line in step.lines]


def test_nothing_differs_and_no_step_is_taken() -> None:
    assert steps(WHOLE, WHOLE) == ()


def everything_else() -> State:
    """A state that differs in everything from the whole one."""
    assert WHOLE.bridge is not None and WHOLE.tun is not None
    tun = replace(WHOLE.bridge.interfaces["tun0"], mtu=1300)
    rules = {"SDNC-ADMIN-RULES": ("-s 10.0.0.3/32 -j RETURN", "-s 10.0.0.4/32 -j DROP")}
    return replace(
        WHOLE,
        bridge=replace(WHOLE.bridge, interfaces={**WHOLE.bridge.interfaces, "tun0": tun}),
        tun=replace(WHOLE.tun, arp_announce="0"),
        flows=frozenset(["table=0, priority=5,ip actions=group:7", "table=9, priority=1 actions=drop"]),
        groups={7: "group_id=7,type=select,bucket=actions=output:2"},
        tables={**WHOLE.tables, "filter": replace(WHOLE.tables["filter"], chains=rules)},
        sets={"sdnc-1": AddressSet(frozenset(["10.9.0.0/16"]), 65536)},
        addresses=replace(WHOLE.addresses, labelled=frozenset(["192.0.2.60"])),
        ports={"pod1": 11, "pod2": 22, "pod3": 13},
        macvlans={"10.128.0.13": replace(WHOLE.macvlans["10.128.0.13"], mac="")},
    )


def test_the_order() -> None:
    planned = steps(everything_else(), WHOLE)

    assert [step.name for step in planned] == [
        "sets of addresses",
        "iptables filter, what old and new rules let pass",
        "bridge",
        "tun0",
        "new egress IPs",
        "ports with other numbers",
        "flows and groups",
        "old egress IPs",
        "iptables filter, new rules",
        "old sets of addresses",
        "ports",
        "egress routers",
    ]


def test_what_each_step_does() -> None:
    planned = steps(everything_else(), WHOLE, "iptables-nft")

    assert lines(planned, "bridge") == ["ovs-vsctl --timeout=30 set interface tun0 mtu_request=1450"]
    assert lines(planned, "tun0") == ["tee /proc/sys/net/ipv4/conf/tun0/arp_announce", "2"]
    assert lines(planned, "sets of addresses") == [
        "ipset restore -exist",
        f"create {SET} hash:net family inet maxelem 65536",
        f"add {SET} 10.0.0.0/8",
        f"add {SET} 10.1.0.0/16 nomatch",
    ]
    assert lines(planned, "new egress IPs") == [
        "ip address add 192.0.2.50/32 dev eth0 label eth0:eip",
        "arping -q -U -c 2 -I eth0 192.0.2.50",
    ]
    assert lines(planned, "ports with other numbers") == [
        "ovs-vsctl --timeout=30 --if-exists del-port br0 pod2 -- --if-exists del-port br0 pod3"
    ]
    assert lines(planned, "flows and groups") == [
        "ovs-ofctl --timeout=60 -O OpenFlow13 bundle br0 -",
        "group add_or_mod group_id=5,type=select,bucket=actions=output:1",
        "flow delete_strict table=9,priority=1",
        f"flow add cookie={COOKIE:#x},table=0, priority=0 actions=drop",
        f"flow add cookie={COOKIE:#x},table=0, priority=5,ip actions=group:5",
        "group delete group_id=7",
        "ovs-appctl --timeout=30 revalidator/wait",
        "ovs-appctl --timeout=30 revalidator/wait",
        "ovs-appctl --timeout=30 revalidator/purge",
    ]
    assert lines(planned, "old egress IPs") == ["ip address del 192.0.2.60/32 dev eth0"]
    assert lines(planned, "old sets of addresses") == ["ipset destroy sdnc-1"]
    assert lines(planned, "ports") == [
        "ovs-vsctl --timeout=30 --may-exist add-port br0 pod2 -- set interface pod2 ofport_request=12"
    ]
    assert lines(planned, "egress routers") == ["sh -c '…' macvlan.sh /run/netns/pod"]
    *_, begin, left_over, first, second, gone, end = lines(planned, "iptables filter, new rules")
    assert begin == ":SDNC-ADMIN-RULES - [0:0]"
    assert left_over.startswith("-F SDNC-OLD-")
    assert (first, second) == (
        "-A SDNC-ADMIN-RULES -s 10.0.0.1/32 -j DROP",
        "-A SDNC-ADMIN-RULES -s 10.0.0.2/32 -j RETURN",
    )
    assert (gone, end) == (left_over.replace("-F", "-X"), "COMMIT")


def test_a_new_bridge_fails_secure_from_its_first_moment_and_gets_all_flows() -> None:
    planned = steps(replace(WHOLE, bridge=None, tun=None, flows=frozenset(), foreign=frozenset(), groups={}), WHOLE)

    (bridge,) = lines(planned, "bridge")
    assert bridge.startswith(
        "ovs-vsctl --timeout=30 --may-exist add-br br0"
        """ -- set bridge br0 'datapath_type="netdev"' 'fail_mode="secure"' 'protocols=["OpenFlow13"]'"""
        """ -- --may-exist add-port br0 vxlan0 -- set interface vxlan0 'type="vxlan"' ofport_request=1"""
    )
    assert [line.split()[1] for line in lines(planned, "tun0") if line.startswith("ip ")] == [
        "address",
        "link",
        "route",
        "route",
    ]
    assert sum(line.startswith("flow add") for line in lines(planned, "flows and groups")) == 3


def test_a_bridge_that_was_not_there_goes() -> None:
    planned = steps(WHOLE, replace(WHOLE, bridge=None, tun=None, flows=frozenset(), groups={}, forwarding="0"))

    assert [step.name for step in planned] == ["bridge", "tun0"]
    assert lines(planned, "bridge") == ["ovs-vsctl --timeout=30 --if-exists del-br br0"]
    assert lines(planned, "tun0") == ["tee /proc/sys/net/ipv4/ip_forward", "0"]


def test_the_tables_guard_a_vxlan_port_and_a_node_that_forwards_before_they_are_there() -> None:
    """With another port, what a pod sends there comes out of vxlan0 as if another node had sent it."""
    names = [step.name for step in steps(everything_else(), replace(WHOLE, forwarding="0"))]

    guarded = names.index("iptables filter, what old and new rules let pass")
    assert guarded < names.index("bridge") < names.index("tun0") < names.index("iptables filter, new rules")


@pytest.mark.parametrize("column", ["fail_mode", "datapath_type"])
def test_flows_that_the_switch_forgets_come_back_with_those_of_others(column: str) -> None:
    assert WHOLE.bridge is not None
    change: dict[str, Any] = {column: "standalone" if column == "fail_mode" else "system"}
    planned = steps(replace(WHOLE, bridge=replace(WHOLE.bridge, **change)), WHOLE)

    flows = lines(planned, "flows and groups")
    assert "flow add cookie=0x5, table=200, priority=7 actions=drop" in flows
    assert sum(line.startswith("flow add") for line in flows) == 3
    assert "group add_or_mod group_id=5,type=select,bucket=actions=output:1" in flows


def bridge(**changes: Interface) -> State:
    assert WHOLE.bridge is not None
    return replace(WHOLE, bridge=replace(WHOLE.bridge, interfaces={**WHOLE.bridge.interfaces, **changes}))


def test_a_port_that_did_not_get_its_number_is_plugged_anew() -> None:
    assert WHOLE.bridge is not None
    there = bridge(vxlan0=replace(WHOLE.bridge.interfaces["vxlan0"], number=5))

    (line,) = lines(steps(there, WHOLE), "bridge")
    assert "del-port br0 vxlan0 -- --may-exist add-port br0 vxlan0 -- set interface vxlan0" in line


def test_a_number_that_nobody_asked_for_comes_back() -> None:
    assert WHOLE.bridge is not None
    wanted = bridge(vxlan0=replace(WHOLE.bridge.interfaces["vxlan0"], number=5, request=None))

    asking, forgetting = lines(steps(WHOLE, wanted), "bridge")
    assert asking.endswith("set interface vxlan0 ofport_request=5")
    assert forgetting.endswith("clear interface vxlan0 ofport_request")


def test_settings_that_were_not_there_go() -> None:
    wanted = bridge(vxlan0=Interface("vxlan", 1, 1, options={"key": "flow", "remote_ip": "flow"}))

    (line,) = lines(steps(WHOLE, wanted), "bridge")
    assert line.endswith("remove interface vxlan0 options dst_port")


def test_tun0_that_is_down_gets_its_routes_again() -> None:
    assert WHOLE.tun is not None

    planned = steps(replace(WHOLE, tun=replace(WHOLE.tun, up=False)), WHOLE)

    assert lines(planned, "tun0") == [
        "ip link set tun0 up",
        "ip route replace 10.128.0.0/14 dev tun0 scope link src 10.128.0.1",
        "ip route replace 172.30.0.0/16 dev tun0",
    ]


def test_another_address_of_tun0_takes_routes_along() -> None:
    assert WHOLE.tun is not None
    there = replace(WHOLE.tun, addresses=frozenset(["10.128.2.1/23"]), routes={"10.128.0.0/14": "10.128.2.1"})

    assert lines(steps(replace(WHOLE, tun=there), WHOLE), "tun0") == [
        "ip address del 10.128.2.1/23 dev tun0",
        "ip address replace 10.128.0.1/23 dev tun0",
        "ip route replace 10.128.0.0/14 dev tun0 scope link src 10.128.0.1",
        "ip route replace 172.30.0.0/16 dev tun0",
    ]


def test_a_router_that_had_no_interface_loses_it() -> None:
    had_none = replace(WHOLE.macvlans["10.128.0.13"], mac="", script="", namespace="/proc/7/ns/net")

    planned = steps(WHOLE, replace(WHOLE, macvlans={"10.128.0.13": had_none}))

    assert lines(planned, "egress routers") == ["nsenter --net=/run/netns/pod -- ip link delete dev macvlan0"]


def test_a_table_where_new_and_both_are_one_changes_once() -> None:
    table = replace(WHOLE.tables["filter"], chains={"SDNC-ADMIN-RULES": ()})

    planned = steps(replace(WHOLE, tables={**WHOLE.tables, "filter": table}), WHOLE)

    assert [step.name for step in planned] == ["iptables filter, what old and new rules let pass"]
