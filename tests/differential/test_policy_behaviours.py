"""NetworkPolicy by example: what policies allow, in which directions, which services and connections."""

from __future__ import annotations

import pytest

from tests.oracle.hops import ESTABLISHED, RELATED, RELATED_REPLY, REPLY
from tests.oracle.network import Network
from tests.oracle.shop import ALL, CLUSTER, OUTSIDE, network, who_reaches, whom_reaches, yaml_network


@pytest.mark.behaviour("NP-02")
def test_a_pod_that_no_policy_selects_accepts_and_sends_everything() -> None:
    net = network("policy shop/web { select app=web  ingress {} }")

    assert who_reaches(net, "shop/api", "tcp/1") == ALL - {"shop/api"}
    assert whom_reaches(net, "shop/web", "47") == ALL - {"shop/web"}
    assert net.reaches(OUTSIDE, "shop/api", "icmp/8")
    assert net.reaches("shop/web", OUTSIDE, "tcp/443")


@pytest.mark.behaviour("NP-02")
def test_a_selected_pod_accepts_the_union_of_its_policies_and_nothing_else() -> None:
    net = network("""
        policy shop/one { select app=web  ingress { allow tcp/80 from pods app=api ; allow udp/53 from project audit } }
        policy shop/two { ingress { allow tcp/81 from pods app=api } }
        policy shop/other { select app=api  ingress { allow any from anyone } }
        """)

    assert who_reaches(net, "shop/web", "tcp/80") == {"shop/api"}
    assert who_reaches(net, "shop/web", "tcp/81") == {"shop/api"}
    assert who_reaches(net, "shop/web", "udp/53") == {"audit/web", "audit/book"}
    assert who_reaches(net, "shop/web", "tcp/82") == set()
    assert who_reaches(net, "shop/plain", "tcp/81") == {"shop/api"}
    assert who_reaches(net, "shop/plain", "tcp/80") == set()


@pytest.mark.behaviour("NP-03")
def test_policy_types_absent() -> None:
    metadata = "{name: p, namespace: shop}"

    only_ingress = yaml_network(metadata, "{podSelector: {}}")
    both = yaml_network(metadata, "{podSelector: {}, egress: [{ports: [{port: 80}]}]}")

    assert who_reaches(only_ingress, "shop/web", "tcp/80") == set()
    assert whom_reaches(only_ingress, "shop/web", "tcp/80") == {"audit/web", "audit/book", "default/router"}
    assert who_reaches(both, "shop/web", "tcp/80") == set()
    assert whom_reaches(both, "shop/web", "tcp/80") == {"audit/web", "audit/book", "default/router"}
    assert whom_reaches(both, "shop/web", "tcp/81") == set()


@pytest.mark.behaviour("NP-03")
def test_policy_types_decide_alone() -> None:
    net = yaml_network(
        "{name: p, namespace: shop}", "{podSelector: {}, policyTypes: [Egress], ingress: [], egress: [{}]}"
    )

    assert who_reaches(net, "shop/web", "tcp/80") == ALL - {"shop/web"}
    assert whom_reaches(net, "shop/web", "tcp/80") == ALL - {"shop/web"}


@pytest.mark.behaviour("NP-04")
@pytest.mark.parametrize("rule", ["{}", "{from: [], ports: []}"])
def test_a_rule_without_peers_and_ports_allows_everything(rule: str) -> None:
    net = yaml_network("{name: p, namespace: shop}", f"{{podSelector: {{}}, ingress: [{rule}]}}")

    assert who_reaches(net, "shop/web", "sctp/7") == ALL - {"shop/web"}
    assert net.reaches(OUTSIDE, "shop/web", "icmp/8")
    assert net.reaches(OUTSIDE, "shop/web", "50")


@pytest.mark.behaviour("NP-04")
def test_no_rule_denies_all() -> None:
    net = yaml_network("{name: p, namespace: shop}", "{podSelector: {}, policyTypes: [Ingress], ingress: []}")

    assert who_reaches(net, "shop/web", "tcp/80") == set()
    assert not net.reaches(OUTSIDE, "shop/web", "tcp/80")
    assert not net.reaches("node-2", "shop/web", "icmp/8")


@pytest.mark.behaviour("NP-08")
def test_protocols() -> None:
    net = yaml_network(
        "{name: p, namespace: shop}",
        "{podSelector: {}, ingress: [{ports: [{port: 80}, {protocol: UDP, port: 53}, {protocol: SCTP}]}]}",
    )

    asked = ("tcp/80", "udp/53", "sctp/1", "sctp/65535", "udp/80", "sctp/80", "tcp/53", "icmp/8", "50")
    passed = [service for service in asked if net.reaches("audit/web", "shop/web", service)]
    assert passed == ["tcp/80", "udp/53", "sctp/1", "sctp/65535", "sctp/80"]


