"""Administrator's rules as lines of iptables and ipset: how they look, and that they do what was written."""

from __future__ import annotations

import subprocess
from itertools import combinations

import pytest
from hypothesis import given
from syrupy.assertion import SnapshotAssertion

from backends.iptables import build_rules, render
from backends.iptables.sets import address_set
from compiler.declarations import AdminLimit, AdminLog, AdminVerdict, Rate
from compiler.plan.admin_rules import AdminRulePlan
from compiler.values.prefix import Prefix
from tests.backends.iptables.deciding import PACKETS, RULES, NodeFiles, decided_by_rules
from tests.backends.iptables.plans import ORIGIN, admin_rule, node_plan

ACCEPT, DROP, REJECT = AdminVerdict
OFFICE = "203.0.113.0/24"
PODS = [f"10.128.{number}.2/32" for number in range(5)]

ALL_KINDS = (
    admin_rule(AdminLog("mail ", Rate(10, "minute")), ["10.128.0.2/32"], ["198.51.100.0/24"], ["tcp/25"]),
    admin_rule(AdminLimit(rate=Rate(20, "second"), per_source=True), None, [OFFICE], ["tcp/443", "udp/443"]),
    admin_rule(AdminLimit(at_once=100), PODS, None, ["tcp/5432"]),
    admin_rule(REJECT, None, ["0.0.0.0/0 except 198.51.100.0/24 203.0.113.0/24"], ["tcp/25"]),
    admin_rule(ACCEPT, PODS[:2], [OFFICE, "192.0.2.0/24"]),
    admin_rule(DROP, None, None, ["udp/137-139", "tcp/80", "sctp"]),
    admin_rule(DROP, None, None, ["tcp/81"]),
    admin_rule(AdminLog("")),
)


def files(*rules: AdminRulePlan) -> dict[str, str]:
    return {path: file.text for path, file in render(node_plan(rules=rules)).items()}


def lines(*rules: AdminRulePlan, chain: str = "SDNC-ADMIN-RULES") -> list[str]:
    """The rules of a chain, without the comments that name the block."""
    start = f"-A {chain} "
    return [
        line.removeprefix(start).replace("-m comment --comment 10-rules ", "")
        for line in files(*rules)["iptables.rules"].splitlines()
        if line.startswith(start)
    ]


@pytest.mark.parametrize("name", ["iptables.rules", "ipsets.txt"])
def test_admin_rules(name: str, golden: SnapshotAssertion) -> None:
    assert files(*ALL_KINDS)[name] == golden


@pytest.mark.behaviour("AR-02")
@given(RULES)
def test_the_files_decide_as_the_rules_were_written(rules: list[AdminRulePlan]) -> None:
    made = NodeFiles.read(files(*rules))

    for packet in PACKETS:
        assert made.decide(packet) == decided_by_rules(rules, packet)


@pytest.mark.behaviour("AR-01", "AR-03")
def test_without_rules_the_chain_is_empty() -> None:
    made = files()

    assert ":SDNC-ADMIN-RULES - [0:0]" in made["iptables.rules"]
    assert lines() == []
    assert "ipsets.txt" not in made


@pytest.mark.behaviour("AR-02")
def test_accept_returns_to_the_nodes_own_rules() -> None:
    assert lines(admin_rule(ACCEPT)) == ["-j RETURN"]


@pytest.mark.behaviour("AR-02")
def test_reject_resets_tcp_and_tells_others_by_icmp() -> None:
    assert lines(admin_rule(REJECT, None, None, ["tcp/25"])) == ["-p tcp -m tcp --dport 25 -j SDNC-ADMIN-REJECT"]
    assert lines(chain="SDNC-ADMIN-REJECT") == [
        "-p tcp -j REJECT --reject-with tcp-reset",
        "-j REJECT --reject-with icmp-port-unreachable",
    ]


@pytest.mark.behaviour("AR-02")
@pytest.mark.parametrize(
    ("services", "expected"),
    [
        (["tcp"], ["-p tcp"]),
        (["udp/53"], ["-p udp -m udp --dport 53"]),
        (["sctp/7-9"], ["-p sctp -m sctp --dport 7:9"]),
        (["sctp/7", "sctp/9"], ["-p sctp -m multiport --dports 7,9"]),
        (["tcp/80", "tcp/81"], ["-p tcp -m tcp --dport 80:81"]),
        (["udp/53", "tcp/53"], ["-p tcp -m tcp --dport 53", "-p udp -m udp --dport 53"]),
        (
            [f"tcp/{port}" for port in range(10, 42, 2)],
            ["-p tcp -m multiport --dports 10,12,14,16,18,20,22,24,26,28,30,32,34,36,38", "-p tcp -m tcp --dport 40"],
        ),
        (
            [f"tcp/{port}-{port + 1}" for port in range(10, 34, 3)],
            [
                "-p tcp -m multiport --dports 10:11,13:14,16:17,19:20,22:23,25:26,28:29",
                "-p tcp -m tcp --dport 31:32",
            ],
        ),
        (
            [*(f"tcp/{port}-{port + 1}" for port in range(10, 31, 3)), "tcp/40", "tcp/50"],
            [
                "-p tcp -m multiport --dports 10:11,13:14,16:17,19:20,22:23,25:26,28:29,40",
                "-p tcp -m tcp --dport 50",
            ],
        ),
    ],
)
def test_ports(services: list[str], expected: list[str]) -> None:
    assert lines(admin_rule(DROP, None, None, services)) == [f"{match} -j DROP" for match in expected]


