"""Egress routers with real packets: what clients reach by them, from which address, and what does not get through."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.backends.macvlan.plans import HTTP, redirects
from tests.cluster import egress
from tests.cluster.bundle import Cluster
from tests.cluster.echo import REFUSED, Service, answer, ask, servers
from tests.cluster.egress import ADDRESSES, HOSTS, NEIGHBOUR
from tests.cluster.host import Flavour
from tests.cluster.routers import (
    CLIENTS,
    FIRST,
    OTHER_ROUTER,
    OTHER_SOURCE,
    REDIRECTED,
    ROUTER,
    SECOND,
    SOURCE,
    THIRD,
    Port,
    RouterPod,
    asked,
    check_page,
    other,
    router_pod,
)
from tests.lab import Frame, packets
from tests.lab.packets import PROTOCOLS


@pytest.mark.behaviour("ER-07")
def test_the_example_of_the_documentation_carries_connections(page_router: RouterPod) -> None:
    check_page(page_router.running, CLIENTS)


@pytest.mark.behaviour("ER-07")
def test_clients_come_by_a_service(page_router: RouterPod) -> None:
    running, service, rules = page_router.running, "172.30.0.20", []
    for protocol, port in (("tcp", 80), ("tcp", 8080), ("udp", 5353)):
        target = f"{ADDRESSES[ROUTER]}:{port}"
        rules.append(f"PREROUTING -d {service} -p {protocol} --dport {port} -j DNAT --to-destination {target}")

    with ExitStack() as stack:
        for node in ("node-1", "node-3"):
            for rule in rules:
                running.lab.run(node, ["iptables", "-t", "nat", "-A", *rule.split()])
                stack.callback(running.lab.run, node, ["iptables", "-t", "nat", "-D", *rule.split()])
        for client in ("shop/web-4", "shop/web-3"):
            assert asked(running, client, service, ("tcp", 80), ("tcp", 8080), ("udp", 5353)) == {
                ("tcp", 80): answer(("tcp", FIRST, 80), SOURCE),
                ("tcp", 8080): answer(("tcp", SECOND, 80), SOURCE),
                ("udp", 5353): answer(("udp", THIRD, 5353), SOURCE),
            }


@pytest.mark.behaviour("ER-08")
def test_what_the_router_itself_sends_leaves_with_its_address(page_router: RouterPod) -> None:
    running, service, other_pod = page_router.running, "172.30.0.21", ADDRESSES["blog/blog-2"]
    rule = f"PREROUTING -d {service} -p tcp --dport 80 -j DNAT --to-destination {other_pod}:8000".split()
    running.lab.listen("blog/blog-2", "tcp", 8000)

    running.lab.run("node-1", ["iptables", "-t", "nat", "-A", *rule])
    wrong = running.mismatches(
        {
            # The cluster, and its own node, stay behind eth0.
            (ROUTER, other_pod, "tcp", 80): True,
            (ROUTER, service, "tcp", 80): True,
            (ROUTER, HOSTS["node-1"], "udp", 53): True,
            ("blog/blog-2", ADDRESSES[ROUTER], "icmp", 0): True,
        }
    )
    running.lab.run("node-1", ["iptables", "-t", "nat", "-D", *rule])

    assert wrong == {}
    assert ask(running.lab.namespace(ROUTER), ("tcp", FIRST, 80)) == answer(("tcp", FIRST, 80), SOURCE)


@pytest.mark.behaviour("ER-07")
def test_connections_from_outside_are_refused_and_not_redirected(page_router: RouterPod) -> None:
    running = page_router.running

    assert set(asked(running, "outside", SOURCE, *REDIRECTED).values()) == {REFUSED}
    assert set(asked(running, "node-2", SOURCE, *REDIRECTED).values()) == {REFUSED}


@pytest.mark.behaviour("ER-07")
def test_the_router_is_no_way_from_outside_into_the_cluster(page_router: RouterPod) -> None:
    lab, outside = page_router.running.lab, page_router.running.lab.namespace("outside")
    client, own = ADDRESSES[CLIENTS[0]], ADDRESSES[ROUTER]
    forged = packets.ipv4(client, own, PROTOCOLS["udp"], packets.udp(5353, 5353, b"forged"))

    def both(address: str) -> tuple[Service, Service]:
        return ("tcp", address, 80), ("udp", address, 80)

    def arrived(frame: Frame) -> bool:
        return (frame.protocol, frame.destination) == (PROTOCOLS["udp"], THIRD)

    with ExitStack() as stack:
        for address in (client, own):
            outside.ip(f"route add {address}/32 via {SOURCE}")
            stack.callback(outside.ip, f"route del {address}/32 via {SOURCE}")
        to_client = lab.datagram_arrives("outside", client, claimed=NEIGHBOUR)
        answers = {ask(outside, service) for address in (client, own) for service in both(address)}
        with lab.capture("outside") as capture:
            lab.send_ipv4(CLIENTS[0], forged, own)
            redirected = capture.wait_for(arrived, timeout=2.0)
            # As if it were one more packet of the same connection.
            lab.send_ipv4("outside", forged, own)
            again = capture.wait_for(arrived, timeout=0.4)

    assert not to_client
    assert answers == {REFUSED}
    assert redirected is not None
    assert redirected.source == SOURCE
    assert again is None


@pytest.mark.behaviour("ER-16")
def test_neither_egress_firewall_nor_admin_rules_touch_its_traffic(page_router: RouterPod) -> None:
    running, chain = page_router.running, "OPENSHIFT-ADMIN-OUTPUT-RULES"
    running.install({"cluster.sdn": egress.cluster("firewall shop { deny any to anyone }")})
    for node in running.nodes:
        running.lab.run(node, ["iptables", "-A", chain, "-j", "DROP"])

    try:
        check_page(running, CLIENTS)
        # Without the router, the firewall stops the clients of shop, and the administrator's rule the one of blog.
        assert running.mismatches({(client, FIRST, "icmp", 0): False for client in CLIENTS}) == {}
    finally:
        for node in running.nodes:
            running.lab.run(node, ["iptables", "-D", chain, "-j", "DROP"])
        running.install({"cluster.sdn": egress.cluster()})


@pytest.mark.behaviour("ER-07")
@pytest.mark.parametrize("flavour", ["legacy", "nft"])
def test_without_a_fallback_other_ports_are_refused(router_cluster: Cluster, tmp_path: Path, flavour: Flavour) -> None:
    listed = redirects(f"80 tcp {FIRST}", f"8080 tcp {SECOND} 80", f"5353 udp {THIRD}")
    open_ports: tuple[Port, ...] = (("tcp", 80), ("tcp", 8080), ("udp", 5353))
    closed: tuple[Port, ...] = (("tcp", 443), ("tcp", 5353), ("udp", 80), ("udp", 443))

    with router_pod(router_cluster, OTHER_ROUTER, other(listed, length=32), tmp_path / "router") as router:
        router.start(flavour)
        for client in CLIENTS:
            answers = asked(router_cluster, client, ADDRESSES[OTHER_ROUTER], *open_ports, *closed)

            assert {service: answers[service] for service in closed} == dict.fromkeys(closed, REFUSED)
            assert [answers[service] for service in open_ports] == [
                answer(server, OTHER_SOURCE)
                for server in (("tcp", FIRST, 80), ("tcp", SECOND, 80), ("udp", THIRD, 5353))
            ]


@pytest.mark.behaviour("ER-07")
def test_a_thousand_redirects_work(router_cluster: Cluster, tmp_path: Path) -> None:
    lines = [f"{port} tcp {FIRST} 80" for port in range(10_000, 10_999)]
    many = redirects(*lines, f"10999 tcp {SECOND} 443", fallback=THIRD)

    with router_pod(router_cluster, OTHER_ROUTER, other(many), tmp_path / "router") as router:
        router.start()
        answers = asked(
            router_cluster,
            CLIENTS[0],
            ADDRESSES[OTHER_ROUTER],
            ("tcp", 10_000),
            ("tcp", 10_998),
            ("tcp", 10_999),
            ("tcp", 80),
        )

    assert list(answers.values()) == [
        answer(server, OTHER_SOURCE)
        for server in (("tcp", FIRST, 80), ("tcp", FIRST, 80), ("tcp", SECOND, 443), ("tcp", THIRD, 80))
    ]


@pytest.mark.behaviour("ER-08")
def test_a_proxy_is_reached_by_eth0_only_and_leaves_by_macvlan0(router_cluster: Cluster, tmp_path: Path) -> None:
    lab, own = router_cluster.lab, ADDRESSES[OTHER_ROUTER]
    with router_pod(router_cluster, OTHER_ROUTER, other(HTTP), tmp_path / "proxy") as router:
        router.start()
        with servers(lab.namespace(OTHER_ROUTER), [("tcp", "0.0.0.0", 8080), ("tcp", "0.0.0.0", 3128)]):
            inside = asked(router_cluster, CLIENTS[0], own, ("tcp", 8080), ("tcp", 3128), ("tcp", 80))
            outside = asked(router_cluster, "outside", OTHER_SOURCE, ("tcp", 8080), ("tcp", 3128), ("tcp", 80))
            leaving = ask(lab.namespace(OTHER_ROUTER), ("tcp", FIRST, 80))

    assert list(inside.values()) == [answer(("tcp", own, 8080), ADDRESSES[CLIENTS[0]]), REFUSED, REFUSED]
    assert set(outside.values()) == {REFUSED}
    assert leaving == answer(("tcp", FIRST, 80), OTHER_SOURCE)
