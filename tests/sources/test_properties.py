"""Properties of the object sources: nothing raises, places are right, the two readers of pods agree."""

from __future__ import annotations

import json
from typing import Any

import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from compiler.diagnostics import Diagnostics
from compiler.origin import LineIndex, Path
from compiler.sources import read_texts
from compiler.sources.files import decode
from compiler.sources.json_locate import JsonLocator
from compiler.sources.positions import KeyStep
from compiler.sources.yaml_text import yaml_documents

POLICY: dict[str, Any] = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "p", "namespace": "shop", "labels": {"a": "b"}, "annotations": {"x": "y"}},
    "spec": {
        "podSelector": {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [
            {
                "from": [
                    {"podSelector": {"matchLabels": {"a": "b"}}, "namespaceSelector": {}},
                    {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}},
                ],
                "ports": [{"protocol": "TCP", "port": 80, "endPort": 90}, {"port": "http"}],
            }
        ],
        "egress": [{}],
    },
}
POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "namespace": "shop", "labels": {"a": "b"}, "annotations": {"c": "d"}},
    "spec": {
        "nodeName": "n",
        "hostNetwork": False,
        "containers": [{"ports": [{"name": "http", "containerPort": 80, "protocol": "TCP"}]}],
        "initContainers": [{"restartPolicy": "Always", "ports": []}],
    },
    "status": {"phase": "Running", "podIP": "10.128.0.5", "podIPs": [{"ip": "10.128.0.5"}]},
}
OTHERS: list[dict[str, Any]] = [
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "s"},
        "spec": {"clusterIP": "172.30.0.1", "selector": {"a": "b"}, "ports": [{"port": 80, "targetPort": "x"}]},
    },
    {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "n", "annotations": {"k8s.ovn.org/node-primary-ifaddr": '{"ipv4": "10.0.0.1/24"}'}},
        "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]},
    },
    {
        "apiVersion": "v1",
        "kind": "ClusterNetwork",
        "metadata": {"name": "default"},
        "network": "10.128.0.0/14",
        "hostsubnetlength": 9,
        "clusterNetworks": [{"CIDR": "10.128.0.0/14", "hostSubnetLength": 9}],
        "pluginName": "redhat/openshift-ovs-subnet",
    },
    {"apiVersion": "v1", "kind": "MasterConfig", "networkConfig": {"clusterNetworkCIDR": "10.128.0.0/14"}},
    {"apiVersion": "v1", "kind": "NodeConfig", "networkConfig": {"mtu": 1450}},
    {
        "apiVersion": "v1",
        "kind": "HostSubnet",
        "metadata": {"name": "n"},
        "hostIP": "10.0.0.1",
        "subnet": "x",
        "egressIPs": ["10.0.0.9"],
        "egressCIDRs": ["10.0.0.64/26"],
    },
    {
        "apiVersion": "v1",
        "kind": "NetNamespace",
        "metadata": {"name": "shop", "annotations": {"netnamespace.network.openshift.io/multicast-enabled": "true"}},
        "netname": "shop",
        "netid": 5,
        "egressIPs": ["10.0.0.9"],
    },
    {
        "apiVersion": "v1",
        "kind": "EgressNetworkPolicy",
        "metadata": {"name": "default", "namespace": "shop"},
        "spec": {
            "egress": [
                {"type": "Allow", "to": {"dnsName": "www.foo.com"}},
                {"type": "Deny", "to": {"cidrSelector": "0.0.0.0/0"}},
            ]
        },
    },
    {
        "apiVersion": "k8s.ovn.org/v1",
        "kind": "EgressFirewall",
        "metadata": {"name": "default", "namespace": "shop"},
        "spec": {
            "egress": [
                {"type": "Allow", "to": {"cidrSelector": "1.2.3.0/24"}, "ports": [{"protocol": "TCP", "port": 80}]}
            ]
        },
    },
    {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {"name": "s"},
        "subsets": [{"addresses": [{"ip": "1.2.3.4"}], "ports": [{"port": 80}]}],
    },
    {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "s-1", "labels": {"kubernetes.io/service-name": "s"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["1.2.3.4"]}],
        "ports": [{"port": 80}],
    },
    {
        "apiVersion": "v1",
        "kind": "Route",
        "metadata": {"name": "r"},
        "spec": {"to": {"kind": "Service", "name": "s"}, "alternateBackends": [{"name": "t"}]},
    },
    {"headings": ["name", "ofport", "external_ids"], "data": [["veth", 5, ["map", [["ip", "10.0.0.1"]]]]]},
]
CLUSTER: dict[str, Any] = {"apiVersion": "v1", "kind": "List", "items": [POLICY, POD, *OTHERS]}

