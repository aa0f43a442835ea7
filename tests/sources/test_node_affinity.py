"""What a pod requires of its node by affinity."""

from __future__ import annotations

from typing import Any

import pytest

from compiler.values.labels import Operator, Requirement, Selector
from tests.sources.routers import messages, router_pod, routers_of

pytestmark = pytest.mark.behaviour("ER-14")

SITE = {"key": "site", "operator": "In", "values": ["springfield-1"]}
NO_EDGE = {"key": "edge", "operator": "DoesNotExist"}


def pod(*terms: object, **spec: object) -> dict[str, Any]:
    made = router_pod("init", "203.0.113.25")
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}}
    made["spec"] |= {"affinity": {"nodeAffinity": required}, **spec}
    return made


def nodes(router: dict[str, Any]) -> Selector | None:
    (read,) = routers_of(router)
    return read.nodes


def test_the_requirements_of_one_term() -> None:
    assert nodes(pod({"matchExpressions": [SITE, NO_EDGE]})) == Selector(
        [Requirement("site", Operator.IN, ("springfield-1",)), Requirement("edge", Operator.DOES_NOT_EXIST)]
    )


def test_a_node_selector_is_required_as_well() -> None:
    both = pod({"matchExpressions": [NO_EDGE]}, nodeSelector={"site": "springfield-1"})

    assert nodes(both) == nodes(pod({"matchExpressions": [SITE, NO_EDGE]}))


def test_a_preference_requires_nothing() -> None:
    made = router_pod("init", "203.0.113.25")
    made["spec"]["affinity"] = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1}]}}

    assert nodes(made) is None


@pytest.mark.parametrize(
    ("terms", "told"),
    [
        ([], "SDN305 selector: it has 0 nodeSelectorTerms; sdnc reads one"),
        ([{"matchExpressions": [SITE]}] * 2, "SDN305 selector: it has 2 nodeSelectorTerms; sdnc reads one"),
        ([{}], "SDN305 selector: its node selector has no requirement, so it selects no node"),
        ([{"matchExpressions": []}], "SDN305 selector: its node selector has no requirement, so it selects no node"),
        ([{"matchExpressions": [{**NO_EDGE, "operator": "Gt"}]}], "SDN305 selector: unknown operator 'Gt'"),
    ],
)
def test_what_is_no_selector_of_nodes(terms: list[object], told: str) -> None:
    assert messages(pod(*terms)) == [told]


def test_fields_of_nodes_are_not_read() -> None:
    (told,) = messages(pod({"matchExpressions": [SITE], "matchFields": [SITE]}))

    assert told.startswith("SDN113 unknown field 'matchFields' in a selector")
