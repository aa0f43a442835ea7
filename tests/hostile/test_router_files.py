"""Hostile values in egress routers' objects, followed into the files, which keep their usual form (OUT-05).

`test_routers` looks at what the sources deliver; here are the lines that iptables-restore, squid, haproxy and sh read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import pytest

from compiler.diagnostics import Diagnostics
from compiler.pipeline import compile_declarations
from compiler.sources import read_texts
from tests.compiling import node_files
from tests.hostile.test_routers import GOOD, HOSTILE, HOSTILE_VALUES, router
from tests.sources.routers import MACVLAN, VARIABLES, config_map, controller

CLUSTER = """
cluster { mode networkpolicy  pods 10.128.0.0/14 host-bits 9  services 172.30.0.0/16 }
node node-1 { address 192.168.12.11/24  subnet 10.128.0.0/23 }
project shop
"""

ADDRESS = r"\d{1,3}(?:\.\d{1,3}){3}"
WORD = r"[A-Za-z0-9._-]+"
NAME = rf"{WORD}(?:/{WORD})?"

SQUID = re.compile(
    rf"acl to-[0-9a-f]{{12}} dstdomain -n \.?{WORD}|acl to-[0-9a-f]{{12}} dst (?:[0-9./-]+|ipv4)|"
    r"http_access (?:allow|deny)(?: to-[0-9a-f]{12}| all)+"
)
HAPROXY = re.compile(
    rf"frontend tcp-\d+|    bind 0\.0\.0\.0:\d+|    default_backend tcp-\d+|backend tcp-\d+|"
    rf"    server tcp-\d+ {ADDRESS}:\d+|"
    rf"    server-template tcp-\d+- 1-8 {WORD}:\d+ resolvers pod resolve-prefer ipv4 init-addr none"
)
DNAT = re.compile(
    rf"-A EGRESS-ROUTER -p (?:tcp|udp)(?: -m (?:tcp|udp) --dport \d+)? -j DNAT --to-destination {ADDRESS}(?::\d+)?|"
    r"-A INPUT -i eth0 -p tcp -m tcp --dport \d+ -j ACCEPT"
)
VARIABLE = {"squid.conf": SQUID, "haproxy.cfg": HAPROXY, "iptables.rules": DNAT}
"""The lines of a file that a list of destinations makes."""


def files(*objects: object) -> Mapping[str, str]:
    """The files of the routers, by their paths; none after an error."""
    diagnostics = Diagnostics()
    texts = {"a.json": json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}), "b.sdn": CLUSTER}
    compilation = compile_declarations(read_texts(texts, diagnostics), diagnostics)
    found = node_files(compilation)["node-1"] if compilation else {}
    return {path: text for path, text in found.items() if path.startswith("egress-routers/")}


def masked(file: str, text: str) -> list[str]:
    """The lines, without those that a list of destinations makes, and without what is data in the others."""
    lines = []
    for line in text.split("\n"):
        if (of_list := VARIABLE.get(file)) and of_list.fullmatch(line):
            continue
        line = re.sub(rf"(egress router|visible_hostname) {NAME}\b", r"\1 NAME", line)
        line = re.sub(rf"(?<==)'{WORD}'|(?<==)''", "''", line)
        lines.append(re.sub(rf"{ADDRESS}(?:/\d+)?", "ADDRESS", line))
    return lines


USUAL = {
    path.rpartition("/")[2]: set(masked(path.rpartition("/")[2], text))
    for mode in ("init", "dns-proxy", "http-proxy")
    for path, text in files(router(mode)).items()
    if path.endswith((".sh", ".rules")) or mode in ("http-proxy", "dns-proxy")
}
SETUPS = [set(masked("setup.sh", files(router(mode))["egress-routers/shop_egress-1/setup.sh"])) for mode in VARIABLES]


def check(found: Mapping[str, str]) -> None:
    """The files, if there are any, have their usual form."""
    for path, text in found.items():
        folder, name = path.split("/")[1:]
        assert re.fullmatch(r"[a-z0-9-]+_[a-z0-9.-]+", folder, re.ASCII)
        assert all(line.isprintable() and line.isascii() for line in text.split("\n"))
        usual = set.union(*SETUPS) if name == "setup.sh" else USUAL[name]
        assert [line for line in masked(name, text) if line not in usual] == [], name


def test_the_check_can_fail() -> None:
    assert sorted(USUAL) == ["haproxy.cfg", "iptables.rules", "macvlan.sh", "setup.sh", "squid.conf"]
    for mode in VARIABLES:
        good = files(router(mode))
        check(good)
        for path, text in good.items():
            for evil in ("http_access allow all #", "    server x /var/run/x", "-A INPUT -j ACCEPT", "reboot"):
                with pytest.raises(AssertionError):
                    check({path: f"{text}{evil}\n"})


@pytest.mark.behaviour("OUT-05", "ER-06", "ER-09", "ER-10")
@HOSTILE_VALUES
@pytest.mark.parametrize("variable", [*GOOD, "EGRESS_ROUTER_MODE"])
def test_variables_and_config_maps(variable: str, value: str) -> None:
    reference = {"name": "routes", "key": "destination"}
    for mode in VARIABLES:
        good = GOOD.get(variable, mode)
        for text in (value, f"{good}{value}", f"{good}\n{value}", f"# {value}\n{good}"):
            check(files(router(mode, **{variable: text})))
            if variable != "EGRESS_ROUTER_MODE":
                check(files(router(mode, **{variable: reference}), config_map({"destination": text})))


@pytest.mark.behaviour("OUT-05", "ER-02")
@HOSTILE_VALUES
def test_annotations_names_and_nodes(value: str) -> None:
    for mode in ("init", "http-proxy", "dns-proxy"):
        good = router(mode)
        for text in (value, f"eth1{value}"):
            check(files({**good, "metadata": {**good["metadata"], "annotations": {MACVLAN: text}}}))
            check(files({**good, "spec": {**good["spec"], "nodeName": text}}))
            for made in (good, controller(good)):
                for name in ("name", "namespace"):
                    check(files({**made, "metadata": {**made["metadata"], name: text}}))


def test_some_of_the_corpus_is_data() -> None:
    """So that the checks above see files; what stands in a comment is in none of them."""
    commented = [files(router("init", EGRESS_DESTINATION=f"# {value}\n80 tcp 203.0.113.25")) for value in HOSTILE]
    accepted = [value for value in HOSTILE if files(router("init", EGRESS_DESTINATION=f"80 tcp 203.0.113.25\n{value}"))]

    assert accepted == ["#", "192.168.12.9\t"]
    assert len([found for found in commented if found]) > len(HOSTILE) // 2
