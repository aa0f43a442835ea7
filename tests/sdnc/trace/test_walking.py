"""Verdict and flows are held against each other: a path that says something else than the flows do is a fault."""

from __future__ import annotations

import pytest
from attrs import evolve

from compiler.trace import InternalFault, Path
from compiler.trace.steps import Decision
from sdnc.trace.walking import Switches
from tests.sdnc.trace.clusters import CLUSTER, OUTSIDE, ask, cluster_of, only

SERVICE = "service shop/db { address 172.30.0.9  select app=db  port tcp/1 to sql }\n"
CLOSED = "policy shop/db { select app=db  ingress {} }\n"


def path_of(text: str, receiver: str, port: str) -> tuple[Switches, Path]:
    return Switches(cluster_of({"cluster.sdn": text})), only(ask(text, "shop/web", receiver, port))


def test_the_flows_are_those_of_the_files() -> None:
    answer = ask(CLUSTER, "shop/web", "shop/db", "tcp/5432")

    tables = [[line.table for line in hop.lines] for hop in answer.hops[0]]
    numbers = [line.number for hop in answer.hops[0] for line in hop.lines]

    assert tables == [[0, 0, 20, 30, 31, 90], [0, 0, 10, 30, 70, 82]]
    assert all(number > 2 for number in numbers)
    assert all(line.origins for hop in answer.hops[0] for line in hop.lines)


@pytest.mark.behaviour("EI-03")
def test_groups_are_told() -> None:
    text = CLUSTER.replace("project shop\n", "project shop { egress-ip 192.168.100.50, 192.168.100.51 }\n")
    text = text.replace("egress-ip 192.168.100.50 ", "egress-ip 192.168.100.50, 192.168.100.51 ")

    (hop,) = ask(text, "shop/web", OUTSIDE, "tcp/1").hops[0]

    assert [line.file for line in hop.lines if line.table is None] == ["groups.txt"]


@pytest.mark.parametrize(("receiver", "port"), [("shop/db", "tcp/1"), ("service:db", "tcp/1"), (OUTSIDE, "tcp/1")])
def test_an_allowed_path_without_its_way_is_a_fault(receiver: str, port: str) -> None:
    text = CLUSTER + (SERVICE if receiver.startswith("service") else "")
    switches, path = path_of(text, receiver, port)
    denied = evolve(path.steps[-1], decision=Decision.DENIES)

    with pytest.raises(InternalFault, match="and not to nobody"):
        switches.hops(evolve(path, steps=(*path.steps, denied)))


def test_a_denied_path_that_claims_to_be_allowed_is_a_fault() -> None:
    switches, path = path_of(CLUSTER + CLOSED, "shop/db", "tcp/1")

    with pytest.raises(InternalFault, match="deliver it to nobody"):
        switches.hops(evolve(path, steps=()))


def test_a_pod_that_may_not_even_call_a_service_is_checked() -> None:
    switches, path = path_of(CLUSTER + SERVICE.replace("tcp/1", "udp/4789"), "service:db", "udp/4789")

    with pytest.raises(InternalFault, match="drop udp/4789"):
        switches.hops(evolve(path, steps=path.steps[-1:]))
