"""The pass `merge_subjects`: pods whose policies say the same are one subject."""

from __future__ import annotations

from attrs import evolve

from compiler.passes.merge_subjects import merge_subjects
from compiler.policy.ir import Subject
from compiler.values.ports import PortSet
from compiler.values.services import ServiceSet
from tests.oracle.cells import bare_policy, grant
from tests.oracle.objects import ORIGIN

HTTP = ServiceSet(tcp=PortSet([(80, 80)]))


def test_subjects_with_one_text_become_one() -> None:
    grants = (grant(HTTP, "office", 8),)
    before = bare_policy(
        [Subject(1, grants, "tcp/80 from office"), Subject(2, (), "nothing"), Subject(4, grants, "tcp/80 from office")]
    )

    after = merge_subjects(before)

    assert after.ingress == (Subject(2, (), "nothing"), Subject(5, grants, "tcp/80 from office"))


def test_directions_stay_apart() -> None:
    deny = Subject(1, (), "nothing")
    before = bare_policy([deny, evolve(deny, cells=2)], [evolve(deny, cells=4)])

    after = merge_subjects(before)

    assert [subject.cells for subject in after.ingress] == [3]
    assert [subject.cells for subject in after.egress] == [4]


def test_origins_of_all_of_them_stay_once() -> None:
    other = ORIGIN.child()
    subjects = [Subject(1, (), "nothing", (ORIGIN,)), Subject(2, (), "nothing", (other, ORIGIN))]

    (merged,) = merge_subjects(bare_policy(subjects)).ingress

    assert set(merged.origins) == {ORIGIN, other}


def test_the_order_of_subjects_does_not_matter() -> None:
    subjects = [Subject(1, (), "nothing"), Subject(2, (grant(HTTP, "office", 8),), "a"), Subject(4, (), "nothing")]

    merged = merge_subjects(bare_policy(subjects)).ingress

    assert merged == merge_subjects(bare_policy(subjects[::-1])).ingress
