"""A node's folder is read once, and refused unless every byte of it is as it should be (OUT-05)."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sdnc.apply import node_files
from sdnc.apply.node_bundle import BadBundle, read_node_bundle
from tests.sdnc.apply.bundles import edited


@pytest.fixture
def copy(everything: Path, tmp_path: Path) -> Path:
    return edited(everything, tmp_path / "copy", {})


def refusal(folder: Path) -> str:
    with pytest.raises(BadBundle) as caught:
        read_node_bundle(folder)
    return str(caught.value)


def test_everything_is_read(everything: Path) -> None:
    bundle = read_node_bundle(everything)

    assert bundle.node == "node-1"
    assert {"bridge.sh", "node.json", "egress-routers/shop_legacy-db/macvlan.sh"} <= bundle.files.keys()
    assert f"{bundle.flows[0]}\n" in bundle.files["flows.txt"]
    assert len(bundle.flows) == sum(line.startswith("table=") for line in bundle.files["flows.txt"].splitlines())
    assert [group[:11] for group in bundle.groups] == ["add_or_mod "]
    assert "OPENSHIFT-FIREWALL-ALLOW" in bundle.chains["filter"]
    rules = [rule for chains in bundle.chains.values() for each in chains.values() for rule in each]
    assert len(rules) == bundle.files["iptables.rules"].count("\n-A ")
    assert len(bundle.sets) == bundle.files["ipsets.txt"].count("create ") == 2
    assert bundle.ports["shop/web-1"].address == "10.128.0.11"
    assert bundle.settings.egress_ips == ("192.168.100.50",)
    assert bundle.settings.routers == {"shop_legacy-db": ("10.128.0.13",)}


def test_the_digest_is_what_the_tools_of_a_node_compute(everything: Path) -> None:
    command = "find * -type f -exec sha256sum {} + | LC_ALL=C sort | sha256sum"

    ran = subprocess.run(["sh", "-c", command], cwd=everything, capture_output=True, text=True, check=True)

    assert ran.stdout.split()[0] == read_node_bundle(everything).digest


def test_a_folder_may_be_reached_by_a_link(everything: Path, tmp_path: Path) -> None:
    (tmp_path / "latest").symlink_to(everything.parent.parent)

    assert read_node_bundle(tmp_path / "latest" / "nodes" / "node-1").node == "node-1"


@pytest.mark.behaviour("OUT-05")
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda node: (node / "flows.txt").write_text("table=0, priority=0 actions=NORMAL\n"), "its digest differs"),
        (lambda node: (node / "flows.txt").unlink(), "'flows.txt' is missing"),
        (lambda node: (node / "more.txt").touch(), "'more.txt' is not in the bundle's manifest.json"),
        (lambda node: (node / "egress-routers/evil").mkdir(), ""),
        (lambda node: (node / "egress-routers/evil.sh").touch(), "'egress-routers/evil.sh' is not in"),
        (lambda node: os.mkfifo(node / "pipe"), "'pipe' is neither a file nor a folder"),
        (lambda node: (node / "link").symlink_to("/etc/passwd"), "'link' is neither a file nor a folder"),
        (lambda node: (node.parent.parent / "manifest.json").unlink(), "manifest.json is missing"),
        (lambda node: (node.parent.parent / "manifest.json").write_text("{"), "manifest.json: it is no JSON"),
        (lambda node: (node.parent.parent / "manifest.json").write_bytes(b"\xff"), "manifest.json: 'utf-8' codec"),
        (lambda node: (node.parent.parent / "manifest.json").write_text("[]"), "not that of a bundle"),
        (lambda node: (node.parent.parent / "manifest.json").write_text("[" * 200000), "manifest.json: it is no JSON"),
    ],
)
def test_what_is_not_as_the_manifest_tells(copy: Path, change: Callable[[Path], object], told: str) -> None:
    change(copy)

    if told:
        assert told in refusal(copy)
    else:
        assert read_node_bundle(copy).node == "node-1"  # an empty folder has no say


@pytest.mark.behaviour("OUT-05")
@pytest.mark.parametrize("name", ["flows.txt", "egress-routers", "egress-routers/shop_legacy-db/macvlan.sh"])
def test_links_inside_are_not_followed(copy: Path, name: str) -> None:
    (copy / name).rename(copy.parent / "elsewhere")
    (copy / name).symlink_to(copy.parent / "elsewhere")

    assert "links are not followed" in refusal(copy)


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("schema", 2, "another schema"),
        ("compiler", "make", "not that of a bundle"),
        ("outputs", [], "does not tell the digests"),
        ("outputs", {"nodes/node-1/flows.txt": 5}, "does not tell the digests"),
        ("outputs", {"nodes/node-2/flows.txt": "0"}, "tells nothing of node node-1"),
        ("outputs", {"nodes/node-1/../../../etc/passwd": "0"}, "is not in the bundle's"),
    ],
)
def test_a_manifest_that_is_not_known(copy: Path, field: str, value: object, told: str) -> None:
    path = copy.parent.parent / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))

    assert told in refusal(copy)


def test_a_folder_that_is_too_big(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Digests are computed of what was read, and no more is read than a node's files have."""
    monkeypatch.setattr(node_files, "MOST_BYTES", 100)

    assert "is too big" in refusal(copy)


