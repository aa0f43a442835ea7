"""The model that is built of declarations, and what is wrong between them."""

from __future__ import annotations

import json

import pytest

from compiler.declarations import Declaration, Endpoints, InterfaceDeclaration, Mode, Route
from compiler.diagnostics import Diagnostics
from compiler.model.build import build_model
from compiler.model.cluster import DEFAULT_MTU, DEFAULT_VXLAN_PORT
from compiler.model.model import Model
from compiler.origin import Origin, Span
from compiler.sources import read_texts
from compiler.sources.dsl import dsl_source
from compiler.values.labels import NAME_LABEL
from compiler.values.prefix import format_address, parse_address
from compiler.values.services import Protocol
from tests.compiling import (
    CLUSTER,
    MULTITENANT,
    NETWORK,
    NODES,
    build,
    built,
    declare,
    declare_objects,
    good_model,
    names,
    refused,
)

SHOP = CLUSTER + "project shop\n"


def test_parts_are_put_together_and_sorted() -> None:
    model = good_model(
        SHOP + "pod shop/b { node node-2 address 10.128.2.5 }\npod shop/a { node node-1 address 10.128.0.5 }"
    )

    assert [node.name for node in model.nodes] == ["node-1", "node-2"]
    assert [project.name for project in model.projects] == ["default", "shop"]
    assert [endpoint.name for endpoint in model.endpoints] == ["shop/a", "shop/b"]
    assert model.cluster.vxlan_port == DEFAULT_VXLAN_PORT
    assert model.cluster.mtu == DEFAULT_MTU
    assert [format_address(node.gateway) for node in model.nodes] == ["10.128.0.1", "10.128.2.1"]


def test_several_declarations_tell_of_one_thing() -> None:
    model = good_model(
        f"cluster {{ mode networkpolicy }}\ncluster {{ {NETWORK} }}\ncluster {{ vxlan-port 4790 }}\n{NODES}",
        "project shop { labels a=b }\nproject shop { netid 77 }\nproject shop { isolated }",
        "node node-1 { labels zone=east }",
    )
    (shop,) = (project for project in model.projects if project.name == "shop")

    assert (model.cluster.mode, model.cluster.vxlan_port) == (Mode.NETWORKPOLICY, 4790)
    assert (shop.netid, shop.isolated, shop.labels.get("a")) == (77, True, "b")
    assert model.nodes[0].labels.get("zone") == "east"
    assert len(model.cluster.origins) == 3


def test_objects_and_policy_language_mix() -> None:
    host_subnet = {
        "kind": "HostSubnet",
        "apiVersion": "network.openshift.io/v1",
        "metadata": {"name": "node-1"},
        "host": "node-1",
        "hostIP": "192.168.100.11",
        "subnet": "10.128.0.0/23",
    }
    diagnostics = Diagnostics()

    model = build_model([*declare(CLUSTER), *declare_objects(host_subnet)], diagnostics)

    assert model == good_model(CLUSTER)


@pytest.mark.behaviour("PN-01")
@pytest.mark.parametrize(
    "other",
    [
        "cluster { mode subnet }",
        "cluster { services 172.31.0.0/16 }",
        "cluster { pods 10.128.0.0/14 host-bits 8 }",
        "node node-1 { address 192.168.100.99 }",
        "node node-1 { subnet 10.128.4.0/23 }",
    ],
)
def test_sources_that_disagree_are_an_error(other: str) -> None:
    assert refused(CLUSTER, other) == ["DISAGREE"]


@pytest.mark.parametrize("item", ["vxlan-port", "mtu"])
def test_numbers_that_disagree_are_an_error(item: str) -> None:
    assert refused(CLUSTER, f"cluster {{ {item} 4000 }}", f"cluster {{ {item} 4001 }}") == ["DISAGREE"]


@pytest.mark.parametrize("item", ["labels a=b", "netid 20"])
def test_projects_that_disagree_are_an_error(item: str) -> None:
    assert refused(SHOP, f"project shop {{ {item} }}", f"project shop {{ {item}1 }}") == ["DISAGREE"]


def test_a_disagreement_tells_both_places() -> None:
    _, (found,) = build(CLUSTER, "cluster { mode subnet }")

    assert found.message == "mode: subnet here, networkpolicy elsewhere"
    assert found.origin is not None
    assert (str(found.origin), str(found.related[0].origin)) == ("1.sdn:1:1", "0.sdn:1:1")


