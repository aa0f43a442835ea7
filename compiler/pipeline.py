"""The compiler, from top to bottom: the table of contents of everything else.

    paths ──read──► declarations ──build──► Model ──lower──► Policy ──PASSES──► Policy ─┐
                                              └────fold────► firewalls ─────────────────┴──plan──► NodePlan ──► backends

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
from compiler.options import DEFAULTS, Options
from compiler.passes.drop_hidden import drop_hidden
from compiler.passes.merge_grants import merge_grants
from compiler.passes.merge_subjects import merge_subjects
from compiler.policy.firewall import FoldedFirewall, fold_firewalls
from compiler.policy.firewall_checks import check_firewalls
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
    """A cluster that compiled: what exists, the canonical policy (None in the modes without, PN-10), and the egress
    firewalls."""

    model: Model
    policy: Policy | None
    firewalls: tuple[FoldedFirewall, ...] = ()


def read(
    paths: Sequence[str], stdin: BinaryIO | None, diagnostics: Diagnostics, options: Options = DEFAULTS
) -> Compilation | None:
    """Reads files and folders (`-` is `stdin`) and compiles what they declare; None if they have errors."""
    return compile_declarations(read_sources(paths, stdin, diagnostics), diagnostics, options)


def compile_declarations(
    declarations: Sequence[Declaration], diagnostics: Diagnostics, options: Options = DEFAULTS
) -> Compilation | None:
    """Compiles declarations; None if anything is wrong, which `diagnostics` then tells."""
    model = build_model(declarations, diagnostics, options)
    if model is None:
        return None
    firewalls = fold_firewalls(model)
    check_firewalls(model, firewalls, diagnostics)
    policy = optimise(lower(model)) if model.cluster.mode is Mode.NETWORKPOLICY else None
    return Compilation(model, policy, firewalls)


def optimise(policy: Policy) -> Policy:
    """The IR after all passes: canonical."""
    for each in PASSES:
        policy = each(policy)
    return policy
