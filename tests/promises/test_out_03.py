"""OUT-03: every flow names the statements that ask for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.lines import File, Line
from backends.ovs.fields import Table
from backends.ovs.flow import Flow
from compiler.diagnostics import Diagnostics
from compiler.options import BrokenEgress
from compiler.origin import Origin, Span
from compiler.pipeline import Compilation, read
from compiler.sources.positions import whole_source
from sdnc.compile import cluster_files, node_files
from sdnc.options import read_options
from sdnc.provenance import Places, make_provenance, read_provenance
from tests.compiling import CLUSTER, compiled, declare, flow_files
from tests.paths import CLUSTERS, ROOT, lock_of
from tests.sdnc.running import invoke

pytestmark = pytest.mark.behaviour("OUT-03")


def example(path: Path) -> Compilation:
    diagnostics = Diagnostics()
    options = read_options(lock_of(path), BrokenEgress.ERROR.value, diagnostics)
    compilation = read([str(path)], None, diagnostics, options)
    assert compilation is not None, diagnostics.sorted()
    return compilation


@pytest.mark.parametrize("path", CLUSTERS, ids=lambda path: path.name)
def test_every_flow_of_every_node_has_an_origin(path: Path) -> None:
    for flows in flow_files(example(path)).values():
        assert [flow for flow in flows.flows() if not flow.origins] == []


@pytest.mark.parametrize("path", CLUSTERS, ids=lambda path: path.name)
def test_every_line_of_every_file_has_statements_that_are_places_in_the_example(path: Path) -> None:
    compilation = example(path)
    places = Places()
    parts = {node.name: node_files(compilation, node) for node in compilation.model.nodes}
    for node, files in (*parts.items(), (None, cluster_files(compilation.model))):
        provenance = make_provenance(node, files, places)
        folder = "" if node is None else f"nodes/{node}/"
        statements = set[str]()
        for name, file in files.items():
            of_lines = [
                provenance.statements(f"{folder}{name}", number) for number in range(1, len(file.text.splitlines()) + 1)
            ]
            assert all(of_lines)
            assert provenance.statements(f"{folder}{name}", len(of_lines) + 1) == ()
            statements.update(*of_lines)
        for statement in statements:
            name, line, column = statement.rsplit(":", 2)
            text = Path(name).read_text().split("\n")
            assert Path(name).is_relative_to(path)
            assert len(text[int(line) - 1]) >= int(column)


@pytest.mark.parametrize("path", CLUSTERS, ids=lambda path: path.name)
def test_provenance_is_read_as_it_was_made(path: Path, tmp_path: Path) -> None:
    compilation = example(path)
    for node in compilation.model.nodes:
        made = make_provenance(node.name, node_files(compilation, node), Places())
        (tmp_path / "provenance").mkdir(exist_ok=True)
        (tmp_path / "provenance" / f"{node.name}.json").write_text(made.text())

        assert read_provenance(tmp_path, node.name) == made


def test_a_line_that_is_not_in_its_file_is_a_fault() -> None:
    origin = Origin(whole_source("a.sdn", "x"), Span(1, 1, 2))

    with pytest.raises(ValueError, match="no such line in its file: two"):
        make_provenance("node-1", {"file": File("one\n", (origin,), lambda: [Line("two", (origin,))])}, Places())


def lines_of(flow: Flow) -> set[int]:
    return {origin.span().line for origin in flow.origins}


RULES = (
    CLUSTER.strip()
    + """
project shop { netid 100 }
project other { netid 200 }
pod shop/web { node node-1 address 10.128.0.2 labels app=web }
pod shop/api { node node-2 address 10.128.2.2 labels app=api }
pod other/client { node node-2 address 10.128.2.3 }
policy shop/first {
  select app=web
  ingress {
    allow tcp/80 from pods app=api
    allow tcp/443 from 192.0.2.0/24
  }
}
policy shop/second {
  select app=web
  ingress {
    allow tcp/8080 from pods app=api
    allow udp/53 from anyone
  }
  egress {
    allow tcp/5432 to project other
  }
}
"""
)


def line(text: str) -> int:
    (number,) = (number for number, each in enumerate(RULES.split("\n"), 1) if text in each)
    return number


def flows_of(table: Table, *parts: str) -> list[Flow]:
    flows = flow_files(compiled(declare(RULES)))["node-1"].flows()
    mentioning = [flow for flow in flows if all(part in str(flow) for part in parts)]
    return [flow for flow in mentioning if flow.table is table and flow.priority]


def test_a_verdict_names_exactly_the_rules_that_allow_it() -> None:
    """What pods app=api may do is said by two rules of two policies, and what everybody may do by a third."""
    verdicts = sorted(sorted(lines_of(flow)) for flow in flows_of(Table.INGRESS_VERDICT))

    assert verdicts == sorted(
        [
            [line("tcp/80 "), line("tcp/8080")],
            [line("tcp/443")],
            [line("udp/53")],
        ]
    )


def test_an_egress_verdict_names_its_rule() -> None:
    assert [lines_of(flow) for flow in flows_of(Table.EGRESS_VERDICT)] == [{line("tcp/5432")}]


def test_ports_name_the_rules_of_their_verdicts() -> None:
    (flow,) = flows_of(Table.INGRESS_SERVICES, "tp_dst=443")

    assert lines_of(flow) == {line("tcp/443")}


def test_a_class_names_the_pod_and_the_rules_that_tell_it_apart() -> None:
    (flow,) = flows_of(Table.INGRESS_PEERS, "nw_src=10.128.2.2")

    assert lines_of(flow) == {line("pod shop/api"), line("tcp/80 "), line("tcp/8080")}


def test_a_pods_flows_name_the_pod() -> None:
    for table in (Table.FROM_POD, Table.FROM_SERVICE, Table.ARP_LOCAL, Table.TO_LOCAL_POD):
        flows = flows_of(table, "10.128.0.2 ")
        assert flows
        assert all(lines_of(flow) == {line("pod shop/web")} for flow in flows)


def test_flows_to_a_node_name_the_node() -> None:
    for table in (Table.FROM_VXLAN, Table.ARP_REMOTE, Table.TO_NODE):
        assert [lines_of(flow) for flow in flows_of(table)] == [{line("node node-2 {")}]


def test_what_every_node_has_names_the_node_and_the_cluster() -> None:
    (flow,) = flows_of(Table.ROUTE, "nw_dst=224.0.0.0/4")

    assert lines_of(flow) == {line("cluster {"), line("node node-1 {")}


def test_objects_are_told_by_line_and_column(tmp_path: Path) -> None:
    """The places in JSON and YAML are those of the values, not of the file."""
    twin = ROOT / "examples" / "shop-kubernetes"

    invoke("compile", twin, "-o", tmp_path, "--provenance")

    provenance = read_provenance(tmp_path, "node-1")
    assert provenance is not None
    flows = "nodes/node-1/flows.txt"
    (places,) = (
        places
        for number, flow in enumerate((tmp_path / flows).read_text().splitlines(), 1)
        if (places := provenance.statements(flows, number))
        if flow.startswith("table=27") and "tp_dst" not in flow
        if any("policies.yaml" in place for place in places) and "load" in flow and len(places) == 1
        if "443" in policy_line(twin / "policies.yaml", places[0], 5)
    )
    assert "192.0.2.16/28" in policy_line(twin / "policies.yaml", places[0], 5)


def policy_line(path: Path, place: str, lines: int) -> str:
    """Some lines of a file from a place on."""
    first = int(place.split(":")[-2])
    return "\n".join(path.read_text().split("\n")[first - 1 : first + lines + 2])
