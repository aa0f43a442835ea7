"""OUT-05: whatever the input says, nothing gets into a rule, a script or a path that is not data there.

Every value and every key of objects of all kinds, and every word of the policy language, is replaced by each string of
a corpus.  Either the border refuses it with a diagnostic, or what comes out has the form that it always has.
"""

from __future__ import annotations

import copy
import json
import re
import shlex
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from compiler.diagnostics import Diagnostics
from compiler.pipeline import compile_declarations
from compiler.sources import read_texts
from tests.backends.ovs.reading import read_flows
from tests.compiling import node_files
from tests.promises.commands import commands_of

pytestmark = pytest.mark.behaviour("OUT-05")

HOSTILE = [
    "x\ntable=0, priority=60000 actions=output:3",
    "\n60000",
    "x\r\nreboot",
    "$(reboot)",
    "`reboot`",
    "; reboot #",
    "' reboot '",
    '" reboot "',
    "a\\\nb",
    "../../../etc/cron.d/x",
    "/etc/passwd",
    "-rf",
    "a b",
    "a\u2028b",
    "a\x00b",
    "\x1b[31m",
    "{{ 7 * 7 }}",
    "%n%s",
    "ａ１",
    "١",
    "60000",
    "",
    ".",
    "x" * 300,
]

NO_NAMES = HOSTILE[:11]
"""Those that no name of anything may be."""

Object = dict[str, Any]
Path = tuple[str | int, ...]


def namespaced(kind: str, name: str, version: str = "v1", **body: Any) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": "shop"}, **body}


def plain(kind: str, name: str, version: str = "v1", **body: Any) -> Object:
    metadata = {"name": name, "labels": {"label-key": "label-value"}, "annotations": {"note": "anything"}}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **body}


SELECTOR = {
    "matchLabels": {"app": "web"},
    "matchExpressions": [{"key": "tier", "operator": "In", "values": ["front", "back"]}],
}
PEERS = [
    {"podSelector": SELECTOR},
    {"namespaceSelector": {"matchLabels": {"label-key": "label-value"}}},
    {"ipBlock": {"cidr": "192.0.2.0/24", "except": ["192.0.2.128/25"]}},
]
PORTS = [{"protocol": "TCP", "port": 8000, "endPort": 8010}, {"protocol": "UDP", "port": "named"}]
OPENSHIFT = "network.openshift.io/v1"

OBJECTS: dict[str, Object] = {
    "ClusterNetwork": plain(
        "ClusterNetwork",
        "default",
        OPENSHIFT,
        pluginName="redhat/openshift-ovs-networkpolicy",
        clusterNetworks=[{"CIDR": "10.128.0.0/14", "hostSubnetLength": 9}],
        serviceNetwork="172.30.0.0/16",
        vxlanPort=4789,
        mtu=1450,
    ),
    "HostSubnet": plain("HostSubnet", "node-1", OPENSHIFT, host="node-1", hostIP="192.168.0.1", subnet="10.128.0.0/23"),
    "Node": plain("Node", "node-1", status={"addresses": [{"type": "InternalIP", "address": "192.168.0.1"}]}),
    "Namespace": plain("Namespace", "shop"),
    "NetNamespace": plain("NetNamespace", "shop", OPENSHIFT, netname="shop", netid=4242),
    "Pod": namespaced(
        "Pod",
        "web",
        spec={
            "nodeName": "node-1",
            "hostNetwork": False,
            "containers": [{"name": "main", "ports": [{"name": "named", "containerPort": 53, "protocol": "UDP"}]}],
        },
        status={"phase": "Running", "podIP": "10.128.0.5", "podIPs": [{"ip": "10.128.0.5"}]},
    ),
    "Service": namespaced(
        "Service",
        "front",
        spec={
            "clusterIP": "172.30.0.9",
            "selector": {"app": "web"},
            "ports": [{"name": "a", "port": 80, "targetPort": "named", "protocol": "TCP"}],
        },
    ),
    "NetworkPolicy": namespaced(
        "NetworkPolicy",
        "both",
        "networking.k8s.io/v1",
        spec={
            "podSelector": SELECTOR,
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": PEERS, "ports": PORTS}],
            "egress": [{"to": PEERS, "ports": PORTS}],
        },
    ),
}
OBJECTS["Pod"]["metadata"] |= {"labels": {"app": "web", "tier": "front"}, "annotations": {"sdnc.dev/ofport": "11"}}
OBJECTS["Namespace"]["metadata"]["annotations"]["net.beta.kubernetes.io/network-policy"] = (
    '{"ingress":{"isolation":"DefaultDeny"}}'
)

LANGUAGE = """
cluster { mode networkpolicy pods 10.128.0.0/14 host-bits 9 services 172.30.0.0/16 vxlan-port 4789 mtu 1450 }
node node-1 { address 192.168.0.1 subnet 10.128.0.0/23 labels label-key=label-value }
project shop { labels label-key=label-value netid 4242 }
pod shop/web { node node-1 address 10.128.0.5 labels app=web, tier=front port named udp/53 of-port 11 }
service shop/front { address 172.30.0.9 select app=web port tcp/80 to named }
addresses office = 192.0.2.0/24 except 192.0.2.128/25
services dns = udp/53, tcp/53
policy shop/both {
  select app=web, tier in (front, back)
  ingress { allow tcp/8000-8010, udp/named from pods app=web, tier in (front, back) in projects label-key=label-value
    allow dns from office }
  egress { allow tcp/443 to project shop }
}
"""

