"""Pod networks, subnets and addresses that do not fit together."""

from __future__ import annotations

import pytest

from compiler.declarations import Mode
from compiler.values.limits import FIRST_POD_PORT, LAST_POD_PORT
from tests.compiling import CLUSTER, NODES, build, good_model, names, refused

SHOP = CLUSTER + "project shop\n"
A = "pod shop/a { node node-1 address 10.128.0.5 }\n"


def cluster(items: str, nodes: str = NODES) -> str:
    return f"cluster {{ mode networkpolicy {items} }}\n{nodes}"


@pytest.mark.behaviour("PN-12")
@pytest.mark.parametrize("bits", [2, 9, 18])
def test_host_bits_that_fit(bits: int) -> None:
    text = cluster(f"pods 10.128.0.0/14 host-bits {bits} services 172.30.0.0/16", nodes="")

    assert good_model(text).cluster.pod_networks[0].host_bits == bits


@pytest.mark.behaviour("PN-12")
@pytest.mark.parametrize("bits", [0, 1, 19, 32])
def test_host_bits_that_do_not_fit(bits: int) -> None:
    assert refused(cluster(f"pods 10.128.0.0/14 host-bits {bits} services 172.30.0.0/16")) == ["BAD_POD_NETWORK"]


@pytest.mark.behaviour("PN-12")
@pytest.mark.parametrize(
    "items",
    [
        "pods 10.128.0.0/14 host-bits 9 services 10.129.0.0/16",
        "pods 10.128.0.0/14 host-bits 9 services 10.0.0.0/8",
        "pods 10.128.0.0/14 host-bits 9 services 10.128.0.0/14",
        "pods 10.128.0.0/14 host-bits 9 pods 10.130.0.0/16 host-bits 9 services 172.30.0.0/16",
        "pods 10.128.0.0/14 host-bits 9 services 192.168.100.8/29",
    ],
)
def test_networks_that_overlap(items: str) -> None:
    assert set(refused(cluster(items))) == {"OVERLAP"}


@pytest.mark.behaviour("PN-12")
def test_every_overlap_is_told() -> None:
    text = cluster(
        "pods 10.128.0.0/14 host-bits 9 pods 10.128.0.0/16 host-bits 9 pods 10.131.0.0/16 host-bits 9 "
        "services 172.30.0.0/16"
    )

    assert refused(text) == ["OVERLAP", "OVERLAP"]


@pytest.mark.behaviour("PN-12")
@pytest.mark.parametrize("address", ["10.128.9.1", "172.30.0.1"])
def test_a_nodes_address_in_a_network_of_the_cluster(address: str) -> None:
    nodes = f"node n {{ address {address} subnet 10.128.0.0/23 }}"

    assert refused(cluster("pods 10.128.0.0/14 host-bits 9 services 172.30.0.0/16", nodes)) == ["OVERLAP"]


@pytest.mark.behaviour("PN-12")
def test_two_nodes_with_one_address() -> None:
    assert refused(CLUSTER, "node n { address 192.168.100.12 subnet 10.128.4.0/23 }") == ["OVERLAP"]


@pytest.mark.behaviour("PN-12")
@pytest.mark.parametrize("subnet", ["10.128.0.0/23", "10.128.1.0/24", "10.128.0.0/22"])
def test_subnets_that_overlap(subnet: str) -> None:
    found = refused(CLUSTER, f"node n {{ address 192.168.100.13 subnet {subnet} }}")

    assert set(found) == {"OVERLAP"}


@pytest.mark.behaviour("PN-12")
@pytest.mark.parametrize("subnet", ["10.132.0.0/23", "10.0.0.0/8", "192.168.7.0/24"])
def test_a_subnet_outside_the_pod_networks(subnet: str) -> None:
    assert "OUTSIDE" in refused(CLUSTER, f"node n {{ address 192.168.100.13 subnet {subnet} }}")


