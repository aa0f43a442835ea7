"""compiler.sources.egress_router_object: EgressRouter objects of OpenShift 4."""

from __future__ import annotations

import pytest

from compiler.declarations import EgressRouter, RouterMode
from compiler.values.prefix import format_address

from .reading import read
from .routers import shown

HEAD = "apiVersion: network.operator.openshift.io/v1\nkind: EgressRouter\nmetadata: {name: egress, namespace: shop}\n"
ADDRESSES = "  addresses: [{ip: 192.168.12.99/24, gateway: 192.168.12.1}]\n"
REDIRECT = "  redirect: {redirectRules: [{destinationIP: 203.0.113.25, port: 80, protocol: TCP}]}\n"


def one(text: str) -> EgressRouter:
    """The router in a text that is right."""
    (router,), reports = read(text)
    assert reports == []
    assert isinstance(router, EgressRouter)
    return router


@pytest.mark.behaviour("ER-01")
def test_egress_router() -> None:
    router = one(
        HEAD
        + "spec:\n  mode: Redirect\n"
        + ADDRESSES
        + "  networkInterface: {macvlan: {mode: Bridge, master: eth1}}\n"
        + "  redirect:\n    redirectRules:\n"
        + "    - {destinationIP: 203.0.113.25, port: 80, protocol: TCP}\n"
        + "    - {destinationIP: 203.0.113.26, port: 8080, protocol: TCP, targetPort: 80}\n"
        + "    - {destinationIP: 203.0.113.26, port: 80, protocol: UDP, targetPort: 0}\n"
        + "    fallbackIP: 203.0.113.27\nstatus: {conditions: []}\n"
    )

    assert (router.project, router.name, router.mode) == ("shop", "egress", RouterMode.INIT)
    assert (format_address(router.source), router.source_length) == ("192.168.12.99", 24)
    assert (format_address(router.gateway), router.interface) == ("192.168.12.1", "eth1")
    assert shown(router.destinations) == [
        "80 tcp 203.0.113.25 80",
        "8080 tcp 203.0.113.26 80",
        "80 udp 203.0.113.26 80",
        "203.0.113.27",
    ]


@pytest.mark.behaviour("ER-01")
@pytest.mark.parametrize(
    "more",
    [
        "",
        "  networkInterface: {}\n",
        "  networkInterface: {macvlan: {}}\n",
        "  networkInterface: {macvlan: {mode: Private, master: ''}}\n",
        "  mode: null\n",
    ],
)
def test_what_may_be_left_out(more: str) -> None:
    assert one(HEAD + "spec:\n" + ADDRESSES + REDIRECT + more).interface is None


@pytest.mark.behaviour("ER-01")
def test_a_fallback_alone() -> None:
    router = one(HEAD + "spec:\n" + ADDRESSES + "  redirect: {fallbackIP: 203.0.113.27}\n")

    assert shown(router.destinations) == ["203.0.113.27"]


@pytest.mark.behaviour("ER-01")
def test_the_ipv4_address_of_two() -> None:
    addresses = ADDRESSES.replace("[", "[{ip: '2001:db8::9/64', gateway: '2001:db8::1'}, ")

    assert format_address(one(HEAD + "spec:\n" + addresses + REDIRECT).source) == "192.168.12.99"


@pytest.mark.behaviour("ER-01", "ER-04")
@pytest.mark.parametrize(
    ("lines", "reports"),
    [
        (REDIRECT, ["MISSING_FIELD:5:3"]),
        (ADDRESSES, ["MISSING_FIELD:5:3"]),
        ("  addresses: []\n" + REDIRECT, ["BAD_ROUTER:5:14"]),
        ("  addresses: {}\n" + REDIRECT, ["WRONG_TYPE:5:14"]),
        ("  addresses: [{ip: 1.2.3.4, gateway: 1.2.3.5}, {ip: 1.2.3.6}]\n" + REDIRECT, ["BAD_ROUTER:5:14"]),
        ("  addresses: [{ip: '2001:db8::9/64'}]\n" + REDIRECT, ["BAD_ROUTER:5:14"]),
        ("  addresses: [{ip: 192.168.12.99/24}]\n" + REDIRECT, ["MISSING_FIELD:5:15"]),
        ("  addresses: [{gateway: 192.168.12.1}]\n" + REDIRECT, ["MISSING_FIELD:5:15"]),
        ("  addresses: [{ip: 1.2.3.4/33, gateway: 1.2.3}]\n" + REDIRECT, ["BAD_VALUE:5:20", "BAD_ADDRESS:5:41"]),
        ("  addresses: [{ip: 1.2.3.4/24, gateway: 1.2.3.4}]\n" + REDIRECT, ["BAD_ROUTER:5:15"]),
        ("  addresses: [{ip: 1.2.3.4, gateway: 1.2.3.5, vlan: 7}]\n" + REDIRECT, ["UNKNOWN_FIELD:5:47"]),
        (ADDRESSES + REDIRECT + "  mode: redirect\n", ["BAD_VALUE:7:9"]),
        (ADDRESSES + REDIRECT + "  node: x\n", ["UNKNOWN_FIELD:7:3"]),
        (ADDRESSES + REDIRECT + "  networkInterface: {macvlan: {mode: VEPA}}\n", ["BAD_ROUTER:7:38"]),
        (ADDRESSES + REDIRECT + "  networkInterface: {macvlan: {mode: Passthru}}\n", ["BAD_ROUTER:7:38"]),
        (ADDRESSES + REDIRECT + "  networkInterface: {macvlan: {mode: private}}\n", ["BAD_VALUE:7:38"]),
        (ADDRESSES + REDIRECT + "  networkInterface: {macvlan: {master: 'a b'}}\n", ["BAD_NAME:7:40"]),
        (ADDRESSES + REDIRECT + "  networkInterface: {ipvlan: {}}\n", ["UNKNOWN_FIELD:7:22"]),
        (ADDRESSES + "  redirect: {redirectRules: [{}]}\n", ["MISSING_FIELD:6:30"]),
        (ADDRESSES + "  redirect: {fallbackIP: '2001:db8::1'}\n", ["BAD_ADDRESS:6:26"]),
        (ADDRESSES + REDIRECT.replace("80", "0"), ["BAD_PORT:6:66"]),
        (ADDRESSES + REDIRECT.replace("TCP", "SCTP"), ["BAD_ROUTER:6:80"]),
        (ADDRESSES + REDIRECT.replace("TCP", "tcp"), ["BAD_PROTOCOL:6:80"]),
        (ADDRESSES + REDIRECT.replace("TCP", "TCP, targetPort: 65536"), ["BAD_PORT:6:97"]),
        (ADDRESSES + REDIRECT.replace("203.0.113.25", "www.example.com"), ["BAD_ADDRESS:6:46"]),
        (
            ADDRESSES + REDIRECT.replace("}]", "}, {destinationIP: 203.0.113.26, port: 80, protocol: TCP}]"),
            ["BAD_ROUTER:6:86"],
        ),
    ],
)
def test_wrong_routers(lines: str, reports: list[str]) -> None:
    told = read(HEAD + "spec:\n" + lines)[1]

    assert list(dict.fromkeys(told)) == reports


@pytest.mark.behaviour("ER-01")
def test_without_a_namespace() -> None:
    (router,), reports = read(HEAD.replace(", namespace: shop", "") + "spec:\n" + ADDRESSES + REDIRECT)

    assert isinstance(router, EgressRouter)
    assert router.project == "default"
    assert reports == ["NO_NAMESPACE:3:11"]
