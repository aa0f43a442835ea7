"""Single values of the language, checked: words to names, addresses, networks, numbers, labels and selectors.

Each method reports what is wrong with a word, at the word, and returns None then (or leaves the part out), so
that the caller goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from attrs import frozen

from compiler import codes
from compiler.diagnostics import Code, Diagnostics, Related
from compiler.origin import Origin, Source, Span
from compiler.values import names
from compiler.values.labels import Labels, Operator, Requirement, Selector
from compiler.values.prefix import WIDTH, Prefix, parse_address
from grammar import syntax
from grammar.syntax import Place, Word

MAX_DIGITS = 10
"""Digits of a number; more are out of every range, and converting very many takes long."""

Refuse = Callable[[str], str | None]
T = TypeVar("T")

_KEYWORDS = {
    "OnNode": "node",
    "ServiceNetwork": "services",
    "VxlanPort": "vxlan-port",
    "OfPort": "of-port",
    "EgressIp": "egress-ip",
    "EgressCidr": "egress-cidr",
    "AllowHostnameChanges": "allow-hostname-changes",
    "HostNetwork": "host-network",
    "OnNodes": "nodes",
    "ConfigMap": "config-map",
    "HttpProxy": "http-proxy",
    "DnsProxy": "dns-proxy",
}
_REPEATABLE = (syntax.PodNetwork, syntax.NamedPort, syntax.ServicePort, syntax.Redirect, syntax.AdminRule)


def first(items: Iterable[object], kind: type[T]) -> T | None:
    """The first item of a block that is of a kind."""
    return next((item for item in items if isinstance(item, kind)), None)


def digits(text: str) -> int | None:
    """The decimal number that a text is, or None."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS else None


