"""compiler.sources.interfaces: the output of ovs-vsctl --format=json list Interface."""

from __future__ import annotations

import json
from typing import Any

from compiler.declarations import InterfaceDeclaration
from compiler.values.prefix import parse_address

from .reading import read

UUID = ["uuid", "5c8a3b44-53ac-4d3c-8a5a-1f3ad0b7e3a0"]


def table(*rows: list[Any]) -> str:
    headings = ["_uuid", "external_ids", "name", "ofport", "statistics"]
    return json.dumps({"headings": headings, "data": [[UUID, *row, ["map", []]] for row in rows]})


def interfaces(*rows: list[Any]) -> list[tuple[str, int, int | None]]:
    declarations, told = read(table(*rows), "a.json")
    assert told == []
    assert all(isinstance(one, InterfaceDeclaration) for one in declarations)
    return [(one.interface, one.of_port, one.address) for one in declarations if isinstance(one, InterfaceDeclaration)]


def test_a_pods_interface() -> None:
    ids = ["map", [["ip", "10.128.0.5"], ["sandbox", "abc"]]]

    assert interfaces([ids, "veth1a2b", 7]) == [("veth1a2b", 7, parse_address("10.128.0.5"))]


def test_interfaces_of_the_bridge_itself() -> None:
    assert interfaces([["map", []], "vxlan0", 1], [["map", []], "br0", 65534]) == [
        ("vxlan0", 1, None),
        ("br0", 65534, None),
    ]


def test_interfaces_without_a_port_are_left_out() -> None:
    ids = ["map", [["ip", "10.128.0.5"]]]

    assert interfaces([ids, "veth1", -1], [ids, "veth2", ["set", []]]) == []


def test_a_set_of_one() -> None:
    assert interfaces([["map", []], "veth1", ["set", [5]]]) == [("veth1", 5, None)]


def test_long_names_of_patch_ports_do_no_harm() -> None:
    assert interfaces([["map", []], "patch-to-a-bridge-far-away", 5]) == []


def test_rows_know_their_line() -> None:
    text = '{"headings": ["name", "ofport", "external_ids"],\n"data": [\n["veth1", 5, ["map", []]]]}'

    declarations, _ = read(text, "a.json")

    assert [str(one.origin) for one in declarations] == ["a.json:3:2"]
