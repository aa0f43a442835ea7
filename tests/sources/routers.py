"""What the tests of egress routers share: objects of routers, and what is read out of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from compiler.declarations import DnsProxy, EgressRouter, HttpProxy, ProxyHost, Redirects
from compiler.diagnostics import Diagnostic, Diagnostics, Severity
from compiler.sources import read_texts
from compiler.values.prefix import format_address

MACVLAN = "pod.network.openshift.io/assign-macvlan"
ADDRESSES = {"EGRESS_SOURCE": "192.168.12.99", "EGRESS_GATEWAY": "192.168.12.1"}
VARIABLES = {
    "init": "EGRESS_DESTINATION",
    "legacy": "EGRESS_DESTINATION",
    "http-proxy": "EGRESS_HTTP_PROXY_DESTINATION",
    "dns-proxy": "EGRESS_DNS_PROXY_DESTINATION",
}


def env(variables: Mapping[str, object]) -> list[dict[str, object]]:
    """Variables as a container has them; a mapping is a reference to a key of a ConfigMap."""
    return [
        {"name": name, "valueFrom": {"configMapKeyRef": value}}
        if isinstance(value, dict)
        else {"name": name, "value": value}
        for name, value in variables.items()
    ]


def pod(variables: Mapping[str, object], annotation: object = "true", name: str = "egress-1") -> dict[str, Any]:
    """A pod with a privileged init container that has all variables."""
    router = {"name": "router", "securityContext": {"privileged": True}, "env": env(variables)}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "annotations": {MACVLAN: annotation}},
        "spec": {"initContainers": [router], "containers": [{"name": "wait"}]},
    }


def router_pod(mode: str, destinations: object) -> dict[str, Any]:
    """A router of a mode."""
    return pod({**ADDRESSES, "EGRESS_ROUTER_MODE": mode, VARIABLES[mode]: destinations})


def controller(template: Mapping[str, Any], kind: str = "ReplicationController", **spec: object) -> dict[str, Any]:
    """What makes the pod."""
    versions = {"Deployment": "apps/v1", "DeploymentConfig": "apps.openshift.io/v1"}
    inner = {"metadata": {"annotations": template["metadata"]["annotations"]}, "spec": template["spec"]}
    return {
        "apiVersion": versions.get(kind, "v1"),
        "kind": kind,
        "metadata": {"name": "egress", "namespace": "shop"},
        "spec": {**spec, "template": inner},
    }


def config_map(data: Mapping[str, object], name: str = "routes", project: str = "shop") -> dict[str, Any]:
    """A ConfigMap."""
    metadata = {"name": name, "namespace": project}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(data)}


def list_of(*objects: object) -> str:
    """The text of a list of objects; YAML, as JSON is."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}, indent=1)


def read_all(text: str, name: str = "a.json") -> tuple[list[EgressRouter], tuple[Diagnostic, ...]]:
    """The routers in a text, and what is reported, notes left out."""
    diagnostics = Diagnostics()
    declarations = read_texts({name: text}, diagnostics)
    routers = [found for found in declarations if isinstance(found, EgressRouter)]
    return routers, tuple(found for found in diagnostics.sorted() if found.severity is not Severity.NOTE)


def routers_of(*objects: object) -> list[EgressRouter]:
    """The routers of objects that are right, read from JSON and, which is to be the same, from YAML."""
    text = list_of(*objects)
    routers, found = read_all(text)
    assert not found, found
    assert read_all(text, "a.yaml") == (routers, ())
    return routers


def messages(*objects: object) -> list[str]:
    """What is reported of objects, read from JSON and, which is to be the same, from YAML."""
    text = list_of(*objects)
    told = [f"{found.code.id} {found.message}" for found in read_all(text)[1]]
    assert [f"{found.code.id} {found.message}" for found in read_all(text, "a.yaml")[1]] == told
    return told


def shown(destinations: Redirects | HttpProxy | DnsProxy) -> list[str]:
    """Destinations as the lines of their variable, in the canonical notation."""
    match destinations:
        case Redirects(redirects, fallback):
            lines = [
                f"{one.port} {one.protocol.name.lower()} {format_address(one.address)} {one.remote_port}"
                for one in redirects
            ]
            return lines if fallback is None else [*lines, format_address(fallback)]
        case HttpProxy(rules):
            return [("" if rule.allow else "!") + _proxied(rule.to) for rule in rules]
        case DnsProxy(forwards):
            return [
                f"{one.port} {one.to if isinstance(one.to, str) else format_address(one.to)} {one.remote_port}"
                for one in forwards
            ]


def _proxied(to: object) -> str:
    if to is None:
        return "*"
    return f"{'*.' if to.subdomains else ''}{to.name}" if isinstance(to, ProxyHost) else str(to)
