"""NetworkPolicy by example: whom a rule speaks of: pods, projects, nodes and blocks of addresses."""

from __future__ import annotations

import pytest

from compiler.diagnostics import Diagnostics
from compiler.pipeline import compile_declarations
from compiler.sources import read_texts
from tests.oracle.shop import ALL, CLUSTER, OUTSIDE, network, who_reaches, whom_reaches, yaml_network


@pytest.mark.behaviour("NP-05")
@pytest.mark.parametrize(
    ("peers", "expected"),
    [
        ("pods app=web", set()),
        ("pods app=api", {"shop/api"}),
        ("pods all", {"shop/api", "shop/plain"}),
        ("projects team=finance", {"audit/web", "audit/book"}),
        ("projects all", ALL - {"shop/web"}),
        ("pods app=web in projects all", {"audit/web"}),
        ("pods app=web in projects team=finance", {"audit/web"}),
        ("pods app=api, project audit", {"shop/api", "audit/web", "audit/book"}),
    ],
)
def test_selectors_of_peers(peers: str, expected: set[str]) -> None:
    net = network(f"policy shop/web {{ select app=web  ingress {{ allow any from {peers} }} }}")

    assert who_reaches(net, "shop/web", "tcp/80") == expected


@pytest.mark.behaviour("NP-05")
def test_no_selector_matches_an_external_address() -> None:
    net = network("""
        policy shop/in { select app=web  ingress { allow any from projects all } }
        policy shop/out { select app=web  egress { allow any to projects all } }
        """)

    assert not net.reaches(OUTSIDE, "shop/web", "tcp/80")
    assert not net.reaches("shop/web", OUTSIDE, "tcp/80")
    assert net.reaches("shop/web", "audit/book", "tcp/80")


@pytest.mark.behaviour("NP-06")
@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("app=web", {"audit/web"}),
        ("app in (web, router)", {"audit/web", "default/router"}),
        ("app notin (web, router)", {"shop/api", "shop/plain", "audit/book"}),
        ("app", {"shop/api", "audit/web", "audit/book", "default/router"}),
        ("!app", {"shop/plain"}),
        ("app, tier!=middle", {"audit/web", "audit/book", "default/router"}),
    ],
)
def test_operators_of_selectors(selector: str, expected: set[str]) -> None:
    rule = f"allow any from pods {selector} in projects all"
    net = network(f"policy shop/web {{ select app=web  ingress {{ {rule} }} }}")

    assert who_reaches(net, "shop/web", "tcp/80") == expected


@pytest.mark.behaviour("NP-06")
def test_every_project_has_a_label_with_its_name() -> None:
    rule = "allow any from projects kubernetes.io/metadata.name in (audit, default)"
    net = network(f"policy shop/web {{ select app=web  ingress {{ {rule} }} }}")

    assert who_reaches(net, "shop/web", "tcp/80") == {"audit/web", "audit/book", "default/router"}


@pytest.mark.behaviour("NP-07")
def test_blocks_match_by_address_pods_included() -> None:
    rule = "allow any from 203.0.113.0/24 except 203.0.113.128/25, 10.128.2.0/23 except 10.128.2.3/32"
    net = network(f"policy shop/web {{ select app=web  ingress {{ {rule} }} }}")

    assert net.reaches("203.0.113.127", "shop/web", "tcp/80")
    assert not net.reaches("203.0.113.128", "shop/web", "tcp/80")
    assert not net.reaches("203.0.114.0", "shop/web", "tcp/80")
    assert who_reaches(net, "shop/web", "tcp/80") == {"shop/api", "default/router"}


@pytest.mark.behaviour("NP-07")
def test_blocks_in_egress() -> None:
    net = network("policy shop/web { egress { allow any to 198.51.100.0/24, 10.128.0.4, 192.168.100.12 } }")

    assert net.reaches("shop/web", "198.51.100.255", "tcp/80")
    assert not net.reaches("shop/web", "198.51.101.0", "tcp/80")
    assert net.reaches("shop/web", "node-2", "tcp/80")
    assert not net.reaches("shop/web", "node-1", "tcp/80")
    assert whom_reaches(net, "shop/web", "tcp/80") == {"audit/book"}


