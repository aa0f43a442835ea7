"""Who holds a host name (HN-02), and what changed between two snapshots (HN-01)."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import permutations

import pytest

from compiler.declarations import ClusterDeclaration, HostClaim
from compiler.diagnostics import Diagnostic, Diagnostics
from compiler.host_names import check_hosts, compare_hosts
from compiler.origin import Origin, Source, Span
from tests.compiling import CLUSTER, built, declare

OLD = Source("old.yaml", "claim\n" * 30, lambda path: Span(1, 1, 2))
NEW = Source("new.yaml", "claim\n" * 30, lambda path: Span(1, 1, 2))

MONDAY, TUESDAY, WEDNESDAY = (f"2017-11-{day}T10:00:00Z" for day in (13, 14, 15))


def claim(
    name: str,
    host: str,
    created: str | None = None,
    *,
    path: str = "",
    kind: str = "Route",
    project: str = "shop",
    position: int = 0,
    source: Source = NEW,
) -> HostClaim:
    return HostClaim(kind, project, name, position, host, Origin(source, Span(position + 1, 1, 6)), path, created)


def ingress(name: str, *hosts: str, created: str | None = None) -> list[HostClaim]:
    return [claim(name, host, created, kind="Ingress", position=number) for number, host in enumerate(hosts)]


def taken(*claims: HostClaim) -> list[str]:
    diagnostics = Diagnostics()
    check_hosts(claims, diagnostics)
    return [found.message for found in diagnostics.sorted()]


def changed(
    old: Iterable[HostClaim], new: Iterable[HostClaim], *, allowed: bool | None = None
) -> tuple[Diagnostic, ...]:
    diagnostics = Diagnostics()
    cluster = ClusterDeclaration(Origin(NEW, Span(30, 1, 2)), allow_hostname_changes=allowed)
    compare_hosts(old, [cluster, *new], diagnostics)
    return diagnostics.sorted()


def messages(found: Iterable[Diagnostic]) -> list[str]:
    return [one.message for one in found]


@pytest.mark.behaviour("HN-02")
def test_the_oldest_holds_a_host_and_the_others_are_told_by_whom() -> None:
    claims = [
        claim("b", "www.example.com", TUESDAY),
        claim("c", "www.example.com", WEDNESDAY, project="mail"),
        claim("a", "www.example.com", MONDAY, kind="Ingress", project="web"),
    ]

    for order in permutations(claims):
        assert taken(*order) == [
            "www.example.com is held by Ingress web/a, so Route mail/c does not get it",
            "www.example.com is held by Ingress web/a, so Route shop/b does not get it",
        ]


@pytest.mark.behaviour("HN-02")
def test_the_holder_is_shown() -> None:
    diagnostics = Diagnostics()
    holder = claim("a", "www.example.com", MONDAY, position=4)
    loser = claim("b", "www.example.com", TUESDAY, position=7)

    check_hosts([loser, holder], diagnostics)

    (found,) = diagnostics.sorted()
    assert found.origin == loser.origin
    assert [(each.text, each.origin) for each in found.related] == [("Route shop/a", holder.origin)]


@pytest.mark.behaviour("HN-02")
@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (claim("z", "a.example", WEDNESDAY), claim("a", "a.example")),
        (claim("a", "a.example"), claim("b", "a.example")),
        (claim("a", "a.example", MONDAY), claim("b", "a.example", MONDAY)),
        (claim("z", "a.example", MONDAY, kind="Ingress"), claim("a", "a.example", MONDAY)),
        (claim("z", "a.example", MONDAY, project="a"), claim("a", "a.example", MONDAY, project="b")),
    ],
    ids=["none is newest", "both none", "tie by name", "tie by kind", "tie by project"],
)
def test_who_is_older(older: HostClaim, newer: HostClaim) -> None:
    told = (
        f"a.example is held by {older.kind} {older.project}/{older.name}, "
        f"so {newer.kind} {newer.project}/{newer.name} does not get it"
    )

    assert taken(older, newer) == taken(newer, older) == [told]


@pytest.mark.behaviour("HN-02")
@pytest.mark.parametrize(
    ("one", "other", "conflict"),
    [
        (("a.example", ""), ("a.example", "/"), True),
        (("a.example", "/shop"), ("a.example", "/shop"), True),
        (("a.example", "/shop"), ("a.example", ""), False),
        (("a.example", "/shop"), ("a.example", "/mail"), False),
        (("*.a.example", ""), ("*.a.example", ""), True),
        (("*.a.example", ""), ("www.a.example", ""), False),
        (("", ""), ("", ""), False),
    ],
)
def test_what_is_the_same_host_and_path(one: tuple[str, str], other: tuple[str, str], conflict: bool) -> None:
    claims = [claim(name, host, path=path) for name, (host, path) in (("one", one), ("other", other))]

    assert (len(taken(*claims)) == 1) is conflict


@pytest.mark.behaviour("HN-02")
def test_an_object_is_told_once_of_a_host_and_takes_nothing_from_itself() -> None:
    twice = ingress("twice", "a.example", "a.example", created=MONDAY)

    assert taken(*twice) == []
    assert len(taken(*twice, claim("holder", "a.example", "2017-01-01T00:00:00Z"))) == 1


@pytest.mark.behaviour("HN-02")
def test_the_model_has_all_claims_sorted_and_reports_conflicts() -> None:
    first, second = claim("a", "a.example", MONDAY), claim("b", "a.example", TUESDAY)

    model, found = built((*declare(CLUSTER, "project shop"), second, first))

    assert model is not None
    assert model.host_claims == (first, second)
    assert messages(found) == ["a.example is held by Route shop/a, so Route shop/b does not get it"]


def test_an_ingress_that_is_there_twice_is_an_error() -> None:
    """Whatever paths a rule has, it is one rule."""
    paths = [claim("web", "a.example", kind="Ingress", path=path) for path in ("/a", "/b")]
    again = claim("web", "a.example", kind="Ingress", path="/c", source=OLD)

    assert taken(*paths) == []
    assert taken(*paths, again) == ["Ingress shop/web is defined twice"]


@pytest.mark.behaviour("HN-01")
def test_a_route_whose_host_changed_is_an_error() -> None:
    old = claim("web", "old.example", MONDAY, source=OLD, position=3)
    new = claim("web", "new.example", MONDAY, position=5)

    (found,) = changed([old], [new])

    assert found.message == "Route shop/web changes its host from old.example to new.example"
    assert (found.origin, found.related[0].origin) == (new.origin, old.origin)
    assert found.severity.value == "error"


@pytest.mark.behaviour("HN-01")
@pytest.mark.parametrize("allowed", [None, False])
def test_changes_are_not_allowed_by_default(allowed: bool | None) -> None:
    assert len(changed([claim("web", "old.example")], [claim("web", "new.example")], allowed=allowed)) == 1


@pytest.mark.behaviour("HN-01")
def test_changes_may_be_allowed() -> None:
    assert changed([claim("web", "old.example")], [claim("web", "new.example")], allowed=True) == ()


@pytest.mark.behaviour("HN-01")
def test_what_the_older_snapshot_allows_does_not_count() -> None:
    diagnostics = Diagnostics()
    allowing = ClusterDeclaration(Origin(OLD, Span(1, 1, 2)), allow_hostname_changes=True)

    compare_hosts([allowing, claim("web", "old.example")], [claim("web", "new.example")], diagnostics)

    assert diagnostics.failed


@pytest.mark.behaviour("HN-01")
@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (["a", "b"], ["b", "a"], None),
        (["a", "b"], ["c", "a", "b"], "a, b to a, b, c"),
        (["a", "b"], ["a"], None),
        (["a", "b"], ["a", "c"], "a, b to a, c"),
        (["a"], ["a", ""], None),
        ([""], ["a"], "none to a"),
        (["a"], [""], None),
    ],
    ids=["other order", "one inserted", "one given up", "one replaced", "all hosts", "first host", "no host"],
)
def test_an_ingress_has_a_set_of_hosts(old: list[str], new: list[str], told: str | None) -> None:
    """What it gives up is no change, as for the API server: nobody loses a host by it."""
    found = changed(ingress("web", *old, created=MONDAY), ingress("web", *new, created=MONDAY))

    assert messages(found) == ([f"Ingress shop/web changes its host from {told}"] if told else [])


@pytest.mark.behaviour("HN-01")
@pytest.mark.parametrize(
    ("before", "after", "is_change"),
    [
        (MONDAY, MONDAY, True),
        (MONDAY, None, True),
        (None, MONDAY, True),
        (None, None, True),
        (MONDAY, TUESDAY, False),
    ],
)
def test_an_object_that_was_made_anew_did_not_change(before: str | None, after: str | None, is_change: bool) -> None:
    found = changed([claim("web", "old.example", before)], [claim("web", "new.example", after)])

    assert (len(found) == 1) is is_change


@pytest.mark.behaviour("HN-01")
def test_objects_are_told_apart_by_kind_project_and_name() -> None:
    old = [claim("web", "old.example")]

    assert changed(old, [claim("web", "new.example", kind="Ingress")]) == ()
    assert changed(old, [claim("web", "new.example", project="mail")]) == ()
    assert changed(old, [claim("other", "new.example")]) == ()
    assert changed(old, []) == ()


@pytest.mark.behaviour("HN-02")
def test_an_older_object_that_takes_a_host_by_a_change_is_told() -> None:
    """The page's case: hosts may change, and an old Route changes to the host of a newer one."""
    old = [claim("web", "old.example", MONDAY), claim("other", "www.example", TUESDAY)]
    new = [claim("web", "www.example", MONDAY, position=6), claim("other", "www.example", TUESDAY, position=2)]

    (found,) = changed(old, new, allowed=True)

    assert found.message == "Route shop/web takes www.example from Route shop/other, because it is the older object"
    assert found.severity.value == "warning"
    assert (found.origin, found.related[0].origin) == (new[0].origin, new[1].origin)
    assert messages(changed(old, new)) == ["Route shop/web changes its host from old.example to www.example"]


