"""The text that changes a table: loaded, it makes the table the wanted one, and leaves what others have."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdnc.apply.iptables import change_text, own_table, saved_rules
from sdnc.apply.iptables_both import both
from sdnc.apply.state import END, Jump, Scope, Table
from tests.sdnc.apply.chains import Tables

ADMIN, A, B, LIMIT = "OPENSHIFT-ADMIN-OUTPUT-RULES", "OPENSHIFT-A", "SDNC-B", "SDNC-LIMIT-1"
JUMPS = {
    "FORWARD": frozenset([f"-j {ADMIN}", f"-j {A}"]),
    "INPUT": frozenset([f"-j {A}"]),
    ADMIN: frozenset([f"-j {B}"]),
}
SCOPE = Scope(
    node_address="",
    egress_ips=frozenset(),
    chains={"filter": frozenset([A, B])},
    jumps={"filter": JUMPS},
    networks=frozenset(),
    gateways=frozenset(),
    interfaces=frozenset(),
    routers={},
    pods={},
)
STRANGER = "-s 203.0.113.1/32 -j DROP"

WANTED = Table(
    {A: ("-s 1 -j ACCEPT",), B: (f"-s 2 -j {LIMIT}",), LIMIT: ("-j DROP",)},
    {
        "FORWARD": (Jump(f"-j {ADMIN}", 1), Jump(f"-j {A}", 2)),
        "INPUT": (Jump(f"-j {A}", 1),),
        ADMIN: (Jump(f"-j {B}", END),),
    },
)
NOTHING = Table({}, {"FORWARD": (), "INPUT": ()})


def like(table: Table) -> tuple[object, object]:
    """What counts of a table: rules, and the order of jumps."""
    return dict(table.chains), {chain: [jump.rule for jump in jumps] for chain, jumps in table.jumps.items()}


def change(tables: Tables, wanted: Table) -> None:
    if text := change_text("filter", tables.own(SCOPE), wanted):
        tables.restore(text)


def test_all_is_made_and_goes_again() -> None:
    tables = Tables("filter", {"FORWARD": [STRANGER]})

    change(tables, WANTED)
    made = tables.own(SCOPE)
    change(tables, NOTHING)

    assert like(made) == like(WANTED)
    assert tables.rules == {"INPUT": [], "FORWARD": [STRANGER], "OUTPUT": []}


def test_what_is_there_is_not_named() -> None:
    tables = Tables("filter", {})
    change(tables, WANTED)

    assert change_text("filter", tables.own(SCOPE), WANTED) == ""
    assert A not in change_text("filter", tables.own(SCOPE), Table({**WANTED.chains, B: ()}, WANTED.jumps))


forward = st.lists(st.sampled_from([f"-j {ADMIN}", f"-j {A}", STRANGER, "-s 9 -j ACCEPT"]), max_size=5)
own = st.dictionaries(
    st.sampled_from([A, B, LIMIT]), st.lists(st.sampled_from(["-s 1 -j DROP", "-s 2 -j ACCEPT"]), max_size=2)
)
admin = st.none() | st.lists(st.sampled_from([STRANGER, f"-j {B}"]), max_size=3)


@st.composite
def tables(draw: st.DrawFn) -> Tables:
    """A table in any state, of ours and of others, of which the jumps lead somewhere."""
    rules = draw(own)
    hand = draw(admin)
    if hand is not None:
        rules = {**rules, ADMIN: [rule for rule in hand if rule == STRANGER or B in rules]}
    there = [rule for rule in draw(forward) if rule.split()[-1] in {*rules, "DROP", "ACCEPT"}]
    return Tables("filter", {**rules, "FORWARD": there})


@given(there=tables(), wanted=tables())
def test_from_any_state_to_any_other_directly_and_by_way_of_both(there: Tables, wanted: Tables) -> None:
    goal, others = wanted.own(SCOPE), there.others(SCOPE)
    stepping = Tables("filter", there.rules)
    # A chain in which others have rules stays, and a rule of others keeps the chain that it leads to.
    kept = ADMIN in there.own(SCOPE).shared and ADMIN not in goal.jumps

    change(there, goal)
    change(stepping, both("filter", stepping.own(SCOPE), goal))
    change(stepping, goal)

    for made in (there, stepping):
        chains, jumps = like(made.own(SCOPE))
        asked = like(goal)[1]
        assert isinstance(jumps, dict) and isinstance(asked, dict)
        assert (chains, {**asked, **({ADMIN: []} if kept else {})}) == (like(goal)[0], jumps)
        after = made.others(SCOPE)
        assert {chain: rules for chain, rules in after.items() if rules} == {
            chain: rules for chain, rules in others.items() if rules
        }


@pytest.mark.parametrize("order", list(permutations(["-s 8 -j ACCEPT", f"-j {ADMIN}", STRANGER, f"-j {A}"])))
def test_jumps_in_the_right_order_stay_where_they_are_and_others_go_to_the_top(order: tuple[str, ...]) -> None:
    tables = Tables("filter", {})
    change(tables, WANTED)
    tables.rules["FORWARD"] = list(order)
    right = order.index(f"-j {ADMIN}") < order.index(f"-j {A}")

    change(tables, WANTED)

    strangers = [rule for rule in order if not rule.endswith((ADMIN, A))]
    assert tables.rules["FORWARD"] == (list(order) if right else [f"-j {ADMIN}", f"-j {A}", *strangers])


def test_jumps_come_back_to_their_places_among_the_rules_of_others() -> None:
    tables = Tables("filter", {})
    change(tables, WANTED)
    there = [STRANGER, f"-j {A}", "-s 8 -j ACCEPT", f"-j {ADMIN}", "-s 9 -j ACCEPT"]
    tables.rules["FORWARD"] = list(there)
    snapshot = tables.own(SCOPE)
    change(tables, WANTED)

    change(tables, snapshot)

    assert tables.rules["FORWARD"] == there


def test_places_that_are_gone_since_do_no_harm() -> None:
    tables = Tables("filter", {})
    change(tables, WANTED)
    tables.rules["FORWARD"] = [STRANGER, STRANGER, f"-j {A}", f"-j {ADMIN}"]
    snapshot = tables.own(SCOPE)
    tables.rules["FORWARD"] = []

    change(tables, snapshot)

    assert tables.rules["FORWARD"] == [f"-j {A}", f"-j {ADMIN}"]


def test_a_jump_is_once_in_the_administrators_chain_and_is_not_moved() -> None:
    tables = Tables("filter", {})
    change(tables, WANTED)
    tables.rules[ADMIN] = [f"-j {B}", STRANGER, f"-j {B}"]
    change(tables, WANTED)
    twice = list(tables.rules[ADMIN])
    tables.rules[ADMIN] = [f"-j {B}", STRANGER]

    change(tables, WANTED)

    assert (twice, tables.rules[ADMIN]) == ([STRANGER, f"-j {B}"], [f"-j {B}", STRANGER])


def test_chains_that_others_lead_to_stay_with_what_they_lead_to() -> None:
    rules = {"SDNC-OLD": ["-j SDNC-OLDER"], "SDNC-OLDER": ["-j DROP"], "SDNC-OLDEST": [], "OUTPUT": ["-j SDNC-OLD"]}
    tables = Tables("filter", rules)

    change(tables, NOTHING)

    assert sorted(tables.own(SCOPE).chains) == ["SDNC-OLD", "SDNC-OLDER"]


def test_what_iptables_save_prints() -> None:
    text = (
        "# Generated by iptables-save v1.8.9\n*raw\n:PREROUTING ACCEPT [5:300]\nCOMMIT\n*filter\n:FORWARD DROP [0:0]\n"
        f':{A} - [0:0]\n-A FORWARD -j {A}\n-A {A}\n-A {A} -m comment --comment "-j {B}" -j RETURN\nCOMMIT\n'
    )

    chains, rules = saved_rules(text)["filter"]

    assert chains == ["FORWARD", A]
    assert rules == [("FORWARD", f"-j {A}"), (A, ""), (A, f'-m comment --comment "-j {B}" -j RETURN')]
    assert own_table("filter", chains, rules, SCOPE).chains == {A: ("", f'-m comment --comment "-j {B}" -j RETURN')}
