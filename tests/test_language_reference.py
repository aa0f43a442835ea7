"""Every example of docs/language.md compiles without a word of complaint.

A block marked `sdn` stands on its own.  One marked `sdn continued` is compiled together with the first block of
the page, and nothing else.  The DNS names of the page are locked here.
"""

from __future__ import annotations

import re

import pytest
from attrs import frozen

from compiler.diagnostics import Diagnostics
from compiler.dns_lock import DnsLock, LockedName
from compiler.model.build import build_model
from compiler.options import Options
from compiler.sources import read_texts
from compiler.values.prefix import parse_address
from tests.paths import ROOT

PAGE = ROOT / "docs" / "language.md"
FENCE = re.compile(r"^```(?P<kind>[^\n]*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
STATEMENTS = (
    "addresses",
    "admin-rules",
    "cluster",
    "egress-router",
    "firewall",
    "global",
    "isolate",
    "join",
    "node",
    "pod",
    "policy",
    "project",
    "service",
    "services",
)


ADDRESSES = {"intranet": "198.51.100.20", "ntp.example.com": "198.51.100.21", "www.example.com": "198.51.100.22"}
LOCK = DnsLock(
    "dns.lock",
    {
        name: LockedName(name, (parse_address(address),), (), 300, "2026-03-01T12:00:00Z", "192.0.2.53")
        for name, address in ADDRESSES.items()
    },
)


@frozen
class Block:
    """A code block of the page: the line of its fence, what the fence says, and the text."""

    line: int
    kind: str
    text: str


def blocks() -> list[Block]:
    page = PAGE.read_text()
    return [
        Block(page.count("\n", 0, match.start()) + 1, match["kind"], match["text"]) for match in FENCE.finditer(page)
    ]


EXAMPLES = [block for block in blocks() if block.kind.startswith("sdn")]


def findings(texts: dict[str, str]) -> list[str]:
    """What the compiler says to the files."""
    diagnostics = Diagnostics()
    build_model(read_texts(texts, diagnostics), diagnostics, Options(LOCK))
    return [f"{found.origin}: {found.message}" for found in diagnostics.sorted()]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda block: f"line {block.line}")
def test_example_compiles(example: Block) -> None:
    texts = {"example.sdn": example.text}
    if example.kind == "sdn continued":
        texts["first.sdn"] = EXAMPLES[0].text

    assert findings(texts) == []


def test_blocks_are_marked() -> None:
    assert {block.kind for block in blocks()} == {"sdn", "sdn continued", "text"}
    assert EXAMPLES[0].kind == "sdn"


@pytest.mark.parametrize("keyword", STATEMENTS)
def test_every_statement_has_an_example(keyword: str) -> None:
    assert any(re.search(rf"^{keyword}\b", example.text, re.MULTILINE) for example in EXAMPLES)
