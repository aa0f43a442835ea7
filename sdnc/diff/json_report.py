"""A difference as JSON.  The schema is in docs/diff.md; fields are added, never changed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from compiler.compare.comparison import Comparison, Exit, NodeAt, Party, PodAt
from compiler.origin import Origin
from compiler.values.prefix import format_address
from compiler.values.services import Protocol, ServiceSet
from sdnc.diff.difference import Difference
from sdnc.diff.rules import RuleChanges
from sdnc.diff.words import ranges_text, summary
from sdnc.report.json_report import place

SCHEMA = 1


def json_text(difference: Difference) -> str:
    """The whole difference, in a fixed order."""
    meaning, rules = difference.meaning, difference.rules
    report = {
        "schema": SCHEMA,
        "same": difference.same,
        "summary": summary(difference),
        "notes": list(difference.notes),
        "meaning": None if meaning is None else _meaning(meaning, difference),
        "rules": None if rules is None else _rules(rules),
    }
    return json.dumps(report, indent=2, ensure_ascii=False) + "\n"


def _meaning(meaning: Comparison, difference: Difference) -> dict[str, object]:
    def statements(old: Iterable[Origin | None], new: Iterable[Origin | None]) -> dict[str, object]:
        return {"old": _statements(old, True, difference), "new": _statements(new, False, difference)}

    return {
        "same": meaning.same,
        "settings": [{"what": each.what, "old": each.old, "new": each.new} for each in meaning.settings],
        "connections": [
            {
                "becomes": "allowed" if each.allowed else "denied",
                "sources": _party(each.sources),
                "destinations": _party(each.destinations),
                "services": _services(each.services),
                "but_at_own_node": _services(each.but),
                "statements": statements(each.old, each.new),
            }
            for each in meaning.connections
        ],
        "ways_out": [
            {
                "project": each.project,
                "pods": _party(each.pods),
                "old": _exits(each.old),
                "new": _exits(each.new),
                "statements": statements(each.old_origins, each.new_origins),
            }
            for each in meaning.sources
        ],
        "admin_rules": [
            {
                "sources": _party(each.sources),
                "destinations": _party(each.destinations),
                "services": _services(each.services),
                "but_local": each.but_local,
                "old": list(each.old),
                "new": list(each.new),
                "statements": statements(each.old_origins, each.new_origins),
            }
            for each in meaning.handling
        ],
        "multicast": [
            {
                "becomes": "allowed" if each.allowed else "denied",
                "sources": _party(each.sources),
                "destinations": _party(each.destinations),
                "statements": statements(each.old, each.new),
            }
            for each in meaning.multicast
        ],
        "egress_routers": [
            {
                "router": each.router,
                "changes": [{"what": what, "old": old, "new": new} for what, old, new in each.what],
                "statements": statements((each.old,), (each.new,)),
            }
            for each in meaning.routers
        ],
        "pods_added": _ends(meaning.pods_added),
        "pods_removed": _ends(meaning.pods_removed),
    }


def _party(party: Party) -> dict[str, object]:
    return {
        "text": party.text,
        "pods": _ends(party.pods),
        "nodes": _ends(party.nodes),
        "addresses": ranges_text(party.ranges),
    }


def _ends(ends: Sequence[PodAt | NodeAt]) -> list[dict[str, str]]:
    return [{"name": end.name, "address": format_address(end.address)} for end in ends]


def _services(services: ServiceSet) -> dict[str, object]:
    ports = {
        protocol.name.lower(): [{"first": first, "last": last} for first, last in services.ports(protocol).ranges]
        for protocol in Protocol
        if services.ports(protocol)
    }
    return {"text": str(services), "ports": ports, "other_protocols": services.other}


def _exits(exits: Iterable[Exit]) -> list[dict[str, object]]:
    return [{"address": format_address(each.address), "node": each.node, "egress_ip": each.egress_ip} for each in exits]


def _statements(origins: Iterable[Origin | None], old: bool, difference: Difference) -> list[dict[str, object]]:
    return [
        {"statement": difference.told(origin, old).text, "place": place(origin)}
        for origin in origins
        if origin is not None
    ]


def _rules(rules: RuleChanges) -> dict[str, object]:
    return {
        "same": rules.same,
        "known_by": rules.known_by.value,
        "added": rules.added,
        "removed": rules.removed,
        "nodes": list(rules.nodes),
        "nodes_added": [{"name": name, "rules": number} for name, number in rules.nodes_added],
        "nodes_removed": [{"name": name, "rules": number} for name, number in rules.nodes_removed],
        "statements": [
            {
                "statement": each.text,
                "place": each.place,
                "added": each.added,
                "removed": each.removed,
                "nodes": list(each.nodes),
                "lines": [
                    {
                        "change": "added" if line.added else "removed",
                        "where": line.where,
                        "text": line.text,
                        "nodes": list(line.nodes),
                    }
                    for line in each.lines
                ],
            }
            for each in rules.statements
        ],
    }
