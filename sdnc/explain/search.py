"""The places of a line in a bundle, what the bundle itself says of them, and the statements behind them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import PurePosixPath

from attrs import frozen

from sdnc.explain.bundle import BundleFile, Told, jumps_of, ports_of
from sdnc.explain.lines import (
    BRIDGE_PORTS,
    ChainMeaning,
    FlowMeaning,
    GroupMeaning,
    Meaning,
    PlainMeaning,
    RuleMeaning,
    meaning,
    says,
)
from sdnc.explain.statements import Statement

MAX_NEAREST = 5
"""Lines that are shown when there is none like the one asked for."""
MAX_COMPARED = 2000
"""Lines that are compared for that, those of about the same length: comparing one takes some 50 µs."""

_SCRIPT = ".sh"
_SPLIT = re.compile(r"[^A-Za-z0-9_./:-]+")


@frozen
class Place:
    """A line of a bundle: the file, the line's number (from 1) and text, and what the file says that it is for."""

    file: BundleFile
    number: int
    text: str
    about: tuple[str, ...]


@frozen
class Explained:
    """Lines of one text that the same statements ask for."""

    text: str
    about: tuple[str, ...]
    places: tuple[Place, ...]
    statements: tuple[Statement, ...]


class NotTold(Exception):
    """The statements are not known."""


def find(files: Sequence[BundleFile], line: str) -> tuple[Place, ...]:
    """The places of a line.  If no line says the same, those that have the question as a word: an address, a chain, a
    set of addresses.  Raises `BadBundle`.
    """
    word = line.strip()
    if not word:
        return ()
    asked: dict[str | None, Meaning] = {
        node: meaning(line, {**ports_of(files, node), **BRIDGE_PORTS}) for node in {file.node for file in files}
    }
    found = [
        Place(file, number, text, _about(file, number))
        for file in files
        for number, text in _candidates(file, asked[file.node])
    ]
    if not found and re.fullmatch(r"[A-Za-z0-9_./:-]{3,}", word):
        found = [
            Place(file, number, text.strip(), _about(file, number))
            for file in files
            for number, text in enumerate(file.lines, 1)
            if word in text and not text.lstrip().startswith("#") and word in _SPLIT.split(text)
        ]
    return tuple(found)


def _candidates(file: BundleFile, asked: Meaning) -> Iterator[tuple[int, str]]:
    """The lines of a file that say what is asked for."""
    start: tuple[str, ...]
    match asked:
        case FlowMeaning(table, priority):
            # The bundle has one way to write a flow; reading all of them would take seconds.
            start = (f"table={table}, priority={priority},", f"table={table}, priority={priority} ")
        case GroupMeaning(number):
            start = (f"add_or_mod group_id={number},",)
        case RuleMeaning(words):
            start = (f"-A {words[0]} ",)
            for at, rule in _jumps(file):
                if says(asked, meaning(rule, {})):
                    yield at, rule
        case ChainMeaning(name):
            start = (f":{name} ",)
        case PlainMeaning(text):
            start = (text.partition(" ")[0], f'"{text}"')
    for number, line in enumerate(file.lines, 1):
        bare = line.strip()
        if bare.startswith(start) and _same(asked, bare):
            yield number, bare


def _same(asked: Meaning, line: str) -> bool:
    if isinstance(asked, PlainMeaning) and line.removesuffix(",") == f'"{asked.text}"':
        return True
    return says(asked, meaning(line, {}))


def _jumps(file: BundleFile) -> Iterator[tuple[int, str]]:
    """The jumps from other people's chains, as rules, where `node.json` has them."""
    if PurePosixPath(file.path).name != "node.json":
        return
    numbers = {line.strip().removesuffix(","): number for number, line in enumerate(file.lines, 1)}
    for tables in jumps_of(file):
        for chains in tables.values():
            for chain, rules in chains.items():
                for rule in rules:
                    yield numbers.get(json.dumps(rule), 1), f"-A {chain} {rule}"


def _about(file: BundleFile, number: int) -> tuple[str, ...]:
    """What the file says of a line: its table, its chain, the comment above it."""
    path = PurePosixPath(file.path)
    if path.suffix in (_SCRIPT, ".json", ".yaml"):
        return ()
    above = file.lines[number - 2 :: -1] if number > 1 else ()
    comment = next((line.strip()[1:].strip() for line in above if line.strip().startswith("#")), "")
    if path.name == "flows.txt":
        headline = next((line[2:] for line in above if line.startswith("# Table ")), "")
        return tuple(dict.fromkeys(told for told in (headline, comment) if told))
    if path.suffix == ".rules":
        table = next((line[1:] for line in above if line.startswith("*")), "")
        chain = re.match(r"(?:-A |:)(\S+)", file.lines[number - 1].strip())
        return (f"table {table}{f', chain {chain[1]}' if chain else ''}",) if table else (comment,)
    return (comment,) if comment else ()


def nearest(files: Iterable[BundleFile], line: str) -> tuple[str, ...]:
    """The lines that look most like one that is nowhere, each once (difflib, Ratcliff and Obershelp)."""
    wanted = " ".join(line.split())
    start, end = "", ""
    if flow := re.search(r"\btable=([0-9]+)", wanted):
        # Of a big bundle the lines of that table are enough to look at.
        wanted = re.sub(r".*?\btable=([0-9]+),.*?(priority=)", r"table=\1, \2", wanted)
        start, end = f"table={flow[1]},", "" if "actions=" in wanted else " actions="
    lines = {
        text.partition(end)[0] if end else text: text
        for file in files
        for each in file.lines
        if (text := each.strip()) and not text.startswith("#") and text.startswith(start)
    }
    near = sorted(lines, key=lambda text: abs(len(text) - len(wanted)))[:MAX_COMPARED]
    return tuple(lines[text] for text in get_close_matches(wanted, near, MAX_NEAREST, 0.5))


def explain(places: Iterable[Place], told: Told) -> tuple[tuple[Explained, ...], Mapping[str, str]]:
    """The statements behind each place; places of equal text and statements together, in the order of the bundle.  Also
    the digests of the sources that they are in.

    Raises `NotTold`, and what `told` raises.
    """
    known = cache(told)
    digests: dict[str, str] = {}
    grouped: dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[Place]] = {}
    for place in places:
        provenance = known(place.file.node)
        if provenance is None:
            raise NotTold
        digests.update(provenance.sources)
        statements = provenance.statements(place.file.path, place.number)
        grouped.setdefault((place.text, place.about, statements), []).append(place)
    found = tuple(
        Explained(text, about, tuple(same), tuple(map(Statement.parse, statements)))
        for (text, about, statements), same in grouped.items()
    )
    return found, digests
