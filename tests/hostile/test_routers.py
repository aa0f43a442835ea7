"""Hostile values in every variable, annotation and name of an egress router: refused, or plain data (OUT-05).

What comes out as a declaration holds integers, and text only of kinds whose alphabet has no quotes, spaces or signs.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from attrs import asdict

from compiler.declarations import Declaration, EgressRouter, HostClaim
from compiler.diagnostics import Diagnostics
from compiler.sources import read_texts
from tests.sources.routers import MACVLAN, VARIABLES, config_map, controller, env, pod

HOSTILE = [
    "'", '"', "\\", "`reboot`", "$(reboot)", "${IFS}", "$((1))", "; reboot", "&& reboot", "| reboot", "> /etc/passwd",
    "#", "-j ACCEPT", "--to-destination 10.0.0.1", "192.168.12.9 -j ACCEPT", "192.168.12.9\n-A INPUT -j ACCEPT",
    "192.168.12.9\r\n*filter", "192.168.12.9;reboot", "192.168.12.9'", "192.168.12.9/24 dev eth0", "192.168.12.9\t",
    "80 tcp 203.0.113.25;reboot", "80 tcp 203.0.113.25 -j ACCEPT", "80 tcp\n203.0.113.25`reboot`",
    "80 tcp 203.0.113.25\nCOMMIT", "80 $(reboot) 203.0.113.25", "80\x0btcp\x0b203.0.113.25",
    "80 tcp 203.0.113.25\u2028COMMIT", "http_access allow all", "*\nhttp_access allow all",
    "example.com\nhttp_access allow all", "example.com http_access", "!example.com\rhttp_port 80",
    "include /etc/passwd", "${SECRET}.example.com", "\"/etc/passwd\"", "*.example.com\"", "-i", "example.com # x",
    "80 example.com check\n\nlisten x", "80 example.com\n    bind :22", "80 example.com 80 send-proxy",
    "80 \"example.com\"", "80 /var/run/docker.sock",
    "80 unix@/x", "../../etc/passwd", "a/b", "{{ x }}", "{% x %}", "%s%n", "\x1b[2J", "\x7f", "\ufeffx", "\u202ex",
    "𝟖𝟎 tcp 203.0.113.25", "٨٠ tcp 203.0.113.25", "x" * 5000, "9" * 5000, "80 tcp 203.0.113.25 " * 100,
]  # fmt: skip

GOOD = {
    "EGRESS_SOURCE": "192.168.12.99",
    "EGRESS_GATEWAY": "192.168.12.1",
    "EGRESS_DESTINATION": "80 tcp 203.0.113.25",
    "EGRESS_HTTP_PROXY_DESTINATION": "*.example.com",
    "EGRESS_DNS_PROXY_DESTINATION": "80 example.com",
}

HARMLESS = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?", re.ASCII)
"""What a shell, iptables-restore, squid and haproxy take as one word."""

HOSTILE_VALUES = pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))


def read(*objects: object) -> tuple[Declaration, ...]:
    """What objects declare; whatever is reported can be printed."""
    diagnostics = Diagnostics()
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}, indent=1, ensure_ascii=False)
    found = read_texts({"a.json": text}, diagnostics)
    read_texts({"a.yaml": text}, diagnostics)
    for one in diagnostics.sorted():
        assert one.message.isprintable()
        assert len(one.message) < 1000
        if one.origin:
            span = one.origin.span()
            assert 1 <= span.column < span.end_column
    return found


def words(value: object) -> list[str]:
    """Every text inside of a declaration."""
    match value:
        case str():
            return [value]
        case dict():
            return [word for inner in value.values() for word in words(inner)]
        case list() | tuple():
            return [word for inner in value for word in words(inner)]
        case _:
            return []


def check(found: tuple[Declaration, ...]) -> None:
    """The routers hold nothing but harmless words."""
    for router in found:
        if isinstance(router, EgressRouter):
            plain = asdict(router, filter=lambda attribute, _: attribute.name != "origin")
            assert all(HARMLESS.fullmatch(word) for word in words(plain))
            assert "/" not in f"{router.project}{router.name}{router.interface}{router.node}"
            assert 0 <= router.source < 1 << 32
            assert 0 <= router.gateway < 1 << 32
            assert 0 <= router.source_length <= 32


def router(mode: str, **others: object) -> dict[str, Any]:
    return pod({**GOOD, "EGRESS_ROUTER_MODE": mode, **others})


def test_the_check_can_fail() -> None:
    (_, good) = read(router("init"))
    check((good,))
    assert isinstance(good, EgressRouter)

    with pytest.raises(AssertionError):
        check((EgressRouter(**{**vars_of(good), "interface": "eth0; reboot"}),))


def vars_of(found: EgressRouter) -> dict[str, Any]:
    return {name: getattr(found, name) for name in EgressRouter.__annotations__}


@pytest.mark.behaviour("OUT-05")
@HOSTILE_VALUES
@pytest.mark.parametrize("variable", [*GOOD, "EGRESS_ROUTER_MODE"])
def test_variables(variable: str, value: str) -> None:
    for mode in VARIABLES:
        check(read(router(mode, **{variable: value})))


@pytest.mark.behaviour("OUT-05")
@HOSTILE_VALUES
@pytest.mark.parametrize("variable", GOOD)
def test_config_maps(variable: str, value: str) -> None:
    for mode in VARIABLES:
        reference = {"name": "routes", "key": "destination"}
        check(read(router(mode, **{variable: reference}), config_map({"destination": value})))
        check(read(router(mode, **{variable: {"name": value, "key": value}}), config_map({value: value}, value)))


@pytest.mark.behaviour("OUT-05", "ER-02")
@HOSTILE_VALUES
def test_annotations_and_names(value: str) -> None:
    good = router("init")
    check(read(pod({**GOOD, "EGRESS_ROUTER_MODE": "init"}, annotation=value)))
    for name in ("name", "namespace"):
        named = {**good, "metadata": {**good["metadata"], name: value}}
        check(read(named))
        made = controller(good)
        check(read({**made, "metadata": {**made["metadata"], name: value}}))


@pytest.mark.behaviour("OUT-05")
@HOSTILE_VALUES
def test_nodes_and_containers(value: str) -> None:
    good = router("init")
    for spec in ({"nodeName": value}, {"nodeSelector": {value: "x"}}, {"nodeSelector": {"x": value}}):
        check(read({**good, "spec": {**good["spec"], **spec}}))
    odd = {"name": value, "image": value, "env": env({value: value, "EGRESS_OTHER": value}), "command": [value]}
    check(read({**good, "spec": {**good["spec"], "containers": [odd]}}))


@pytest.mark.behaviour("OUT-05")
@HOSTILE_VALUES
def test_egress_router_objects(value: str) -> None:
    good = {
        "mode": "Redirect",
        "addresses": [{"ip": "192.168.12.99/24", "gateway": "192.168.12.1"}],
        "networkInterface": {"macvlan": {"mode": "Bridge", "master": "eth1"}},
        "redirect": {
            "redirectRules": [{"destinationIP": "203.0.113.25", "port": 80, "protocol": "TCP", "targetPort": 80}],
            "fallbackIP": "203.0.113.27",
        },
    }
    head = {"apiVersion": "network.operator.openshift.io/v1", "kind": "EgressRouter"}
    metadata = {"name": "egress", "namespace": "shop"}
    written = json.dumps(good)
    for word in (
        "Redirect",
        "192.168.12.99/24",
        "192.168.12.1",
        "Bridge",
        "eth1",
        "203.0.113.25",
        "TCP",
        "203.0.113.27",
    ):
        spec = json.loads(written.replace(json.dumps(word), json.dumps(value)))
        assert spec != good
        check(read({**head, "metadata": metadata, "spec": spec}))
    check(read({**head, "metadata": {**metadata, "name": value}, "spec": good}))


@pytest.mark.behaviour("OUT-05", "HN-01")
@HOSTILE_VALUES
def test_host_names(value: str) -> None:
    metadata = {"name": "a", "namespace": "shop"}
    objects = [
        {
            "apiVersion": "route.openshift.io/v1",
            "kind": "Route",
            "metadata": metadata,
            "spec": {"to": {"name": "a"}, "host": value},
        },
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": metadata,
            "spec": {"rules": [{"host": value}]},
        },
        {
            "apiVersion": "route.openshift.io/v1",
            "kind": "Route",
            "metadata": {**metadata, "creationTimestamp": value},
            "spec": {"to": {"name": "a"}, "host": "www.example.com"},
        },
    ]

    for claim in read(*objects):
        if isinstance(claim, HostClaim):
            assert HARMLESS.fullmatch(claim.host.removeprefix("*."))
            assert claim.created is None


@pytest.mark.behaviour("OUT-05")
def test_the_annotation_in_the_wrong_places() -> None:
    good = router("init")
    for value in (None, True, 7, 1.5, [], {}, [MACVLAN], {"a": "b"}, "", "true\n", "TRUE"):
        for copy in (good, controller(good), controller(good, "Deployment"), controller(good, "DeploymentConfig")):
            changed = json.loads(json.dumps(copy).replace('"true"', json.dumps(value), 1))
            check(read(changed))
