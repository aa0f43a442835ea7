"""Egress firewalls by example: one test or more for each behaviour EF that flows show."""

from __future__ import annotations

import pytest

from compiler.options import Options
from tests.oracle.compiled import NAMES, OPTIONS
from tests.oracle.exits import (
    ELSEWHERE,
    GLOBAL,
    MODES,
    NODE_1,
    NODE_2,
    OUTSIDE,
    SERVICES,
    SHARED,
    STRICT,
    TWO,
    network,
    refused,
    text,
)
from tests.oracle.hops import ESTABLISHED, RELATED_REPLY, REPLY
from tests.oracle.network import Network
from tests.oracle.outward import hears, ways_out


@pytest.mark.behaviour("EF-01")
@pytest.mark.parametrize("mode", MODES)
def test_the_first_rule_that_matches_decides(mode: str) -> None:
    rules = ["deny any to 203.0.113.0/24", "allow any to 203.0.113.7/32"]

    denying = network(f"firewall shop {{ {'; '.join(rules)} }}", mode)
    allowing = network(f"firewall shop {{ {'; '.join(reversed(rules))} }}", mode)

    for service in SERVICES:
        assert ways_out(denying, "shop/one", OUTSIDE, service) == set()
        assert ways_out(allowing, "shop/one", OUTSIDE, service) == {"node-1"}
        assert ways_out(allowing, "shop/one", "203.0.113.8", service) == set()
        assert ways_out(denying, "shop/one", ELSEWHERE, service) == {"node-1"}
        assert ways_out(denying, "blog/one", OUTSIDE, service) == {"node-1"}
    assert ways_out(denying, "shop/three", OUTSIDE, "tcp/80", state=ESTABLISHED) == set()


@pytest.mark.behaviour("EF-01", "EF-13")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("everything", ["anyone", "0.0.0.0/0", "10.128.0.0/14, 172.30.0.0/16, 224.0.0.0/4"])
def test_pods_services_and_multicast_are_not_judged(mode: str, everything: str) -> None:
    projects = TWO.replace("netid 100", "netid 100  multicast")

    net = network(f"firewall shop {{ deny any to {everything} }}", mode, projects)

    assert net.reaches("shop/one", "shop/two", "tcp/80")
    assert net.reaches("shop/one", "default/three", "tcp/80")
    assert net.sends("shop/one", "172.30.0.1", "tcp/443") == ("node-1", 2)
    assert hears(net, "shop/one") == {"shop/two", "shop/three"}
    assert ways_out(net, "shop/one", OUTSIDE, "tcp/80") == ({"node-1"} if "172" in everything else set())


@pytest.mark.behaviour("EF-01")
def test_nodes_outside_the_pod_network_are_judged() -> None:
    net = network("firewall shop { deny any to 192.168.100.0/24 }")

    assert ways_out(net, "shop/one", NODE_1, "tcp/22") == ways_out(net, "shop/one", NODE_2, "tcp/22") == set()
    assert net.reaches("shop/one", "gateway of node-2", "tcp/22")


@pytest.mark.behaviour("EF-01")
def test_in_subnet_mode_there_are_none() -> None:
    net = network("firewall shop { deny any to anyone }", "subnet", TWO.replace("100", "100  multicast"))

    assert ways_out(net, "shop/one", OUTSIDE, "tcp/80") == {"node-1"}
    assert hears(net, "shop/one") == set()
    assert net.codes == ("SDN317", "SDN317")


@pytest.mark.behaviour("EF-01")
def test_replies_are_not_judged_but_errors_are() -> None:
    net = network("firewall shop { deny any to anyone }")
    about = (OUTSIDE, "10.128.0.2")

    assert ways_out(net, "shop/one", OUTSIDE, "tcp/80", state=REPLY) == {"node-1"}
    assert ways_out(net, "shop/one", OUTSIDE, "icmp/3", state=RELATED_REPLY, about=about) == set()
    assert ways_out(net, "blog/one", OUTSIDE, "icmp/3", state=RELATED_REPLY, about=(OUTSIDE, "10.128.0.3"))


