"""The form that a node's files always have, whatever the input says (OUT-05)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache

from tests.backends.ovs.reading import read_flows

Files = Mapping[str, str]
"""A node's files by their names."""

SCRIPTS = ("bridge.sh", "iptables.sh", "addresses.sh")

_NUMBER = re.compile(r"0a(:[0-9a-f]{2}){5}|0x[0-9a-f]+|\d+(\.\d+)*(/\d+)?")
_ACTION = r"(?:set_field:[0-9a-f.:]+->(?:tun_dst|eth_src|eth_dst)|move:[A-Z0-9_.\[\]]+->[A-Z0-9_.\[\]]+|output:\d)"
_GROUP = re.compile(
    rf"add_or_mod group_id=\d+,type=select(?:,bucket=(?:weight:\d+,)?actions={_ACTION}(?:,{_ACTION})*)+", re.ASCII
)


def check_form(node: str, files: Files, usual: Files) -> None:
    """Asserts that a node's files have the form of others, `usual`, which have everything."""
    assert re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", node, re.ASCII)
    assert files.keys() | {"groups.txt"} == usual.keys()
    assert all(line.isprintable() for text in files.values() for line in text.split("\n"))
    assert max(flow.priority for flow in read_flows(files["flows.txt"])) in (1000, 1100)
    for line in files.get("groups.txt", "").split("\n"):
        assert not line or line.startswith("#") or _GROUP.fullmatch(line), line
    for name in SCRIPTS:
        assert masked(node, files[name]) == masked("node-1", usual[name])
    assert set(masked(node, files["iptables.rules"])) <= set(masked("node-1", usual["iptables.rules"]))
    for name, port in json.loads(files["ports.json"]).items():
        assert re.fullmatch(r"[a-z0-9-]+/[a-z0-9.-]+", name, re.ASCII)
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}", port["interface"], re.ASCII)
        assert set(port) == {"address", "interface", "port"}


@lru_cache
def masked(node: str, text: str) -> list[str]:
    """The lines of a file, with numbers, addresses and the names in comments masked, a list of addresses as one."""
    text = re.sub(rf"\b(node|on) {re.escape(node)}\b", r"\1 #", text)
    text = re.sub(r'"egress IP of project [a-z0-9-]+"', '"egress IP of project #"', text)
    text = _NUMBER.sub("#", text)
    return [re.sub(r"'(?:#(?: #)*)?'", "'#'", line) for line in text.split("\n")]
