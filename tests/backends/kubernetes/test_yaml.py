"""YAML as it is written, read again by two readers."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from backends.kubernetes.yaml import Value, yaml_text

ASCII = st.characters(min_codepoint=32, max_codepoint=126) | st.just("\n")
TEXTS = st.text(ASCII, max_size=30) | st.lists(st.text("ab #:-|>'\"\\{}[]*&!%@`,?", min_size=1)).map(
    lambda lines: "\n".join([*lines, ""])
)
VALUES: st.SearchStrategy[Value] = st.recursive(
    st.booleans() | st.integers() | TEXTS,
    lambda values: st.lists(values, min_size=1, max_size=4) | st.dictionaries(TEXTS, values, min_size=1, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_a_reader_gets_back_what_was_written(value: Value) -> None:
    assert yaml.safe_load(yaml_text({"value": value})) == {"value": value}


@pytest.mark.parametrize(
    "text", ["true", "True", "no", "ON", "y", "null", "~", "1", "1e3", "0x1f", "010", "1_000", "-"]
)
@pytest.mark.parametrize("suffix", ["", "\n\n "])
def test_a_string_that_could_be_something_else_is_quoted(text: str, suffix: str) -> None:
    written = yaml_text({"value": text + suffix})

    assert yaml.safe_load(written) == {"value": text + suffix}
    assert written.startswith('value: "')


@pytest.mark.parametrize(
    "text", ["", "a: b", "a #b", " a", "a ", "a\nb", "1:30", ".inf", "2026-01-01", "<<", "=", "*a", "&a"]
)
def test_what_is_no_name_is_quoted(text: str) -> None:
    written = yaml_text({text: text})

    assert yaml.safe_load(written) == {text: text}
    assert written.startswith('"')


@pytest.mark.behaviour("OUT-05")
@pytest.mark.parametrize("text", ["\u2028", "\x85", "\x00", "\x7f", "\r\n", "\t", "\ud7ff", "\U0001f600", "\u0430"])
def test_what_readers_disagree_about_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not plain text"):
        yaml_text({"name": text})


@pytest.mark.parametrize("text", ["web-1", "openshift/origin-pod", "eth1.5", "TCP"])
def test_a_name_is_not_quoted(text: str) -> None:
    assert yaml_text({text: text}) == f"{text}: {text}\n"


def test_lines_are_a_block() -> None:
    assert yaml_text({"value": "80 tcp 203.0.113.25\n203.0.113.27\n"}) == (
        "value: |\n  80 tcp 203.0.113.25\n  203.0.113.27\n"
    )


def test_keys_are_sorted() -> None:
    assert yaml_text({"b": 1, "a": {"d": 2, "c": 3}}) == "a:\n  c: 3\n  d: 2\nb: 1\n"
