"""Administrator's rules on a node: what loading them changes and what it leaves, by both flavours of iptables."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from backends.iptables.chains import ADMIN, ADMIN_JUMP, ADMIN_RULES
from compiler.declarations import (
    AdminLimit,
    AdminLog,
    AdminVerdict,
    Rate,
)
from compiler.values.limits import MAX_CONNECTIONS, MAX_LOG_PREFIX, MAX_RATE
from tests.backends.iptables.plans import admin_rule, node_plan
from tests.cluster.host import OUTSIDE, POD, SHOP_POD, Flavour, Host
from tests.cluster.leaving import connected, listening, send

ACCEPT, DROP, REJECT = AdminVerdict
ALL_KINDS = (
    admin_rule(AdminLog("a \"b\" \\ $(id) 'c' ", Rate(5, "hour")), None, ["203.0.113.0/24"]),
    admin_rule(AdminLog("-j ACCEPT")),
    admin_rule(AdminLimit(rate=Rate(20, "second"), per_source=True), None, None, ["tcp/443", "udp/443"]),
    admin_rule(AdminLimit(at_once=100), None, None, [f"tcp/{port}" for port in range(100, 140, 2)]),
    admin_rule(ACCEPT, [f"10.128.{number}.9/32" for number in range(8)], None, ["sctp/7", "sctp/9-11"]),
    admin_rule(REJECT, None, ["0.0.0.0/0 except 192.168.100.0/24 203.0.113.0/24"], ["tcp/7", "tcp/9"]),
    admin_rule(DROP, ["10.128.0.9/32", "10.128.0.77/32"], ["203.0.113.9/32"]),
)
"""Rules of every kind, which leave the tests' traffic alone."""


@pytest.mark.behaviour("AR-02", "AR-03")
def test_loading_again_changes_nothing_not_even_counters(bare: Host, flavour: Flavour) -> None:
    bare.put(flavour, node_plan(rules=ALL_KINDS))
    send(bare.pods[POD], 3)
    first, sets, counted = bare.saved(flavour), bare.node.run(["ipset", "save"]), bare.packets(flavour, ADMIN_RULES)

    bare.load(flavour)

    assert (bare.saved(flavour), bare.node.run(["ipset", "save"])) == (first, sets)
    assert bare.packets(flavour, ADMIN_RULES) == counted
    assert counted[1] == 3


@pytest.mark.behaviour("AR-02")
def test_the_files_alone_may_be_loaded_twice(bare: Host, flavour: Flavour) -> None:
    bare.write(node_plan(rules=ALL_KINDS))

    def load() -> list[str]:
        bare.node.run(["ipset", "restore", "-exist"], stdin=(bare.folder / "ipsets.txt").read_text())
        rules = (bare.folder / "iptables.rules").read_text()
        bare.node.run([f"iptables-{flavour}-restore", "--noflush", "--wait"], stdin=rules)
        return bare.saved(flavour)

    assert load() == load()
    written = (bare.folder / "iptables.rules").read_text().splitlines()
    assert [line for line in load() if "-A SDNC-ADMIN-RULES" in line] == [
        line for line in written if "-A SDNC-ADMIN-RULES" in line
    ]


@pytest.mark.behaviour("AR-03", "AR-04")
def test_rules_by_hand_stay_where_they_are_and_decide_first(bare: Host, flavour: Flavour) -> None:
    bare.iptables(flavour, f"-N {ADMIN}", f"-A {ADMIN} -p tcp --dport 81 -j REJECT")
    plan = node_plan(rules=[admin_rule(ACCEPT)])
    bare.put(flavour, plan)
    bare.iptables(flavour, f"-A {ADMIN} -p tcp --dport 82 -j REJECT")
    by_hand = bare.listed(flavour, "filter", ADMIN)

    bare.put(flavour, node_plan(rules=[admin_rule(REJECT, None, None, ["tcp/83"]), admin_rule(ACCEPT)]))

    assert bare.listed(flavour, "filter", ADMIN) == by_hand
    assert by_hand.index(ADMIN_JUMP) == 1
    with listening(bare, 80, 81, 82, 83), ExitStack() as stack:
        assert connected(stack, bare.pods[POD], 80, 81, 82, 83) == [True, False, False, False]


@pytest.mark.behaviour("AR-03")
def test_a_jump_too_many_goes(bare: Host, flavour: Flavour) -> None:
    jump = ["-A", ADMIN, "-m", "comment", "--comment", "rules of the policy sources", "-j", ADMIN_RULES]
    bare.load(flavour)
    bare.node.run([f"iptables-{flavour}", *jump])
    assert bare.listed(flavour, "filter", ADMIN) == [ADMIN_JUMP, ADMIN_JUMP]

    bare.load(flavour)

    assert bare.listed(flavour, "filter", ADMIN) == [ADMIN_JUMP]


