"""The objects that deploy egress routers, and that sdnc reads them as the routers that they deploy."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from backends.kubernetes import render
from compiler.diagnostics import Diagnostics
from compiler.pipeline import Compilation, compile_declarations
from compiler.sources import read_texts
from tests.compiling import NETWORK, compiled, declare, node_files

pytestmark = pytest.mark.behaviour("ER-13")

CLUSTER = f"""
cluster {{ mode networkpolicy {NETWORK} }}
node node-1 {{ address 192.168.12.11/24  subnet 10.128.0.0/23  labels site=springfield-1, disk=fast }}
node node-2 {{ address 192.168.12.12/24  subnet 10.128.2.0/23  labels site=springfield-1, edge=true }}
node node-3 {{ address 192.168.12.13/24  subnet 10.128.4.0/23 }}
project shop
"""

REDIRECTS = """
  redirect tcp/80 to 203.0.113.25
  redirect tcp/8080 to 203.0.113.26 port 80
  redirect udp/8080 to 203.0.113.26 port 443
  fallback 203.0.113.27
"""
PROXY = "http-proxy { deny *.example.com  deny 192.168.1.0/24  allow 192.0.2.1  allow all }"
FORWARDS = "dns-proxy { forward tcp/8443 to foobar.com port 443  forward tcp/80 to 203.0.113.25 }"


def router_text(items: str, more: str = "", source: str = "192.168.12.99/24") -> str:
    return f"egress-router shop/legacy-db {{ source {source}  gateway 192.168.12.1  {more}  {items} }}\n"


def deployed(items: str, more: str = "") -> list[Any]:
    """The objects of a router, as a YAML reader other than sdnc's has them."""
    (file,) = render(compiled(declare(CLUSTER, router_text(items, more))).model).values()
    return list(yaml.safe_load_all(file.text))


def kind(objects: list[Any], name: str) -> Any:
    (found,) = (each for each in objects if each["kind"] == name)
    return found


def pod_spec(objects: list[Any]) -> Any:
    return kind(objects, "ReplicationController")["spec"]["template"]["spec"]


def read_back(compilation: Compilation) -> Compilation:
    """The compilation of the same cluster with the objects in place of the routers."""
    diagnostics = Diagnostics()
    texts = {
        "cluster.sdn": CLUSTER,
        **{path.rpartition("/")[2]: file.text for path, file in render(compilation.model).items()},
    }
    again = compile_declarations(read_texts(texts, diagnostics), diagnostics)
    assert again is not None, diagnostics.sorted()
    assert [found.code.id for found in diagnostics.sorted()] == []
    return again


@pytest.mark.parametrize(
    ("items", "more"),
    [
        (REDIRECTS, "nodes site=springfield-1  config-map  deploy pod"),
        (PROXY, "interface eth1  node node-1"),
        (FORWARDS, "nodes site, !edge"),
    ],
    ids=["redirects", "http-proxy", "dns-proxy"],
)
def test_the_files(golden: SnapshotAssertion, items: str, more: str) -> None:
    files = render(compiled(declare(CLUSTER, router_text(items, more))).model)

    assert list(files) == ["kubernetes/shop_legacy-db.yaml"]
    assert files["kubernetes/shop_legacy-db.yaml"].text == golden


WHERE = (
    "",
    "node node-2",
    "nodes site=springfield-1",
    "nodes site in (springfield-1, b), !edge",
    "nodes disk notin (slow)",
)


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize(
    "how", ["deploy pod", "deploy replication-controller  config-map", "image a.example:5000/b/c:v3"]
)
@pytest.mark.parametrize(
    "items",
    [
        REDIRECTS,
        "fallback 203.0.113.25",
        "redirect tcp/53 to 203.0.113.1  redirect udp/53 to 203.0.113.1",
        PROXY,
        FORWARDS,
    ],
    ids=["redirects", "fallback", "one-port-two-protocols", "http-proxy", "dns-proxy"],
)
def test_the_objects_give_the_same_nodes(items: str, how: str, where: str) -> None:
    compilation = compiled(declare(CLUSTER, router_text(items, f"{how}  {where}")))

    again = read_back(compilation)

    assert node_files(again) == node_files(compilation)
    assert render(again.model) == {}


ADDRESSES = st.tuples(*[st.integers(1, 223)] * 4).map(lambda octets: ".".join(map(str, octets)))
PORTS = st.integers(1, 65535)
NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,8}[a-z0-9]\.(test|example)", fullmatch=True)
REDIRECT_LINES = st.lists(
    st.tuples(st.sampled_from(["tcp", "udp"]), PORTS, ADDRESSES, PORTS),
    min_size=1,
    unique_by=lambda line: line[:2],
).map(lambda lines: "  ".join(f"redirect {p}/{port} to {to} port {remote}" for p, port, to, remote in lines))
TARGETS = st.one_of(ADDRESSES, NAMES, NAMES.map(lambda name: f"*.{name}"))
PROXY_LINES = st.lists(st.tuples(st.sampled_from(["allow", "deny"]), TARGETS), max_size=6).map(
    lambda rules: f"http-proxy {{ {'  '.join(f'{verb} {to}' for verb, to in rules)}  allow all }}"
)
FORWARD_LINES = st.lists(st.tuples(PORTS, ADDRESSES | NAMES, PORTS), min_size=1, unique_by=lambda line: line[0]).map(
    lambda lines: f"dns-proxy {{ {'  '.join(f'forward tcp/{a} to {to} port {b}' for a, to, b in lines)} }}"
)


