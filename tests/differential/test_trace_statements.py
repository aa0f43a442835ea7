"""`sdnc trace` names the right statements, on random clusters.

Of what is allowed: without all the rules that are named it is denied, and any single one of them is enough.  Of what
policies deny: the policies that are named are those that select the pod.  Of egress firewalls: the opposite of the rule
that is named gives the opposite verdict.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

import pytest
from attrs import evolve
from hypothesis import given

from compiler.declarations import Declaration, EgressFirewall, Mode, NetworkPolicy, Pod, Rule
from compiler.origin import Origin
from compiler.trace import Cluster, Path, Step, trace
from compiler.trace.steps import Decision, Kind
from tests.compiling import compiled
from tests.oracle.advised import placed
from tests.oracle.asked import Question, questions
from tests.oracle.clusters import OUTSIDE, Drawn, clusters, repeatable
from tests.oracle.compiled import NAMES, OPTIONS
from tests.oracle.evaluator import Oracle, selects

CLUSTERS = 200
QUESTIONS = 40
POLICIES = (Kind.INGRESS_POLICY, Kind.EGRESS_POLICY)


def with_rules(
    declarations: Sequence[Declaration], rules: Collection[Origin], *, keep: bool
) -> tuple[Declaration, ...]:
    """The cluster with only these rules of policies, or (`keep` false) with all others."""

    def some(of: tuple[Rule, ...] | None) -> tuple[Rule, ...] | None:
        return None if of is None else tuple(rule for rule in of if (rule.origin in rules) == keep)

    return tuple(
        evolve(one, ingress=some(one.ingress), egress=some(one.egress)) if isinstance(one, NetworkPolicy) else one
        for one in declarations
    )


def with_opposite(declarations: Sequence[Declaration], origin: Origin) -> tuple[Declaration, ...]:
    """The cluster with one firewall rule turned around."""
    return tuple(
        evolve(one, rules=tuple(evolve(r, allow=not r.allow) if r.origin == origin else r for r in one.rules))
        if isinstance(one, EgressFirewall)
        else one
        for one in declarations
    )


def step_of(declarations: Sequence[Declaration], asked: Question, kind: Kind) -> Step:
    """The step of a kind in the only path of a question."""
    cluster = Cluster(compiled(declarations, OPTIONS), declarations)
    (path,) = trace(cluster, asked.sender, asked.receiver, asked.port).paths
    (step,) = [step for step in path.steps if step.kind is kind]
    return step


def governing(oracle: Oracle, pod: Pod, kind: Kind) -> set[Origin]:
    """The statements that isolate a pod, found without the compiler (NP-02, NP-03, NP-14)."""
    is_ingress = kind is Kind.INGRESS_POLICY
    found = {
        policy.origin
        for policy in oracle.policies
        if policy.project == pod.project
        and selects(policy.pods, pod.labels)
        and (policy.ingress if is_ingress else policy.egress) is not None
    }
    project = oracle.projects.get(pod.project)
    return found | ({project.origin} if is_ingress and project is not None and project.isolated else set())


def single(paths: Collection[Path], asked: Question) -> Path | None:
    """The path of a question from one pod or address to another."""
    return next(iter(paths)) if len(paths) == 1 and asked.sender.partition(":")[0] not in ("project", "node") else None


@pytest.mark.behaviour("OUT-03", "NP-02", "NP-14", "EF-01")
def test_named_statements_decide() -> None:
    tally: Counter[str] = Counter()

    @repeatable(CLUSTERS)
    @given(clusters((Mode.NETWORKPOLICY,)))
    def check(drawn: Drawn) -> None:
        declarations = placed(drawn.declarations)
        oracle = Oracle(declarations, NAMES)
        cluster = Cluster(compiled(declarations, OPTIONS), declarations)
        for asked in questions(declarations, oracle, OUTSIDE, QUESTIONS) if oracle.pods else ():
            path = single(trace(cluster, asked.sender, asked.receiver, asked.port).paths, asked)
            for step in path.steps if path else ():
                assert path is not None
                named = set(step.origins)
                end = path.destination if step.kind is Kind.INGRESS_POLICY else path.source
                if step.kind in POLICIES and step.denies:
                    assert end.endpoint is not None
                    assert named == governing(oracle, end.endpoint.pod, step.kind)
                    tally["denied"] += 1
                elif step.kind in POLICIES and named:
                    without = with_rules(declarations, named, keep=False)
                    assert step_of(without, asked, step.kind).denies
                    one = min(named, key=Origin.sort_key)
                    alone = with_rules(declarations, {one}, keep=True)
                    assert step_of(alone, asked, step.kind).origins == (one,)
                    tally["allowed"] += 1
                elif step.kind is Kind.EGRESS_FIREWALL and "rule" in step.text.split()[:1]:
                    (origin,) = named
                    opposite = step_of(with_opposite(declarations, origin), asked, step.kind)
                    assert {step.decision, opposite.decision} == {Decision.ALLOWS, Decision.DENIES}
                    tally[f"firewall {step.decision.value}"] += 1

    check()
    assert tally["denied"] >= 500
    assert tally["allowed"] >= 80
    assert tally["firewall denies"] >= 50
    assert tally["firewall allows"] >= 50
