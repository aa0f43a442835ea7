"""The pass `drop_hidden`: what a wider grant includes goes."""

from __future__ import annotations

from compiler.passes.drop_hidden import drop_hidden
from compiler.policy.ir import ANYONE, Grant, Subject
from compiler.values.ports import ALL_PORTS, PortSet
from compiler.values.services import EVERYTHING, ServiceSet
from tests.oracle.cells import bare_policy, grant

HTTP = ServiceSet(tcp=PortSet([(80, 80)]))
TCP = ServiceSet(tcp=ALL_PORTS)


def test_a_grant_of_less_to_fewer_goes() -> None:
    wide, narrow = grant(EVERYTHING, "pods *", 7), grant(HTTP, "pods app=web", 2)
    before = bare_policy([Subject(1, (narrow, wide), "")])

    assert drop_hidden(before).ingress[0].grants == (wide,)


def test_a_grant_of_the_same_to_fewer_and_one_of_less_to_the_same_go() -> None:
    wide = grant(TCP, "pods *", 6)
    before = bare_policy([], [Subject(1, (wide, grant(TCP, "pods app=web", 2), grant(HTTP, "pods x", 4)), "")])

    assert drop_hidden(before).egress[0].grants == (wide,)


def test_everybody_hides_whom_it_includes() -> None:
    before = bare_policy([Subject(1, (grant(HTTP, "office", 2), Grant(ANYONE, TCP)), "")])

    assert drop_hidden(before).ingress[0].grants == (Grant(ANYONE, TCP),)


def test_a_grant_of_more_or_to_others_stays() -> None:
    grants = (Grant(ANYONE, HTTP), grant(TCP, "office", 2), grant(TCP, "lab", 4), grant(EVERYTHING, "some of both", 5))
    before = bare_policy([Subject(1, grants, "")])

    assert drop_hidden(before).ingress[0].grants == grants[:2] + grants[3:]


def test_two_that_hide_one_only_together_do_not() -> None:
    grants = (grant(HTTP, "left", 3), grant(HTTP, "right", 12), grant(HTTP, "middle", 6))
    before = bare_policy([Subject(1, grants, "")])

    assert drop_hidden(before).ingress[0].grants == grants


def test_grants_of_another_subject_hide_nothing() -> None:
    one, two = Subject(1, (Grant(ANYONE, TCP),), "one"), Subject(2, (grant(HTTP, "office", 4),), "two")
    before = bare_policy([one, two], [two])

    assert drop_hidden(before) == before