@pytest.mark.behaviour("NP-07", "NP-16")
@pytest.mark.parametrize("inner", ["10.0.0.0/8", "10.0.0.0/7", "11.0.0.0/16"])
def test_an_exception_lies_strictly_inside(inner: str) -> None:
    diagnostics = Diagnostics()
    block = f"{{cidr: 10.0.0.0/8, except: [{inner}]}}"
    policy = f"""
        apiVersion: networking.k8s.io/v1
        kind: NetworkPolicy
        metadata: {{name: p, namespace: shop}}
        spec: {{podSelector: {{}}, ingress: [{{from: [{{ipBlock: {block}}}]}}]}}
        """

    compile_declarations(read_texts({"cluster.sdn": CLUSTER, "policy.yaml": policy}, diagnostics), diagnostics)

    assert diagnostics.failed


@pytest.mark.behaviour("NP-17")
def test_a_finished_pod_is_no_endpoint() -> None:
    net = network("""
        pod shop/job { node node-1  address 10.128.0.4  labels app=job  finished }
        policy shop/web { select app=web  ingress { allow any from pods app=job } }
        policy shop/job { select app=job  ingress {} }
        """)

    assert not net.reaches("audit/book", "shop/web", "tcp/80")
    assert net.reaches("shop/plain", "audit/book", "tcp/80")


@pytest.mark.behaviour("NP-18")
def test_null_and_empty_selectors() -> None:
    metadata = "{name: p, namespace: shop}"

    everybody = yaml_network(metadata, "{podSelector: null, ingress: [{from: [{podSelector: {}}]}]}")
    web = "{podSelector: {matchLabels: {app: web}}, namespaceSelector: null}"
    absent = yaml_network(metadata, f"{{podSelector: {{}}, ingress: [{{from: [{web}]}}]}}")
    nobody = "{podSelector: {matchLabels: {app: nobody}}}"
    nothing = yaml_network(metadata, f"{{podSelector: {{}}, ingress: [{{from: [{nobody}]}}]}}")
    no_port = yaml_network(metadata, "{podSelector: {}, ingress: [{ports: [{port: nosuch}]}]}")
    egress = yaml_network(metadata, "{podSelector: {}, ingress: [{}], egress: []}")

    assert who_reaches(everybody, "shop/web", "tcp/80") == {"shop/api", "shop/plain"}
    assert who_reaches(absent, "shop/plain", "tcp/80") == {"shop/web"}
    assert who_reaches(nothing, "shop/plain", "tcp/80") == set()
    assert who_reaches(no_port, "shop/plain", "tcp/80") == set()
    assert whom_reaches(egress, "shop/plain", "tcp/80") == ALL - {"shop/plain"}


@pytest.mark.behaviour("NP-18")
def test_an_empty_label_value_needs_the_key() -> None:
    net = network('policy shop/web { select app=web  ingress { allow any from pods note="" in projects all } }')

    assert who_reaches(net, "shop/web", "tcp/80") == {"audit/book"}


@pytest.mark.behaviour("NP-19")
def test_host_bits_and_ipv6_are_warnings() -> None:
    net = yaml_network(
        "{name: p, namespace: shop}",
        "{podSelector: {}, "
        "ingress: [{from: [{ipBlock: {cidr: 203.0.113.77/24}}, {ipBlock: {cidr: '2001:db8::/32'}}]}]}",
    )

    assert len(net.codes) == 2
    assert net.reaches("203.0.113.1", "shop/web", "tcp/80")
    assert not net.reaches("203.0.112.1", "shop/web", "tcp/80")
    assert who_reaches(net, "shop/web", "tcp/80") == set()


@pytest.mark.behaviour("NT-01")
def test_nodes_count_to_the_project_default() -> None:
    whole = network("policy shop/web { ingress { allow any from project default } }")
    some = network("policy shop/web { ingress { allow any from pods app=router in project default } }")
    other = network("policy shop/web { ingress { allow any from project audit } }")

    assert whole.reaches("node-2", "shop/web", "tcp/80")
    assert whole.reaches("gateway of node-2", "shop/web", "tcp/80")
    assert not some.reaches("node-2", "shop/web", "tcp/80")
    assert not other.reaches("node-2", "shop/web", "tcp/80")
    assert not whole.reaches(OUTSIDE, "shop/web", "tcp/80")