@pytest.mark.behaviour("PN-01")
def test_sources_that_agree_are_none() -> None:
    assert good_model(CLUSTER, CLUSTER) == good_model(CLUSTER)


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("", "its mode, its pod network, its service network"),
        ("cluster { mode subnet }", "its pod network, its service network"),
        ("cluster { mode subnet services 172.30.0.0/16 }", "its pod network"),
        (f"cluster {{ {NETWORK} }}", "its mode"),
    ],
)
def test_a_cluster_that_lacks_something(text: str, missing: str) -> None:
    model, (found,) = build(text)

    assert model is None
    assert names([found]) == ["NO_CLUSTER"]
    assert missing in found.message


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("node n { address 192.168.100.13 }", "node n lacks a subnet"),
        ("node n { subnet 10.128.4.0/23 }", "node n lacks an address"),
        ("node n { labels a=b }", "node n lacks an address and a subnet"),
    ],
)
def test_a_node_that_lacks_something(text: str, missing: str) -> None:
    model, (found,) = build(CLUSTER, text)

    assert model is None
    assert found.message == missing


@pytest.mark.parametrize(
    "thing",
    [
        "pod shop/a { node node-1 address 10.128.0.5 }",
        "policy shop/a { ingress {} }",
        "service shop/a { address 172.30.0.1 }",
    ],
)
def test_what_is_defined_twice_is_an_error(thing: str) -> None:
    model, found = build(SHOP + thing, thing)

    assert model is None
    (duplicate,) = (one for one in found if names([one]) == ["DUPLICATE"])
    assert duplicate.origin is not None
    assert duplicate.origin.source.name == "1.sdn"
    assert duplicate.related[0].origin.source.name == "0.sdn"


def test_one_name_may_stand_for_a_pod_a_policy_and_a_service() -> None:
    good_model(
        SHOP + "pod shop/a { node node-1 address 10.128.0.5 }\npolicy shop/a { ingress {} }\n"
        "service shop/a { address 172.30.0.1 }\npod default/a { node node-1 address 10.128.0.6 }"
    )


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("pod shoop/a { node node-1 address 10.128.0.5 }", "UNKNOWN_PROJECT"),
        ("policy shoop/a { ingress {} }", "UNKNOWN_PROJECT"),
        ("service shoop/a { address 172.30.0.1 }", "UNKNOWN_PROJECT"),
        ("pod shop/a { node node-3 address 10.128.0.5 }", "UNKNOWN_NODE"),
    ],
)
def test_what_does_not_exist_is_an_error_with_a_hint(text: str, code: str) -> None:
    model, (found,) = build(SHOP + text)

    assert model is None
    assert names([found]) == [code]
    assert "did you mean" in found.message


@pytest.mark.behaviour("NP-06")
def test_every_project_has_the_label_with_its_name() -> None:
    model = good_model(SHOP)

    assert {project.name: project.labels.get(NAME_LABEL) for project in model.projects} == {
        "default": "default",
        "shop": "shop",
    }


def pod(name: str, **fields: object) -> dict[str, object]:
    status = {"podIP": "10.128.0.5", "phase": "Running", **{k: v for k, v in fields.items() if k in ("podIP", "phase")}}
    spec = {"nodeName": "node-1", **{k: v for k, v in fields.items() if k in ("nodeName", "hostNetwork")}}
    metadata = {"name": name, "namespace": "shop"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}


def model_with(*objects: object) -> Model:
    diagnostics = Diagnostics()
    model = build_model([*declare(SHOP), *declare_objects(*objects)], diagnostics)
    assert model is not None, diagnostics.sorted()
    return model


@pytest.mark.behaviour("PN-15")
def test_a_pod_on_the_host_network_is_no_endpoint() -> None:
    model = model_with(pod("host", hostNetwork=True, podIP="192.168.100.11"), pod("web"))

    assert [endpoint.name for endpoint in model.endpoints] == ["shop/web"]


@pytest.mark.behaviour("NP-17")
@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_has_finished_is_no_endpoint(phase: str) -> None:
    model = model_with(pod("job", phase=phase), pod("web"))

    assert [endpoint.name for endpoint in model.endpoints] == ["shop/web"]


@pytest.mark.parametrize("fields", [{"podIP": ""}, {"nodeName": ""}])
def test_a_pod_without_address_or_node_is_no_endpoint_yet(fields: dict[str, object]) -> None:
    assert model_with(pod("new", **fields)).endpoints == ()


def interfaces(*rows: tuple[str, int, str]) -> dict[str, object]:
    data = [
        [name, port, ["map", [["ip", address], ["sandbox", "0123"]] if address else []]] for name, port, address in rows
    ]
    return {"headings": ["name", "ofport", "external_ids"], "data": data}


