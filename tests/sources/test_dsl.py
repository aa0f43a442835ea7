"""The DSL as a source: what each statement declares."""

from __future__ import annotations

import pytest

from compiler.declarations import (
    BlockPeer,
    ClusterDeclaration,
    Declaration,
    Mode,
    NamedPort,
    NetIdAction,
    NetIdStatement,
    NetworkPolicy,
    NodeDeclaration,
    Pod,
    PodNetwork,
    PodPeer,
    PortName,
    PortRange,
    ProjectDeclaration,
    Rule,
    Service,
    ServicePort,
)
from compiler.diagnostics import Diagnostics
from compiler.origin import Origin, Span
from compiler.sources import read_sources
from compiler.sources.dsl import dsl_source, read_dsl
from compiler.values.labels import NAME_LABEL, SELECT_ALL, Labels, Operator, Requirement, Selector
from compiler.values.prefix import Prefix, parse_address
from compiler.values.services import Protocol
from tests.paths import CLUSTERS, EXAMPLES

AT = Origin(dsl_source("", ""))
TCP, UDP, SCTP = Protocol.TCP, Protocol.UDP, Protocol.SCTP


def read(*texts: str) -> tuple[Declaration, ...]:
    """The declarations of texts that nothing is wrong with."""
    diagnostics = Diagnostics()
    declarations = read_dsl([dsl_source(f"{n}.sdn", text) for n, text in enumerate(texts)], diagnostics)
    assert diagnostics.sorted() == ()
    return declarations


def rule(text: str, sets: str = "") -> Rule:
    """The only rule of a policy."""
    (policy,) = read(f"policy shop/x {{ ingress {{ {text} }} }}", sets)
    assert isinstance(policy, NetworkPolicy)
    assert policy.ingress
    return policy.ingress[0]


def prefix(text: str) -> Prefix:
    return Prefix.parse(text)[0]


def block(text: str, *excepts: str) -> BlockPeer:
    return BlockPeer(AT, prefix(text), [prefix(inner) for inner in excepts])


@pytest.mark.behaviour("PN-01", "PN-13")
def test_cluster() -> None:
    (cluster,) = read(
        """cluster {
             mode multitenant
             pods 10.128.0.0/14 host-bits 9
             pods 10.132.0.0/14 host-bits 8
             services 172.30.0.0/16
             vxlan-port 4790
             mtu 8950
           }"""
    )

    assert cluster == ClusterDeclaration(
        AT,
        Mode.MULTITENANT,
        (PodNetwork(prefix("10.128.0.0/14"), 9, AT), PodNetwork(prefix("10.132.0.0/14"), 8, AT)),
        prefix("172.30.0.0/16"),
        4790,
        8950,
    )


def test_cluster_that_tells_nothing() -> None:
    assert read("cluster {}") == (ClusterDeclaration(AT),)


def test_node() -> None:
    text = "node node-1 { address 192.168.100.11  subnet 10.128.0.0/23  labels zone=east, example.com/rack=r1 }"

    assert read(text, "node node-2 {}") == (
        NodeDeclaration(
            "node-1",
            AT,
            parse_address("192.168.100.11"),
            prefix("10.128.0.0/23"),
            Labels({"zone": "east", "example.com/rack": "r1"}),
        ),
        NodeDeclaration("node-2", AT),
    )


@pytest.mark.behaviour("NP-14")
def test_project() -> None:
    assert read('project a  project b { labels x=y, z=""  netid 4242 }  project c { isolated }') == (
        ProjectDeclaration("a", AT),
        ProjectDeclaration("b", AT, Labels({"x": "y", "z": ""}), 4242),
        ProjectDeclaration("c", AT, isolated=True),
    )


@pytest.mark.behaviour("PN-07")
def test_netid_statements() -> None:
    where = Selector.equal({"team": "web"})

    assert read(
        "join a, b to c  join projects team=web to c  isolate a  isolate projects team=web"
        " global a, b  global projects all"
    ) == (
        NetIdStatement(NetIdAction.JOIN, AT, ("a", "b"), target="c"),
        NetIdStatement(NetIdAction.JOIN, AT, selector=where, target="c"),
        NetIdStatement(NetIdAction.ISOLATE, AT, ("a",)),
        NetIdStatement(NetIdAction.ISOLATE, AT, selector=where),
        NetIdStatement(NetIdAction.GLOBAL, AT, ("a", "b")),
        NetIdStatement(NetIdAction.GLOBAL, AT, selector=SELECT_ALL),
    )