def test_a_folder_with_too_many_files(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_files, "MOST_FILES", 5)

    assert "has more in it than a node's folder" in refusal(copy)


def test_a_folder_that_is_no_nodes(copy: Path, tmp_path: Path) -> None:
    shutil.copytree(copy, tmp_path / "elsewhere")

    assert "it should be BUNDLE/nodes/NODE" in refusal(copy.parent.parent)
    assert "it should be BUNDLE/nodes/NODE" in refusal(tmp_path / "elsewhere")


def test_the_folder_of_another_node(copy: Path) -> None:
    manifest = copy.parent.parent / "manifest.json"
    manifest.write_text(manifest.read_text().replace("nodes/node-1/", "nodes/node-9/"))

    assert "is that of node node-1" in refusal(copy.rename(copy.parent / "node-9"))


def test_bytes_that_are_no_text(copy: Path) -> None:
    (copy / "flows.txt").write_bytes(b"\xff\n")
    manifest = copy.parent.parent / "manifest.json"
    told = json.loads(manifest.read_text())
    told["outputs"]["nodes/node-1/flows.txt"] = hashlib.sha256(b"\xff\n").hexdigest()
    manifest.write_text(json.dumps(told))

    assert "is no text in UTF-8" in refusal(copy)


def appended(line: str) -> Callable[[str], str]:
    return lambda text: f"{text}{line}\n"


def in_table(table: str, line: str) -> Callable[[str], str]:
    return lambda text: text.replace(f"*{table}\n", f"*{table}\n{line}\n")


def in_chain(rule: str) -> Callable[[str], str]:
    return lambda text: text.replace("\n-A SDNC-ADMIN-RULES", f"\n-A SDNC-ADMIN-RULES {rule}\n-A SDNC-ADMIN-RULES", 1)


