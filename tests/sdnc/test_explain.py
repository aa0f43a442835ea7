"""`sdnc explain`: lines as the bundle has them and as programs print them, and what is told of them."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.compiling import CLUSTER
from tests.paths import EXAMPLES
from tests.sdnc.running import invoke

pytestmark = pytest.mark.behaviour("OUT-03")

TEXT = f"""{CLUSTER.strip()}
node node-1 {{ egress-ip 192.168.100.50, 192.168.100.51 }}
node node-2 {{ egress-ip 192.168.100.52 }}
project shop {{ netid 100  egress-ip 192.168.100.50 }}
project blog {{ netid 101  egress-ip 192.168.100.51, 192.168.100.52 }}
project both {{ netid 102  egress-ip 192.168.100.53, 192.168.100.54 }}
node node-2 {{ egress-ip 192.168.100.53 }}
node node-2 {{ egress-ip 192.168.100.54 }}
pod shop/web {{ node node-1  address 10.128.0.2  of-port 7  interface vethweb  labels app=web }}
pod shop/api {{ node node-2  address 10.128.2.2  labels app=api }}
pod both/one {{ node node-1  address 10.128.0.3 }}
policy shop/web {{
  select app=web
  ingress {{ allow tcp/80 from pods app=api }}
}}
admin-rules block {{
  drop any from anyone to 198.51.100.0/25, 198.51.100.200/32, 192.0.2.1/32, 192.0.2.9/32, 203.0.113.7/32
  log "a b " any from anyone to 203.0.113.9/32
}}
egress-router shop/mail {{
  source 192.168.12.101/24
  gateway 192.168.12.1
  node node-1
  dns-proxy {{
    forward tcp/25 to mail.example.com
  }}
}}
egress-router shop/proxy {{
  source 192.168.12.102/24
  gateway 192.168.12.1
  node node-1
  http-proxy {{
    deny *.example.com
    allow all
  }}
}}
"""


def line(*texts: str) -> set[int]:
    """The numbers of the lines of the source that hold each text."""
    lines = TEXT.split("\n")
    return {number for text in texts for number, each in enumerate(lines, 1) if text in each}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("explain")
    (place / "policy.sdn").write_text(TEXT)
    result = invoke("compile", place / "policy.sdn", "-o", place / "out", "--provenance")
    assert result.exit_code == 0, result.output
    return place / "out"


def lines_of(bundle: Path, path: str, part: str) -> list[str]:
    return [each for each in (bundle / "nodes" / path).read_text().splitlines() if part in each]


def explained(bundle: Path, text: str, *options: str) -> list[dict[str, Any]]:
    result = invoke("explain", bundle, text, "--format", "json", *options)
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)["found"]
    return found


def statement_lines(found: list[dict[str, Any]]) -> set[int]:
    return {statement["line"] for each in found for statement in each["statements"]}


def test_a_flow_as_a_dump_prints_it(bundle: Path) -> None:
    (flow,) = lines_of(bundle, "node-1/flows.txt", "arp_spa=10.128.0.2 ")
    head, _, rest = flow.partition(", ")
    dumped = f" cookie=0x73646e63, duration=12.345s, {head}, n_packets=3, n_bytes=126, idle_age=7, {rest}"

    for asked in (flow, dumped, f"  {dumped}  ", rest and dumped.replace("in_port=7", "in_port=vethweb")):
        (found,) = explained(bundle, asked)
        assert found["text"] == flow
        assert found["about"] == ["Table 20: from a pod", "shop/web"]
        assert statement_lines([found]) == line("pod shop/web")


def test_a_flow_with_named_ports(bundle: Path) -> None:
    (flow,) = lines_of(bundle, "node-1/flows.txt", "arp_tpa=10.128.0.2 ")

    assert flow.endswith(" actions=output:7")
    for name in ("vethweb", '"vethweb"'):
        (found,) = explained(bundle, flow.replace("output:7", f"output:{name}"), "--node", "node-1")
        assert found["text"] == flow
    (from_vxlan,) = [each for each in lines_of(bundle, "node-1/flows.txt", "table=10,") if "tun_src" in each]
    assert explained(bundle, from_vxlan)


def test_a_flow_by_its_match_alone(bundle: Path) -> None:
    for asked in (
        "table=80,priority=200,reg3=%s,reg4=%s",
        "table=80, priority=200,reg4=%s,reg3=%s",
        "priority=200, table=80, reg3=%s, reg4=%s",
    ):
        (flow,) = lines_of(bundle, "node-1/flows.txt", "table=80, priority=200,reg3=")
        fields = dict(part.split("=") for part in flow.split(" ")[1].split(",")[1:])
        order = ("reg4", "reg3") if asked.index("reg4") < asked.index("reg3") else ("reg3", "reg4")
        for form in (str, lambda value: str(int(value, 16))):
            (found,) = explained(bundle, asked % tuple(form(fields[name]) for name in order))
            assert found["text"] == flow
            assert statement_lines([found]) == line("allow tcp/80")


def test_the_same_flow_of_two_nodes_is_told_with_each(bundle: Path) -> None:
    found = explained(bundle, "table=80, priority=0 actions=drop") + explained(bundle, "table=0,priority=0")

    places = {place["node"] for each in found for place in each["places"]}
    assert places == {"node-1", "node-2"}
    assert statement_lines(explained(bundle, "table=0,priority=0", "--node", "node-2")) == line(
        "cluster {", "node-2 { a"
    )


@pytest.mark.parametrize("form", ["group_id=102", " group_id=102,type=select,bucket=%s", "add_or_mod group_id=102"])
def test_a_group(bundle: Path, form: str) -> None:
    (group,) = lines_of(bundle, "node-2/groups.txt", "group_id=102,")
    buckets = group.partition("bucket=")[2].replace("bucket=", "bucket=bucket_id:1,")

    (found,) = explained(bundle, form % f"bucket_id:0,{buckets}" if "%s" in form else form)

    assert found["text"] == group
    assert found["about"] == ["project both: by its egress IPs"]
    assert statement_lines([found]) == line("project both", "egress-ip 192.168.100.53 }", "egress-ip 192.168.100.54 }")


@pytest.mark.parametrize("form", ["{}", "[12:34] {}", "iptables -t mangle {}", "  {}"])
def test_a_rule_of_iptables(bundle: Path, form: str) -> None:
    rules = lines_of(bundle, "node-1/iptables.rules", "egress IP of project shop")

    for rule in rules:
        (found,) = explained(bundle, form.format(rule), "--node", "node-1")
        assert found["text"] == rule
        assert statement_lines([found]) == line("project shop", "node node-1 { egress")
    assert len(rules) == 4


def test_quotes_and_counters_of_a_rule_do_not_matter(bundle: Path) -> None:
    (rule,) = lines_of(bundle, "node-1/iptables.rules", "LOG --log-prefix")

    for asked in (
        rule.replace('"a b "', "'a b '"),
        rule.replace("-m comment --comment block", '-m comment --comment "block"'),
        rule.replace(" -m comment", " -c 12 3456 -m comment"),
    ):
        assert asked != rule
        (found,) = explained(bundle, asked, "--node", "node-1")
        assert found["text"] == rule
        assert found["about"] == ["table filter, chain SDNC-ADMIN-RULES"]
        assert statement_lines([found]) == line('log "a')


@pytest.mark.parametrize("asked", [":SDNC-ADMIN-REJECT - [0:0]", ":SDNC-ADMIN-REJECT - [3:99]", "-N SDNC-ADMIN-REJECT"])
def test_a_chain(bundle: Path, asked: str) -> None:
    (found,) = explained(bundle, asked, "--node", "node-1")

    assert found["text"] == ":SDNC-ADMIN-REJECT - [0:0]"


@pytest.mark.parametrize(
    "asked",
    [
        '-A INPUT -m comment --comment "firewall overrides" -j OPENSHIFT-FIREWALL-ALLOW',
        '-A OPENSHIFT-ADMIN-OUTPUT-RULES -m comment --comment "rules of the policy sources" -j SDNC-ADMIN-RULES',
    ],
)
def test_a_jump(bundle: Path, asked: str) -> None:
    (found,) = explained(bundle, asked, "--node", "node-1")

    (place,) = list(found["places"])
    assert place["file"] == "nodes/node-1/node.json"
    stands = (bundle / place["file"]).read_text().splitlines()[place["line"] - 1]
    assert json.loads(stands.strip().removesuffix(",")) in asked
    assert statement_lines([found]) == line("cluster {", "node node-1 { address")


def test_sets_of_addresses(bundle: Path) -> None:
    create, *entries = lines_of(bundle, "node-1/ipsets.txt", "sdnc-")
    name = create.split(" ")[1]

    for asked in (create, f"create {name} hash:net family inet hashsize 1024 maxelem 65536 bucketsize 12", *entries):
        (found,) = explained(bundle, asked, "--node", "node-1")
        assert statement_lines([found]) == line("drop any")
    assert {each["text"] for each in explained(bundle, name)} >= {create, *entries}


@pytest.mark.parametrize(
    "asked", ["192.168.100.50", "inet 192.168.100.50/32 scope global secondary eth0:eip", '"192.168.100.50",']
)
def test_an_egress_ip(bundle: Path, asked: str) -> None:
    (found,) = explained(bundle, asked)

    assert [place["file"] for place in found["places"]] == ["nodes/node-1/node.json"]
    assert statement_lines([found]) == line("project shop", "node node-1 { egress")


@pytest.mark.parametrize(
    ("asked", "statement"),
    [
        ("http_access allow all", "allow all"),
        ("acl to-%", "deny *.example.com"),
        ("    server-template tcp-25- 1-8 %", "forward tcp/25"),
        ("frontend tcp-25", "forward tcp/25"),
        ("-A PREROUTING -i eth0 -m addrtype --dst-type LOCAL -j EGRESS-ROUTER", "egress-router"),
        ("tcp_outgoing_address 192.168.12.102", "egress-router shop/proxy"),
    ],
)
def test_lines_of_routers(bundle: Path, asked: str, statement: str) -> None:
    if asked.endswith("%"):
        files = bundle.glob("nodes/node-1/egress-routers/*/*")
        lines = [each for file in files for each in file.read_text().splitlines()]
        (asked,) = [each for each in lines if each.startswith(asked[:-1])]

    assert statement_lines(explained(bundle, asked)) == line(statement)


def test_a_word_is_looked_for_where_no_line_says_just_that(bundle: Path) -> None:
    found = explained(bundle, "10.128.0.2")

    assert {each["text"] for each in found} >= set(lines_of(bundle, "node-1/flows.txt", "=10.128.0.2 "))
    assert not any("10.128.0.20" in str(each["text"]) for each in found)


def test_text_tells_place_comment_and_source(bundle: Path) -> None:
    (flow,) = lines_of(bundle, "node-1/flows.txt", "table=80, priority=200,reg3=")
    number = (bundle / "nodes/node-1/flows.txt").read_text().splitlines().index(flow) + 1
    (source,) = line("allow tcp/80")
    text = TEXT.split("\n")[source - 1]

    result = invoke("explain", bundle, flow)

    told = result.stdout.splitlines()
    column = text.index("allow") + 1
    assert told[:3] == [flow, f"nodes/node-1/flows.txt:{number}", "  Table 80: ingress policy, what the class may"]
    assert told[4:] == [
        "asked for by",
        f"  --> {bundle.parent}/policy.sdn:{source}:{column}",
        "   |",
        f"{source} | {text}",
        f"   | {' ' * (column - 1)}^",
    ]


def test_the_folder_of_a_node_is_enough(bundle: Path) -> None:
    whole = invoke("explain", bundle, "table=0,priority=0", "--node", "node-2")
    result = invoke("explain", bundle / "nodes" / "node-2", "table=0,priority=0")

    assert (result.exit_code, result.stdout) == (0, whole.stdout)
    other = invoke("explain", bundle / "nodes" / "node-2", "table=0,priority=0", "--node", "node-1")
    assert (other.exit_code, other.stderr.count("\n")) == (2, 1)


def test_a_line_that_is_nowhere_gets_the_nearest(bundle: Path) -> None:
    (flow,) = lines_of(bundle, "node-1/flows.txt", "arp_spa=10.128.0.2 ")
    asked = flow.replace("10.128.0.2", "10.128.0.9")

    result = invoke("explain", bundle, asked)
    by_match = invoke("explain", bundle, asked.partition(" actions=")[0])
    machine = invoke("explain", bundle, asked, "--format", "json")

    assert result.exit_code == by_match.exit_code == machine.exit_code == 1
    for told in (result, by_match):
        assert told.stdout == ""
        assert told.stderr.splitlines()[:3] == [
            "sdnc: there is no such line in the bundle",
            "The nearest:",
            f"  {flow}",
        ]
    assert json.loads(machine.stdout)["found"] == []
    assert json.loads(machine.stdout)["nearest"][0] == flow


@pytest.mark.parametrize(
    "asked", ["", " ", "?", "-A", "-", "-A ' ", "table=", "group_id=x", "\x1b[0m", "table=80,priority=x"]
)
def test_a_line_that_means_nothing_is_not_found(bundle: Path, asked: str) -> None:
    result = invoke("explain", bundle, *(["--"] if asked.startswith("-") else []), asked)

    assert result.exit_code == 1
    assert result.stderr.startswith("sdnc: there is no such line in the bundle\n")


@pytest.mark.parametrize(
    "question",
    ["priority=1,tp_dst=08", "priority=1,tp_dst=00/01", "priority=1,x={}", "table={},priority=1", "group_id={}"],
)
def test_numbers_that_are_none_are_nowhere(bundle: Path, question: str) -> None:
    result = invoke("explain", bundle, question.format("9" * 5000))
    assert (result.exit_code, result.stdout) == (1, "")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ports.json", "[]"),
        ("ports.json", '{"shop/web": {"port": "x"}}'),
        ("node.json", "{}"),
        ("node.json", '{"jumps": {"raw": 5}, "appended": {}}'),
    ],
)
def test_a_bundle_that_was_made_by_hand_is_refused(bundle: Path, tmp_path: Path, name: str, text: str) -> None:
    """Its manifest agrees with it."""
    out = tmp_path / "out"
    shutil.copytree(bundle, out)
    file, manifest = out / "nodes/node-1" / name, out / "manifest.json"
    old, new = (sha256(each).hexdigest() for each in (file.read_bytes(), text.encode()))
    file.write_text(text)
    manifest.write_text(manifest.read_text().replace(old, new))

    result = invoke("explain", out, "-A OPENSHIFT-FIREWALL-FORWARD -j ACCEPT")

    assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.output
    assert result.stderr.startswith(f"sdnc: nodes/node-1/{name}: ")


def test_without_provenance_the_sources_tell(bundle: Path, tmp_path: Path) -> None:
    out, source = tmp_path / "out", bundle.parent / "policy.sdn"
    invoke("compile", source, "-o", out)
    (flow,) = lines_of(out, "node-1/flows.txt", "table=80, priority=200,reg3=")

    without = invoke("explain", out, flow)
    result = invoke("explain", out, flow, "--source", source)

    assert without.exit_code == 2
    assert without.stderr == (
        f"sdnc: {out} has no provenance: compile it with --provenance, or name its sources with --source\n"
    )
    assert (result.exit_code, result.stdout) == (0, invoke("explain", bundle, flow).stdout)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (str(EXAMPLES / "subnet"), "the sources do not give this bundle: nodes/node-1/"),
        ("broken", "error[SDN2"),
        ("project x", "the sources do not give this bundle: nodes/node-1/"),
    ],
)
def test_sources_that_do_not_give_the_bundle_are_refused(bundle: Path, tmp_path: Path, source: str, told: str) -> None:
    path = tmp_path / "policy.sdn"
    if source == "broken":
        path.write_text(f"{TEXT}\nproject UPPER\n")
    elif source == "project x":
        path.write_text(f"{TEXT}\npod shop/more {{ node node-1  address 10.128.0.99 }}\n")
    else:
        path = Path(source)

    result = invoke("explain", bundle, "table=0,priority=0", "--source", path)

    assert result.exit_code == 2
    assert told in result.stderr


def test_a_source_that_has_changed_is_named_but_not_quoted(bundle: Path, tmp_path: Path) -> None:
    source, out = tmp_path / "policy.sdn", tmp_path / "out"
    source.write_text(TEXT)
    invoke("compile", source, "-o", out, "--provenance")

    source.write_text("\n" + TEXT)
    changed = invoke("explain", out, "http_access allow all")
    source.unlink()
    gone = invoke("explain", out, "http_access allow all")

    (number,) = line("allow all")
    place = f"--> {source}:{number}:5"
    assert changed.exit_code == gone.exit_code == 0
    assert changed.stdout.endswith(f"{place} (the file has changed since the compilation)\n")
    assert gone.stdout.endswith(f"{place}\n")


@pytest.mark.parametrize("damage", ["changed", "missing", "manifest", "provenance", "outside", "node", "none"])
def test_a_bundle_that_is_not_as_it_was_compiled_is_refused(bundle: Path, tmp_path: Path, damage: str) -> None:
    out = tmp_path / "out"
    shutil.copytree(bundle, out)
    manifest = out / "manifest.json"
    options: list[str] = []
    match damage:
        case "changed":
            (out / "nodes/node-1/flows.txt").write_text("table=0, priority=0 actions=drop\n")
        case "missing":
            (out / "nodes/node-1/flows.txt").unlink()
        case "manifest":
            manifest.write_text(manifest.read_text()[:100])
        case "provenance":
            (out / "provenance/node-1.json").write_text("{")
        case "outside":
            manifest.write_text(manifest.read_text().replace("nodes/node-1/flows.txt", "../../etc/passwd"))
        case "node":
            options = ["--node", "node-9"]
        case "none":
            out = tmp_path

    # As `main` has it: a fault of the surroundings is one line.
    result = invoke("explain", out, "table=0,priority=0", *options)

    if damage == "missing":
        assert isinstance(result.exception, FileNotFoundError)
    else:
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.output
        assert result.stderr.startswith("sdnc: ")
