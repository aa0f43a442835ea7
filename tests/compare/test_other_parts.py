"""Multicast, egress routers and settings of the network."""

from __future__ import annotations

import pytest

from tests.compare.versions import CLUSTER, MULTITENANT, added, compared

ROUTER = """
egress-router shop/out {
  source 192.168.12.99
  gateway 192.168.12.1
  redirect tcp/80 to 203.0.113.25
  redirect udp/53 to 203.0.113.26 port 5353
}
"""


@pytest.mark.behaviour("MC-01")
def test_multicast_of_a_project() -> None:
    new = CLUSTER.replace("netid 100", "netid 100  multicast")

    (change,) = compared(CLUSTER, new).multicast

    assert change.allowed
    assert change.sources.text == change.destinations.text == "project shop"
    assert [origin.span().line for origin in change.new] == [1 + new[: new.index("project shop")].count("\n")]
    assert not compared(new, CLUSTER).multicast[0].allowed


@pytest.mark.behaviour("MC-01")
def test_multicast_of_one_pod_reaches_nobody() -> None:
    assert compared(CLUSTER, CLUSTER.replace("netid 101", "netid 101  multicast")).same


@pytest.mark.behaviour("MC-02")
def test_multicast_of_joined_projects() -> None:
    old = MULTITENANT.replace("netid 100", "netid 100  multicast").replace("netid 101", "netid 101  multicast")

    changes = compared(old, old + "join blog to shop").multicast

    assert [(one.allowed, one.sources.text, one.destinations.text) for one in changes] == [
        (True, "pod blog/web-1", "project shop"),
        (True, "project shop", "pod blog/web-1"),
    ]


def test_the_order_of_a_router_s_redirects_means_nothing() -> None:
    one, other = "redirect tcp/80 to 203.0.113.25", "redirect udp/53 to 203.0.113.26 port 5353"
    swapped = ROUTER.replace(one, "X").replace(other, one).replace("X", other)

    assert added(ROUTER, swapped).same


def test_a_router_is_set_up_differently() -> None:
    (change,) = added(ROUTER, ROUTER.replace("192.168.12.99", "192.168.12.98")).routers

    assert change.router == "shop/out"
    assert change.what == (("source", "192.168.12.99/32", "192.168.12.98/32"),)


def test_a_router_comes_and_goes() -> None:
    (comes,) = added("", ROUTER).routers
    (goes,) = added(ROUTER, "").routers

    assert (comes.router, comes.what, comes.old, comes.new is None) == ("shop/out", (), None, False)
    assert (goes.old is None, goes.new) == (False, None)


def test_the_order_of_a_proxy_s_rules_means_something() -> None:
    proxy = ROUTER[: ROUTER.index("  redirect")] + "http-proxy {{ {} }} }}"
    old = proxy.replace("{{", "{").replace("}}", "}").replace("{}", "deny 203.0.113.7\n allow 203.0.113.0/24")
    new = old.replace("deny 203.0.113.7\n allow 203.0.113.0/24", "allow 203.0.113.0/24\n deny 203.0.113.7")

    (change,) = added(old, new).routers

    assert change.what == (
        ("destinations", "deny 203.0.113.7, allow 203.0.113.0/24", "allow 203.0.113.0/24, deny 203.0.113.7"),
    )


@pytest.mark.behaviour("PN-13")
def test_settings_of_the_network() -> None:
    new = CLUSTER.replace("services 172.30.0.0/16", "services 172.31.0.0/16  vxlan-port 4790  mtu 8950")

    comparison = compared(CLUSTER, new)

    assert [(one.what, one.old, one.new) for one in comparison.settings] == [
        ("service network", "172.30.0.0/16", "172.31.0.0/16"),
        ("VXLAN port", "4789", "4790"),
        ("MTU", "1450", "8950"),
    ]