@frozen
class Border:
    """The checks of one file's values: where the file's places are, and where to report."""

    source: Source
    diagnostics: Diagnostics

    def origin(self, place: Place) -> Origin:
        """A place of the syntax tree as an origin."""
        return Origin(self.source, Span(place.line, place.column, place.end_column))

    def report(self, code: Code, place: Place, *, related: tuple[Related, ...] = (), **fields: object) -> None:
        """Reports something at a place of the file."""
        self.diagnostics.report(code, self.origin(place), related=related, **fields)

    def once(self, what: str, items: Iterable[syntax.Item]) -> None:
        """Reports items of a block that may not be there twice but are; `what` is whose block it is."""
        seen: dict[type, Place] = {}
        for item in items:
            if isinstance(item, _REPEATABLE):
                continue
            before = seen.setdefault(type(item), item.place)
            if before is not item.place:
                kind = type(item).__name__
                keyword = _KEYWORDS.get(kind, kind.lower())
                related = (Related("first defined here", self.origin(before)),)
                self.report(codes.DUPLICATE, item.place, related=related, what=f"{keyword} of", name=what)

    def name(self, word: Word, what: str, refuse: Refuse) -> str | None:
        """The word as a name; reports BAD_NAME."""
        if reason := refuse(word.text):
            self.report(codes.BAD_NAME, word.place, what=what, name=word.text, reason=reason)
            return None
        return word.text

    def project(self, word: Word) -> str | None:
        """The word as a project's name; reports BAD_NAME."""
        return self.name(word, "project", names.refuse_label)

    def in_project(self, word: Word, what: str, refuse: Refuse) -> tuple[str, str] | None:
        """The word as `PROJECT/NAME`; reports BAD_NAME."""
        project, slash, name = word.text.partition("/")
        reason = None if slash else f"write it with its project, as in shop/{what.replace(' ', '-')}-1"
        reason = reason or names.refuse_label(project) or refuse(name)
        if reason:
            self.report(codes.BAD_NAME, word.place, what=what, name=word.text, reason=reason)
            return None
        return project, name

    def number(self, word: Word, what: str, low: int, high: int) -> int | None:
        """The word as a number from `low` to `high`; reports WRONG_TYPE and BAD_NUMBER."""
        if not (word.text.isascii() and word.text.isdigit()):
            found = repr(word.text[:MAX_DIGITS])
            self.report(codes.WRONG_TYPE, word.place, field=what, expected="a number", found=found)
            return None
        value = digits(word.text)
        if value is None or not low <= value <= high:
            self.report(codes.BAD_NUMBER, word.place, what=what, value=word.text, low=low, high=high)
            return None
        return value

    def address(self, word: Word) -> int | None:
        """The word as an IPv4 address; reports BAD_ADDRESS."""
        try:
            return parse_address(word.text)
        except ValueError:
            self.report(codes.BAD_ADDRESS, word.place, value=word.text)
            return None

    def addresses(self, words: Iterable[Word], what: str) -> dict[int, Word]:
        """The words as IPv4 addresses; reports BAD_ADDRESS, and DUPLICATE for one that comes again."""
        found: dict[int, Word] = {}
        for word in words:
            address = self.address(word)
            if address is None:
                continue
            if found.setdefault(address, word) is not word:
                self.report(codes.DUPLICATE, word.place, what=what, name=word.text)
        return found

    def network(self, word: Word) -> Prefix | None:
        """The word as a network `A.B.C.D/N`; reports BAD_CIDR, and HOST_BITS as a warning (NP-19)."""
        try:
            prefix, host_bits = Prefix.parse(word.text)
        except ValueError:
            self.report(codes.BAD_CIDR, word.place, value=word.text)
            return None
        if host_bits:
            self.report(codes.HOST_BITS, word.place, value=word.text, network=prefix)
        return prefix

    def network_or_address(self, word: Word) -> Prefix | None:
        """As `network`; an address without a length is a network of its own."""
        if "/" in word.text:
            return self.network(word)
        address = self.address(word)
        return None if address is None else Prefix(address, WIDTH)

    def labels(self, items: Iterable[syntax.NodeItem | syntax.ProjectItem | syntax.PodItem]) -> Labels | None:
        """What the `labels` item says, None without one; reports BAD_LABEL, and DUPLICATE for a key again."""
        item = first(items, syntax.Labels)
        if item is None:
            return None
        pairs: dict[str, str] = {}
        for label in item.labels:
            key, value = self.label_key(label.key), self.label_value(label.value)
            if label.key.text in pairs:
                self.report(codes.DUPLICATE, label.place, what="label", name=label.key.text)
            if key is not None and value is not None:
                pairs[key] = value
        return Labels(pairs)

    def label_key(self, word: Word) -> str | None:
        """The word as a label's key; reports BAD_LABEL."""
        return self._label(word, "label key", names.refuse_label_key)

    def label_value(self, word: Word) -> str | None:
        """The word as a label's value; reports BAD_LABEL."""
        return self._label(word, "label value", names.refuse_label_value)

    def _label(self, word: Word, what: str, refuse: Refuse) -> str | None:
        if reason := refuse(word.text):
            self.report(codes.BAD_LABEL, word.place, what=what, value=word.text, reason=reason)
            return None
        return word.text

    def selector(self, selector: syntax.Selector) -> Selector:
        """The label selector; a requirement with an error in it is reported and left out."""
        found = (self._requirement(requirement) for requirement in selector.requirements)
        return Selector(requirement for requirement in found if requirement)

    def _requirement(self, requirement: syntax.Requirement) -> Requirement | None:
        match requirement:
            case syntax.Equals(value=value):
                operator, words = Operator.IN, [value]
            case syntax.Differs(value=value):
                operator, words = Operator.NOT_IN, [value]
            case syntax.OneOf(values=values):
                operator, words = Operator.IN, [*values]
            case syntax.NoneOf(values=values):
                operator, words = Operator.NOT_IN, [*values]
            case syntax.Exists():
                operator, words = Operator.EXISTS, []
            case syntax.Absent():
                operator, words = Operator.DOES_NOT_EXIST, []
        key = self.label_key(requirement.key)
        texts = [self.label_value(word) for word in words]
        if key is None or None in texts:
            return None
        return Requirement(key, operator, (text for text in texts if text is not None))
