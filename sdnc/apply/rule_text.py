"""The text of iptables rules, checked word by word before a process of root's hands it to iptables-restore.

Some options of iptables run programs (`--modprobe`), some name other tables, and getopt(3) takes a shortened name for
an option. So only what is known passes: each option with as many words as it takes.  The words are as `iptables-save`
prints them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from sdnc.apply.checks import BadText

Rules = Mapping[str, Mapping[str, tuple[str, ...]]]
"""Rules by table and chain: what follows `-A CHAIN `, as `iptables -S` prints it."""

BUILT_IN: Mapping[str, tuple[str, ...]] = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
}
"""The built-in chains of each table (iptables(8))."""

OWN_CHAIN = re.compile(r"OPENSHIFT-[A-Z0-9-]{1,18}|SDNC-[A-Z0-9a-f-]{1,23}")
"""The names of the node's own chains; iptables takes 28 characters."""

SET_NAME = re.compile(r"sdnc-[0-9a-f]{16}")
"""The names of the node's own sets of addresses."""

TARGETS = frozenset({"ACCEPT", "CT", "DROP", "LOG", "MARK", "MASQUERADE", "REJECT", "RETURN", "SNAT"})
"""What a rule may jump to beside own chains."""

_MODULES = frozenset(
    {"comment", "connlimit", "conntrack", "hashlimit", "mac", "mark", "multiport", "sctp", "set", "tcp", "udp"}
)
_PROTOCOLS = frozenset({"tcp", "udp", "sctp"})
_NAMES = {"-m": _MODULES, "-p": _PROTOCOLS}
"""What may follow options whose words iptables makes file names of, to load a shared object (xtables)."""

_WORDS_OF = {
    "-s": 1,
    "-d": 1,
    "-i": 1,
    "-o": 1,
    "-p": 1,
    "-m": 1,
    "-j": 1,
    "--comment": 1,
    "--connlimit-above": 1,
    "--connlimit-mask": 1,
    "--connlimit-saddr": 0,
    "--ctorigdst": 1,
    "--ctstate": 1,
    "--ctstatus": 1,
    "--dport": 1,
    "--dports": 1,
    "--hashlimit-above": 1,
    "--hashlimit-burst": 1,
    "--hashlimit-mode": 1,
    "--hashlimit-name": 1,
    "--hashlimit-upto": 1,
    "--log-prefix": 1,
    "--mac-source": 1,
    "--mark": 1,
    "--match-set": 2,
    "--notrack": 0,
    "--reject-with": 1,
    "--set-xmark": 1,
    "--to-source": 1,
}
"""The options that rules have, and how many words follow each."""

_WORD = re.compile(r'"(?:[ !#-\[\]-~]|\\[ -~])*"|[A-Za-z0-9_./:,+!-]+')
_COMMAND = re.compile(r"-A (\S+) (\S.*)")


def check_rule(rule: str) -> str:
    """The rule, which is what follows `-A CHAIN `.  Raises `BadText` unless all its words are known and it jumps to a
    target that is allowed.
    """
    words = list(_words(rule))
    target = ""
    position = 0
    while position < len(words):
        option = words[position]
        if option == "!" and position + 1 < len(words) and words[position + 1] != "!":
            position += 1
            continue
        if option not in _WORDS_OF:
            raise BadText(f"{option} is no option that the node's rules have: {rule}")
        follow = words[position + 1 : position + 1 + _WORDS_OF[option]]
        if len(follow) < _WORDS_OF[option]:
            raise BadText(f"nothing follows {option}: {rule}")
        if option in _NAMES and follow[0] not in _NAMES[option]:
            raise BadText(f"{option} {follow[0]} is nothing that the node's rules have: {rule}")
        if option == "-j":
            if target or not (follow[0] in TARGETS or OWN_CHAIN.fullmatch(follow[0])):
                raise BadText(f"it jumps to {follow[0]}: {rule}")
            target = follow[0]
        if option == "--match-set" and not SET_NAME.fullmatch(follow[0]):
            raise BadText(f"the set {follow[0]} is not the node's own: {rule}")
        position += 1 + _WORDS_OF[option]
    if not target:
        raise BadText(f"it jumps nowhere: {rule}")
    return rule


def target_of(rule: str) -> str:
    """What a checked rule jumps to."""
    words = list(_words(rule))
    return words[words.index("-j") + 1]


def sets_of(rule: str) -> tuple[str, ...]:
    """The sets of addresses that a checked rule refers to."""
    words = list(_words(rule))
    return tuple(words[place + 1] for place, word in enumerate(words) if word == "--match-set")


def _words(rule: str) -> Iterator[str]:
    """The words of a rule, quotes included, which are separated by single spaces."""
    position = 0
    while True:
        word = _WORD.match(rule, position)
        if word is None:
            raise BadText(f"unexpected characters: {rule!a}")
        yield word[0]
        position = word.end()
        if position == len(rule):
            return
        if rule[position] != " ":
            raise BadText(f"unexpected characters: {rule!a}")
        position += 1


def read_rules(text: str) -> Rules:
    """The rules of a file for `iptables-restore --noflush`, by table and chain, in its order.  Raises `BadText`.

    The file may touch own chains only: it makes or empties them (`:CHAIN - [0:0]`) and fills them (`-A CHAIN …`), and
    what it jumps to is one of them or a target.
    """
    tables: dict[str, dict[str, list[str]]] = {}
    chains: dict[str, list[str]] | None = None
    for line in text.split("\n"):
        if not line or line.startswith("#"):
            continue
        if line.startswith("*"):
            if chains is not None or line[1:] not in BUILT_IN or line[1:] in tables:
                raise BadText(f"unexpected table: {line!a}")
            chains = tables[line[1:]] = {}
        elif chains is None:
            raise BadText(f"it is in no table: {line!a}")
        elif line == "COMMIT":
            chains = None
        elif line.startswith(":"):
            name, _, counters = line[1:].partition(" ")
            if not OWN_CHAIN.fullmatch(name) or counters != "- [0:0]" or name in chains:
                raise BadText(f"it is no new chain of the node's own: {line!a}")
            chains[name] = []
        else:
            command = _COMMAND.fullmatch(line)
            if command is None or command[1] not in chains:
                raise BadText(f"it fills no chain of the node's own: {line!a}")
            chains[command[1]].append(check_rule(command[2]))
    if chains is not None:
        raise BadText("the last table has no COMMIT")
    for table, own in tables.items():
        for rule in (rule for rules in own.values() for rule in rules):
            if (target := target_of(rule)) not in TARGETS and target not in own:
                raise BadText(f"table {table} has no chain {target}: {rule}")
    return {table: {chain: tuple(rules) for chain, rules in own.items()} for table, own in tables.items()}