TEXTS = {
    "a.json": json.dumps(CLUSTER, indent=1),
    "a.yaml": yaml.safe_dump_all([POLICY, POD, *OTHERS]),
}


@given(name=st.sampled_from(sorted(TEXTS)), data=st.data())
def test_mutated_text_never_raises(name: str, data: st.DataObject) -> None:
    raw = TEXTS[name].encode()
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(raw)))
        end = min(len(raw), start + data.draw(st.sampled_from([0, 0, 1, 5, 100, 10_000])))
        raw = raw[:start] + data.draw(st.binary(max_size=3) | st.sampled_from(JUNK)) + raw[end:]
    diagnostics = Diagnostics()

    files = list(decode(name, raw, diagnostics))
    read_texts({file.name: file.text for file in files}, diagnostics)

    assert all(found.message.isprintable() for found in diagnostics.sorted())


JUNK = [b"{", b"]", b'"', b"\n", b"null", b"-1", b"[[[[", b"*a", b"&a ", b"!!x ", b"<<: ", b"\\u", b": ", b"- "]

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)


def paths(value: Any, path: Path = ()) -> list[Path]:
    """The paths to every value inside."""
    found = [path]
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, child in children:
        found += paths(child, (*path, step))
    return found


def at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


@given(data=st.data(), value=values)
def test_a_value_of_the_wrong_type_anywhere_never_raises(data: st.DataObject, value: object) -> None:
    cluster = json.loads(json.dumps(CLUSTER))
    path = data.draw(st.sampled_from([path for path in paths(cluster) if path]))
    at(cluster, path[:-1])[path[-1]] = value
    texts = {"a.json": json.dumps(cluster), "b.yaml": json.dumps(cluster)}

    for name in texts:
        diagnostics = Diagnostics()
        read_texts({name: texts[name]}, diagnostics)
        diagnostics.sorted()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 10**6) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=20,
)


@given(
    document=st.fixed_dictionaries({}, optional={"items": st.lists(json_values, max_size=4), "x": json_values}),
    before=st.sampled_from(["", "\n", ' {"items": [{}]} \n']),
    indent=st.sampled_from([None, 0, 2]),
    ascii_only=st.booleans(),
)
@example({"x": {}, "items": [{}, {"": {}}]}, "", None, True)
def test_json_places(document: dict[str, Any], before: str, indent: int | None, ascii_only: bool) -> None:
    text = before + json.dumps(document, indent=indent, ensure_ascii=ascii_only) + "\n"
    locator = JsonLocator(text, len(before), len(text), LineIndex(text))
    lines = text.split("\n")

    for path in paths(document):
        span = locator.locate(path)
        written = json.dumps(at(document, path), indent=indent, ensure_ascii=ascii_only)
        shown = lines[span.line - 1][span.column - 1 : span.end_column - 1]
        assert written.startswith(shown)
        assert shown == written or "\n" in written
        if path and isinstance(path[-1], str):
            span = locator.locate((*path[:-1], KeyStep(path[-1])))
            shown = lines[span.line - 1][span.column - 1 : span.end_column - 1]
            assert shown == json.dumps(path[-1], ensure_ascii=ascii_only)


