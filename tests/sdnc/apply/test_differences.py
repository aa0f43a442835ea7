"""Drift, one thing at a time: what is told, and what is none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sdnc.apply.differences import Difference, Kind, differences
from sdnc.apply.iptables import as_wanted
from sdnc.apply.state import END, AddressSet, Interface, Jump, State, Table
from tests.sdnc.apply.states import whole_state

WHOLE = whole_state()
FILTER = WHOLE.tables["filter"]
ADMIN = "OPENSHIFT-ADMIN-OUTPUT-RULES"


def told(actual: State, wanted: State = WHOLE) -> list[tuple[str, str, str, str]]:
    return [(each.kind.value, each.where, each.what, each.found) for each in differences(actual, wanted)]


def with_filter(**changes: Any) -> State:
    return replace(WHOLE, tables={**WHOLE.tables, "filter": replace(FILTER, **changes)})


def with_chain(*rules: str) -> State:
    return with_filter(chains={"SDNC-ADMIN-RULES": rules})


def with_bridge(**changes: Any) -> State:
    assert WHOLE.bridge is not None
    return replace(WHOLE, bridge=replace(WHOLE.bridge, **changes))


def with_tun(**changes: Any) -> State:
    assert WHOLE.tun is not None
    return replace(WHOLE, tun=replace(WHOLE.tun, **changes))


def interfaces(**changes: Interface) -> dict[str, Interface]:
    assert WHOLE.bridge is not None
    return {**WHOLE.bridge.interfaces, **changes}


DENY, RETURN = FILTER.chains["SDNC-ADMIN-RULES"]


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        (replace(WHOLE, bridge=None, tun=None), [("missing", "bridge", "br0", "")]),
        (with_bridge(fail_mode=""), [("missing", "bridge", "br0 fail_mode secure", "")]),
        (
            with_bridge(datapath_type="system"),
            [("changed", "bridge", "br0 datapath_type netdev", "br0 datapath_type system")],
        ),
        (
            with_bridge(interfaces={"tun0": interfaces()["tun0"]}),
            [("missing", "bridge", "vxlan0", "")],
        ),
        (
            with_bridge(interfaces=interfaces(tun0=Interface("internal", 7, 2, mac="0a:58:0a:80:00:01"))),
            [
                ("changed", "bridge", "tun0 ofport 2", "tun0 ofport 7"),
                ("missing", "bridge", "tun0 mtu_request 1450", ""),
            ],
        ),
        (
            with_bridge(interfaces=interfaces(vxlan0=Interface("vxlan", 1, 1, options={"dst_port": "4790"}))),
            [
                ("changed", "bridge", "vxlan0 options:dst_port 4789", "vxlan0 options:dst_port 4790"),
                ("missing", "bridge", "vxlan0 options:key flow", ""),
                ("missing", "bridge", "vxlan0 options:remote_ip flow", ""),
            ],
        ),
        (with_tun(up=False), [("changed", "bridge", "tun0 up", "tun0 down")]),
        (
            with_tun(addresses=frozenset(["10.128.2.1/23"])),
            [
                ("missing", "bridge", "tun0 address 10.128.0.1/23", ""),
                ("extra", "bridge", "tun0 address 10.128.2.1/23", ""),
            ],
        ),
        (
            with_tun(routes={"10.128.0.0/14": "10.128.0.9", "172.31.0.0/16": ""}),
            [
                (
                    "changed",
                    "bridge",
                    "tun0 route 10.128.0.0/14 src 10.128.0.1",
                    "tun0 route 10.128.0.0/14 src 10.128.0.9",
                ),
                ("missing", "bridge", "tun0 route 172.30.0.0/16", ""),
                ("extra", "bridge", "tun0 route 172.31.0.0/16", ""),
            ],
        ),
        (replace(WHOLE, forwarding="0"), [("changed", "bridge", "net.ipv4.ip_forward 1", "net.ipv4.ip_forward 0")]),
    ],
)
def test_bridge(actual: State, expected: list[tuple[str, str, str, str]]) -> None:
    assert told(actual) == expected


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        (with_filter(chains={}), [("missing", "chain filter SDNC-ADMIN-RULES", "the chain, with 2 rules", "")]),
        (
            with_chain(),
            [
                ("missing", "chain filter SDNC-ADMIN-RULES", f"rule 1: {DENY}", ""),
                ("missing", "chain filter SDNC-ADMIN-RULES", f"rule 2: {RETURN}", ""),
            ],
        ),
        (with_chain(DENY), [("missing", "chain filter SDNC-ADMIN-RULES", f"rule 2: {RETURN}", "")]),
        (
            with_chain(DENY, "-s 10.0.0.3/32 -j DROP", RETURN),
            [("extra", "chain filter SDNC-ADMIN-RULES", "rule 2: -s 10.0.0.3/32 -j DROP", "")],
        ),
        (
            with_filter(chains={**FILTER.chains, "SDNC-LIMIT-1": ("-j DROP",)}),
            [("extra", "chain filter SDNC-LIMIT-1", "the chain, with 1 rule", "")],
        ),
        (with_filter(chains={**FILTER.chains, "SDNC-LIMIT-1": ()}, shared=frozenset(["SDNC-LIMIT-1"])), []),
        (with_filter(jumps={"FORWARD": ()}), [("missing", "jumps filter FORWARD", "-j SDNC-ADMIN-RULES", "")]),
        (
            with_filter(jumps={"FORWARD": (Jump("-j SDNC-ADMIN-RULES", 1), Jump("-j SDNC-ADMIN-RULES", 4))}),
            [("extra", "jumps filter FORWARD", "-j SDNC-ADMIN-RULES", "")],
        ),
        (with_filter(jumps={"FORWARD": (Jump("-j SDNC-ADMIN-RULES", 3),)}), []),
        (
            with_filter(jumps={**FILTER.jumps, ADMIN: ()}),
            [("extra", f"jumps filter {ADMIN}", "the chain", "")],
        ),
        (with_filter(jumps={**FILTER.jumps, ADMIN: ()}, shared=frozenset([ADMIN])), []),
    ],
)
def test_iptables(actual: State, expected: list[tuple[str, str, str, str]]) -> None:
    assert told(actual) == expected


def test_a_chain_of_the_administrators_that_lacks() -> None:
    wanted = with_filter(jumps={ADMIN: (Jump("-j SDNC-ADMIN-RULES", END),)})

    assert told(with_filter(jumps={}), wanted) == [
        ("missing", f"jumps filter {ADMIN}", "the chain", ""),
        ("missing", f"jumps filter {ADMIN}", "-j SDNC-ADMIN-RULES", ""),
    ]


@pytest.mark.parametrize(
    ("there", "wanted", "same"),
    [
        (("-s 1 -j DROP", "-s 2 -j DROP"), ("-s 2 -j DROP", "-s 1 -j DROP"), True),
        (("-s 1 -j DROP", "-s 2 -j RETURN"), ("-s 2 -j RETURN", "-s 1 -j DROP"), False),
        (("-s 1 -j LOG", "-s 2 -j LOG"), ("-s 2 -j LOG", "-s 1 -j LOG"), False),
        (("-s 1 -j DROP", "-s 2 -j REJECT"), ("-s 2 -j REJECT", "-s 1 -j DROP"), False),
        (("-s 1 -j DROP", "-j X", "-s 2 -j DROP"), ("-s 2 -j DROP", "-j X", "-s 1 -j DROP"), False),
    ],
)  # fmt: skip
def test_the_order_of_neighbours_with_one_verdict_is_no_drift(
    there: tuple[str, ...], wanted: tuple[str, ...], same: bool
) -> None:
    found, asked = Table({"SDNC-A": there}), Table({"SDNC-A": wanted})

    assert (as_wanted(found, asked).chains == asked.chains) == same


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"flows": frozenset(["table=0, priority=5,ip actions=drop", "table=1, priority=0 actions=drop"])},
            [
                ("missing", "flows", "table=0, priority=0 actions=drop", ""),
                (
                    "changed",
                    "flows",
                    "table=0, priority=5,ip actions=group:5",
                    "table=0, priority=5,ip actions=drop",
                ),
                ("extra", "flows", "table=1, priority=0 actions=drop", ""),
            ],
        ),
        ({"foreign": frozenset()}, [("missing", "flows", min(WHOLE.foreign), "")]),
        ({"foreign": WHOLE.foreign | {"cookie=0x6, table=1 actions=drop"}}, []),
        (
            {"groups": {5: "group_id=5,type=all", 6: "group_id=6,type=all"}},
            [
                ("changed", "groups", WHOLE.groups[5], "group_id=5,type=all"),
                ("extra", "groups", "group_id=6,type=all", ""),
            ],
        ),
        ({"groups": {}}, [("missing", "groups", WHOLE.groups[5], "")]),
        ({"sets": {}}, [("missing", "set", "sdnc-0123456789abcdef", "")]),
        (
            {"sets": {"sdnc-0123456789abcdef": AddressSet(frozenset(["10.0.0.0/8"]), 65536)}},
            [("missing", "set", "sdnc-0123456789abcdef 10.1.0.0/16 nomatch", "")],
        ),
        (
            {"sets": {**WHOLE.sets, "sdnc-1": AddressSet(frozenset(), 1), "sdnc-2": AddressSet(frozenset(), 1, 3)}},
            [("extra", "set", "sdnc-1", "")],
        ),
        (
            {"addresses": replace(WHOLE.addresses, labelled=frozenset(["192.0.2.51"]))},
            [("missing", "egress IP", "192.0.2.50", ""), ("extra", "egress IP", "192.0.2.51", "")],
        ),
        (
            {"addresses": replace(WHOLE.addresses, labelled=frozenset(), others=frozenset(["192.0.2.50"]))},
            [],
        ),
        (
            {"ports": {"pod1": None, "pod2": 99, "pod3": 13}},
            [
                ("missing", "port", "pod1 with OpenFlow port 11", ""),
                ("changed", "port", "pod2 with OpenFlow port 12", "pod2 with OpenFlow port 99"),
                ("extra", "port", "pod3 with OpenFlow port 13", ""),
            ],
        ),
        ({"ports": {}, "present": frozenset(["pod3"])}, []),
        ({"macvlans": {}}, []),
        (
            {"macvlans": {"10.128.0.13": replace(WHOLE.macvlans["10.128.0.13"], mac="")}},
            [("missing", "router", "shop_db: macvlan0 in /run/netns/pod 0a:58:00:00:00:01", "")],
        ),
    ],
)
def test_everything_else(change: dict[str, Any], expected: list[tuple[str, str, str, str]]) -> None:
    assert told(replace(WHOLE, **change)) == expected


def test_nothing_differs() -> None:
    assert differences(WHOLE, WHOLE) == ()


def test_a_hundred_thousand_flows_are_told_apart() -> None:
    flows = frozenset(f"table=30, priority=100,ip,nw_dst=10.0.0.{number} actions=drop" for number in range(100_000))
    lost = f"table=30, priority=100,ip,nw_dst=10.0.0.{70_000} actions=drop"

    found = differences(replace(WHOLE, flows=flows - {lost}), replace(WHOLE, flows=flows))

    assert found == (Difference(Kind.MISSING, "flows", lost),)
