"""What openshift-sdn does on the same clusters.

Its own code (the last release branch) was driven on clusters of `gen_cluster` with seed 1, for node-0, each policy
parsed once and one sync.  Flow counts do not vary from machine to machine; times do, so only the counts are compared.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen


@frozen
class Reference:
    """A cluster by the arguments of `gen_cluster`, and openshift-sdn's flows on node-0: in all, and of some tables."""

    nodes: int
    namespaces: int
    pods: int
    policies: int
    flows: int | None
    tables: Mapping[int, int] = field(factory=dict)
    cross: str | None = None
    """A further namespace: targets x sources x ports.  openshift-sdn skips such a policy from 10,000 flows on."""


REFERENCES = (
    Reference(2, 10, 200, 30, 5_248),
    Reference(
        5,
        50,
        1_000,
        150,
        12_563,
        {20: 406, 25: 203, 27: 2_012, 40: 203, 70: 203, 80: 9_205, 10: 7, 50: 5, 90: 5, 100: 261, 101: 7},
    ),
    Reference(5, 50, 1_000, 150, None, cross="150x150x10"),
    Reference(10, 200, 4_000, 600, 49_735),
    Reference(
        20,
        500,
        10_000,
        1_500,
        92_589,
        {20: 1_006, 25: 503, 27: 26_908, 40: 503, 70: 503, 80: 60_467, 10: 22, 50: 20, 90: 20, 100: 2_501, 101: 52},
    ),
    Reference(50, 2_000, 40_000, 6_000, 191_815),
    Reference(
        100,
        5_000,
        100_000,
        15_000,
        300_719,
        {
            20: 2_004,
            25: 1_002,
            27: 83_557,
            40: 1_002,
            70: 1_002,
            80: 186_135,
            10: 102,
            50: 100,
            90: 100,
            100: 25_001,
            101: 502,
        },
    ),
)
"""From the smallest to the largest."""
