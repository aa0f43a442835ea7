"""How a difference is told: to people at a terminal, on a pull request, and to machines."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from rich.console import Console
from syrupy.assertion import SnapshotAssertion

from benchmarks.__main__ import generate
from benchmarks.openshift_sdn import REFERENCES
from compiler.compare.comparison import (
    Comparison,
    ConnectionChange,
    Exit,
    HandlingChange,
    MulticastChange,
    NodeAt,
    Party,
    PodAt,
    RouterChange,
    SettingChange,
    SourceChange,
)
from compiler.values.ports import PortSet
from compiler.values.prefix import parse_address
from compiler.values.services import EVERYTHING, Protocol, ServiceSet
from sdnc.diff.difference import Difference
from sdnc.diff.json_report import json_text
from sdnc.diff.markdown import MAX_CHARACTERS, markdown_text
from sdnc.diff.rules import ChangedLine, RuleChanges, StatementChange
from sdnc.diff.sides import KnownBy
from sdnc.diff.text import print_text
from sdnc.diff.words import summary
from tests.paths import ROOT
from tests.sdnc.diff.versions import NEW, OLD, write
from tests.sdnc.diff.versions import WEB as WEB_POLICY
from tests.sdnc.running import invoke, run

WEB = PodAt("shop/web-1", parse_address("10.128.0.11"))
API = PodAt("shop/api-1", parse_address("10.128.2.11"))
WEBS, APIS = Party("pods tier=web in project shop", (WEB,)), Party("pods tier=api in project shop", (API,))
OUTSIDE = Party("192.0.2.0/28", ranges=((parse_address("192.0.2.0"), parse_address("192.0.2.15")),))
HTTPS = ServiceSet.of(Protocol.TCP, PortSet([(443, 443)]))

NO_RULES = RuleChanges(KnownBy.NAME)
RULES = RuleChanges(
    KnownBy.NAME,
    (
        StatementChange(
            "policy shop/api",
            "shop.sdn:75",
            (
                ChangedLine(True, "flows", "table=81, priority=116 actions=goto_table:82", ("node-1", "node-2")),
                ChangedLine(False, "chain filter SDNC-ADMIN-RULES", "-A SDNC-ADMIN-RULES -j DROP", ("node-2",)),
            ),
        ),
        StatementChange("", "dns.lock:3", (ChangedLine(True, "kubernetes/shop_db.yaml", "kind: Pod", ()),)),
    ),
    nodes_added=(("node-3", 120),),
)

EVERY_KIND = Comparison(
    connections=(
        ConnectionChange(True, WEBS, APIS, HTTPS),
        ConnectionChange(False, APIS, OUTSIDE, EVERYTHING, but=HTTPS),
    ),
    sources=(
        SourceChange(
            "shop",
            WEBS,
            (Exit(parse_address("192.168.100.11"), "node-1", False),),
            (Exit(parse_address("192.168.100.50"), "node-2", True),),
        ),
        SourceChange("blog", Party(""), (), (Exit(parse_address("192.168.100.51"), "node-2", True),)),
    ),
    handling=(HandlingChange(WEBS, OUTSIDE, HTTPS, ('log "web"', "drop"), ("reject",)),),
    multicast=(MulticastChange(True, WEBS, APIS),),
    routers=(RouterChange("shop/db", (("source", "192.168.100.60", "192.168.100.61"),)),),
    settings=(SettingChange("MTU", "1450", "1400"),),
    pods_added=(WEB,),
    pods_removed=(API,),
)


def text_of(difference: Difference, *, verbose: bool = False) -> str:
    console = Console(file=io.StringIO(), width=80, no_color=True)
    print_text(difference, console, verbose=verbose)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("verbose", [False, True])
def test_every_kind_of_change_as_text(snapshot: SnapshotAssertion, verbose: bool) -> None:
    assert text_of(Difference(EVERY_KIND, RULES), verbose=verbose) == snapshot


def test_every_kind_of_change_as_markdown(snapshot: SnapshotAssertion) -> None:
    assert markdown_text(Difference(EVERY_KIND, RULES, ("a note",))) == snapshot


def test_every_kind_of_change_as_json(snapshot: SnapshotAssertion) -> None:
    assert json_text(Difference(EVERY_KIND, RULES, ("a note",))) == snapshot


@pytest.mark.parametrize(
    ("meaning", "rules", "told"),
    [
        (Comparison(), NO_RULES, "no difference"),
        (Comparison(), None, "same meaning"),
        (None, NO_RULES, "no difference"),
        (None, RULES, "124 rules on 3 nodes change (+123 -1)"),
        (Comparison(), RULES, "same meaning; 124 rules on 3 nodes change (+123 -1)"),
        (Comparison(connections=EVERY_KIND.connections[:1]), NO_RULES, "1 connection becomes allowed; no rule changes"),
        (Comparison(connections=EVERY_KIND.connections[1:]), None, "1 connection becomes denied"),
        (Comparison(connections=EVERY_KIND.connections), None, "1 connection becomes allowed, 1 denied"),
        (Comparison(connections=EVERY_KIND.connections[:1] * 3), None, "3 connections become allowed"),
        (Comparison(pods_added=(WEB,), pods_removed=(API, WEB)), None, "1 pod new, 2 pods gone"),
    ],
)
def test_the_summary_tells_numbers(meaning: Comparison | None, rules: RuleChanges | None, told: str) -> None:
    assert summary(Difference(meaning, rules)) == told


def test_text_is_short_unless_it_is_asked_for() -> None:
    many = Comparison(connections=EVERY_KIND.connections[:1] * 500)
    rules = RuleChanges(KnownBy.NAME, RULES.statements * 500)

    short, long = (text_of(Difference(many, rules), verbose=verbose) for verbose in (False, True))

    assert len(short.splitlines()) < 60
    assert "… and 488 more" in short
    assert "… and 992 more" in short
    assert long.count("pods tier=web in project shop -> ") == 500
    assert long.count("goto_table:82") == 500


def test_colours_are_for_terminals_and_not_if_nobody_wants_them(tmp_path: Path) -> None:
    old, new = write(tmp_path / "old.sdn", OLD), write(tmp_path / "new.sdn", NEW)

    coloured = run("diff", old, new, FORCE_COLOR="1", TERM="xterm-256color")
    plain = run("diff", old, new, FORCE_COLOR="1", TERM="xterm-256color", NO_COLOR="1")

    assert "\x1b[1;32m+ " in coloured.stdout or "\x1b[32m" in coloured.stdout
    assert not re.search(r"\x1b\[[\d;]*3[0-7]m", plain.stdout)


HOSTILE = "``` @everyone </details> <img src=x> **bold** [link](http://example.com) \n# heading \x1b[31m \u202e"


def test_names_are_no_markup() -> None:
    party = Party(HOSTILE, (PodAt(HOSTILE, 1),), (NodeAt(HOSTILE, 1, False),))
    rules = RuleChanges(
        KnownBy.NAME, (StatementChange(HOSTILE, HOSTILE, (ChangedLine(True, HOSTILE, HOSTILE, (HOSTILE,)),)),)
    )
    meaning = Comparison(connections=(ConnectionChange(True, party, party, HTTPS),) * 40)

    text = markdown_text(Difference(meaning, rules, (HOSTILE,)))

    outside = unfenced(text)
    assert "@everyone" in text
    assert not re.search(r"@|img|\*\*bold|\[link|heading|\x1b|\u202e", outside)
    assert outside.count("<details>") == outside.count("</details>") == 2
    assert "\x1b" not in text_of(Difference(meaning, rules), verbose=True)
    assert "\u202e" not in text


def unfenced(markdown: str) -> str:
    """What of a page is not in a fenced block, as CommonMark has it: a fence ends with one at least as long."""
    outside, fence = [], ""
    for line in markdown.splitlines():
        if fence:
            if re.fullmatch(r" {0,3}`+\s*", line) and line.count("`") >= len(fence):
                fence = ""
        elif opening := re.match(r" {0,3}(`{3,})[^`]*$", line):
            fence = opening[1]
        else:
            outside.append(line)
    assert not fence
    return "\n".join(outside)


@pytest.mark.parametrize("size", [40, 400, 4_000])
def test_a_comment_is_cut_at_what_github_takes(size: int) -> None:
    meaning = Comparison(connections=(ConnectionChange(True, WEBS, APIS, HTTPS),) * size)
    line = ChangedLine(True, "flows", "x" * 200, ("node-1",))
    rules = RuleChanges(KnownBy.NAME, (StatementChange("policy shop/api", "shop.sdn:75", (line,) * size),) * 3)

    text = markdown_text(Difference(meaning, rules, ("n" * 100_000,)))

    assert len(text) <= MAX_CHARACTERS
    assert ("lines cut: a comment holds no more" in unfenced(text)) == (size > 40 or "n" * 100_000 not in text)
    assert unfenced(text).count("<details>") == unfenced(text).count("</details>") == 2


def test_a_comment_of_hostile_names_is_no_longer_than_others() -> None:
    party = Party("`" * 4_000)
    rules = RuleChanges(KnownBy.NAME, (StatementChange("`" * 4_000, "", ()),) * 20)
    meaning = Comparison(connections=(ConnectionChange(True, party, party, HTTPS),) * 40)
    notes = tuple(f"policies/{number}.sdn is a submodule, and is not read" for number in range(3_000))

    text = markdown_text(Difference(meaning, rules, notes))

    assert len(text) <= MAX_CHARACTERS < 65_536
    assert "policies/9.sdn is a submodule" in text
    assert "lines cut" in unfenced(text)


def test_the_first_screen_tells_a_change_of_one_rule_in_a_big_cluster(tmp_path: Path) -> None:
    (reference,) = [each for each in REFERENCES if each.pods == 1_000 and each.cross is None]
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    generate(reference, old)
    text = old.read_text()
    name = text.index('"allow-from-pods-0"', text.index('"namespace":"app-9"'))
    end = text.index("\n", name)
    line = text[name:end]
    changed = line.replace('"ports":[', '"ports":[{"protocol":"TCP","port":6381},')
    assert changed != line
    new.write_text(text[:name] + changed + text[end:])
    number = text[:name].count("\n") + 1

    result = invoke("diff", old, new)

    assert result.exit_code == 1
    lines = result.stdout.replace(f"{tmp_path}/", "").splitlines()
    for width in (80, 120):
        assert sum(max(1, -(-len(each) // width)) for each in lines) <= 24
    assert re.fullmatch(r"1 connection becomes allowed; \d+ rules on \d nodes change \(\+\d+ -\d+\)", lines[0])
    assert re.fullmatch(r"\+ pods app=\w+ in project app-1 -> pods app=\w+ in project app-1: tcp/6381", lines[2])
    assert f"new.json:{number}" in "\n".join(lines[3:6])
    assert "policy app-" in "\n".join(lines[3:6])


def test_json_has_the_documented_fields() -> None:
    page = (ROOT / "docs" / "diff.md").read_text(encoding="utf-8")
    section = page[page.index("## JSON") : page.index("## In Python")]
    documented = set(re.findall(r"`(\w+)`", section))

    report = json.loads(json_text(Difference(EVERY_KIND, RULES, ("a note",))))

    assert sorted(fields(report) - documented) == []


def fields(value: object) -> set[str]:
    """The names of all fields, at whatever depth."""
    match value:
        case dict():
            return set(value).union(*map(fields, value.values()))
        case list():
            return set().union(*map(fields, value))
        case _:
            return set()


def test_output_does_not_depend_on_the_order_of_the_arguments(tmp_path: Path) -> None:
    old, new, web = (
        write(tmp_path / f"{name}.sdn", text) for name, text in (("old", OLD), ("new", NEW), ("web", WEB_POLICY))
    )

    one = invoke("diff", "--old", old, "--new", new, "--new", web, "--format=json")
    other = invoke("diff", "--new", web, "--old", old, "--new", new, "--format=json")

    assert one.exit_code == 1
    assert one.stdout == other.stdout
