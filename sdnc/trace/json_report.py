"""A trace as JSON.  The schema is in docs/trace.md; fields are added, never changed."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.trace import Path, Step, Trace
from compiler.trace.question import End, Traffic
from compiler.trace.steps import Advice
from compiler.values.prefix import format_address
from sdnc.report.json_report import place
from sdnc.trace.text import advice_text
from sdnc.trace.walking import Hop, Line


def trace_report(trace: Trace, hops: Sequence[tuple[Hop, ...]], *, why_not: bool) -> dict[str, object]:
    """A trace as values of JSON; `hops` are the flows of each of its paths."""
    report: dict[str, object] = {
        "schema": 1,
        "verdict": _verdict(allowed=trace.allowed),
        "from": trace.asked.sender,
        "to": trace.asked.destination,
        "port": str(trace.asked.traffic),
        "paths": [_path(path, met) for path, met in zip(trace.paths, hops, strict=True)],
    }
    if why_not:
        report["why_not"] = [_denial(path, step) for path in trace.paths for step in path.denials]
    return report


def _verdict(*, allowed: bool) -> str:
    return "allowed" if allowed else "denied"


def _path(path: Path, hops: Sequence[Hop]) -> dict[str, object]:
    return {
        "verdict": _verdict(allowed=path.allowed),
        "from": list(path.sources),
        "to": list(path.destinations),
        "example": {
            "from": format_address(path.source.address),
            "to": format_address(path.destination.address) if path.destination.address else None,
            "port": str(path.traffic),
            "service": _service(*path.asked) if path.asked else None,
        },
        "steps": [_step(step) for step in path.met],
        "flows": [
            {"node": hop.node, "arrival": hop.arrival, "lines": [_line(line) for line in hop.lines]} for hop in hops
        ],
    }


def _service(called: End, traffic: Traffic) -> dict[str, object]:
    return {"address": format_address(called.address), "port": str(traffic)}


def _step(step: Step) -> dict[str, object]:
    return {
        "step": step.kind.value,
        "decision": step.decision.value,
        "text": step.text,
        "statements": [place(origin) for origin in dict.fromkeys(step.origins)],
    }


def _line(line: Line) -> dict[str, object]:
    return {
        "file": line.file,
        "line": line.number,
        "table": line.table,
        "text": line.text,
        "statements": [place(origin) for origin in dict.fromkeys(line.origins)],
    }


def _denial(path: Path, step: Step) -> dict[str, object]:
    return {
        "from": list(path.sources),
        "to": list(path.destinations),
        **_step(step),
        "suggestions": [_suggestion(advice) for advice in step.advice],
        "no_suggestion": step.no_advice or None,
    }


def _suggestion(advice: Advice) -> dict[str, object]:
    return {
        "text": advice_text(advice),
        "how": advice.how.value,
        "rule": advice.rule,
        "owner": advice.owner or None,
        "place": place(advice.place),
    }
