"""Which lines differ, and who is behind them."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdnc.diff.lines import sections, without_scripts
from sdnc.diff.rules import RuleChanges
from sdnc.diff.sides import KnownBy
from sdnc.diff.words import rule_items
from tests.compiling import CLUSTER
from tests.sdnc.diff.versions import API, API_WIDER, NEW, OLD, PODS, WEB, compared, rules_of, write
from tests.sdnc.running import invoke

ADMIN = """
admin-rules everywhere {
  drop tcp/25 from anyone to anyone
  accept tcp/443 from anyone to 192.0.2.0/24
}
"""


def lines(changes: RuleChanges, where: str) -> list[tuple[str, str]]:
    """The changed lines of one section, with their signs."""
    return [
        ("+" if line.added else "-", line.text)
        for each in changes.statements
        for line in each.lines
        if line.where == where
    ]


def line_of(statement: str, text: str) -> int:
    return text[: text.index(statement)].count("\n") + 1


def bundle(folder: Path, text: str, *options: str) -> Path:
    source = write(folder / "cluster.sdn", text)
    assert invoke("compile", source, "-o", folder / "out", *options).exit_code == 0
    return folder / "out"


def test_equal_sources_have_no_difference(tmp_path: Path) -> None:
    assert rules_of(tmp_path, OLD, OLD).same


def test_a_statement_that_only_moved_is_no_change(tmp_path: Path) -> None:
    moved = CLUSTER + "# three\n# more\n# lines\n" + WEB + PODS + API

    assert rules_of(tmp_path, OLD + WEB, moved).same


def test_all_lines_of_one_change_are_told_with_its_statement(tmp_path: Path) -> None:
    changes = rules_of(tmp_path, OLD, NEW)

    (statement,) = changes.statements
    assert statement.text == "policy shop/api"
    assert statement.place == f"{tmp_path}/new/cluster.sdn:{line_of(API_WIDER, NEW)}"
    assert (statement.added, statement.removed, statement.nodes) == (changes.added, changes.removed, ("node-2",))
    assert any(sign == "+" and "tp_dst=443" in text for sign, text in lines(changes, "flows"))


def test_of_several_changes_each_line_is_told_with_one_that_asked_for_it(tmp_path: Path) -> None:
    changes = rules_of(tmp_path, OLD, NEW + WEB)

    by_text = {each.text: each for each in changes.statements}
    assert by_text["policy shop/web"].nodes == ("node-1",)
    assert by_text["policy shop/api"].nodes == ("node-2",)
    assert all("8080" not in line.text for line in by_text["policy shop/api"].lines)


def test_a_statement_that_is_gone_is_told_where_it_stood(tmp_path: Path) -> None:
    changes = rules_of(tmp_path, OLD, CLUSTER + PODS)

    (statement,) = changes.statements
    assert statement.text == "policy shop/api"
    assert statement.place.startswith(f"{tmp_path}/old/cluster.sdn:")


def test_the_order_of_a_chain_means_something(tmp_path: Path) -> None:
    first, second = ADMIN.strip().splitlines()[1:3]
    swapped = ADMIN.replace(first, "*").replace(second, first).replace("*", second)

    changes = rules_of(tmp_path, OLD + ADMIN, OLD + swapped)

    moved = lines(changes, "chain filter SDNC-ADMIN-RULES")
    assert sorted(sign for sign, _ in moved) == ["+", "-"]
    assert len({text for _, text in moved}) == 1
    assert {each.text for each in changes.statements} == {"admin-rules everywhere"}


def test_every_kind_of_file_is_compared(tmp_path: Path) -> None:
    node = "node node-2 { address 192.168.100.12/24  subnet 10.128.2.0/23  egress-ip 192.168.100.50 }"
    nodes = "node node-1 { address 192.168.100.11/24  subnet 10.128.0.0/23  egress-ip 192.168.100.51 }\n" + node
    cluster = CLUSTER[: CLUSTER.index("node node-1")] + nodes + PODS
    hosted = cluster.replace("project shop", "project shop { egress-ip 192.168.100.50, 192.168.100.51 }")
    networks = ", ".join(f"192.0.2.{number}" for number in range(1, 30, 4))
    more = f"admin-rules many {{ drop tcp/25 from anyone to {networks} }}\n"
    router = "egress-router shop/db { source 192.168.100.60  gateway 192.168.100.1  redirect tcp/80 to 192.0.2.1 }\n"

    changes = rules_of(
        tmp_path, cluster, hosted + more + router + "pod shop/web-2 { node node-1 address 10.128.0.12 }\n"
    )

    where = {line.where for each in changes.statements for line in each.lines}
    kinds = {one.split(" ")[0] for one in where}
    assert {"flows", "chain", "set", "ports", "egress"} <= kinds
    assert any(one.startswith("egress-routers/shop_db/") for one in where)
    assert "kubernetes/shop_db.yaml" in where
    assert sorted(lines(changes, "egress IP")) == [("+", "192.168.100.50"), ("+", "192.168.100.51")]


def test_a_new_node_is_told_as_one(tmp_path: Path) -> None:
    third = "node node-3 { address 192.168.100.13  subnet 10.128.4.0/23 }\n"

    changes = rules_of(tmp_path, OLD, OLD + third)

    ((name, number),) = changes.nodes_added
    assert name == "node-3"
    assert number > 50
    assert {each.text for each in changes.statements} == {"node node-3"}
    assert rules_of(tmp_path, OLD + third, OLD).nodes_removed == changes.nodes_added


def test_bundles_are_compared_by_what_their_comments_say(tmp_path: Path) -> None:
    changes = compared(bundle(tmp_path / "a", OLD), bundle(tmp_path / "b", NEW))

    assert changes.known_by is KnownBy.COMMENT
    assert lines(changes, "flows")
    assert all(not each.place for each in changes.statements)
    assert not any(each.text.startswith("0x") for each in changes.statements)


def test_bundles_with_provenance_are_compared_by_statement(tmp_path: Path) -> None:
    old = bundle(tmp_path / "a", OLD, "--provenance")
    new = bundle(tmp_path / "b", "# one line more\n" + NEW, "--provenance")

    changes = compared(old, new)

    assert changes.known_by is KnownBy.PLACE
    assert f"{tmp_path}/b/cluster.sdn:{line_of(API_WIDER, NEW) + 1}" in {each.place for each in changes.statements}
    # What only stands elsewhere now is the same statement: no line is told with an old place.
    assert not any("(old)" in each.place or "/a/" in each.place for each in changes.statements)


@pytest.mark.parametrize("option", [(), ("--provenance",)])
def test_a_bundle_and_its_sources_are_the_same(tmp_path: Path, option: tuple[str, ...]) -> None:
    made = bundle(tmp_path / "a", OLD, *option)

    assert compared(made, tmp_path / "a" / "cluster.sdn").same
    assert not compared(made, write(tmp_path / "b" / "cluster.sdn", NEW)).same


def test_a_script_is_looked_at_only_if_the_settings_say_the_same() -> None:
    settings = '{"addresses": {"egress_ips": ["192.0.2.1"]}, "bridge": {"mtu": 1450}, "schema": 1}'

    found = sections({"node.json": settings, "bridge.sh": "#!/bin/sh\nip link\n"})

    assert {where: [line.text for line in section.lines] for where, section in found.items()} == {
        "bridge.sh": ["ip link"],
        "bridge": ["mtu 1450"],
        "egress IP": ["192.0.2.1"],
    }
    assert without_scripts({"bridge.sh": "", "flows.txt": ""}) == {"flows.txt": ""}


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"jumps": 1}', '{"jumps": {"raw": 5}}', '{"addresses": {"egress_ips": "192.0.2.1"}}', "[" * 100_000],
)
def test_settings_that_are_odd_are_lines_all_the_same(text: str) -> None:
    assert [line.text for section in sections({"node.json": text}).values() for line in section.lines]


@pytest.mark.parametrize(
    ("edited", "where"),
    [
        (("-A SDNC-X -j DROP", "-I SDNC-X -j ACCEPT\n-A SDNC-X -j DROP"), "iptables.rules"),
        ((":FORWARD - ", ":FORWARD ACCEPT "), "chain filter FORWARD"),
    ],
)
def test_rules_that_were_put_in_by_hand_are_seen(edited: tuple[str, str], where: str) -> None:
    rules = "*filter\n:FORWARD - [0:0]\n:SDNC-X - [0:0]\n# a comment\n-A SDNC-X -j DROP\nCOMMIT\n"

    found, by_hand = (sections({"iptables.rules": text}) for text in (rules, rules.replace(*edited)))

    assert found.keys() == {"chain filter FORWARD", "chain filter SDNC-X"}
    assert {name for name, section in by_hand.items() if section != found.get(name)} == {where}


def test_words_count_before_they_tell(tmp_path: Path) -> None:
    (item,) = rule_items(rules_of(tmp_path, OLD, NEW))

    assert item.text.startswith("+")
    assert "on 1 node: policy shop/api (" in item.text