@pytest.mark.behaviour("EF-03")
def test_ports_of_rules() -> None:
    rules = (
        "allow tcp/443, tcp/8000-8010 to 203.0.113.0/24 ; deny tcp, udp/53 to anyone ; deny sctp/7 to 203.0.113.0/24"
    )

    net = network(f"firewall shop {{ {rules} }}")

    passes = {
        (service, to) for service in SERVICES for to in (OUTSIDE, ELSEWHERE) if ways_out(net, "shop/one", to, service)
    }
    assert passes == {
        ("tcp/443", OUTSIDE),
        ("sctp/7", ELSEWHERE),
        *((service, to) for service in ("icmp/8", "50") for to in (OUTSIDE, ELSEWHERE)),
    }
    ports = (7999, 8000, 8010, 8011)
    assert [bool(ways_out(net, "shop/one", OUTSIDE, f"tcp/{port}")) for port in ports] == [False, True, True, False]


@pytest.mark.behaviour("EF-03")
def test_a_packet_in_pieces_does_not_get_around_rules_with_ports() -> None:
    """A fragment shows no port.  It passes where no rule speaks of ports of its protocol, except UDP's (PN-11)."""
    net = network("firewall shop { deny tcp/80 to 203.0.113.0/24 }\nfirewall blog { deny any to 203.0.113.0/24 }")

    def passes(pod: str, to: str, service: str) -> bool:
        return bool(ways_out(net, pod, to, service, fragment=True))

    assert not passes("shop/one", OUTSIDE, "tcp/80")
    assert passes("shop/one", OUTSIDE, "sctp/80") and passes("shop/one", OUTSIDE, "icmp/8")
    assert passes("blog/one", ELSEWHERE, "tcp/80") and not passes("blog/one", OUTSIDE, "tcp/80")
    assert passes("default/one", OUTSIDE, "tcp/80")
    assert not any(passes(f"{project}/one", ELSEWHERE, "udp/80") for project in ("shop", "blog", "default"))


OBJECT = """
apiVersion: {version}
kind: {kind}
metadata: {{name: default, namespace: shop}}
spec:
  egress:
  - {{type: Allow, to: {{dnsName: one.example.com.}}}}
  - {{type: Deny, to: {{cidrSelector: 203.0.113.9/24}}{ports}}}
"""


@pytest.mark.behaviour("EF-03", "EF-08", "EF-13")
@pytest.mark.parametrize(
    ("version", "kind", "ports"),
    [
        ("v1", "EgressNetworkPolicy", ""),
        ("network.openshift.io/v1", "EgressNetworkPolicy", ""),
        ("k8s.ovn.org/v1", "EgressFirewall", ""),
        ("k8s.ovn.org/v1", "EgressFirewall", ", ports: [{protocol: TCP, port: 80}]"),
    ],
)
def test_objects(version: str, kind: str, ports: str) -> None:
    """The name's address is inside the network, which is written with host bits."""
    firewall = OBJECT.format(version=version, kind=kind, ports=ports)

    net = Network.of({"cluster.sdn": text("", "networkpolicy", TWO), "firewall.yaml": firewall})

    assert "SDN204" in net.codes
    assert ways_out(net, "shop/one", "203.0.113.5", "tcp/80") == {"node-1"}
    assert ways_out(net, "shop/one", "203.0.113.6", "tcp/80") == set()
    assert ways_out(net, "shop/one", "203.0.113.6", "tcp/81") == ({"node-1"} if ports else set())
    assert ways_out(net, "shop/one", "203.0.114.0", "tcp/80") == {"node-1"}


@pytest.mark.behaviour("EF-07")
def test_a_host_of_zeros_is_everywhere() -> None:
    net = network("firewall shop { allow any to 203.0.113.7/32 ; deny any to 0.0.0.0/32 }")

    assert "SDN320" in net.codes
    assert ways_out(net, "shop/one", OUTSIDE, "tcp/80") == {"node-1"}
    assert ways_out(net, "shop/one", ELSEWHERE, "tcp/80") == set()