# PyYAML writes some line ends of YAML 1.1 back as others, and leaves 0E0 unquoted, a number to kubectl.
yaml_text = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp", "Nd"]), max_size=6)
yaml_values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 10**6) | yaml_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(yaml_text, inner, max_size=4),
    max_leaves=20,
)


@given(document=st.dictionaries(yaml_text, yaml_values, min_size=1, max_size=4), flow=st.booleans())
def test_yaml_places(document: dict[str, Any], flow: bool) -> None:
    text = "# before\n" + yaml.safe_dump(document, default_flow_style=flow, allow_unicode=True, width=9999)
    (cursor,) = yaml_documents("a.yaml", text, Diagnostics())
    lines = text.split("\n")

    assert cursor.value == document
    for path in paths(document):
        value = at(document, path)
        span = cursor.source.locate(path)
        shown = lines[span.line - 1][span.column - 1 : span.end_column - 1]
        if isinstance(value, int | str):
            assert yaml.safe_load(shown) == value
        if path and isinstance(path[-1], str) and path[-1].isalpha() and path[-1].isascii():
            span = cursor.source.locate((*path[:-1], KeyStep(path[-1])))
            shown = lines[span.line - 1][span.column - 1 : span.end_column - 1]
            assert shown.strip("\"'") == path[-1]


label_text = st.sampled_from(["a", "app", "", "a b", "example.com/x", "-", "ä"])
pods = st.fixed_dictionaries(
    {
        "metadata": st.fixed_dictionaries(
            {"name": st.sampled_from(["web", "a.b", "A", ""])},
            optional={
                "namespace": st.sampled_from(["shop", "", None, "a.b"]),
                "labels": st.none() | st.dictionaries(label_text, label_text, max_size=2),
                "annotations": st.none()
                | st.dictionaries(st.sampled_from(["x", "sdnc.dev/ofport"]), st.sampled_from(["7", "x"])),
            },
        ),
        "spec": st.fixed_dictionaries(
            {},
            optional={
                "nodeName": st.sampled_from(["n", "", None, "N"]),
                "hostNetwork": st.sampled_from([True, False, None, "true"]),
                "containers": st.none()
                | st.lists(
                    st.fixed_dictionaries(
                        {},
                        optional={
                            "restartPolicy": st.sampled_from(["Always", None]),
                            "ports": st.none()
                            | st.lists(
                                st.fixed_dictionaries(
                                    {"containerPort": st.sampled_from([80, 1, 65535, 0, 65536, "x"])},
                                    optional={
                                        "name": st.sampled_from(["http", "", None, "UP"]),
                                        "protocol": st.sampled_from(["TCP", "UDP", None, "tcp", ""]),
                                    },
                                ),
                                max_size=2,
                            ),
                        },
                    ),
                    max_size=2,
                ),
            },
        ),
    },
    optional={
        "status": st.none()
        | st.fixed_dictionaries(
            {},
            optional={
                "phase": st.sampled_from(["Running", "Failed", None]),
                "podIP": st.sampled_from(["10.128.0.5", "", None, "fd00::1", "10.0.0"]),
                "podIPs": st.none()
                | st.lists(st.sampled_from([{"ip": "10.128.0.6"}, {"ip": "fd00::1"}, {}]), max_size=2),
            },
        )
    },
)


@given(pod=pods)
def test_both_readers_of_pods_agree(pod: dict[str, Any]) -> None:
    text = json.dumps({"apiVersion": "v1", "kind": "Pod", **pod})
    fast, careful = Diagnostics(), Diagnostics()

    from_json = read_texts({"a.json": text}, fast)
    from_yaml = read_texts({"a.yaml": text}, careful)

    assert from_json == from_yaml
    assert [found.message for found in fast.sorted()] == [found.message for found in careful.sorted()]