def test_pod() -> None:
    text = """pod shop/web-1 {
                node node-1  address 10.128.0.5  labels app=web
                port http tcp/8080  port dns udp/53  port dns tcp/53
                of-port 11  interface veth1
              }"""

    assert read(text) == (
        Pod(
            "shop",
            "web-1",
            AT,
            "node-1",
            parse_address("10.128.0.5"),
            Labels({"app": "web"}),
            (NamedPort("http", TCP, 8080), NamedPort("dns", UDP, 53), NamedPort("dns", TCP, 53)),
            of_port=11,
            interface="veth1",
        ),
    )


@pytest.mark.behaviour("PN-15", "NP-17")
def test_pods_that_take_no_part() -> None:
    assert read("pod a/b { host-network }  pod a/c { finished }") == (
        Pod("a", "b", AT, host_network=True),
        Pod("a", "c", AT, finished=True),
    )


def test_service() -> None:
    text = """service shop/web { address 172.30.0.10  select app=web  port tcp/80 to 8080  port udp/53 to dns
                                 port tcp/443 }
              service shop/headless {}"""

    assert read(text) == (
        Service(
            "shop",
            "web",
            AT,
            parse_address("172.30.0.10"),
            Selector.equal({"app": "web"}),
            (ServicePort(TCP, 80, 8080), ServicePort(UDP, 53, "dns"), ServicePort(TCP, 443, 443)),
        ),
        Service("shop", "headless", AT),
    )


@pytest.mark.behaviour("NP-02", "NP-04")
def test_policy_governs_the_directions_of_its_blocks() -> None:
    text = "policy a/b { ingress {} }  policy a/c { select x=y egress {} }  policy a/d { egress {} ingress {} }"

    assert read(text) == (
        NetworkPolicy("a", "b", AT, SELECT_ALL, (), None),
        NetworkPolicy("a", "c", AT, Selector.equal({"x": "y"}), None, ()),
        NetworkPolicy("a", "d", AT, SELECT_ALL, (), ()),
    )


@pytest.mark.behaviour("NP-06")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=b", Requirement("a", Operator.IN, ("b",))),
        ("a!=b", Requirement("a", Operator.NOT_IN, ("b",))),
        ("a in (c, b)", Requirement("a", Operator.IN, ("b", "c"))),
        ("a notin (b)", Requirement("a", Operator.NOT_IN, ("b",))),
        ("a", Requirement("a", Operator.EXISTS)),
        ("!a", Requirement("a", Operator.DOES_NOT_EXIST)),
        ('a=""', Requirement("a", Operator.IN, ("",))),
    ],
)
def test_selector(text: str, expected: Requirement) -> None:
    (policy,) = read(f"policy a/b {{ select {text} ingress {{}} }}")

    assert isinstance(policy, NetworkPolicy)
    assert policy.pods == Selector([expected])


@pytest.mark.behaviour("NP-04", "NP-08", "NP-09", "NP-10")
@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("any", None),
        ("tcp/80", (PortRange(TCP, 80, 80),)),
        ("udp/53, tcp/8000-8080", (PortRange(UDP, 53, 53), PortRange(TCP, 8000, 8080))),
        ("tcp/http", (PortName(TCP, "http"),)),
        ("sctp", (PortRange(SCTP, 0, 65535),)),
        ("tcp/1-65535, tcp/1-65535", (PortRange(TCP, 1, 65535),)),
        ("web, udp/53", (PortRange(TCP, 80, 80), PortRange(TCP, 443, 443), PortRange(UDP, 53, 53))),
        ("both", (PortRange(TCP, 80, 80), PortRange(TCP, 443, 443), PortName(TCP, "http"))),
    ],
)
def test_services_of_a_rule(text: str, ports: tuple[PortRange | PortName, ...] | None) -> None:
    sets = "services both = web, tcp/http, web  services web = tcp/80, tcp/443"

    assert rule(f"allow {text} from anyone", sets) == Rule(AT, None, ports)


OWN_API = PodPeer(AT, None, Selector.equal({"app": "api"}))
OF_SHOP = Selector.equal({NAME_LABEL: "shop"})


