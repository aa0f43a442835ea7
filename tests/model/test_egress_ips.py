"""Egress IPs: who asks for them, who hosts them, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from compiler.declarations import Declaration, EgressAddress, EgressNetwork, NodeDeclaration, ProjectDeclaration
from compiler.diagnostics import Diagnostic, Severity
from compiler.model.model import Model
from compiler.origin import Origin, Span
from compiler.sources.dsl import dsl_source
from compiler.values.limits import MAX_EGRESS_IPS
from compiler.values.prefix import Prefix, format_address, parse_address
from tests.compiling import CLUSTER, CODE_NAMES, MULTITENANT, NETWORK, SUBNET, built, declare, names

FILE = dsl_source("egress", "")
UNDERLAY = "192.168.100.0/24"
PROJECTS = """
project shop { netid 20 }
project web { netid 30 }
project lab { netid 40 }
project api { netid 40 }
project monitoring { netid 0 }
"""


def at(line: int) -> Origin:
    return Origin(FILE, Span(line, 1, 2))


def project(name: str, *addresses: str, line: int = 1) -> ProjectDeclaration:
    return ProjectDeclaration(
        name,
        at(line),
        egress_addresses=tuple(EgressAddress(parse_address(address), at(line)) for address in addresses),
    )


def node(
    name: str, *addresses: str, networks: Sequence[str] = (), underlay: str | None = None, line: int = 51
) -> NodeDeclaration:
    return NodeDeclaration(
        name,
        at(line),
        underlay=Prefix.parse(underlay)[0] if underlay else None,
        egress_addresses=tuple(EgressAddress(parse_address(address), at(line)) for address in addresses),
        egress_networks=tuple(EgressNetwork(Prefix.parse(network)[0], at(line)) for network in networks),
    )


KNOWN = (node("node-1", underlay=UNDERLAY, line=91), node("node-2", underlay=UNDERLAY, line=92))
"""Tells the network of both nodes' addresses."""


def built_with(*parts: Declaration, cluster: str = MULTITENANT) -> tuple[Model | None, tuple[Diagnostic, ...]]:
    return built([*declare(cluster + PROJECTS), *KNOWN, *parts])


def good(*parts: Declaration, cluster: str = MULTITENANT) -> Model:
    model, found = built_with(*parts, cluster=cluster)
    assert model is not None, found
    return model


def refused(*parts: Declaration, cluster: str = MULTITENANT) -> list[str]:
    """The names of the errors."""
    model, found = built_with(*parts, cluster=cluster)
    assert model is None
    return names([one for one in found if one.severity is Severity.ERROR])


def hosts(*parts: Declaration) -> dict[str, str | None]:
    """The host of each egress IP."""
    return {format_address(one.address): one.node for one in good(*parts).egress_ips}


def test_what_projects_ask_for_meets_what_nodes_host() -> None:
    model = good(
        project("web", "192.168.100.60", line=2),
        project("shop", "192.168.100.51", "192.168.100.50", line=3),
        node("node-2", "192.168.100.51", "192.168.100.99", line=4),
        node("node-1", "192.168.100.60", line=5),
    )

    assert [(format_address(one.address), one.project, one.netid, one.node) for one in model.egress_ips] == [
        ("192.168.100.50", "shop", 20, None),
        ("192.168.100.51", "shop", 20, "node-2"),
        ("192.168.100.60", "web", 30, "node-1"),
    ]
    assert [[str(origin) for origin in one.origins] for one in model.egress_ips] == [
        ["egress:3:1"],
        ["egress:3:1", "egress:4:1"],
        ["egress:2:1", "egress:5:1"],
    ]


def test_several_sources_tell_of_one_project_and_one_node() -> None:
    model = good(
        project("shop", "192.168.100.50", line=3),
        project("shop", "192.168.100.51", "192.168.100.50", line=2),
        node("node-1", "192.168.100.50"),
        node("node-1", "192.168.100.50", "192.168.100.51"),
    )

    assert [(format_address(one.address), one.node) for one in model.egress_ips] == [
        ("192.168.100.50", "node-1"),
        ("192.168.100.51", "node-1"),
    ]
    assert [str(origin) for origin in model.egress_ips[0].origins][:2] == ["egress:2:1", "egress:3:1"]


@pytest.mark.behaviour("EI-02")
def test_a_project_none_of_whose_addresses_is_hosted_is_warned_of_once() -> None:
    model, found = built_with(
        project("shop", "192.168.100.50", "192.168.100.51", line=2),
        project("web", "192.168.100.60", "192.168.100.61", line=3),
        node("node-1", "192.168.100.61"),
    )

    assert model is not None
    assert [one.node for one in model.egress_ips] == [None, None, None, "node-1"]
    (warning,) = found
    assert names(found) == ["EGRESS_IP_UNHOSTED"]
    assert "project shop (192.168.100.50, 192.168.100.51)" in warning.message
    assert str(warning.origin) == "egress:2:1"


