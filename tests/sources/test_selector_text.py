"""The notation of kubectl's `--selector`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.sources.selector_text import parse_selector
from compiler.values.labels import SELECT_ALL, Operator, Requirement, Selector

KEYS = st.sampled_from(["team", "example.com/tier", "in", "notin", "a-b_c.d"])
VALUES = st.sampled_from(["a", "b1", "x.y_z", "IN"])


@st.composite
def requirements(draw: st.DrawFn) -> Requirement:
    operator = draw(st.sampled_from(Operator))
    listed = operator in (Operator.IN, Operator.NOT_IN)
    return Requirement(draw(KEYS), operator, draw(st.lists(VALUES, min_size=1, max_size=3)) if listed else ())


@pytest.mark.behaviour("PN-07")
@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("name=top-secret", "name=top-secret"),
        ("name==top-secret", "name=top-secret"),
        (" name = top-secret ", "name=top-secret"),
        ("name!=a", "name notin (a)"),
        ("name", "name"),
        ("!name", "!name"),
        ("! name", "!name"),
        ("tier in (web,db)", "tier in (db,web)"),
        ("tier in( web , db )", "tier in (db,web)"),
        ("tier  notin (web)", "tier notin (web)"),
        ("name=", "name="),
        ("name=,b", "b,name="),
        ("tier in ()", "tier="),
        ("example.com/a=b,c", "c,example.com/a=b"),
        ("in in (in)", "in=in"),
    ],
)
def test_what_is_written_is_read(text: str, canonical: str) -> None:
    assert str(parse_selector(text)) == canonical


@pytest.mark.parametrize("text", ["", "  "])
def test_nothing_selects_everything(text: str) -> None:
    assert parse_selector(text) == SELECT_ALL


@given(st.lists(requirements(), min_size=1, max_size=4))
def test_what_a_selector_prints_is_that_selector(parts: list[Requirement]) -> None:
    selector = Selector(parts)

    assert parse_selector(str(selector)) == selector


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a=b,", "it ends with a comma"),
        (",a=b", "cannot read ',a=b'"),
        ("a b", "cannot read 'a b'"),
        ("a>1", "cannot read 'a>1'"),
        ("a in (b", "cannot read 'a in (b'"),
        ("a in b", "cannot read 'a in b'"),
        ("=b", "cannot read '=b'"),
        ("!a=b", "cannot read '!a=b'"),
        ("a=b=c", "cannot read 'a=b=c'"),
        ("-a=b", "label key '-a': only letters"),
        ("a=b;c", "label value 'b;c': only letters"),
        ("a in (b,$(id))", "cannot read 'a in (b,$(id))'"),
        ("a=b\n!c", "cannot read 'a=b\\n!c'"),
    ],
)
def test_what_is_wrong_is_told(text: str, reason: str) -> None:
    with pytest.raises(ValueError) as refused:
        parse_selector(text)

    assert str(refused.value).startswith(reason)