@pytest.mark.behaviour("PN-12")
@pytest.mark.parametrize("length", [31, 32])
def test_a_subnet_without_room(length: int) -> None:
    assert refused(CLUSTER, f"node n {{ address 192.168.100.13 subnet 10.128.8.0/{length} }}") == ["BAD_POD_NETWORK"]


@pytest.mark.behaviour("PN-12")
@pytest.mark.parametrize("address", ["10.128.0.2", "10.128.0.255", "10.128.1.0", "10.128.1.254"])
def test_addresses_inside_the_nodes_subnet(address: str) -> None:
    good_model(SHOP, f"pod shop/a {{ node node-1 address {address} }}")


@pytest.mark.behaviour("PN-12")
@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("10.128.2.5", "OUTSIDE"),
        ("10.127.255.255", "OUTSIDE"),
        ("192.168.100.11", "OUTSIDE"),
        ("10.128.0.0", "RESERVED_ADDRESS"),
        ("10.128.0.1", "RESERVED_ADDRESS"),
        ("10.128.1.255", "RESERVED_ADDRESS"),
    ],
)
def test_addresses_that_a_pod_cannot_have(address: str, code: str) -> None:
    assert refused(SHOP, f"pod shop/a {{ node node-1 address {address} }}") == [code]


@pytest.mark.behaviour("PN-12")
def test_an_address_belongs_to_one_pod() -> None:
    model, (found,) = build(SHOP + A, "pod shop/b { node node-1 address 10.128.0.5 }")

    assert model is None
    assert found.message == "pod shop/b has the address 10.128.0.5, which pod shop/a has, too"
    assert found.related[0].origin.source.name == "0.sdn"


@pytest.mark.behaviour("PN-12")
def test_an_address_that_three_pods_have_is_told_twice() -> None:
    again = "".join(f"pod shop/{name} {{ node node-1 address 10.128.0.5 }}\n" for name in "bc")

    assert refused(SHOP + A, again) == ["ADDRESS_TWICE", "ADDRESS_TWICE"]


@pytest.mark.behaviour("PN-13")
def test_several_pod_networks_and_another_vxlan_port() -> None:
    model = good_model(
        cluster(
            "pods 10.132.0.0/14 host-bits 8 pods 10.128.0.0/14 host-bits 9 services 172.30.0.0/16 vxlan-port 4790",
            NODES + "node node-3 { address 192.168.100.13 subnet 10.132.0.0/24 }",
        )
        + "project shop\npod shop/c { node node-3 address 10.132.0.7 }"
    )

    assert model.cluster.mode is Mode.NETWORKPOLICY
    assert [str(network.prefix) for network in model.cluster.pod_networks] == ["10.128.0.0/14", "10.132.0.0/14"]
    assert model.cluster.vxlan_port == 4790
    assert [endpoint.node for endpoint in model.endpoints] == ["node-3"]


@pytest.mark.parametrize("port", [FIRST_POD_PORT, LAST_POD_PORT])
def test_openflow_ports_that_a_pod_may_have(port: int) -> None:
    good_model(SHOP, f"pod shop/a {{ node node-1 address 10.128.0.5 of-port {port} }}")


def test_an_openflow_port_belongs_to_one_pod_of_a_node() -> None:
    a = "pod shop/a { node node-1 address 10.128.0.5 of-port 9 }\n"

    assert refused(SHOP + a, "pod shop/b { node node-1 address 10.128.0.6 of-port 9 }") == ["PORT_TWICE"]
    good_model(SHOP + a, "pod shop/b { node node-2 address 10.128.2.6 of-port 9 }")


def test_messages_name_who_and_where() -> None:
    _, (found,) = build(SHOP, "pod shop/a { node node-1 address 10.128.2.5 }")

    assert names([found]) == ["OUTSIDE"]
    assert found.message == "pod shop/a: address 10.128.2.5 is not inside 10.128.0.0/23"
    assert str(found.origin) == "1.sdn:1:1"
