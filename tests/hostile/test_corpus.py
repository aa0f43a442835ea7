"""Hostile and broken input: every file of the corpus gives the diagnostics that `expect.json` says, and no exception.

`corpus/` holds single files, `clusters/` whole clusters that only the model can refuse; what is too big for a file is
generated here.  An expectation is `CODE:LINE`; notes are left out.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from compiler.diagnostics import Diagnostic, Diagnostics, Severity
from compiler.model.build import build_model
from compiler.sources import read_sources
from tests.compiling import CODE_NAMES

HERE = Path(__file__).parent
EXPECTED: dict[str, list[str]] = json.loads((HERE / "expect.json").read_text())
CLUSTERS: dict[str, list[str]] = json.loads((HERE / "expect-clusters.json").read_text())


def _told(found: tuple[Diagnostic, ...]) -> list[str]:
    return [
        f"{CODE_NAMES[one.code]}:{one.origin.span().line if one.origin else 0}"
        for one in found
        if one.severity is not Severity.NOTE
    ]


def test_every_file_is_expected() -> None:
    assert {path.name for path in (HERE / "corpus").iterdir()} == set(EXPECTED)
    assert {path.name for path in (HERE / "clusters").iterdir()} == set(CLUSTERS)


@pytest.mark.behaviour("OUT-05", "NP-16")
@pytest.mark.parametrize("name", EXPECTED)
def test_corpus(name: str) -> None:
    diagnostics = Diagnostics()

    read_sources([str(HERE / "corpus" / name)], None, diagnostics)

    found = diagnostics.sorted()
    assert sorted(_told(found)) == sorted(EXPECTED[name])
    for one in found:
        if one.origin is not None:
            assert one.origin.source.name.endswith(name)
            span = one.origin.span()
            assert 1 <= span.column < span.end_column
            assert span.column <= len(one.origin.source.line(span.line)) + 1
        assert one.message.isprintable()


@pytest.mark.behaviour("PN-12")
@pytest.mark.parametrize("name", CLUSTERS)
def test_cluster(name: str) -> None:
    diagnostics = Diagnostics()

    build_model(read_sources([str(HERE / "clusters" / name)], None, diagnostics), diagnostics)

    assert sorted(_told(diagnostics.sorted())) == sorted(CLUSTERS[name])