@pytest.mark.behaviour("HN-02")
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            [claim("web", "old.example", WEDNESDAY), claim("other", "www.example", TUESDAY)],
            [claim("web", "www.example", WEDNESDAY), claim("other", "www.example", TUESDAY)],
        ),
        (
            [claim("web", "old.example", MONDAY), claim("other", "www.example", TUESDAY)],
            [claim("web", "www.example", MONDAY), claim("other", "else.example", TUESDAY)],
        ),
        (
            [claim("web", "old.example", MONDAY), claim("other", "www.example", TUESDAY)],
            [claim("web", "www.example", MONDAY)],
        ),
        (
            [claim("web", "old.example", MONDAY), claim("other", "www.example", TUESDAY)],
            [claim("web", "www.example", MONDAY), claim("other", "www.example", WEDNESDAY)],
        ),
        (
            [claim("web", "www.example", MONDAY), claim("other", "www.example", TUESDAY)],
            [claim("web", "www.example", MONDAY), claim("other", "www.example", TUESDAY)],
        ),
    ],
    ids=["it is newer", "the holder went", "the holder is gone", "the holder was made anew", "nothing changed"],
)
def test_nothing_is_taken(old: list[HostClaim], new: list[HostClaim]) -> None:
    assert changed(old, new, allowed=True) == ()


@pytest.mark.behaviour("HN-02")
@pytest.mark.parametrize("allowed", [True, False])
def test_a_change_of_the_path_takes_a_host_as_well(allowed: bool) -> None:
    """It is no change of the host, so that it is never refused."""
    old = [claim("web", "a.example", MONDAY, path="/old"), claim("other", "a.example", TUESDAY, path="/shop")]
    new = [claim("web", "a.example", MONDAY, path="/shop"), claim("other", "a.example", TUESDAY, path="/shop")]

    assert messages(changed(old, new, allowed=allowed)) == [
        "Route shop/web takes a.example/shop from Route shop/other, because it is the older object"
    ]


@pytest.mark.behaviour("HN-02")
def test_only_who_held_a_host_can_be_robbed_of_it() -> None:
    """Of three, the second did not have it before either."""
    others = [claim("holder", "a.example", TUESDAY), claim("loser", "a.example", WEDNESDAY)]

    found = changed(
        [claim("web", "b.example", MONDAY), *others], [claim("web", "a.example", MONDAY), *others], allowed=True
    )

    assert messages(found) == ["Route shop/web takes a.example from Route shop/holder, because it is the older object"]
