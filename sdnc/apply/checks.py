"""Checks of what comes from a file: the applier is a process of root's, and takes nothing for granted."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Interface, IPv4Network


class BadText(ValueError):
    """A text is not as it has to be; the message tells where and how, in one line."""


def load_json(text: str) -> object:
    """The value in a JSON text (RFC 8259).  Raises `BadText`; a name that comes twice is a fault, too."""

    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        members = dict(pairs)
        if len(members) != len(pairs):
            raise BadText("a name comes twice in one object")
        return members

    try:
        return json.loads(text, object_pairs_hook=unique)
    except BadText:
        raise
    except (RecursionError, ValueError) as reason:  # ValueError: also a number of thousands of digits
        raise BadText(f"it is no JSON: {reason}") from reason


class Members:
    """The members of an object, each of which is asked for once."""

    def __init__(self, where: str, value: object) -> None:
        if not isinstance(value, dict):
            raise BadText(f"{where} is no object")
        self._where = where
        self._left: dict[str, object] = dict(value)

    def take(self, name: str) -> object:
        if name not in self._left:
            raise BadText(f"{self._where} has no {name}")
        return self._left.pop(name)

    def end(self) -> None:
        """All that is there has been asked for."""
        for name in self._left:
            raise BadText(f"{self._where} has {name!a}, which is not known")

    def names(self) -> tuple[str, ...]:
        return tuple(self._left)

    def number(self, name: str, allowed: range) -> int:
        value = self.take(name)
        if type(value) is not int or value not in allowed:
            raise BadText(f"{self._where}: {name!a} is no number from {allowed.start} to {allowed.stop - 1}")
        return value

    def text(self, name: str, is_good: Callable[[str], bool]) -> str:
        value = self.take(name)
        if not isinstance(value, str) or not is_good(value):
            raise BadText(f"{self._where}: {value!a} is nothing that {name!a} may be")
        return value

    def texts(self, name: str, is_good: Callable[[str], bool]) -> tuple[str, ...]:
        values = self.take(name)
        if not isinstance(values, list):
            raise BadText(f"{self._where}: {name!a} is no list")
        for value in values:
            if not isinstance(value, str) or not is_good(value):
                raise BadText(f"{self._where}: {value!a} is nothing that may be in {name!a}")
        if len(set(values)) != len(values):
            raise BadText(f"{self._where}: {name!a} has something twice")
        return tuple(values)

    def mapping(self, name: str) -> dict[str, object]:
        value = self.take(name)
        if not isinstance(value, dict):
            raise BadText(f"{self._where}: {name!a} is no object")
        return value


def matching(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    """Whether a whole text is as a pattern tells."""
    return lambda text: pattern.fullmatch(text) is not None


def canonical(kind: type[IPv4Address | IPv4Interface | IPv4Network]) -> Callable[[str], bool]:
    """Whether a text is an address or network in the one way to write it."""

    def is_good(text: str) -> bool:
        try:
            return str(kind(text)) == text
        except ValueError:
            return False

    return is_good
