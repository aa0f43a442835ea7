"""The files of a node as lines that mean something: what of them has an order, and where each line belongs.

Comments and the order of flows mean nothing, so a difference in them alone is none; neither does the note in the last
table, a digest of all flows.  In a chain of iptables the order decides.  `node.json` says what the scripts do, so a
script is looked at only where it differs although `node.json` does not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping

from attrs import field, frozen

from backends.ovs.fields import Table

FLOWS, GROUPS, IPTABLES, SETS = "flows.txt", "groups.txt", "iptables.rules", "ipsets.txt"
PORTS, NODE = "ports.json", "node.json"
SCRIPTS = ("addresses.sh", "bridge.sh", "iptables.sh")
"""The scripts that do what `node.json` says."""

_NOTE = f"table={Table.NOTE:d},"
_NUMBER = re.compile("^0x[0-9a-f]+: ")
_COMMENT = re.compile(r'--comment (?:"((?:[^"\\]|\\.)*)"|(\S+))')


@frozen
class Line:
    """A line of a node's files; of JSON, a value in words.

    `comment` is what the file itself says that the line is for, `path` and `number` (from 1) are the file, below the
    node's folder, and the line in it.
    """

    text: str
    comment: str = field(eq=False)
    path: str = field(eq=False)
    number: int = field(eq=False)


@frozen
class Section:
    """Lines that belong together; `ordered`: their order means something."""

    lines: tuple[Line, ...]
    ordered: bool = False


Sections = dict[str, Section]
"""The lines of a node by where they belong: `flows`, `chain filter SDNC-ADMIN-RULES`, `set sdnc-…`, `ports`, …"""


def sections(files: Mapping[str, str]) -> Sections:
    """All lines of a node's files, by their paths below the node's folder (or of the cluster's, below the bundle's)."""
    found: Sections = {}
    for path in sorted(files):
        found |= _READERS.get(path, _any_file)(path, files[path])
    return found


def without_scripts(files: Mapping[str, str]) -> dict[str, str]:
    """The files but for the scripts that do what `node.json` says."""
    return {path: text for path, text in files.items() if path not in SCRIPTS}


def _openflow(path: str, text: str) -> Sections:
    return {path.removesuffix(".txt"): Section(tuple(_commented(path, text)))}


def _commented(path: str, text: str) -> Iterator[Line]:
    comment = ""
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("#"):
            # Numbers are derived from what they stand for, and change with it.
            comment = _NUMBER.sub("", line.removeprefix("#").strip())
        elif line and not line.startswith(_NOTE):
            yield Line(line, comment, path, number)


def _iptables(path: str, text: str) -> Sections:
    """Each chain is a section of its own; that it is there is its first line, with its policy if it has one.  What is
    neither a chain nor a rule at its end is in a section of the file's name.
    """
    chains: dict[tuple[str, str], list[Line]] = {}
    others: list[Line] = []
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith(":"):
            chain = line[1:].partition(" ")[0]
            chains.setdefault((table, chain), []).append(
                Line(line.partition(" [")[0].removesuffix(" -"), f"chain {chain}", path, number)
            )
        elif line.startswith("-A "):
            chain = line.split(" ", 2)[1]
            rule = Line(line, _rule_comment(line) or f"chain {chain}", path, number)
            chains.setdefault((table, chain), []).append(rule)
        elif line.strip() and not line.startswith("#") and line != "COMMIT":
            others.append(Line(f"*{table}: {line}", path, path, number))
    found = {f"chain {table} {chain}": Section(tuple(lines), True) for (table, chain), lines in chains.items()}
    return found | ({path: Section(tuple(others), True)} if others else {})


def _rule_comment(rule: str) -> str:
    found = _COMMENT.search(rule)
    return (found[1] or found[2] or "") if found else ""


def _sets(path: str, text: str) -> Sections:
    """`create NAME …` and `add NAME …` of ipset(8)."""
    lines: dict[str, list[Line]] = {}
    for number, line in _plain(text):
        name = line.split(" ", 2)[1] if line.count(" ") else line
        lines.setdefault(f"set {name}", []).append(Line(line, f"set {name}", path, number))
    return {name: Section(tuple(members)) for name, members in lines.items()}


def _ports(path: str, text: str) -> Sections:
    pods = _mapping(text)
    if pods is None:
        return _any_file(path, text)
    numbers = {line.strip(): number for number, line in enumerate(text.splitlines(), 1)}
    lines = (
        Line(f"{pod}: {_words(pods[pod])}", f"pod {pod}", path, numbers.get(f"{json.dumps(pod)}: {{", 1))
        for pod in sorted(pods)
    )
    return {"ports": Section(tuple(lines))}


def _node(path: str, text: str) -> Sections:
    """The settings that the applier reads: one line for each value."""
    settings = _mapping(text)
    if settings is None:
        return _any_file(path, text)
    found: Sections = {}
    for name, value in sorted(settings.items()):
        for where, values, ordered in _settings(name, value):
            lines = tuple(Line(_words(each), where, path, 1) for each in values)
            if lines:
                found[where] = Section(lines, ordered)
    return found


def _settings(name: str, value: object) -> Iterator[tuple[str, Iterable[object], bool]]:
    match name, value:
        case (("schema" | "node" | "sets"), _):
            return  # the sets are in their own file
        case (("jumps" | "appended"), dict() as tables):
            for table, chains in sorted(tables.items()):
                for chain, jumps in sorted(chains.items()) if isinstance(chains, dict) else [("", chains)]:
                    yield f"jumps {table} {chain}", jumps if isinstance(jumps, list) else [jumps], True
        case "routers", dict() as routers:
            for router, addresses in sorted(routers.items()):
                yield f"router {router}", addresses if isinstance(addresses, list) else [addresses], False
        case "addresses", dict() as addresses:
            hosted = addresses.get("egress_ips", [])
            yield "egress IP", hosted if isinstance(hosted, list) else [hosted], False
            others = {key: each for key, each in addresses.items() if key != "egress_ips"}
            yield "address", [others] if others else [], False
        case _, dict() as members:
            yield name, [{key: each} for key, each in sorted(members.items())], False
        case _:
            yield name, [value], False


def _any_file(path: str, text: str) -> Sections:
    """A file of an egress router, an object, or one that this version does not know: lines, in their order."""
    return {path: Section(tuple(Line(line, path, path, number) for number, line in _plain(text)), True)}


def _plain(text: str) -> Iterator[tuple[int, str]]:
    """The lines, by their numbers, that are neither empty nor comments."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, line


def _mapping(text: str) -> dict[str, object] | None:
    """A JSON object; None if the text is none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _words(value: object) -> str:
    """A value in one line: `port 11, interface veth1`."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_words(each)}" for key, each in sorted(value.items()))
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


_READERS = {
    FLOWS: _openflow,
    GROUPS: _openflow,
    IPTABLES: _iptables,
    SETS: _sets,
    PORTS: _ports,
    NODE: _node,
}
