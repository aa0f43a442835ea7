"""`sdnc check --against`: which host names changed since an older snapshot."""

from __future__ import annotations

import json
from pathlib import Path
from types import FunctionType

import pytest

import sdnc
from tests.compiling import CLUSTER
from tests.sdnc.running import invoke

ALLOWING = CLUSTER.replace("cluster {", "cluster { allow-hostname-changes")

MASTER_CONFIG = """
apiVersion: v1
kind: MasterConfig
admissionConfig:
  pluginConfig:
    openshift.io/IngressAdmission:
      configuration:
        apiVersion: v1
        allowHostnameChanges: true
        kind: IngressAdmissionConfig
      location: ""
"""

MONDAY, TUESDAY = "2017-11-13T10:00:00Z", "2017-11-14T10:00:00Z"


def route(name: str, host: str, created: str = MONDAY) -> str:
    return f"""---
apiVersion: route.openshift.io/v1
kind: Route
metadata: {{name: {name}, namespace: shop, creationTimestamp: "{created}"}}
spec:
  host: {host}
  to: {{kind: Service, name: web}}
"""


def ingress(name: str, *hosts: str, created: str = MONDAY) -> str:
    rules = "".join(f"\n  - host: {host}" for host in hosts)
    return f"""---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: {name}, namespace: shop, creationTimestamp: "{created}"}}
spec:
  rules:{rules}
"""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    folder = tmp_path / "old"
    folder.mkdir()
    return folder


@pytest.fixture
def new(tmp_path: Path) -> Path:
    folder = tmp_path / "new"
    folder.mkdir()
    (folder / "cluster.sdn").write_text(f"{CLUSTER}\nproject shop\n")
    return folder


@pytest.mark.behaviour("HN-01")
@pytest.mark.parametrize("kind", [route, ingress])
def test_a_host_that_changed_is_an_error(old: Path, new: Path, kind: FunctionType) -> None:
    (old / "web.yaml").write_text(kind("web", "old.example"))
    (new / "web.yaml").write_text(kind("web", "new.example"))

    result = invoke("check", new, "--against", old)

    name = kind.__name__.capitalize()
    assert result.exit_code == 1
    assert f"error[SDN260]: {name} shop/web changes its host from old.example to new.example\n" in result.stdout
    assert f" --> {new}/web.yaml:" in result.stdout
    assert f" = note: before: {old}/web.yaml:" in result.stdout
    assert invoke("check", new).exit_code == 0


@pytest.mark.behaviour("HN-01")
def test_an_unchanged_snapshot_has_no_findings(old: Path, new: Path) -> None:
    for folder in (old, new):
        (folder / "web.yaml").write_text(route("web", "a.example") + ingress("other", "b.example", "c.example"))

    result = invoke("check", new, "--against", old)

    assert (result.exit_code, result.stdout) == (0, "no findings\n")


@pytest.mark.behaviour("HN-01")
@pytest.mark.parametrize("by", ["language", "master-config"])
def test_the_administrator_may_allow_changes(old: Path, new: Path, by: str) -> None:
    (old / "web.yaml").write_text(route("web", "old.example"))
    (new / "web.yaml").write_text(route("web", "new.example"))
    if by == "language":
        (new / "cluster.sdn").write_text(f"{ALLOWING}\nproject shop\n")
    else:
        (new / "master-config.yaml").write_text(MASTER_CONFIG)

    result = invoke("check", new, "--against", old)

    assert (result.exit_code, result.stdout) == (0, "no findings\n")


@pytest.mark.behaviour("HN-02")
def test_where_changes_are_allowed_what_they_take_is_a_warning(old: Path, new: Path) -> None:
    (old / "web.yaml").write_text(route("web", "old.example") + route("shop", "www.example", TUESDAY))
    (new / "web.yaml").write_text(route("web", "www.example") + route("shop", "www.example", TUESDAY))
    (new / "cluster.sdn").write_text(f"{ALLOWING}\nproject shop\n")

    result = invoke("check", new, "--against", old)

    assert result.exit_code == 0
    assert (
        "warning[SDN262]: Route shop/web takes www.example from Route shop/shop, because it is the older object\n"
        in result.stdout
    )
    assert (
        "warning[SDN261]: www.example is held by Route shop/web, so Route shop/shop does not get it\n" in result.stdout
    )


@pytest.mark.behaviour("HN-01")
def test_a_route_that_was_made_anew_did_not_change(old: Path, new: Path) -> None:
    (old / "web.yaml").write_text(route("web", "old.example"))
    (new / "web.yaml").write_text(route("web", "new.example", TUESDAY))

    assert invoke("check", new, "--against", old).exit_code == 0


@pytest.mark.behaviour("HN-01")
def test_several_older_paths_are_one_snapshot(old: Path, new: Path, tmp_path: Path) -> None:
    (old / "web.yaml").write_text(route("web", "old.example"))
    other = tmp_path / "other.yaml"
    other.write_text(ingress("other", "old.example"))
    (new / "web.yaml").write_text(route("web", "new.example") + ingress("other", "new.example"))

    result = invoke("check", new, "--against", old, "--against", other, "--format", "json")

    codes = [found["code"] for found in json.loads(result.stdout)["diagnostics"]]
    assert sorted(codes) == ["SDN260", "SDN260", "SDN261"]


def test_an_older_snapshot_need_not_be_a_whole_cluster_but_its_errors_are_told(old: Path, new: Path) -> None:
    (old / "web.yaml").write_text(route("web", "old.example"))
    (old / "broken.yaml").write_text("kind: Route\n  host: [\n")
    (old / "secret.yaml").write_text("apiVersion: v1\nkind: Secret\n")
    (new / "web.yaml").write_text(route("web", "old.example"))

    result = invoke("check", new, "--against", old, "--format", "json")

    found = json.loads(result.stdout)["diagnostics"]
    assert result.exit_code == 1
    assert [(one["code"], one["place"]["file"]) for one in found] == [("SDN105", f"{old}/broken.yaml")]


def test_an_older_snapshot_that_is_not_there_is_an_error(new: Path, tmp_path: Path) -> None:
    result = invoke("check", new, "--against", tmp_path / "nothing")

    assert result.exit_code == 1
    assert "error[SDN101]: cannot read" in result.stdout


@pytest.mark.behaviour("HN-01")
def test_the_older_snapshot_may_come_from_standard_input(new: Path) -> None:
    (new / "web.yaml").write_text(route("web", "new.example"))

    result = invoke("check", new, "--against", "-", stdin=route("web", "old.example"))

    assert result.exit_code == 1
    assert " = note: before: -:" in result.stdout


def test_standard_input_is_one_of_both(new: Path) -> None:
    result = invoke("check", new, "-", "--against", "-", stdin="")

    assert result.exit_code == 2
    assert "Invalid value for --against: standard input is among the PATHs" in result.stderr


@pytest.mark.behaviour("HN-01")
def test_the_python_interface_compares_as_well(old: Path, new: Path) -> None:
    (old / "web.yaml").write_text(route("web", "old.example"))
    (new / "web.yaml").write_text(route("web", "new.example"))

    assert [found.code.id for found in sdnc.check([new], against=[old])] == ["SDN260"]
    assert sdnc.check([new]) == ()
