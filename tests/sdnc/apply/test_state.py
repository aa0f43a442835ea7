"""States: what a bundle wants, and snapshots that come back from disk as they were."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from sdnc.apply.node_bundle import NodeBundle
from sdnc.apply.plain import BadPlain, from_plain, to_plain
from sdnc.apply.state import (
    END,
    AddressSet,
    BadState,
    Interface,
    Jump,
    Macvlan,
    Snapshot,
    State,
    read_snapshot,
    scope_of,
    snapshot_text,
    wanted_state,
)
from tests.sdnc.apply.states import whole_state


def test_a_snapshot_comes_back_as_it_was(new: NodeBundle) -> None:
    for state in (whole_state(), wanted_state(new, "netdev"), replace(whole_state(), bridge=None, tun=None)):
        snapshot = Snapshot(scope_of(new), state)

        assert read_snapshot(snapshot_text(snapshot)) == snapshot


def test_equal_snapshots_have_equal_texts() -> None:
    flows = [f"table=0, priority={number} actions=drop" for number in range(50)]
    one, other = (replace(whole_state(), flows=frozenset(order)) for order in (flows, flows[::-1]))

    assert json.dumps(to_plain(one), sort_keys=True) == json.dumps(to_plain(other), sort_keys=True)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[", "no state of a node: it is no JSON"),
        ("[]", "another schema"),
        ('{"schema": 2, "snapshot": {}}', "another schema than 1"),
        ('{"schema": 1}', "Snapshot has not the members scope, state"),
        ('{"schema": 1, "snapshot": {"scope": {}, "state": {}}}', "Snapshot.scope has not the members node_address"),
    ],
)
def test_what_is_no_snapshot_is_refused(text: str, reason: str) -> None:
    with pytest.raises(BadState, match=reason):
        read_snapshot(text)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"forwarding": 1}, r"State\.forwarding is no str"),
        ({"flows": "all"}, r"State\.flows is no list"),
        ({"groups": []}, r"State\.groups is no object"),
        ({"groups": {"five": "text"}}, r"State\.groups: 'five' is no int"),
        ({"ports": {"pod1": True}}, r"State\.ports is no int"),
        ({"extra": 1}, "State has not the members"),
    ],
)
def test_values_of_other_types_are_refused(change: dict[str, object], reason: str) -> None:
    plain = to_plain(whole_state())
    assert isinstance(plain, dict)

    with pytest.raises(BadPlain, match=reason):
        from_plain(State, {**plain, **change})


def test_what_a_bundle_wants(everything_bundle: NodeBundle) -> None:
    state = wanted_state(everything_bundle, "system")

    assert state.bridge is not None and state.tun is not None
    assert (state.bridge.datapath_type, state.bridge.fail_mode) == ("system", "secure")
    assert state.bridge.interfaces == {
        "vxlan0": Interface("vxlan", 1, 1, options={"dst_port": "4789", "key": "flow", "remote_ip": "flow"}),
        "tun0": Interface("internal", 2, 2, mac="0a:58:0a:80:00:01", mtu=1450),
    }
    assert state.tun.addresses == {"10.128.0.1/23"}
    assert state.tun.routes == {"10.128.0.0/14": "10.128.0.1", "172.30.0.0/16": ""}
    assert len(state.flows) == len(everything_bundle.flows) > 50
    ((number, group),) = state.groups.items()
    assert group.startswith(f"group_id={number},type=select,bucket=")
    assert [jump.position for jump in state.tables["filter"].jumps["FORWARD"]] == [1, 2]
    assert state.tables["filter"].jumps["OPENSHIFT-ADMIN-OUTPUT-RULES"] == (
        Jump('-m comment --comment "rules of the policy sources" -j SDNC-ADMIN-RULES', END),
    )
    assert AddressSet(frozenset(["203.0.113.0/24", "203.0.113.7 nomatch"]), 65536) in state.sets.values()
    assert state.addresses.labelled == {"192.168.100.50"}
    macvlan = state.macvlans["10.128.0.13"]
    assert macvlan == Macvlan("shop_legacy-db", "0a:58:c0:a8:64:63", script=macvlan.script)
    assert macvlan.script.startswith("#!/bin/sh")


def test_the_scope_is_that_of_all_bundles(old: NodeBundle, everything_bundle: NodeBundle) -> None:
    scope = scope_of(old, everything_bundle)

    assert scope.egress_ips == {"192.168.100.50"}
    assert {port.interface for port in everything_bundle.ports.values()} <= scope.interfaces
    assert any(chain.startswith("SDNC-LIMIT-") for chain in scope.chains["filter"])
    assert scope.routers == {}
    assert scope_of(everything_bundle, old).routers == {"10.128.0.13": "shop_legacy-db"}