@pytest.mark.behaviour("AR-02")
def test_sets_of_addresses_decide_and_those_of_before_go(bare: Host, flavour: Flavour) -> None:
    bare.node.run(["ipset", "create", "theirs", "hash:net"])
    many = [f"203.0.113.{number}/32" for number in range(0, 20, 2)]
    plan = node_plan(rules=[admin_rule(REJECT, [f"{POD}/32"], [*many, f"{OUTSIDE}/32"], ["tcp"])])
    bare.put(flavour, plan)
    pod, other = bare.pods[POD], bare.pods[SHOP_POD]
    (set_of_many, _) = before = bare.sets()

    with listening(bare, 80), ExitStack() as stack:
        assert connected(stack, pod, 80) == [False]
        assert connected(stack, other, 80) == [True]
        bare.put(flavour, node_plan(rules=[admin_rule(REJECT, None, [f"192.168.0.0/16 except {OUTSIDE}/32"])]))
        assert connected(stack, pod, 80) == [True]
    assert len(bare.sets()) == len(before) == 2
    assert set_of_many not in bare.sets()

    bare.put(flavour, node_plan())
    assert bare.sets() == ["theirs"]


@pytest.mark.behaviour("AR-03")
def test_a_set_that_a_rule_by_hand_refers_to_stays(bare: Host, flavour: Flavour) -> None:
    bare.put(flavour, node_plan(rules=ALL_KINDS))
    used, *_ = bare.sets()
    bare.iptables(flavour, f"-A {ADMIN} -m set --match-set {used} dst -j DROP")

    bare.put(flavour, node_plan())

    assert bare.sets() == [used]
    assert bare.listed(flavour, "filter", ADMIN)[1:] == [f"-m set --match-set {used} dst -j DROP"]


@pytest.mark.behaviour("AR-02", "AR-04")
def test_rules_and_limits_of_an_older_bundle_go(bare: Host, flavour: Flavour) -> None:
    bare.put(flavour, node_plan())
    empty = bare.saved(flavour)
    bare.put(flavour, node_plan(rules=ALL_KINDS))
    assert any("SDNC-LIMIT-" in line for line in bare.saved(flavour))

    bare.put(flavour, node_plan())

    assert bare.saved(flavour) == empty


@pytest.mark.behaviour("AR-02")
def test_without_ipset_a_node_that_needs_it_is_left_alone(bare: Host, flavour: Flavour) -> None:
    tools = bare.folder / "tools"
    tools.mkdir()
    for name in ("sh", "dirname", "sed", "grep", f"iptables-{flavour}", f"iptables-{flavour}-save"):
        (tools / name).symlink_to(bare.node.run(["which", name]).strip())
    (tools / f"iptables-{flavour}-restore").symlink_to(bare.node.run(["which", f"iptables-{flavour}-restore"]).strip())
    bare.write(node_plan(rules=ALL_KINDS))
    before = bare.saved(flavour)
    script = f"PATH={tools} SDNC_IPTABLES={flavour} sh {bare.folder}/iptables.sh 2>&1 || echo status $?"

    said = bare.node.run(["sh", "-c", script])

    assert said == "iptables.sh: the program ipset is missing (package ipset)\nstatus 1\n"
    assert bare.saved(flavour) == before
    bare.write(node_plan())
    assert bare.node.run(["sh", "-c", script]) == ""


@pytest.mark.behaviour("AR-02")
def test_the_highest_numbers_load(bare: Host, flavour: Flavour) -> None:
    longest = AdminLog("~" * MAX_LOG_PREFIX, Rate(MAX_RATE, "second"))
    rates = [AdminLimit(rate=Rate(MAX_RATE, unit), per_source=True) for unit in ("second", "minute", "hour", "day")]
    actions: list[AdminLog | AdminLimit] = [longest, AdminLimit(at_once=MAX_CONNECTIONS), *rates]
    bare.put(flavour, node_plan(rules=[admin_rule(action) for action in actions]))
    written = (bare.folder / "iptables.rules").read_text().splitlines()
    loaded = bare.saved(flavour)

    send(bare.pods[POD], 1)

    assert {line for line in loaded if "-A SDNC-" in line} == {line for line in written if "-A SDNC-" in line}
    assert bare.packets(flavour, ADMIN_RULES) == [1] * len(actions)
