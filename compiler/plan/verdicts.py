"""Peer classes of a node: the peers that no policy of its own pods tells apart, and what each class may.

The policy IR is about the whole cluster.  A node has to know only the subjects of its own pods.  Two peers that may
do the same to each of those subjects are one *class* there.  Each class that may do something gets a number, and one
verdict for each subject to which it may do more than everybody may.  So a node's rules are a sum (addresses, classes,
verdicts), never a product.

Example: `web` accepts tcp/80 from `shop`, `db` accepts tcp/5432 from the pods app=api of `shop`.  The classes are
{shop's pods app=api} with verdicts for `web` and `db`, {shop's other pods} with one for `web`, and everybody else,
class 0, with none.

How: each grant's set of peers is a *term*.  A cell's *signature* is the list of the terms that it is in; cells with
equal signatures cannot differ.  A signature's *column* is what it may do to each subject; signatures with equal
columns are one class.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from attrs import field, frozen

from compiler.ids import allocate, digest
from compiler.origin import Origin
from compiler.policy.bits import EVERYTHING, bits_of, members_of
from compiler.policy.ir import Grant, Subject
from compiler.values.services import EVERYTHING as EVERY_SERVICE
from compiler.values.services import NOTHING, ServiceSet

MAX_ID = (1 << 32) - 1
"""Numbers of classes and service sets are matched in 32-bit registers."""

NO_CLASS = 0
"""The class of all peers that may do only what everybody may; as a subject's number: not isolated."""

WORTHWHILE = 50
"""The verdicts that have to be saved before those are written that refuse.  A subject with such verdicts needs another
one whenever some other subject's policy makes a new class (OUT-02)."""

Signature = tuple[int, ...]
"""The terms that a cell is in, by position."""

Column = tuple[tuple[int, ServiceSet], ...]
"""What a peer may do: for each subject, by position, the services; where that is what everybody may, nothing."""


@frozen(slots=True)
class NumberedSubject:
    """A subject with its number, and what its policies say."""

    number: int
    text: str
    origins: tuple[Origin, ...] = field(eq=False)


@frozen(slots=True)
class PeerClass:
    """A class with its number, all expressions for the peers in it, and the rules that tell it apart."""

    number: int
    text: str
    origins: tuple[Origin, ...] = field(eq=False)


@frozen(slots=True)
class Verdict:
    """A class of peers (None: everybody of whom no other verdict speaks) may use `services` of a subject's pods, or
    nothing.
    """

    subject: int
    peers: int | None
    services: ServiceSet
    origins: tuple[Origin, ...] = field(eq=False)


