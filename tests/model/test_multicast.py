"""In which NetIDs multicast is on."""

from __future__ import annotations

import pytest

from compiler.declarations import ProjectDeclaration
from compiler.diagnostics import Diagnostic
from compiler.model.model import Model
from compiler.model.sharing import listed
from compiler.origin import Origin, Span
from compiler.sources.dsl import dsl_source
from tests.compiling import CLUSTER, MULTITENANT, SUBNET, built, declare, names

FILE = dsl_source("projects", "")
PROJECTS = """
project shop { netid 20 }
project web { netid 30 }
project api { netid 30 }
project monitoring { netid 0 }
"""


def on(*projects: str) -> list[ProjectDeclaration]:
    return [
        ProjectDeclaration(name, Origin(FILE, Span(line, 1, 2)), multicast=True)
        for line, name in enumerate(projects, start=1)
    ]


def built_with(*projects: str, cluster: str = MULTITENANT) -> tuple[Model | None, tuple[Diagnostic, ...]]:
    return built([*declare(cluster + PROJECTS), *on(*projects)])


def domains(*projects: str) -> list[int]:
    """The NetIDs with multicast where these projects have it on."""
    model, _ = built_with(*projects)
    assert model is not None
    return [domain.netid for domain in model.multicast]


@pytest.mark.behaviour("MC-01")
def test_multicast_is_off_where_nobody_switches_it_on() -> None:
    assert domains() == []


@pytest.mark.behaviour("MC-01")
def test_a_project_alone_with_its_netid() -> None:
    model, found = built_with("shop")

    assert model is not None
    assert found == ()
    assert [(domain.netid, [str(origin) for origin in domain.origins]) for domain in model.multicast] == [
        (20, ["projects:1:1"])
    ]


@pytest.mark.behaviour("MC-01")
def test_it_is_enough_that_one_source_says_so() -> None:
    text = CLUSTER + "project shop { netid 20 }"

    model, _ = built([*declare(text), *on("shop"), *declare("project shop { labels a=b }")])

    assert model is not None
    assert [domain.netid for domain in model.multicast] == [20]


@pytest.mark.behaviour("MC-02")
def test_projects_that_share_a_netid_have_it_together() -> None:
    assert domains("api", "shop", "web") == [20, 30]
    assert domains("api") == domains("web") == []


@pytest.mark.behaviour("MC-02")
def test_who_is_kept_from_it_is_told() -> None:
    _, (found,) = built_with("shop", "web")

    assert names([found]) == ["MULTICAST_PARTLY"]
    assert found.message == "multicast stays off in NetID 30: it is on for web, but not for api"
    assert str(found.origin) == "projects:2:1"


@pytest.mark.behaviour("MC-02")
@pytest.mark.parametrize(
    ("projects", "expected"),
    [(("default",), []), (("monitoring",), []), (("default", "monitoring"), [0])],
)
def test_default_has_it_only_with_every_global_project(projects: tuple[str, ...], expected: list[int]) -> None:
    assert domains(*projects) == expected


@pytest.mark.behaviour("MC-02")
def test_default_alone_is_every_global_project() -> None:
    model, found = built([*declare(CLUSTER), *on("default")])

    assert model is not None
    assert [domain.netid for domain in model.multicast] == [0]
    assert found == ()


@pytest.mark.behaviour("MC-02")
def test_a_joined_project_counts() -> None:
    declarations = declare(MULTITENANT + PROJECTS, "join shop to web")

    without, _ = built([*declarations, *on("web", "api")])
    with_it, _ = built([*declarations, *on("web", "api", "shop")])

    assert without is not None and with_it is not None
    assert [domain.netid for domain in without.multicast] == []
    assert [domain.netid for domain in with_it.multicast] == [30]


def test_long_lists_of_projects_are_cut() -> None:
    many = "".join(f"project p{i} {{ netid 50 }}\n" for i in range(9))

    _, (found,) = built([*declare(MULTITENANT + many), *on("p7")])

    assert found.message.endswith("it is on for p7, but not for p0, p1, p2, p3, p4 and 3 more")
    assert listed(["a", "b", "c", "d", "e"]) == "a, b, c, d, e"


def test_subnet_mode_counts_what_it_ignores() -> None:
    model, (found,) = built_with("shop", "web", cluster=SUBNET)

    assert model is not None
    assert model.multicast == ()
    assert found.message == "2 projects with multicast are ignored in subnet mode"


def test_a_cluster_without_a_mode_is_told_alone() -> None:
    model, found = built_with("web", cluster="")

    assert model is None
    assert names(found) == ["NO_CLUSTER"]
