"""What is behind a service, and with which ports: the questions of `sdnc trace` that end at one."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from compiler.trace import NotUnderstood
from compiler.trace.steps import Kind
from sdnc.trace.answer import Answer, answer_in
from tests.sdnc.trace.clusters import CLUSTER, OUTSIDE, ask, cluster_of, only, step_of


@pytest.mark.behaviour("PN-14", "NP-10", "NP-15")
def test_a_service_leads_to_each_of_its_endpoints() -> None:
    text = f"""{CLUSTER}
        pod shop/db-2 {{ node node-1  address 10.128.0.7  labels app=db  port sql tcp/3306 }}
        pod shop/db-3 {{ node node-1  address 10.128.0.8  labels app=db }}
        service shop/db {{ address 172.30.0.9  select app=db  port tcp/1 to sql }}
        policy shop/db {{ select app=db  ingress {{ allow tcp/5432 from pods app=web }} }}
    """

    found = ask(text, "shop/web", "service:shop/db", "tcp/1")

    assert not found.allowed
    assert {(path.destinations, str(path.traffic)): path.allowed for path in found.trace.paths} == {
        (("pod shop/db",), "tcp/5432"): True,
        (("pod shop/db-2",), "tcp/3306"): False,
    }


@pytest.mark.behaviour("PN-14")
def test_a_pod_reaches_itself_through_its_service() -> None:
    text = f"""{CLUSTER}
        service shop/db {{ address 172.30.0.9  select app=db  port tcp/1 to sql }}
        policy shop/none {{ ingress {{}} egress {{}} }}
    """

    found = ask(text, "shop/db", "172.30.0.9", "tcp/1")

    assert found.allowed
    assert [hop.arrival for hop in found.hops[0]] == [
        "from pod shop/db, to the service",
        "back from service translation",
    ]


@pytest.mark.behaviour("EF-11", "NP-15")
def test_manual_endpoints_outside_are_judged_by_no_policy() -> None:
    text = f"""{CLUSTER}
        service shop/bank {{ address 172.30.0.9  endpoint {OUTSIDE}  port tcp/443 to 8443 }}
        policy shop/none {{ egress {{}} }}
        firewall shop {{ deny any to anyone }}
    """

    by_service, direct = (ask(text, "shop/web", to, "tcp/443") for to in ("service:bank", OUTSIDE))

    assert by_service.allowed
    assert str(only(by_service).traffic) == "tcp/8443"
    assert [step.kind for step in only(direct).denials] == [Kind.EGRESS_POLICY, Kind.EGRESS_FIREWALL]


@pytest.mark.parametrize(
    ("service", "port", "words"),
    [
        ("address 172.30.0.9  select app=db  port tcp/1 to 5432", "tcp/2", "has no port tcp/2: it has tcp/1"),
        ("address 172.30.0.9  select app=none  port tcp/1 to 5432", "tcp/1", "has no endpoint for tcp/1"),
        ("address 172.30.0.9  select app=db  port tcp/1 to http", "tcp/1", "has no endpoint for tcp/1"),
    ],
)
def test_a_service_that_leads_nowhere(service: str, port: str, words: str) -> None:
    found = ask(f"{CLUSTER}service shop/x {{ {service} }}", "shop/web", "service:x", port)

    assert not found.allowed
    assert words in step_of(found, Kind.SERVICE).text
    assert step_of(found, Kind.SERVICE).no_advice


def test_a_headless_service_leads_to_its_pods_directly() -> None:
    found = ask(f"{CLUSTER}service shop/x {{ select app=db  port tcp/1 }}", "shop/web", "service:x", "tcp/5432")

    assert found.allowed
    assert only(found).asked is None
    assert [hop.node for hop in found.hops[0]] == ["node-1", "node-2"]


def test_a_headless_service_without_endpoints_is_named_as_what_nobody_answers_for() -> None:
    found = ask(f"{CLUSTER}service shop/x {{ select app=none  port tcp/1 }}", "shop/web", "service:x", "tcp/1")

    path = only(found)
    assert not found.allowed
    assert path.destinations == ("service shop/x",)
    assert found.report()["paths"][0]["example"]["to"] is None  # type: ignore[index]


def test_a_port_of_a_headless_service_is_its_pods_own() -> None:
    service = "service shop/x { select app=db  port tcp/1 to sql }"

    by_name, by_number = (ask(CLUSTER + service, "shop/web", "service:x", port) for port in ("tcp/sql", "tcp/1"))

    assert str(only(by_name).traffic) == "tcp/5432"
    assert str(only(by_number).traffic) == "tcp/1"


def test_a_port_that_the_pods_of_a_headless_service_do_not_share() -> None:
    text = f"""{CLUSTER}
        service shop/x {{ select app=db  port tcp/1 to sql }}
        pod shop/db-2 {{ node node-1  address 10.128.0.7  labels app=db  port sql tcp/3306 }}
    """

    with pytest.raises(NotUnderstood, match="means several ports: tcp/3306, tcp/5432"):
        ask(text, "shop/web", "service:x", "sql")


PORTS = [{"name": "a", "port": 80}, {"name": "b", "port": 81}]


def ask_manual(port: str, addresses: Sequence[str], told: Sequence[object], ports: Sequence[object] = PORTS) -> Answer:
    """A question about an imported service with endpoints of its own."""
    metadata = {"name": "x", "namespace": "shop"}
    subset = {"addresses": [{"ip": address} for address in addresses], "ports": told}
    items = [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"clusterIP": "172.30.0.9", "ports": ports},
        },
        {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata, "subsets": [subset]},
    ]
    objects = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    return answer_in(cluster_of({"cluster.sdn": CLUSTER, "objects.json": objects}), "shop/web", "service:x", port)


@pytest.mark.parametrize(("port", "target"), [("tcp/80", "tcp/1234"), ("b", "tcp/5678")])
def test_each_port_leads_to_the_endpoints_port_of_its_name(port: str, target: str) -> None:
    told = [{"name": "b", "port": 5678}, {"name": "a", "port": 1234}, {"name": "a", "port": 9, "protocol": "UDP"}]

    found = ask_manual(port, [OUTSIDE], told)

    assert str(only(found).traffic) == target


def test_a_port_whose_name_no_endpoint_has_leads_nowhere() -> None:
    found = ask_manual("tcp/81", [OUTSIDE], [{"name": "a", "port": 1234}])

    assert "has no endpoint for tcp/81" in step_of(found, Kind.SERVICE).text


@pytest.mark.parametrize("told", [[{"port": 1234}], [{"name": "other", "port": 1234}], []])
def test_a_port_without_a_name_leads_to_what_is_told(told: list[object]) -> None:
    found = ask_manual("tcp/80", [OUTSIDE], told, [{"port": 80, "targetPort": 1234}])

    assert str(only(found).traffic) == "tcp/1234"


def test_a_service_that_leads_to_another_is_not_translated_again() -> None:
    found = ask_manual("tcp/80", ["172.30.0.9"], [{"name": "a", "port": 80}])

    assert not found.allowed
    assert "a packet is translated only once" in only(found).met[-1].text
