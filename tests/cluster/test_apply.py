"""What `sdnc apply` finds on a node, what it leaves alone, and what it does when it cannot do its work."""

from __future__ import annotations

import fcntl
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import frozen

from tests.cluster.apply import Result, Texts, changed, finished, quick_programs, tampered
from tests.cluster.apply_driver import Driver
from tests.cluster.bundle import Bundle
from tests.cluster.everything import NODE, Node, running_node


@frozen
class Ready:
    """A node with the new bundle in force, and how it is then."""

    node: Node
    driver: Driver
    texts: Texts

    def run(self, bundle: Bundle, *options: str) -> Result:
        """Runs the command."""
        return self.driver.run(bundle.node(NODE.name), *options).result

    def apply(self, bundle: Bundle) -> Result:
        """Puts a bundle in force.  Raises AssertionError if that fails."""
        if bundle is not self.node.new:
            self.node.remove_macvlan()
        result = self.run(bundle)
        assert result.status == 0, result.told
        return result


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Node, Driver]]:
    folder = tmp_path_factory.mktemp("apply")
    with running_node(folder) as node, Driver(node.applier, quick_programs(folder)) as driver:
        yield node, driver


@pytest.fixture
def ready(running: tuple[Node, Driver]) -> Ready:
    node, driver = running
    driver.run(node.new.node(NODE.name))
    return Ready(node, driver, node.applier.texts())


def flow(ready: Ready, table: int) -> str:
    """A flow of a table as the bundle has it: match with priority, without actions and comment."""
    lines = ready.node.new.flows(NODE.name).read_text().splitlines()
    line = next(line for line in lines if re.search(rf"\btable={table},", line) and "priority=0" not in line)
    return re.sub(r"cookie=[^,]*,\s*", "", line.partition(" actions=")[0])


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("ovs-ofctl -O OpenFlow13 --strict del-flows br0 '{flow}'", "missing flows"),
        ("ovs-ofctl -O OpenFlow13 --strict mod-flows br0 '{flow},actions=drop'", "changed flows"),
        (
            "ovs-ofctl -O OpenFlow13 add-flow br0 'table=80,priority=9,tcp,tp_dst=7,actions=goto_table:81'",
            "extra flows",
        ),
        ("ovs-ofctl -O OpenFlow13 del-groups br0", "missing groups"),
        ("iptables -F SDNC-ADMIN-RULES", "SDNC-ADMIN-RULES"),
        ("iptables -t nat -F OPENSHIFT-MASQUERADE", "OPENSHIFT-MASQUERADE"),
        ("iptables -t nat -A OPENSHIFT-MASQUERADE -j RETURN", "OPENSHIFT-MASQUERADE"),
        ("iptables -t raw -D OPENSHIFT-ANTI-SPOOFING 1", "OPENSHIFT-ANTI-SPOOFING"),
        ("iptables -D FORWARD 1", "jumps filter FORWARD"),
        ("iptables -t mangle -D PREROUTING 1", "jumps mangle PREROUTING"),
        ("iptables -D OPENSHIFT-ADMIN-OUTPUT-RULES 1", "OPENSHIFT-ADMIN-OUTPUT-RULES"),
        ("ip address del 192.168.100.51/32 dev br-phy", "missing egress IP: 192.168.100.51"),
        ("ip address add 192.168.100.77/32 dev br-phy label br-phy:eip", "extra egress IP: 192.168.100.77"),
        ("ipset add {set} 8.8.8.0/24", "set"),
        ("ipset flush {set}", "set"),
        ("ovs-vsctl set bridge br0 fail_mode=standalone", "bridge"),
        ("ovs-vsctl set interface vxlan0 options:dst_port=4999", "bridge"),
        ("ip address del 10.128.0.1/23 dev tun0", "tun0"),
        ("ip route del 172.30.0.0/16", "tun0"),
        ("ovs-vsctl del-port vethweb", "port"),
        ("ip -n {router} link delete macvlan0", "router"),
    ],
)
def test_drift_is_found_and_told_and_repaired(ready: Ready, script: str, told: str) -> None:
    applier = ready.node.applier
    (name,) = [line.split()[1] for line in ready.texts["sets"].splitlines() if line.startswith("create")]
    router = ready.node.lab.namespace("shop/legacy").name

    applier.do(script.format(flow=flow(ready, 80), set=name, router=router))
    drifted = applier.texts()
    found = ready.run(ready.node.new, "--check")
    left = applier.texts()
    ready.apply(ready.node.new)

    assert found.status == 1, found.told
    assert told in found.out
    assert changed(drifted, left) == {}
    assert changed(ready.texts, applier.texts()) == {}
    assert ready.run(ready.node.new, "--check").status == 0


