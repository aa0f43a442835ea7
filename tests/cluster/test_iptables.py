"""Loading the node's iptables, by both flavours: what it changes, and what it leaves."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Sequence

import pytest

from backends.iptables.chains import ADMIN, ADMIN_JUMP, FORWARD, JUMPS
from tests.backends.iptables.plans import SHOP_IP, node_plan
from tests.cluster.host import POD, Flavour, Host

FOREIGN = """*raw
:STRANGERS - [0:0]
-A PREROUTING -s 203.0.113.1/32 -j STRANGERS
-A OUTPUT -d 203.0.113.1/32 -j STRANGERS
COMMIT
*mangle
-A PREROUTING -s 203.0.113.2/32 -j MARK --set-xmark 0x1/0xffffffff
COMMIT
*nat
:KUBE-SERVICES - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A POSTROUTING -s 203.0.113.3/32 -j MASQUERADE
COMMIT
*filter
:OPENSHIFT-ADMIN-OUTPUT-RULES - [0:0]
:OPENSHIFT-FIREWALL-OTHERS - [0:0]
-A INPUT -s 203.0.113.4/32 -j DROP
-A FORWARD -s 203.0.113.5/32 -m comment --comment "firewall overrides, but not ours" -j DROP
-A FORWARD -i eth5 -j OPENSHIFT-ADMIN-OUTPUT-RULES
-A OUTPUT -d 203.0.113.6/32 -j DROP
-A OPENSHIFT-ADMIN-OUTPUT-RULES -d 203.0.113.7/32 -m comment --comment "by hand" -j DROP
COMMIT
"""
"""Rules of others in every table, and an administrator's."""

FOREIGN_RULES = [line for line in FOREIGN.splitlines() if line.startswith("-A")]


def jumps(table: str, chain: str) -> list[str]:
    return [jump.rule for jump in JUMPS if (jump.table, jump.chain) == (table, chain)]


def restore(host: Host, flavour: Flavour, text: str) -> None:
    host.node.run([f"iptables-{flavour}-restore", "--noflush", "--wait"], stdin=text)


def put_jumps(host: Host, flavour: Flavour, rules: Sequence[str]) -> None:
    """Appends rules to FORWARD."""
    restore(host, flavour, "\n".join(["*filter", *(f"-A FORWARD {rule}" for rule in rules), "COMMIT", ""]))


@pytest.mark.behaviour("AR-04")
def test_loading_puts_chains_and_jumps(bare: Host, flavour: Flavour) -> None:
    bare.load(flavour)

    for table, chain in {(jump.table, jump.chain) for jump in JUMPS}:
        assert bare.listed(flavour, table, chain) == jumps(table, chain)
    assert bare.listed(flavour, "filter", ADMIN) == [ADMIN_JUMP]
    assert all(
        any(line.startswith(f"-A {jump.rule.split()[-1]} ") for line in bare.saved(flavour))
        for jump in JUMPS
        if jump.rule.split()[-1] != ADMIN
    )


@pytest.mark.behaviour("AR-04")
def test_loading_again_changes_nothing_and_keeps_the_rules_of_others(bare: Host, flavour: Flavour) -> None:
    restore(bare, flavour, FOREIGN)
    before = bare.saved(flavour)
    bare.load(flavour)
    first = bare.saved(flavour)

    bare.load(flavour)

    assert bare.saved(flavour) == first
    assert set(FOREIGN_RULES) <= set(before)
    assert [line for line in first if line in before] == before


@pytest.mark.behaviour("AR-04")
def test_the_rules_alone_may_be_loaded_twice(bare: Host, flavour: Flavour) -> None:
    restore(bare, flavour, FOREIGN)
    text = (bare.folder / "iptables.rules").read_text()
    restore(bare, flavour, text)
    first = bare.saved(flavour)

    restore(bare, flavour, text)

    assert bare.saved(flavour) == first
    assert set(FOREIGN_RULES) <= set(first)


