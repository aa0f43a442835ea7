"""Does what `sdnc trace --why-not` says: adds the suggested rules to the declarations, or the objects, of a cluster."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Sequence
from typing import Any

from attrs import evolve

from compiler.declarations import Declaration, EgressFirewall, FirewallRule, NetworkPolicy, Rule
from compiler.diagnostics import Diagnostics
from compiler.origin import Origin, Source, Span
from compiler.sources import read_texts
from compiler.trace import Trace
from compiler.trace.steps import Advice, How
from tests.compiling import declare

_SOURCE = Source("random", "", lambda path: Span(1, 1, 1))
ADVICE = "advice.sdn"


def placed(declarations: Iterable[Declaration]) -> tuple[Declaration, ...]:
    """The declarations, of which each policy, firewall and rule is in a place of its own."""
    numbers = iter(range(1, 1 << 20))

    def place() -> Origin:
        line = next(numbers)
        return Origin(_SOURCE, Span(line, 1, 2))

    def rules(of: tuple[Rule, ...] | None) -> tuple[Rule, ...] | None:
        return None if of is None else tuple(evolve(rule, origin=place()) for rule in of)

    def one(declaration: Declaration) -> Declaration:
        match declaration:
            case NetworkPolicy():
                ingress, egress = rules(declaration.ingress), rules(declaration.egress)
                return evolve(declaration, origin=place(), ingress=ingress, egress=egress)
            case EgressFirewall():
                ours = tuple(evolve(rule, origin=place()) for rule in declaration.rules)
                return evolve(declaration, origin=place(), rules=ours)
            case _:
                return evolve(declaration, origin=place())

    return tuple(map(one, declarations))


def advice_of(trace: Trace) -> list[Advice] | None:
    """All that a trace suggests, once each; None if something that denies cannot be changed."""
    denials = [step for path in trace.paths for step in path.denials]
    if not all(step.advice for step in denials):
        assert all(step.advice or step.no_advice for step in denials)
        return None
    return list({(str(one.place), one.how, one.rule): one for step in denials for one in step.advice}.values())


def follow_in_declarations(declarations: Sequence[Declaration], advice: Sequence[Advice]) -> tuple[Declaration, ...]:
    """The declarations with all suggested rules."""
    changed = list(declarations)
    for one in advice:
        if one.how is How.STATEMENT:
            changed += declare(one.rule)
        else:
            changed = [_changed(declaration, one) for declaration in changed]
    return tuple(changed)


def _changed(declaration: Declaration, advice: Advice) -> Declaration:
    match declaration:
        case NetworkPolicy() if declaration.origin == advice.place:
            (policy,) = declare(f"policy {declaration.project}/x {{ {advice.how.value} {{ {advice.rule} }} }}")
            assert isinstance(policy, NetworkPolicy)
            if advice.how is How.INGRESS:
                assert declaration.ingress is not None
                return evolve(declaration, ingress=(*declaration.ingress, *(policy.ingress or ())))
            assert declaration.egress is not None
            return evolve(declaration, egress=(*declaration.egress, *(policy.egress or ())))
        case EgressFirewall():
            rules: list[FirewallRule] = []
            for rule in declaration.rules:
                if rule.origin == advice.place:
                    (firewall,) = declare(f"firewall {declaration.project} {{ {advice.rule} }}")
                    assert isinstance(firewall, EgressFirewall)
                    rules += firewall.rules
                rules.append(rule)
            return evolve(declaration, rules=tuple(rules))
        case _:
            return declaration


def object_texts(objects: Iterable[Any], statements: Iterable[str] = ()) -> dict[str, str]:
    """A cluster's objects as a file, beside statements of the policy language."""
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
    return {"objects.json": text, ADVICE: "\n".join(statements)}


def read_objects(objects: Iterable[Any], statements: Iterable[str] = ()) -> tuple[Declaration, ...]:
    """What objects and statements declare; they have no errors."""
    diagnostics = Diagnostics()
    declarations = read_texts(object_texts(objects, statements), diagnostics)
    assert not diagnostics.failed, diagnostics.sorted()
    return declarations


def follow_in_objects(objects: Sequence[Any], advice: Sequence[Advice]) -> tuple[list[Any], list[str]]:
    """The objects with all suggested rules, and the suggested statements."""
    changed = copy.deepcopy(list(objects))
    statements = [one.rule for one in advice if one.how is How.STATEMENT]
    # From the last to the first, so that a rule that is put before another moves none that is still to come.
    for one in sorted(advice, key=lambda one: one.place.sort_key() if one.place else (), reverse=True):
        if one.place is None:
            continue
        path = one.place.at
        assert not isinstance(path, Span)
        at: Any = {"items": changed}
        for step in path[:-1] if one.how is How.BEFORE else path:
            at = at[step]
        rule = json.loads(one.rule)
        if one.how is How.BEFORE:
            at.insert(path[-1], rule)
        else:
            at["spec"].setdefault(one.how.value, []).append(rule)
    return changed, statements
