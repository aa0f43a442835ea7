"""Hostile values in every position of the statements about what leaves the cluster: none passes the border (OUT-05)."""

from __future__ import annotations

import pytest

from compiler.diagnostics import Diagnostics
from compiler.sources.dsl import dsl_source, read_dsl

POSITIONS = [
    # the statement, and a value that is good in it
    ("cluster { platform VALUE }", "aws"),
    ("egress-router VALUE { source 192.0.2.9 gateway 192.0.2.1 fallback 192.0.2.7 }", "shop/r"),
    ("egress-router shop/r { source VALUE gateway 192.0.2.1 fallback 192.0.2.7 }", "192.0.2.9/24"),
    ("egress-router shop/r { source 192.0.2.9 gateway VALUE fallback 192.0.2.7 }", "192.0.2.1"),
    *(
        (f"egress-router shop/r {{ source 192.0.2.9 gateway 192.0.2.1 {items} }}", good)
        for items, good in [
            ("fallback 192.0.2.7 interface VALUE", "eth1"),
            ("fallback 192.0.2.7 node VALUE", "node-1"),
            ("fallback 192.0.2.7 nodes VALUE", "zone"),
            ("fallback 192.0.2.7 nodes VALUE=edge", "zone"),
            ("fallback 192.0.2.7 nodes zone=VALUE", "edge"),
            ("fallback 192.0.2.7 nodes zone notin (VALUE)", "edge"),
            ("fallback 192.0.2.7 deploy VALUE", "pod"),
            ("fallback 192.0.2.7 image VALUE", "a.b/c:d"),
            ("redirect VALUE to 192.0.2.7 port 80", "tcp/80"),
            ("redirect tcp/80 to VALUE port 80", "192.0.2.7"),
            ("redirect tcp/80 to 192.0.2.7 port VALUE", "80"),
            ("fallback VALUE", "192.0.2.7"),
            ("http-proxy { allow VALUE }", "*.example.com"),
            ("http-proxy { allow VALUE }", "192.0.2.0/24"),
            ("http-proxy { deny www.example.com, VALUE allow all }", "example.com"),
            ("dns-proxy { forward VALUE to example.com port 80 }", "tcp/80"),
            ("dns-proxy { forward tcp/80 to VALUE port 80 }", "example.com"),
            ("dns-proxy { forward tcp/80 to example.com port VALUE }", "80"),
        ]
    ),
    ("admin-rules VALUE { drop any from anyone to anyone }", "10-mail"),
    *(
        (f"admin-rules x {{ {items} }}", good)
        for items, good in [
            ("nodes zone=VALUE", "edge"),
            ("log VALUE any from anyone to anyone", "mail"),
            ("log mail at VALUE any from anyone to anyone", "1/second"),
            ("limit VALUE any from anyone to anyone", "1/second"),
            ("limit VALUE at once any from anyone to anyone", "1"),
            ("drop VALUE from anyone to anyone", "tcp/80"),
            ("drop any from VALUE to anyone", "192.0.2.0/24"),
            ("drop any from project VALUE to anyone", "shop"),
            ("drop any from anyone to VALUE", "192.0.2.0/24"),
            ("drop any from anyone to 192.0.2.0/24 except VALUE", "192.0.2.7"),
        ]
    ),
]

HOSTILE = [
    "'",
    '"',
    "`reboot`",
    "$(reboot)",
    "${HOME}",
    "\\",
    "\n",
    "\r",
    "\x00",
    "\x1b[31m",
    "\u2028",
    "é",
    "\nhttp_access allow all\n",
    "\n  server evil 203.0.113.66:80\n",
    '" -j ACCEPT #',
    "'; reboot; '",
    "\nCOMMIT\n",
]
"""What has no place in any value, alone or behind a good one."""

ARGUMENTS = ["-j ACCEPT", "--log-prefix", "-t nat", "-", "{{ 7 * 7 }} $1", "../../etc/passwd'"]
"""What is no value of its own; behind a good one in a log prefix it would be data."""


def failed(text: str) -> bool:
    diagnostics = Diagnostics()
    read_dsl([dsl_source("0.sdn", text)], diagnostics)
    assert all(found.message.isprintable() for found in diagnostics.sorted())
    return diagnostics.failed


@pytest.mark.parametrize(("statement", "good"), POSITIONS)
def test_the_good_value_is_good(statement: str, good: str) -> None:
    assert not failed(statement.replace("VALUE", good))
    assert not failed(statement.replace("VALUE", f'"{good}"'))


@pytest.mark.behaviour("OUT-05")
@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize(("statement", "good"), POSITIONS)
def test_quoted(statement: str, good: str, hostile: str) -> None:
    for value in (hostile, good + hostile, hostile + good, good + hostile + good):
        assert failed(statement.replace("VALUE", f'"{value}"'))


@pytest.mark.behaviour("OUT-05")
@pytest.mark.parametrize("hostile", ARGUMENTS)
@pytest.mark.parametrize(("statement", "good"), POSITIONS)
def test_arguments(statement: str, good: str, hostile: str) -> None:
    assert failed(statement.replace("VALUE", f'"{hostile}"'))
    assert failed(statement.replace("VALUE", hostile))


@pytest.mark.behaviour("OUT-05")
@pytest.mark.parametrize("hostile", ["'", "`reboot`", "$(reboot)", "\\", "\x00", '"', "'\nreboot\n'", ";reboot", "é"])
@pytest.mark.parametrize(("statement", "good"), POSITIONS)
def test_without_quotes(statement: str, good: str, hostile: str) -> None:
    assert failed(statement.replace("VALUE", good + hostile))
