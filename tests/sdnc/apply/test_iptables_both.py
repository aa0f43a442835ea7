"""What old and new rules forbid together: never more open than either, never more closed than one of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdnc.apply.iptables_both import both
from sdnc.apply.state import END, Jump, Table
from tests.sdnc.apply.chains import Packet, Verdict, decided, rule

CHAIN, REJECT, LIMIT, OTHER = "OPENSHIFT-FORWARD", "SDNC-ADMIN-REJECT", "SDNC-LIMIT-1", "SDNC-LIMIT-2"
JUMP = rule(None, CHAIN)
SUB = {REJECT: ("-j REJECT",), LIMIT: (rule(0, REJECT),), OTHER: (rule(1, "RETURN"), rule(2, "DROP"))}
"""Chains that others lead to; they are the same in old and new."""

MATCHES = (0, 1, 2, 3)
PACKETS: tuple[Packet, ...] = tuple(
    frozenset(each) for count in range(len(MATCHES) + 1) for each in combinations(MATCHES, count)
)

JUDGING = ("ACCEPT", "DROP", "RETURN", REJECT, LIMIT, OTHER, "LOG")
rules = st.lists(st.builds(rule, st.sampled_from((*MATCHES, None)), st.sampled_from(JUDGING)), max_size=6)


def table(chain: Sequence[str] | None, jumps: Sequence[str] = (JUMP,)) -> Table:
    """A filter table with such a chain, and jumps to it from FORWARD."""
    chains = SUB if chain is None else {**SUB, CHAIN: tuple(chain)}
    return Table(chains, {"FORWARD": tuple(Jump(each, at) for at, each in enumerate(jumps, 1))})


def _two_chains(admin: Sequence[str], forward: Sequence[str]) -> Table:
    """A table whose FORWARD leads to a chain of administrator's rules, then to another."""
    accepts_nothing = tuple(each for each in admin if not each.endswith("ACCEPT"))
    chains = {**SUB, "SDNC-ADMIN-RULES": accepts_nothing, CHAIN: tuple(forward)}
    return Table(chains, {"FORWARD": (Jump("-j SDNC-ADMIN-RULES", 1), Jump(JUMP, 2))})


def verdicts(state: Table) -> list[Verdict]:
    return [decided(state, "FORWARD", packet) for packet in PACKETS]


def least(old: Table, new: Table) -> list[Verdict]:
    return [min(pair) for pair in zip(verdicts(old), verdicts(new), strict=True)]


class TestExact:
    @settings(max_examples=400)
    @given(old=rules, new=rules)
    def test_both_do_the_least_of_what_old_and_new_do(self, old: list[str], new: list[str]) -> None:
        before, after = table(old), table(new)

        together = both("filter", before, after)

        assert verdicts(together) == least(before, after)

    def test_all_pairs_of_short_chains(self) -> None:
        targets = [rule(match, target) for match in (0, 1) for target in ("ACCEPT", "DROP", "RETURN")]
        short = [chain for length in range(3) for chain in product(targets, repeat=length)]

        wrong = [
            (old, new)
            for old, new in product(short, repeat=2)
            if verdicts(both("filter", table(old), table(new))) != least(table(old), table(new))
        ]

        assert (len(short), wrong) == (43, [])

    @settings(max_examples=150)
    @given(begin=rules, old=rules, new=rules, end=rules)
    def test_chains_that_begin_and_end_alike(
        self, begin: list[str], old: list[str], new: list[str], end: list[str]
    ) -> None:
        before, after = table(begin + old + end), table(begin + new + end)

        assert verdicts(both("filter", before, after)) == least(before, after)

    @given(chain=rules)
    @pytest.mark.parametrize("gone", [None, ()], ids=["no chain", "an empty chain"])
    def test_what_comes_or_goes_as_a_whole_denies_and_accepts_nothing(
        self, gone: Sequence[str] | None, chain: list[str]
    ) -> None:
        without = table(gone, jumps=() if gone is None else (JUMP,))

        coming, going = both("filter", without, table(chain)), both("filter", table(chain), without)

        assert verdicts(coming) == verdicts(going) == [min(each, Verdict.ON) for each in verdicts(table(chain))]

    @given(old=rules, new=rules)
    def test_a_chain_without_its_jump_decides_nothing(self, old: list[str], new: list[str]) -> None:
        flushed = table(old, jumps=())

        assert verdicts(both("filter", flushed, table(new))) == least(flushed, table(new))

    @given(old=st.tuples(rules, rules), new=st.tuples(rules, rules))
    def test_a_chain_that_accepts_nothing_before_one_that_does(
        self, old: tuple[list[str], list[str]], new: tuple[list[str], list[str]]
    ) -> None:
        before, after = (_two_chains(*chains) for chains in (old, new))

        assert verdicts(both("filter", before, after)) == least(before, after)

    @settings(max_examples=150)
    @given(first=rules, second=rules, third=rules)
    def test_after_a_run_that_was_killed_nothing_opens(
        self, first: list[str], second: list[str], third: list[str]
    ) -> None:
        left = both("filter", table(first), table(second))

        again = both("filter", left, table(third))

        bound = zip(verdicts(left), verdicts(table(third)), strict=True)
        assert all(each <= min(pair) for each, pair in zip(verdicts(again), bound, strict=True))


