"""Random egress firewalls, as pairs of object and declaration, and a deal of egress IPs (see `objects`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import strategies as st

from compiler.declarations import BlockPeer, EgressFirewall, FirewallRule, NamePeer, PortRange
from compiler.values.prefix import Prefix
from tests.oracle.objects import NUMBERS, ORIGIN, PROTOCOLS, Object

OVN_NAME = "default"
"""The one name that OVN-Kubernetes has for its EgressFirewall."""

Deal = tuple[dict[str, tuple[int, ...]], list[tuple[int, ...]]]
"""The egress IPs of each project, and of each node."""


@st.composite
def _destinations(
    draw: st.DrawFn, allow: bool, prefixes: Sequence[Prefix], names: Mapping[str, Sequence[int]]
) -> tuple[Object, BlockPeer | NamePeer]:
    """A network or a name; an IPv6 network matches nothing here.  A name to deny has addresses (EF-10)."""
    if draw(st.integers(0, 3)) == 0:
        name = draw(st.sampled_from([name for name, addresses in names.items() if allow or addresses]))
        return {"dnsName": name + draw(st.sampled_from(("", ".")))}, NamePeer(ORIGIN, name)
    if draw(st.integers(0, 19)) == 0:
        return {"cidrSelector": "2001:db8::/32"}, BlockPeer(ORIGIN, None)
    prefix = draw(st.sampled_from(tuple(prefixes)))
    return {"cidrSelector": str(prefix)}, BlockPeer(ORIGIN, prefix)


@st.composite
def _ports(draw: st.DrawFn) -> tuple[Object, PortRange]:
    protocol = draw(PROTOCOLS)
    if draw(st.integers(0, 3)) == 0:
        return {"protocol": protocol.name}, PortRange(protocol, 0, 65535)
    number = draw(st.sampled_from(NUMBERS))
    return {"protocol": protocol.name, "port": number}, PortRange(protocol, number, number)


@st.composite
def firewalls(
    draw: st.DrawFn, project: str, name: str, prefixes: Sequence[Prefix], names: Mapping[str, Sequence[int]]
) -> tuple[Object, EgressFirewall]:
    """A firewall of up to six rules: OpenShift's EgressNetworkPolicy, or OVN-Kubernetes' EgressFirewall with ports if
    it may be called `name`."""
    with_ports = name == OVN_NAME
    written: list[Object] = []
    rules: list[FirewallRule] = []
    for _ in range(draw(st.integers(0, 6))):
        allow = draw(st.booleans())
        to, peer = draw(_destinations(allow, prefixes, names))
        rule: Object = {"type": "Allow" if allow else "Deny", "to": to}
        ports = None
        if with_ports and draw(st.booleans()):
            pairs = draw(st.lists(_ports(), min_size=1, max_size=3))
            rule["ports"] = [port for port, _ in pairs]
            ports = tuple(port for _, port in pairs)
        written.append(rule)
        rules.append(FirewallRule(ORIGIN, allow, (peer,), ports))
    return {
        "apiVersion": "k8s.ovn.org/v1" if with_ports else draw(st.sampled_from(("v1", "network.openshift.io/v1"))),
        "kind": "EgressFirewall" if with_ports else "EgressNetworkPolicy",
        "metadata": {"name": name, "namespace": project},
        "spec": {"egress": written},
    }, EgressFirewall(project, name, ORIGIN, tuple(rules))


@st.composite
def deals(draw: st.DrawFn, projects: Sequence[str], nodes: int, addresses: Sequence[int]) -> Deal:
    """Some of the addresses for each project, and for each node, or for none of them."""
    asked: dict[str, tuple[int, ...]] = {}
    hosted: list[list[int]] = [[] for _ in range(nodes)]
    free = list(addresses)
    for project in projects:
        count = min(draw(st.sampled_from((0, 1, 1, 2, 3))), len(free))
        asked[project], free = tuple(free[:count]), free[count:]
        for address in asked[project]:
            host = draw(st.integers(-1, nodes - 1))
            if host >= 0:
                hosted[host].append(address)
    return asked, [tuple(one) for one in hosted]