@pytest.mark.behaviour("EF-08", "EF-10")
def test_names_mean_the_addresses_of_the_lock_file() -> None:
    """The example of OpenShift's documentation, as it stands and in the opposite order."""
    rules = ["allow any to 1.2.3.0/24", "allow any to two.example.com", "deny any to 0.0.0.0/0"]
    in_order = network(f"firewall shop {{ {'; '.join(rules)} ; allow any to none.example.com }}")
    reversed_ = network(f"firewall shop {{ {'; '.join(reversed(rules))} }}")

    assert "SDN324" in in_order.codes
    assert len(NAMES["two.example.com"]) == 2
    for address in ("1.2.3.4", "198.51.100.7", "203.0.113.200"):
        assert ways_out(in_order, "shop/one", address, "tcp/80") == {"node-1"}
        assert ways_out(reversed_, "shop/one", address, "tcp/80") == set()
    for address in ("1.2.4.0", "198.51.100.6", "203.0.113.201"):
        assert ways_out(in_order, "shop/one", address, "tcp/80") == set()


@pytest.mark.behaviour("EF-04")
@pytest.mark.parametrize("options", [STRICT, OPTIONS])
def test_a_global_project_cannot_have_a_firewall(options: Options) -> None:
    assert refused("firewall shop { deny any to anyone }", "multitenant", GLOBAL, options) == ["FIREWALL_GLOBAL"]
    assert refused("firewall default { deny any to anyone }", "networkpolicy", TWO, options) == ["FIREWALL_GLOBAL"]


BROKEN = {
    "shared": ("firewall shop { allow any to anyone }", SHARED, {"FIREWALL_SHARED"}),
    "two": ("firewall shop { allow any to anyone }\nfirewall shop { allow any to anyone }", TWO, {"FIREWALL_TWICE"}),
}


@pytest.mark.behaviour("EF-05")
@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_firewall_is_an_error_or_drops_everything(case: str) -> None:
    firewalls, projects, found = BROKEN[case]

    net = network(firewalls, "multitenant", projects)

    assert set(refused(firewalls, "multitenant", projects, STRICT)) == found
    assert net.codes == ("SDN328",)
    for service in SERVICES:
        for pod in ("shop/one", "shop/two", "shop/three"):
            assert ways_out(net, pod, OUTSIDE, service) == set()
        # Its NetID is what counts.
        assert ways_out(net, "blog/one", OUTSIDE, service) == (set() if case == "shared" else {"node-1"})
        assert ways_out(net, "default/one", OUTSIDE, service) == {"node-1"}
    assert net.reaches("shop/one", "shop/two", "tcp/80")


@pytest.mark.behaviour("EF-06")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", ["denied", "broken", "elsewhere", "nowhere"])
def test_dns_of_the_pods_own_node_passes_before_all_rules(mode: str, case: str) -> None:
    more = {
        "denied": "firewall shop { deny any to anyone }",
        "broken": "firewall shop { deny any to anyone }\nfirewall shop { deny any to anyone }",
    }.get(case, "")
    egress_ip = {"elsewhere": "egress-ip 192.168.100.51", "nowhere": "egress-ip 192.168.100.99"}.get(case, "")

    net = network(more, mode, TWO.replace("netid 100", f"netid 100  {egress_ip}"))

    for protocol in ("udp", "tcp"):
        assert ways_out(net, "shop/one", NODE_1, f"{protocol}/53") == {"node-1"}
        assert ways_out(net, "shop/one", NODE_1, f"{protocol}/53", state=ESTABLISHED) == {"node-1"}
        assert ways_out(net, "shop/three", "192.168.100.13", f"{protocol}/53") == {"node-3"}
    others = {
        (address, service)
        for address in (NODE_1, NODE_2, OUTSIDE)
        for service in ("udp/53", "tcp/53", "sctp/53", "udp/54", "tcp/52", "icmp/8")
        if "node-1" in ways_out(net, "shop/one", address, service)
    }
    assert others == {(NODE_1, "udp/53"), (NODE_1, "tcp/53")}


@pytest.mark.behaviour("EF-06")
def test_network_policies_judge_dns_nevertheless() -> None:
    net = network("firewall shop { deny any to anyone }\npolicy shop/none { egress {} }")

    assert ways_out(net, "shop/one", NODE_1, "udp/53") == set()