def test_imported_interfaces_tell_ports() -> None:
    diagnostics = Diagnostics()
    texts = {
        "cluster.sdn": SHOP + "pod shop/a { node node-1 address 10.128.0.5 of-port 7 }\n"
        "pod shop/b { node node-1 address 10.128.0.6 of-port 8 }",
        "node-1.json": json.dumps(interfaces(("br0", 65534, ""), ("veth5", 12, "10.128.0.5"))),
    }

    model = build_model(read_texts(texts, diagnostics), diagnostics)

    assert model is not None, diagnostics.sorted()
    assert [(e.name, e.of_port, e.interface) for e in model.endpoints] == [
        ("shop/a", 12, "veth5"),
        ("shop/b", 8, None),
    ]


@pytest.mark.behaviour("PN-10")
@pytest.mark.parametrize("mode", ["subnet", "multitenant"])
def test_modes_without_policy_count_what_they_ignore(mode: str) -> None:
    text = (
        MULTITENANT.replace("multitenant", mode)
        + "project shop\npolicy shop/a { ingress {} }\npolicy shop/b { ingress {} }"
    )

    model, (found,) = build(text)

    assert model is not None
    assert found.message == f"2 NetworkPolicy objects are ignored in {mode} mode"


def test_every_error_is_told_at_once() -> None:
    text = "pod nowhere/a { node node-9 address 10.128.0.5 }\nnode n { labels a=b }\nproject shop { netid 3 }"

    found = refused(CLUSTER, "cluster { mode subnet }", text)

    assert sorted(found) == ["BAD_NETID", "DISAGREE", "INCOMPLETE_NODE", "UNKNOWN_NODE", "UNKNOWN_PROJECT"]


def interface(name: str, port: int, address: str) -> InterfaceDeclaration:
    origin = Origin(dsl_source("interfaces", ""), Span(1, port, port + 1))
    return InterfaceDeclaration(name, port, origin, parse_address(address))


def test_two_interfaces_with_the_address_of_one_pod() -> None:
    text = CLUSTER + "project shop\npod shop/a { node node-1 address 10.128.0.5 }"
    stale, new = interface("veth1", 7, "10.128.0.5"), interface("veth2", 9, "10.128.0.5")
    elsewhere = (interface("veth3", 3, "10.128.0.6"), interface("veth4", 4, "10.128.0.6"))
    diagnostics = Diagnostics()

    assert build_model((*declare(text), stale, new, *elsewhere), diagnostics) is None

    assert names(diagnostics.sorted()) == ["ADDRESS_TWICE"]


def at(line: int) -> Origin:
    return Origin(dsl_source("services", ""), Span(line, 1, 2))


def test_endpoints_and_routes_are_sorted_whatever_the_order_of_the_input() -> None:
    parts: list[Declaration] = [
        Endpoints("shop", "web", at(1), (2, 3), ((Protocol.UDP, 53), (Protocol.TCP, 80))),
        Endpoints("shop", "web", at(2), (2, 3), ((Protocol.TCP, 80),)),
        Endpoints("shop", "web", at(3), (1,)),
        Endpoints("shop", "api", at(4), (9,)),
        Endpoints("elsewhere", "web", at(5), (9,)),
        Route("shop", "b", at(6), ("web",)),
        Route("shop", "a", at(7), ("web", "api")),
        Route("elsewhere", "c", at(8)),
    ]

    model, found = built([*declare(SHOP), *parts])

    assert model is not None
    assert found == ()
    assert [one.origin.span().line for one in model.service_endpoints] == [5, 4, 3, 2, 1]
    assert [(one.project, one.name) for one in model.routes] == [("elsewhere", "c"), ("shop", "a"), ("shop", "b")]
    assert built([*reversed(parts), *declare(SHOP)])[0] == model


def test_a_route_is_defined_once() -> None:
    model, (found,) = built([*declare(SHOP), Route("shop", "a", at(3)), Route("shop", "a", at(2))])

    assert model is None
    assert names([found]) == ["DUPLICATE"]
    assert found.message == "route shop/a is defined twice"
    assert str(found.origin) == "services:3:1"


def test_labels_that_disagree_are_told_as_they_are_written() -> None:
    _, (found,) = build(CLUSTER, "node node-1 { labels site=a, zone=b }", "node node-1 { labels site=b }")

    assert found.message == "node node-1, labels: site=b here, site=a, zone=b elsewhere"
