"""Multicast by example: one test or more for each behaviour MC."""

from __future__ import annotations

import pytest

from tests.oracle.exits import MODES, NODE_1, OUTSIDE, SHARED, TWO, network, text
from tests.oracle.network import Network
from tests.oracle.outward import GROUP, hears, hears_from_node


def with_multicast(*projects: str, mode: str = "networkpolicy", more: str = "", netids: str = TWO) -> Network:
    for project in projects:
        netids = netids.replace(f"project {project} {{", f"project {project} {{ multicast ")
    return network(more, mode, netids)


@pytest.mark.behaviour("MC-01", "MC-04")
@pytest.mark.parametrize("mode", MODES)
def test_multicast_is_off_unless_it_is_switched_on(mode: str) -> None:
    off, on = with_multicast(mode=mode), with_multicast("shop", mode=mode)

    for group in ("224.0.0.1", GROUP, "239.255.255.255"):
        assert hears(off, "shop/one", group) == hears(on, "blog/one", group) == hears(on, "default/one", group) == set()
        for service in ("udp/5000", "2", "icmp/8"):
            assert hears(on, "shop/one", group, service) == {"shop/two", "shop/three"}
            assert hears(on, "shop/three", group, service) == {"shop/one", "shop/two"}
    assert hears(on, "shop/one", service="udp/4789") == set()


@pytest.mark.behaviour("MC-01")
@pytest.mark.parametrize(("value", "is_on"), [("true", True), ("false", False), ("yes", False)])
def test_the_annotation(value: str, is_on: bool) -> None:
    namespace = f"""
        apiVersion: network.openshift.io/v1
        kind: NetNamespace
        metadata:
          name: shop
          annotations: {{netnamespace.network.openshift.io/multicast-enabled: "{value}"}}
        netname: shop
        netid: 100
        """

    net = Network.of({"cluster.sdn": text("", "networkpolicy", TWO), "shop.yaml": namespace})

    assert hears(net, "shop/one") == ({"shop/two", "shop/three"} if is_on else set())


@pytest.mark.behaviour("MC-02")
def test_projects_of_one_netid_have_it_together_or_not_at_all() -> None:
    together = with_multicast("shop", "blog", mode="multitenant", netids=SHARED)
    partly = with_multicast("shop", mode="multitenant", netids=SHARED)

    assert hears(together, "blog/one") == {"blog/two", "shop/one", "shop/two", "shop/three"}
    assert hears(partly, "shop/one") == hears(partly, "blog/one") == set()
    assert partly.codes == ("SDN233",)


@pytest.mark.behaviour("MC-02", "MC-03")
def test_global_projects_reach_each_other_and_nobody_else() -> None:
    netids = "project default { netid 0 }\nproject shop { netid 0 }\nproject blog { netid 101 }\n"

    every = with_multicast("default", "shop", "blog", mode="multitenant", netids=netids)
    without_default = with_multicast("shop", "blog", mode="multitenant", netids=netids)
    without_shop = with_multicast("default", "blog", mode="multitenant", netids=netids)

    assert hears(every, "default/one") == {"default/three", "shop/one", "shop/two", "shop/three"}
    assert hears(every, "blog/one") == {"blog/two"}
    for partly in (without_default, without_shop):
        assert hears(partly, "default/one") == hears(partly, "shop/one") == set()


@pytest.mark.behaviour("MC-04")
def test_network_policies_do_not_judge_multicast() -> None:
    net = with_multicast("shop", more="policy shop/none { ingress {}  egress {} }")

    assert hears(net, "shop/one") == {"shop/two", "shop/three"}
    assert not net.reaches("shop/one", "shop/two", "udp/5000")


@pytest.mark.behaviour("MC-04")
@pytest.mark.parametrize("mode", MODES)
def test_multicast_from_outside_is_dropped(mode: str) -> None:
    net = with_multicast("shop", "default", mode=mode, netids=f"project default {{ netid 0 }}\n{TWO}")

    assert hears(net, "default/one") == {"default/three"}
    for source in (OUTSIDE, NODE_1, "10.128.0.1", "10.128.0.2", "10.128.2.2"):
        assert hears_from_node(net, "node-1", source) == set()
