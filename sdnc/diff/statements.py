"""Which statement asked for a line: what the changed lines of two versions are grouped by.

A line has several statements: the pod, the policies that speak of it.  If one of them is what changed, the line is its;
if nothing else changed at all, so are the lines that only have another number now.
Between two sets of sources a statement is known by its kind and name (`policy shop/api`), so that one that only stands
on another line is the same.  In bundles it is known by its place; which old place is which new one is learned from the
lines that both have.  A bundle without provenance has nothing but its comments.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping

from attrs import field, frozen

from backends.lines import File
from compiler.declarations import (
    AdminRules,
    ClusterDeclaration,
    Declaration,
    EgressFirewall,
    EgressRouter,
    Endpoints,
    HostClaim,
    InterfaceDeclaration,
    NetIdStatement,
    NetworkPolicy,
    NodeDeclaration,
    Pod,
    ProjectDeclaration,
    Route,
    Service,
)
from compiler.origin import Origin, Path, Source, Span
from sdnc.diff.lines import Line
from sdnc.provenance import Provenance, lines_of


@frozen
class Statement:
    """Who asked for a line.

    `key` tells statements apart, `text` is what people call it, `place` where it stands (`FILE:LINE`; "" if nobody
    knows).  Of several statements of a line that changed, the one with the lowest `rank` has it.
    """

    key: str
    text: str = field(eq=False)
    rank: int = field(eq=False, default=0)
    origin: Origin | None = field(eq=False, default=None, repr=False)
    known_place: str = field(eq=False, default="", repr=False)

    @property
    def place(self) -> str:
        """Found only when asked: in objects it takes a scan of the file."""
        return self.known_place or ("" if self.origin is None else place_of(self.origin))


def place_of(origin: Origin) -> str:
    """`FILE:LINE`."""
    return f"{origin.source.name}:{origin.span().line}"


_WORDS: Mapping[type[Declaration], tuple[int, Callable[..., str]]] = {
    NetworkPolicy: (0, lambda policy: f"policy {policy.project}/{policy.name}"),
    EgressFirewall: (0, lambda firewall: f"firewall {firewall.project}"),
    AdminRules: (0, lambda block: f"admin-rules {block.name}"),
    EgressRouter: (1, lambda router: f"egress-router {router.project}/{router.name}"),
    Pod: (2, lambda pod: f"pod {pod.project}/{pod.name}"),
    Service: (3, lambda service: f"service {service.project}/{service.name}"),
    Endpoints: (3, lambda endpoints: f"endpoints {endpoints.project}/{endpoints.name}"),
    Route: (3, lambda route: f"route {route.project}/{route.name}"),
    HostClaim: (3, lambda claim: f"{claim.kind.lower()} {claim.project}/{claim.name}"),
    InterfaceDeclaration: (3, lambda interface: f"interface {interface.interface}"),
    NetIdStatement: (4, lambda statement: statement.action.value),
    ProjectDeclaration: (5, lambda project: f"project {project.name}"),
    NodeDeclaration: (6, lambda node: f"node {node.name}"),
    ClusterDeclaration: (7, lambda cluster: "cluster"),
}
"""What each kind of statement is called, in the words of the policy language, and its rank."""


@frozen
class Declared:
    """The statements of one version: found by a place inside of them, and compared by what they say."""

    _by_key: Mapping[str, tuple[Declaration, ...]]
    _by_path: Mapping[tuple[Source, Path], Statement]
    _by_span: Mapping[str, tuple[list[Span], list[Statement]]]

    @classmethod
    def of(cls, declarations: Iterable[Declaration]) -> Declared:
        """The index of all declarations of a version."""
        by_key: dict[str, list[Declaration]] = defaultdict(list)
        by_path: dict[tuple[Source, Path], Statement] = {}
        spans: dict[str, dict[Span, Statement]] = defaultdict(dict)
        for declaration in declarations:
            rank, words = _WORDS[type(declaration)]
            text = words(declaration)
            by_key[text].append(declaration)
            origin = declaration.origin
            statement = Statement(text, text, rank, origin)
            if isinstance(origin.at, Span):
                spans[origin.source.name][origin.at] = statement
            else:
                by_path[origin.source, origin.at] = statement
        by_span = {name: (sorted(starts), [starts[span] for span in sorted(starts)]) for name, starts in spans.items()}
        return cls({key: tuple(same) for key, same in by_key.items()}, by_path, by_span)

    def statement(self, origin: Origin) -> Statement:
        """The statement that a place lies in; a place that lies in none stands for itself."""
        found = self._in_span(origin.source.name, origin.at) if isinstance(origin.at, Span) else self._in_path(origin)
        if found is None:
            place = place_of(origin)
            return Statement(place, "", 8, origin)
        return found

    def _in_span(self, name: str, span: Span) -> Statement | None:
        starts, statements = self._by_span.get(name, ([], []))
        before = bisect_right(starts, (span.line, span.column), key=lambda start: (start.line, start.column))
        return statements[before - 1] if before else None

    def _in_path(self, origin: Origin) -> Statement | None:
        path = origin.at
        assert isinstance(path, tuple)
        prefixes = (path[:length] for length in range(len(path), -1, -1))
        return next((found for prefix in prefixes if (found := self._by_path.get((origin.source, prefix)))), None)

    def named(self, key: str) -> Statement | None:
        """The statement of this kind and name; the first, if there are several."""
        same = self._by_key.get(key)
        return None if same is None else Statement(key, key, 0, same[0].origin)

    def changed_from(self, old: Declared) -> frozenset[str]:
        """The keys of the statements that say something else, or are in one of the two versions only."""
        keys = self._by_key.keys() | old._by_key.keys()
        return frozenset(key for key in keys if self._by_key.get(key) != old._by_key.get(key))


Behind = Callable[[Line], tuple[Statement, ...]]
"""The statements behind each line of one node's files."""


