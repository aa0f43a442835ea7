"""Reads the tables of iptables, and knows a rule again in whatever words this node's iptables prints it.

Versions of iptables print one rule differently: Ethernet addresses in capitals, times in other units.  So where rules
are not what they should be by their letters, iptables itself is asked: in a network namespace that is made for it and
gone afterwards, it loads the rules, and prints them in its own words.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sdnc.apply.iptables import own_table, saved_rules, target_of
from sdnc.apply.rule_text import SET_NAME, TARGETS
from sdnc.apply.state import TABLES, Scope, Table
from sdnc.apply.system import CommandFailed, System

_UNREADABLE = re.compile(r"^# Table `(\w+)' is incompatible", re.MULTILINE)
"""What iptables-nft-save says of a table into which nft has put what iptables does not know."""

_NUMBER = re.compile(r"[0-9]+")
_CHAIN = "SDNC-WORDS"

_ASK = """
program=$1
shift
for set do ipset create "$set" hash:net; done
"$program-restore" --wait
"$program-save"
"""
"""The rules are in the input; the arguments are the program and the sets that they refer to."""


def read_tables(system: System, scope: Scope) -> dict[str, Table]:
    """The tables as far as they are sdnc's.  Raises `CommandFailed`, also if iptables cannot read one of them."""
    save = [f"{system.iptables}-save"]
    text = system.run(save)
    for name in _UNREADABLE.findall(text):
        if name in TABLES:
            raise CommandFailed(save, 0, f"nft has put rules into table {name} that iptables cannot read")
    saved = saved_rules(text)
    tables = {}
    for name in TABLES:
        chains, rules = saved.get(name, ([], []))
        tables[name] = own_table(name, chains, _with_known_jumps(system, name, rules, scope), scope)
    return tables


def _with_known_jumps(
    system: System, name: str, rules: Sequence[tuple[str, str]], scope: Scope
) -> Sequence[tuple[str, str]]:
    """Rules with the names of their chains, in which the jumps of the scope are written as they are there."""
    jumps, there = scope.jumps.get(name, {}), set(rules)
    lacking = {rule for chain, known in jumps.items() for rule in known if (chain, rule) not in there}
    targets = {target_of(rule) for rule in lacking}
    if not any(chain in jumps and rule not in jumps[chain] and target_of(rule) in targets for chain, rule in rules):
        return rules
    words = in_words(system, name, sorted(lacking))
    return [(chain, words.get(rule, rule) if chain in jumps else rule) for chain, rule in rules]


def in_words(system: System, name: str, rules: Iterable[str]) -> dict[str, str]:
    """The rules of table `name` by how this node's iptables prints them.  None if it cannot be asked."""
    asked = list(dict.fromkeys(rules))
    targets = dict.fromkeys(target for rule in asked if (target := target_of(rule)) not in TARGETS)
    sets = dict.fromkeys(word for rule in asked for word in rule.split(" ") if SET_NAME.fullmatch(word))
    lines = [f"*{name}", f":{_CHAIN} - [0:0]", *(f":{target} - [0:0]" for target in targets)]
    lines += [*(f"-A {_CHAIN} {rule}" for rule in asked), "COMMIT"]
    ask = ["unshare", "--net", "--", "sh", "-euc", _ASK, "sh", system.iptables, *sets]
    try:
        printed = system.run(ask, stdin="".join(f"{line}\n" for line in lines))
    except CommandFailed:
        return {}
    _, found = saved_rules(printed).get(name, ([], []))
    words = [rule for chain, rule in found if chain == _CHAIN]
    if len(words) != len(asked):
        return {}
    return {printed: rule for printed, rule in zip(words, asked, strict=True) if _has_numbers(printed, rule)}


def _has_numbers(printed: str, rule: str) -> bool:
    """Whether what iptables prints has all numbers of a rule: some that are too high it takes, and makes others of."""
    return not Counter(_NUMBER.findall(rule)) - Counter(_NUMBER.findall(printed))


def translated(system: System, name: str, actual: Table, wanted: Table) -> Table:
    """The table that is there, with the rules that are wanted written as they are wanted."""
    strange = _rules(actual) - _rules(wanted)
    lacking = sorted(_rules(wanted) - _rules(actual))
    if not lacking or not strange:
        return actual
    words = {printed: rule for printed, rule in in_words(system, name, lacking).items() if printed in strange}
    return _in(words, actual) if words else actual


def _rules(table: Table) -> set[str]:
    """All rules of chains that both may have."""
    return {rule for rules in table.chains.values() for rule in rules}


def _in(words: Mapping[str, str], table: Table) -> Table:
    chains = {chain: tuple(words.get(rule, rule) for rule in rules) for chain, rules in table.chains.items()}
    return replace(table, chains=chains)