INTERFACES = {
    "headings": ["name", "ofport", "external_ids"],
    "data": [["veth1", 11, ["map", [["ip", "10.128.0.5"], ["sandbox", "0123"]]]]],
}


def files_or_none(texts: dict[str, str]) -> dict[str, dict[str, str]] | None:
    """The files of each node, or None if there were errors."""
    diagnostics = Diagnostics()
    compilation = compile_declarations(read_texts(texts, diagnostics), diagnostics)
    for found in diagnostics.sorted():
        assert found.message.isprintable()
    if compilation is None:
        assert diagnostics.failed
        return None
    return node_files(compilation)


@cache
def usual() -> dict[str, str]:
    """The files of the node for the objects as they are."""
    files = files_or_none(as_texts(OBJECTS))
    assert files is not None
    return files["node-1"]


@cache
def usual_shape() -> list[list[str]]:
    return shape(usual()["bridge.sh"])


def as_texts(objects: dict[str, Object]) -> dict[str, str]:
    return {f"{kind}.json": json.dumps(each) for kind, each in objects.items()}


def shape(script: str) -> list[list[str]]:
    """The commands of a script as words, with addresses, networks and numbers masked."""
    words = [shlex.split(command) for command in commands_of(script)]
    return [[re.sub(r"\d+(\.\d+)*(/\d+)?|0a(:[0-9a-f]{2}){5}", "#", word) for word in command] for command in words]


def check(files: dict[str, dict[str, str]] | None) -> None:
    """What came out, if anything did, has the form that it always has."""
    for node, texts in (files or {}).items():
        assert re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", node, re.ASCII)
        assert all(line.isprintable() for text in texts.values() for line in text.split("\n"))
        flows = read_flows(texts["flows.txt"])
        assert max(flow.priority for flow in flows) == 1000
        assert shape(texts["bridge.sh"]) == usual_shape()
        for name, port in json.loads(texts["ports.json"]).items():
            assert re.fullmatch(r"[a-z0-9-]+/[a-z0-9.-]+", name, re.ASCII)
            assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}", port["interface"], re.ASCII)
            assert set(port) == {"address", "interface", "port"}


def places(value: Any, path: Path = ()) -> Iterator[tuple[Path, bool]]:
    """The path of every scalar, and of every key (True) of a mapping whose keys are the user's."""
    match value:
        case dict():
            for key, inside in value.items():
                yield from places(inside, (*path, key))
                if path and path[-1] in ("labels", "matchLabels", "annotations", "selector"):
                    yield (*path, key), True
        case list():
            for number, inside in enumerate(value):
                yield from places(inside, (*path, number))
        case _:
            yield path, False


def replaced(value: Object, path: Path, is_key: bool, text: str) -> Object:
    """A copy with the value at a path, or its key, replaced."""
    result = copy.deepcopy(value)
    around: Any = result
    for step in path[:-1]:
        around = around[step]
    if is_key:
        around[text] = around.pop(path[-1])
    else:
        around[path[-1]] = text
    return result


FIELDS = [(kind, path, is_key) for kind, each in OBJECTS.items() for path, is_key in places(each)]


def label(value: object) -> str | None:
    return ".".join(map(str, value)) if isinstance(value, tuple) else None


def test_the_objects_themselves_compile() -> None:
    check({"node-1": usual()})

    assert len(FIELDS) > 80
    assert "shop/web" in usual()["ports.json"]
    assert files_or_none({"a.sdn": LANGUAGE}) is not None


NAMED = ("name", "namespace", "host", "netname", "nodeName", "key")


def is_name(kind: str, path: Path, is_key: bool) -> bool:
    """Whether a field is a name or a label that gets into the output; names of containers and annotations do not."""
    if "annotations" in path or path[-3:-1] == ("containers", 0) or (kind == "Service" and "ports" in path):
        return False
    return is_key or path[-1] in NAMED or "matchLabels" in path or "values" in path


@pytest.mark.parametrize(("kind", "path", "is_key"), FIELDS, ids=label)
def test_hostile_values_in_every_field_of_every_kind(kind: str, path: Path, is_key: bool) -> None:
    for text in HOSTILE:
        files = files_or_none(as_texts({**OBJECTS, kind: replaced(OBJECTS[kind], path, is_key, text)}))
        check(files)
        assert files is None or text not in NO_NAMES or not is_name(kind, path, is_key)


WORDS = sorted({word for word in re.findall(r"[^\s{}(),;=]+", LANGUAGE) if word != "="})


@pytest.mark.parametrize("word", WORDS)
def test_hostile_words_in_the_policy_language(word: str) -> None:
    """In quotes, where they are words, and bare, where they may be anything."""
    parts = re.split(rf"(?<![^\s{{}}(),;=]){re.escape(word)}(?![^\s{{}}(),;=])", LANGUAGE)
    assert len(parts) > 1
    for text in HOSTILE:
        check(files_or_none({"a.sdn": f'"{text}"'.join(parts)}))
    for text in NO_NAMES[::3]:
        check(files_or_none({"a.sdn": text.join(parts)}))


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_hostile_interfaces(text: str) -> None:
    for path, _ in places(INTERFACES):
        texts = as_texts(OBJECTS) | {"i.json": json.dumps(replaced(INTERFACES, path, False, text))}
        check(files_or_none(texts))


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_hostile_file_names(text: str) -> None:
    """The name of a file gets into messages only."""
    check(files_or_none({f"{text}.sdn": LANGUAGE}))
    check(files_or_none({f"{text}.sdn": f"{LANGUAGE}\nproject UPPER"}))