@settings(max_examples=60)
@given(
    items=REDIRECT_LINES | PROXY_LINES | FORWARD_LINES,
    how=st.sampled_from(["deploy pod", "config-map", ""]),
    where=st.sampled_from(WHERE),
    interface=st.sampled_from(
        ["", "interface eth1", "interface 1e3", "interface no", "interface null", "interface 0x1f"]
    ),
)
def test_the_objects_of_any_router_give_the_same_nodes(items: str, how: str, where: str, interface: str) -> None:
    compilation = compiled(declare(CLUSTER, router_text(items, f"{how}  {where}  {interface}")))

    assert node_files(read_back(compilation)) == node_files(compilation)


def test_the_annotation_is_a_string() -> None:
    annotations = kind(deployed(REDIRECTS), "ReplicationController")["spec"]["template"]["metadata"]["annotations"]

    assert annotations == {"pod.network.openshift.io/assign-macvlan": "true"}


@pytest.mark.parametrize(
    ("items", "image", "stays"),
    [
        (REDIRECTS, "openshift/origin-egress-router", "openshift/origin-pod"),
        (PROXY, "openshift/origin-egress-router", "openshift/origin-egress-http-proxy"),
        (FORWARDS, "openshift/origin-egress-router", "openshift/origin-egress-dns-proxy"),
    ],
)
def test_images_by_default(items: str, image: str, stays: str) -> None:
    spec = pod_spec(deployed(items))

    assert [container["image"] for container in spec["initContainers"]] == [image]
    assert [container["image"] for container in spec["containers"]] == [stays]
    assert [container.get("securityContext") for container in spec["initContainers"]] == [{"privileged": True}]
    assert [container.get("securityContext") for container in spec["containers"]] == [None]


def test_an_image_takes_the_place_of_the_modes() -> None:
    own = "image registry.example.com/egress:v3"
    redirects, proxy = pod_spec(deployed(REDIRECTS, own)), pod_spec(deployed(PROXY, own))

    assert redirects["initContainers"][0]["image"] == "registry.example.com/egress:v3"
    assert proxy["initContainers"][0]["image"] == "openshift/origin-egress-router"
    assert proxy["containers"][0]["image"] == "registry.example.com/egress:v3"


@pytest.mark.parametrize(
    ("items", "ports"),
    [
        (REDIRECTS, [("TCP", 80), ("TCP", 8080), ("UDP", 8080)]),
        (PROXY, [("TCP", 8080)]),
        (FORWARDS, [("TCP", 80), ("TCP", 8443)]),
    ],
)
def test_the_service_has_the_routers_ports(items: str, ports: list[tuple[str, int]]) -> None:
    objects = deployed(items)
    spec = kind(objects, "Service")["spec"]

    assert [(port["protocol"], port["port"]) for port in spec["ports"]] == ports
    assert len({port["name"] for port in spec["ports"]}) == len(ports)
    assert spec["selector"] == kind(objects, "ReplicationController")["spec"]["template"]["metadata"]["labels"]


def test_without_a_port_that_is_told_the_service_is_headless() -> None:
    assert kind(deployed("fallback 203.0.113.25"), "Service")["spec"] == {
        "clusterIP": "None",
        "selector": {"name": "legacy-db"},
    }


def test_a_controller_has_one_replica() -> None:
    assert kind(deployed(REDIRECTS), "ReplicationController")["spec"]["replicas"] == 1


def test_a_pod_has_no_controller() -> None:
    assert [each["kind"] for each in deployed(REDIRECTS, "deploy pod")] == ["Pod", "Service"]


def test_a_config_map_has_the_destinations() -> None:
    objects = deployed(REDIRECTS, "config-map")
    (variable,) = (
        each for each in pod_spec(objects)["initContainers"][0]["env"] if each["name"] == "EGRESS_DESTINATION"
    )

    reference = variable["valueFrom"]["configMapKeyRef"]
    assert kind(objects, "ConfigMap")["metadata"]["name"] == reference["name"]
    assert kind(objects, "ConfigMap")["data"][reference["key"]].splitlines() == [
        "80 tcp 203.0.113.25",
        "8080 tcp 203.0.113.26 80",
        "8080 udp 203.0.113.26 443",
        "203.0.113.27",
    ]


def test_routers_that_exist_already_are_not_deployed() -> None:
    model = compiled(declare(CLUSTER, router_text(REDIRECTS))).model
    (router,) = model.routers

    assert render(evolve(model, routers=(evolve(router, router=evolve(router.router, deployment=None)),))) == {}


@pytest.mark.behaviour("ER-14")
def test_a_selector_of_labels_is_a_node_selector_and_any_other_an_affinity() -> None:
    by_labels = pod_spec(deployed(REDIRECTS, "nodes site=springfield-1, disk=fast"))
    by_more = pod_spec(deployed(REDIRECTS, "nodes site=springfield-1, !edge"))
    by_name = pod_spec(deployed(REDIRECTS, "node node-2"))

    assert by_labels["nodeSelector"] == {"site": "springfield-1", "disk": "fast"}
    required = by_more["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert required["nodeSelectorTerms"] == [
        {
            "matchExpressions": [
                {"key": "edge", "operator": "DoesNotExist"},
                {"key": "site", "operator": "In", "values": ["springfield-1"]},
            ]
        }
    ]
    assert by_name["nodeName"] == "node-2"
    assert [set(spec) & {"nodeName", "nodeSelector", "affinity"} for spec in (by_labels, by_more, by_name)] == [
        {"nodeSelector"},
        {"affinity"},
        {"nodeName"},
    ]
