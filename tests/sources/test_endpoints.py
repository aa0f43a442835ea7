"""compiler.sources.endpoints: Endpoints, EndpointSlice and Route objects."""

from __future__ import annotations

import json

import pytest

from compiler.declarations import Endpoints, Route
from compiler.values.prefix import format_address
from compiler.values.services import Protocol

from .reading import read, read_one

TCP, UDP = Protocol.TCP, Protocol.UDP
HEADS = {
    "Endpoints": "apiVersion: v1\nkind: Endpoints\nmetadata: {name: db, namespace: shop}\n",
    "EndpointSlice": (
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
        "metadata: {name: db-x7, namespace: shop, labels: {kubernetes.io/service-name: db}}\n"
    ),
    "Route": "apiVersion: route.openshift.io/v1\nkind: Route\nmetadata: {name: db, namespace: shop}\n",
}


def texts(found: Endpoints) -> list[str]:
    return [format_address(address) for address in found.addresses]


@pytest.mark.behaviour("EF-11")
@pytest.mark.parametrize("name", ["a.json", "a.yaml"])
def test_endpoints(name: str) -> None:
    item = {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {"name": "db", "namespace": "shop", "annotations": {"a": "b"}},
        "subsets": [
            {
                "addresses": [{"ip": "203.0.113.7", "targetRef": {"kind": "Pod"}}, {"ip": "fd00::7"}],
                "notReadyAddresses": [{"ip": "203.0.113.8"}, {"ip": "203.0.113.7"}],
                "ports": [{"name": "db", "port": 5432}, {"port": 53, "protocol": "UDP", "appProtocol": "x"}],
            },
            {"addresses": [{"ip": "203.0.113.9"}]},
            {"ports": [{"port": 1}]},
        ],
    }

    found, reports = read(json.dumps(item, indent=1), name)

    assert reports == []
    one, two = (part for part in found if isinstance(part, Endpoints))
    assert (one.project, one.name, texts(one)) == ("shop", "db", ["203.0.113.7", "203.0.113.8"])
    assert one.ports == ((TCP, 5432), (UDP, 53))
    assert one.named_ports == (("db", TCP, 5432), ("", UDP, 53))
    assert (texts(two), two.ports) == (["203.0.113.9"], ())
    assert one.origin.span().line < two.origin.span().line


@pytest.mark.parametrize("more", ["", "subsets: null\n", "subsets: []\n", "subsets: [{}]\n"])
def test_endpoints_without_addresses(more: str) -> None:
    assert read(HEADS["Endpoints"] + more) == ((), [])


def test_endpoints_that_serve_as_a_lock() -> None:
    assert read("apiVersion: v1\nkind: Endpoints\nmetadata: {name: example.com-nfs, namespace: a}\n") == ((), [])


@pytest.mark.behaviour("EF-11")
@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_endpoint_slice(version: str) -> None:
    text = HEADS["EndpointSlice"].replace("k8s.io/v1", f"k8s.io/{version}") + (
        "addressType: IPv4\n"
        "endpoints:\n"
        "- {addresses: [203.0.113.7], conditions: {ready: false}}\n"
        "- {addresses: [203.0.113.8], nodeName: n}\n"
        "ports:\n- {name: '', port: 5432, protocol: TCP}\n"
    )

    found = read_one(Endpoints, text)

    assert (found.project, found.name, texts(found)) == ("shop", "db", ["203.0.113.7", "203.0.113.8"])
    assert found.ports == ((TCP, 5432),)
    assert found.named_ports == (("", TCP, 5432),)


def test_a_port_without_a_number_stands_for_all() -> None:
    more = "addressType: IPv4\nendpoints: [{addresses: [203.0.113.7]}]\nports: [{port: 80}, {name: x}]\n"

    assert read_one(Endpoints, HEADS["EndpointSlice"] + more).ports == ()


@pytest.mark.parametrize(
    "text",
    [
        HEADS["EndpointSlice"] + "addressType: IPv6\nendpoints: [{addresses: ['fd00::7']}]\n",
        HEADS["EndpointSlice"] + "addressType: FQDN\nendpoints: [{addresses: [www.foo.com]}]\n",
        HEADS["EndpointSlice"] + "addressType: IPv4\nendpoints: null\n",
        HEADS["EndpointSlice"].replace("kubernetes.io/service-name", "app")
        + "addressType: IPv4\nendpoints: [{addresses: [203.0.113.7]}]\n",
    ],
)
def test_slices_that_tell_nothing(text: str) -> None:
    assert read(text) == ((), [])


@pytest.mark.behaviour("EF-11")
@pytest.mark.parametrize("version", ["v1", "route.openshift.io/v1"])
def test_route(version: str) -> None:
    text = HEADS["Route"].replace("route.openshift.io/v1", version) + (
        "spec:\n"
        "  host: db.example.com\n"
        "  to: {kind: Service, name: db, weight: 1}\n"
        "  alternateBackends: [{name: db-b}, {kind: '', name: db}, {kind: Other, name: x}]\n"
        "status: {ingress: []}\n"
    )

    (found, _), reports = read(text)

    assert reports == []
    assert isinstance(found, Route)
    assert (found.project, found.name, found.services) == ("shop", "db", ("db", "db-b"))


@pytest.mark.parametrize(
    ("kind", "more", "reports"),
    [
        ("Endpoints", "subsets: {}", ["WRONG_TYPE:4:10"]),
        ("Endpoints", "subsets: [null]", ["WRONG_TYPE:4:11"]),
        ("Endpoints", "subsets: [{addresses: [{}]}]", ["MISSING_FIELD:4:24"]),
        ("Endpoints", "subsets: [{addresses: [{ip: x}]}]", ["BAD_ADDRESS:4:29"]),
        ("Endpoints", "subsets: [{notReadyAddresses: [{ip: 7}]}]", ["WRONG_TYPE:4:37"]),
        ("Endpoints", "subsets: [{ports: [{port: 0}]}]", ["BAD_PORT:4:27"]),
        ("Endpoints", "subsets: [{ports: [{port: 1, protocol: tcp}]}]", ["BAD_PROTOCOL:4:40"]),
        ("EndpointSlice", "endpoints: []", ["MISSING_FIELD:1:1"]),
        ("EndpointSlice", "addressType: 4", ["WRONG_TYPE:4:14"]),
        ("EndpointSlice", "addressType: IPv4\nendpoints: [{addresses: x}]", ["WRONG_TYPE:5:25"]),
        ("EndpointSlice", "addressType: IPv4\nendpoints: [{addresses: ['1.2.3']}]", ["BAD_ADDRESS:5:26"]),
        ("Route", "", ["MISSING_FIELD:1:1"]),
        ("Route", "spec: {}", ["MISSING_FIELD:4:7"]),
        ("Route", "spec: {to: db}", ["WRONG_TYPE:4:12"]),
        ("Route", "spec: {to: {kind: Service}}", ["MISSING_FIELD:4:12"]),
        ("Route", "spec: {to: {name: a/b}}", ["BAD_NAME:4:19"]),
        ("Route", "spec: {to: {name: a}, alternateBackends: [7]}", ["WRONG_TYPE:4:43"]),
    ],
)
def test_what_is_malformed(kind: str, more: str, reports: list[str]) -> None:
    assert read(HEADS[kind] + more)[1] == reports
