"""The pass `merge_grants`: one grant for all that goes to the same peers."""

from __future__ import annotations

from compiler.passes.merge_grants import merge_grants
from compiler.policy.ir import ANYONE, Grant, Subject
from compiler.policy.lower import lower
from compiler.values.ports import PortSet
from compiler.values.services import NOTHING, ServiceSet
from tests.compiling import CLUSTER, good_model
from tests.oracle.cells import all_cells, bare_policy, grant, table_of

HTTP = ServiceSet(tcp=PortSet([(80, 80)]))
HTTPS = ServiceSet(tcp=PortSet([(443, 443)]))
DNS = ServiceSet(udp=PortSet([(53, 53)]))


def test_grants_to_the_same_peers_become_one() -> None:
    before = bare_policy([Subject(1, (grant(HTTP, "office", 6), grant(DNS, "lab", 8), grant(HTTPS, "office", 6)), "")])

    after = merge_grants(before)

    assert after.ingress[0].grants == (grant(DNS, "lab", 8), grant(HTTP | HTTPS, "office", 6))


def test_other_words_for_the_same_peers_count_as_well() -> None:
    before = bare_policy([], [Subject(1, (grant(HTTP, "pods app=web", 6), grant(DNS, "pods *", 6)), "")])

    after = merge_grants(before)

    assert after.egress[0].grants == (grant(HTTP | DNS, "pods *", 6),)


def test_grants_of_nothing_and_to_nobody_go() -> None:
    before = bare_policy([Subject(1, (grant(NOTHING, "office", 6), grant(HTTP, "nobody", 0)), "")])

    assert merge_grants(before).ingress[0].grants == ()


def test_everybody_is_not_the_same_as_all_cells_so_far() -> None:
    grants = (Grant(ANYONE, HTTP), grant(DNS, "all of now", 7))
    before = bare_policy([Subject(1, grants, "")])

    assert set(merge_grants(before).ingress[0].grants) == set(grants)


def test_origins_of_all_of_them_stay() -> None:
    policy = lower(
        good_model(
            CLUSTER
            + """
            project shop
            pod shop/web { node node-1  address 10.128.0.2 }
            policy shop/web { ingress { allow tcp/80 from 203.0.113.0/24 ; allow tcp/81 from 203.0.113.0/24 } }
            """
        )
    )

    (merged,) = merge_grants(policy).ingress[0].grants

    assert len(policy.ingress[0].grants) == len(merged.origins) == 2
    assert table_of(merge_grants(policy), all_cells(policy)) == table_of(policy, all_cells(policy))