@frozen
class Verdicts:
    """What a node decides in one direction.

    `subject_of` gives a local pod cell its subject's number (absent: not isolated), `class_of` a peer cell its class
    (absent: `NO_CLASS`), `service_ids` each service set of the verdicts its number, but for the sets of all and of no
    services.
    """

    subjects: tuple[NumberedSubject, ...] = ()
    classes: tuple[PeerClass, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    subject_of: Mapping[int, int] = field(factory=dict)
    class_of: Mapping[int, int] = field(factory=dict)
    service_ids: Mapping[ServiceSet, int] = field(factory=dict)


@frozen(slots=True)
class _Term:
    """A set of peers that grants speak of, with each grant and the position of its subject."""

    text: str
    cells: int
    uses: list[tuple[int, Grant]]


def decide(subjects: Iterable[Subject], local: int) -> Verdicts:
    """The classes and verdicts of a node whose pods are in the cells `local`; subjects of other nodes' pods do not
    count."""
    ours = sorted((s for s in subjects if s.cells & local), key=lambda subject: digest(subject.text))
    numbers = allocate((subject.text for subject in ours), 1, MAX_ID)
    terms = _terms(ours)
    signature_of = _signatures(terms)
    bases = [subject.base for subject in ours]
    columns = {signature: _column(signature, terms, bases) for signature in set(signature_of.values())}
    alike: dict[Column, list[Signature]] = defaultdict(list)
    for signature, column in columns.items():
        if column:
            alike[column].append(signature)
    words = _texts([signature for signature, column in columns.items() if column], terms)
    texts_of = {column: [words[s] for s in signatures] for column, signatures in alike.items()}
    # Of several texts the one with the lowest hash gives the number, so that one more rarely changes which.
    names = {column: min(texts, key=lambda text: (digest(text), text)) for column, texts in texts_of.items()}
    class_ids = {(): NO_CLASS} | _keyed(allocate(names.values(), 1, MAX_ID), names)
    classes = []
    rows: list[dict[int, Verdict]] = [{} for _ in ours]
    for column, signatures in alike.items():
        number = class_ids[column]
        uses = _uses(signatures, terms)
        origins = tuple(dict.fromkeys(origin for use in uses.values() for origin in use))
        classes.append(PeerClass(number, "; ".join(sorted(texts_of[column])), origins))
        for position, services in column:
            rows[position][number] = Verdict(numbers[ours[position].text], number, services, uses[position])
    all_classes = sorted(class_ids.values())
    verdicts = [
        verdict
        for subject, base, row in zip(ours, bases, rows, strict=True)
        for verdict in _shortest(subject, numbers[subject.text], base, row, all_classes)
    ]
    verdicts.sort(key=lambda verdict: (verdict.subject, -1 if verdict.peers is None else verdict.peers))
    sets = {v.services for v in verdicts if v.services not in (EVERY_SERVICE, NOTHING)}
    service_ids = allocate(map(str, sets), 1, MAX_ID)
    return Verdicts(
        subjects=tuple(NumberedSubject(numbers[s.text], s.text, s.origins) for s in ours),
        classes=tuple(sorted(classes, key=lambda peers: peers.number)),
        verdicts=tuple(verdicts),
        subject_of={cell: numbers[s.text] for s in ours for cell in members_of(s.cells & local)},
        class_of={cell: class_ids[columns[signature]] for cell, signature in signature_of.items()},
        service_ids={services: service_ids[str(services)] for services in sets},
    )


def _shortest(
    subject: Subject, number: int, base: ServiceSet, row: Mapping[int, Verdict], classes: Sequence[int]
) -> Iterator[Verdict]:
    """The fewest verdicts of a subject: one for the services that most classes may use, and one for each other class.

    `row` has the classes that may use more than `base`, which is what everybody may.  "All but one address" is granted
    to every class but one: then that one is what needs a verdict, which may be that it may use nothing.
    """
    counts = Counter(verdict.services for verdict in row.values())
    counts[base] += len(classes) - len(row)
    rest = max(counts, key=lambda services: (counts[services], services == base, str(services)))
    if counts[rest] < counts[base] + WORTHWHILE:
        rest = base
    if rest:
        yield Verdict(number, None, rest, _base_origins(subject) if rest == base else subject.origins)
    if rest == base:
        yield from row.values()
        return
    for peers in classes:
        verdict = row.get(peers) or Verdict(number, peers, base, subject.origins)
        if verdict.services != rest:
            yield verdict


def _keyed(ids: Mapping[str, int], names: Mapping[Column, str]) -> dict[Column, int]:
    return {column: ids[name] for column, name in names.items()}


def _terms(ours: Iterable[Subject]) -> list[_Term]:
    """The terms of all grants but those to everybody, sorted by text."""
    terms: dict[str, _Term] = {}
    for position, subject in enumerate(ours):
        for grant in subject.grants:
            if grant.peers.cells != EVERYTHING:
                term = terms.setdefault(grant.peers.text, _Term(grant.peers.text, grant.peers.cells, []))
                term.uses.append((position, grant))
    return [terms[text] for text in sorted(terms)]


def _signatures(terms: list[_Term]) -> dict[int, Signature]:
    """The signature of each cell that is in a term."""
    positions: dict[int, list[int]] = defaultdict(list)
    for position, term in enumerate(terms):
        for cell in members_of(term.cells):
            positions[cell].append(position)
    return {cell: tuple(inside) for cell, inside in positions.items()}


def _column(signature: Signature, terms: list[_Term], bases: list[ServiceSet]) -> Column:
    services: dict[int, ServiceSet] = {}
    for position in signature:
        for subject, grant in terms[position].uses:
            services[subject] = services.get(subject, bases[subject]) | grant.services
    return tuple(sorted((s, allowed) for s, allowed in services.items() if allowed != bases[s]))


def _texts(signatures: Collection[Signature], terms: list[_Term]) -> dict[Signature, str]:
    """Signatures in words: of each, its terms that include no other of its terms.

    They tell what signature it is, because whatever is in them is in all that include them.  And they stay when a
    policy comes that speaks of a wider set, such as the whole Internet.

    Sets of terms are integers, and two terms are compared once, however many signatures have both.
    """
    members = {signature: bits_of(signature) for signature in signatures}
    together: dict[int, int] = defaultdict(int)
    for signature, inside in members.items():
        for position in signature:
            together[position] |= inside
    narrower = {
        position: bits_of(other for other in members_of(others) if _narrower(terms, other, position))
        for position, others in together.items()
    }
    return {
        signature: " and ".join(terms[position].text for position in signature if not narrower[position] & inside)
        for signature, inside in members.items()
    }


def _narrower(terms: list[_Term], one: int, other: int) -> bool:
    """Whether term `one` includes less than term `other`, or the same and stands first."""
    inside, around = terms[one].cells, terms[other].cells
    return not inside & ~around and (inside != around or one < other)


def _uses(signatures: Iterable[Signature], terms: list[_Term]) -> dict[int, tuple[Origin, ...]]:
    """For each subject, the rules by which a class of signatures gets what it gets."""
    origins: dict[int, dict[Origin, None]] = defaultdict(dict)
    for position in sorted({position for signature in signatures for position in signature}):
        for subject, grant in terms[position].uses:
            origins[subject].update(dict.fromkeys(grant.origins))
    return {subject: tuple(found) for subject, found in origins.items()}


def _base_origins(subject: Subject) -> tuple[Origin, ...]:
    return tuple(o for grant in subject.grants if grant.peers.cells == EVERYTHING for o in grant.origins)
