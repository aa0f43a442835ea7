"""iptables: what of its tables is sdnc's, and the text that changes one of them in one commit.

`iptables-restore --noflush` takes all lines of a table or none, with both flavours (nft and legacy): no packet sees a
part of them.  A line `:CHAIN` makes a chain or empties it; only chains that change are named, so that the counters of
the others go on.  Jumps in other people's chains are changed by `-I` and `-D` in the same commit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby

from sdnc.apply.rule_text import BUILT_IN
from sdnc.apply.state import END, Jump, Scope, Table
from sdnc.apply.system import Command

OWN = "SDNC-"
"""The beginning of the names of chains that are sdnc's in any case."""

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_TARGET = re.compile(r"(?:^| )-[jg] (\S+)")
_COMMUTING = re.compile(r"-j (?:ACCEPT|DROP|RETURN|REJECT(?: --reject-with \S+)?)$")


def saved_rules(text: str) -> dict[str, tuple[list[str], list[tuple[str, str]]]]:
    """The names of chains, and the rules with the names of their chains, by table, of what `iptables-save` printed."""
    tables: dict[str, tuple[list[str], list[tuple[str, str]]]] = {}
    chains: list[str] = []
    rules: list[tuple[str, str]] = []
    for line in text.split("\n"):  # a comment may have other characters that end lines elsewhere
        if line.startswith("*"):
            chains, rules = tables.setdefault(line[1:], ([], []))
        elif line.startswith(":"):
            chains.append(line[1:].split(" ", 1)[0])
        elif line.startswith("-A "):
            chain, _, rule = line.removeprefix("-A ").partition(" ")
            rules.append((chain, rule))
    return tables


def target_of(rule: str) -> str:
    """What a rule jumps or goes to; "" if nowhere.

    >>> target_of('-m comment --comment "say -j NO" -j REJECT --reject-with tcp-reset')
    'REJECT'
    """
    found = _TARGET.findall(_QUOTED.sub('""', rule))
    return found[-1] if found else ""


def own_table(name: str, chains: Iterable[str], rules: Iterable[tuple[str, str]], scope: Scope) -> Table:
    """The part of a table that is sdnc's, of the names of its chains and of its rules in their order."""
    jumps = scope.jumps.get(name, {})
    own = {chain for chain in chains if chain in scope.chains.get(name, ()) or chain.startswith(OWN)} - jumps.keys()
    ours: dict[str, list[str]] = {chain: [] for chain in sorted(own)}
    found: dict[str, list[Jump]] = {chain: [] for chain in jumps if chain in BUILT_IN[name] or chain in chains}
    lengths = dict.fromkeys(found, 0)
    shared: set[str] = set()
    for chain, rule in rules:
        if chain in ours:
            ours[chain].append(rule)
            continue
        if chain in found:
            lengths[chain] += 1
            if rule in jumps[chain]:
                found[chain].append(Jump(rule, lengths[chain]))
                continue
            shared.add(chain)
        shared.add(target_of(rule))
    return Table(
        chains={chain: tuple(each) for chain, each in ours.items()},
        jumps={chain: tuple(each) for chain, each in found.items()},
        shared=frozenset(shared & (ours.keys() | found.keys() - BUILT_IN[name])),
        lengths=lengths,
    )


def same_rules(one: Iterable[str], other: Iterable[str]) -> bool:
    """Whether two chains have the same rules, but for the order of neighbours with one verdict: it decides nothing."""
    return _in_one_order(one) == _in_one_order(other)


def _in_one_order(rules: Iterable[str]) -> list[str]:
    ordered: list[str] = []
    for verdict, neighbours in groupby(rules, _verdict):
        run = list(neighbours)
        ordered += sorted(run) if verdict else run
    return ordered


def _verdict(rule: str) -> str:
    found = _COMMUTING.search(rule)
    return found[0] if found else ""


def as_wanted(actual: Table, wanted: Table) -> Table:
    """The table, with chains that have the wanted rules written as they are wanted."""
    chains = {
        chain: wanted.chains[chain] if chain in wanted.chains and same_rules(rules, wanted.chains[chain]) else rules
        for chain, rules in actual.chains.items()
    }
    return replace(actual, chains=chains)


def left_over_chains(actual: Table, wanted: Table) -> list[str]:
    """The own chains that are not wanted, but for those that other people's rules lead to, by whatever way."""
    kept = [chain for chain in actual.shared if chain not in wanted.chains]
    for chain in kept:
        kept += {target_of(rule) for rule in actual.chains.get(chain, ())} - {*kept}
    return [chain for chain in actual.chains if chain not in wanted.chains and chain not in kept]


def change_text(name: str, actual: Table, wanted: Table) -> str:
    """The text for `iptables-restore --noflush` that makes a table the wanted one; "" if it is."""
    filled = [chain for chain, rules in wanted.chains.items() if actual.chains.get(chain) != rules]
    gone = left_over_chains(actual, wanted)
    made = [chain for chain in wanted.jumps if chain not in actual.jumps and chain not in BUILT_IN[name]]
    emptied = [chain for chain in actual.jumps if chain not in wanted.jumps and chain not in BUILT_IN[name]]
    removed: list[str] = []
    added: list[str] = []
    for chain in sorted(actual.jumps.keys() | wanted.jumps.keys()):
        minus, plus = _jump_changes(
            actual.jumps.get(chain, ()), wanted.jumps.get(chain, ()), actual.lengths.get(chain, 0)
        )
        removed += (f"-D {chain} {rule}" for rule in minus)
        added += (f"-A {chain} {rule}" if at == END else f"-I {chain} {at} {rule}" for rule, at in plus)
    lines = [
        *(f":{chain} - [0:0]" for chain in filled),
        *(f"-N {chain}" for chain in made),
        *removed,
        *(f"-F {chain}" for chain in gone),
        *(f"-A {chain} {rule}" for chain in filled for rule in wanted.chains[chain]),
        *added,
        *(f"-X {chain}" for chain in [*(chain for chain in emptied if chain not in actual.shared), *gone]),
    ]
    return "".join(f"{line}\n" for line in (f"*{name}", *lines, "COMMIT")) if lines else ""


def _jump_changes(
    actual: tuple[Jump, ...], wanted: tuple[Jump, ...], length: int
) -> tuple[list[str], list[tuple[str, int]]]:
    """The jumps to delete from a chain of so many rules, one for each time; and those to insert, where."""
    there, asked = [jump.rule for jump in actual], [jump.rule for jump in wanted]
    extra = [rule for rule in there if rule not in asked]
    if [rule for rule in there if rule in asked] == asked:
        return extra, []
    if all(jump.position == END for jump in wanted):
        once = list(dict.fromkeys(rule for rule in there if rule in asked))
        if once == asked[: len(once)]:
            surplus = [rule for rule in once for _ in range(there.count(rule) - 1)]
            return extra + surplus, [(rule, END) for rule in asked[len(once) :]]
    room = length - len(there)
    # Somebody may have taken rules away since the positions were told.
    places = [(jump.rule, min(jump.position, room + before)) for before, jump in enumerate(wanted, 1)]
    return there, places


def change_commands(system_iptables: str, text: str) -> tuple[Command, ...]:
    """The command that loads a text of `change_text`."""
    return (Command((f"{system_iptables}-restore", "--noflush", "--wait"), text),) if text else ()