def test_each_piece_of_drift_is_told_for_machines_too(ready: Ready) -> None:
    ready.node.applier.do("ip address del 192.168.100.51/32 dev br-phy; iptables -D INPUT 1")

    report = ready.run(ready.node.new, "--check", "--format", "json").report

    told = report["differences"]
    assert isinstance(told, list)
    assert {(each["kind"], each["where"]) for each in told} == {
        ("missing", "egress IP"),
        ("missing", "jumps filter INPUT"),
    }


FOREIGN = """
iptables -N OTHERS; iptables -A OTHERS -j RETURN; iptables -I FORWARD 1 -j OTHERS; iptables -A FORWARD -j OTHERS
iptables -I OPENSHIFT-ADMIN-OUTPUT-RULES 1 -d 192.0.2.1/32 -j DROP
iptables -t nat -I POSTROUTING 1 -s 192.0.2.0/24 -j RETURN
ipset create others hash:ip
ip address add 192.168.100.90/32 dev br-phy
ip address add 192.168.100.91/32 dev br-phy label br-phy:oth
ovs-vsctl add-br br-others -- set bridge br-others datapath_type=netdev
ovs-vsctl add-port br0 others0 -- set interface others0 type=internal ofport_request=99
ovs-ofctl -O OpenFlow13 add-flow br0 'cookie=0x99,table=0,priority=999,in_port=99,actions=drop'
"""
AWAY = """
iptables -D FORWARD -j OTHERS; iptables -D FORWARD -j OTHERS; iptables -F OTHERS; iptables -X OTHERS
iptables -D OPENSHIFT-ADMIN-OUTPUT-RULES -d 192.0.2.1/32 -j DROP
iptables -t nat -D POSTROUTING -s 192.0.2.0/24 -j RETURN
ipset destroy others
ip address del 192.168.100.90/32 dev br-phy; ip address del 192.168.100.91/32 dev br-phy
ovs-ofctl -O OpenFlow13 del-flows br0 'cookie=0x99/-1'
ovs-vsctl del-port br0 others0 -- del-br br-others
"""


def test_what_is_other_peoples_is_no_drift_and_stays(ready: Ready) -> None:
    node = ready.node
    node.applier.do(FOREIGN)
    found = ready.run(node.new, "--check")
    before = node.applier.texts()

    ready.apply(node.old)
    there = node.applier.texts()
    ready.apply(node.new)
    after = node.applier.texts()
    node.applier.do(AWAY)

    assert found.status == 0, found.told
    assert "0x99" in found.told
    for text, target in (("OTHERS", "filter"), ("192.0.2.1", "filter"), ("192.0.2.0/24", "nat"), ("0x99", "openflow")):
        assert [text in texts[target] for texts in (there, after)] == [True, True]
    assert changed(before, after) == {}
    assert changed(ready.texts, node.applier.texts()) == {}


def test_a_flow_of_others_in_the_place_of_ours_is_no_way_to_begin(ready: Ready) -> None:
    node, match = ready.node, flow(ready, 80)
    node.applier.do(f"ovs-ofctl -O OpenFlow13 --strict del-flows br0 '{match}'")
    node.applier.do(f"ovs-ofctl -O OpenFlow13 add-flow br0 'cookie=0x99,{match},actions=drop'")
    before = node.applier.texts()

    result = ready.run(node.new)
    after = node.applier.texts()
    node.applier.do("ovs-ofctl -O OpenFlow13 del-flows br0 'cookie=0x99/-1'")

    assert (result.status, changed(before, after)) == (2, {})
    assert "0x99" in result.err


