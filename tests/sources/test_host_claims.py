"""compiler.sources.host_names: the hosts that Routes and Ingresses claim; allowHostnameChanges."""

from __future__ import annotations

import pytest

from compiler.declarations import ClusterDeclaration, HostClaim, Mode

from .reading import read

ROUTE = (
    "apiVersion: route.openshift.io/v1\nkind: Route\nmetadata: {name: web, namespace: shop%s}\nspec:\n  to: {name: a}\n"
)
INGRESS = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: web, namespace: shop%s}\nspec:\n"


def claims(text: str) -> list[HostClaim]:
    """The claims in a text that is right."""
    found, reports = read(text)
    assert reports == []
    return [one for one in found if isinstance(one, HostClaim)]


def plain(text: str) -> list[tuple[int, str, str]]:
    return [(one.position, one.host, one.path) for one in claims(text)]


@pytest.mark.behaviour("HN-01")
@pytest.mark.parametrize("version", ["v1", "route.openshift.io/v1"])
def test_route(version: str) -> None:
    text = (ROUTE % ", creationTimestamp: '2024-01-31T12:00:00Z'").replace("route.openshift.io/v1", version)

    (claim,) = claims(text + "  host: www.example.com\n  path: /shop\n")

    assert (claim.kind, claim.project, claim.name, claim.position) == ("Route", "shop", "web", 0)
    assert (claim.host, claim.path, claim.created) == ("www.example.com", "/shop", "2024-01-31T12:00:00Z")
    assert str(claim.origin) == "a.yaml:6:9"


@pytest.mark.behaviour("HN-01")
@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("", [(0, "", "")]),
        ("  host: ''\n", [(0, "", "")]),
        ("  host: www.example.com\n  path: null\n", [(0, "www.example.com", "")]),
        ("  host: x.apps.example.com\n  wildcardPolicy: None\n", [(0, "x.apps.example.com", "")]),
        ("  host: x.apps.example.com\n  wildcardPolicy: Subdomain\n", [(0, "*.apps.example.com", "")]),
    ],
)
def test_hosts_of_routes(lines: str, expected: list[object]) -> None:
    assert plain(ROUTE % "" + lines) == expected


@pytest.mark.behaviour("HN-01")
@pytest.mark.parametrize("version", ["networking.k8s.io/v1", "networking.k8s.io/v1beta1", "extensions/v1beta1"])
def test_ingress(version: str) -> None:
    text = (INGRESS % ", creationTimestamp: '2024-01-31T12:00:00Z'").replace("networking.k8s.io/v1", version) + (
        "  ingressClassName: x\n  rules:\n"
        "  - {host: a.example.com, http: {paths: [{path: /x, pathType: Exact, backend: {}}, {path: /y}, {path: /x}]}}\n"
        "  - {http: {paths: [{path: /}]}}\n"
        "  - {host: '*.example.com', http: {paths: [{backend: {}}]}}\n"
        "  - {host: b.example.com}\n"
    )

    found = claims(text)

    assert plain(text) == [
        (0, "a.example.com", "/x"),
        (0, "a.example.com", "/y"),
        (1, "", "/"),
        (2, "*.example.com", ""),
        (3, "b.example.com", ""),
    ]
    assert {(one.kind, one.project, one.name, one.created) for one in found} == {
        ("Ingress", "shop", "web", "2024-01-31T12:00:00Z")
    }
    assert [one.origin.span().line for one in found] == [7, 7, 8, 9, 10]


@pytest.mark.parametrize("spec", ["spec: {}", "spec: {rules: []}", "spec: null", ""])
def test_an_ingress_without_rules(spec: str) -> None:
    assert plain((INGRESS % "").replace("spec:", spec)) == [(0, "", "")]


@pytest.mark.behaviour("HN-02")
def test_a_route_of_an_ingress_claims_nothing() -> None:
    owner = ", ownerReferences: [{kind: %s, name: web, apiVersion: networking.k8s.io/v1, uid: x}]"

    assert claims(ROUTE % (owner % "Ingress") + "  host: www.example.com\n") == []
    assert len(claims(ROUTE % (owner % "Other") + "  host: www.example.com\n")) == 1


@pytest.mark.behaviour("HN-01")
@pytest.mark.parametrize(
    ("written", "created"),
    [
        ("2024-01-31T12:00:00Z", "2024-01-31T12:00:00Z"),
        ("2024-01-31t12:00:00.5z", "2024-01-31T12:00:00Z"),
        ("2024-01-31T12:00:00+02:00", "2024-01-31T10:00:00Z"),
        ("2024-01-01T00:30:00+01:00", "2023-12-31T23:30:00Z"),
        ("0999-01-31T12:00:00Z", "0999-01-31T12:00:00Z"),
        (None, None),
        ("", None),
    ],
)
def test_times(written: str | None, created: str | None) -> None:
    told = "null" if written is None else f"'{written}'"

    (claim,) = claims(ROUTE % f", creationTimestamp: {told}" + "  host: www.example.com\n")

    assert claim.created == created