@pytest.mark.behaviour("NP-04", "NP-05", "NP-07")
@pytest.mark.parametrize(
    ("text", "peers"),
    [
        ("anyone", None),
        ("pods app=api", (OWN_API,)),
        ("pods all", (PodPeer(AT),)),
        ("pods app=api in project shop", (PodPeer(AT, OF_SHOP, OWN_API.pods),)),
        ("pods app=api in projects all", (PodPeer(AT, SELECT_ALL, OWN_API.pods),)),
        ("project shop", (PodPeer(AT, OF_SHOP),)),
        ("projects a=b", (PodPeer(AT, Selector.equal({"a": "b"})),)),
        ("192.0.2.1", (block("192.0.2.1/32"),)),
        (
            "192.0.2.0/24 except 192.0.2.128/25 except 192.0.2.7",
            (block("192.0.2.0/24", "192.0.2.7/32", "192.0.2.128/25"),),
        ),
        ("office", (block("203.0.113.0/24", "203.0.113.128/25"), block("198.51.100.7/32"))),
        ("all-of-us, pods app=api", (*map(block, ["10.0.0.0/8"]), block("203.0.113.0/24", "203.0.113.128/25"),
                                     block("198.51.100.7/32"), OWN_API)),
        ("project shop, project shop", (PodPeer(AT, OF_SHOP),)),
    ],
)  # fmt: skip
def test_peers_of_a_rule(text: str, peers: tuple[PodPeer | BlockPeer, ...] | None) -> None:
    sets = """addresses all-of-us = 10.0.0.0/8, office
              addresses office = 203.0.113.0/24 except 203.0.113.128/25, 198.51.100.7"""

    assert rule(f"allow any from {text}", sets) == Rule(AT, peers, None)


def test_sets_nest_deeply() -> None:
    depth = 5000
    sets = "\n".join(f"services s{n} = s{n + 1}" for n in range(depth)) + f"\nservices s{depth} = tcp/80"

    assert rule("allow s0 from anyone", sets).ports == (PortRange(TCP, 80, 80),)


@pytest.mark.behaviour("OUT-01")
def test_sets_are_visible_in_all_files_in_any_order() -> None:
    policy = "policy a/b { ingress { allow web from office } }"
    sets = "services web = tcp/80  addresses office = 198.51.100.7"

    assert read(policy, sets) == read(sets, policy) == read(policy + sets)


@pytest.mark.behaviour("OUT-03")
def test_origins() -> None:
    text = """addresses office = 198.51.100.7,
  203.0.113.0/24
policy shop/web {
  ingress {
    allow tcp/80 from office, project shop
  }
}
"""
    (policy,) = read(text)
    assert isinstance(policy, NetworkPolicy)
    assert policy.ingress
    (allow,) = policy.ingress
    assert allow.peers

    assert policy.origin.span() == Span(3, 1, 16)
    assert str(policy.origin) == "0.sdn:3:1"
    assert allow.origin.span() == Span(5, 5, 43)
    assert [peer.origin.span() for peer in allow.peers] == [Span(1, 20, 32), Span(2, 3, 17), Span(5, 31, 43)]


def test_source_locates_its_beginning() -> None:
    assert dsl_source("a.sdn", "project a").locate(("items", 3)) == Span(1, 1, 1)


@pytest.mark.parametrize("name", [folder.name for folder in CLUSTERS])
def test_example_has_nothing_wrong(name: str) -> None:
    diagnostics = Diagnostics()
    declarations = read_sources([str(EXAMPLES / name)], None, diagnostics)

    assert declarations
    assert diagnostics.sorted() == ()


@pytest.mark.behaviour("NP-01")
def test_both_notations_of_the_shop_declare_the_same_pods_services_and_policies() -> None:
    def declared(name: str) -> set[Declaration]:
        diagnostics = Diagnostics()
        declarations = read_sources([str(EXAMPLES / name)], None, diagnostics)
        assert diagnostics.sorted() == ()
        return {part for part in declarations if isinstance(part, (Pod, Service, NetworkPolicy, ClusterDeclaration))}

    assert declared("shop") == declared("shop-kubernetes")
    assert len(declared("shop")) == 8 + 3 + 6 + 1
