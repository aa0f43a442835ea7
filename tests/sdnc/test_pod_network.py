"""`sdnc pod-network`: the NetNamespaces that change, as the same statements of the policy language have them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.declarations import NetIdStatement
from compiler.diagnostics import Diagnostics
from compiler.ids import allocate
from compiler.model.netids import FIRST_NETID
from compiler.values.limits import MAX_NETID
from sdnc.net_namespaces import renumbered
from tests.compiling import built, declare, declare_objects
from tests.sdnc.running import invoke, run

Object = dict[str, Any]

CLUSTER: Object = {
    "apiVersion": "v1",
    "kind": "ClusterNetwork",
    "metadata": {"name": "default"},
    "network": "10.128.0.0/14",
    "hostsubnetlength": 9,
    "serviceNetwork": "172.30.0.0/16",
    "pluginName": "redhat/openshift-ovs-multitenant",
}


def net_namespace(name: str, netid: int, **fields: object) -> Object:
    head = {"apiVersion": "network.openshift.io/v1", "kind": "NetNamespace"}
    return {**head, "metadata": {"name": name}, "netname": name, "netid": netid, **fields}


def namespace(name: str, **labels: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


PROJECTS = (
    namespace("a", team="x"),
    namespace("b"),
    namespace("c", team="x"),
    namespace("d"),
    net_namespace("default", 0),
    net_namespace("a", 20),
    net_namespace("b", 30),
    net_namespace("c", 30),
    net_namespace("d", 40),
)


def text(*objects: Object) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})


def printed(*arguments: str, objects: Sequence[Object] = (CLUSTER, *PROJECTS)) -> list[Object]:
    """The objects that the command prints, in JSON."""
    result = invoke("pod-network", *arguments, "-o", "json", stdin=text(*objects))
    assert result.exit_code == 0, result.stderr
    if not result.stdout:
        return []
    whole = json.loads(result.stdout)
    return list(whole["items"]) if whole["kind"] == "List" else [whole]


def numbers(changed: Sequence[Object]) -> dict[str, int]:
    return {each["netname"]: each["netid"] for each in changed}


def netids(objects: Sequence[Object], statements: str = "") -> dict[str, int]:
    """The NetIDs that a compilation gives."""
    model, found = built((*declare_objects(*objects), *declare(statements)))
    assert model is not None, found
    return {project.name: project.netid for project in model.projects}


def replaced(objects: Sequence[Object], changed: Sequence[Mapping[str, Any]]) -> list[Object]:
    """The objects with those that changed in the place of the old ones, as `oc replace` has it, or new."""
    new = {(each["kind"], each["metadata"]["name"]): each for each in changed}
    kept = [each for each in objects if (each["kind"], each["metadata"]["name"]) not in new]
    return [*kept, *map(dict, new.values())]


def derived(name: str) -> int:
    return allocate([name], FIRST_NETID, MAX_NETID)[name]


@pytest.mark.behaviour("PN-05")
def test_joined_projects_get_the_netid_of_their_target() -> None:
    assert numbers(printed("join-projects", "--to=d", "a", "b")) == {"a": 40, "b": 40}


@pytest.mark.behaviour("PN-05")
def test_an_isolated_project_gets_a_fresh_netid_if_it_shares_its_own() -> None:
    """Of b and c, which share one, the first by name leaves, and d keeps what it alone has."""
    assert numbers(printed("isolate-projects", "b", "c", "d")) == {"b": derived("b")}


@pytest.mark.behaviour("PN-05")
def test_global_projects_have_netid_0() -> None:
    assert numbers(printed("make-projects-global", "a", "default")) == {"a": 0}


@pytest.mark.behaviour("PN-07")
@pytest.mark.parametrize(
    ("arguments", "changed"),
    [
        (("join-projects", "--to=d", "--selector=team=x"), {"a": 40, "c": 40}),
        (("join-projects", "--selector", "team in (x, y)", "--to", "a"), {"c": 20}),
        (("isolate-projects", "--selector=team"), {"c": derived("c")}),
        (("make-projects-global", "--selector=team=x"), {"a": 0, "c": 0}),
        (("make-projects-global", "--selector=kubernetes.io/metadata.name=b"), {"b": 0}),
        (("make-projects-global", "--selector="), {"a": 0, "b": 0, "c": 0, "d": 0}),
    ],
)
def test_a_selector_stands_for_names(arguments: tuple[str, ...], changed: dict[str, int]) -> None:
    assert numbers(printed(*arguments)) == changed


@pytest.mark.behaviour("PN-05", "PN-06", "PN-07")
@pytest.mark.parametrize(
    ("arguments", "statement"),
    [
        (("join-projects", "--to=d", "a"), "join a to d"),
        (("join-projects", "--to=e", "a", "b"), "join a, b to e"),
        (("join-projects", "--to=a", "e"), "join e to a"),
        (("join-projects", "--to=default", "a", "e"), "join a, e to default"),
        (("join-projects", "--to=e", "--selector=team=x"), "join projects team=x to e"),
        (("isolate-projects", "b", "c", "e"), "isolate b, c, e"),
        (("isolate-projects", "--selector=team"), "isolate projects team"),
        (("make-projects-global", "e", "a"), "global e, a"),
    ],
)
def test_what_is_printed_means_what_the_statement_means(arguments: tuple[str, ...], statement: str) -> None:
    """Project e has no NetNamespace yet."""
    objects = [CLUSTER, *PROJECTS, namespace("e")]

    changed = printed(*arguments, objects=objects)

    assert netids(replaced(objects, changed)) == netids(objects, statement)
    assert changed
    assert all(each["netid"] != netids(objects)[each["netname"]] or each["netname"] == "e" for each in changed)


@pytest.mark.behaviour("PN-05")
def test_commands_that_follow_each_other() -> None:
    """Each one starts from what the last one left: that a follows b lasts no longer than the command."""
    objects: list[Object] = [CLUSTER, *PROJECTS]
    statements = ("join a to b", "join b to d", "isolate c")
    commands = (("join-projects", "--to=b", "a"), ("join-projects", "--to=d", "b"), ("isolate-projects", "c"))

    for command, statement in zip(commands, statements, strict=True):
        wanted = netids(objects, statement)
        objects = replaced(objects, printed(*command, objects=objects))
        assert netids(objects) == wanted

    assert netids(objects) == {"default": 0, "a": 30, "b": 40, "c": derived("c"), "d": 40}


NAMES = st.lists(st.sampled_from(["a", "b", "c", "d", "e", "f"]), min_size=1, max_size=3, unique=True)


@pytest.mark.behaviour("PN-05")
@settings(max_examples=200)
@given(
    st.dictionaries(
        st.sampled_from(["a", "b", "c", "d"]),
        st.sampled_from([0, 10, 11, *map(derived, "aef")]),
        max_size=4,
    ),
    st.sampled_from(["join", "isolate", "global"]),
    NAMES,
    st.sampled_from(["a", "b", "e", "f", "default"]),
)
def test_any_command_means_what_the_statement_means(
    told: Mapping[str, int], action: str, names: list[str], target: str
) -> None:
    """Also where projects without a NetNamespace want the number that another one has."""
    objects: list[Object] = [CLUSTER, *map(namespace, "abcdef")]
    objects += [net_namespace(name, netid) for name, netid in told.items()]
    end = f" to {target}" if action == "join" else ""
    (statement,) = declare(f"{action} {', '.join(names)}{end}")
    assert isinstance(statement, NetIdStatement)
    diagnostics = Diagnostics()

    changed = renumbered(declare_objects(*objects), statement, diagnostics)

    assert not diagnostics.failed
    after, _ = built((*declare_objects(*replaced(objects, changed)),))
    wanted, _ = built((*declare_objects(*objects), statement))
    assert after is not None
    assert wanted is not None
    assert after.projects == wanted.projects
    assert all(each["netid"] != told.get(str(each["netname"])) for each in changed)


@pytest.mark.behaviour("PN-05")
def test_a_project_without_net_namespace_gets_one_if_it_changes_or_is_joined() -> None:
    objects = (CLUSTER, *PROJECTS, namespace("e"), namespace("f"))

    joined = printed("join-projects", "--to=e", "a", objects=objects)

    assert numbers(joined) == {"a": derived("e"), "e": derived("e")}
    assert joined[1] == net_namespace("e", derived("e"))
    assert numbers(printed("isolate-projects", "e", objects=objects)) == {}


EVERYTHING = net_namespace(
    "a",
    20,
    egressIPs=["192.168.100.50"],
    metadata={
        "name": "a",
        "uid": "b1d5c2a8-0000-4000-8000-000000000001",
        "resourceVersion": "4711",
        "creationTimestamp": "2017-11-13T10:00:00Z",
        "annotations": {
            "netnamespace.network.openshift.io/multicast-enabled": "true",
            "number": "1e3",
            "octal": "0o17",
            "yes": "y",
            "null": "~",
            "text": "é \"quoted\" 'twice'\nand: - # two lines\n",
            "other ends of lines": "\x85a\u2028b\u2029",
            "empty": "",
        },
        "generation": 3,
        "finalizers": [],
        "labels": None,
    },
    unknown={"deep": [{"a": 1.5, "b": True}]},
)


@pytest.mark.behaviour("PN-05")
@pytest.mark.parametrize("form", ["json", "yaml"])
@pytest.mark.parametrize("given_as", ["json", "yaml"])
def test_an_object_stays_as_it_was_but_for_its_netid(form: str, given_as: str) -> None:
    objects = [CLUSTER, namespace("b"), net_namespace("b", 30), EVERYTHING]
    # Every JSON text is YAML, too.
    stdin = text(*objects) if given_as == "json" else f"---\n{text(*objects)}\n"

    result = invoke("pod-network", "join-projects", "--to=b", "a", "-o", form, stdin=stdin)

    assert result.exit_code == 0
    read = json.loads(result.stdout) if form == "json" else yaml.safe_load(result.stdout)
    assert read == {**EVERYTHING, "netid": 30}
    assert list(read) == list(EVERYTHING)


def test_yaml_quotes_what_other_readers_take_for_numbers_and_booleans() -> None:
    result = invoke("pod-network", "make-projects-global", "a", stdin=text(CLUSTER, EVERYTHING))

    lines = {line.strip() for line in result.stdout.splitlines()}
    assert {"number: '1e3'", "octal: '0o17'", "'yes': 'y'", "'null': '~'", "empty: ''"} <= lines
    assert "creationTimestamp: '2017-11-13T10:00:00Z'" in lines


def test_what_is_the_same_twice_is_written_twice() -> None:
    shared = "metadata: {name: a, labels: &l {x: y}, annotations: *l}"
    stdin = f"{yaml.safe_dump(CLUSTER)}---\napiVersion: v1\nkind: NetNamespace\nnetid: 20\nnetname: a\n{shared}\n"

    result = invoke("pod-network", "make-projects-global", "a", stdin=stdin)

    assert (result.exit_code, "&" in result.stdout, result.stdout.count("x: 'y'")) == (0, False, 2)


def test_one_object_is_printed_alone_and_several_as_a_list_by_name() -> None:
    one = yaml.safe_load(invoke("pod-network", "make-projects-global", "b", stdin=text(CLUSTER, *PROJECTS)).stdout)
    two = yaml.safe_load(invoke("pod-network", "make-projects-global", "c", "b", stdin=text(CLUSTER, *PROJECTS)).stdout)

    assert one == net_namespace("b", 0)
    assert two == {"apiVersion": "v1", "kind": "List", "items": [net_namespace("b", 0), net_namespace("c", 0)]}


def test_items_of_a_typed_list_are_told_their_kind() -> None:
    bare = {key: value for key, value in net_namespace("b", 30).items() if key not in ("apiVersion", "kind")}
    listed = {"apiVersion": "network.openshift.io/v1", "kind": "NetNamespaceList", "items": [bare]}

    result = invoke(
        "pod-network", "make-projects-global", "b", "-o", "json", stdin=json.dumps(CLUSTER | {}) + json.dumps(listed)
    )

    assert json.loads(result.stdout) == net_namespace("b", 0)


def test_nothing_is_printed_if_nothing_changes() -> None:
    result = invoke("pod-network", "join-projects", "--to=b", "c", "b", stdin=text(CLUSTER, *PROJECTS))

    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "no NetNamespace changes\n")


def test_objects_come_from_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "cluster.json").write_text(json.dumps(CLUSTER))
    folder = tmp_path / "projects"
    folder.mkdir()
    (folder / "all.yaml").write_text(yaml.safe_dump_all(deepcopy(PROJECTS)))

    result = invoke(
        "pod-network", "make-projects-global", "b", "-f", tmp_path / "cluster.json", "--filename", folder, "-o", "json"
    )

    assert json.loads(result.stdout) == net_namespace("b", 0)


@pytest.mark.behaviour("PN-08")
@pytest.mark.parametrize("mode", ["subnet", "networkpolicy"])
@pytest.mark.parametrize(
    ("arguments", "action"),
    [
        (("join-projects", "--to=a", "b"), "join"),
        (("isolate-projects", "b"), "isolate"),
        (("make-projects-global", "b"), "global"),
    ],
)
def test_other_modes_do_not_renumber(arguments: tuple[str, ...], action: str, mode: str) -> None:
    cluster = {**CLUSTER, "pluginName": f"redhat/openshift-ovs-{mode}"}
    objects = (cluster, namespace("a"), namespace("b"))

    result = invoke("pod-network", *arguments, stdin=text(*objects))

    assert (result.exit_code, result.stdout) == (1, "")
    assert f"error[SDN217]: {action} needs multitenant mode; the mode is {mode}\n" in result.stderr
    assert f"\n1 | sdnc pod-network {' '.join(arguments)}\n" in result.stderr.replace("cli", "sdnc")


@pytest.mark.behaviour("PN-08")
def test_where_nothing_tells_the_mode_nothing_is_renumbered() -> None:
    result = invoke("pod-network", "make-projects-global", "a", stdin=text(*PROJECTS))

    assert (result.exit_code, result.stdout) == (1, "")
    assert "error[SDN209]: nothing tells the cluster network: its mode\n" in result.stderr


@pytest.mark.behaviour("PN-06")
@pytest.mark.parametrize(
    ("arguments", "action"),
    [
        (("isolate-projects", "default"), "isolated"),
        (("isolate-projects", "--selector="), "isolated"),
        (("join-projects", "--to=a", "default"), "joined to another"),
    ],
)
def test_default_stays_global(arguments: tuple[str, ...], action: str) -> None:
    result = invoke("pod-network", *arguments, stdin=text(CLUSTER, *PROJECTS))

    assert (result.exit_code, result.stdout) == (1, "")
    assert f"error[SDN218]: the project `default` is global and cannot be {action}\n" in result.stderr


@pytest.mark.parametrize(
    "arguments", [("isolate-projects", "bb"), ("join-projects", "--to=bb", "a"), ("make-projects-global", "a", "bb")]
)
def test_unknown_projects_are_errors_with_a_hint(arguments: tuple[str, ...]) -> None:
    objects = (CLUSTER, namespace("bbb"), namespace("a"))

    result = invoke("pod-network", *arguments, stdin=text(*objects))

    assert (result.exit_code, result.stdout) == (1, "")
    assert "error[SDN207]: there is no project 'bb'; did you mean 'bbb'?\n --> command line:1:1\n" in result.stderr


def test_a_selector_that_selects_nothing_is_warned_of() -> None:
    result = invoke("pod-network", "isolate-projects", "--selector=team=z", stdin=text(CLUSTER, *PROJECTS))

    assert (result.exit_code, result.stdout) == (0, "")
    assert "warning[SDN219]: the selector team=z selects no project\n" in result.stderr


@pytest.mark.parametrize(
    ("stdin", "code"),
    [
        (text(CLUSTER, net_namespace("a", 99999999)), "SDN205"),
        (text(CLUSTER, net_namespace("a", 20), net_namespace("a", 21)), "SDN210"),
        (text(CLUSTER, {**CLUSTER, "pluginName": "redhat/openshift-ovs-subnet"}, *PROJECTS), "SDN210"),
        ('{"kind": ', "SDN104"),
        ("project a", "SDN118"),
        ("", "SDN118"),
    ],
)
def test_wrong_input_is_told_and_nothing_printed(stdin: str, code: str) -> None:
    result = invoke("pod-network", "make-projects-global", "a", stdin=stdin)

    assert (result.exit_code, result.stdout) == (1, "")
    assert f"error[{code}]" in result.stderr


@pytest.mark.behaviour("PN-07")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("isolate-projects", "a", "--selector=team=x"),
            "either specify --selector=<project_selector> or projects but not both",
        ),
        (
            ("isolate-projects", "a", "--selector="),
            "either specify --selector=<project_selector> or projects but not both",
        ),
        (("make-projects-global",), "must provide --selector=<project_selector> or projects"),
        (("join-projects", "--to=a"), "must provide --selector=<project_selector> or projects"),
        (("join-projects", "a"), "must provide --to=<project_name>"),
        (("join-projects", "a", "--to="), "must provide --to=<project_name>"),
        (
            ("isolate-projects", "--selector=a=b=c"),
            "--selector=<project_selector> must be a valid label selector: cannot read 'a=b=c'",
        ),
        (("isolate-projects", "--to=a", "b"), "No such option '--to'."),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], words: str) -> None:
    result = invoke("pod-network", *arguments, stdin=text(CLUSTER, *PROJECTS))

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.endswith(f"Error: {words}\n")


def test_the_command_itself_has_the_same_exit_statuses() -> None:
    good = run("pod-network", "make-projects-global", "b", stdin=text(CLUSTER, *PROJECTS))
    bad = run("pod-network", "make-projects-global", "z", stdin=text(CLUSTER, *PROJECTS))
    wrong = run("pod-network", "make-projects-global", stdin=text(CLUSTER, *PROJECTS))

    assert (good.returncode, bad.returncode, wrong.returncode) == (0, 1, 2)
    assert " --> command line:1:1\n  |\n1 | sdnc pod-network make-projects-global z\n" in bad.stderr
    assert yaml.safe_load(good.stdout) == net_namespace("b", 0)


def test_a_hostile_command_line_is_shown_as_data() -> None:
    hostile = "a\x1b[31m;$(id)"

    result = invoke("pod-network", "make-projects-global", hostile, stdin=text(CLUSTER, *PROJECTS))

    assert result.exit_code == 1
    assert "\x1b" not in result.stderr
