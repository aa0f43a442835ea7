"""Flows as text: matches, actions, comments, order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.ethernet import mac_of
from backends.ovs.fields import Register, Table
from backends.ovs.flow import FIELD_ORDER, Flow, FlowGroup, goto, load, masked_port, match, number
from compiler.values.prefix import Prefix, parse_address

HOST = Prefix(parse_address("10.128.0.5"), 32)
NET = Prefix(parse_address("10.128.0.0"), 14)

SAMPLES: dict[str, str | int | Prefix] = {
    name: HOST if name in ("tun_src", "nw_src", "nw_dst", "arp_spa", "arp_tpa") else 7
    for name in FIELD_ORDER
    if name != "protocol"
}


@given(st.permutations(list(SAMPLES)))
def test_fields_stand_in_the_order_of_a_dump(names: list[str]) -> None:
    text = match("ip", **{name: SAMPLES[name] for name in names})

    assert [part.split("=")[0] for part in text.split(",")] == [
        "ip" if name == "protocol" else name for name in FIELD_ORDER
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (match(), ""),
        (match("ip"), "ip"),
        (match("ip", nw_dst=HOST), "ip,nw_dst=10.128.0.5"),
        (match("ip", nw_dst=NET, in_port=2), "ip,in_port=2,nw_dst=10.128.0.0/14"),
        (match("ip", nw_dst=Prefix(0, 0)), "ip"),
        (match(reg4=10, reg3=0), "reg3=0,reg4=0xa"),
        (match("tcp", tp_dst="0x50/0xfff0", reg7=255), "tcp,reg7=0xff,tp_dst=0x50/0xfff0"),
        (match("ip", ct_state="+new+trk"), "ct_state=+new+trk,ip"),
    ],
)
def test_a_match_has_one_text(text: str, expected: str) -> None:
    assert text == expected


def test_a_field_without_a_place_in_the_order_is_refused() -> None:
    with pytest.raises(KeyError):
        match("ip", eth_dst=1)


@given(st.integers(0, 16), st.integers(0, 65535), st.integers(0, 65535))
def test_masked_ports_match_their_block(length: int, first: int, port: int) -> None:
    first &= 0xFFFF ^ (0xFFFF >> length)
    value, _, mask = masked_port(first, length).partition("/")

    assert (port & int(mask or "0xffff", 0) == int(value, 0)) == (first <= port <= first | (0xFFFF >> length))


def test_texts_of_flows() -> None:
    flow = Flow(Table.DELIVER, 100, match("ip"), "drop")

    assert str(flow) == "table=82, priority=100,ip actions=drop"
    assert str(Flow(Table.DELIVER, 0, "", "drop")) == "table=82, priority=0 actions=drop"
    assert [number(0), number(16)] == ["0", "0x10"]
    assert load(Register.OUTPUT, 11) == "load:0xb->NXM_NX_REG2[]"
    assert goto(Table.ROUTE) == "goto_table:30"
    assert mac_of(parse_address("10.128.0.1")) == "0a:58:0a:80:00:01"


@pytest.mark.behaviour("OUT-01")
@given(st.permutations([Flow(Table.ROUTE, p, match("ip", in_port=i), "drop") for p in (1, 2) for i in (1, 2, 3)]))
def test_flows_of_a_group_have_a_fixed_order(flows: list[Flow]) -> None:
    assert FlowGroup.of("a", flows) == FlowGroup.of("a", sorted(flows, key=str))
    assert [flow.priority for flow in FlowGroup.of("a", flows).flows] == [2, 2, 2, 1, 1, 1]