HOSTILE_LINES = [
    ("flows.txt", appended("table=0, priority=0 actions=drop; reboot"), "unexpected line"),
    ("flows.txt", appended("delete table=0"), "unexpected line"),
    ("flows.txt", appended("table=254, priority=0 actions=drop"), "unexpected line"),
    ("flows.txt", appended("table=0, priority=0 actions=$(reboot)"), "unexpected line"),
    ("flows.txt", appended("table=0, priority=0 actions=drop\r"), "unexpected line"),
    ("flows.txt", appended("table=0, priority=0 actions=drop\x00"), "unexpected line"),
    ("groups.txt", appended("delete group_id=1"), "unexpected line"),
    ("groups.txt", appended("add_or_mod group_id=1,type=all,bucket=actions=output:1"), "unexpected line"),
    ("ipsets.txt", appended("destroy"), "unexpected line"),
    ("ipsets.txt", appended("create evil hash:net family inet maxelem 5"), "unexpected line"),
    ("ipsets.txt", appended("add sdnc-0123456789abcdef 10.0.0.1"), "unexpected line"),
    ("ipsets.txt", lambda text: text + "".join(text.splitlines(True)[1:2]), "unexpected line"),
    ("ipsets.txt", lambda text: text.replace(" 203.0.113.0/24", " 203.0.113.0/33"), "unexpected line"),
    ("iptables.rules", in_table("filter", "-A INPUT -j ACCEPT"), "fills no chain of the node's own"),
    ("iptables.rules", in_table("filter", ":INPUT ACCEPT [0:0]"), "no new chain of the node's own"),
    ("iptables.rules", in_table("filter", ":KUBE-FORWARD - [0:0]"), "no new chain of the node's own"),
    ("iptables.rules", in_table("filter", "-F"), "fills no chain of the node's own"),
    ("iptables.rules", in_table("filter", "-X OPENSHIFT-NOTRACK"), "fills no chain of the node's own"),
    ("iptables.rules", in_table("filter", "*nat"), "unexpected table"),
    ("iptables.rules", appended("*security"), "unexpected table"),
    ("iptables.rules", appended("-A OPENSHIFT-NOTRACK -j DROP"), "it is in no table"),
    ("iptables.rules", lambda text: text.removesuffix("COMMIT\n"), "the last table has no COMMIT"),
    ("iptables.rules", in_chain("-j KUBE-FORWARD"), "it jumps to KUBE-FORWARD"),
    ("iptables.rules", in_chain("-j OPENSHIFT-NOTRACK"), "table filter has no chain OPENSHIFT-NOTRACK"),
    ("iptables.rules", in_chain("-j NFQUEUE --queue-num 1"), "it jumps to NFQUEUE"),
    ("iptables.rules", in_chain("-g SDNC-ADMIN-REJECT"), "-g is no option"),
    ("iptables.rules", in_chain("-p tcp"), "it jumps nowhere"),
    ("iptables.rules", in_chain("-j DROP -j ACCEPT"), "it jumps to ACCEPT"),
    ("iptables.rules", in_chain("-j"), "nothing follows -j"),
    ("iptables.rules", in_chain("-j DROP --modprobe /tmp/evil"), "--modprobe is no option"),
    ("iptables.rules", in_chain("-j DROP --modprobe=/tmp/evil"), "unexpected characters"),
    ("iptables.rules", in_chain("-j DROP --modp /tmp/evil"), "--modp is no option"),
    ("iptables.rules", in_chain("-M/tmp/evil -j DROP"), "-M/tmp/evil is no option"),
    ("iptables.rules", in_chain("-t raw -j DROP"), "-t is no option"),
    ("iptables.rules", in_chain("-m ../../../tmp/evil -j DROP"), "-m ../../../tmp/evil is nothing"),
    ("iptables.rules", in_chain("-p ../tmp/evil -j DROP"), "-p ../tmp/evil is nothing"),
    ("iptables.rules", in_chain("! ! -s 10.0.0.0/8 -j DROP"), "! is no option"),
    ("iptables.rules", in_chain("-s 10.0.0.0/8  -j DROP"), "unexpected characters"),
    ("iptables.rules", in_chain("-m comment --comment $(reboot) -j DROP"), "unexpected characters"),
    ("iptables.rules", in_chain('-m comment --comment "open -j DROP'), "unexpected characters"),
    ("iptables.rules", in_chain("-m set --match-set others src -j DROP"), "the set others is not the node's own"),
    ("iptables.rules", in_chain("-m set --match-set sdnc-0123456789abcdef src -j DROP"), "ipsets.txt does not have"),
    ("iptables.rules", lambda text: text.replace(":SDNC-ADMIN-REJECT - [0:0]\n", ""), "fills no chain"),
    ("ports.json", lambda text: text.replace('"veth', '"../veth', 1), "nothing that 'interface' may be"),
    ("ports.json", lambda text: text.replace('"veth', '"-veth', 1), "nothing that 'interface' may be"),
    ("ports.json", lambda text: re.sub('"veth[^"]*"', '"tun0"', text, count=1), "nothing that 'interface' may be"),
    ("ports.json", lambda text: text.replace('"port": ', f'"port": {"1" * 5000}', 1), "it is no JSON"),
    ("ports.json", lambda text: text.replace('"port": ', '"port": NaN, "was": ', 1), "no number from 3 to 65279"),
    ("ports.json", lambda text: text.replace("10.128.0.11", "10.128.0.12"), "two pods have one address"),
    ("ports.json", lambda text: text.replace("10.128.0.11", "10.128.0.011"), "nothing that 'address' may be"),
    ("ports.json", lambda text: text.replace("shop/web-1", "shop/$(id)"), "no name of a pod"),
    ("ports.json", lambda text: text.replace('"port": ', '"port": -'), "no number from 3 to 65279"),
    ("ports.json", lambda text: text.replace('"port": ', '"port": 1.0e'), "no number from 3 to 65279"),
    ("ports.json", lambda text: text.replace('"port": ', '"port": "1", "port": '), "comes twice"),
    ("ports.json", lambda text: "[]", "it is no object"),
    ("ports.json", lambda text: text.replace('"port": ', '"por": '), "has no port"),
]


@pytest.mark.behaviour("OUT-05")
@pytest.mark.parametrize(("name", "edit", "told"), HOSTILE_LINES)
def test_hostile_lines(everything: Path, tmp_path: Path, name: str, edit: Callable[[str], str], told: str) -> None:
    """Digests that are right do not make a bundle right."""
    told_now = refusal(edited(everything, tmp_path / "hostile", {name: edit}))

    assert told_now.startswith(f"{name}: ") and told in told_now
    assert "\n" not in told_now


