"""Lists of which the first match decides, over one dimension: who decides where.

A list of 10,000 networks is a function on addresses with at most 20,001 pieces.  One sweep over the sorted bounds
finds them: whoever is first in the list among those in force decides, up to the next bound.  Two such functions are
laid over each other in one walk, so that a list of which a part holds at some ports only need not be swept again for
each port.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from heapq import heappop, heappush

from attrs import frozen

Entry = tuple[int, int, int]
"""Numbers `first` to `last`, and the position in the list of the rule that speaks of them."""


@frozen(slots=True)
class Steps:
    """A function on the numbers from 0: `rules[i]` from `starts[i]` to before `starts[i + 1]`, the last one for ever.

    `starts[0]` is 0, neighbours differ.
    """

    starts: tuple[int, ...]
    rules: tuple[int, ...]

    def between(self, first: int, last: int) -> tuple[int, ...]:
        """Who decides the numbers from `first` to `last`, in their order."""
        return self.rules[bisect_right(self.starts, first) - 1 : bisect_right(self.starts, last)]

    def overlaid(self, other: Steps, nobody: int) -> Steps:
        """The lower of both at each number; `nobody`, higher than every rule, is where no rule decides."""
        starts: list[int] = []
        rules: list[int] = []
        for start, end, rule in zip(other.starts, (*other.starts[1:], None), other.rules, strict=True):
            low = bisect_right(self.starts, start)
            high = len(self.starts) if end is None else bisect_left(self.starts, end)
            begins, ours = (start, *self.starts[low:high]), self.rules[low - 1 : high]
            if rule == nobody:
                # Taken as it is: neighbours in it differ already.
                joined = rules[-1:] == [ours[0]]
                starts += begins[joined:]
                rules += ours[joined:]
                continue
            for begin, one in zip(begins, ours, strict=True):
                lower = min(one, rule)
                if rules[-1:] != [lower]:
                    starts.append(begin)
                    rules.append(lower)
        return Steps(tuple(starts), tuple(rules))


def first_match(entries: Iterable[Entry], nobody: int) -> Steps:
    """Who decides where: of those that speak of a number the lowest, and `nobody`, higher than all, where none does."""
    ordered = sorted(entries)
    bounds = sorted({0, *(first for first, _, _ in ordered), *(last + 1 for _, last, _ in ordered)})
    starts: list[int] = []
    rules: list[int] = []
    in_force: list[tuple[int, int]] = []
    begun = 0
    for bound in bounds:
        while begun < len(ordered) and ordered[begun][0] == bound:
            _, last, rule = ordered[begun]
            heappush(in_force, (rule, last))
            begun += 1
        # One that has ended matters only when it would decide; until then it may stay in the heap.
        while in_force and in_force[0][1] < bound:
            heappop(in_force)
        decides = in_force[0][0] if in_force else nobody
        if not rules or rules[-1] != decides:
            starts.append(bound)
            rules.append(decides)
    return Steps(tuple(starts), tuple(rules))
