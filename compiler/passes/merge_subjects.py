"""Pass: subjects whose policies say the same become one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import reduce
from operator import or_

from attrs import evolve

from compiler.policy.ir import Policy, Subject


def merge_subjects(policy: Policy) -> Policy:
    """Before: no grant is hidden.  After: the IR is in its last normal form (`assert_canonical`).

    Pods of different projects whose policies say the same, such as all those that nobody may reach, are one subject.
    """
    return evolve(policy, ingress=_merge(policy.ingress), egress=_merge(policy.egress))


def _merge(subjects: Iterable[Subject]) -> tuple[Subject, ...]:
    alike: dict[str, list[Subject]] = defaultdict(list)
    for subject in subjects:
        alike[subject.text].append(subject)
    return tuple(
        evolve(
            group[0],
            cells=reduce(or_, (subject.cells for subject in group)),
            origins=tuple(dict.fromkeys(origin for subject in group for origin in subject.origins)),
        )
        for _, group in sorted(alike.items())
    )
