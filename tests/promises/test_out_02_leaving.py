"""OUT-02 for what leaves the cluster: an egress firewall, an egress IP or multicast more changes only lines about it.

The cluster is that of `test_out_02.py`: every project has pods on every node, and there are some of all three.  The
first of a kind on a node also brings flows that all of the kind share; they are the same whoever comes first.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from attrs import evolve

from compiler.declarations import (
    Declaration,
    EgressAddress,
    EgressFirewall,
    NodeDeclaration,
    Pod,
    ProjectDeclaration,
)
from compiler.plan.egress_ips import plan_egress_ips
from compiler.values.prefix import format_address, parse_address
from tests.compiling import declare_objects
from tests.oracle.objects import ORIGIN
from tests.promises.concern import Change, Concern
from tests.promises.test_out_02 import Files, base, base_files, check_pods, compile_files, compiled_base, pod_object

pytestmark = pytest.mark.behaviour("OUT-02")

EGRESS_IP = parse_address("10.0.128.200")


def homes(project: str) -> set[str]:
    """The nodes that have pods of a project."""
    return {str(one.node) for one in base() if isinstance(one, Pod) and one.project == project and not one.host_network}


def netid(project: str) -> int:
    return next(one.netid for one in compiled_base()[0].projects if one.name == project)


def changed(files: Files, name: str) -> dict[str, Change]:
    """What changed in one of the files of each node that has changed in it."""
    found = {node: Change.between(base_files()[node].get(name, ""), files[node].get(name, "")) for node in base_files()}
    return {node: change for node, change in found.items() if change.lines}


def all_changed(files: Files) -> dict[str, set[str]]:
    """The names of the files that changed, by node."""
    names = {name for node in files.values() for name in node}
    return {
        node: {name for name in names if files[node].get(name) != base_files()[node].get(name)}
        for node in base_files()
        if files[node] != base_files()[node]
    }


def edited(change: Callable[[Declaration], Declaration | None]) -> list[Declaration]:
    """The cluster with each declaration changed, or without it."""
    return [new for one in base() if (new := change(one)) is not None]


def firewall(project: str, *rules: tuple[str, str]) -> tuple[Declaration, ...]:
    return declare_objects(
        {
            "apiVersion": "network.openshift.io/v1",
            "kind": "EgressNetworkPolicy",
            "metadata": {"name": "default", "namespace": project},
            "spec": {"egress": [{"type": verdict, "to": {"cidrSelector": cidr}} for verdict, cidr in rules]},
        }
    )


def firewalls() -> list[EgressFirewall]:
    return [one for one in base() if isinstance(one, EgressFirewall)]


@pytest.mark.parametrize("project", ["app-1", "app-5", "app-18", "app-31"])
def test_a_firewall_changes_only_lines_of_its_project(project: str) -> None:
    model, files = compile_files([*base(), *firewall(project, ("Allow", "203.0.113.0/24"), ("Deny", "0.0.0.0/0"))])

    found = changed(files, "flows.txt")
    assert set(all_changed(files)) == set(found) == homes(project)
    for change in found.values():
        assert Concern.of(model, (), leaving=[project]).strangers(change) == []
        assert change.removed == ()
        # In table 98 one flow, in table 100 two; a comment for both.
        assert len(change.added) == 5


def test_a_firewall_like_another_of_its_node_is_one_flow_more() -> None:
    other = next(one for one in firewalls() if one.project == "app-0")

    _, files = compile_files([*base(), evolve(other, project="app-5")])

    assert set(all_changed(files)) == homes("app-5")
    for change in changed(files, "flows.txt").values():
        comment, flow = change.added
        assert change.removed == ()
        assert comment.startswith("# project app-5: ")
        assert flow.startswith(f"table=98, priority=100,ip,reg0=0x{netid('app-5'):x} ")


@pytest.mark.parametrize("position", [0, 5, 12])
def test_removing_a_firewall_is_adding_it_backwards(position: int) -> None:
    gone = firewalls()[position]

    _, files = compile_files(edited(lambda one: None if one is gone else one))

    assert set(all_changed(files)) == homes(gone.project)
    for change in changed(files, "flows.txt").values():
        assert change.added == ()
        backwards = Change(change.added, change.removed)
        assert Concern.of(compiled_base()[0], (), leaving=[gone.project]).strangers(backwards) == []


@pytest.mark.parametrize("position", [0, 5, 12])
def test_another_rule_changes_only_lines_of_its_project(position: int) -> None:
    old = firewalls()[position]
    opposite = evolve(old, rules=(*old.rules[:-1], evolve(old.rules[-1], allow=not old.rules[-1].allow)))

    model, files = compile_files(edited(lambda one: opposite if one is old else one))

    assert set(all_changed(files)) == homes(old.project)
    for change in changed(files, "flows.txt").values():
        assert change.added and change.removed
        assert Concern.of(model, (), leaving=[old.project]).strangers(change) == []


def with_egress_ip(project: str, host: str) -> list[Declaration]:
    """The cluster in which a project has an egress IP more."""
    address = EgressAddress(EGRESS_IP, ORIGIN)

    def change(one: Declaration) -> Declaration:
        match one:
            case ProjectDeclaration(name=name, netid=int()) if name == project:
                return evolve(one, egress_addresses=(*one.egress_addresses, address))
            case NodeDeclaration(name=name, subnet=subnet) if name == host and subnet is not None:
                return evolve(one, egress_addresses=(*one.egress_addresses, address))
        return one

    return edited(change)


MAC = "0a:58:" + EGRESS_IP.to_bytes(4).hex(":")


def not_about(change: Change, project: str) -> list[str]:
    """The changed flows that are neither the project's nor the guard of the new egress IP's Ethernet address."""
    flows = [line for line in change.lines if line.startswith("table=")]
    return [line for line in flows if not is_of(netid(project), line) and f"dl_src={MAC}" not in line]


def is_of(number: int, flow: str) -> bool:
    """Whether a flow matches a NetID."""
    return f"reg0=0x{number:x}" in flow.partition(" actions=")[0].split(",")


@pytest.mark.parametrize("project", ["app-5", "app-10", "app-20"])
@pytest.mark.parametrize("host", ["node-1", "node-4"])
def test_an_egress_ip_changes_only_lines_about_it(project: str, host: str) -> None:
    """`app-5` has none yet, `app-10` one on node-4, `app-20` one on node-4 and one on node-3."""
    model, files = compile_files(with_egress_ip(project, host))

    assert {name for names in all_changed(files).values() for name in names} <= {
        "flows.txt",
        "groups.txt",
        "iptables.rules",
        "addresses.sh",
        "node.json",
    }
    for node, change in changed(files, "flows.txt").items():
        assert not_about(change, project) == []
        tables = {line.partition(",")[0] for line in change.lines if line.startswith("table=")}
        assert tables <= ({"table=0", "table=30", "table=101"} if node == host else {"table=101"})
        comments = [line for line in change.lines if line.startswith("#")]
        assert [line for line in comments if not line.startswith(f"# project {project}")] == []
    for change in changed(files, "groups.txt").values():
        about = (f"group_id={netid(project)},", f"# project {project}:", "# Groups of", "# ovs-ofctl")
        assert [line for line in change.lines if line and not any(each in line for each in about)] == []
    (there,) = (node for node in model.nodes if node.name == host)
    (mark,) = (one.mark for one in plan_egress_ips(model, there, ()).hosted if one.address == EGRESS_IP)
    rules, addresses = changed(files, "iptables.rules"), changed(files, "addresses.sh")
    assert set(rules) == set(addresses) == {host}
    told = (format_address(EGRESS_IP), MAC, f"{mark:#x}/")
    assert rules[host].removed == ()
    assert [line for line in rules[host].added if not any(each in line for each in told)] == []
    assert [line.partition("=")[0] for line in addresses[host].lines] == ["egress_ips", "egress_ips"]


def test_the_first_egress_ip_of_a_node_brings_the_same_whoever_has_it() -> None:
    shared = []
    for project in ("app-5", "app-6"):
        _, files = compile_files(with_egress_ip(project, "node-0"))

        shared.append(not_about(changed(files, "flows.txt")["node-0"], project))

    assert shared[0] == shared[1]
    assert {line.partition(",")[0] for line in shared[0]} == {"table=0", "table=30"}


def with_multicast(project: str) -> list[Declaration]:
    """The cluster in which multicast is on for a project."""

    def change(one: Declaration) -> Declaration:
        return evolve(one, multicast=True) if isinstance(one, ProjectDeclaration) and one.name == project else one

    return edited(change)


@pytest.mark.parametrize("project", ["app-5", "app-31"])
def test_multicast_changes_only_lines_of_its_project(project: str) -> None:
    model, files = compile_files(with_multicast(project))

    assert all_changed(files) == {node: {"flows.txt"} for node in homes(project)}
    for change in changed(files, "flows.txt").values():
        assert Concern.of(model, (), leaving=[project]).strangers(change) == []
        assert change.removed == ()
        # One flow in each of tables 110, 111 and 120, with a comment.
        assert len(change.added) == 6


def test_a_project_that_comes_to_a_node_changes_lines_of_its_own() -> None:
    """It has a firewall, an egress IP and multicast; other nodes learn where its multicast has to go."""
    objects = project_objects()
    here, there = (pod_object("one-more", {"app": "new"}, node) for node in (1, 3))
    before = [*base(), *declare_objects(*objects, here)]
    old, (model, new) = compile_files(before)[1], compile_files([*before, *declare_objects(named(there, "another"))])

    found = {node: Change.between(old[node]["flows.txt"], new[node]["flows.txt"]) for node in old}
    check_pods(model, found, {"one-more/another"})
    number = next(project.netid for project in model.projects if project.name == "one-more")
    flows = {
        node: {line.partition(",")[0] for line in change.added if is_of(number, line)} for node, change in found.items()
    }
    assert flows["node-1"] == {"table=111"}
    assert flows["node-3"] == {"table=98", "table=101", "table=110", "table=111", "table=120"}
    assert all(change.removed == () for change in found.values())
    assert all(flows[node] == set() for node in ("node-0", "node-2", "node-4"))


def named(pod: dict[str, object], name: str) -> dict[str, object]:
    return {**pod, "metadata": {"name": name, "namespace": "one-more", "labels": {"app": "new"}}}


def project_objects() -> list[dict[str, object]]:
    """A project with everything; its egress IP is nobody's."""
    annotations = {"netnamespace.network.openshift.io/multicast-enabled": "true"}
    return [
        {
            "apiVersion": "network.openshift.io/v1",
            "kind": "NetNamespace",
            "metadata": {"name": "one-more", "annotations": annotations},
            "netname": "one-more",
            "netid": 4242,
            "egressIPs": [format_address(EGRESS_IP)],
        },
        {
            "apiVersion": "network.openshift.io/v1",
            "kind": "EgressNetworkPolicy",
            "metadata": {"name": "default", "namespace": "one-more"},
            "spec": {"egress": [{"type": "Deny", "to": {"cidrSelector": "203.0.113.0/24"}}]},
        },
    ]
