"""A state that has everything a state may have, for tests that change one thing of it."""

from __future__ import annotations

from sdnc.apply.state import (
    TABLES,
    Addresses,
    AddressSet,
    Bridge,
    Interface,
    Jump,
    Macvlan,
    State,
    Table,
    TunAddress,
)


def whole_state() -> State:
    return State(
        bridge=Bridge(
            "netdev",
            "secure",
            ("OpenFlow13",),
            {
                "vxlan0": Interface("vxlan", 1, 1, options={"dst_port": "4789", "key": "flow", "remote_ip": "flow"}),
                "tun0": Interface("internal", 2, 2, mac="0a:58:0a:80:00:01", mtu=1450),
            },
        ),
        tun=TunAddress(True, frozenset(["10.128.0.1/23"]), {"10.128.0.0/14": "10.128.0.1", "172.30.0.0/16": ""}, "2"),
        forwarding="1",
        flows=frozenset(["table=0, priority=5,ip actions=group:5", "table=0, priority=0 actions=drop"]),
        groups={5: "group_id=5,type=select,bucket=actions=output:1"},
        tables={name: Table() for name in TABLES}
        | {
            "filter": Table(
                {"SDNC-ADMIN-RULES": ("-s 10.0.0.1/32 -j DROP", "-s 10.0.0.2/32 -j RETURN")},
                {"FORWARD": (Jump("-j SDNC-ADMIN-RULES", 1),)},
                lengths={"FORWARD": 3},
            )
        },
        sets={"sdnc-0123456789abcdef": AddressSet(frozenset(["10.0.0.0/8", "10.1.0.0/16 nomatch"]), 65536, 1)},
        addresses=Addresses(frozenset(["192.0.2.50"]), frozenset(), "eth0", "192.0.2.1/24"),
        ports={"pod1": 11, "pod2": 12, "pod3": None},
        present=frozenset(["pod1", "pod2", "pod3"]),
        macvlans={"10.128.0.13": Macvlan("shop_db", "0a:58:00:00:00:01", "/run/netns/pod", "#!/bin/sh\n")},
        foreign=frozenset(["cookie=0x5, table=200, priority=7 actions=drop"]),
    )
