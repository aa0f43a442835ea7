"""A small model of an iptables table: what its rules do with a packet, and what iptables-restore does with its rules.

A packet is the set of numbers that it matches; a rule "-m mark --mark 3 -j DROP" asks for 3, a rule without match takes
every packet.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import IntEnum

from sdnc.apply.iptables import own_table, target_of
from sdnc.apply.rule_text import BUILT_IN
from sdnc.apply.state import Scope, Table

Rules = Mapping[str, Sequence[str]]
Packet = frozenset[int]


class Verdict(IntEnum):
    """What becomes of a packet; the higher, the more is let pass. ON: what stands behind decides."""

    DENY = 0
    ON = 1
    ACCEPT = 2


def rule(match: int | None, target: str) -> str:
    return f"-j {target}" if match is None else f"-m mark --mark {match} -j {target}"


def verdict(rules: Rules, chain: str, packet: Packet) -> Verdict:
    """What a chain does with a packet, by the book: the rules in order, chains that they lead to, and back."""
    for each in rules.get(chain, ()):
        asked = re.search(r"--mark (\d+)", each)
        if asked and int(asked[1]) not in packet:
            continue
        match target_of(each):
            case "ACCEPT":
                return Verdict.ACCEPT
            case "DROP" | "REJECT":
                return Verdict.DENY
            case "RETURN":
                return Verdict.ON
            case "LOG" | "MARK" | "CT":
                continue
            case other:
                found = verdict(rules, other, packet)
                if found != Verdict.ON:
                    return found
    return Verdict.ON


def decided(table: Table, chain: str, packet: Packet) -> Verdict:
    """What becomes of a packet that comes to a built-in chain of which only sdnc's jumps are known."""
    jumps = {name: [jump.rule for jump in each] for name, each in table.jumps.items()}
    return verdict({**table.chains, **jumps}, chain, packet)


class Tables:
    """The rules of one table, all people's, as they come and go by texts for `iptables-restore --noflush`."""

    def __init__(self, name: str, rules: Rules) -> None:
        self.name = name
        self.rules: dict[str, list[str]] = {chain: [] for chain in BUILT_IN[name]}
        self.rules |= {chain: list(each) for chain, each in rules.items()}

    def restore(self, text: str) -> None:
        """Load a text as iptables-restore does, and refuse what it refuses."""
        rules = {chain: list(each) for chain, each in self.rules.items()}
        first, *lines, last = text.splitlines()
        assert (first, last) == (f"*{self.name}", "COMMIT")
        for line in lines:
            command, _, rest = line.partition(" ")
            chain, _, words = rest.partition(" ")
            if line.startswith(":"):
                rules[command[1:]] = []
            elif command == "-N":
                assert chain not in rules
                rules[chain] = []
            elif command == "-F":
                rules[chain].clear()
            elif command == "-X":
                assert not rules[chain], f"{chain} is not empty"
                leading = [each for name in rules for each in rules[name] if target_of(each) == chain]
                assert not leading, f"{chain} is referred to"
                del rules[chain]
            elif command == "-D":
                rules[chain].remove(words)
            elif command == "-A":
                rules[chain].append(words)
            else:
                assert command == "-I"
                position, _, words = words.partition(" ")
                assert 1 <= int(position) <= len(rules[chain]) + 1
                rules[chain].insert(int(position) - 1, words)
        for name, each in rules.items():
            for one in each:
                target = target_of(one)
                assert target in rules or re.fullmatch("[A-Z]+", target), f"{name} leads to {target}"
        self.rules = rules

    def own(self, scope: Scope) -> Table:
        """The part that is sdnc's."""
        pairs = [(chain, each) for chain, rules in self.rules.items() for each in rules]
        return own_table(self.name, list(self.rules), pairs, scope)

    def others(self, scope: Scope) -> dict[str, list[str]]:
        """The part that is not."""
        own = self.own(scope)
        return {
            chain: [each for each in rules if each not in scope.jumps[self.name].get(chain, ())]
            for chain, rules in self.rules.items()
            if chain not in own.chains
        }
