"""Labels and selectors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.values.labels import SELECT_ALL, Labels, Operator, Requirement, Selector

KEYS, VALUES = ("app", "tier"), ("", "a", "b")
LABELS = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES))
REQUIREMENTS = st.one_of(
    st.builds(
        Requirement,
        st.sampled_from(KEYS),
        st.sampled_from([Operator.IN, Operator.NOT_IN]),
        st.lists(st.sampled_from(VALUES), min_size=1, max_size=3),
    ),
    st.builds(Requirement, st.sampled_from(KEYS), st.sampled_from([Operator.EXISTS, Operator.DOES_NOT_EXIST])),
)


def fulfils(labels: dict[str, str], requirement: Requirement) -> bool:
    """The Kubernetes API's words, once more."""
    match requirement.operator:
        case Operator.IN:
            return requirement.key in labels and labels[requirement.key] in requirement.values
        case Operator.NOT_IN:
            return not (requirement.key in labels and labels[requirement.key] in requirement.values)
        case Operator.EXISTS:
            return requirement.key in labels
        case Operator.DOES_NOT_EXIST:
            return requirement.key not in labels


@pytest.mark.behaviour("NP-06")
@given(LABELS, st.lists(REQUIREMENTS, max_size=4))
def test_a_selector_wants_every_requirement(labels: dict[str, str], requirements: list[Requirement]) -> None:
    selector = Selector(requirements)

    assert selector.matches(Labels(labels)) == all(fulfils(labels, one) for one in requirements)


@given(st.lists(REQUIREMENTS, max_size=4))
def test_order_and_repetition_make_no_other_selector(requirements: list[Requirement]) -> None:
    shuffled = [*requirements, *requirements[:1]][::-1]

    assert Selector(shuffled) == Selector(requirements)
    assert hash(Selector(shuffled)) == hash(Selector(requirements))
    assert str(Selector(shuffled)) == str(Selector(requirements))


@given(st.lists(REQUIREMENTS, max_size=3), st.lists(REQUIREMENTS, max_size=3))
def test_texts_tell_selectors_apart(one: list[Requirement], other: list[Requirement]) -> None:
    assert (Selector(one) == Selector(other)) == (str(Selector(one)) == str(Selector(other)))


@given(LABELS)
def test_labels_do_not_depend_on_order(labels: dict[str, str]) -> None:
    turned = dict(reversed(labels.items()))

    assert Labels(labels) == Labels(turned) == Labels(list(labels.items()))
    assert all(Labels(labels).get(key) == labels.get(key) for key in KEYS)


@pytest.mark.behaviour("NP-06")
def test_match_labels_are_requirements_with_one_value() -> None:
    assert Selector.equal({"app": "web"}) == Selector([Requirement("app", Operator.IN, ["web", "web"])])


@pytest.mark.behaviour("NP-18")
def test_an_empty_value_needs_the_key() -> None:
    selector = Selector.equal({"app": ""})

    assert selector.matches(Labels({"app": ""}))
    assert not selector.matches(Labels({}))
    assert not selector.matches(Labels({"app": "web"}))


@pytest.mark.behaviour("NP-05")
def test_the_empty_selector_selects_all() -> None:
    assert SELECT_ALL == Selector() == Selector.equal({})
    assert SELECT_ALL.matches(Labels({}))


@pytest.mark.parametrize(
    ("requirement", "text"),
    [
        (Requirement("a", Operator.IN, ["x"]), "a=x"),
        (Requirement("a", Operator.IN, ["y", "x"]), "a in (x,y)"),
        (Requirement("a", Operator.NOT_IN, ["x"]), "a notin (x)"),
        (Requirement("a", Operator.EXISTS), "a"),
        (Requirement("a", Operator.DOES_NOT_EXIST), "!a"),
    ],
)
def test_text_is_that_of_kubectl(requirement: Requirement, text: str) -> None:
    assert str(requirement) == text
    assert str(Selector([requirement, Requirement("z", Operator.EXISTS)])) in (f"{text},z", f"z,{text}")
    assert str(SELECT_ALL) == "*"
