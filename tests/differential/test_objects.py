"""Random Kubernetes objects mean the declarations that they were drawn with: the flows are the same, byte
by byte.
"""

from __future__ import annotations

from random import Random

import pytest
import yaml
from hypothesis import given

from compiler.diagnostics import Diagnostics
from compiler.sources import read_texts
from tests.compiling import declare_objects
from tests.oracle.clusters import Drawn, clusters, repeatable
from tests.oracle.compiled import compile_flows

QUICK = repeatable(60)


@pytest.mark.behaviour("NP-01", "NP-03", "NP-04", "NP-05", "NP-06", "NP-08", "NP-09", "NP-14", "NP-18", "PN-15")
@pytest.mark.behaviour("OUT-01")
@QUICK
@given(clusters())
def test_a_list_in_json(drawn: Drawn) -> None:
    objects = Random(0).sample(drawn.objects, len(drawn.objects))
    assert compile_flows(declare_objects(*objects)) == compile_flows(drawn.declarations)


@pytest.mark.behaviour("NP-01", "NP-03", "NP-18")
@QUICK
@given(clusters())
def test_a_stream_in_yaml(drawn: Drawn) -> None:
    diagnostics = Diagnostics()
    declarations = read_texts({"cluster.yaml": yaml.safe_dump_all(drawn.objects)}, diagnostics)
    assert not diagnostics.failed
    assert compile_flows(declarations) == compile_flows(drawn.declarations)
