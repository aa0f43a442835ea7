"""Random network policies, as pairs of object and declaration (see `objects`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from compiler.declarations import BlockPeer, NetworkPolicy, PodPeer, PortName, PortRange, Rule
from compiler.values.labels import SELECT_ALL, Selector
from compiler.values.prefix import Prefix
from compiler.values.services import Protocol
from tests.oracle.objects import (
    NUMBERS,
    ORIGIN,
    POD_LABELS,
    PORT_NAMES,
    PROTOCOLS,
    Object,
    project_selectors,
    selectors,
)

MAX_PORT = 65535


@st.composite
def _blocks(draw: st.DrawFn, prefixes: Sequence[Prefix]) -> tuple[Object, BlockPeer]:
    """An ipBlock of one of the prefixes, with exceptions strictly inside it."""
    if draw(st.integers(0, 19)) == 0:
        return {"ipBlock": {"cidr": "2001:db8::/32"}}, BlockPeer(ORIGIN, None)
    prefix = draw(st.sampled_from(tuple(prefixes)))
    block: Object = {"cidr": str(prefix)}
    inside = [other for other in prefixes if prefix.covers(other) and other != prefix]
    excepts: list[Prefix] = []
    has_holes = draw(st.booleans())
    if inside and has_holes:
        excepts = draw(st.lists(st.sampled_from(inside), min_size=1, max_size=3, unique=True))
        block["except"] = [str(other) for other in excepts]
    return {"ipBlock": block}, BlockPeer(ORIGIN, prefix, excepts)


@st.composite
def _pod_peers(draw: st.DrawFn, names: Sequence[str]) -> tuple[Object, PodPeer]:
    """podSelector, namespaceSelector, both, and each of them with the other as null (NP-05, NP-18)."""
    shape = draw(st.sampled_from(("pods", "projects", "both", "pods, null", "projects, null")))
    written: Object = {}
    pods, projects = SELECT_ALL, None
    if shape.startswith("pods") or shape == "both":
        written["podSelector"], pods = draw(selectors(POD_LABELS))
    if shape.startswith("projects") or shape == "both":
        written["namespaceSelector"], projects = draw(project_selectors(names))
    if shape == "pods, null":
        written["namespaceSelector"] = None
    if shape == "projects, null":
        written["podSelector"] = None
    return written, PodPeer(ORIGIN, projects, pods)


@st.composite
def _ports(draw: st.DrawFn) -> tuple[Object, PortRange | PortName]:
    """A number, a range, a name, or a protocol alone; TCP may be left out (NP-08 to NP-10)."""
    protocol: Protocol = draw(PROTOCOLS)
    written: Object = {} if protocol is Protocol.TCP and draw(st.booleans()) else {"protocol": protocol.name}
    shape = draw(st.sampled_from(("number", "range", "name", "protocol")))
    if shape == "protocol":
        return written, PortRange(protocol, 0, MAX_PORT)
    if shape == "name":
        name = draw(st.sampled_from(PORT_NAMES))
        return {**written, "port": name}, PortName(protocol, name)
    first = draw(st.sampled_from((1, *NUMBERS)) | st.integers(1, MAX_PORT))
    if shape == "number":
        return {**written, "port": first}, PortRange(protocol, first, first)
    last = draw(st.sampled_from([n for n in (first, *NUMBERS) if n >= first]) | st.integers(first, MAX_PORT))
    return {**written, "port": first, "endPort": last}, PortRange(protocol, first, last)


@st.composite
def _rules(draw: st.DrawFn, key: str, names: Sequence[str], prefixes: Sequence[Prefix]) -> tuple[Object, Rule]:
    """A rule; peers and ports absent, empty or some (NP-04)."""
    written: Object = {}

    def listed(field: str, entries: st.SearchStrategy[tuple[Object, Any]]) -> list[Any] | None:
        shape = draw(st.sampled_from(("absent", "empty", "some", "some", "some", "some")))
        if shape == "absent":
            return None
        pairs = draw(st.lists(entries, min_size=1, max_size=2)) if shape == "some" else []
        written[field] = [entry for entry, _ in pairs]
        return [meaning for _, meaning in pairs] or None

    peers = listed(key, st.one_of(_pod_peers(names), _pod_peers(names), _blocks(prefixes)))
    ports = listed("ports", _ports())
    return written, Rule(ORIGIN, None if peers is None else tuple(peers), None if ports is None else tuple(ports))


@st.composite
def network_policies(
    draw: st.DrawFn, project: str, name: str, names: Sequence[str], prefixes: Sequence[Prefix]
) -> tuple[Object, NetworkPolicy]:
    """A policy of either or both directions, with and without policyTypes (NP-03, NP-18)."""
    spec: Object = {}
    pods: Selector = SELECT_ALL
    if draw(st.integers(0, 5)) == 0:
        spec["podSelector"] = None
    else:
        spec["podSelector"], pods = draw(selectors(POD_LABELS))
    found: dict[str, tuple[Rule, ...]] = {"ingress": (), "egress": ()}
    for section, key in (("ingress", "from"), ("egress", "to")):
        if draw(st.booleans()):
            pairs = draw(st.lists(_rules(key, names, prefixes), max_size=2))
            spec[section] = [rule for rule, _ in pairs]
            found[section] = tuple(rule for _, rule in pairs)
    types = draw(st.sampled_from((None, (), ("Ingress",), ("Egress",), ("Ingress", "Egress"))))
    if types is not None:
        spec["policyTypes"] = list(types)
    governs_ingress = "Ingress" in types if types else True
    governs_egress = "Egress" in types if types else bool(found["egress"])
    return {
        "apiVersion": draw(st.sampled_from(("networking.k8s.io/v1", "extensions/v1beta1"))),
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": project},
        "spec": spec,
    }, NetworkPolicy(
        project,
        name,
        ORIGIN,
        pods,
        found["ingress"] if governs_ingress else None,
        found["egress"] if governs_egress else None,
    )
