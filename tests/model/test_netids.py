"""NetIDs: those that are told, those that are derived, and join, isolate and global."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.ids import allocate
from compiler.model.netids import FIRST_NETID, fill_netids, is_control_plane, refuse_netid
from compiler.values.limits import MAX_NETID
from tests.compiling import CLUSTER, MULTITENANT, SUBNET, build, good_model, names, refused

PROJECTS = """
project a { netid 20 }
project b { netid 30 }
project c { netid 20 labels team=x }
project d { labels team=x }
"""


def netids(*texts: str) -> dict[str, int]:
    return {project.name: project.netid for project in good_model(MULTITENANT, PROJECTS, *texts).projects}


def derived(name: str) -> int:
    """The NetID of a project that nothing gives one, if nobody is in the way."""
    return allocate([name], FIRST_NETID, MAX_NETID)[name]


@pytest.mark.behaviour("PN-02", "PN-06")
def test_numbers_that_are_told_stay_and_others_come_from_the_name() -> None:
    assert netids() == {"default": 0, "a": 20, "b": 30, "c": 20, "d": derived("d")}


@pytest.mark.behaviour("PN-02", "OUT-02")
@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), st.none() | st.integers(10, 60), max_size=8), st.data())
def test_a_new_project_renumbers_nobody(told: dict[str, int | None], data: st.DataObject) -> None:
    before = fill_netids(told)
    new = data.draw(st.text("xyz", min_size=1, max_size=3))

    after = fill_netids({**told, new: None})

    assert {name: after[name] for name in before} == before
    assert after[new] >= FIRST_NETID
    assert fill_netids(dict(reversed({**told, new: None}.items()))) == after


@pytest.mark.behaviour("PN-02")
def test_a_derived_number_that_is_taken_gives_way() -> None:
    wanted = derived("d")

    assert netids(f"project e {{ netid {wanted} }}")["d"] == wanted + 1


@pytest.mark.behaviour("PN-02")
@pytest.mark.parametrize(
    ("project", "netid", "good"),
    [
        ("shop", 0, True),
        ("shop", 1, False),
        ("shop", 9, False),
        ("shop", 10, True),
        ("shop", MAX_NETID, True),
        ("shop", MAX_NETID + 1, False),
        ("shop", -1, False),
        ("kube-system", 1, True),
        ("openshift-infra", 9, True),
        ("openshift", 5, True),
        ("openshifty", 5, False),
        ("default", 0, True),
        ("default", 5, False),
        ("default", 50, False),
    ],
)
def test_reserved_and_impossible_numbers(project: str, netid: int, good: bool) -> None:
    assert (refuse_netid(project, netid) is None) == good


@pytest.mark.behaviour("PN-02")
def test_a_reserved_number_is_an_error_with_its_place() -> None:
    model, (found,) = build(MULTITENANT, "project shop\nproject shop { netid 5 }")

    assert model is None
    assert names([found]) == ["BAD_NETID"]
    assert str(found.origin) == "1.sdn:2:1"


def test_who_is_control_plane() -> None:
    assert [is_control_plane(name) for name in ("default", "kube-x", "openshift-x", "shop", "kube")] == [
        True,
        True,
        True,
        False,
        False,
    ]


@pytest.mark.behaviour("PN-05")
def test_join() -> None:
    assert netids("join a, d to b")["a"] == 30
    assert netids("join a, d to b")["d"] == 30


@pytest.mark.behaviour("PN-05")
def test_a_chain_of_joins_ends_where_its_last_target_is() -> None:
    after = netids("join a to b", "join d to a", "global b")

    assert (after["a"], after["b"], after["d"]) == (0, 0, 0)


@pytest.mark.behaviour("PN-05")
def test_a_circle_of_joins_is_an_error() -> None:
    assert refused(MULTITENANT, PROJECTS, "join a to b\njoin b to a") == ["DISAGREE", "DISAGREE"]


@pytest.mark.behaviour("PN-05")
def test_isolating_gives_a_fresh_number_only_to_who_shares() -> None:
    after = netids("isolate a, b")

    assert after["b"] == 30
    assert after["c"] == 20
    assert after["a"] == derived("a")


@pytest.mark.behaviour("PN-05")
def test_isolating_all_who_share_leaves_the_number_to_one() -> None:
    after = netids("isolate a, c")

    assert sorted({after["a"], after["c"]}) == sorted({derived("a"), 20})


@pytest.mark.behaviour("PN-05")
def test_isolating_a_project_whose_companions_leave_keeps_its_number() -> None:
    after = netids("isolate a", "join c to b")

    assert (after["a"], after["c"]) == (20, 30)


@pytest.mark.behaviour("PN-05")
def test_isolating_a_global_project_gives_it_a_number() -> None:
    after = netids("project monitoring { netid 0 }", "isolate monitoring")

    assert after["monitoring"] == derived("monitoring")


@pytest.mark.behaviour("PN-05")
def test_global() -> None:
    assert netids("global a, d") == {"default": 0, "a": 0, "b": 30, "c": 20, "d": 0}


@pytest.mark.behaviour("PN-07")
@pytest.mark.parametrize(
    ("statement", "changed"),
    [
        ("join projects team=x to b", {"c": 30, "d": 30}),
        ("global projects team=x", {"c": 0, "d": 0}),
        ("isolate projects team=x", {"c": derived("c"), "d": derived("d")}),
    ],
)
def test_a_selector_stands_for_projects(statement: str, changed: dict[str, int]) -> None:
    before = netids()

    assert netids(statement) == {**before, **changed}


@pytest.mark.behaviour("PN-07")
def test_a_selector_that_selects_the_target_leaves_it_alone() -> None:
    assert netids("join projects team=x to c")["d"] == 20


@pytest.mark.behaviour("PN-07")
def test_a_selector_that_selects_nobody_is_a_warning() -> None:
    model, (found,) = build(MULTITENANT, PROJECTS, "global projects team=nobody")

    assert model is not None
    assert names([found]) == ["SELECTS_NONE"]


@pytest.mark.behaviour("PN-06")
@pytest.mark.parametrize("statement", ["isolate default", "join default to a"])
def test_default_stays_global(statement: str) -> None:
    assert refused(MULTITENANT, PROJECTS, statement) == ["ISOLATE_DEFAULT"]


@pytest.mark.behaviour("PN-06")
def test_what_changes_nothing_for_default_is_allowed() -> None:
    assert netids("global default", "join a to default") == {**netids(), "a": 0}


@pytest.mark.parametrize("statement", ["join a to zz", "join zz to a", "isolate zz", "global zz"])
def test_projects_have_to_exist(statement: str) -> None:
    assert refused(MULTITENANT, PROJECTS, statement) == ["UNKNOWN_PROJECT"]


@pytest.mark.parametrize(
    "statements", ["global a\nisolate a", "join a to b\njoin a to c", "global projects team=x\nisolate d"]
)
def test_statements_that_contradict_each_other_are_an_error(statements: str) -> None:
    assert refused(MULTITENANT, PROJECTS, statements) == ["DISAGREE"]


def test_a_statement_may_be_repeated() -> None:
    assert netids("global a\nglobal a", "global a, d") == netids("global a, d")


def test_statements_have_no_order() -> None:
    one, two, three = "join c to d", "isolate d", "global b"

    assert netids(one, two, three) == netids(three, two, one) == netids(f"{two}\n{one}\n{three}")


@pytest.mark.behaviour("PN-08")
@pytest.mark.parametrize("cluster", [CLUSTER, SUBNET])
@pytest.mark.parametrize("statement", ["join a to b", "isolate a", "global a"])
def test_other_modes_allow_no_renumbering(cluster: str, statement: str) -> None:
    assert refused(cluster, "project a\nproject b", statement) == ["NO_RENUMBERING"]


@pytest.mark.behaviour("PN-09")
def test_one_number_for_two_projects_is_an_error_in_networkpolicy_mode() -> None:
    model, (found,) = build(CLUSTER, PROJECTS)

    assert model is None
    assert found.message == "projects a and c share NetID 20 in networkpolicy mode"
    assert (str(found.origin), str(found.related[0].origin)) == ("1.sdn:4:1", "1.sdn:2:1")


@pytest.mark.behaviour("PN-09")
@pytest.mark.parametrize("cluster", [MULTITENANT, SUBNET])
def test_other_modes_allow_one_number_for_two_projects(cluster: str) -> None:
    good_model(cluster, PROJECTS)


@pytest.mark.behaviour("PN-09")
def test_a_second_global_project_is_an_error_in_networkpolicy_mode() -> None:
    assert refused(CLUSTER, "project a { netid 0 }") == ["NETID_SHARED"]
