"""compiler.sources.egress_routers, environment, config_maps: egress routers in Kubernetes objects."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.declarations import EgressRouter, Pod, Redirects, RouterMode
from compiler.diagnostics import Diagnostics
from compiler.sources import read_texts
from compiler.values.labels import Selector
from compiler.values.prefix import format_address

from .reading import read
from .routers import (
    ADDRESSES,
    MACVLAN,
    VARIABLES,
    config_map,
    controller,
    env,
    list_of,
    messages,
    pod,
    read_all,
    router_pod,
    routers_of,
    shown,
)

REDIRECT = "80 tcp 203.0.113.25 80"
ROUTER = {**ADDRESSES, "EGRESS_DESTINATION": REDIRECT}
REFERENCE = {"name": "routes", "key": "destination"}
KINDS = pytest.mark.parametrize("kind", ["ReplicationController", "Deployment", "DeploymentConfig"])


def one(*objects: object) -> EgressRouter:
    """The one router of objects that are right."""
    (router,) = routers_of(*objects)
    return router


def changed(found: dict[str, Any], *path: Any, to: object) -> dict[str, Any]:
    """An object with another value at a path."""
    copy: dict[str, Any] = json.loads(json.dumps(found))
    inner = copy
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = to
    return copy


@pytest.mark.behaviour("ER-01", "ER-05")
@pytest.mark.parametrize("mode", VARIABLES)
def test_a_pod(mode: str) -> None:
    destinations = {"http-proxy": "*", "dns-proxy": "80 www.example.com 80"}.get(mode, REDIRECT)

    router = one(router_pod(mode, destinations))

    assert (router.project, router.name, router.mode) == ("shop", "egress-1", RouterMode(mode))
    assert (format_address(router.source), router.source_length) == ("192.168.12.99", 32)
    assert format_address(router.gateway) == "192.168.12.1"
    assert shown(router.destinations) == [destinations]
    assert (router.interface, router.node, router.nodes, router.deployment) == (None, None, None, None)


@pytest.mark.behaviour("ER-01")
@pytest.mark.parametrize("name", ["a.json", "a.yaml"])
def test_a_router_is_a_pod_as_well(name: str) -> None:
    found, reports = read(json.dumps(pod(ROUTER)), name)

    assert reports == []
    assert sorted(type(one).__name__ for one in found) == ["EgressRouter", "Pod"]


@pytest.mark.behaviour("ER-01")
@KINDS
def test_what_makes_pods(kind: str) -> None:
    router = one(controller(pod(ROUTER), kind, replicas=1))

    assert (router.project, router.name) == ("shop", "egress")
    assert shown(router.destinations) == [REDIRECT]


@pytest.mark.behaviour("ER-01")
@pytest.mark.parametrize(
    ("kind", "version"),
    [
        ("Deployment", "extensions/v1beta1"),
        ("Deployment", "apps/v1beta1"),
        ("Deployment", "apps/v1beta2"),
        ("DeploymentConfig", "v1"),
    ],
)
def test_older_versions(kind: str, version: str) -> None:
    assert one(controller(pod(ROUTER), kind) | {"apiVersion": version}).name == "egress"


@pytest.mark.behaviour("ER-01")
def test_the_replication_controller_of_the_documentation() -> None:
    text = """
        apiVersion: v1
        kind: ReplicationController
        metadata:
          name: egress-demo-controller
        spec:
          replicas: 1
          selector:
            name: egress-demo
          template:
            metadata:
              name: egress-demo
              labels:
                name: egress-demo
              annotations:
                pod.network.openshift.io/assign-macvlan: "true"
            spec:
              initContainers:
              - name: egress-demo-init
                image: openshift/origin-egress-router
                env:
                - name: EGRESS_SOURCE
                  value: 192.168.12.99
                - name: EGRESS_GATEWAY
                  value: 192.168.12.1
                - name: EGRESS_DESTINATION
                  value: 203.0.113.25
                - name: EGRESS_ROUTER_MODE
                  value: init
                securityContext:
                  privileged: true
              containers:
              - name: egress-demo-wait
                image: openshift/origin-pod
              nodeSelector:
                site: springfield-1
        """

    (router,), reports = read(text)

    assert reports == []
    assert isinstance(router, EgressRouter)
    assert isinstance(router.destinations, Redirects)
    assert shown(router.destinations) == ["203.0.113.25"]
    assert (router.name, router.nodes) == ("egress-demo-controller", Selector.equal({"site": "springfield-1"}))


@pytest.mark.behaviour("ER-01", "ER-09")
def test_the_list_of_a_proxy_is_in_another_container() -> None:
    setup = pod({**ADDRESSES, "EGRESS_ROUTER_MODE": "http-proxy"})
    proxy = {"name": "proxy", "env": env({"EGRESS_HTTP_PROXY_DESTINATION": "!*.example.com\n*"})}

    router = one(changed(setup, "spec", "containers", to=[proxy]))

    assert shown(router.destinations) == ["!*.example.com", "*"]


@pytest.mark.behaviour("ER-01")
@pytest.mark.parametrize(
    "variables", [{}, {"EGRESS_ROUTER_DEBUG": "1", "OTHER": "x"}, {"EGRESS_SOURCE": "", "EGRESS_ROUTER_MODE": ""}]
)
def test_a_macvlan_pod_without_the_variables_is_no_router(variables: dict[str, object]) -> None:
    assert routers_of(pod(variables)) == []


@pytest.mark.behaviour("ER-02")
def test_variables_without_the_annotation_are_no_router() -> None:
    plain = pod(ROUTER)
    plain["metadata"]["annotations"] = {"other": "true"}

    assert routers_of(plain, controller(plain), controller(plain, "Deployment")) == []


# ---- the annotation


@pytest.mark.behaviour("ER-02")
@pytest.mark.parametrize(("value", "interface"), [("true", None), ("eth1", "eth1"), ("bond0.100", "bond0.100")])
def test_annotation(value: str, interface: str | None) -> None:
    assert one(pod(ROUTER, value)).interface == interface


@pytest.mark.behaviour("ER-02", "ER-03")
@pytest.mark.parametrize("value", ["false", None])
def test_no_interface_is_wanted(value: str | None) -> None:
    unprivileged = changed(pod(ROUTER, value), "spec", "initContainers", 0, "securityContext", to=None)

    assert routers_of(unprivileged) == []


@pytest.mark.behaviour("ER-02")
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (True, f"SDN245 annotation {MACVLAN}: true is no string"),
        (False, f"SDN245 annotation {MACVLAN}: false is no string"),
        (1, f"SDN245 annotation {MACVLAN}: 1 is no string"),
        (["true"], "SDN111 metadata.annotations.pod.network.openshift.io/assign-macvlan: expected a string, "
         "found a list"),
        ("True", "found 'True': its case is wrong"),
        ("", "found '': it has 0 characters, 1 to 15 are allowed"),
        ("an interface", "found 'an interface': only letters, digits, -, _ and . are allowed, with a letter or digit "
         "first"),
        ("eth0;reboot", "found 'eth0;reboot': only letters"),
        ("an-interface-of-20-c", "it has 20 characters, 1 to 15 are allowed"),
    ],
)  # fmt: skip
def test_wrong_annotation(value: object, message: str) -> None:
    told = messages(pod(ROUTER, value))

    assert any(message in one for one in told)
    assert all("assign-macvlan" in one for one in told)


@pytest.mark.behaviour("ER-02")
@pytest.mark.parametrize("written", ["true", "yes", "on", "False"])
def test_a_boolean_of_yaml(written: str) -> None:
    text = f"apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  annotations:\n    {MACVLAN}: {written}\nspec: {{}}\n"

    _, (found, *_) = read_all(text, "a.yaml")

    assert found.code.id == "SDN245"
    assert "quote it" in found.code.help.lower()
    assert found.origin
    assert (found.origin.span().line, found.origin.span().column) == (6, len(MACVLAN) + 7)


# ---- privileges, replicas


@pytest.mark.behaviour("ER-03")
@pytest.mark.parametrize("context", [None, {}, {"privileged": False}, {"runAsUser": 0}])
@pytest.mark.parametrize("variables", [ROUTER, {}])
def test_nobody_is_privileged(context: object, variables: dict[str, object]) -> None:
    unprivileged = changed(pod(variables), "spec", "initContainers", 0, "securityContext", to=context)

    assert messages(unprivileged) == [
        "SDN246 Pod shop/egress-1 asks for a macvlan interface, but none of its containers is privileged"
    ]
    assert messages(controller(unprivileged, "Deployment")) == [
        "SDN246 Deployment shop/egress asks for a macvlan interface, but none of its containers is privileged"
    ]


@pytest.mark.behaviour("ER-03")
@pytest.mark.parametrize("containers", ["initContainers", "containers"])
def test_any_container_may_be_privileged(containers: str) -> None:
    found = pod(ROUTER)
    found["spec"]["initContainers"][0]["securityContext"] = None
    found["spec"][containers].append({"name": "x", "securityContext": {"privileged": True}})

    assert one(found).name == "egress-1"


@pytest.mark.behaviour("ER-12")
@KINDS
@pytest.mark.parametrize("spec", [{}, {"replicas": None}, {"replicas": 1}])
def test_one_replica(kind: str, spec: dict[str, object]) -> None:
    assert one(controller(pod(ROUTER), kind, **spec)).name == "egress"


@pytest.mark.behaviour("ER-12")
@KINDS
@pytest.mark.parametrize("replicas", [0, 2, -1])
def test_several_replicas(kind: str, replicas: int) -> None:
    assert messages(controller(pod(ROUTER), kind, replicas=replicas)) == [
        f"SDN247 egress router shop/egress has replicas: {replicas}; only one pod can have its source address"
    ]


@pytest.mark.behaviour("ER-12")
def test_what_a_deployment_has_left_behind_is_no_router() -> None:
    left = controller(pod(ROUTER), "ReplicationController", replicas=0)
    owned = changed(left, "metadata", "ownerReferences", to=[{"kind": "DeploymentConfig", "name": "egress"}])

    assert routers_of(owned) == []
    assert messages(owned) == []
    assert messages(left) != []


def test_replicas_of_what_is_no_router() -> None:
    assert messages(controller(pod({}), replicas=3)) == []
    assert messages(controller(pod(ROUTER), replicas="1")) == [
        "SDN111 spec.replicas: expected an integer, found a string"
    ]


def test_the_network_of_the_node_has_no_macvlan() -> None:
    assert messages(changed(pod(ROUTER), "spec", "hostNetwork", to=True)) == [
        "SDN244 egress router shop/egress-1: it is on the network of its node, where it gets no interface of its own"
    ]


# ---- addresses and mode


@pytest.mark.behaviour("ER-04")
@pytest.mark.parametrize("length", [0, 8, 24, 32])
def test_source_with_a_length(length: int) -> None:
    router = one(pod({**ROUTER, "EGRESS_SOURCE": f"192.168.12.99/{length}"}))

    assert (format_address(router.source), router.source_length) == ("192.168.12.99", length)


@pytest.mark.behaviour("ER-04")
@pytest.mark.parametrize(
    "value",
    [
        "192.168.12", "192.168.12.256", "192.168.12.99/33", "192.168.12.99/", "192.168.12.99/024", "192.168.12.99/-1",
        "192.168.12.99/24/24", "router.example.com", "2001:db8::1", " 192.168.12.99", "192.168.12.99 ", "$(ADDRESS)",
    ],
)  # fmt: skip
def test_wrong_source(value: str) -> None:
    assert messages(pod({**ROUTER, "EGRESS_SOURCE": value})) == [
        f"SDN249 EGRESS_SOURCE: '{value}' is no IPv4 address, with or without a length such as /24"
    ]


@pytest.mark.behaviour("ER-04")
@pytest.mark.parametrize("value", ["192.168.12", "192.168.12.1/24", "gateway", "2001:db8::1", "192.168.12.1 "])
def test_wrong_gateway(value: str) -> None:
    assert messages(pod({**ROUTER, "EGRESS_GATEWAY": value})) == [
        f"SDN249 EGRESS_GATEWAY: '{value}' is no IPv4 address"
    ]


@pytest.mark.behaviour("ER-04")
def test_gateway_and_source_are_two() -> None:
    assert messages(pod({**ROUTER, "EGRESS_GATEWAY": "192.168.12.99"})) == [
        "SDN249 EGRESS_GATEWAY: it is the address in EGRESS_SOURCE"
    ]


@pytest.mark.behaviour("ER-04", "ER-05")
@pytest.mark.parametrize("value", ["", None])
@pytest.mark.parametrize("variable", ROUTER)
def test_a_variable_is_missing(variable: str, value: str | None) -> None:
    assert messages(pod({**ROUTER, variable: value})) == [f"SDN249 {variable}: Pod shop/egress-1 does not set it"]


@pytest.mark.behaviour("ER-05")
@pytest.mark.parametrize("variables", [{}, {"EGRESS_ROUTER_MODE": ""}, {"EGRESS_ROUTER_MODE": "legacy"}])
def test_the_mode_is_legacy_by_default(variables: dict[str, object]) -> None:
    assert one(pod({**ROUTER, **variables})).mode is RouterMode.LEGACY


@pytest.mark.behaviour("ER-05")
@pytest.mark.parametrize(
    ("mode", "hint"),
    [
        ("http", ""),
        ("http_proxy", "; did you mean 'http-proxy'?"),
        ("INIT", ""),
        ("unit-test", ""),
        ("init ", "; did you mean 'init'?"),
    ],
)
def test_wrong_mode(mode: str, hint: str) -> None:
    assert messages(pod({**ROUTER, "EGRESS_ROUTER_MODE": mode})) == [
        f"SDN249 EGRESS_ROUTER_MODE: unknown mode '{mode}'{hint}"
    ]


@pytest.mark.behaviour("ER-05")
@pytest.mark.parametrize("mode", VARIABLES)
def test_each_mode_has_its_variable(mode: str) -> None:
    others = {variable: "*" for variable in VARIABLES.values() if variable != VARIABLES[mode]}

    assert messages(pod({**ADDRESSES, "EGRESS_ROUTER_MODE": mode, **others})) == [
        f"SDN249 {VARIABLES[mode]}: Pod shop/egress-1 does not set it"
    ]


def test_a_variable_that_two_containers_tell_differently() -> None:
    found = pod(ROUTER)
    found["spec"]["containers"] = [{"name": "x", "env": env({"EGRESS_SOURCE": "192.168.12.98"})}]

    assert messages(found) == ["SDN249 EGRESS_SOURCE: it has another value elsewhere in the pod"]


def test_a_variable_that_two_containers_tell_alike() -> None:
    found = pod(ROUTER)
    found["spec"]["containers"] = [{"name": "x", "env": env(ADDRESSES)}]

    assert format_address(one(found).source) == "192.168.12.99"


# ---- ConfigMaps


@pytest.mark.behaviour("ER-11")
@pytest.mark.parametrize("mode", VARIABLES)
def test_config_map(mode: str) -> None:
    destinations = {"http-proxy": "*", "dns-proxy": "80 www.example.com 80"}.get(mode, REDIRECT)
    routes = config_map({"destination": f"# Version 3\n{destinations}\n", "other": "not read"})

    for objects in ((routes, router_pod(mode, REFERENCE)), (router_pod(mode, REFERENCE), routes)):
        assert shown(one(*objects).destinations) == [destinations]


@pytest.mark.behaviour("ER-11")
def test_config_map_in_another_file() -> None:
    diagnostics = Diagnostics()
    yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: routes, namespace: shop}\ndata:\n  destination: |\n    "
    texts = {"b.json": list_of(router_pod("init", REFERENCE)), "a.yaml": yaml + REDIRECT, "c.yaml": "# nothing\n"}

    found = read_texts(texts, diagnostics)

    assert not diagnostics.failed
    assert [type(one) for one in found] == [Pod, EgressRouter]


@pytest.mark.behaviour("ER-11")
@pytest.mark.parametrize(
    "others",
    [
        [],
        [config_map({"destination": REDIRECT}, project="other")],
        [config_map({"destination": REDIRECT}, name="other")],
        [config_map({"Destination": REDIRECT})],
        [{**config_map({}), "binaryData": {"destination": "ODA="}}],
        [{**config_map({}), "data": None}],
    ],
)
def test_no_config_map(others: list[object]) -> None:
    assert messages(router_pod("init", REFERENCE), *others) == [
        "SDN248 there is no ConfigMap 'routes' in project shop with the key 'destination'"
    ]


@pytest.mark.behaviour("ER-11")
@pytest.mark.parametrize("others", [[], [config_map({})]])
def test_an_optional_config_map(others: list[object]) -> None:
    optional = {**REFERENCE, "optional": True}

    assert messages(router_pod("init", optional), *others) == [
        "SDN249 EGRESS_DESTINATION: Pod shop/egress-1 does not set it"
    ]
    assert one(pod({**ROUTER, "EGRESS_ROUTER_MODE": optional}), *others).mode is RouterMode.LEGACY


@pytest.mark.behaviour("ER-11")
def test_every_variable_may_come_from_a_config_map() -> None:
    router = pod({variable: {"name": "routes", "key": variable} for variable in ROUTER})

    assert shown(one(router, config_map(ROUTER)).destinations) == [REDIRECT]


@pytest.mark.behaviour("ER-11")
def test_config_maps_of_one_name() -> None:
    routes = config_map({"destination": REDIRECT})

    assert messages(router_pod("init", REFERENCE), routes, routes) == ["SDN206 ConfigMap shop/routes is defined twice"]
    assert messages(pod(ROUTER), routes, routes) == []


@pytest.mark.behaviour("ER-11")
@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"name": "routes"}, "SDN112 configMapKeyRef lacks the field 'key'"),
        ({"key": "destination"}, "SDN112 configMapKeyRef lacks the field 'name'"),
        ({**REFERENCE, "name": 7}, "SDN111 spec.initContainers[0].env[2].valueFrom.configMapKeyRef.name: expected a "
         "string, found an integer"),
        (7, "SDN111 spec.initContainers[0].env[2].value: expected a string, found an integer"),
        (True, "SDN111 spec.initContainers[0].env[2].value: expected a string, found a boolean"),
    ],
)  # fmt: skip
def test_wrong_values(value: object, message: str) -> None:
    assert messages(pod({**ADDRESSES, "EGRESS_DESTINATION": value})) == [message]


@pytest.mark.parametrize("elsewhere", [{"secretKeyRef": REFERENCE}, {"fieldRef": {"fieldPath": "status.podIP"}}, {}])
def test_values_from_elsewhere(elsewhere: object) -> None:
    found = pod(ROUTER)
    found["spec"]["initContainers"][0]["env"][2] = {"name": "EGRESS_DESTINATION", "valueFrom": elsewhere}

    assert messages(found) == [
        "SDN249 EGRESS_DESTINATION: it comes from elsewhere; sdnc knows its value, or a configMapKeyRef"
    ]


def test_value_and_value_from() -> None:
    found = pod(ROUTER)
    found["spec"]["initContainers"][0]["env"][2]["valueFrom"] = {"configMapKeyRef": REFERENCE}

    assert messages(found) == ["SDN249 EGRESS_DESTINATION: it has both value and valueFrom"]


def test_a_value_of_a_config_map_that_is_no_string() -> None:
    assert messages(router_pod("init", REFERENCE), config_map({"destination": 80})) == [
        "SDN111 data.destination: expected a string, found an integer"
    ]


@pytest.mark.behaviour("ER-11")
def test_env_from() -> None:
    found = pod({"EGRESS_GATEWAY": "192.168.12.1"})
    found["spec"]["initContainers"][0]["envFrom"] = [
        {"configMapRef": {"name": "not-there"}},
        {"secretRef": {"name": "secret"}},
        {"configMapRef": {"name": "routes"}},
        {"configMapRef": {"name": "prefixed"}, "prefix": "EGRESS_"},
    ]
    routes = config_map({**ROUTER, "EGRESS_GATEWAY": "192.168.12.7"})
    prefixed = config_map({"DESTINATION": "203.0.113.25", "SOURCES": "x"}, "prefixed")

    router = one(found, routes, prefixed)

    assert format_address(router.gateway) == "192.168.12.1"
    assert shown(router.destinations) == ["203.0.113.25"]


# ---- where it runs


@pytest.mark.behaviour("ER-14")
@KINDS
def test_nodes(kind: str) -> None:
    found = pod(ROUTER)
    found["spec"] |= {"nodeName": "node-1", "nodeSelector": {"site": "springfield-1", "zone": ""}}

    for router in routers_of(found, controller(found, kind)):
        assert router.node == "node-1"
        assert router.nodes == Selector.equal({"site": "springfield-1", "zone": ""})


@pytest.mark.behaviour("ER-14")
@pytest.mark.parametrize("spec", [{"nodeName": "", "nodeSelector": {}}, {"nodeName": None, "nodeSelector": None}])
def test_any_node(spec: dict[str, object]) -> None:
    found = pod(ROUTER)
    found["spec"] |= spec

    assert (one(found).node, one(found).nodes) == (None, None)


# ---- pods of controllers


def owned(kind: str, name: str, **metadata: object) -> dict[str, Any]:
    found = pod(ROUTER, name="egress-1-x7k2p")
    found["metadata"] |= {"ownerReferences": [{"kind": kind, "name": name, "uid": "1"}], **metadata}
    return found


@pytest.mark.behaviour("ER-01")
@pytest.mark.parametrize(
    ("kind", "owner", "name"),
    [
        ("ReplicationController", "ReplicationController", "egress"),
        ("Deployment", "ReplicaSet", "egress-5d4f8c7b9"),
        ("DeploymentConfig", "ReplicationController", "egress-1"),
    ],
)
def test_a_pod_of_a_controller_is_no_router_of_its_own(kind: str, owner: str, name: str) -> None:
    made = owned(owner, name)

    for objects in ((made, controller(pod(ROUTER), kind)), (controller(pod(ROUTER), kind), made)):
        assert one(*objects).name == "egress"
    assert one(made).name == "egress-1-x7k2p"


@pytest.mark.behaviour("ER-01")
def test_what_a_deployment_config_makes_is_no_router_of_its_own() -> None:
    annotations = {MACVLAN: "true", "openshift.io/deployment-config.name": "egress"}
    older = changed(controller(pod(ROUTER), replicas=0), "metadata", "name", to="egress-1")
    older["metadata"]["annotations"] = annotations
    newer = changed(older | {"spec": older["spec"] | {"replicas": 1}}, "metadata", "name", to="egress-2")
    made = changed(pod(ROUTER, name="egress-2-abcde"), "metadata", "annotations", to=annotations)

    assert one(older, newer, made, controller(pod(ROUTER), "DeploymentConfig")).name == "egress"
    assert one(older, newer).name == "egress-2"


@pytest.mark.behaviour("ER-01")
def test_a_pod_of_a_controller_in_another_project_is_its_own_router() -> None:
    other = changed(controller(pod(ROUTER)), "metadata", "namespace", to="other")

    assert len(routers_of(owned("ReplicationController", "egress"), other)) == 2


@pytest.mark.behaviour("ER-01", "NP-17")
@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_finished_pod_is_no_router(phase: str) -> None:
    assert routers_of({**pod(ROUTER), "status": {"phase": phase}}) == []
    assert len(routers_of({**pod(ROUTER), "status": {"phase": "Running"}})) == 1


# ---- what is not referred to


def test_what_is_not_used_is_not_read() -> None:
    junk = {"metadata": {"name": "x", "namespace": "shop"}, "spec": {"template": 7, "replicas": "x"}, "data": [1]}
    kinds = {"ReplicationController": "v1", "Deployment": "apps/v1", "DeploymentConfig": "v1", "ConfigMap": "v1"}
    objects = [{"kind": kind, "apiVersion": version, **junk} for kind, version in kinds.items()]

    for name in ("a.json", "a.yaml"):
        diagnostics = Diagnostics()
        assert read_texts({name: list_of(*objects, {"kind": "ConfigMap", "apiVersion": "v1"})}, diagnostics) == ()
        (note,) = diagnostics.sorted()
        assert note.message == (
            "skipped objects of kinds that sdnc does not use: 2 ConfigMap, 1 Deployment, 1 DeploymentConfig, "
            "1 ReplicationController"
        )


def test_keys_with_escapes_are_read() -> None:
    text = json.dumps(controller(pod(ROUTER))).replace("assign-macvlan", "assign-m\\u0061cvlan")

    assert len(read_all(text)[0]) == 1
    assert len(read_all(json.dumps(pod(ROUTER)).replace("assign-macvlan", "assign-m\\u0061cvlan"))[0]) == 1


@pytest.mark.behaviour("OUT-01")
def test_the_order_of_the_objects_does_not_matter() -> None:
    objects = [router_pod("init", REFERENCE), config_map({"destination": REDIRECT}), controller(pod(ROUTER))]

    one_way, _ = read_all(list_of(*objects))
    another, _ = read_all(list_of(*reversed(objects)))

    assert sorted(map(repr, one_way)) == sorted(map(repr, another))


# ---- values of any kind anywhere

OBJECTS: list[Any] = [
    pod({**ADDRESSES, "EGRESS_DESTINATION": REFERENCE}),
    controller(pod(ROUTER), "Deployment", replicas=1),
    config_map({"destination": REDIRECT}),
]
junk = st.sampled_from([None, True, 0, -1, 1.5, "", "x", [], {}, [None], {"": None}, "true", {"name": "x"}])


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths to every value inside."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for step, child in children for found in paths(child, (*path, step)))]


@given(st.lists(st.tuples(st.sampled_from([path for path in paths(OBJECTS) if path]), junk), max_size=3))
def test_a_value_of_the_wrong_type_anywhere_never_raises(changes: list[tuple[tuple[Any, ...], object]]) -> None:
    objects = json.loads(json.dumps(OBJECTS))
    for (*most, last), value in changes:
        inner = objects
        for step in most:
            try:
                inner = inner[step]
            except (LookupError, TypeError):  # an earlier change took it away
                inner = None
        if isinstance(inner, dict) or (isinstance(inner, list) and isinstance(last, int) and last < len(inner)):
            inner[last] = json.loads(json.dumps(value))

    for name in ("a.json", "a.yaml"):
        routers, found = read_all(list_of(*objects), name)

        assert len(routers) == 2 or changes
        for one in found:
            assert one.message.isprintable()