class TestFew:
    """Nothing stands there twice that need not, so that counts go on and most changes take one commit."""

    def test_what_does_not_differ_is_not_touched(self) -> None:
        state = table([rule(0, "RETURN"), rule(1, LIMIT)])

        assert both("filter", state, state) == state

    def test_a_limit_that_stays_counts_a_packet_once(self) -> None:
        old = table([rule(0, LIMIT), rule(1, "RETURN"), rule(2, "DROP")])
        new = table([rule(0, LIMIT), rule(1, "RETURN"), rule(3, "RETURN")])

        together = both("filter", old, new)

        assert sum(each.endswith(LIMIT) for each in (line for rules in together.chains.values() for line in rules)) == 1

    def test_a_limit_behind_what_changes_counts_a_packet_once(self) -> None:
        old, new = table([rule(1, "DROP"), rule(0, LIMIT)]), table([rule(2, "DROP"), rule(0, LIMIT)])

        together = both("filter", old, new)

        assert together.chains[CHAIN] == (rule(1, "DROP"), rule(2, "DROP"), rule(0, LIMIT))

    def test_another_denial_is_one_commit(self) -> None:
        old = table([rule(0, "REJECT"), rule(1, "ACCEPT")])
        new = table([rule(2, "REJECT"), rule(0, "REJECT"), rule(1, "ACCEPT")])

        assert both("filter", old, new).chains == new.chains
        assert both("filter", new, old).chains == new.chains

    def test_rules_without_return_take_no_chain_of_their_own(self) -> None:
        old, new = table([rule(0, "DROP")]), table([rule(1, "DROP")])

        assert both("filter", old, new).chains == {**SUB, CHAIN: (rule(0, "DROP"), rule(1, "DROP"))}


def test_marks_of_old_and_new_stand_together_and_the_new_decide() -> None:
    old = table(["--mac 1 -j MARK --set-xmark 0x1", "--mac 2 -j MARK --set-xmark 0x2"])
    new = table(["--mac 1 -j MARK --set-xmark 0x9", "--mac 3 -j MARK --set-xmark 0x3"])

    assert both("mangle", old, new).chains[CHAIN] == (*old.chains[CHAIN], *new.chains[CHAIN])


def test_translations_of_old_and_new_come_before_what_is_for_all_the_rest() -> None:
    rest = "-s 10.128.0.0/14 -j SDNC-REST"
    old = Table({CHAIN: ("--mark 1 -j SNAT --to-source 192.0.2.1", rest)}, {})
    new = Table({CHAIN: ("--mark 2 -j SNAT --to-source 192.0.2.2", rest)}, {})

    assert both("nat", old, new).chains[CHAIN] == (new.chains[CHAIN][0], old.chains[CHAIN][0], rest)


def test_rules_that_lead_to_others_chains_are_gone_while_both_are_in_force() -> None:
    old, new = table(["-j STRANGERS", rule(0, "DROP")]), table([rule(0, "DROP")])

    assert both("filter", old, new).chains == new.chains


def test_chains_that_others_lead_to_stay() -> None:
    old = Table({"SDNC-LIMIT-9": ("-j DROP",)}, {}, shared=frozenset(["SDNC-LIMIT-9"]))

    assert both("filter", old, Table()).chains == {}


def test_jumps_stay_where_they_are_or_come_on_top_with_the_old_ones_behind() -> None:
    old = Table({}, {"FORWARD": (Jump("-j OPENSHIFT-A", 3), Jump("-j OPENSHIFT-OLD", 5))})
    same = Table({}, {"FORWARD": (Jump("-j OPENSHIFT-A", 1),)})
    other = Table({}, {"FORWARD": (Jump("-j OPENSHIFT-B", 1), Jump("-j OPENSHIFT-A", 2))})
    at_end = Table({}, {"OPENSHIFT-ADMIN": (Jump("-j SDNC-A", END),)})

    assert both("filter", old, same).jumps == old.jumps
    assert both("filter", old, other).jumps["FORWARD"] == (*other.jumps["FORWARD"], Jump("-j OPENSHIFT-OLD", 3))
    assert both("filter", old, at_end).jumps == {**old.jumps, **at_end.jumps}
