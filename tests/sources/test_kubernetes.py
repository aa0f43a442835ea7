"""compiler.sources.kubernetes and pods: Namespace, Node, Service, Pod."""

from __future__ import annotations

import json
from typing import Any

import pytest

from compiler.declarations import NamedPort, NodeDeclaration, Pod, ProjectDeclaration, Service, ServicePort
from compiler.values.labels import NAME_LABEL, NO_LABELS, Labels, Selector
from compiler.values.prefix import parse_address
from compiler.values.services import Protocol

from .reading import read, read_one

ISOLATION = "net.beta.kubernetes.io/network-policy"


def obj(kind: str, metadata: dict[str, Any] | None = None, **rest: Any) -> str:
    return json.dumps({"apiVersion": "v1", "kind": kind, "metadata": {"name": "a", **(metadata or {})}, **rest})


def test_namespace() -> None:
    found = read_one(ProjectDeclaration, obj("Namespace", {"labels": {"team": "web"}}))

    assert (found.name, found.labels, found.isolated) == ("a", Labels({"team": "web"}), False)


@pytest.mark.behaviour("NP-06")
def test_a_namespace_keeps_its_name_label() -> None:
    found = read_one(ProjectDeclaration, obj("Namespace", {"labels": {NAME_LABEL: "other"}}))

    assert found.labels == Labels({NAME_LABEL: "a"})


@pytest.mark.behaviour("NP-14")
@pytest.mark.parametrize(
    ("annotation", "isolated", "told"),
    [
        ('{"ingress":{"isolation":"DefaultDeny"}}', True, []),
        ('{"ingress":{}}', False, []),
        ("{}", False, []),
        ('{"ingress":{"isolation":"defaultdeny"}}', False, ["BAD_ANNOTATION"]),
        ('{"ingress":[]}', False, ["BAD_ANNOTATION"]),
        ("[]", False, ["BAD_ANNOTATION"]),
        ("yes", False, ["BAD_ANNOTATION"]),
        ("[" * 100_000, False, ["BAD_ANNOTATION"]),
    ],
)
def test_the_legacy_isolation_annotation(annotation: str, isolated: bool, told: list[str]) -> None:
    declarations, found = read(obj("Namespace", {"annotations": {ISOLATION: annotation}}), "a.json")

    assert [one.split(":")[0] for one in found] == told
    (project,) = declarations
    assert isinstance(project, ProjectDeclaration)
    assert project.isolated is isolated


def test_node() -> None:
    addresses = [
        {"type": "Hostname", "address": "a"},
        {"type": "InternalIP", "address": "fd00::1"},
        {"type": "InternalIP", "address": "10.0.0.1"},
        {"type": "InternalIP", "address": "10.0.0.2"},
    ]
    found = read_one(NodeDeclaration, obj("Node", {"labels": {"region": "east"}}, status={"addresses": addresses}))

    assert found.address == parse_address("10.0.0.1")
    assert found.labels == Labels({"region": "east"})
    assert found.subnet is None


def test_service() -> None:
    spec = {
        "clusterIP": "172.30.0.5",
        "selector": {"app": "web"},
        "ports": [
            {"port": 80, "targetPort": "http"},
            {"port": 53, "protocol": "UDP"},
            {"port": 443, "targetPort": 8443},
        ],
    }
    found = read_one(Service, obj("Service", {"namespace": "shop"}, spec=spec))

    assert (found.project, found.address) == ("shop", parse_address("172.30.0.5"))
    assert found.selector == Selector.equal({"app": "web"})
    assert found.ports == (
        ServicePort(Protocol.TCP, 80, "http"),
        ServicePort(Protocol.UDP, 53, 53),
        ServicePort(Protocol.TCP, 443, 8443),
    )


@pytest.mark.parametrize(
    ("spec", "address"),
    [
        ({"clusterIP": "None"}, None),
        ({"clusterIP": ""}, None),
        ({}, None),
        ({"type": "ExternalName", "externalName": "example.com"}, None),
        ({"clusterIP": "fd00::5", "clusterIPs": ["fd00::5", "172.30.0.5"]}, "172.30.0.5"),
    ],
)
def test_addresses_of_services(spec: dict[str, Any], address: str | None) -> None:
    found = read_one(Service, obj("Service", spec=spec))

    assert found.address == (parse_address(address) if address else None)
    assert found.selector is None


# A pod is read by two readers: the fast one from JSON, the careful one from YAML.  Both must say the same.
pod_formats = pytest.mark.parametrize("name", ["a.json", "a.yaml"])