@pytest.mark.behaviour("HN-01")
@pytest.mark.parametrize(
    "written",
    [
        "2024-01-31", "2024-02-30T12:00:00Z", "2024-01-31T12:00:00", "2024-01-31T25:00:00Z", "2024-01-31T12:00:60Z",
        "20240131T120000Z", "0001-01-01T00:00:00+14:00", "yesterday", "2024-01-31 12:00:00Z", "٢٠٢٤-01-31T12:00:00Z",
        "2024-01-31T12:00:00Z\\n",
    ],
)  # fmt: skip
def test_wrong_times(written: str) -> None:
    text = ROUTE % f', creationTimestamp: "{written}"' + "  host: www.example.com\n"

    assert read(text)[1] == ["BAD_VALUE:3:59"]


@pytest.mark.behaviour("HN-01")
@pytest.mark.parametrize(
    ("host", "route", "ingress"),
    [
        ("WWW.example.com", "BAD_DNS_NAME:6:9", "BAD_DNS_NAME:5:18"),
        ("www.example.com.", "BAD_DNS_NAME:6:9", "BAD_DNS_NAME:5:18"),
        ("www.example.com:80", "BAD_DNS_NAME:6:9", "BAD_DNS_NAME:5:18"),
        ("203.0.113.25", "BAD_DNS_NAME:6:9", "BAD_DNS_NAME:5:18"),
        ("www.*.com", "BAD_DNS_NAME:6:9", "BAD_DNS_NAME:5:18"),
        ("'*'", "BAD_DNS_NAME:6:9", "BAD_DNS_NAME:5:18"),
        ("'*.example.com'", "BAD_DNS_NAME:6:9", None),
        ("7", "WRONG_TYPE:6:9", "WRONG_TYPE:5:18"),
    ],
)
def test_wrong_hosts(host: str, route: str, ingress: str | None) -> None:
    assert read(ROUTE % "" + f"  host: {host}\n")[1] == [route]
    assert read(INGRESS % "" + f"  rules: [{{host: {host}}}]\n")[1] == ([ingress] if ingress else [])


@pytest.mark.parametrize(
    ("lines", "report"),
    [
        ("  rules: {}\n", "WRONG_TYPE:5:10"),
        ("  rules: [7]\n", "WRONG_TYPE:5:11"),
        ("  rules: [{host: a.b, http: 7}]\n", "WRONG_TYPE:5:29"),
        ("  rules: [{host: a.b, http: {paths: [7]}}]\n", "WRONG_TYPE:5:38"),
        ("  rules: [{host: a.b, http: {paths: [{path: 7}]}}]\n", "WRONG_TYPE:5:45"),
    ],
)
def test_malformed_ingresses(lines: str, report: str) -> None:
    assert read(INGRESS % "" + lines)[1] == [report]


ADMISSION = """\
admissionConfig:
  pluginConfig:
    openshift.io/IngressAdmission:
      configuration: {apiVersion: v1, kind: IngressAdmissionConfig%s}
"""
MASTER = "apiVersion: v1\nkind: MasterConfig\n"


@pytest.mark.behaviour("HN-01")
@pytest.mark.parametrize("value", [True, False])
def test_allow_hostname_changes(value: bool) -> None:
    (found,), reports = read(MASTER + ADMISSION % f", allowHostnameChanges: {str(value).lower()}")

    assert reports == []
    assert isinstance(found, ClusterDeclaration)
    assert (found.allow_hostname_changes, found.mode) == (value, None)
    assert str(found.origin).startswith("a.yaml:6:")


@pytest.mark.behaviour("HN-01")
@pytest.mark.parametrize(
    "text", ["", "admissionConfig: {}\n", "admissionConfig: {pluginConfig: {other: {}}}\n", ADMISSION % ""]
)
def test_nothing_is_told_of_hostname_changes(text: str) -> None:
    assert read(MASTER + text) == ((), [])


@pytest.mark.parametrize(
    ("text", "report"),
    [
        (ADMISSION % ", allowHostnameChanges: 'true'", "WRONG_TYPE:6:91"),
        ("admissionConfig: []\n", "WRONG_TYPE:3:18"),
        ("admissionConfig: {pluginConfig: 7}\n", "WRONG_TYPE:3:33"),
    ],
)
def test_malformed_admission(text: str, report: str) -> None:
    assert read(MASTER + text) == ((), [report])


def test_both_parts_of_a_master_config() -> None:
    network = "networkConfig: {networkPluginName: redhat/openshift-ovs-networkpolicy}\n"

    found, reports = read(MASTER + network + ADMISSION % ", allowHostnameChanges: true")

    assert reports == []
    told = [(one.mode, one.allow_hostname_changes) for one in found if isinstance(one, ClusterDeclaration)]
    assert set(told) == {(None, True), (Mode.NETWORKPOLICY, None)}