def behind_files(files: Mapping[str, File], statement: Callable[[Origin], Statement]) -> Behind:
    """Of files that were made just now, by their paths; `statement` gives the statement that an origin is told as."""
    known: dict[str, tuple[list[str], dict[str, tuple[Origin, ...]]]] = {}

    def of_line(line: Line) -> tuple[Statement, ...]:
        file = files[line.path]
        if line.path not in known:
            known[line.path] = file.text.splitlines(), lines_of({line.path: file})[line.path]
        texts, told = known[line.path]
        origins = told.get(texts[line.number - 1].strip()) or file.origins
        return tuple({statement(origin): None for origin in origins})

    return of_line


def behind_places(provenance: Provenance, folder: str) -> Behind:
    """Of the files below a folder of a bundle (`nodes/node-1/`), which has provenance."""

    def of_line(line: Line) -> tuple[Statement, ...]:
        try:
            return tuple(map(placed, provenance.statements(f"{folder}{line.path}", line.number)))
        except ValueError:  # it is about another folder
            return ()

    return of_line


def placed(place: str) -> Statement:
    """A statement of which only the place is known, `FILE:LINE:COLUMN`."""
    return Statement(place, "", 0, None, place.rpartition(":")[0])


def nothing_behind(_line: Line) -> tuple[Statement, ...]:
    """What a bundle without provenance tells."""
    return ()


def by_comment(line: Line) -> Statement:
    """The group that a line belongs to by what the file says of it, for bundles without provenance."""
    return Statement(f"comment {line.comment}", line.comment)


def chosen(statements: Collection[Statement], changed: Callable[[str], bool]) -> Statement | None:
    """Of the statements behind a line the one that it is told with: one that changed, if there is."""
    return min(
        statements,
        key=lambda statement: (not changed(statement.key), statement.rank, statement.text, statement.key),
        default=None,
    )


def moved_places(lines: Iterable[tuple[Line, Line]], old: Behind, new: Behind) -> dict[str, str]:
    """From old to new keys of statements, as the lines (old and new) that both versions have tell them."""
    moved: dict[str, str] = {}
    for line, same in lines:
        before, after = old(line), new(same)
        if len(before) == len(after):
            for one, other in zip(before, after, strict=True):
                moved.setdefault(one.key, other.key)
    return moved
