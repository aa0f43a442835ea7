"""Near misses: the "did you mean" of a diagnostic."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

from attrs import frozen

MAX_LENGTH = 64
MAX_KNOWN = 10_000
MAX_COMPARED = 500


@frozen
class Hint:
    """A suggestion that is looked for when its text is asked for: a diagnostic that is not kept costs none."""

    word: str
    known: Collection[str]

    def __str__(self) -> str:
        # Comparing costs the product of the lengths, so long words and long lists are left out.
        if len(self.word) > MAX_LENGTH or len(self.known) > MAX_KNOWN:
            return ""
        comparable = self._comparable()
        if len(comparable) > MAX_COMPARED:  # so many look alike that one of them is a guess
            return ""
        close = get_close_matches(self.word, sorted(comparable), n=1)
        return f"; did you mean {close[0]!r}?" if close else ""

    def _comparable(self) -> Collection[str]:
        """Of many words those that differ in one half only, as they do after one slip of the fingers."""
        if len(self.known) <= MAX_COMPARED:
            return self.known
        middle = len(self.word) // 2
        head, tail = self.word[:middle], self.word[middle:]
        return [word for word in self.known if word.startswith(head) or word.endswith(tail)]


def did_you_mean(word: str, known: Collection[str]) -> Hint:
    """`; did you mean 'shop'?`, as a text, if a known word is close to `word`, else nothing."""
    return Hint(word, known)
