"""The compiler, from top to bottom: the table of contents of everything else.

    paths ──read──► declarations ──build──► Model ──lower──► Policy ──PASSES──► Policy ──plan──► NodePlan ──► backends

Each arrow is one function.  All that can be wrong with the input is found before `lower`; what comes after cannot fail.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from attrs import frozen

from compiler.declarations import Declaration, Mode
from compiler.diagnostics import Diagnostics
from compiler.model.build import build_model
from compiler.model.model import Model
from compiler.passes.drop_hidden import drop_hidden
from compiler.passes.merge_grants import merge_grants
from compiler.passes.merge_subjects import merge_subjects
from compiler.policy.ir import Policy
from compiler.policy.lower import lower
from compiler.sources import read_sources

PASSES = (
    merge_grants,
    drop_hidden,
    merge_subjects,
)
"""The passes over the policy IR, in order; each file says what holds before and after."""


@frozen
class Compilation:
    """A cluster that compiled: what exists, and the canonical policy (None in the modes without, PN-10)."""

    model: Model
    policy: Policy | None


def read(paths: Sequence[str], stdin: BinaryIO | None, diagnostics: Diagnostics) -> Compilation | None:
    """Reads files and folders (`-` is `stdin`) and compiles what they declare; None if they have errors."""
    return compile_declarations(read_sources(paths, stdin, diagnostics), diagnostics)


def compile_declarations(declarations: Sequence[Declaration], diagnostics: Diagnostics) -> Compilation | None:
    """Compiles declarations; None if anything is wrong, which `diagnostics` then tells."""
    model = build_model(declarations, diagnostics)
    if model is None:
        return None
    return Compilation(model, optimise(lower(model)) if model.cluster.mode is Mode.NETWORKPOLICY else None)


def optimise(policy: Policy) -> Policy:
    """The IR after all passes: canonical."""
    for each in PASSES:
        policy = each(policy)
    return policy
