"""The scripts of egress routers: what they set, that they may run twice, what they refuse, how a router moves."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.backends.macvlan.plans import egress_router, redirects
from tests.cluster.bundle import Cluster
from tests.cluster.echo import REFUSED, answer, ask
from tests.cluster.egress import ADDRESSES
from tests.cluster.routers import (
    CLIENTS,
    FIRST,
    FORMER_ROUTER,
    GATEWAY,
    MAC,
    OTHER_MAC,
    OTHER_ROUTER,
    OTHER_SOURCE,
    ROUTER,
    SOURCE,
    RouterPod,
    asked,
    check_page,
    other,
    refusal,
    router_pod,
    state,
    write_router,
)
from tests.lab import LabError
from tests.lab.packets import ETHERTYPE_ARP


@pytest.mark.behaviour("ER-08")
def test_a_second_run_changes_nothing_and_a_half_done_one_leaves_nothing(page_router: RouterPod) -> None:
    lab, left = page_router.running.lab, f"mvlan-{int.from_bytes(map(int, SOURCE.split('.')), 'big'):08x}"
    before = state(page_router)
    lab.namespace(page_router.node).ip(f"link add link br-phy name {left} type macvlan mode private")
    half_done = state(page_router)

    page_router.start()

    assert left in (page_router.folder / "macvlan.sh").read_text()
    assert left in half_done
    assert state(page_router) == before
    check_page(page_router.running, CLIENTS[:1])


@pytest.mark.behaviour("ER-08")
def test_the_node_script_refuses_what_is_no_namespace_of_a_pod(page_router: RouterPod, tmp_path: Path) -> None:
    strange = tmp_path / "a b;$(id)\n'"
    strange.touch()
    own = f"/run/netns/{page_router.running.lab.namespace('node-1').name}"
    before = state(page_router)

    def refused(*arguments: str) -> tuple[int, str]:
        return refusal(page_router, "node-1", "macvlan.sh", *arguments)

    assert refused() == refused("/run/netns/a", "/run/netns/b")
    assert (refused()[0], refused()[1].split()[:2]) == (2, ["Usage:", "macvlan.sh"])
    for path, words in {
        "": "as a path from / on",
        "shop-web": "as a path from / on",
        str(tmp_path): "is no network namespace",
        str(strange): "is no network namespace",
        "/run/netns/absent": "is no network namespace",
        "/proc/self/ns/mnt": "is no network namespace",
        own: "is the node's own network namespace",
    }.items():
        status, message = refused(path)
        assert (status, words in message) == (1, True), message
    assert state(page_router) == before


@pytest.mark.behaviour("ER-08")
def test_scripts_leave_other_routers_interfaces_alone(page_router: RouterPod, tmp_path: Path) -> None:
    before = state(page_router)

    another = write_router(page_router.running, ROUTER, other(), tmp_path / "other")
    by_node = refusal(another, another.node, "macvlan.sh", another.namespace)
    by_pod = refusal(another, ROUTER, "setup.sh")
    elsewhere = refusal(another, "node-1", "setup.sh")

    assert (by_node[0], f"MAC {MAC}, mode private" in by_node[1]) == (1, True)
    assert (by_pod[0], "another egress router's" in by_pod[1]) == (1, True)
    assert (elsewhere[0], "inside the pod's network namespace" in elsewhere[1]) == (1, True)
    assert state(page_router) == before


@pytest.mark.behaviour("ER-08")
@pytest.mark.parametrize(("interface", "mtu"), [(None, 1500), ("uplink5", 1380)])
def test_the_interface_is_private_and_has_its_parents_mtu(
    router_cluster: Cluster, tmp_path: Path, interface: str | None, mtu: int
) -> None:
    node = router_cluster.lab.namespace("node-2")
    node.ip("link add uplink5 mtu 1380 type veth peer name uplink6")
    shown = router_cluster.lab.run("node-2", ["ip", "-o", "link", "show", "dev", interface or "br-phy"])
    index = shown.partition(":")[0]

    with router_pod(router_cluster, OTHER_ROUTER, other(interface=interface), tmp_path / "router") as router:
        router.give_interface()
        shown = router_cluster.lab.run(OTHER_ROUTER, ["ip", "-d", "-o", "link", "show", "dev", "macvlan0"])
    node.ip("link del uplink5")

    assert f"macvlan0@if{index}:" in shown
    assert f" mtu {mtu} " in shown
    assert f" link/ether {OTHER_MAC} " in shown
    assert " macvlan mode private " in shown


@pytest.mark.behaviour("ER-08")
@pytest.mark.parametrize(("interface", "words"), [(None, "no default route"), ("uplink5", "no interface uplink5")])
def test_a_node_without_the_interface_is_told(
    router_cluster: Cluster, tmp_path: Path, interface: str | None, words: str
) -> None:
    node = router_cluster.lab.namespace("node-2")
    router = write_router(router_cluster, OTHER_ROUTER, other(interface=interface), tmp_path / "router")

    node.ip("route del default")
    status, message = refusal(router, "node-2", "macvlan.sh", router.namespace)
    node.ip(f"route add default via {GATEWAY}")

    assert (status, words in message) == (1, True)


@pytest.mark.behaviour("ER-08")
def test_routes_do_not_depend_on_those_that_the_pod_had(router_cluster: Cluster, tmp_path: Path) -> None:
    pod = router_cluster.lab.namespace(OTHER_ROUTER)
    listed = redirects(f"80 tcp {FIRST}")

    with router_pod(router_cluster, OTHER_ROUTER, other(listed), tmp_path / "router") as router:
        # A way to the cluster by the default route alone, and one more default route.
        pod.ip("route del 10.128.0.0/14 dev eth0", "route add default via 10.128.2.1 dev eth0 metric 100")
        router.start()
        answers = {
            client: ask(router_cluster.lab.namespace(client), ("tcp", ADDRESSES[OTHER_ROUTER], 80))
            for client in CLIENTS
        }
        routes = router_cluster.lab.run(OTHER_ROUTER, ["ip", "-4", "route", "show"]).splitlines()

    assert answers == dict.fromkeys(CLIENTS, answer(("tcp", FIRST, 80), OTHER_SOURCE))
    assert [route.strip() for route in routes if route.startswith("default")] == [
        f"default via {GATEWAY} dev macvlan0 src {OTHER_SOURCE}"
    ]


@pytest.mark.behaviour("ER-08")
def test_two_pods_of_a_node_cannot_be_one_router(page_router: RouterPod, tmp_path: Path) -> None:
    same = egress_router(source=f"{SOURCE}/24", gateway=GATEWAY)
    with router_pod(page_router.running, CLIENTS[0], same, tmp_path / "second") as second:
        second.give_interface()
        status, message = refusal(second, CLIENTS[0], "setup.sh")

    assert (status, "another pod of the node" in message) == (1, True)
    check_page(page_router.running, CLIENTS[1:2])


@pytest.mark.behaviour("ER-08")
def test_a_router_moves_and_its_neighbours_follow(router_cluster: Cluster, tmp_path: Path) -> None:
    lab, outside = router_cluster.lab, router_cluster.lab.namespace("outside")
    stale = "02:00:00:00:00:99"

    with router_pod(router_cluster, FORMER_ROUTER, other(), tmp_path / "old") as old:
        old.start()
        before = asked(router_cluster, CLIENTS[1], ADDRESSES[FORMER_ROUTER], ("tcp", 80))
    outside.ip(f"neigh replace {OTHER_SOURCE} lladdr {stale} dev eth0 nud reachable")
    with (
        router_pod(router_cluster, OTHER_ROUTER, other(), tmp_path / "new") as new,
        lab.capture("outside") as capture,
    ):
        new.start()
        announced = capture.wait_for(
            lambda frame: frame.ethertype == ETHERTYPE_ARP and frame.source == frame.destination == OTHER_SOURCE,
            timeout=0.5,
        )
        neighbour = lab.run("outside", ["ip", "neigh", "show", OTHER_SOURCE])
        # Outside speaks first: nothing but the announcement tells switches and neighbours where the address is.
        reached = ask(outside, ("tcp", OTHER_SOURCE, 80))
        after = asked(router_cluster, CLIENTS[1], ADDRESSES[OTHER_ROUTER], ("tcp", 80))

    assert before == after == {("tcp", 80): answer(("tcp", FIRST, 80), OTHER_SOURCE)}
    assert announced is not None
    assert announced.source_mac == OTHER_MAC
    assert f"lladdr {OTHER_MAC} " in neighbour
    assert reached == REFUSED


@pytest.mark.behaviour("ER-08")
@pytest.mark.parametrize("flavour", ["nftables", "$(id)"])
def test_another_flavour_of_iptables_is_refused(page_router: RouterPod, flavour: str) -> None:
    with pytest.raises(LabError, match=f"must be nft or legacy, not {re.escape(flavour)}"):
        page_router.running.lab.run(
            ROUTER, ["sh", str(page_router.folder / "setup.sh")], env={"SDNC_IPTABLES": flavour}
        )
