"""What holds of every pass, and of all of them together, for random clusters."""

from __future__ import annotations

import pytest
from hypothesis import given

from compiler.declarations import Mode
from compiler.pipeline import PASSES, optimise
from compiler.policy.bits import members_of
from compiler.policy.ir import Policy, assert_canonical
from compiler.policy.lower import lower
from tests.compiling import compiled
from tests.oracle.cells import all_cells, bare_policy, table_of
from tests.oracle.clusters import Drawn, clusters, repeatable
from tests.oracle.compiled import OPTIONS

RANDOM = repeatable(60)


@RANDOM
@given(clusters((Mode.NETWORKPOLICY,)))
def test_each_pass_keeps_what_the_policy_means(drawn: Drawn) -> None:
    policy = lower(compiled(drawn.declarations, OPTIONS).model)
    cells = all_cells(policy)
    table, meaning = table_of(policy, cells), policy.meaning()

    for each in PASSES:
        policy = each(policy)

        assert table_of(policy, cells) == table, each.__name__
        assert policy.meaning() == meaning, each.__name__


@RANDOM
@given(clusters((Mode.NETWORKPOLICY,)))
def test_all_passes_together_make_the_ir_canonical(drawn: Drawn) -> None:
    policy = optimise(lower(compiled(drawn.declarations, OPTIONS).model))

    assert_canonical(policy)
    assert optimise(policy) == policy


@RANDOM
@given(clusters((Mode.NETWORKPOLICY,)))
def test_a_function_says_what_the_grants_say_cell_by_cell(drawn: Drawn) -> None:
    policy = lower(compiled(drawn.declarations, OPTIONS).model)
    cells = all_cells(policy)
    table = table_of(policy, cells)

    for direction, subjects in (("ingress", policy.ingress), ("egress", policy.egress)):
        for subject in subjects:
            pod = next(members_of(subject.cells))
            by_cell = {peer: [s for s, peers in subject.function() if peers >> peer & 1] for peer in cells}
            assert by_cell == {peer: [table[direction, pod, peer]] for peer in cells}


@RANDOM
@given(clusters((Mode.NETWORKPOLICY,)))
def test_the_order_of_declarations_does_not_matter(drawn: Drawn) -> None:
    there, back = drawn.declarations, drawn.declarations[::-1]

    assert optimise(lower(compiled(there, OPTIONS).model)) == optimise(lower(compiled(back, OPTIONS).model))


@pytest.mark.parametrize("each", PASSES, ids=lambda each: each.__name__)
def test_a_policy_without_subjects_stays_as_it_is(each: object) -> None:
    empty: Policy = bare_policy([])

    assert callable(each)
    assert each(empty) == empty
