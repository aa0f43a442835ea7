"""OUT-05: whatever the input says, nothing gets into a rule, a script or a path that is not data there.

Every value and every key of objects of all kinds, every word of the policy language, and everything in a DNS lock file
is replaced by each string of a corpus.  Either the border refuses it with a diagnostic, or what comes out has the form
that it always has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path as FilePath

import pytest

from compiler.declarations import Declaration
from compiler.diagnostics import Diagnostics
from compiler.dns_lock import DnsLock, LockedName
from compiler.options import BrokenEgress, Options
from compiler.pipeline import compile_declarations
from compiler.sources import read_texts
from compiler.values.prefix import parse_address
from sdnc.options import read_options
from tests.compiling import node_files
from tests.promises.forms import check_form
from tests.promises.hostile import (
    HOSTILE,
    INTERFACES,
    LANGUAGE,
    LOCK,
    NAMES,
    NO_NAMES,
    OBJECTS,
    Path,
    as_texts,
    places,
    replaced,
)

pytestmark = pytest.mark.behaviour("OUT-05")

EVERY_NAME = Options(
    DnsLock(
        "dns.lock",
        {
            name: LockedName(name, tuple(map(parse_address, addresses)), (), 300, "2026-03-01T12:00:00Z", "192.0.2.53")
            for name, addresses in (NAMES | {text: ["192.0.2.66"] for text in HOSTILE}).items()
        },
    ),
    BrokenEgress.DROP,
)
"""A lock that knows hostile names, too: the source has to refuse them."""


def files_or_none(
    texts: Mapping[str, str], options: Options = EVERY_NAME, known: Iterable[Declaration] = ()
) -> dict[str, dict[str, str]] | None:
    """The files of each node, or None if there were errors; `known` are declarations besides those of the texts."""
    diagnostics = Diagnostics()
    compilation = compile_declarations([*known, *read_texts(texts, diagnostics)], diagnostics, options)
    for found in diagnostics.sorted():
        assert found.message.isprintable()
    if compilation is None:
        assert diagnostics.failed
        return None
    return node_files(compilation)


@cache
def usual() -> dict[str, str]:
    """The files of the node for the objects as they are."""
    files = files_or_none(as_texts(OBJECTS))
    assert files is not None
    return files["node-1"] | {"groups.txt": files["node-1"].get("groups.txt", "")}


@cache
def declared(kind: str) -> tuple[Declaration, ...]:
    """What an object declares as it is; reading it once saves half of the time."""
    return read_texts(as_texts({kind: OBJECTS[kind]}), Diagnostics())


def check(files: Mapping[str, Mapping[str, str]] | None) -> None:
    """What came out, if anything did, has the form that it always has."""
    for node, texts in (files or {}).items():
        check_form(node, texts, usual())


FIELDS = [
    (kind, path, is_key)
    for kind, each in OBJECTS.items()
    for path, is_key in places(each)
    if not kind.startswith("another") or "egressCIDRs" in path
]


def label(value: object) -> str | None:
    return ".".join(map(str, value)) if isinstance(value, tuple) else None


def test_the_objects_themselves_compile() -> None:
    check({"node-1": usual()})

    assert len(FIELDS) > 120
    assert len(re.findall("type=select", usual()["groups.txt"])) == 1
    assert len(re.findall("-j (?:MARK|SNAT|REJECT)", usual()["iptables.rules"])) >= 8
    assert "egress_ips='192.168.0.50 192.168.0.51'" in usual()["addresses.sh"]
    assert [table for table in (99, 100, 101, 110, 120) if f"\ntable={table}," not in usual()["flows.txt"]] == []
    assert "shop/web" in usual()["ports.json"]
    assert files_or_none({"a.sdn": LANGUAGE}) is not None


NAMED = ("name", "namespace", "host", "netname", "nodeName", "key", "dnsName", "cidrSelector")


def is_name(kind: str, path: Path, is_key: bool) -> bool:
    """Whether a field is a name or a label that gets into the output; names of containers and annotations do not."""
    if "annotations" in path or path[-3:-1] == ("containers", 0) or (kind == "Service" and "ports" in path):
        return False
    return is_key or path[-1] in NAMED or "matchLabels" in path or "values" in path


@pytest.mark.parametrize(("kind", "path", "is_key"), FIELDS, ids=label)
def test_hostile_values_in_every_field_of_every_kind(kind: str, path: Path, is_key: bool) -> None:
    known = [one for other in OBJECTS if other != kind for one in declared(other)]
    for text in HOSTILE:
        hostile = as_texts({kind: replaced(OBJECTS[kind], path, is_key, text)})
        files = files_or_none(hostile, known=known)
        check(files)
        assert files is None or text not in NO_NAMES or not is_name(kind, path, is_key)


WORDS = sorted({word for word in re.findall(r"[^\s{}(),;=]+", LANGUAGE) if word != "="})


@pytest.mark.parametrize("word", WORDS)
def test_hostile_words_in_the_policy_language(word: str) -> None:
    """In quotes, where they are words, and bare, where they may be anything."""
    parts = re.split(rf"(?<![^\s{{}}(),;=]){re.escape(word)}(?![^\s{{}}(),;=])", LANGUAGE)
    assert len(parts) > 1
    for text in HOSTILE:
        check(files_or_none({"a.sdn": f'"{text}"'.join(parts)}))
    for text in NO_NAMES[::3]:
        check(files_or_none({"a.sdn": text.join(parts)}))


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_hostile_interfaces(text: str) -> None:
    for path, _ in places(INTERFACES):
        texts = as_texts(OBJECTS) | {"i.json": json.dumps(replaced(INTERFACES, path, False, text))}
        check(files_or_none(texts))


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_hostile_file_names(text: str) -> None:
    """The name of a file gets into messages only."""
    check(files_or_none({f"{text}.sdn": LANGUAGE}))
    check(files_or_none({f"{text}.sdn": f"{LANGUAGE}\nproject UPPER"}))


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_hostile_lock_files(tmp_path: FilePath, text: str) -> None:
    """A lock file is an input as any other; a name in it that nobody asks for is none of the output's."""
    lock = tmp_path / "dns.lock"
    for path, is_key in places(LOCK):
        lock.write_text(json.dumps(replaced(LOCK, path, is_key, text)))
        diagnostics = Diagnostics()

        options = read_options(lock, "error", diagnostics)

        assert all(found.message.isprintable() for found in diagnostics.sorted())
        assert diagnostics.failed or text not in NO_NAMES
        check(files_or_none({"a.sdn": LANGUAGE}, options))