def test_a_second_time_nothing_is_changed_and_nothing_sent(ready: Ready) -> None:
    node = ready.node
    folder = Path(node.lab.switch(NODE.name).environment["OVS_LOGDIR"])
    log = folder / "ovs-vswitchd.log"
    node.applier.do("ovs-appctl vlog/disable-rate-limit vconn; ovs-appctl vlog/set vconn:file:dbg")

    def messages() -> set[str]:
        """The OpenFlow messages that br0 has got since the last question."""
        with log.open() as file:
            file.seek(positions[-1])
            found = set(re.findall(r"received: (\w+)", file.read()))
            positions.append(file.tell())
        return found

    positions = [log.stat().st_size]
    again = ready.apply(node.new)
    twice = messages()
    ready.apply(node.old)
    other = messages()
    node.applier.do("ovs-appctl vlog/set vconn:file:info")

    assert "nothing to do" in again.out
    assert not {message for message in twice if "MOD" in message or "BUNDLE" in message}
    assert any("BUNDLE" in message for message in other)
    ready.apply(node.new)
    assert changed(ready.texts, node.applier.texts()) == {}


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all programs of the machine."""
    folder = tmp_path_factory.mktemp("programs")
    for place in ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"):
        for program in sorted(Path(place).iterdir()) if Path(place).is_dir() else ():
            if not (folder / program.name).is_symlink():
                (folder / program.name).symlink_to(program)
    return folder


@pytest.mark.parametrize(
    "tool",
    ["ovs-vsctl", "ovs-ofctl", "ovs-appctl", "ip", "iptables-save", "iptables-restore", "ipset", "arping"],
)
def test_without_a_tool_nothing_is_begun(ready: Ready, programs: Path, tool: str) -> None:
    target = (programs / tool).readlink()
    (programs / tool).unlink()
    try:
        result = ready.node.applier.run(ready.node.old.node(NODE.name), around=["env", f"PATH={programs}"])
    finally:
        (programs / tool).symlink_to(target)

    assert result.status == 2, result.told
    assert tool in result.err
    assert changed(ready.texts, ready.node.applier.texts()) == {}


def _refused_flow(text: str) -> str:
    return text + "table=253, priority=9,ip actions=group:4242\n"


def _refused_rule(text: str) -> str:
    line = next(line for line in text.splitlines() if line.startswith("-A OPENSHIFT-FIREWALL-ALLOW"))
    return text.replace(line, "-A OPENSHIFT-FIREWALL-ALLOW -p udp -m udp --dport 99999 -j ACCEPT\n" + line)


@pytest.mark.parametrize(("name", "edit"), [("flows.txt", _refused_flow), ("iptables.rules", _refused_rule)])
def test_what_the_switch_or_iptables_refuses_is_put_back_and_told(
    ready: Ready, tmp_path: Path, name: str, edit: object
) -> None:
    node = ready.node
    ready.apply(node.old)
    before = node.applier.texts()
    assert callable(edit)
    bad = tampered(node.new, tmp_path / "bad", {f"nodes/{NODE.name}/{name}": edit})

    result = ready.run(bad)
    node.remove_macvlan()

    assert result.status == 2, result.told
    assert "what was there before is put back" in result.err
    assert changed(before, node.applier.texts()) == {}
    assert ready.run(node.old, "--check").status == 0


def test_a_bundle_that_is_not_as_it_was_compiled_is_refused(ready: Ready, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(ready.node.old.folder, folder)
    with (folder / "nodes" / NODE.name / "flows.txt").open("a") as flows:
        flows.write("table=0,priority=65535,actions=output:2\n")

    result = ready.run(Bundle(folder, ""))

    assert result.status == 2
    assert "flows.txt" in result.err
    assert changed(ready.texts, ready.node.applier.texts()) == {}


def test_a_taken_lock_is_waited_for_and_then_told(ready: Ready) -> None:
    applier = ready.node.applier
    with (applier.state / "lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = applier.run(ready.node.old.node(NODE.name), "--lock-timeout", "1")
        left = applier.texts()
        waiting = applier.start(ready.node.new.node(NODE.name), "--lock-timeout", "30")
        assert waiting.stderr is not None
        told = waiting.stderr.readline()
    waited = finished(waiting)

    assert (refused.status, changed(ready.texts, left)) == (2, {})
    assert "another applier" in refused.err
    assert "waiting" in told
    assert waited.status == 0, waited.told


def test_two_appliers_at_once_come_one_after_the_other(ready: Ready) -> None:
    node = ready.node
    ready.apply(node.old)
    old = node.applier.texts()

    running = [node.applier.start(bundle.node(NODE.name)) for bundle in (node.new, node.old, node.new, node.old)]
    results = [finished(process) for process in running]
    node.remove_macvlan()

    assert [result.status for result in results] == [0] * 4, results
    last = node.applier.texts()
    # One of the two bundles is in force, and whole.
    assert last in (old, ready.texts)


def test_two_appliers_at_once_where_none_waits(ready: Ready) -> None:
    node = ready.node
    ready.apply(node.old)

    running = [node.applier.start(node.new.node(NODE.name), "--lock-timeout", "0") for _ in range(3)]
    results = [finished(process) for process in running]

    assert sorted(result.status for result in results)[0] == 0
    assert all("another applier" in result.err for result in results if result.status != 0)
    assert {result.status for result in results} <= {0, 2}
    assert changed(ready.texts, node.applier.texts()) == {}