HOSTILE_SETTINGS: list[tuple[tuple[str, ...], object, str]] = [
    (("schema",), 2, "its schema is not 1"),
    (("schema",), True, "no number"),
    (("node",), "../node-1", "nothing that 'node' may be"),
    (("node",), 7, "nothing that 'node' may be"),
    (("bridge",), None, "'bridge' is no object"),
    (("bridge", "vxlan_port"), 0, "no number from 1 to 65535"),
    (("bridge", "mtu"), "1450", "no number from 68 to 65535"),
    (("bridge", "mac"), "0a:58:0a:80:00:01 -- del-br br0", "nothing that 'mac' may be"),
    (("bridge", "gateway"), "10.128.0.1/23; reboot", "nothing that 'gateway' may be"),
    (("bridge", "pod_networks"), ["10.128.0.1/14"], "nothing that may be in 'pod_networks'"),
    (("bridge", "pod_networks"), "10.128.0.0/14", "'pod_networks' is no list"),
    (("bridge", "service_network"), "172.30.0.0/255.255.0.0", "nothing that 'service_network' may be"),
    (("bridge", "evil"), 1, "'evil', which is not known"),
    (("evil",), 1, "'evil', which is not known"),
    (("addresses", "node"), "192.168.100.11/24", "nothing that 'node' may be"),
    (("addresses", "egress_ips"), ["192.168.100.50", "192.168.100.50"], "'egress_ips' has something twice"),
    (("addresses", "egress_ips"), ["-f"], "nothing that may be in 'egress_ips'"),
    (("jumps", "security"), {}, "there is no table 'security'"),
    (("jumps", "raw", "FORWARD"), [], "'FORWARD' is no chain of table raw"),
    (("jumps", "filter", "KUBE-FORWARD"), [], "'KUBE-FORWARD' is no chain of table filter"),
    (("jumps", "filter", "INPUT"), ["-j ACCEPT"], "nothing that may be in 'INPUT'"),
    (("jumps", "filter", "INPUT"), ["-j KUBE-FORWARD"], "nothing that may be in 'INPUT'"),
    (("jumps", "filter", "INPUT"), ["-j OPENSHIFT-NOTRACK"], "which iptables.rules does not have in table filter"),
    (("jumps", "filter", "INPUT"), ["-j OPENSHIFT-FIREWALL-ALLOW\n-F"], "nothing that may be in 'INPUT'"),
    (("appended", "filter", "INPUT"), [], "'INPUT' is no chain of table filter"),
    (("appended", "filter", "SDNC-ADMIN-RULES"), [], "iptables.rules has SDNC-ADMIN-RULES, too"),
    (("routers",), {"../evil": []}, "no name of an egress router's folder"),
    (("routers",), {"shop_other": []}, "shop_other, which has no macvlan.sh"),
    (("routers",), {"shop_legacy-db": ["10.128.0.13/32"]}, "nothing that may be in 'shop_legacy-db'"),
]


@pytest.mark.behaviour("OUT-05")
@pytest.mark.parametrize(("path", "value", "told"), HOSTILE_SETTINGS)
def test_hostile_settings(everything: Path, tmp_path: Path, path: tuple[str, ...], value: object, told: str) -> None:
    def edit(text: str) -> str:
        settings = json.loads(text)
        place = settings
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value
        return json.dumps(settings)

    told_now = refusal(edited(everything, tmp_path / "hostile", {"node.json": edit}))

    assert told_now.startswith("node.json: ") and told in told_now
    assert "\n" not in told_now


@pytest.mark.parametrize("name", ["flows.txt", "iptables.rules", "node.json", "ports.json"])
def test_a_file_that_the_manifest_does_not_know_either(copy: Path, name: str) -> None:
    manifest = copy.parent.parent / "manifest.json"
    told = json.loads(manifest.read_text())
    del told["outputs"][f"nodes/node-1/{name}"]
    manifest.write_text(json.dumps(told))
    (copy / name).unlink()

    assert refusal(copy) == f"{name} is missing: compile the bundle with this version of sdnc"


def test_rules_that_name_a_set_which_is_not_there(everything: Path, tmp_path: Path) -> None:
    told = refusal(edited(everything, tmp_path / "hostile", {"ipsets.txt": lambda text: ""}))

    assert told.startswith("iptables.rules: it names the set sdnc-")


def test_a_jump_to_a_chain_that_is_not_there(everything: Path, tmp_path: Path) -> None:
    def without(text: str) -> str:
        return "".join(line for line in text.splitlines(True) if "OPENSHIFT-FORWARD-GUARD" not in line)

    told = refusal(edited(everything, tmp_path / "hostile", {"iptables.rules": without}))

    assert told == (
        "node.json: it jumps to OPENSHIFT-FORWARD-GUARD, which iptables.rules does not have in table mangle"
    )
