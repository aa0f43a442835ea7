"""The command `sdnc trace`: its text, its JSON, its exit statuses; and `sdnc.trace`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

import sdnc
from compiler.trace import InternalFault
from compiler.trace.steps import Kind
from sdnc import CompileError
from sdnc.trace import answer
from tests.paths import EXAMPLES, ROOT
from tests.sdnc.running import SHOP, invoke, run
from tests.sdnc.trace.clusters import CLUSTER, OUTSIDE

DENIED = ("--from", "shop/frontend-1", "--to", "shop/database-1", "--port", "tcp/5432")
ALLOWED = ("--from", "shop/api-1", "--to", "shop/database-1", "--port", "tcp/postgresql")


def without_folder(text: str) -> str:
    return text.replace(f"{EXAMPLES}/", "examples/")


@pytest.mark.behaviour("OUT-03")
@pytest.mark.parametrize(
    ("question", "status"),
    [
        (ALLOWED, 0),
        ((*DENIED, "--why-not"), 1),
        (("--from", "shop/frontend-1", "--to", "service:shop/api", "--port", "tcp/80"), 0),
        (("--from", "project:shop", "--to", "monitoring/prometheus-0", "--port", "web"), 1),
    ],
    ids=["allowed", "why-not", "service", "project"],
)
def test_text(snapshot: SnapshotAssertion, question: tuple[str, ...], status: int) -> None:
    done = invoke("trace", SHOP, *question)

    assert done.exit_code == status
    assert done.stderr == ""
    assert without_folder(done.stdout) == snapshot


def test_the_text_says_what_decides() -> None:
    allowed, denied = invoke("trace", SHOP, *ALLOWED).stdout, invoke("trace", SHOP, *DENIED).stdout

    assert allowed.startswith("allowed: tcp/5432 from pod shop/api-1 (10.128.0.12, node-1) to pod shop/database-1 (")
    assert re.search(
        r"ingress policy: allows: by policy shop/database\n +\S+shop.sdn:80:13: ingress { allow tcp", allowed
    )
    assert denied.startswith("denied: ")
    assert "the pod is governed by policies shop/database, shop/deny-by-default, shop/metrics" in denied
    assert "what would have to be allowed" not in denied
    assert re.search(r"flows.txt:\d+: table=80, priority=0 actions=drop", denied)


def test_json() -> None:
    done = invoke("trace", SHOP, *DENIED, "--format", "json", "--why-not")

    report = json.loads(done.stdout)
    assert done.exit_code == 1
    assert {key: report[key] for key in ("schema", "verdict", "from", "port")} == {
        "schema": 1,
        "verdict": "denied",
        "from": "pod shop/frontend-1 (10.128.0.11, node-1)",
        "port": "tcp/5432",
    }
    (path,) = report["paths"]
    assert path["example"] == {"from": "10.128.0.11", "to": "10.128.2.12", "port": "tcp/5432", "service": None}
    assert [(step["step"], step["decision"]) for step in path["steps"]] == [
        ("egress-policy", "allows"),
        ("ingress-policy", "denies"),
    ]
    assert [statement["line"] for statement in path["steps"][1]["statements"]] == [78, 61, 85]
    assert [hop["node"] for hop in path["flows"]] == ["node-1", "node-2"]
    assert path["flows"][1]["lines"][-1]["text"] == "table=80, priority=0 actions=drop"
    assert report["why_not"][0]["suggestions"] == [
        {
            "text": report["why_not"][0]["suggestions"][0]["text"],
            "how": "ingress",
            "rule": "allow tcp/5432 from pods app=shop, tier=front",
            "owner": "policy shop/database",
            "place": {"file": f"{SHOP}/shop.sdn", "line": 78, "column": 1, "end_column": 21},
        }
    ]


def test_json_has_why_not_only_if_it_is_asked_for() -> None:
    report = json.loads(invoke("trace", SHOP, *DENIED, "--format", "json").stdout)

    assert "why_not" not in report


def test_the_lines_are_those_of_the_bundle(tmp_path: Path) -> None:
    assert invoke("compile", SHOP, "-o", tmp_path / "out").exit_code == 0

    report = json.loads(invoke("trace", SHOP, *ALLOWED, "--format", "json").stdout)

    told = [(hop["node"], line) for path in report["paths"] for hop in path["flows"] for line in hop["lines"]]
    assert len(told) > 10
    for node, line in told:
        file = (tmp_path / "out" / "nodes" / node / line["file"]).read_text().split("\n")
        assert file[line["line"] - 1] == line["text"]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"--from": "shop/frontend-9"}, "Invalid value for --from: there is no pod, project or node 'shop/frontend-9'"),
        ({"--to": "database"}, "Invalid value for --to: there is no pod, service or node 'database'"),
        ({"--port": "80"}, "Invalid value for --port: '80' names no protocol"),
    ],
)
def test_words_that_mean_nothing_are_wrong_usage(changed: dict[str, str], words: str) -> None:
    question = dict(zip(DENIED[::2], DENIED[1::2], strict=True)) | changed

    done = invoke("trace", SHOP, *(part for option in question.items() for part in option))

    assert done.exit_code == 2
    assert done.stdout == ""
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("missing", ["--from", "--to", "--port"])
def test_the_question_has_to_be_whole(missing: str) -> None:
    position = DENIED.index(missing)

    done = invoke("trace", SHOP, *DENIED[:position], *DENIED[position + 2 :])

    assert done.exit_code == 2
    assert f"Missing option '{missing}'" in done.stderr


def test_errors_in_the_sources_are_told_with_status_2(tmp_path: Path) -> None:
    (tmp_path / "bad.sdn").write_text(f"{CLUSTER}policy nowhere/x {{ ingress {{}} }}")

    done = invoke("trace", tmp_path, "--from", "shop/web", "--to", "shop/db", "--port", "tcp/1")

    assert done.exit_code == 2
    assert done.stdout == ""
    assert "there is no project" in done.stderr or "nowhere" in done.stderr


def test_warnings_do_not_change_the_verdict(tmp_path: Path) -> None:
    (tmp_path / "odd.sdn").write_text(f"{CLUSTER}policy shop/x {{ ingress {{ allow any from 10.128.0.1/9 }} }}")

    done = invoke("trace", tmp_path, "--from", "shop/web", "--to", "shop/db", "--port", "tcp/1")

    assert done.exit_code == 0
    assert "host bits" in done.stderr


def test_standard_input_is_a_source() -> None:
    done = invoke("trace", "-", "--from", "shop/web", "--to", OUTSIDE, "--port", "icmp", stdin=CLUSTER)

    assert done.exit_code == 0


def test_a_disagreement_is_told_as_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def disagrees(*_: object) -> None:
        raise InternalFault("the flows deliver it to nobody")

    monkeypatch.setattr(answer, "answer_in", disagrees)

    done = invoke("trace", SHOP, *DENIED)

    assert done.exit_code == 2
    assert "sdnc: internal fault" in done.stderr
    assert "the flows deliver it to nobody" in done.stderr


def test_long_classes_and_lists_are_cut(tmp_path: Path) -> None:
    pods = "".join(f"pod shop/p{n} {{ node node-1  address 10.128.0.{n + 20}  labels n=n{n} }}\n" for n in range(60))
    rules = "\n".join(f"allow any from 10.128.0.0/{length}" for length in range(1, 24))
    closed = "policy blog/web { ingress {} }\n"
    opened = f"policy shop/db {{ select app=db  ingress {{\n{rules}\n}} }}\n"
    (tmp_path / "cluster.sdn").write_text(CLUSTER + pods + closed + opened)

    denied = invoke("trace", tmp_path, "--from", "project:shop", "--to", "blog/web", "--port", "tcp/1", "--why-not")
    allowed = invoke("trace", tmp_path, "--from", "shop/web", "--to", "shop/db", "--port", "tcp/1")

    assert "and 57 more to pod blog/web" in denied.stdout
    assert "  - … and 12 more\n" in denied.stdout
    assert "… and 13 more\n" in allowed.stdout


def test_from_a_process_of_its_own() -> None:
    done = run("trace", SHOP, *DENIED)

    assert done.returncode == 1
    assert done.stdout.startswith("denied: ")


def test_python() -> None:
    allowed = sdnc.trace([SHOP], "shop/api-1", "shop/database-1", "tcp/5432")
    denied = sdnc.trace([SHOP], "shop/frontend-1", "shop/database-1", "tcp/5432")

    assert allowed.allowed and not denied.allowed
    assert denied.report(why_not=True)["verdict"] == "denied"
    with pytest.raises(ValueError, match="there is no pod"):
        sdnc.trace([SHOP], "shop/nobody", "shop/database-1", "tcp/5432")


def test_python_tells_errors_in_the_sources(tmp_path: Path) -> None:
    (tmp_path / "bad.sdn").write_text("policy shop/x {")

    with pytest.raises(CompileError):
        sdnc.trace([tmp_path], "shop/web", "shop/db", "tcp/1")


def test_every_step_is_described() -> None:
    page = (ROOT / "docs" / "trace.md").read_text()

    assert [kind for kind in Kind if f"| {kind.words} |" not in page] == []