@pytest.mark.behaviour("AR-04")
def test_rules_of_an_older_bundle_go_and_the_administrators_stay(host: Host, flavour: Flavour) -> None:
    host.iptables(flavour, f"-A {ADMIN} -d 203.0.113.7 -j DROP")
    assert any(SHOP_IP in line for line in host.saved(flavour))

    host.write(node_plan())
    host.load(flavour)

    assert not any(SHOP_IP in line for line in host.saved(flavour))
    assert host.listed(flavour, "filter", ADMIN) == [ADMIN_JUMP, "-d 203.0.113.7/32 -j DROP"]


ADMINS, OWN = jumps("filter", "FORWARD")
STRANGER = "-s 203.0.113.9/32 -j ACCEPT"


@pytest.mark.behaviour("AR-04")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([STRANGER], [ADMINS, OWN, STRANGER]),
        ([STRANGER, OWN], [ADMINS, OWN, STRANGER]),
        ([ADMINS, STRANGER], [ADMINS, OWN, STRANGER]),
        ([OWN, STRANGER, ADMINS], [ADMINS, OWN, STRANGER]),
        ([ADMINS, OWN, STRANGER, ADMINS, OWN], [ADMINS, OWN, STRANGER]),
        ([OWN, OWN, ADMINS, ADMINS], [ADMINS, OWN]),
        ([STRANGER, ADMINS, OWN], [STRANGER, ADMINS, OWN]),
        ([ADMINS, STRANGER, OWN], [ADMINS, STRANGER, OWN]),
    ],
    ids=["none", "one", "other", "swapped", "twice", "twice-swapped", "rule-in-front", "rule-between"],
)
def test_jumps_that_lack_or_are_in_the_wrong_order(
    bare: Host, flavour: Flavour, before: list[str], after: list[str]
) -> None:
    restore(bare, flavour, f"*filter\n:{ADMIN} - [0:0]\n:OPENSHIFT-FIREWALL-FORWARD - [0:0]\nCOMMIT\n")
    put_jumps(bare, flavour, before)

    bare.load(flavour)

    assert bare.listed(flavour, "filter", "FORWARD") == after


@pytest.mark.behaviour("AR-04")
def test_several_at_a_time_leave_each_jump_once(bare: Host, flavour: Flavour) -> None:
    command = ["ip", "netns", "exec", bare.node.name, "env", f"SDNC_IPTABLES={flavour}", "sh"]
    runs = [subprocess.Popen([*command, str(bare.folder / "iptables.sh")], stderr=subprocess.DEVNULL) for _ in range(3)]

    assert [run.wait(timeout=60) for run in runs] == [0, 0, 0]
    for table, chain in {(jump.table, jump.chain) for jump in JUMPS}:
        assert bare.listed(flavour, table, chain) == jumps(table, chain)
    assert bare.listed(flavour, "filter", ADMIN) == [ADMIN_JUMP]


@pytest.mark.behaviour("AR-04")
def test_no_packet_is_lost_while_the_jumps_are_put_in_order(host: Host, flavour: Flavour) -> None:
    """Each run finds a jump too many and puts all anew."""
    host.iptables(flavour, "-P FORWARD DROP")
    again = f'-m comment --comment "firewall overrides" -j {FORWARD}'
    script = f"for _ in 1 2 3 4 5; do iptables-{flavour} -I FORWARD {again}; sh {host.folder}/iptables.sh || exit; done"
    environment = ["env", f"SDNC_IPTABLES={flavour}", "sh", "-c", script]
    sent = 0

    with (
        host.outside.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
        host.pods[POD].socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
    ):
        receiver.bind((POD, 8080))
        receiver.settimeout(2.0)
        loading = subprocess.Popen(["ip", "netns", "exec", host.node.name, *environment])
        while loading.poll() is None:
            sender.sendto(b"%d" % sent, (POD, 8080))
            assert receiver.recv(64) == b"%d" % sent
            sent += 1

    assert loading.returncode == 0
    assert sent > 100
    assert host.listed(flavour, "filter", "FORWARD") == [ADMINS, OWN]