@pytest.mark.behaviour("EI-04")
def test_an_address_of_a_node_lies_in_the_nodes_own_network() -> None:
    model, (found,) = built_with(node("node-1", "192.168.101.50", line=7))

    assert model is None
    assert names([found]) == ["EGRESS_IP_OUTSIDE"]
    assert "192.168.101.50 of node node-1 is not inside 192.168.100.0/24" in found.message
    assert str(found.origin) == "egress:7:1"


@pytest.mark.behaviour("EI-04")
@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("192.168.100.11", "the address of node node-1"),
        ("192.168.100.12", "the address of node node-2"),
        ("10.129.0.5", "inside the pod network 10.128.0.0/14"),
        ("172.30.0.9", "inside the service network 172.30.0.0/16"),
        ("192.168.100.0", "the network address of 192.168.100.0/24"),
        ("192.168.100.255", "the broadcast address of 192.168.100.0/24"),
        ("0.0.0.0", "an address that no host can have"),
        ("127.0.0.2", "an address that no host can have"),
        ("224.0.0.5", "an address that no host can have"),
        ("255.255.255.255", "an address that no host can have"),
    ],
)
@pytest.mark.parametrize("by_node", [True, False])
def test_an_address_that_somebody_else_has(address: str, what: str, by_node: bool) -> None:
    claim = node("node-2", address, line=7) if by_node else project("shop", address, line=7)

    model, found = built_with(claim)

    assert model is None
    (taken,) = [one for one in found if names([one]) == ["EGRESS_IP_TAKEN"]]
    assert taken.message == f"egress IP {address} is {what}"
    assert str(taken.origin) == "egress:7:1"


@pytest.mark.behaviour("EI-04")
def test_a_network_of_two_addresses_has_no_ends() -> None:
    text = f"cluster {{ mode multitenant {NETWORK} }}\nnode n {{ address 192.168.7.0 subnet 10.128.0.0/23 }}"

    model, _ = built([*declare(text), node("n", "192.168.7.1", underlay="192.168.7.0/31")])

    assert model is not None


@pytest.mark.behaviour("EI-04")
@pytest.mark.parametrize(
    "parts", [[node("node-1", "192.168.100.50")], [node("node-1", networks=["192.168.100.64/26"], line=52)]]
)
def test_a_node_whose_network_nobody_tells_is_noted_once(parts: list[Declaration]) -> None:
    model, found = built([*declare(MULTITENANT + PROJECTS), *parts, *parts])

    assert model is not None
    assert [CODE_NAMES[one.code] for one in found] == ["UNDERLAY_UNKNOWN"]
    assert "of node-1" in found[0].message


def test_the_network_of_a_nodes_address_holds_it() -> None:
    text = f"cluster {{ mode multitenant {NETWORK} }}\nnode n {{ address 192.168.7.9 subnet 10.128.0.0/23 }}"

    model, (found,) = built([*declare(text), node("n", underlay="192.168.7.0/29")])

    assert model is None
    assert found.message == "node n: address 192.168.7.9 is not inside 192.168.7.0/29"


def test_sources_agree_about_the_network_of_a_nodes_address() -> None:
    assert refused(node("node-1", underlay="192.168.100.0/25")) == ["DISAGREE"]


def test_the_network_of_a_nodes_address_is_in_the_model() -> None:
    assert [str(one.underlay) for one in good().nodes] == [UNDERLAY, UNDERLAY]


@pytest.mark.behaviour("EI-05")
def test_an_address_that_two_projects_ask_for() -> None:
    model, (found,) = built_with(
        project("web", "192.168.100.50", line=2),
        project("shop", "192.168.100.50", line=3),
        node("node-1", "192.168.100.50"),
    )

    assert model is None
    assert names([found]) == ["EGRESS_IP_TWICE"]
    assert found.message == "project shop and project web both claim the egress IP 192.168.100.50"
    assert (str(found.origin), str(found.related[0].origin)) == ("egress:2:1", "egress:3:1")


@pytest.mark.behaviour("EI-05")
def test_an_address_that_two_nodes_have() -> None:
    model, (found,) = built_with(node("node-2", "192.168.100.50", line=2), node("node-1", "192.168.100.50", line=3))

    assert model is None
    assert found.message == "node node-1 and node node-2 both claim the egress IP 192.168.100.50"
    assert (str(found.origin), str(found.related[0].origin)) == ("egress:2:1", "egress:3:1")


@pytest.mark.behaviour("EI-06")
def test_joined_projects_have_no_egress_ip() -> None:
    model, found = built_with(project("lab", "192.168.100.50"), node("node-1", "192.168.100.50"))

    assert model is None
    assert [one.message for one in found] == ["project lab has an egress IP, but shares NetID 40 with api"]


@pytest.mark.behaviour("EI-06")
@pytest.mark.parametrize("name", ["default", "monitoring"])
def test_global_projects_have_no_egress_ip(name: str) -> None:
    assert refused(project(name, "192.168.100.50"), node("node-1", "192.168.100.50")) == ["EGRESS_IP_GLOBAL"]


