"""Random labels, selectors, projects and pods.

Every strategy here and in `policies` draws a *pair*: a Kubernetes object as its dict, and the declaration
that it means.  Both are written at the same place, so that the readers of objects can be held against the
pairs, and the oracle needs no reader.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from compiler.declarations import EgressAddress, NamedPort, Pod, ProjectDeclaration
from compiler.origin import Origin, Source, Span
from compiler.values.labels import NAME_LABEL, Labels, Operator, Requirement, Selector
from compiler.values.prefix import format_address
from compiler.values.services import Protocol

Object = dict[str, Any]
"""A Kubernetes object, or a part of one, as JSON has it."""

ORIGIN = Origin(Source("random", "", lambda path: Span(1, 1, 1)), Span(1, 1, 1))
"""The origin of everything that is drawn: nowhere."""

POD_LABELS = {"app": ("a", "b"), "tier": ("a", ""), "x": ("1",)}
PROJECT_LABELS = {"team": ("a", "b"), "env": ("a", "")}
PORT_NAMES = ("http", "dns", "m")
NUMBERS = (53, 80, 81, 443, 1024, 8080, 65535)
PROTOCOLS = st.sampled_from((Protocol.TCP, Protocol.TCP, Protocol.UDP, Protocol.SCTP))

ISOLATION = "net.beta.kubernetes.io/network-policy"
MULTICAST = "netnamespace.network.openshift.io/multicast-enabled"


def labels(alphabet: Mapping[str, Sequence[str]]) -> st.SearchStrategy[dict[str, str]]:
    """Some of the alphabet's keys, each with one of its values."""
    return st.fixed_dictionaries({}, optional={key: st.sampled_from(values) for key, values in alphabet.items()})


def _requirement(key: str, values: Sequence[str]) -> st.SearchStrategy[tuple[Object, Requirement]]:
    some = st.lists(st.sampled_from((*values, "z")), min_size=1, max_size=2, unique=True)
    listed = st.tuples(st.sampled_from((Operator.IN, Operator.NOT_IN)), some)
    nothing: list[str] = []
    bare = st.tuples(st.sampled_from((Operator.EXISTS, Operator.DOES_NOT_EXIST)), st.just(nothing))

    def pair(drawn: tuple[Operator, list[str]]) -> tuple[Object, Requirement]:
        operator, chosen = drawn
        written: Object = {"key": key, "operator": operator.value}
        if chosen:
            written["values"] = chosen
        return written, Requirement(key, operator, chosen)

    return (listed | bare).map(pair)


@st.composite
def selectors(draw: st.DrawFn, alphabet: Mapping[str, Sequence[str]]) -> tuple[Object, Selector]:
    """A label selector: empty, matchLabels, matchExpressions with all four operators, or both."""
    shape = draw(st.sampled_from(("empty", "labels", "labels", "expressions", "both")))
    written: Object = {}
    requirements: list[Requirement] = []
    if shape in ("labels", "both"):
        key = draw(st.sampled_from(sorted(alphabet)))
        value = draw(st.sampled_from(tuple(alphabet[key])))
        written["matchLabels"] = {key: value}
        requirements.append(Requirement(key, Operator.IN, (value,)))
    if shape in ("expressions", "both"):
        keys = draw(st.lists(st.sampled_from(sorted(alphabet)), min_size=1, max_size=2))
        pairs = [draw(_requirement(key, alphabet[key])) for key in keys]
        written["matchExpressions"] = [expression for expression, _ in pairs]
        requirements += [requirement for _, requirement in pairs]
    return written, Selector(requirements)


def project_selectors(names: Sequence[str]) -> st.SearchStrategy[tuple[Object, Selector]]:
    """A selector of projects: by labels, or by the label that every project has (NP-06)."""
    by_name = st.sampled_from(tuple(names)).map(
        lambda name: ({"matchLabels": {NAME_LABEL: name}}, Selector.equal({NAME_LABEL: name}))
    )
    return st.one_of(selectors(PROJECT_LABELS), selectors(PROJECT_LABELS), by_name)


def net_namespace(name: str, netid: int, egress_ips: Sequence[int] = (), *, multicast: bool) -> Object:
    """A NetNamespace."""
    metadata: Object = {"name": name}
    if multicast:
        metadata["annotations"] = {MULTICAST: "true"}
    return {
        "apiVersion": "network.openshift.io/v1",
        "kind": "NetNamespace",
        "metadata": metadata,
        "netname": name,
        "netid": netid,
        "egressIPs": [format_address(address) for address in egress_ips],
    }


@st.composite
def projects(
    draw: st.DrawFn, name: str, netid: int, egress_ips: Sequence[int]
) -> tuple[list[Object], ProjectDeclaration]:
    """A Namespace and a NetNamespace, and what they mean."""
    own = draw(labels(PROJECT_LABELS))
    isolated = draw(st.integers(0, 5)) == 0
    multicast = draw(st.booleans())
    metadata: Object = {"name": name, "labels": own}
    if isolated:
        metadata["annotations"] = {ISOLATION: '{"ingress":{"isolation":"DefaultDeny"}}'}
    objects: list[Object] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata},
        net_namespace(name, netid, egress_ips, multicast=multicast),
    ]
    egress_addresses = tuple(EgressAddress(address, ORIGIN) for address in egress_ips)
    return objects, ProjectDeclaration(name, ORIGIN, Labels(own), netid, isolated, egress_addresses, multicast)


def _named_ports() -> st.SearchStrategy[tuple[NamedPort, ...]]:
    port = st.builds(NamedPort, st.sampled_from(PORT_NAMES), PROTOCOLS, st.sampled_from(NUMBERS))
    # A container has each name once, and each number of a protocol once.
    return st.lists(port, max_size=2, unique_by=(lambda p: p.name, lambda p: (p.protocol, p.number))).map(tuple)


@st.composite
def pods(
    draw: st.DrawFn, project: str, name: str, node: str, node_address: int, address: int, of_port: int, kind: str
) -> tuple[Object, Pod]:
    """A pod; `kind` is "running", "finished" or "host" (on the host network)."""
    own = draw(labels(POD_LABELS))
    ports = draw(_named_ports())
    host = kind == "host"
    if host:
        address = node_address
    metadata: Object = {"name": name, "namespace": project, "labels": own}
    if kind == "running":
        metadata["annotations"] = {"sdnc.dev/ofport": str(of_port)}
    written = [{"name": p.name, "protocol": p.protocol.name, "containerPort": p.number} for p in ports]
    pod: Object = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"nodeName": node, "containers": [{"name": "main", "ports": written}]},
        "status": {
            "phase": draw(st.sampled_from(("Succeeded", "Failed"))) if kind == "finished" else "Running",
            "podIP": format_address(address),
        },
    }
    if host:
        pod["spec"]["hostNetwork"] = True
    return pod, Pod(
        project,
        name,
        ORIGIN,
        node,
        address,
        Labels(own),
        ports,
        host_network=host,
        finished=kind == "finished",
        of_port=of_port if kind == "running" else None,
    )