@pod_formats
def test_pod(name: str) -> None:
    spec = {
        "nodeName": "node-1",
        "containers": [
            {"ports": [{"name": "http", "containerPort": 8080}, {"containerPort": 9090}]},
            {"ports": [{"name": "dns", "containerPort": 53, "protocol": "UDP"}]},
            {},
        ],
        "initContainers": [
            {"restartPolicy": "Always", "ports": [{"name": "mesh", "containerPort": 15000}]},
            {"ports": [{"name": "gone", "containerPort": 1}]},
        ],
    }
    status = {"phase": "Running", "podIP": "10.128.0.5", "podIPs": [{"ip": "10.128.0.5"}]}
    metadata = {"name": "web-1", "namespace": "shop", "labels": {"app": "web"}, "annotations": {"x": "y"}}

    found = read_one(Pod, obj("Pod", metadata, spec=spec, status=status), name)

    assert (found.project, found.name, found.node) == ("shop", "web-1", "node-1")
    assert found.address == parse_address("10.128.0.5")
    assert found.labels == Labels({"app": "web"})
    assert found.ports == (
        NamedPort("dns", Protocol.UDP, 53),
        NamedPort("http", Protocol.TCP, 8080),
        NamedPort("mesh", Protocol.TCP, 15000),
    )
    assert (found.host_network, found.finished, found.of_port) == (False, False, None)


@pod_formats
def test_a_pod_that_is_not_scheduled(name: str) -> None:
    found = read_one(Pod, obj("Pod", {"labels": None}, spec={}, status={"phase": "Pending"}), name)

    assert (found.project, found.node, found.address, found.labels) == ("default", None, None, NO_LABELS)


@pytest.mark.behaviour("PN-15")
@pod_formats
def test_host_network(name: str) -> None:
    assert read_one(Pod, obj("Pod", spec={"hostNetwork": True}, status={}), name).host_network


@pytest.mark.behaviour("NP-17")
@pod_formats
@pytest.mark.parametrize(("phase", "finished"), [("Succeeded", True), ("Failed", True), ("Running", False)])
def test_finished_pods(name: str, phase: str, finished: bool) -> None:
    assert read_one(Pod, obj("Pod", spec={}, status={"phase": phase}), name).finished is finished


@pod_formats
@pytest.mark.parametrize(
    "status",
    [
        {"podIP": "fd00::5", "podIPs": [{"ip": "fd00::5"}, {"ip": "10.128.0.5"}]},
        {"podIP": "", "podIPs": [{"ip": "10.128.0.5"}]},
        {"podIPs": [{"ip": "10.128.0.5"}]},
    ],
)
def test_the_ipv4_address_of_a_pod_with_two(name: str, status: dict[str, Any]) -> None:
    assert read_one(Pod, obj("Pod", spec={}, status=status), name).address == parse_address("10.128.0.5")


@pod_formats
def test_the_annotation_for_a_port(name: str) -> None:
    found = read_one(Pod, obj("Pod", {"annotations": {"sdnc.dev/ofport": "11"}}, spec={}, status={}), name)

    assert found.of_port == 11


@pod_formats
@pytest.mark.parametrize("port", ["2", "65280", "x", "", "011111", "１２"])
def test_wrong_annotations_for_a_port(name: str, port: str) -> None:
    _, told = read(obj("Pod", {"annotations": {"sdnc.dev/ofport": port}}, spec={}), name)

    assert [one.split(":")[0] for one in told] == ["BAD_ANNOTATION"]


@pod_formats
def test_every_error_of_a_pod_is_told(name: str) -> None:
    spec = {"nodeName": "A", "hostNetwork": 1, "containers": [{"ports": [{"containerPort": 0}]}]}
    _, told = read(obj("Pod", {"labels": {"a": "b c"}}, spec=spec, status={"podIP": "x"}), name)

    assert sorted(one.split(":")[0] for one in told) == [
        "BAD_ADDRESS",
        "BAD_LABEL",
        "BAD_NAME",
        "BAD_PORT",
        "WRONG_TYPE",
    ]


@pytest.mark.parametrize(
    "twice",
    [
        '"metadata": {"name": "a", "name": "b"}, "spec": {}',
        '"metadata": {"name": "a", "labels": {"x": "1", "x": "2"}}, "spec": {}',
        '"metadata": {"name": "a", "labels": {"x": "1", "\\u0078": "2"}}, "spec": {}',
        '"metadata": {"name": "a"}, "spec": {"hostNetwork": false, "hostNetwork": true}',
        '"metadata": {"name": "a"}, "spec": {"containers": [{"ports": [], "ports": []}]}',
        '"metadata": {"name": "a"}, "spec": {"containers": [{"por\\u0074s": [], "ports": []}]}',
        '"metadata": {"name": "a"}, "spec": {"initContainers": [{"ports": [{"name": "x", "name": "y"}]}]}',
        '"metadata": {"name": "a"}, "spec": {}, "status": {"podIP": "", "podIP": ""}',
        '"metadata": {"name": "a"}, "spec": {}, "spec": {}',
        '"metadata": {"name": "a", "annotations": {"sdnc.dev/ofport": "5", "sdnc.dev\\/ofport": "6"}}, "spec": {}',
    ],
)
def test_doubled_keys_of_pods_are_found_wherever_they_matter(twice: str) -> None:
    text = f'{{"apiVersion": "v1", "kind": "Pod", {twice}, "x": 1}}'.replace('"x": 1', '"y": {}')

    declarations, told = read(text, "a.json")

    assert declarations == ()
    assert [one.split(":")[0] for one in told] == ["DUPLICATE_KEY"]