def range_network(first: int, last: int) -> Network:
    rule = f"{{ports: [{{port: {first}, endPort: {last}}}]}}"
    return yaml_network("{name: p, namespace: shop}", f"{{podSelector: {{}}, ingress: [{rule}]}}")


@pytest.mark.behaviour("NP-09")
@pytest.mark.parametrize(("first", "last"), [(1, 65535), (80, 80), (1023, 1024), (32767, 32769), (65534, 65535)])
def test_ranges_end_where_they_end(first: int, last: int) -> None:
    net = range_network(first, last)

    asked = {0, first - 1, first, (first + last) // 2, last, min(last + 1, 65535)}
    opened = {port for port in asked if net.reaches("shop/plain", "shop/web", f"tcp/{port}")}

    assert opened == {port for port in asked if first <= port <= last}


@pytest.mark.behaviour("NP-09")
def test_a_range_port_by_port() -> None:
    net = range_network(1000, 1999)

    opened = {port for port in range(65536) if net.reaches("shop/plain", "shop/web", f"tcp/{port}")}

    assert opened == set(range(1000, 2000))


@pytest.mark.behaviour("NP-10")
def test_named_ports_are_those_of_the_receiving_pod() -> None:
    net = network("""
        policy shop/in { ingress { allow tcp/http from project audit } }
        policy audit/out { select app=web  egress { allow tcp/http, udp/http to project shop } }
        """)

    assert net.reaches("audit/book", "shop/web", "tcp/8080")
    assert net.reaches("audit/book", "shop/api", "tcp/9000")
    assert not net.reaches("audit/book", "shop/web", "tcp/9000")
    assert not net.reaches("audit/book", "shop/api", "udp/9001")
    assert not any(net.reaches("audit/book", "shop/plain", f"tcp/{port}") for port in (0, 80, 8080, 9000))

    assert net.reaches("audit/web", "shop/web", "tcp/8080")
    assert not net.reaches("audit/web", "shop/web", "tcp/9000")
    assert not net.reaches("audit/web", "shop/plain", "tcp/8080")


@pytest.mark.behaviour("NP-10")
def test_named_ports_in_egress() -> None:
    net = network("policy audit/out { select app=web  egress { allow tcp/http, udp/http to anyone } }")

    assert net.reaches("audit/web", "shop/web", "tcp/8080")
    assert net.reaches("audit/web", "shop/api", "tcp/9000")
    assert net.reaches("audit/web", "shop/api", "udp/9001")
    assert not net.reaches("audit/web", "shop/web", "udp/9001")
    assert not net.reaches("audit/web", OUTSIDE, "tcp/8080")


@pytest.mark.behaviour("NP-11")
def test_replies_pass_in_both_directions() -> None:
    net = network("""
        policy shop/deny { ingress {}  egress {} }
        policy audit/deny { ingress {}  egress {} }
        """)

    assert not net.reaches("audit/web", "shop/web", "tcp/80")
    assert net.reaches("audit/web", "shop/web", "tcp/80", state=REPLY)
    assert net.reaches("shop/web", "audit/web", "tcp/80", state=REPLY)
    assert net.reaches("shop/web", OUTSIDE, "tcp/80", state=REPLY)
    assert net.reaches(OUTSIDE, "shop/web", "tcp/80", state=REPLY)


@pytest.mark.behaviour("NP-11")
def test_errors_about_a_connection_pass_if_its_ends_send_them() -> None:
    net = network("""
        policy shop/deny { ingress {}  egress {} }
        policy audit/deny { ingress {}  egress {} }
        """)
    connection = ("audit/web", "shop/web")

    def reaches(source: str, destination: str, state: str) -> bool:
        return net.reaches(source, destination, "icmp/3", state=state, about=connection)

    # What audit/web sent was too long, or for a closed port; or what shop/web answered.
    assert reaches("shop/web", "audit/web", RELATED_REPLY)
    assert reaches("audit/web", "shop/web", RELATED)
    # Routers on the way send such errors, too.
    assert reaches(OUTSIDE, "audit/web", RELATED_REPLY)
    assert reaches(OUTSIDE, "shop/web", RELATED)
    # Anybody can repeat the header of somebody else's connection.
    for state in (RELATED, RELATED_REPLY):
        assert not reaches("shop/api", "shop/web", state)
        assert not reaches("shop/api", "audit/web", state)
    assert not reaches("shop/web", "audit/web", RELATED)
    # Related, but no error: what a helper of the node's kernel expects is not what a policy allows.
    assert not net.reaches(OUTSIDE, "shop/web", "tcp/80", state=RELATED, about=connection)


@pytest.mark.behaviour("NP-11")
def test_a_policy_change_cuts_the_forward_direction() -> None:
    before, after = network(""), network("policy shop/deny { ingress {} }")

    assert before.reaches("audit/web", "shop/web", "tcp/80", state=ESTABLISHED)
    assert not after.reaches("audit/web", "shop/web", "tcp/80", state=ESTABLISHED)


@pytest.mark.behaviour("NP-12", "NT-01")
def test_a_pod_reaches_itself_and_its_node_reaches_it() -> None:
    net = network("policy shop/deny { ingress {}  egress {} }")

    assert net.reaches("service of shop/web", "shop/web", "tcp/80")
    assert net.reaches("node-1", "shop/web", "tcp/80")
    assert net.reaches("gateway of node-1", "shop/web", "tcp/80")
    assert not net.reaches("node-2", "shop/web", "tcp/80")
    assert not net.reaches("gateway of node-2", "shop/web", "tcp/80")


@pytest.mark.behaviour("NP-13")
def test_a_policy_of_many_peers_and_ports_is_not_skipped() -> None:
    blocks = ", ".join(f"198.{i}.{j}.0/24" for i in range(18, 20) for j in range(100))
    ports = ", ".join(f"tcp/{port}" for port in range(1000, 2000, 2))
    net = network(f"policy shop/big {{ select app=web  ingress {{ allow {ports} from {blocks} }} }}")

    assert net.reaches("198.18.0.1", "shop/web", "tcp/1000")
    assert net.reaches("198.19.99.255", "shop/web", "tcp/1998")
    assert not net.reaches("198.19.99.255", "shop/web", "tcp/1001")
    assert not net.reaches("198.19.100.0", "shop/web", "tcp/1000")


@pytest.mark.behaviour("NP-13")
def test_a_policy_of_many_rules_is_in_force_to_the_last() -> None:
    peers = [f"198.18.{number // 250}.{number % 250}" for number in range(1500)]
    rules = "\n".join(f"allow tcp/{1000 + number} from {peer}" for number, peer in enumerate(peers))
    net = network(f"policy shop/big {{ select app=web  ingress {{ {rules} }} }}")

    for number, peer in enumerate(peers):
        assert net.reaches(peer, "shop/web", f"tcp/{1000 + number}"), number
    for number, peer in list(enumerate(peers))[::25]:
        assert not net.reaches(peer, "shop/web", f"tcp/{1001 + number}"), number


@pytest.mark.behaviour("NP-14")
def test_the_legacy_annotation_isolates_a_project() -> None:
    metadata = """
        name: old
        annotations: {net.beta.kubernetes.io/network-policy: '{"ingress":{"isolation":"DefaultDeny"}}'}
        """
    texts = {
        "cluster.sdn": CLUSTER
        + "pod old/a { node node-1  address 10.128.0.9  labels n=1 }\n"
        + "pod old/b { node node-1  address 10.128.0.10 }\n"
        + "policy old/a { select n=1  ingress { allow tcp/80 from anyone } }\n",
        "old.yaml": f"apiVersion: v1\nkind: Namespace\nmetadata:{metadata}",
    }

    net = Network.of(texts)

    assert who_reaches(net, "old/b", "tcp/80") == set()
    assert who_reaches(net, "old/a", "tcp/80") == ALL
    assert who_reaches(net, "old/a", "tcp/81") == set()
    assert net.reaches("old/a", "shop/web", "tcp/80")


@pytest.mark.behaviour("NP-15", "PN-14")
def test_traffic_to_a_service_is_judged_by_the_address_behind_it() -> None:
    net = network("""
        policy shop/out { select app=web  egress { allow tcp/9000 to pods app=api } }
        policy shop/in { select app=api  ingress { allow tcp/9000 from pods app=web } }
        """)

    assert net.reaches("shop/web", "172.30.0.10", "tcp/80")
    assert net.reaches("service of shop/web", "shop/api", "tcp/9000")
    assert not net.reaches("service of shop/web", "shop/api", "tcp/80")
    assert not net.reaches("service of shop/web", "shop/plain", "tcp/9000")
    assert not net.reaches("service of shop/plain", "shop/api", "tcp/9000")