@pytest.mark.behaviour("EI-08")
def test_addresses_go_to_the_node_with_the_fewest() -> None:
    pool = ["192.168.100.64/26"]

    assert hosts(
        project("shop", "192.168.100.65", "192.168.100.66", "192.168.100.70"),
        project("web", "192.168.100.67", "192.168.100.68", "192.168.100.8"),
        node("node-1", networks=pool),
        node("node-2", networks=pool),
    ) == {
        "192.168.100.8": None,  # in nobody's network
        "192.168.100.65": "node-1",
        "192.168.100.66": "node-2",  # node-1 has one of shop's
        "192.168.100.67": "node-1",  # as few as node-2, and first by name
        "192.168.100.68": "node-2",
        "192.168.100.70": None,  # both have one of shop's
    }


@pytest.mark.behaviour("EI-08")
def test_addresses_that_a_node_has_by_hand_stay_there() -> None:
    model = good(
        project("shop", "192.168.100.65", "192.168.100.66", line=2),
        node("node-1", networks=["192.168.100.64/26", "192.168.100.0/24"], line=3),
        node("node-2", "192.168.100.65", line=4),
    )

    assert [one.node for one in model.egress_ips] == ["node-2", "node-1"]
    assert [str(origin) for origin in model.egress_ips[1].origins] == ["egress:2:1", "egress:3:1", "egress:3:1"]


@pytest.mark.behaviour("EI-08")
def test_only_addresses_of_the_nodes_own_network_are_assigned() -> None:
    asked = project("shop", "192.168.100.65", "192.168.101.65")

    assert hosts(asked, node("node-1", networks=["192.168.0.0/16"])) == {
        "192.168.100.65": "node-1",
        "192.168.101.65": None,
    }


@pytest.mark.behaviour("EI-08")
def test_a_network_that_is_nowhere_on_the_nodes_own() -> None:
    model, (found,) = built_with(node("node-1", networks=["192.168.101.0/24"], line=8))

    assert model is None
    assert found.message == "node node-1: network of egress IPs 192.168.101.0/24 is not inside 192.168.100.0/24"
    assert str(found.origin) == "egress:8:1"


@pytest.mark.behaviour("EI-08")
def test_a_node_has_addresses_by_hand_or_networks() -> None:
    model, (found,) = built_with(
        node("node-1", "192.168.100.50", line=7), node("node-1", networks=["192.168.100.64/26"], line=8)
    )

    assert model is None
    assert names([found]) == ["EGRESS_IPS_BOTH_WAYS"]
    assert (str(found.origin), str(found.related[0].origin)) == ("egress:8:1", "egress:7:1")


def test_a_node_that_lacks_its_subnet_hosts_nothing_and_is_told_of_once() -> None:
    asked = project("shop", "192.168.100.65")

    assert refused(asked, node("node-3", networks=["192.168.100.64/26"])) == ["INCOMPLETE_NODE"]


def test_subnet_mode_counts_what_it_ignores() -> None:
    model, (found,) = built_with(
        project("shop", "192.168.100.50", "192.168.100.51"),
        project("default", "192.168.100.50"),
        node("node-1", "10.0.0.1", networks=["10.0.0.0/8"]),
        cluster=SUBNET,
    )

    assert model is not None
    assert model.egress_ips == ()
    assert found.message == "3 egress IPs of projects are ignored in subnet mode"


def test_subnet_mode_has_nothing_to_ignore_where_no_project_asks() -> None:
    _, found = built_with(node("node-1", "192.168.100.50"), cluster=SUBNET)

    assert found == ()


def test_networkpolicy_mode_has_egress_ips() -> None:
    declarations = [*declare(CLUSTER, "project shop { netid 20 }"), *KNOWN]

    model, _ = built([*declarations, project("shop", "192.168.100.50"), node("node-1", "192.168.100.50")])

    assert model is not None
    assert [(one.netid, one.node) for one in model.egress_ips] == [(20, "node-1")]


def test_a_cluster_without_a_mode_is_told_alone() -> None:
    model, found = built([project("default", "0.0.0.0")])

    assert model is None
    assert names(found) == ["NO_CLUSTER"]


@pytest.mark.parametrize("more", [0, 1])
def test_a_node_hosts_no_more_addresses_than_it_can_tell_apart(more: int) -> None:
    first = parse_address("20.0.0.1")
    addresses = [format_address(first + i) for i in range(MAX_EGRESS_IPS + more)]

    _, found = built([*declare(MULTITENANT + PROJECTS), project("shop", *addresses), node("node-1", *addresses)])

    errors = [one for one in found if one.severity is Severity.ERROR]
    assert names(errors) == ["BAD_NUMBER"] * more
    assert all("node node-1: number of egress IPs 16384 is out of range: 0 to 16383" in one.message for one in errors)
