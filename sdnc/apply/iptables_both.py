"""What an old and a new table forbid together: the table that is in force while flows and addresses change.

A packet may pass at no time of a change unless the old rules let it pass, or the new ones; and while some of what
decides is old and some is new, only what both let pass may.  So a table goes from "old" to "both" before the flows
change, and from "both" to "new" after it.  A chain does one of three things with a packet: it denies it, leaves it to
the rules behind, or accepts it.  "Both" does the least of what old and new do, in this order.

How a chain of the tables raw, mangle and filter gets there:

* Without ACCEPT, what both do is to ask one chain, then the other.  What RETURN ends must be the old rules only, so
  those go to a chain of their own, `SDNC-OLD-…`.  Rules with which old and new begin alike, or end alike, stand there
  once: the counts of limits among them go on as if nothing happened.
* With ACCEPT, which ends all, each is asked with RETURN in its place.  What neither denies is accepted where a rule of
  the old leads to one of the new.

The rules of nat deny nothing: there, new and old translations stand side by side, and the new decide.  So do marks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from hashlib import sha256

from sdnc.apply.iptables import OWN, left_over_chains, target_of
from sdnc.apply.rule_text import TARGETS
from sdnc.apply.state import END, Jump, Table

TEMPORARY = f"{OWN}OLD-"
"""The beginning of the names of chains that are there while a table is "both".  Sixteen hexadecimal digits follow,
derived from what is in the chain: what a run that was killed has left is never taken for something else.
"""

_FIRST = ("SNAT", "DNAT", "RETURN")
"""Targets of the rules that nat asks before it does what it does with all the rest."""


def both(name: str, actual: Table, wanted: Table) -> Table:
    """The table that denies what either denies and accepts what both accept."""
    known = TARGETS | actual.chains.keys() | wanted.chains.keys()
    left_over = left_over_chains(actual, wanted)
    made = _Chains()
    chains: dict[str, tuple[str, ...]] = {}
    for chain in [*wanted.chains, *(chain for chain in actual.chains if chain not in wanted.chains)]:
        if chain not in wanted.chains and chain not in left_over:
            continue  # somebody else's rules lead to it
        # Without all its jumps a chain decides nothing.
        old = actual.chains.get(chain, ()) if _leads_to(chain, wanted, actual) else ()
        new = wanted.chains.get(chain, ()) if _leads_to(chain, actual, wanted) else ()
        if old == new:
            chains[chain] = wanted.chains.get(chain, actual.chains.get(chain, ()))
            continue
        # What leads elsewhere was put there by hand, and nobody knows what it would accept.
        old = tuple(rule for rule in old if target_of(rule) in known)
        chains[chain] = tuple(_translating(old, new) if name == "nat" else made.judging(old, new))
    jumps = {
        chain: _jumps(actual.jumps.get(chain), wanted.jumps.get(chain))
        for chain in dict.fromkeys([*actual.jumps, *wanted.jumps])
    }
    return replace(actual, chains=chains | made.temporary, jumps=jumps)


def _leads_to(chain: str, asked: Table, table: Table) -> bool:
    """Whether a table has all jumps to the chain that another one has."""
    return all(
        any(jump.rule == there.rule for there in table.jumps.get(place, ()))
        for place, jumps in asked.jumps.items()
        for jump in jumps
        if target_of(jump.rule) == chain
    )


def _jumps(actual: tuple[Jump, ...] | None, wanted: tuple[Jump, ...] | None) -> tuple[Jump, ...]:
    """Those that are wanted, and those that are there; where they are there as they are wanted, nothing moves."""
    there, asked = actual or (), [jump.rule for jump in wanted or ()]
    if [jump.rule for jump in there if jump.rule in asked] == asked:
        return there
    behind = END if any(jump.position == END for jump in wanted or ()) else len(asked) + 1
    return (*(wanted or ()), *(Jump(jump.rule, behind) for jump in there if jump.rule not in asked))


def _translating(old: Sequence[str], new: Sequence[str]) -> list[str]:
    """The rules of nat: what is about few packets before what is about all the rest."""
    rules = [*new, *(rule for rule in old if rule not in new)]
    return sorted(rules, key=lambda rule: target_of(rule) not in _FIRST)


class _Chains:
    """Makes chains of judging rules, and temporary ones that they lead to."""

    def __init__(self) -> None:
        self.temporary: dict[str, tuple[str, ...]] = {}

    def judging(self, old: Sequence[str], new: Sequence[str]) -> list[str]:
        """The rules of a chain that does the least of what two do."""
        if not old or not new:
            return _without_accept([*old, *new])
        if not any(target_of(rule) == "ACCEPT" for rule in (*old, *new)):
            return self._one_behind_the_other(list(old), list(new))
        parts = _in_parts(old), _in_parts(new)
        if parts[0] and parts[1]:
            return self._side_by_side(*parts[0], *parts[1])
        return self._accepted_by_both(old, new)

    def _one_behind_the_other(self, old: list[str], new: list[str]) -> list[str]:
        """Two chains that accept nothing."""
        begin = _common(old, new)
        old, new = old[len(begin) :], new[len(begin) :]
        end = _common(old[::-1], new[::-1])[::-1]
        old, new = old[: len(old) - len(end)], new[: len(new) - len(end)]
        # Where the new rules return before the common end, the old ones still have to come there.
        first = old + (end if _returns(new) else [])
        if _returns(first):
            first = [f"-j {self._chain(first)}"]
        elif not _returns([*new, *end]):
            first = [rule for rule in first if rule not in new and rule not in end]
        return [*begin, *first, *new, *end]

    def _side_by_side(
        self, old_denies: list[str], old_accepts: list[str], new_denies: list[str], new_accepts: list[str]
    ) -> list[str]:
        """Two chains that deny first and accept then: the union of the one, the intersection of the other."""
        if set(new_denies) <= set(old_denies):
            denies = old_denies
        else:
            denies = [*new_denies, *(rule for rule in old_denies if rule not in new_denies)]
        accepts = [rule for rule in new_accepts if rule in old_accepts]
        only_old = [rule for rule in old_accepts if rule not in accepts]
        only_new = [rule for rule in new_accepts if rule not in accepts]
        if only_old and only_new:
            accepts += (_leading_to(rule, self._chain(only_new)) for rule in only_old)
        return [*denies, *accepts]

    def _accepted_by_both(self, old: Sequence[str], new: Sequence[str]) -> list[str]:
        """Any two chains."""
        accepting = self._chain(rule for rule in new if target_of(rule) in ("ACCEPT", "RETURN"))
        return [
            *(f"-j {self._chain(_without_accept(rules))}" for rules in (old, new)),
            *(
                _leading_to(rule, accepting) if target_of(rule) == "ACCEPT" else rule
                for rule in old
                if target_of(rule) in ("ACCEPT", "RETURN")
            ),
        ]

    def _chain(self, rules: Iterable[str]) -> str:
        """The name of a temporary chain with these rules."""
        kept = tuple(rules)
        name = TEMPORARY + sha256("\n".join(kept).encode()).hexdigest()[:16]
        self.temporary[name] = kept
        return name


def _without_accept(rules: Iterable[str]) -> list[str]:
    return [_leading_to(rule, "RETURN") if target_of(rule) == "ACCEPT" else rule for rule in rules]


def _leading_to(rule: str, target: str) -> str:
    """An accepting rule with another target, which stands at the end of it."""
    return rule.removesuffix("-j ACCEPT") + f"-j {target}"


def _returns(rules: Iterable[str]) -> bool:
    return any(target_of(rule) == "RETURN" for rule in rules)


def _common(one: Sequence[str], other: Sequence[str]) -> list[str]:
    """What two lists begin with alike."""
    length = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return list(one[:length])


def _in_parts(rules: Sequence[str]) -> tuple[list[str], list[str]] | None:
    """What a chain denies and what it accepts, if it is in this order; None otherwise."""
    accepts = [rule for rule in rules if target_of(rule) == "ACCEPT"]
    denies = list(rules[: len(rules) - len(accepts)])
    return None if _returns(rules) or any(target_of(rule) == "ACCEPT" for rule in denies) else (denies, accepts)
