"""Looks names up side by side: all of them once, or each again whenever its TTL ends (EF-09)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from attrs import define, field

from sdnc.resolve.answer import UNKNOWN_TTL, LookupFailed
from sdnc.resolve.lookup import Answer, Family, Question, Resolver

SHORTEST_PAUSE = 1.0
"""Seconds between two lookups of a name, at least."""

LONGEST_RETRY = float(UNKNOWN_TTL)
"""Seconds until a lookup that failed is tried again, at most."""

LONGEST_PAUSE = 7 * 24 * 3600.0
"""Seconds that a TTL counts, at most (RFC 8767, section 4); without it a name would never be looked up again."""

_GATHERED = 0.1
"""Seconds in which changes are gathered before the lock file is written."""

_AT_ONCE = 100
"""Lookups at one time.  Less than the 150 questions that dnsmasq passes on at one time, and than the files that a
process may open."""

_AGAIN_AT_ONCE = 20
"""As many more, of names whose last lookup failed: so names whose servers are silent do not delay the others."""


@define
class Session:
    """The names, the answers so far, and which lookups fail at present.

    `tell` is called with a line for each lookup that begins to fail and for each that works again.
    """

    names: Sequence[str]
    resolver: Resolver
    tell: Callable[[str], None]
    answers: dict[Question, Answer] = field(factory=dict)
    _failures: dict[Question, int] = field(factory=dict)
    """How often in a row a lookup has failed."""
    _slots: asyncio.Semaphore = field(factory=lambda: asyncio.Semaphore(_AT_ONCE))
    _slots_again: asyncio.Semaphore = field(factory=lambda: asyncio.Semaphore(_AGAIN_AT_ONCE))

    def questions(self) -> list[Question]:
        """What is asked: of each name the addresses of both families."""
        return [Question(name, family) for name in self.names for family in Family]

    @property
    def unresolved(self) -> list[str]:
        """The names whose last lookup of IPv4 addresses failed."""
        return [name for name in self.names if Question(name, Family.IPV4) in self._failures]

    async def once(self, progress: Callable[[], None]) -> None:
        """Looks every name up, and calls `progress` after each of the `questions`."""

        async def ask(question: Question) -> None:
            await self._look_up(question)
            progress()

        await asyncio.gather(*map(ask, self.questions()))

    async def for_ever(self, changed: Callable[[], object]) -> None:
        """Looks every name up again and again, and calls `changed` at the start, and after answers that changed."""
        news = asyncio.Event()
        news.set()

        async def follow(question: Question) -> None:
            while True:
                before = self.answers.get(question)
                pause = await self._look_up(question)
                after = self.answers.get(question)
                if after and (before is None or before.addresses != after.addresses):
                    news.set()
                await asyncio.sleep(pause)

        async def report() -> None:
            while True:
                await news.wait()
                await asyncio.sleep(_GATHERED)
                news.clear()
                changed()

        await asyncio.gather(report(), *map(follow, self.questions()))

    async def _look_up(self, question: Question) -> float:
        """Looks up, and returns the seconds until the next time."""
        failures = self._failures.get(question, 0)
        async with self._slots_again if failures else self._slots:
            try:
                answer = await self.resolver.lookup(question)
            except LookupFailed as reason:
                self._failures[question] = failures + 1
                if not failures:
                    self.tell(f"{_title(question)}: {reason}; what the lock file has of it stays")
                return pause_after_failures(failures + 1)
        if self._failures.pop(question, 0):
            self.tell(f"{_title(question)}: resolved again")
        self.answers[question] = answer
        return pause_after_answer(answer.ttl)


def pause_after_answer(ttl: int) -> float:
    """Seconds until a name is looked up again; `ttl` is that of the answer."""
    return min(max(ttl, SHORTEST_PAUSE), LONGEST_PAUSE)


def pause_after_failures(count: int) -> float:
    """Seconds until a lookup that has failed `count` times in a row is tried again: 1, 2, 4 and so on."""
    # The exponent ends, too: 2.0**1024 is no number.
    return min(2.0 ** min(count - 1, 16), LONGEST_RETRY)


def _title(question: Question) -> str:
    return f"{question.name} ({question.family.value.name})"
