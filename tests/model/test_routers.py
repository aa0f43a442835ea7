"""Egress routers: where they may run, whether their addresses are their own, and what the platform says to them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from attrs import evolve

from compiler.codes import Severity
from compiler.declarations import (
    ClusterDeclaration,
    Declaration,
    DnsProxy,
    EgressRouter,
    Forward,
    Platform,
    Redirect,
    Redirects,
    RouterMode,
)
from compiler.diagnostics import Diagnostic, Diagnostics
from compiler.model.build import build_model
from compiler.model.model import Model
from compiler.model.routers import STEPS, UNUSABLE
from compiler.origin import Origin, Source, Span
from compiler.values.labels import Operator, Requirement, Selector
from compiler.values.prefix import parse_address
from compiler.values.services import Protocol
from tests.compiling import NETWORK, SUBNET, declare, names

NODES = """
node node-1 { address 192.168.12.11/24  subnet 10.128.0.0/23  labels zone=edge, rack=a }
node node-2 { address 192.168.12.12/24  subnet 10.128.2.0/23  labels zone=edge, rack=b }
node node-3 { address 192.168.12.13/24  subnet 10.128.4.0/23 }
"""
CLUSTER = f"cluster {{ mode multitenant {NETWORK} }}\n{NODES}\nproject shop\nproject mail\n"
TEXT = Source("routers.sdn", "router\n" * 20, lambda path: Span(1, 1, 2))

SELECTS_EDGE = Selector.equal({"zone": "edge"})


def origin(line: int) -> Origin:
    return Origin(TEXT, Span(line, 1, 7))


def router(name: str = "legacy-db", **changes: object) -> EgressRouter:
    """A router that is right, but for what `changes` has."""
    good = EgressRouter(
        "shop",
        name,
        origin(1),
        RouterMode.INIT,
        parse_address("192.168.12.99"),
        parse_address("192.168.12.1"),
        Redirects(),
    )
    return evolve(good, **changes)  # type: ignore[arg-type]


def built(*routers: EgressRouter, cluster: str = CLUSTER) -> tuple[Model | None, tuple[Diagnostic, ...]]:
    declarations: Sequence[Declaration] = (*declare(cluster), *routers)
    diagnostics = Diagnostics()
    return build_model(declarations, diagnostics), diagnostics.sorted()


def nodes_of(one: EgressRouter) -> tuple[str, ...]:
    model, found = built(one)
    assert model is not None, found
    (placed,) = model.routers
    return placed.nodes


def messages(*routers: EgressRouter, cluster: str = CLUSTER) -> list[str]:
    """What is told of routers, notes left out."""
    return [one.message for one in built(*routers, cluster=cluster)[1] if one.severity is not Severity.NOTE]


def told(*routers: EgressRouter, cluster: str = CLUSTER) -> list[str]:
    return names(built(*routers, cluster=cluster)[1])


@pytest.mark.behaviour("ER-14")
def test_a_router_may_run_on_every_node_that_its_selector_selects() -> None:
    assert nodes_of(router()) == ("node-1", "node-2", "node-3")
    assert nodes_of(router(nodes=SELECTS_EDGE)) == ("node-1", "node-2")
    assert nodes_of(router(nodes=Selector([Requirement("zone", Operator.DOES_NOT_EXIST)]))) == ("node-3",)


@pytest.mark.behaviour("ER-14")
def test_a_router_that_names_a_node_runs_there() -> None:
    assert nodes_of(router(node="node-3")) == ("node-3",)
    assert nodes_of(router(node="node-2", nodes=SELECTS_EDGE)) == ("node-2",)


@pytest.mark.behaviour("ER-14")
@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (router(nodes=Selector.equal({"zone": "core"})), "no node matches zone=core"),
        (router(node="node-3", nodes=SELECTS_EDGE), "node node-3 does not match zone=edge"),
    ],
    ids=["selector", "node and selector"],
)
def test_a_router_that_no_node_may_run_is_an_error(wrong: EgressRouter, reason: str) -> None:
    model, found = built(wrong)

    assert model is None
    assert [one.message for one in found] == [f"egress router shop/legacy-db can run on no node: {reason}"]


@pytest.mark.behaviour("ER-14")
def test_in_a_cluster_without_nodes_a_router_can_run_nowhere() -> None:
    cluster = f"cluster {{ mode multitenant {NETWORK} }} project shop"

    assert messages(router(), cluster=cluster) == ["egress router shop/legacy-db can run on no node: there is no node"]


def test_an_unknown_node_is_told_once() -> None:
    assert messages(router(node="node-4")) == ["there is no node 'node-4'; did you mean 'node-3'?"]


def test_an_unknown_project_is_an_error() -> None:
    assert messages(router(project="shoop")) == ["there is no project 'shoop'; did you mean 'shop'?"]


def test_routers_are_sorted_and_names_are_unique_within_a_project() -> None:
    other = evolve(router(), project="mail", source=parse_address("192.168.12.98"), origin=origin(2))
    again = evolve(router(), source=parse_address("192.168.12.97"), origin=origin(3))

    model, _ = built(router(), other)
    assert model is not None
    assert [one.name for one in model.routers] == ["mail_legacy-db", "shop_legacy-db"]
    assert messages(router(), other, again) == ["egress router shop/legacy-db is defined twice"]


@pytest.mark.behaviour("ER-04")
def test_one_source_serves_one_router_only() -> None:
    """Wherever they run."""
    first = router(node="node-1")
    second = evolve(first, name="other", node="node-2", origin=origin(5))

    model, found = built(second, first)

    assert model is None
    (twice,) = found
    assert twice.message == "egress routers shop/legacy-db and shop/other have the same source address 192.168.12.99"
    assert twice.origin == origin(5)
    assert [each.origin for each in twice.related] == [origin(1)]


@pytest.mark.behaviour("ER-04")
@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("192.168.12.12", "the address of node node-2"),
        ("192.168.12.50", "an egress IP of project mail"),
        ("192.168.12.51", "an egress IP of node node-1"),
        ("192.168.12.0", "the network address of 192.168.12.0/24"),
        ("192.168.12.255", "the broadcast address of 192.168.12.0/24"),
        ("10.128.0.9", "inside the pod network 10.128.0.0/14"),
        ("172.30.0.9", "inside the service network 172.30.0.0/16"),
        ("127.0.0.1", "an address that no host can have"),
        ("192.168.12.1", "its own source, too"),
    ],
)
def test_a_source_that_somebody_else_has_is_an_error(source: str, what: str) -> None:
    cluster = CLUSTER.replace("rack=a", "rack=a egress-ip 192.168.12.50, 192.168.12.51")
    cluster = cluster.replace("project mail", "project mail { egress-ip 192.168.12.50 }")

    model, found = built(router(source=parse_address(source)), cluster=cluster)

    assert model is None
    role, address = ("gateway", "192.168.12.1") if what.startswith("its own") else ("source", source)
    assert [one.message for one in found if one.severity is Severity.ERROR] == [
        f"egress router shop/legacy-db: its {role} {address} is {what}"
    ]


@pytest.mark.behaviour("ER-04")
def test_in_subnet_mode_nobody_has_egress_ips() -> None:
    cluster = f"{SUBNET} project shop {{ egress-ip 192.168.100.50 }}"
    one = router(source=parse_address("192.168.100.50"), gateway=parse_address("192.168.100.1"))

    assert told(one, cluster=cluster) == ["IGNORED_IN_SUBNET"]


@pytest.mark.behaviour("ER-04")
@pytest.mark.parametrize(
    ("gateway", "good"),
    [("192.168.12.13", True), ("10.128.0.1", False), ("172.30.0.1", False), ("224.0.0.1", False)],
)
def test_a_gateway_may_be_a_node_but_is_not_inside_the_cluster(gateway: str, good: bool) -> None:
    found = told(router(gateway=parse_address(gateway)))

    assert (found == []) is good
    assert ("ROUTER_ADDRESS" in found) is not good


ELSEWHERE = parse_address("192.168.13.99")


@pytest.mark.parametrize(
    ("one", "warnings"),
    [
        (router(), []),
        (
            router(source=ELSEWHERE),
            ["source 192.168.13.99 is not inside 192.168.12.0/24, the network of node-1, node-2, node-3"],
        ),
        (
            router(gateway=parse_address("192.168.13.1"), node="node-2"),
            ["gateway 192.168.13.1 is not inside 192.168.12.0/24, the network of node-2"],
        ),
        (router(source=ELSEWHERE, interface="eth1"), []),
        (router(source=ELSEWHERE, source_length=24, gateway=parse_address("192.168.13.1")), []),
        (
            router(source=ELSEWHERE, source_length=24, interface="eth1"),
            ["gateway 192.168.12.1 is not inside 192.168.13.0/24, the network of its source"],
        ),
    ],
    ids=["on it", "source off", "gateway off", "other interface", "own network", "gateway off its own network"],
)
def test_an_address_off_the_network_of_the_router_is_warned_of(one: EgressRouter, warnings: list[str]) -> None:
    model, found = built(one)

    assert model is not None
    assert [each.message for each in found] == [f"egress router shop/legacy-db: its {text}" for text in warnings]


def test_where_nothing_tells_a_nodes_network_nothing_is_warned_of() -> None:
    assert told(router(source=parse_address("192.168.13.99")), cluster=CLUSTER.replace("/24", "")) == []


@pytest.mark.behaviour("ER-08")
@pytest.mark.parametrize(
    ("gateway", "what"),
    [
        ("192.168.12.11", "the address of node node-1, on which it runs"),
        ("192.168.12.0", "the network address of 192.168.12.0/24"),
        ("192.168.12.255", "the broadcast address of 192.168.12.0/24"),
    ],
)
def test_a_gateway_that_cannot_be_reached_is_an_error(gateway: str, what: str) -> None:
    one = router(gateway=parse_address(gateway), source_length=24, node="node-1")

    assert messages(one) == [f"egress router shop/legacy-db: its gateway {gateway} is {what}"]


@pytest.mark.parametrize(
    ("target", "what"),
    [
        ("10.128.0.7", "inside the pod network 10.128.0.0/14"),
        ("172.30.0.7", "inside the service network 172.30.0.0/16"),
        ("127.0.0.1", "an address that no host can have"),
        ("192.168.12.11", "the address of node node-1, on which it may run"),
        ("192.168.12.99", "its own source"),
    ],
)
def test_destinations_that_a_router_cannot_reach_are_warned_of(target: str, what: str) -> None:
    address = parse_address(target)
    redirect = Redirect(origin(2), Protocol.TCP, 80, address, 80)
    forward = Forward(origin(2), 80, address, 80)
    all_modes: list[Redirects | DnsProxy] = [Redirects((redirect,)), Redirects((), address), DnsProxy((forward,))]

    for destinations in all_modes:
        one = router(destinations=destinations, node="node-1")
        assert messages(one) == [f"egress router shop/legacy-db cannot reach {target}: it is {what}"]
        assert told(one) == ["ROUTER_TARGET"]


def test_destinations_outside_are_not_warned_of() -> None:
    """Another node can be reached, and a name may have any address."""
    redirects = [Redirect(origin(2), Protocol.TCP, 80, parse_address(a), 80) for a in ("203.0.113.9", "192.168.12.12")]

    assert messages(router(destinations=Redirects(tuple(redirects)), node="node-1")) == []
    assert messages(router(destinations=DnsProxy((Forward(origin(2), 80, "www.example.com", 80),)))) == []


@pytest.mark.behaviour("ER-15")
@pytest.mark.parametrize("platform", sorted(UNUSABLE, key=str))
def test_a_cloud_without_macvlan_is_an_error(platform: Platform) -> None:
    model, found = on_platform(platform)

    assert model is None
    assert [one.message for one in found] == [
        f"egress router shop/legacy-db cannot work on {platform.value}: it does not pass macvlan traffic"
    ]


@pytest.mark.behaviour("ER-15")
@pytest.mark.parametrize("platform", STEPS)
def test_a_platform_with_a_step_is_told_of_each_router(platform: Platform) -> None:
    model, found = on_platform(platform)

    assert model is not None
    assert model.cluster.platform is platform
    assert [(one.severity, one.message) for one in found] == [
        (Severity.NOTE, f"egress router shop/legacy-db needs a step on {platform.value}: {STEPS[platform]}")
    ]


@pytest.mark.behaviour("ER-15")
def test_every_platform_has_a_step_or_is_refused() -> None:
    assert STEPS.keys() | UNUSABLE == set(Platform)
    assert STEPS.keys() & UNUSABLE == set()


@pytest.mark.behaviour("ER-15")
def test_two_sources_that_disagree_about_the_platform_are_an_error() -> None:
    one = ClusterDeclaration(origin(2), platform=Platform.OPENSTACK)
    other = ClusterDeclaration(origin(3), platform=Platform.RHEV)
    diagnostics = Diagnostics()

    build_model([*declare(CLUSTER), other, one], diagnostics)

    assert [found.message for found in diagnostics.sorted()] == ["platform: rhev here, openstack elsewhere"]


def on_platform(platform: Platform) -> tuple[Model | None, tuple[Diagnostic, ...]]:
    diagnostics = Diagnostics()
    model = build_model([*declare(CLUSTER), ClusterDeclaration(origin(2), platform=platform), router()], diagnostics)
    return model, diagnostics.sorted()
