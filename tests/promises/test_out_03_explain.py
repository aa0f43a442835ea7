"""OUT-03, from outside: every line of every example can be explained, and goes with the statements that it names."""

from __future__ import annotations

import subprocess
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from compiler.diagnostics import Diagnostics
from compiler.pipeline import Compilation, compile_declarations
from compiler.sources import read_texts
from sdnc.compile import node_files
from sdnc.explain.bundle import from_bundle, read_bundle
from sdnc.explain.search import explain, find
from sdnc.provenance import lines_of
from tests.lab import DummySwitch
from tests.oracle.compiled import OPTIONS
from tests.paths import CLUSTERS, lock_of
from tests.promises.test_out_03_leaving import TEXT as LEAVING
from tests.sdnc.running import invoke
from tests.sdnc.test_explain import TEXT as KINDS

pytestmark = pytest.mark.behaviour("OUT-03")


def compiled_bundle(path: Path, out: Path) -> Path:
    lock = lock_of(path)
    result = invoke("compile", path, "-o", out, "--provenance", *(["--dns-lock", str(lock)] if lock else []))
    assert result.exit_code == 0, result.output
    return out


@pytest.mark.parametrize("path", CLUSTERS, ids=lambda path: path.name)
def test_every_line_of_every_file_is_explained(path: Path, tmp_path: Path) -> None:
    out = compiled_bundle(path, tmp_path / "out")
    nodes = [node.name for node in (out / "nodes").iterdir()]
    asked = 0
    for node in nodes:
        files = read_bundle(out, node)
        for text in sorted({line for file in files for line in file.lines if line.strip()}):
            found, _ = explain(find(files, text), from_bundle(out))
            places = [place for each in found for place in each.places]
            wanted = [
                (file.path, number)
                for file in files
                for number, line in enumerate(file.lines, 1)
                if line.strip() == text.strip()
            ]
            assert {(place.file.path, place.number) for place in places} >= set(wanted)
            assert all(each.statements for each in found)
            asked += 1
    assert asked >= 50 * len(nodes)


POLICIES = {
    **{
        path.name: next(path.glob("*.sdn")).read_text()
        for path in CLUSTERS
        if len(list(path.glob("*.sdn"))) == 1 and len([each for each in path.iterdir() if each.suffix != ".md"]) == 1
    },
    "kinds": KINDS,
    "leaving": LEAVING,
}


def compiled_text(text: str) -> Compilation | None:
    diagnostics = Diagnostics()
    return compile_declarations(read_texts({"a.sdn": text}, diagnostics), diagnostics, OPTIONS)


def lines_with_statements(compilation: Compilation) -> Mapping[tuple[str, str, str], frozenset[tuple[int, int]]]:
    """For node, path and line: the line and column of each statement."""
    return {
        (node.name, path, line): frozenset((origin.span().line, origin.span().column) for origin in origins)
        for node in compilation.model.nodes
        for path, lines in lines_of(node_files(compilation, node)).items()
        for line, origins in lines.items()
    }


def without(text: str, line: int, column: int) -> str:
    """The text without the statement that begins there, with its line numbers as they were."""
    lines = text.split("\n")
    last, depth = line, 0
    for last in range(line, len(lines) + 1):
        piece = lines[last - 1][column - 1 if last == line else 0 :].split("#")[0]
        depth += piece.count("{") - piece.count("}")
        if depth <= 0:
            break
    # A rule at the end of its block leaves the block's closing brackets.
    rest = "}" * -depth
    return "\n".join([*lines[: line - 1], lines[line - 1][: column - 1] + rest, *[""] * (last - line), *lines[last:]])


@pytest.mark.parametrize("name", POLICIES)
def test_a_line_that_names_one_statement_goes_with_it(name: str) -> None:
    """What is left of the policy compiles, if nothing else needs the statement; then nothing of the line is left."""
    text = POLICIES[name]
    before = compiled_text(text)
    assert before is not None
    alone: dict[tuple[int, int], list[tuple[str, str, str]]] = defaultdict(list)
    for line, statements in lines_with_statements(before).items():
        if len(statements) == 1:
            alone[next(iter(statements))].append(line)

    gone = 0
    for statement, lines in alone.items():
        after = compiled_text(without(text, *statement))
        if after is not None:
            left = lines_with_statements(after)
            assert [line for line in lines if line in left] == []
            gone += len(lines)

    assert gone >= 15


def dumped(switch: DummySwitch, *options: str) -> Iterator[str]:
    """What ovs-ofctl prints of all flows and groups, without its headlines."""
    for command in ("dump-flows", "dump-groups"):
        yield from (line for line in switch.ofctl(*options, command, "br0").splitlines() if "reply" not in line)


def test_flows_and_groups_are_known_as_a_switch_prints_them(tmp_path: Path) -> None:
    (tmp_path / "policy.sdn").write_text(KINDS)
    out = compiled_bundle(tmp_path / "policy.sdn", tmp_path / "out")
    with DummySwitch([7]) as switch:
        for node in ("node-1", "node-2"):
            files = read_bundle(out, node)
            folder = out / "nodes" / node
            switch.ofctl("del-groups", "br0")
            groups = (folder / "groups.txt").read_text() if (folder / "groups.txt").exists() else ""
            switch.ofctl("--bundle", "add-groups", "br0", "-", stdin=groups)
            flows = (folder / "flows.txt").read_text()
            switch.load_flows(flows)

            for options in ((), ("--names",), ("--no-names",)):
                lines = list(dumped(switch, *options))
                # The dummy port is called p7; a node's interfaces are called as ports.json has them.
                found = [find(files, line.replace("p7", "vethweb")) for line in lines]
                assert [line for line, places in zip(lines, found, strict=True) if len(places) != 1] == []
                assert len({places[0].text for places in found}) == flows.count(" actions=") + groups.count(
                    "\nadd_or_mod "
                )


@pytest.mark.parametrize("flavour", ["nft", "legacy"])
def test_rules_and_sets_are_known_as_a_node_prints_them(tmp_path: Path, flavour: str) -> None:
    (tmp_path / "policy.sdn").write_text(KINDS)
    out = compiled_bundle(tmp_path / "policy.sdn", tmp_path / "out")
    files = read_bundle(out, "node-1")
    script = """
        sh iptables.sh >&2 && iptables-$0-save -c && for table in raw mangle nat filter; do
            iptables-$0 -t $table -S && iptables-$0 -v -t $table -S || exit
        done && ipset save
    """
    ran = subprocess.run(
        ["unshare", "--net", "sh", "-c", script, flavour],
        cwd=out / "nodes" / "node-1",
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "SDNC_IPTABLES": flavour},
        capture_output=True,
        text=True,
        check=True,
    )

    # Built-in chains are nobody's; the administrators' chain is theirs.
    lines = [line for line in ran.stdout.splitlines() if line[:1] not in "#*" and line != "COMMIT"]
    lines = [line for line in lines if not line.startswith("-P ") and " ACCEPT [" not in line]
    lines = [line for line in lines if line.split()[0] not in ("-N", ":OPENSHIFT-ADMIN-OUTPUT-RULES")]
    assert [line for line in lines if not find(files, line)] == []
    assert len([line for line in lines if "-j SDNC-ADMIN-RULES" in line]) == 3
    assert len([line for line in lines if line.startswith(("create ", "add "))]) > 4