@pytest.mark.behaviour("AR-02")
def test_few_addresses_are_lines_and_many_are_a_set() -> None:
    assert lines(admin_rule(DROP, PODS[:2], PODS[2:4])) == [
        f"-s {source} -d {destination} -j DROP" for source in PODS[:2] for destination in PODS[2:4]
    ]
    made = files(admin_rule(DROP, PODS, [OFFICE]))
    (create, *add) = made["ipsets.txt"].splitlines()[1:]
    name = create.split()[1]
    assert create == f"create {name} hash:net family inet maxelem 65536"
    assert add == [f"add {name} {pod.removesuffix('/32')}" for pod in PODS]
    assert lines(admin_rule(DROP, PODS, [OFFICE])) == [f"-d {OFFICE} -m set --match-set {name} src -j DROP"]


@pytest.mark.behaviour("AR-02")
def test_a_set_holds_exceptions_and_no_network_of_length_0() -> None:
    _, _, *add = files(admin_rule(DROP, None, [f"0.0.0.0/0 except {OFFICE}"]))["ipsets.txt"].splitlines()

    assert [line.split(maxsplit=2)[2] for line in add] == ["0.0.0.0/1", "128.0.0.0/1", f"{OFFICE} nomatch"]


def test_a_set_has_room_for_what_is_in_it() -> None:
    networks = address_set((Prefix(2 * number, 32), True) for number in range(65_600))

    assert networks.lines()[0] == f"create {networks.name} hash:net family inet maxelem 65600"


def test_names_fit_the_kernel() -> None:
    made = files(*ALL_KINDS)
    chains = [line[1:].split()[0] for line in made["iptables.rules"].splitlines() if line.startswith(":")]
    sets = [line.split()[1] for line in made["ipsets.txt"].splitlines() if line.startswith("create")]

    assert all(len(chain) <= 28 for chain in chains)
    assert sets == sorted(set(sets))
    assert all(len(name) <= 31 for name in sets)


@pytest.mark.behaviour("OUT-02")
@pytest.mark.parametrize("left", list(combinations(range(len(ALL_KINDS)), len(ALL_KINDS) - 1)))
def test_another_rule_changes_no_line_of_the_rest(left: tuple[int, ...]) -> None:
    """But where it is merged with a neighbour: the two that drop."""
    fewer = [ALL_KINDS[position] for position in left]
    whole = {*files(*ALL_KINDS)["iptables.rules"].splitlines(), *files(*ALL_KINDS)["ipsets.txt"].splitlines()}

    without = {*files(*fewer)["iptables.rules"].splitlines(), *files(*fewer)["ipsets.txt"].splitlines()}

    assert all("DROP" in line for line in without - whole)


@pytest.mark.behaviour("AR-02")
def test_equal_limits_count_apart() -> None:
    limit = admin_rule(AdminLimit(rate=Rate(20, "second")))

    one, other = lines(limit, limit)

    assert one != other


@pytest.mark.behaviour("OUT-03")
def test_each_line_of_a_rule_tells_its_statement() -> None:
    lines = [line for line in build_rules(node_plan(rules=ALL_KINDS)).lines() if line.text.startswith("-A SDNC-")]

    of_rules = [line for line in lines if "10-rules" in line.text or "-A SDNC-LIMIT-" in line.text]
    assert len(of_rules) == len(lines) - 2
    assert all(set(line.origins) == {ORIGIN} for line in of_rules)


@pytest.mark.behaviour("OUT-05")
@pytest.mark.parametrize("prefix", ["a\nb", "a\rb", "a\0b", "\x1b[0m", "é", "\u2028"])
def test_a_prefix_that_would_leave_its_line_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="not printable ASCII"):
        files(admin_rule(AdminLog(prefix)))


@pytest.mark.parametrize("rules", [(), ALL_KINDS], ids=["none", "all-kinds"])
def test_the_script_passes_shellcheck(rules: tuple[AdminRulePlan, ...]) -> None:
    script = files(*rules)["iptables.sh"]

    checked = subprocess.run(
        ["shellcheck", "--shell=sh", "-"], input=script, capture_output=True, text=True, check=False
    )

    assert (checked.stdout, checked.returncode) == ("", 0)
