"""Every pod asks every other pod, in every mode, for everything that is in the matrix."""

from __future__ import annotations

import pytest

from tests.cluster.bundle import Cluster
from tests.cluster.clusters import BY_NETID, EVERYTHING, MODES, POLICIES, expected, matrix, source
from tests.cluster.judgement import judged


@pytest.mark.parametrize(
    "mode",
    [
        pytest.param("subnet", marks=pytest.mark.behaviour("PN-01", "PN-10")),
        pytest.param("multitenant", marks=pytest.mark.behaviour("PN-01", "PN-03", "PN-06", "PN-10")),
        pytest.param(
            "networkpolicy",
            marks=pytest.mark.behaviour(
                "PN-01", "NP-02", "NP-04", "NP-05", "NP-06", "NP-07", "NP-08", "NP-09", "NP-10"
            ),
        ),
    ],
)
def test_every_pair_of_pods_gets_what_the_mode_gives(cluster: Cluster, mode: str) -> None:
    text, pairs = MODES[mode]

    cluster.enforce(text)

    attempts = expected(pairs)
    assert len(attempts) == 6 * 5 * 8
    assert judged(text, pairs) == pairs
    assert cluster.mismatches(attempts) == {}


def test_an_expectation_that_is_wrong_is_found(cluster: Cluster) -> None:
    # What every other test here leans on: the cluster tells allowed from denied both ways.
    cluster.enforce(MODES["networkpolicy"][0])
    wrong = {("web-1", "database-1"): "e", ("store-1", "web-1"): "-"}

    found = cluster.mismatches(expected(wrong))

    web, store = "shop/web-1", "storage/store-1"
    assert found == {
        (web, "10.128.0.12", "tcp", 5432): True,
        (web, "10.128.0.12", "tcp", 5433): False,
        (store, "10.128.0.11", "sctp", 3868): True,
    }


@pytest.mark.behaviour("PN-10")
@pytest.mark.parametrize("mode", ["subnet", "multitenant"])
def test_modes_without_policies_say_how_many_they_ignore(cluster: Cluster, mode: str) -> None:
    bundle = cluster.compile(source(mode, POLICIES))

    assert bundle.messages.count("warning[") == 1
    assert f"5 NetworkPolicy objects are ignored in {mode} mode" in bundle.messages


JOINED = matrix("""
              web-1  database-1  agent-1  web-2  store-1  router-1
web-1         *      *           -        *      -        *
database-1    *      *           -        *      -        *
agent-1       -      -           *        -      *        *
web-2         *      *           -        *      -        *
store-1       -      -           *        -      *        *
router-1      *      *           *        *      *        *
""")

MONITORING_IS_GLOBAL = matrix("""
              web-1  database-1  agent-1  web-2  store-1  router-1
web-1         *      *           *        *      -        *
database-1    *      *           *        *      -        *
agent-1       *      *           *        *      *        *
web-2         *      *           *        *      -        *
store-1       -      -           *        -      *        *
router-1      *      *           *        *      *        *
""")

SHARED = """
project shop { labels team=web  netid 100 }
project monitoring { labels team=operations  netid 100 }
project storage { labels team=operations  netid 100 }
"""


@pytest.mark.behaviour("PN-03", "PN-05", "PN-07")
@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        pytest.param(source("multitenant", "join storage to monitoring"), JOINED, id="join"),
        pytest.param(source("multitenant", "join projects team=operations to monitoring"), JOINED, id="join-selector"),
        pytest.param(source("multitenant", projects=SHARED), EVERYTHING, id="one-netid"),
        pytest.param(source("multitenant", "isolate shop", projects=SHARED), JOINED, id="isolate"),
        pytest.param(
            source("multitenant", "isolate projects team=operations", projects=SHARED), BY_NETID, id="isolate-selector"
        ),
        pytest.param(source("multitenant", "global monitoring"), MONITORING_IS_GLOBAL, id="global"),
        pytest.param(
            source("multitenant", "global projects kubernetes.io/metadata.name=monitoring"),
            MONITORING_IS_GLOBAL,
            id="global-selector",
        ),
    ],
)
def test_netids_follow_the_statements(cluster: Cluster, text: str, pairs: dict[tuple[str, str], str]) -> None:
    cluster.enforce(text)

    # NetIDs know no ports: one protocol with replies is enough for each pair.
    attempts = {attempt: works for attempt, works in expected(pairs).items() if attempt[3] in (8080, 53)}
    assert cluster.mismatches(attempts) == {}
