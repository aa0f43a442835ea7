"""Egress IPs, multicast and the primary network in NetNamespace, HostSubnet and Node objects."""

from __future__ import annotations

import pytest

from compiler.declarations import NodeDeclaration, ProjectDeclaration
from compiler.diagnostics import Diagnostics
from compiler.sources import read_texts
from compiler.values.prefix import Prefix, parse_address

from .reading import read, read_one

VERSIONS = pytest.mark.parametrize("version", ["v1", "network.openshift.io/v1"])
MULTICAST = "netnamespace.network.openshift.io/multicast-enabled"


def net_namespace(more: str, version: str = "v1") -> str:
    return f"apiVersion: {version}\nkind: NetNamespace\nmetadata:\n  name: a\nnetid: 10\n{more}\n"


def host_subnet(more: str, version: str = "v1") -> str:
    head = f"apiVersion: {version}\nkind: HostSubnet\nmetadata: {{name: n}}\nhostIP: 192.168.100.11\n"
    return f"{head}subnet: 10.128.0.0/23\n{more}\n"


def annotated_namespace(value: str) -> str:
    return (
        f"apiVersion: v1\nkind: NetNamespace\nmetadata: {{name: a, annotations: {{{MULTICAST}: {value}}}}}\nnetid: 10\n"
    )


def node(annotation: str) -> str:
    return f"""apiVersion: v1
kind: Node
metadata:
  name: n
  annotations:
    k8s.ovn.org/node-primary-ifaddr: {annotation}
"""


@pytest.mark.behaviour("EI-01")
@VERSIONS
def test_egress_ips_of_a_project(version: str) -> None:
    found = read_one(ProjectDeclaration, net_namespace("egressIPs:\n- 192.168.100.50\n- 192.168.100.49", version))

    addresses = [parse_address("192.168.100.50"), parse_address("192.168.100.49")]
    assert [egress.address for egress in found.egress_addresses] == addresses
    assert [str(egress.origin) for egress in found.egress_addresses] == ["a.yaml:7:3", "a.yaml:8:3"]
    assert found.netid == 10


@pytest.mark.behaviour("EI-01", "EI-08")
@VERSIONS
def test_egress_ips_and_networks_of_a_node(version: str) -> None:
    lists = "egressIPs: [192.168.100.50]\negressCIDRs: [192.168.100.64/26, 192.168.100.128/25]"
    found = read_one(NodeDeclaration, host_subnet(lists, version))

    assert [egress.address for egress in found.egress_addresses] == [parse_address("192.168.100.50")]
    assert [str(network.prefix) for network in found.egress_networks] == ["192.168.100.64/26", "192.168.100.128/25"]
    assert [str(network.origin) for network in found.egress_networks] == ["a.yaml:7:15", "a.yaml:7:34"]


@pytest.mark.parametrize("empty", ["", "egressIPs: null", "egressIPs: []"])
def test_no_egress_ips(empty: str) -> None:
    assert read_one(ProjectDeclaration, net_namespace(empty)).egress_addresses == ()
    assert read_one(NodeDeclaration, host_subnet(empty)).egress_addresses == ()


@pytest.mark.behaviour("EI-01")
@pytest.mark.parametrize(
    ("value", "reports"),
    [
        ("[192.168.100.256]", ["BAD_ADDRESS:6:13"]),
        ("[192.168.100.50/32]", ["BAD_ADDRESS:6:13"]),
        ("['2001:db8::1']", ["BAD_ADDRESS:6:13"]),
        ("[3232261170]", ["WRONG_TYPE:6:13"]),
        ("[null]", ["WRONG_TYPE:6:13"]),
        ("192.168.100.50", ["WRONG_TYPE:6:12"]),
        ("[192.168.100.50, 192.168.100.50]", ["DUPLICATE:6:29"]),
    ],
)
def test_wrong_egress_ips(value: str, reports: list[str]) -> None:
    assert read(net_namespace(f"egressIPs: {value}"))[1] == reports
    assert read(host_subnet(f"egressIPs: {value}"))[1] == reports


@pytest.mark.behaviour("EI-08")
@pytest.mark.parametrize(
    ("value", "reports"),
    [
        ("[192.168.100.64]", ["BAD_CIDR:6:15"]),
        ("[192.168.100.64/33]", ["BAD_CIDR:6:15"]),
        ("['2001:db8::/64']", ["BAD_CIDR:6:15"]),
        ("[192.168.100.65/26]", ["HOST_BITS:6:15"]),
        ("[26]", ["WRONG_TYPE:6:15"]),
        ("{}", ["WRONG_TYPE:6:14"]),
    ],
)
def test_wrong_egress_networks(value: str, reports: list[str]) -> None:
    assert read(host_subnet(f"egressCIDRs: {value}"))[1] == reports


@pytest.mark.behaviour("MC-01")
@pytest.mark.parametrize(
    ("value", "on"),
    [('"true"', True), ('"false"', False), ('"True"', False), ('" true"', False), ('""', False), ("null", False)],
)
def test_multicast(value: str, on: bool) -> None:
    assert read_one(ProjectDeclaration, annotated_namespace(value)).multicast is on


@pytest.mark.behaviour("MC-01")
def test_multicast_is_off_by_default() -> None:
    assert not read_one(ProjectDeclaration, net_namespace("")).multicast


@pytest.mark.behaviour("MC-01")
@pytest.mark.parametrize("value", ["true", "1", "[true]"])
def test_multicast_of_another_type(value: str) -> None:
    (found,), reports = read(annotated_namespace(value))

    assert isinstance(found, ProjectDeclaration)
    assert not found.multicast
    assert reports == ["WRONG_TYPE:3:88"]


@pytest.mark.parametrize(
    ("annotation", "underlay"),
    [
        ("""'{"ipv4":"192.168.100.11/24"}'""", "192.168.100.0/24"),
        ("""'{"ipv4":"192.168.100.11/24","ipv6":"fd00::1/64"}'""", "192.168.100.0/24"),
        ("""'{"ipv6":"fd00::1/64"}'""", None),
        ("""'{"ipv4":""}'""", None),
        ("""'{"ipv4":null}'""", None),
        ("""'{}'""", None),
    ],
)
def test_primary_network_of_a_node(annotation: str, underlay: str | None) -> None:
    expected = None if underlay is None else Prefix.parse(underlay)[0]

    assert read_one(NodeDeclaration, node(annotation)).underlay == expected


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        ("""'{"ipv4":"192.168.100.11"}'""", "ipv4: expected an address with its length, found '192.168.100.11'"),
        ("""'{"ipv4":"192.168.100.11/33"}'""", "ipv4: expected an address with its length, found '192.168.100.11/33'"),
        ("""'{"ipv4":0}'""", "ipv4 is no string"),
        ("""'[]'""", "it is no JSON mapping"),
        ("""'{"ipv4":'""", "invalid JSON: Expecting value: line 1 column 9 (char 8)"),
    ],
)
def test_wrong_primary_network(annotation: str, reason: str) -> None:
    diagnostics = Diagnostics()
    (found,) = read_texts({"a.yaml": node(annotation)}, diagnostics)

    assert isinstance(found, NodeDeclaration)
    assert found.underlay is None
    (told,) = diagnostics.sorted()
    assert told.message == f"annotation k8s.ovn.org/node-primary-ifaddr: {reason}"
    assert str(told.origin) == "a.yaml:6:38"


def test_primary_network_that_is_no_text() -> None:
    assert read(node("{ipv4: 192.168.100.11/24}"))[1] == ["WRONG_TYPE:6:38"]
