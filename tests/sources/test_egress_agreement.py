"""Objects and the language that say the same about what leaves the cluster make equal declarations."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.declarations import Declaration, EgressFirewall, PortRange, Service
from compiler.diagnostics import Diagnostics
from compiler.sources import read_texts
from compiler.sources.dsl import dsl_source, read_dsl
from compiler.values.prefix import Prefix, format_address
from compiler.values.services import Protocol


def read(*texts: str) -> tuple[Declaration, ...]:
    """The declarations of texts that nothing is wrong with."""
    diagnostics = Diagnostics()
    declarations = read_dsl([dsl_source(f"{n}.sdn", text) for n, text in enumerate(texts)], diagnostics)
    assert diagnostics.sorted() == ()
    return declarations


ADDRESSES = st.integers(0, (1 << 32) - 1)
NETWORKS = st.builds(Prefix.covering, ADDRESSES, st.integers(0, 31))
DNS_NAMES = st.from_regex(r"[a-z]([a-z0-9-]{0,5}[a-z0-9])?(\.[a-z]([a-z0-9-]{0,5}[a-z0-9])?){1,3}\.?", fullmatch=True)
PORTS = st.one_of(
    st.sampled_from(Protocol).map(lambda protocol: PortRange(protocol, 0, 65535)),
    st.builds(lambda protocol, port: PortRange(protocol, port, port), st.sampled_from(Protocol), st.integers(1, 65535)),
)
RULES = st.lists(
    st.tuples(st.booleans(), NETWORKS.map(str) | DNS_NAMES, st.none() | st.lists(PORTS, min_size=1, unique=True)),
    max_size=5,
)


def service_text(port: PortRange) -> str:
    protocol = port.protocol.name.lower()
    return protocol if port.last == 65535 and port.first == 0 else f"{protocol}/{port.first}"


def port_object(port: PortRange) -> dict[str, object]:
    return {"protocol": port.protocol.name} | ({"port": port.first} if port.first else {})


@settings(max_examples=60, deadline=None)
@given(RULES)
@pytest.mark.behaviour("EF-02", "EF-03")
def test_objects_and_language_declare_the_same_rules(
    rules: list[tuple[bool, str, list[PortRange] | None]],
) -> None:
    lines, objects = [], []
    for allow, to, ports in rules:
        services = ", ".join(map(service_text, ports)) if ports else "any"
        lines.append(f"{'allow' if allow else 'deny'} {services} to {to}")
        destination = {"cidrSelector" if "/" in to else "dnsName": to}
        written = {"ports": [port_object(port) for port in ports]} if ports else {}
        objects.append({"type": "Allow" if allow else "Deny", "to": destination, **written})
    head = {"apiVersion": "k8s.ovn.org/v1", "kind": "EgressFirewall"}
    text = json.dumps({**head, "metadata": {"name": "default", "namespace": "a"}, "spec": {"egress": objects}})

    diagnostics = Diagnostics()
    (from_object,) = read_texts({"a.json": text}, diagnostics)
    (from_language,) = read("firewall a { " + "\n".join(lines) + " }")

    assert diagnostics.sorted() == ()
    assert isinstance(from_object, EgressFirewall)
    assert isinstance(from_language, EgressFirewall)
    assert from_object.project == from_language.project
    assert from_object.rules == from_language.rules


@settings(max_examples=40, deadline=None)
@given(
    st.booleans(),
    st.lists(ADDRESSES, max_size=3, unique=True),
    st.lists(ADDRESSES, max_size=3, unique=True),
    st.lists(NETWORKS, max_size=3, unique=True),
    st.lists(ADDRESSES, min_size=1, max_size=3, unique=True),
)
@pytest.mark.behaviour("EI-01", "EI-08", "MC-01")
def test_objects_and_language_declare_the_same_things(
    multicast: bool, asked: list[int], hosted: list[int], networks: list[Prefix], ends: list[int]
) -> None:
    def ips(addresses: list[int]) -> list[str]:
        return [format_address(address) for address in addresses]

    annotations = {"netnamespace.network.openshift.io/multicast-enabled": "true" if multicast else "false"}
    project = {
        "apiVersion": "network.openshift.io/v1",
        "kind": "NetNamespace",
        "metadata": {"name": "a", "annotations": annotations},
        "netid": 10,
        "egressIPs": ips(asked),
    }
    node = {
        "apiVersion": "network.openshift.io/v1",
        "kind": "HostSubnet",
        "metadata": {"name": "n"},
        "hostIP": "192.168.100.11",
        "subnet": "10.128.0.0/23",
        "egressIPs": ips(hosted),
        "egressCIDRs": [str(network) for network in networks],
    }
    endpoints = {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {"name": "s", "namespace": "a"},
        "subsets": [{"addresses": [{"ip": address} for address in ips(ends)], "ports": [{"port": 80}]}],
    }
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [project, node, endpoints]})
    asks = f"egress-ip {', '.join(ips(asked))}" if asked else ""
    hosts = f"egress-ip {', '.join(ips(hosted))}" if hosted else ""
    takes = f"egress-cidr {', '.join(map(str, networks))}" if networks else ""

    diagnostics = Diagnostics()
    from_objects = read_texts({"a.json": text}, diagnostics)
    from_language = read(
        f"project a {{ netid 10 {'multicast' if multicast else ''} {asks} }}",
        f"node n {{ address 192.168.100.11 subnet 10.128.0.0/23 {hosts} {takes} }}",
        f"service a/s {{ port tcp/80 endpoint {', '.join(ips(ends))} }}",
    )

    assert diagnostics.sorted() == ()
    assert from_objects == tuple(one for one in from_language if not isinstance(one, Service))
